//! HTTP/1.1 messages as bytes.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::Write as _;

/// A GET request.
pub fn get(host: &str, target: &str) -> Vec<u8> {
    request("GET", host, target, &[], b"")
}

/// A POST request with one body.
pub fn post(host: &str, target: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    request("POST", host, target, &[("Content-Type", content_type)], body)
}

/// Any request; `Content-Length` is added when there is a body and no header says how it is framed.
pub fn request(method: &str, host: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut all = vec![("Host", host), ("User-Agent", "okhttp/4.12.0")];
    all.extend_from_slice(headers);
    message(&format!("{method} {target} HTTP/1.1"), &all, body, !body.is_empty())
}

/// A `200 OK` response with one body.
pub fn ok(content_type: &str, body: &[u8]) -> Vec<u8> {
    response("200 OK", &[("Content-Type", content_type)], body)
}

/// Any response; `status` is code and phrase.
pub fn response(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let bodiless = status.starts_with('1') || status.starts_with("204") || status.starts_with("304");
    message(&format!("HTTP/1.1 {status}"), headers, body, !bodiless)
}

/// A body in chunks of these sizes, what is left over in one more (RFC 9112 section 7.1).
pub fn chunked(body: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = body;
    for size in sizes.iter().copied().chain([rest.len()]) {
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        if !chunk.is_empty() {
            out.extend(format!("{:x}\r\n", chunk.len()).bytes());
            out.extend(chunk);
            out.extend(b"\r\n");
        }
    }
    out.extend(b"0\r\n\r\n");
    out
}

/// gzip, without a time or name in its header.
pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

fn message(start: &str, headers: &[(&str, &str)], body: &[u8], counted: bool) -> Vec<u8> {
    let mut head = format!("{start}\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").expect("a string takes all");
    }
    let framed =
        |name: &str| name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding");
    if counted && !headers.iter().any(|(name, _)| framed(name)) {
        write!(head, "Content-Length: {}\r\n", body.len()).expect("a string takes all");
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}
