//! Text in a declared charset other than UTF-8 (WHATWG Encoding Standard), turned into UTF-8.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Sample};
use crate::model::field::{Kind, Reach};
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, X_USER_DEFINED};

/// The entry.
pub(super) static CHARSET: Decoder = Decoder {
    name: "charset",
    about: "text in a declared legacy charset: ISO 8859, Windows, KOI8, GB 18030, Big5, Shift_JIS, EUC, ISO-2022-JP",
    layer: true,
    codings: &[],
    filter: Filter { any: Shape::BINARY, none: Shape::NUL, min: 1, undeclared: None },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"Le h\xe9ron se pose",
            hint: "text/plain; charset=iso-8859-1",
            shows: "Le h\u{e9}ron se pose",
            trail: "charset",
        },
        Sample {
            bytes: b"\xf3\xc1\xd0\xd3\xc1\xce \xce\xc1 \xda\xc1\xcb\xc1\xd4\xc5",
            hint: "text/html;charset=\"koi8-r\"",
            shows: "\u{421}\u{430}\u{43f}\u{441}\u{430}\u{43d}",
            trail: "charset",
        },
        Sample {
            bytes: b"\xb2\xd4\xf0\xd8\xd4\xda\xbb\xc6\xbb\xe8\xbd\xb5\xc2\xe4",
            hint: "text/plain; charset=gbk",
            shows: "\u{82cd}\u{9e6d}\u{5728}\u{9ec4}\u{660f}\u{964d}\u{843d}",
            trail: "charset",
        },
    ],
};

/// The declared charset, where it is one that this is for.
fn declared(hint: &Hint<'_>) -> Option<&'static Encoding> {
    let (_, rest) = hint.content_type?.split_once("charset=")?;
    let label = rest.trim_start_matches(['"', '\'']).split(['"', '\'', ';', ' ']).next()?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // UTF-16 has a decoder of its own, which finds it undeclared, too.
    let other = encoding != UTF_8 && encoding != UTF_16LE && encoding != UTF_16BE && encoding != X_USER_DEFINED;
    other.then_some(encoding)
}

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    let Some(encoding) = declared(hint) else { return Match::No };
    // What is declared wrongly and reads as UTF-8 is UTF-8.
    let legacy = if encoding == ISO_2022_JP { bytes.contains(&0x1b) } else { std::str::from_utf8(bytes).is_err() };
    if legacy { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: Malformed = Malformed::Illegal("charset");
    let encoding = declared(hint).ok_or(WHAT)?;
    let (room, budget) = fields.room(bytes.len());
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut out = String::with_capacity(bytes.len().saturating_mul(2).min(room));
    let mut way = Vec::new();
    let mut at = 0_usize;
    // A byte or two at a time, so that each character's way back is known; in long texts, some more.
    let every = if bytes.len() > 1 << 16 { 16 } else { 1 };
    for piece in bytes.chunks(every) {
        let needed = decoder.max_utf8_buffer_length(piece.len()).ok_or(WHAT)?;
        if out.len().saturating_add(needed) > room {
            fields.exhausted(budget);
            break;
        }
        out.reserve(needed);
        let before = out.len();
        let last = at.saturating_add(piece.len()) >= bytes.len();
        let (_, _, _) = decoder.decode_to_string(piece, &mut out, last);
        if out.len() > before {
            way.push((to_u32(before), to_u32(at.saturating_sub(3))));
        }
        at = at.saturating_add(piece.len());
    }
    way.push((to_u32(out.len()), to_u32(at)));
    // Bytes that are no characters: declared wrongly, or no text at all.
    if out.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count().saturating_mul(20) > out.chars().count() {
        return Err(WHAT);
    }
    fields.whole(out.into_bytes(), Reach::Blocks(way), Kind::Text);
    Ok(())
}
