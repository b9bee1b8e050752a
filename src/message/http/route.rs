//! Bodies that are streams of their own: events, gRPC messages, DNS.

use data_encoding::BASE64URL_NOPAD;
use std::ops::Range;

/// The hint of a child stream that is one DNS message without its length in front (RFC 8484).
pub const DNS_MESSAGE: &str = "dns-message";
/// Bytes of a DNS message, in base64url.
const DNS_DIGITS: usize = 88_000;

/// The DNS message that a query holds as `dns=` (RFC 8484 section 4.1.1), and where its digits stand.
pub fn dns_query(query: &[u8]) -> Option<(Vec<u8>, Range<usize>)> {
    let mut from = 0_usize;
    for pair in query.split(|byte| *byte == b'&') {
        if let Some(digits) = pair.strip_prefix(b"dns=") {
            let start = from.saturating_add(4);
            let end = from.saturating_add(pair.len());
            let digits = digits.strip_suffix(b"==").or_else(|| digits.strip_suffix(b"=")).unwrap_or(digits);
            let message = BASE64URL_NOPAD.decode(digits.get(..DNS_DIGITS).unwrap_or(digits)).ok()?;
            // A query: one question, no answer (RFC 1035 section 4.1.1).
            let asks = matches!(message.get(2..8), Some([flags, _, 0, 1, 0, 0]) if flags & 0xf8 == 0);
            return asks.then_some((message, start..end));
        }
        from = from.saturating_add(pair.len()).saturating_add(1);
    }
    None
}

/// What the body of an HTTP message is handed to, as the hint of a child stream; `None` for an ordinary body.
///
/// The hint is the registry name, then `; `-separated parameters: `type=`, `encoding=` and, last, `label=` with the
/// label of the HTTP message.
pub fn body_stream(
    content_type: Option<&str>,
    encodings: &[String],
    grpc_encoding: Option<&str>,
    label: &str,
) -> Option<String> {
    let content_type = content_type?;
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    // A coded body has to be decoded as a whole: it stays a body.
    if !encodings.is_empty() {
        return None;
    }
    if essence == "text/event-stream" {
        return Some(format!("sse; label={label}"));
    }
    if essence == "application/dns-message" {
        return Some(format!("{DNS_MESSAGE}; label={label}"));
    }
    if essence == "application/grpc"
        || essence.starts_with("application/grpc+")
        || essence.starts_with("application/grpc-web")
    {
        let encoding = grpc_encoding.unwrap_or("identity").replace(';', "");
        return Some(format!("grpc; type={essence}; encoding={encoding}; label={label}"));
    }
    None
}

/// A parameter of such a hint.
pub fn hint_parameter<'h>(hint: &'h str, name: &str) -> Option<&'h str> {
    // The label is last, and may hold anything.
    let (front, label) = hint.split_once("; label=").map_or((hint, None), |(front, label)| (front, Some(label)));
    if name == "label" {
        return label;
    }
    front.split(';').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_say_what_the_body_is() {
        let hint = body_stream(Some("application/grpc+proto"), &[], Some("gzip"), "POST h/a; type=b").unwrap();
        assert_eq!(hint_parameter(&hint, "type"), Some("application/grpc+proto"));
        assert_eq!(hint_parameter(&hint, "encoding"), Some("gzip"));
        assert_eq!(hint_parameter(&hint, "label"), Some("POST h/a; type=b"));
        assert!(body_stream(Some("text/event-stream;charset=utf-8"), &[], None, "x").is_some());
        assert!(body_stream(Some("text/event-stream"), &["gzip".to_owned()], None, "x").is_none());
        assert!(body_stream(Some("application/grpcx"), &[], None, "x").is_none());
        assert!(body_stream(None, &[], None, "x").is_none());
    }

    #[test]
    fn queries_hold_dns_messages() {
        // RFC 8484 section 4.1.1: www.example.com, A.
        let (message, at) = dns_query(b"a=1&dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB").unwrap();
        assert_eq!((message.len(), at), (33, 8..52));
        for other in [&b"dns=heron"[..], b"dns=AAAB", b"xdns=AAABAAABAAAAAAAAA3d3dw", b"q=dns", b""] {
            assert!(dns_query(other).is_none());
        }
    }
}
