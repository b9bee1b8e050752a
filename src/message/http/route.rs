//! Bodies that are streams of their own: events, gRPC messages.

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
}
