//! Targets, authorities and declared types: RFC 9110 and RFC 3986 as far as they are told in a message.

use std::ops::Range;

/// Characters of a target that a label shows.
const LABEL_CHARS: usize = 256;

/// Where the pieces of a request target are in its bytes (RFC 9112 section 3.2).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Target {
    /// Authority of the absolute form, with userinfo and port.
    pub authority: Option<Range<usize>>,
    /// Path, as sent.
    pub path: Range<usize>,
    /// Query without `?`.
    pub query: Option<Range<usize>>,
}

impl Target {
    /// Takes a target apart: origin form, absolute form, or anything else as a path.
    pub fn of(bytes: &[u8]) -> Self {
        let start = match memchr::memmem::find(bytes, b"://") {
            Some(colon) if bytes.iter().take(colon).all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)) => {
                let from = colon.saturating_add(3);
                let rest = bytes.get(from..).unwrap_or_default();
                let len = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
                (Some(from..from.saturating_add(len)), from.saturating_add(len))
            }
            _ => (None, 0),
        };
        let (authority, path_at) = start;
        let rest = bytes.get(path_at..).unwrap_or_default();
        match memchr::memchr(b'?', rest) {
            Some(mark) => {
                let mark = path_at.saturating_add(mark);
                Self { authority, path: path_at..mark, query: Some(mark.saturating_add(1)..bytes.len()) }
            }
            None => Self { authority, path: path_at..bytes.len(), query: None },
        }
    }
}

/// The host of an authority: without userinfo, port and brackets, in lower case. `None` where there is none.
pub fn host_of(authority: &str) -> Option<String> {
    let authority = authority.trim();
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host_port.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => host_port.split_once(':').map_or(host_port, |(host, _)| host),
    };
    let host = host.trim_end_matches('.');
    let sane = !host.is_empty() && host.len() <= 255 && !host.chars().any(|c| c.is_control() || c.is_whitespace());
    sane.then(|| host.to_ascii_lowercase())
}

/// Whether a method is one that everybody sends: any other is its sender's own word.
pub fn is_known_method(method: &str) -> bool {
    crate::message::http::head::METHODS.contains(&method)
}

/// The label of a request: `POST api.example/v1/send`.
pub fn request_label(method: &str, host: &str, path: &[u8]) -> String {
    let path = String::from_utf8_lossy(path);
    let mut label = String::with_capacity(method.len() + host.len() + path.len().min(LABEL_CHARS) + 1);
    label.push_str(method);
    label.push(' ');
    label.push_str(host);
    if !host.is_empty() && path.starts_with(|c| c != '/') {
        label.push(' ');
    }
    let mut chars = path.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    label.extend(chars.by_ref().take(LABEL_CHARS));
    if chars.next().is_some() {
        label.push('…');
    }
    label
}

/// The label of a response: the status before the label of its request, where that is known.
pub fn response_label(status: u16, request: Option<&str>) -> String {
    request.map_or_else(|| format!("{status}"), |request| format!("{status} {request}"))
}

/// A declared media type: lower case, with its parameters, trimmed.
pub fn media_type(value: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(value).trim().to_ascii_lowercase();
    (!text.is_empty()).then_some(text)
}

/// The members of a comma-separated list, lower case, without parameters and empty members.
pub fn list(value: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(value).to_ascii_lowercase();
    let members: Vec<String> = text
        .split(',')
        .map(|member| member.split(';').next().unwrap_or_default().trim().to_owned())
        .filter(|member| !member.is_empty())
        .collect();
    members.into_iter()
}

/// The codings of a `Content-Encoding`, in the order they were applied; `identity` says nothing.
pub fn codings(value: &[u8]) -> impl Iterator<Item = String> {
    list(value).filter(|coding| coding != "identity")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_come_apart_in_all_their_forms() {
        let table: [(&str, Option<&str>, &str, Option<&str>); 8] = [
            ("/v1/send?a=b?c", None, "/v1/send", Some("a=b?c")),
            ("/", None, "/", None),
            ("*", None, "*", None),
            ("http://u:p@api.example:81/x?y", Some("u:p@api.example:81"), "/x", Some("y")),
            ("https://api.example", Some("api.example"), "", None),
            ("http://api.example?q", Some("api.example"), "", Some("q")),
            ("/go?to=http://other.example/", None, "/go", Some("to=http://other.example/")),
            ("", None, "", None),
        ];
        for (target, authority, path, query) in table {
            let got = Target::of(target.as_bytes());
            assert_eq!(got.authority.map(|r| &target[r]), authority, "{target}");
            assert_eq!(&target[got.path], path, "{target}");
            assert_eq!(got.query.map(|r| &target[r]), query, "{target}");
        }
    }

    #[test]
    fn hosts_lose_what_is_not_the_host() {
        let table = [
            ("Api.Example:8443", Some("api.example")),
            ("user:pw@api.example.", Some("api.example")),
            ("[2001:db8::1]:80", Some("2001:db8::1")),
            ("127.0.0.1", Some("127.0.0.1")),
            ("", None),
            ("a b", None),
        ];
        for (authority, host) in table {
            assert_eq!(host_of(authority).as_deref(), host, "{authority}");
        }
    }

    #[test]
    fn labels_are_bounded_and_printable() {
        let label = request_label("GET", "h", &[b'/'; 4000]);
        assert!(label.ends_with('…') && label.chars().count() < 300);
        assert_eq!(request_label("GET", "h", b"/a\x00b"), "GET h/a\u{fffd}b");
        assert_eq!(response_label(200, Some("GET h/")), "200 GET h/");
    }

    #[test]
    fn lists_are_read_in_order() {
        assert_eq!(codings(b" gzip , identity,BR;q=1,,").collect::<Vec<_>>(), ["gzip", "br"]);
    }
}
