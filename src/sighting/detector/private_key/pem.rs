//! Private keys between lines of PEM (RFC 7468) and in ASCII armor (RFC 9580, section 6.2). What a password protects is no
//! key to whoever reads it.

use super::openpgp;
use crate::bytes::Cursor;
use data_encoding::BASE64;
use memchr::memmem;

/// The longest body of a block.
const LONGEST: usize = 65_536;

/// The block whose heading is around `at`.
pub(super) fn pem(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let from = at.saturating_sub(40);
    let begin = memmem::rfind(bytes.get(from..at.saturating_add(11).min(bytes.len()))?, b"-----BEGIN ")?;
    let start = from + begin;
    let head_end = start + 11 + memmem::find(bytes.get(start + 11..)?, b"-----")? + 5;
    let label = bytes.get(start + 11..head_end - 5)?;
    if label.len() > 30 {
        return None;
    }
    let body = bytes.get(head_end..head_end.saturating_add(LONGEST).min(bytes.len()))?;
    // No other block begins before this one ends.
    let end = memmem::find(body, b"-----")?;
    let text = body.get(end..)?.starts_with(b"-----END ").then_some(body.get(..end)?)?;
    let open = match label {
        b"PGP PRIVATE KEY BLOCK" => openpgp::holds_open_key(&decoded(text)),
        b"OPENSSH PRIVATE KEY" => is_open_ssh(&decoded(text)),
        _ if label.ends_with(b"ENCRYPTED PRIVATE KEY") => false,
        // The headers of RFC 1421, section 4.6.1.1.
        _ => label.ends_with(b"PRIVATE KEY") && memmem::find(text, b"4,ENCRYPTED").is_none(),
    };
    let coded = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    (open && text.iter().filter(coded).count() >= 40).then_some((start, head_end + end))
}

/// The bytes in Base64 between the headers and the checksum. Line breaks may be escaped, where the block stands in a string.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut lines = vec![Vec::new()];
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let breaks = match (first, after.first()) {
            (b'\\', Some(b'n')) => {
                rest = after.get(1..).unwrap_or_default();
                true
            }
            (b'\\', _) => {
                // `\r`, `\/`, or an escape escaped again.
                if after.first() == Some(&b'r') {
                    rest = after.get(1..).unwrap_or_default();
                }
                continue;
            }
            _ => *first == b'\n',
        };
        match lines.last_mut() {
            _ if breaks => lines.push(Vec::new()),
            Some(line) if !first.is_ascii_whitespace() => line.push(*first),
            _ => {}
        }
    }
    let is_data = |line: &&Vec<u8>| !line.contains(&b':') && !line.starts_with(b"=");
    let mut data = lines.iter().filter(is_data).flatten().copied().collect::<Vec<u8>>();
    // Where a block is one line, its checksum follows the padding or takes its place.
    if let Some(sum) = data.len().checked_sub(5)
        && data.get(sum) == Some(&b'=')
    {
        data.truncate(sum);
    }
    BASE64.decode(&data).unwrap_or_default()
}

/// Whether a key of OpenSSH is sealed by no cipher (its `PROTOCOL.key`, section 1).
fn is_open_ssh(key: &[u8]) -> bool {
    let Some(rest) = key.strip_prefix(b"openssh-key-v1\0") else { return false };
    let mut cursor = Cursor::new(rest);
    let len = cursor.u32("length of a cipher's name").ok().and_then(|len| usize::try_from(len).ok());
    len.is_some_and(|len| cursor.take(len, "cipher's name").is_ok_and(|name| name == b"none"))
}
