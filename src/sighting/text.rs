//! What bytes beside a find say about it.

/// Whether bytes are text in UTF-8, but for characters cut at either end.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    let control = |chunk: &[u8]| {
        chunk.iter().fold(false, |any, byte| any | (*byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')))
    };
    if bytes.chunks(1024).any(control) {
        return false;
    }
    let lead = bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    match std::str::from_utf8(bytes.get(lead..).unwrap_or_default()) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// Whether a digit at either edge of `start..end` has a digit beside it.
pub(super) fn touches_digit(bytes: &[u8], start: usize, end: usize) -> bool {
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    (is_digit(Some(start)) && is_digit(start.checked_sub(1)))
        || (is_digit(end.checked_sub(1)) && is_digit(Some(end)) && end > start)
}

/// Whether a letter or digit at either edge of `start..end` has a letter or digit beside it. Scripts written without
/// spaces (Chinese, Japanese, Thai, Khmer and their neighbours) have no such edges.
pub(super) fn touches_word(bytes: &[u8], start: usize, end: usize) -> bool {
    let before = bytes.get(start.saturating_sub(4)..start).unwrap_or_default();
    let after = bytes.get(end..end.saturating_add(4).min(bytes.len())).unwrap_or_default();
    let inside = bytes.get(start..end).unwrap_or_default();
    joins(last_char(before), first_char(inside)) || joins(last_char(inside), first_char(after))
}

fn joins(left: Option<char>, right: Option<char>) -> bool {
    let spaced = |c: char| c.is_alphanumeric() && u32::from(c) < 0x0e00;
    left.is_some_and(spaced) && right.is_some_and(spaced)
}

fn first_char(bytes: &[u8]) -> Option<char> {
    bytes.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next())
}

fn last_char(bytes: &[u8]) -> Option<char> {
    let chunk = bytes.utf8_chunks().last()?;
    if chunk.invalid().is_empty() { chunk.valid().chars().next_back() } else { None }
}
