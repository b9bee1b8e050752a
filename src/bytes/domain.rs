//! Domain names as DNS messages write them (RFC 1035 sections 3.1 and 4.1.4).

use super::{Cursor, Malformed};
use std::ops::Range;

/// Bytes of one name, uncompressed (RFC 1035 section 3.1), which bounds its labels too.
const NAME_BYTES: usize = 255;
/// Pointers followed for one name.
const POINTERS: usize = 32;

/// Where the labels of the name at the cursor are in the message; the cursor moves behind the name.
///
/// # Errors
/// Names that end early, are over their length, or have a pointer that does not point further back.
pub fn labels<'a>(message: &'a [u8], cursor: &mut Cursor<'a>) -> Result<Vec<Range<usize>>, Malformed> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut here = *cursor;
    let (mut jumped, mut size, mut pointers) = (false, 0_usize, 0_usize);
    loop {
        let at = here.position();
        match here.u8("label")? {
            0 => break,
            length @ 1..=63 => {
                let from = here.position();
                here.take(usize::from(length), "label")?;
                size = size.saturating_add(usize::from(length)).saturating_add(1);
                if size > NAME_BYTES {
                    return Err(Malformed::TooLarge("name"));
                }
                found.push(from..here.position());
            }
            high @ 0xc0.. => {
                let to = usize::from(high & 0x3f) << 8 | usize::from(here.u8("pointer")?);
                pointers = pointers.saturating_add(1);
                if to >= at || pointers > POINTERS {
                    return Err(Malformed::Illegal("pointer"));
                }
                if !jumped {
                    *cursor = here;
                    jumped = true;
                }
                here = Cursor::new(message);
                here.take(to, "pointer")?;
            }
            _ => return Err(Malformed::Illegal("label")),
        }
    }
    if !jumped {
        *cursor = here;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The labels of the name at an offset, and where the cursor is behind it.
    fn read(message: &[u8], at: usize) -> Result<(Vec<&[u8]>, usize), Malformed> {
        let mut cursor = Cursor::new(message);
        cursor.take(at, "start")?;
        let spans = labels(message, &mut cursor)?;
        Ok((spans.into_iter().map(|span| &message[span]).collect(), cursor.position()))
    }

    #[test]
    fn names_are_read_through_their_pointers() {
        let message = b"\x05heron\x07example\0\x03api\xc0\0\xc0\x0f";
        let (heron, example, api): (&[u8], &[u8], &[u8]) = (b"heron", b"example", b"api");
        assert_eq!(read(message, 0), Ok((vec![heron, example], 15)));
        assert_eq!(read(message, 15), Ok((vec![api, heron, example], 21)));
        assert_eq!(read(message, 21), Ok((vec![api, heron, example], 23)));
        assert_eq!(read(b"\0", 0), Ok((vec![], 1)));
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        for (message, at, why) in [
            (&b"\xc0\0"[..], 0, Malformed::Illegal("pointer")),
            (b"\x01a\xc0\x05\0", 0, Malformed::Illegal("pointer")),
            (b"\x40a\0", 0, Malformed::Illegal("label")),
            (b"\x05ab", 0, Malformed::Short("label")),
            (b"\x01a", 0, Malformed::Short("label")),
            (b"\x01a\xc0", 0, Malformed::Short("pointer")),
        ] {
            assert_eq!(read(message, at), Err(why), "{message:?}");
        }
        let long = [&b"\x3f"[..], &[b'a'; 63]].concat().repeat(4);
        assert_eq!(read(&[&long[..], b"\0"].concat(), 0), Err(Malformed::TooLarge("name")));
        // Pointers to pointers, further than anybody writes.
        let mut chain = b"\x01a\0".to_vec();
        for n in 0..40_u8 {
            chain.extend([0xc0, if n == 0 { 0 } else { 1 + 2 * n }]);
        }
        assert_eq!(read(&chain, chain.len() - 2), Err(Malformed::Illegal("pointer")));
    }
}
