//! What may hide in text: runs of characters drawn by lot from their alphabet, and long lists of small numbers.
//!
//! Ciphertext in an alphabet that nobody knows is text to whoever reads it. It shows by what text is not: each character is
//! as frequent as any other. Words, source code, addresses and paths of drawings are not like that in any language whose
//! letters are few; a word of a script of thousands of characters says nothing either way and is left alone. Four
//! letters or ten digits may as well be genes or numbers, and their frequencies are equal of their own accord.

use super::assess;
use crate::model::opacity::Opacity;
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use std::ops::Range;

/// Characters from which a run may hide anything: in base64, more than 64 bytes.
const RUN: usize = 88;
/// Characters of the fewest that a run is drawn from: hexadecimal digits, of which not all need to occur.
const ALPHABET: usize = 14;
/// Characters of an alphabet that blanks belong to as well.
const WIDE: usize = 64;
/// Bits that the entropy of a run may lie below that of an alphabet drawn from by lot.
const SLACK: f64 = 0.1;
/// The same for an alphabet of [`WIDE`] and more, which no language comes near to using evenly.
const WIDE_SLACK: f64 = 0.3;
/// The lengths of the lines that encoders break base64 into.
const LINES: [usize; 4] = [60, 64, 72, 76];
/// Numbers of the shortest list.
const LIST: usize = 65;

/// The longest stretch of a text that may hide bytes, and how many.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hidden {
    /// Where it stands.
    pub range: Range<usize>,
    /// Bytes that it may hold.
    pub bytes: u64,
}

/// The largest hiding place in a text.
pub fn hidden(text: &[u8]) -> Option<Hidden> {
    if text.len() <= RUN {
        return None;
    }
    let utf8 = std::str::from_utf8(text).ok()?;
    let mut best = list(text);
    let mut take = |found: Option<Hidden>| {
        if let Some(found) = found.filter(|found| best.as_ref().is_none_or(|best| best.bytes < found.bytes)) {
            best = Some(found);
        }
    };
    let mut digits = 0_usize;
    for word in
        cut(text, 0..text.len(), |byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>'))
    {
        let mut covered = 0_usize;
        for piece in cut(text, word.clone(), |byte| !is_digit(byte)) {
            covered = covered.saturating_add(piece.len());
            take(run(text, piece));
        }
        // What is digits for the most part is judged by them: what stands around them is framing.
        if covered.saturating_mul(2) < word.len() {
            take(run(text, word));
        }
        digits = digits.saturating_add(covered);
    }
    // A text that is all of one kind, blanks and all.
    if digits.saturating_mul(2) < text.len()
        && let Some(bits) = drawn(utf8, WIDE)
        && !is_list(text)
    {
        take(Some(Hidden { range: 0..text.len(), bytes: bytes_of(bits) }));
    }
    best
}

/// Whether a text is values of one length, as identifiers and digests are: not lines that an encoder made.
fn is_list(text: &[u8]) -> bool {
    let mut values = text.split(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b';' | b'|' | b'"'));
    let mut lengths = values.by_ref().map(<[u8]>::len).filter(|len| *len > 0);
    let Some(first) = lengths.next() else { return false };
    let wrapped = LINES.contains(&first) && memchr::memchr(b'\n', text).is_some();
    let mut others = 0_usize;
    // The last may be cut, or named.
    let alike = lengths.all(|len| {
        others = others.saturating_add(1);
        len == first
    });
    alike && others > 0 && !wrapped
}

/// Digits of base64, in either alphabet.
const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

/// Stretches of more than [`RUN`] bytes between those that `ends` names.
fn cut<'t>(
    text: &'t [u8],
    within: Range<usize>,
    ends: impl Fn(u8) -> bool + 't,
) -> impl Iterator<Item = Range<usize>> + 't {
    let mut at = within.start;
    std::iter::from_fn(move || {
        while at < within.end {
            let rest = text.get(at..within.end)?;
            let len = rest.iter().position(|byte| ends(*byte)).unwrap_or(rest.len());
            let start = at;
            at = at.saturating_add(len).saturating_add(1);
            if len > RUN {
                return Some(start..start.saturating_add(len));
            }
        }
        None
    })
}

