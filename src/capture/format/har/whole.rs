//! Whether a body in an archive is the whole body that went by. Exporters cut long texts, leave the content of uploaded
//! files out, and say so in a length or a comment only.

use super::archive::{Named, PostData, Request, Response, content_length, header, is_coded};
use data_encoding::BASE64;

/// What an encoding of a body is called that holds its bytes exactly.
pub(super) fn is_base64(encoding: Option<&str>) -> bool {
    encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"))
}

/// Why the text of a request is not all of its body.
pub(super) fn lost_of_text(request: &Request, post: &PostData, text: &str) -> Option<String> {
    let declared = sent_len(request);
    let held = Held::new(text, post.encoding.as_deref(), &[&post.mime_type], &request.headers);
    held.lacks(declared).or_else(|| remark(&post.comment)).or_else(|| {
        // A form with a file is told both ways. The text may be without the file, unless its length says otherwise.
        (declared.is_none() && lacks_file(post)).then(file_missing)
    })
}

/// Why the fields of a form, without its text, are not all of a request's body.
pub(super) fn lost_of_form(request: &Request, post: &PostData) -> Option<String> {
    if lacks_file(post) {
        return Some(file_missing());
    }
    let declared = sent_len(request).filter(|_| !is_coded(&request.headers));
    let most = most_of_form(post);
    declared
        .filter(|declared| *declared > most)
        .map(|declared| format!("a form of at most {most} bytes of {declared}"))
        .or_else(|| remark(&post.comment))
}

/// Why the text of a response is not all of its body. What came out of a cache did not go by.
pub(super) fn lost_of_content(response: &Response, method: &str, text: &str) -> Option<String> {
    let content = &response.content;
    if !response.may_have_body(method) || response.body_size == Some(0) {
        return None;
    }
    let types = [content.mime_type.as_str(), header(&response.headers, "content-type").unwrap_or_default()];
    let held = Held::new(text, content.encoding.as_deref(), &types, &response.headers);
    // The size is the decoded body's by the specification; some exporters write the coded one's.
    let size = u64::try_from(content.size).ok();
    let on_wire = content_length(&response.headers).filter(|_| !is_coded(&response.headers));
    held.lacks(size).or_else(|| held.lacks(on_wire)).or_else(|| remark(&content.comment))
}

/// Bytes of a request's body as they went by, where the archive says it.
fn sent_len(request: &Request) -> Option<u64> {
    let size = u64::try_from(request.body_size).ok().filter(|size| *size > 0);
    content_length(&request.headers).max(size)
}

/// A comment beside a body. Those that write one say there that the body is cut or left out, each in its own language.
fn remark(comment: &str) -> Option<String> {
    (!comment.trim().is_empty()).then(|| "the archive has a comment about it".to_owned())
}

fn lacks_file(post: &PostData) -> bool {
    post.params.iter().any(|param| !param.file_name.is_empty() && param.value.is_empty())
}

fn file_missing() -> String {
    "the content of an uploaded file".to_owned()
}

/// The most bytes that a form with these fields has on the wire.
fn most_of_form(post: &PostData) -> u64 {
    // A boundary of up to 70 characters (RFC 2046, section 5.1.1), and the headers of each part.
    const AROUND_A_PART: usize = 512;
    let multipart = post.mime_type.trim_start().get(..9).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart"));
    let sum = post.params.iter().fold(0_usize, |sum, param| {
        let len = param.name.len().saturating_add(param.value.len()).saturating_add(param.file_name.len());
        // Each byte as `%XX`; a name and a file's name in other characters.
        let coded = len.saturating_mul(3).saturating_add(2);
        sum.saturating_add(coded).saturating_add(if multipart { AROUND_A_PART } else { 0 })
    });
    sum.saturating_add(if multipart { AROUND_A_PART } else { 0 }) as u64
}

/// A text that stands for a body.
struct Held {
    len: u64,
    /// The most bytes that the body had on the wire, if nothing of it is missing.
    most: u64,
}

impl Held {
    fn new(text: &str, encoding: Option<&str>, types: &[&str], headers: &[Named]) -> Self {
        let (len, mut most) = if is_base64(encoding) {
            let len = BASE64.decode_len(text.len()).unwrap_or(text.len());
            let padding = text.bytes().rev().take(2).filter(|byte| *byte == b'=').count();
            let len = len.saturating_sub(padding) as u64;
            (len, len)
        } else {
            let len = text.len() as u64;
            (len, widest(len, types))
        };
        if is_coded(headers) {
            // No coding makes a body much longer: a header, a checksum, five bytes for each block that was left as it is
            // (RFC 1951, section 3.2.4).
            most = most.saturating_add(64).saturating_add(most / 32);
        }
        Self { len, most }
    }

    fn lacks(&self, declared: Option<u64>) -> Option<String> {
        let declared = declared.filter(|declared| *declared > self.most)?;
        Some(format!("{} of {declared} bytes", self.len))
    }
}

/// The most bytes that a text of `len` bytes of UTF-8 had in the character set it was sent in. In most sets it is shorter
/// than in UTF-8, and only a byte order mark goes lost.
fn widest(len: u64, types: &[&str]) -> u64 {
    let charset = types.iter().find_map(|kind| {
        let kind = kind.to_ascii_lowercase();
        let (_, charset) = kind.split_once("charset=")?;
        Some(charset.trim_start_matches([' ', '"', '\'']).to_owned())
    });
    let named = |names: &[&str]| charset.as_ref().is_some_and(|set| names.iter().any(|name| set.starts_with(name)));
    let (each, more) = if named(&["utf-32", "utf32", "ucs-4"]) {
        (4, 4)
    } else if named(&["utf-16", "utf16", "ucs-2", "iso-10646", "unicode", "csunicode"]) {
        (2, 2)
    } else if named(&["iso-2022", "csiso2022", "hz-gb", "utf-7", "gb18030"]) {
        // Shifts around each character.
        (3, 8)
    } else {
        (1, 3)
    };
    len.saturating_mul(each).saturating_add(more)
}
