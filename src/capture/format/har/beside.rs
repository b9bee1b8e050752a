//! What an archive holds in its lists of cookies, pairs and fields. They repeat headers, URL and text; where those were left
//! out, or say less, the lists are all there is.

use super::archive::{Named, Pair, Request, Response, header};
use crate::model::message::{Part, PartKind};
use crate::model::origin::{FrameNo, Origins};
use memchr::memmem;
use std::borrow::Cow;

/// Bytes compared for one entry to find what repeats; what is left then is kept, repeated or not.
const COMPARED: usize = 16 << 20;

/// The parts that the lists of a request add to it.
pub(super) fn of_request(request: &Request, number: FrameNo) -> Vec<Part> {
    let mut out = Vec::new();
    let cookies = missing(&request.cookies, &joined(&request.headers, "cookie"));
    if !cookies.is_empty() {
        out.push(part(PartKind::Header, "cookie", listed(&cookies, "; "), number));
    }
    let query = missing(&request.query_string, &request.url);
    if !query.is_empty() {
        out.push(part(PartKind::Query, "", form(&query), number));
    }
    if let Some(post) = &request.post_data
        && let Some(text) = post.text.as_deref().filter(|text| !text.is_empty())
    {
        let fields = missing(&post.params, text);
        if !fields.is_empty() {
            let kind = Some("application/x-www-form-urlencoded".to_owned());
            out.push(Part { content_type: kind, ..part(PartKind::Body, "", form(&fields), number) });
        }
    }
    out
}

/// The parts that the lists of a response add to it.
pub(super) fn of_response(response: &Response, number: FrameNo) -> Vec<Part> {
    let mut out = Vec::new();
    for cookie in missing(&response.cookies, &joined(&response.headers, "set-cookie")) {
        out.push(part(PartKind::Header, "set-cookie", listed(&[cookie], ""), number));
    }
    let to = response.redirect_url.as_str();
    // The header may be relative to the URL.
    let held = header(&response.headers, "location").is_some_and(|location| to.ends_with(location.trim()));
    if !to.is_empty() && !held {
        out.push(part(PartKind::Header, "location", to.to_owned(), number));
    }
    out
}

/// The fields as a form would send them; the name of a file is one.
pub(super) fn form(fields: &[Pair]) -> String {
    let clean = |text: &str| text.replace('&', "%26");
    let mut out = Vec::with_capacity(fields.len());
    for field in fields {
        if field.file_name.is_empty() || !field.value.is_empty() {
            out.push(format!("{}={}", clean(&field.name), clean(&field.value)));
        }
        if !field.file_name.is_empty() {
            out.push(format!("{}={}", clean(&field.name), clean(&field.file_name)));
        }
    }
    out.join("&")
}

fn listed(cookies: &[Pair], between: &str) -> String {
    let all: Vec<String> = cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
    all.join(between)
}

fn part(kind: PartKind, name: &str, text: String, number: FrameNo) -> Part {
    let frames = Origins::one(text.len(), number);
    Part { name: name.to_owned(), ..Part::new(kind, text.into_bytes(), frames) }
}

/// All headers of a name.
fn joined(headers: &[Named], name: &str) -> String {
    let of_name = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    let values: Vec<&str> = of_name.map(|header| header.value.as_str()).collect();
    values.join("; ")
}

/// Those pairs that `text` does not hold, neither as they are nor with its escapes undone.
fn missing(pairs: &[Pair], text: &str) -> Vec<Pair> {
    if pairs.is_empty() {
        return Vec::new();
    }
    let plain = unescaped(text, false);
    let spaced = unescaped(text, true);
    let mut left = COMPARED;
    let mut holds = |needle: &str| {
        needle.is_empty()
            || [text.as_bytes(), &plain, &spaced].into_iter().any(|hay| {
                let Some(rest) = left.checked_sub(hay.len()) else { return false };
                left = rest;
                memmem::find(hay, needle.as_bytes()).is_some()
            })
    };
    let lacking = pairs.iter().filter(|pair| {
        // What is empty is held.
        !holds(&pair.name) || !holds(&pair.value) || !holds(&pair.file_name)
    });
    lacking.cloned().collect()
}

/// The escapes `%XX` undone (RFC 3986, section 2.1), and with `spaces` those of forms.
fn unescaped(text: &str, spaces: bool) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if memchr::memchr2(b'%', b'+', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            out.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            out.push(if spaces && *first == b'+' { b' ' } else { *first });
        }
    }
    Cow::Owned(out)
}