/// What one run may hide.
fn run(text: &[u8], range: Range<usize>) -> Option<Hidden> {
    let run = text.get(range.clone())?;
    if is_known(text, &range) {
        return None;
    }
    // What parts values may stand in an alphabet that is large enough to have it.
    let parts = |byte: &u8| matches!(byte, b',' | b';' | b'|' | b'&' | b'=' | b':');
    let parted = unpadded(run).iter().any(parts);
    if parted && is_list(run) {
        return None;
    }
    let bits = drawn(std::str::from_utf8(run).ok()?, if parted { WIDE } else { ALPHABET })?;
    // What anyone decodes is what it decodes to: a picture is none that hides anything.
    if let Some(out) = decoded(run) {
        let class = assess(&out).class;
        return class.is_opaque().then_some(Hidden { range, bytes: out.len() as u64 });
    }
    // So many characters, evenly used, are no language's.
    (drawn(std::str::from_utf8(run).ok()?, WIDE).is_some() || !reads(run))
        .then(|| Hidden { range, bytes: bytes_of(bits) })
}

/// A run without what fills it up, at whichever end.
fn unpadded(run: &[u8]) -> &[u8] {
    let is_pad = |byte: &&u8| **byte == b'=';
    let (before, after) = (run.iter().take_while(is_pad).count(), run.iter().rev().take_while(is_pad).count());
    run.get(before..run.len().saturating_sub(after)).unwrap_or_default()
}

/// What hexadecimal or base64 digits decode to, whatever is left over at their end.
fn decoded(run: &[u8]) -> Option<Vec<u8>> {
    if let Ok(out) = HEXLOWER_PERMISSIVE.decode(run) {
        return Some(out);
    }
    // Digits of one case are those of a smaller alphabet.
    if !run.iter().any(u8::is_ascii_lowercase) || !run.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let (fours, _) = unpadded(run).as_chunks::<4>();
    let digits = fours.as_flattened();
    BASE64_NOPAD.decode(digits).or_else(|_| BASE64URL_NOPAD.decode(digits)).ok()
}

/// Whether a run is known by what stands in front: a token that a push service made, the signature of a web token.
fn is_known(text: &[u8], range: &Range<usize>) -> bool {
    let word = text.get(..range.start).unwrap_or_default();
    let start = word.iter().rposition(|byte| !is_digit(*byte) && !matches!(byte, b'.' | b':'));
    let before = word.get(start.map_or(0, |at| at.saturating_add(1))..).unwrap_or_default();
    let run = text.get(range.clone()).unwrap_or_default();
    let all = [before, run].concat();
    memchr::memmem::find(&all, b":APA91b").is_some() || (all.starts_with(b"eyJ") && all.contains(&b'.'))
}

/// Whether a model of text, of source code or of records explains a run.
fn reads(run: &[u8]) -> bool {
    assess(run).class == Opacity::Plaintext
}

/// Bits of a text whose characters are as frequent as if they were drawn by lot from those that occur, of which there are
/// `least` or more; `None` if they are not.
fn drawn(text: &str, least: usize) -> Option<f64> {
    let mut counts = [0_u32; 256];
    let (mut all, mut others) = (0_usize, 0_usize);
    for char in text.chars() {
        match usize::try_from(u32::from(char)).ok().and_then(|code| counts.get_mut(code)) {
            Some(count) => *count = count.saturating_add(1),
            None => others = others.saturating_add(1),
        }
        all = all.saturating_add(1);
    }
    if others > 0 || all <= RUN {
        return None;
    }
    let number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    let distinct = counts.iter().filter(|count| **count > 0).count();
    if distinct < least {
        return None;
    }
    let n = number(all);
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / n)
        .map(|share| -share * share.log2())
        .sum();
    // What few draws of many characters fall short of (Miller, 1955).
    let bias = (number(distinct) - 1.0) / (2.0 * n * std::f64::consts::LN_2);
    let slack = if distinct >= WIDE { WIDE_SLACK } else { SLACK };
    (entropy >= number(distinct).log2() - bias - slack).then(|| n * number(distinct).log2())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length in bits, of a text in memory")]
fn bytes_of(bits: f64) -> u64 {
    (bits / 8.0) as u64
}

