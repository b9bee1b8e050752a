//! The head of an HTTP/1 message: start line and field lines (RFC 9112 sections 3 to 5), read as leniently as the
//! implementations that apps talk to.

use crate::bytes::Malformed;
use crate::model::budget::HEADERS;
use std::ops::Range;

/// Methods that make a line a request by themselves, wherever it starts.
pub const METHODS: [&str; 16] = [
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "CONNECT",
    "TRACE",
    "PROPFIND",
    "REPORT",
    "MKCOL",
    "NOTIFY",
    "M-SEARCH",
    "SUBSCRIBE",
    "QUERY",
];

/// Bytes of the longest method taken as one.
const METHOD_BYTES: usize = 32;

/// A start line; ranges are into the line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Start {
    /// `POST /v1/send HTTP/1.1`
    Request {
        /// The method, as sent.
        method: String,
        /// Where the target is.
        target: Range<usize>,
    },
    /// `HTTP/1.1 200 OK`
    Status {
        /// The status code.
        code: u16,
    },
}

/// One field line; the value is what is left of it without folding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Field {
    /// Lower case; empty for a line that has no colon.
    pub name: String,
    /// Bytes of the value.
    pub value: Vec<u8>,
    /// Where those bytes are in the head, in order; the lengths add up to the value's.
    pub spans: Vec<Range<usize>>,
}

/// A head, read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head {
    /// The start line.
    pub start: Start,
    /// The fields, in order.
    pub fields: Vec<Field>,
    /// Field lines over the budget, which were not read.
    pub skipped: usize,
}

/// RFC 9110 section 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// Reads a start line, with or without its line end.
pub fn start_line(line: &[u8]) -> Option<Start> {
    let line = trim_end(line);
    if let Some(rest) = line.strip_prefix(b"HTTP/1.") {
        let (minor, rest) = rest.split_first()?;
        let rest = rest.strip_prefix(b" ")?.trim_ascii_start();
        let (code, rest) = rest.split_at_checked(3)?;
        let ends = rest.first().is_none_or(|b| matches!(b, b' ' | b'\t'));
        let code: u16 = std::str::from_utf8(code).ok()?.parse().ok()?;
        return (minor.is_ascii_digit() && ends && (100..1000).contains(&code)).then_some(Start::Status { code });
    }
    let space = memchr::memchr(b' ', line)?;
    let method = line.get(..space)?;
    if method.is_empty() || method.len() > METHOD_BYTES || !method.iter().copied().all(is_token) {
        return None;
    }
    let last = memchr::memrchr(b' ', line)?;
    let minor = line.get(last..)?.strip_prefix(b" HTTP/1.")?;
    if !matches!(minor, [digit] if digit.is_ascii_digit()) {
        return None;
    }
    let between = line.get(space..last)?;
    let target = between.trim_ascii();
    let lead = between.len().saturating_sub(between.trim_ascii_start().len());
    let from = space.saturating_add(lead);
    // Broken clients leave spaces in targets; prose has them too.
    let spaces = target.contains(&b' ') && !known_method(line);
    if target.is_empty() || spaces || target.iter().any(u8::is_ascii_control) {
        return None;
    }
    let method = String::from_utf8_lossy(method).into_owned();
    Some(Start::Request { method, target: from..from.saturating_add(target.len()) })
}

/// Where the reason phrase of a response's head stands, if it is not the one that everybody sends with its code.
pub fn reason(head: &[u8], code: u16) -> Option<Range<usize>> {
    let line = memchr::memchr(b'\n', head).and_then(|end| head.get(..end)).map(trim_end)?;
    // `HTTP/1.1`, white space, and the code.
    let behind = line.get(8..)?;
    let lead = behind.len().saturating_sub(behind.trim_ascii_start().len());
    let from = lead.saturating_add(11);
    let phrase = trimmed(line.get(from..)?, from);
    let said = line.get(phrase.clone())?;
    let usual = |phrases: &[&str]| phrases.iter().any(|phrase| phrase.as_bytes().eq_ignore_ascii_case(said));
    (!said.is_empty() && !usual(usual_phrases(code))).then_some(phrase)
}

