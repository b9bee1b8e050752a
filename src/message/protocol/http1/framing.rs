//! Where the body of a message ends (RFC 9112, 6), and what else its fields say.

use crate::message::Sink;
use crate::message::http::head::Field;
use crate::message::http::names;
use crate::message::protocol::http1::Framing;
use crate::model::flow::Blind;
use crate::model::stream::Direction;
use std::ops::Range;

pub(super) fn values<'f>(fields: &'f [Field], name: &str) -> impl Iterator<Item = &'f [u8]> {
    fields.iter().filter(move |field| field.name == name).map(|field| field.value.as_slice())
}

pub(super) fn value<'f>(fields: &'f [Field], name: &str) -> Option<&'f [u8]> {
    fields.iter().find(|field| field.name == name).map(|field| field.value.as_slice())
}

/// The size in front of a chunk, without its extensions (RFC 9112 section 7.1).
pub(super) fn hex_size(line: &[u8]) -> Option<u64> {
    let line = line.trim_ascii();
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let (digits, rest) = line.split_at_checked(digits)?;
    let follows = rest.trim_ascii_start().first();
    if digits.is_empty() || !(follows.is_none() || follows == Some(&b';')) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Where the extensions of a chunk stand in the line in front of it, if it has any (RFC 9112 section 7.1.1).
pub(super) fn extensions(line: &[u8]) -> Option<Range<usize>> {
    let from = memchr::memchr(b';', line)?.saturating_add(1);
    let text = line.get(from..)?;
    let start = from.saturating_add(text.len().saturating_sub(text.trim_ascii_start().len()));
    let len = text.trim_ascii().len();
    (len > 0).then(|| start..start.saturating_add(len))
}

/// How long the body is (RFC 9112 section 6.3). `status`: of a response.
pub(super) fn framing(fields: &[Field], status: Option<u16>, direction: Direction, sink: &mut Sink<'_>) -> Framing {
    let codings: Vec<String> = values(fields, "transfer-encoding").flat_map(names::list).collect();
    let mut lengths: Vec<Option<u64>> = values(fields, "content-length")
        .flat_map(|value| value.split(|b| *b == b','))
        .map(|value| {
            let digits = value.trim_ascii();
            let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
            std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
        })
        .collect();
    lengths.dedup();
    let open = if status.is_some() { Framing::UntilClose } else { Framing::None };
    if !codings.is_empty() {
        if !lengths.is_empty() {
            sink.fact("http1.conflicting-lengths", "content-length beside transfer-encoding");
        }
        if codings.last().is_some_and(|coding| coding == "chunked") {
            return Framing::Chunked;
        }
        // Only a response may end with its connection; a request like this says nothing that can be relied on.
        if status.is_some() {
            return Framing::UntilClose;
        }
        if lengths.is_empty() {
            sink.blind(Blind::Malformed, direction, 0, "a request whose length cannot be told");
            return Framing::UntilClose;
        }
    }
    match lengths.as_slice() {
        [] => open,
        [Some(len)] => Framing::Length(*len),
        [None] => {
            sink.blind(Blind::Malformed, direction, 0, "not a content-length");
            open
        }
        [first, ..] => {
            sink.fact("http1.conflicting-lengths", "several content-lengths");
            sink.blind(Blind::Malformed, direction, 0, "several content-lengths");
            first.map_or(open, Framing::Length)
        }
    }
}

/// What an upgrade tells its child stream: the token, and what was agreed about it.
pub(super) fn upgrade_hint(fields: &[Field], label: &str) -> Option<String> {
    let token = values(fields, "upgrade").flat_map(names::list).next()?;
    Some(match token.as_str() {
        "websocket" => {
            let extensions: Vec<_> = values(fields, "sec-websocket-extensions").map(String::from_utf8_lossy).collect();
            if extensions.is_empty() { token } else { format!("websocket; {}", extensions.join(", ")) }
        }
        "h2c" => format!("h2c; label={label}"),
        _ => token,
    })
}