/// The longest list of numbers of one byte each, in decimal or in pairs of hexadecimal digits, that look like bytes of
/// ciphertext.
fn list(text: &[u8]) -> Option<Hidden> {
    let mut best: Option<Hidden> = None;
    for hex in [false, true] {
        let (mut values, mut start, mut at): (Vec<u8>, usize, usize) = (Vec::new(), 0, 0);
        while at < text.len() {
            let number = number(text.get(at..).unwrap_or_default(), hex);
            let first = at;
            at = at.saturating_add(number.map_or(1, |(_, len)| len));
            let end = at;
            if let Some((value, _)) = number {
                if values.is_empty() {
                    start = first;
                }
                values.push(value);
                at = at.saturating_add(separator(text.get(at..).unwrap_or_default(), hex));
            }
            // A list ends with what is no number, and with what nothing parts from it.
            if number.is_none() || at == end {
                if values.len() >= LIST && best.as_ref().is_none_or(|best| best.bytes < values.len() as u64) {
                    let opaque = assess(&values).class.is_opaque();
                    best = opaque
                        .then(|| Hidden { range: start..end.min(text.len()), bytes: values.len() as u64 })
                        .or(best);
                }
                values.clear();
                // The rest of a word or of a longer number is none.
                if text.get(first).is_some_and(u8::is_ascii_alphanumeric) {
                    let rest = text.get(at..).unwrap_or_default();
                    at = at.saturating_add(rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count());
                }
            }
        }
    }
    best
}

/// The number of one byte that a text begins with, and its length.
fn number(text: &[u8], hex: bool) -> Option<(u8, usize)> {
    let sign = usize::from(!hex && text.first() == Some(&b'-'));
    let prefix = if hex && text.starts_with(b"0x") { 2 } else { sign };
    let digits = text.get(prefix..)?;
    let is_one = |byte: &u8| if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
    let len = digits.iter().take(4).take_while(|byte| is_one(byte)).count();
    if !matches!((hex, len), (true, 2) | (false, 1..=3)) || digits.get(len).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let digits = std::str::from_utf8(digits.get(..len)?).ok()?;
    let value = u16::from_str_radix(digits, if hex { 16 } else { 10 }).ok()?;
    let value = if sign > 0 { 256_u16.checked_sub(value).filter(|value| *value >= 128)? } else { value };
    Some((u8::try_from(value).ok()?, prefix.saturating_add(len)))
}