/// Reason phrases of RFC 9110 section 15, of what it replaces and of its extensions, by code.
const fn usual_phrases(code: u16) -> &'static [&'static str] {
    match code {
        100 => &["Continue"],
        101 => &["Switching Protocols", "Web Socket Protocol Handshake"],
        102 => &["Processing"],
        103 => &["Early Hints"],
        200 => &["OK", "Connection established", "Connected"],
        201 => &["Created"],
        202 => &["Accepted"],
        203 => &["Non-Authoritative Information"],
        204 => &["No Content"],
        205 => &["Reset Content"],
        206 => &["Partial Content"],
        207 => &["Multi-Status"],
        208 => &["Already Reported"],
        226 => &["IM Used"],
        300 => &["Multiple Choices"],
        301 => &["Moved Permanently"],
        302 => &["Found", "Moved Temporarily"],
        303 => &["See Other"],
        304 => &["Not Modified"],
        305 => &["Use Proxy"],
        307 => &["Temporary Redirect", "Internal Redirect"],
        308 => &["Permanent Redirect", "Resume Incomplete"],
        400 => &["Bad Request"],
        401 => &["Unauthorized"],
        402 => &["Payment Required"],
        403 => &["Forbidden"],
        404 => &["Not Found"],
        405 => &["Method Not Allowed"],
        406 => &["Not Acceptable"],
        407 => &["Proxy Authentication Required"],
        408 => &["Request Timeout", "Request Time-out"],
        409 => &["Conflict"],
        410 => &["Gone"],
        411 => &["Length Required"],
        412 => &["Precondition Failed"],
        413 => &["Content Too Large", "Payload Too Large", "Request Entity Too Large"],
        414 => &["URI Too Long", "Request-URI Too Long"],
        415 => &["Unsupported Media Type"],
        416 => &["Range Not Satisfiable", "Requested Range Not Satisfiable"],
        417 => &["Expectation Failed"],
        421 => &["Misdirected Request"],
        422 => &["Unprocessable Content", "Unprocessable Entity"],
        423 => &["Locked"],
        424 => &["Failed Dependency"],
        425 => &["Too Early"],
        426 => &["Upgrade Required"],
        428 => &["Precondition Required"],
        429 => &["Too Many Requests"],
        431 => &["Request Header Fields Too Large"],
        451 => &["Unavailable For Legal Reasons"],
        500 => &["Internal Server Error"],
        501 => &["Not Implemented"],
        502 => &["Bad Gateway"],
        503 => &["Service Unavailable", "Service Temporarily Unavailable"],
        504 => &["Gateway Timeout", "Gateway Time-out"],
        505 => &["HTTP Version Not Supported"],
        507 => &["Insufficient Storage"],
        511 => &["Network Authentication Required"],
        _ => &[],
    }
}

/// Whether these first bytes may still become a start line; `None` when they are one already, up to a line end.
pub fn may_start(bytes: &[u8]) -> Option<bool> {
    if let Some(end) = memchr::memchr(b'\n', bytes) {
        return if start_line(bytes.get(..end)?).is_some() { None } else { Some(false) };
    }
    let status = b"HTTP/1.";
    let common = status.len().min(bytes.len());
    if bytes.get(..common) == status.get(..common) {
        return Some(true);
    }
    let method = bytes.iter().position(|b| *b == b' ').unwrap_or(bytes.len());
    let head = bytes.get(..method).unwrap_or_default();
    let tokens = head.iter().copied().all(is_token) && head.len() <= METHOD_BYTES && (method > 0 || bytes.is_empty());
    let target = bytes.get(method..).unwrap_or_default();
    let target = target.strip_suffix(b"\r").unwrap_or(target);
    Some(tokens && !target.iter().any(u8::is_ascii_control))
}

/// Whether a line starts with a method that everyone knows.
pub fn known_method(line: &[u8]) -> bool {
    METHODS.iter().any(|method| line.strip_prefix(method.as_bytes()).is_some_and(|rest| rest.first() == Some(&b' ')))
}