/// The length of what parts two numbers of a list. Dots and colons stand in addresses, too.
fn separator(text: &[u8], hex: bool) -> usize {
    match text {
        [b',' | b';' | b'|', b' ', ..] => 2,
        [b',' | b';' | b'|' | b' ' | b'\n', ..] => 1,
        [b':' | b'-', ..] if hex => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::{BASE32, BASE64, BASE64URL_NOPAD, HEXLOWER};
    use proptest::prelude::*;

    fn noise(seed: u64, len: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[0]
        };
        (0..len).map(|_| next()).collect()
    }

    /// Ways to write bytes that no decoder, or none here, undoes.
    fn written(bytes: &[u8], how: usize) -> String {
        let base64 = BASE64.encode(bytes);
        match how % 10 {
            0 => base64,
            1 => base64.chars().rev().collect(),
            2 => base64.replace('+', ".").replace('/', "!").replace('=', ""),
            3 => HEXLOWER.encode(bytes),
            4 => BASE64URL_NOPAD.encode(bytes),
            5 => BASE32.encode(bytes).replace('=', ""),
            6 => bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(","),
            7 => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
            8 => bytes.iter().map(|byte| char::from(33 + byte % 94)).collect(),
            _ => bytes.iter().copied().map(char::from).collect(),
        }
    }

    proptest! {
        #[test]
        fn ciphertext_in_any_alphabet_is_a_hiding_place(seed in any::<u64>(), len in 300..3_000_usize, how in 0..10_usize, before in "[A-Za-z ]{0,40}: ") {
            let run = written(&noise(seed, len), how);
            for text in [run.clone(), format!("{before}{run} (end)")] {
                let found = hidden(text.as_bytes()).map_or(0, |hidden| hidden.bytes);
                // In a few hundred characters not all of an alphabet need to occur; and where signs part its letters, a long piece
                // between two of them may be all that is told.
                let want = len as u64;
                let least = if len < 1_000 || how == 2 { 64 } else { want * 7 / 10 };
                prop_assert!(found > least && found <= want * 13 / 10, "{found} of {want}: {text}");
            }
        }

        #[test]
        fn what_is_short_hides_nothing(seed in any::<u64>(), len in 1..60_usize, how in 0..10_usize) {
            let text = format!("value {} here", written(&noise(seed, len), how));
            prop_assert!(hidden(text.as_bytes()).is_none_or(|found| found.bytes <= 64), "{}", text);
        }

        #[test]
        fn words_hide_nothing(words in proptest::collection::vec("(the|heron|landsAt|dusk|Settings|on|user_id|message|of|com|notification|Manager|v2)", 20..200), part in "[ ._/-]") {
            prop_assert_eq!(hidden(words.join(&part).as_bytes()), None);
        }

        #[test]
        fn genes_and_numbers_hide_nothing(
            genes in "[ACGT]{100,900}", bits in "[01]{100,900}", levels in proptest::collection::vec(10_u8..40, 70..300),
            path in proptest::collection::vec((0_u32..999, 0_u32..99), 30..200), ids in proptest::collection::vec(100_000_u32..9_999_999, 20..90),
        ) {
            let levels: Vec<String> = levels.iter().map(u8::to_string).collect();
            let path: Vec<String> = path.iter().map(|(x, y)| format!("L{x}.{y},{y}.{x}")).collect();
            let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
            for text in [genes, bits, levels.join(","), format!("M0,0{}Z", path.concat()), ids.join(",")] {
                prop_assert_eq!(hidden(text.as_bytes()), None, "{}", text);
            }
        }

        #[test]
        fn lists_of_digests_and_identifiers_hide_nothing(seed in any::<u64>(), count in 2..60_usize, bytes in prop_oneof![Just(16_usize), Just(20), Just(32)], part in "[,; ]") {
            let all: Vec<String> = (0..count).map(|at| HEXLOWER.encode(&noise(seed ^ (at as u64 * 77), bytes))).collect();
            prop_assert_eq!(hidden(all.join(&part).as_bytes()), None);
        }
    }

    #[test]
    fn ordinary_long_texts_hide_nothing() {
        let png = [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0\x08\x06\0\0\0"[..], &noise(5, 900)].concat();
        let jwt = format!(
            "eyJhbGciOiJSUzI1NiJ9.{}.{}",
            BASE64URL_NOPAD.encode(&[b'a'; 200]),
            BASE64URL_NOPAD.encode(&noise(9, 256))
        );
        for text in [
            "https://shop.example.test/catalogue/garden/chairs?utm_source=newsletter&utm_medium=email&utm_campaign=spring_2026&sort=price-asc&page=12&filters=wood,teak,oak,folding".to_owned(),
            "!function(e,t){\"object\"==typeof exports&&\"undefined\"!=typeof module?t(exports):\"function\"==typeof define&&define.amd?define([\"exports\"],t):t((e=e||self).App={})}(this,function(e){var n=Object.prototype.hasOwnProperty;function r(e,t){for(var n=0;n<t.length;n++){var r=t[n];r.enumerable=r.enumerable||!1,r.configurable=!0,Object.defineProperty(e,r.key,r)}}e.make=r});".to_owned(),
            "body{margin:0;padding:0;font-family:-apple-system,BlinkMacSystemFont,Roboto,sans-serif}.card{box-shadow:0 1px 3px rgba(0,0,0,.12);border-radius:4px}.card__title{font-size:1.25rem;color:#1d2129}".to_owned(),
            "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaftsvorsitzendenstellvertreterin".to_owned(),
            "苍鹭在黄昏降落在磨坊旁边的老桥上而水獭一直睡到潮水退去为止没有人知道它们明天会不会回来因为河流已经改道了".repeat(3),
            "นกกระสาลงจอดในเวลาพลบค่ำข้างโรงสีเก่าและนากก็หลับจนกว่าน้ำจะลดลงไม่มีใครรู้ว่าพวกมันจะกลับมาหรือไม่".repeat(2),
            format!("<img src=\"data:image/png;base64,{}\">", BASE64.encode(&png)),
            format!("Authorization: Bearer {jwt}"),
            format!("token dGhpc2lzYXRva2VuMTIz:APA91b{}", BASE64URL_NOPAD.encode(&noise(3, 100))),
            "2026-11-02T10:00:01Z level=info host=web-12.eu-west-1.compute.internal pid=4711 path=/v1/messages/send status=200 bytes=5120 ms=12.7".repeat(4),
        ] {
            assert_eq!(hidden(text.as_bytes()), None, "{text}");
        }
    }
}