/// Where in a line a start line begins: at its beginning, or behind the last bytes of a body without a line end.
pub fn start_within(line: &[u8]) -> Option<usize> {
    if start_line(line).is_some() {
        return Some(0);
    }
    let mark = memchr::memmem::find(line, b"HTTP/1.")?;
    let status = line.get(mark..).is_some_and(|rest| start_line(rest).is_some());
    let request = METHODS.iter().filter_map(|method| {
        let at = memchr::memmem::rfind(line.get(..mark)?, format!("{method} ").as_bytes())?;
        let rest = line.get(at..)?;
        let target = rest.get(method.len().saturating_add(1)..)?;
        let plausible = matches!(target.first(), Some(b'/' | b'*')) || target.starts_with(b"http");
        (plausible && start_line(rest).is_some()).then_some(at)
    });
    request.min().or(status.then_some(mark))
}

/// Where the head ends that starts at 0: behind its empty line. `Err`: not there yet, look again from that offset.
pub fn end(bytes: &[u8], from: usize) -> Result<usize, usize> {
    for newline in memchr::memchr_iter(b'\n', bytes.get(from..).unwrap_or_default()) {
        let newline = from.saturating_add(newline);
        match bytes.get(newline.saturating_add(1)..).unwrap_or_default() {
            [b'\n', ..] => return Ok(newline.saturating_add(2)),
            [b'\r', b'\n', ..] => return Ok(newline.saturating_add(3)),
            [] | [b'\r'] => return Err(newline),
            _ => {}
        }
    }
    Err(bytes.len())
}

/// Reads a complete head.
pub fn read(bytes: &[u8]) -> Result<Head, Malformed> {
    let first = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at.saturating_add(1));
    let start = bytes.get(..first).and_then(start_line).ok_or(Malformed::Illegal("start line"))?;
    let (fields, skipped) = fields(bytes, first);
    Ok(Head { start, fields, skipped })
}

/// Reads the field lines from `from` on; also those of a trailer section. Second: lines over the budget.
pub fn fields(bytes: &[u8], from: usize) -> (Vec<Field>, usize) {
    let mut fields: Vec<Field> = Vec::new();
    let mut skipped = 0_usize;
    let mut at = from;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |newline| newline.saturating_add(1));
        let line = trim_end(rest.get(..len).unwrap_or_default());
        let line_at = at;
        at = at.saturating_add(len);
        if line.is_empty() {
            continue;
        }
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        if folded && let Some(last) = fields.last_mut() {
            let span = trimmed(line, line_at);
            if skipped == 0 && !span.is_empty() {
                // Obsolete folding: a line end and white space stand for one space (RFC 9112 section 5.2).
                last.value.push(b' ');
                last.spans.push(line_at..line_at.saturating_add(1));
                last.value.extend_from_slice(bytes.get(span.clone()).unwrap_or_default());
                last.spans.push(span);
            }
            continue;
        }
        if fields.len() >= HEADERS {
            skipped = skipped.saturating_add(1);
            continue;
        }
        let (name, value, value_at) = match memchr::memchr(b':', line) {
            Some(colon) => {
                let behind = colon.saturating_add(1);
                let name = line.get(..colon).unwrap_or_default().trim_ascii();
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                (name, line.get(behind..).unwrap_or_default(), line_at.saturating_add(behind))
            }
            None => (String::new(), line, line_at),
        };
        let span = trimmed(value, value_at);
        let value = bytes.get(span.clone()).unwrap_or_default().to_vec();
        fields.push(Field { name, value, spans: vec![span] });
    }
    (fields, skipped)
}

fn trim_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Where `text`, which is at `at`, is without the white space around it.
fn trimmed(text: &[u8], at: usize) -> Range<usize> {
    let start = at.saturating_add(text.len().saturating_sub(text.trim_ascii_start().len()));
    start..start.saturating_add(text.trim_ascii().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "a column of the table")]
    fn request(method: &str, target: Range<usize>) -> Option<Start> {
        Some(Start::Request { method: method.to_owned(), target })
    }

    #[test]
    fn start_lines_of_http_and_of_nobody_else() {
        let table: [(&str, Option<Start>); 17] = [
            ("GET / HTTP/1.1\r\n", request("GET", 4..5)),
            ("POST  /a b  HTTP/1.0\n", request("POST", 6..10)),
            ("BREW coffee://pot HTTP/1.1", request("BREW", 5..17)),
            ("CONNECT a.example:443 HTTP/1.1", request("CONNECT", 8..21)),
            ("HTTP/1.1 200 OK", Some(Start::Status { code: 200 })),
            ("HTTP/1.1 200", Some(Start::Status { code: 200 })),
            ("HTTP/1.0  404 Not Found", Some(Start::Status { code: 404 })),
            ("HTTP/1.1 20 OK", None),
            ("HTTP/1.1 2000", None),
            ("HTTP/2.0 200 OK", None),
            ("RTSP/1.0 200 OK", None),
            ("SIP/2.0 200 OK", None),
            ("ICY 200 OK", None),
            ("OPTIONS rtsp://a/ RTSP/1.0", None),
            ("INVITE sip:a@b SIP/2.0", None),
            ("PRI * HTTP/2.0", None),
            ("EHLO mail.example", None),
        ];
        for (line, start) in table {
            assert_eq!(start_line(line.as_bytes()), start, "{line}");
        }
    }

    #[test]
    fn reasons_are_told_where_they_are_somebodys_own() {
        for (head, code, want) in [
            ("HTTP/1.1 200 OK\r\n\r\n", 200, None),
            ("HTTP/1.1 200\r\n\r\n", 200, None),
            ("HTTP/1.0  404  not found \r\n\r\n", 404, None),
            ("HTTP/1.1 200 The heron lands\r\n\r\n", 200, Some("The heron lands")),
            ("HTTP/1.1 299 OK\n\n", 299, Some("OK")),
        ] {
            let got = reason(head.as_bytes(), code).map(|range| &head[range]);
            assert_eq!(got, want, "{head}");
        }
    }

    #[test]
    fn a_prefix_of_a_start_line_may_become_one() {
        let line = b"POST /v1/send HTTP/1.1\r\n";
        for cut in 0..line.len() {
            assert_eq!(may_start(&line[..cut]), Some(true), "{cut}");
        }
        assert_eq!(may_start(line), None);
        for other in [&b"\x16\x03\x01"[..], b"GET\x00", b"{\"a\": 1", b" GET", b"SSH-2.0-x\r\n"] {
            assert_eq!(may_start(other), Some(false), "{other:?}");
        }
    }

    #[test]
    fn fields_are_read_leniently() {
        let head = b"GET / HTTP/1.1\nHost : a.example\nX-Fold: one\r\n\t two\r\nnonsense\r\nEmpty:\r\n\r\n";
        let read = read(head).unwrap();
        let got: Vec<(&str, &[u8])> = read.fields.iter().map(|f| (f.name.as_str(), f.value.as_slice())).collect();
        let want: [(&str, &[u8]); 4] =
            [("host", b"a.example"), ("x-fold", b"one two"), ("", b"nonsense"), ("empty", b"")];
        assert_eq!(got, want);
        for field in &read.fields {
            assert_eq!(field.spans.iter().map(Range::len).sum::<usize>(), field.value.len());
        }
    }

    #[test]
    fn floods_of_fields_are_counted() {
        let mut head = b"GET / HTTP/1.1\r\n".to_vec();
        for _ in 0..HEADERS + 7 {
            head.extend_from_slice(b"a: b\r\n");
        }
        head.extend_from_slice(b"\r\n");
        let read = read(&head).unwrap();
        assert_eq!((read.fields.len(), read.skipped), (HEADERS, 7));
    }

    #[test]
    fn the_end_is_found_however_it_comes() {
        for head in [&b"GET / HTTP/1.1\r\nA: b\r\n\r\n"[..], b"GET / HTTP/1.1\n\n", b"GET / HTTP/1.1\r\n\r\n"] {
            let mut from = 0;
            for cut in 0..head.len() {
                from = end(&head[..cut], from).unwrap_err();
            }
            assert_eq!(end(head, from), Ok(head.len()));
        }
    }

    #[test]
    fn starts_are_found_behind_the_rest_of_a_body() {
        assert_eq!(start_within(b"last bytes}POST /v1 HTTP/1.1\r\n"), Some(11));
        assert_eq!(start_within(b"\x00\x01HTTP/1.1 200 OK\r\n"), Some(2));
        assert_eq!(start_within(b"nothing here\r\n"), None);
        assert_eq!(start_within(b"we speak HTTP/1.1 here\r\n"), None);
    }
}
