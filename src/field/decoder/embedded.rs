//! Encoded bytes inside a longer text: `state dump: H4sI… (end)`, `m=H4sI…`, `cb({"m":"H4sI…"})`.
//!
//! Logs and formats that nobody takes apart hold runs of digits of base64 or of hexadecimal numbers. Most are identifiers,
//! digests and keys, which hold nothing: a run counts only if it decodes to text, or to what some decoder opens.

use crate::bytes::{Malformed, Match};
use crate::field::candidates::is_opened;
use crate::field::shape::{Filter, LONGEST_PLAIN, Shape};
use crate::field::text::{IN_TEXT, encoding, is_text, is_uuid};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::budget;
use crate::model::field::Kind;
use std::ops::Range;

/// The entry.
pub(super) static EMBEDDED: Decoder = Decoder {
    name: IN_TEXT,
    about: "base64 and hexadecimal digits inside a longer text, where what they decode to can be opened",
    layer: false,
    codings: &[],
    filter: Filter {
        any: DIGITS.or(Shape::EQUALS).complement(),
        none: Shape::NONE,
        min: LEAST,
        undeclared: Some(&[Shape::DIGIT]),
    },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"state dump: H4sIAAAAAAACAwvJSFXISC3Kz1PIScxLKVZILFFIKS3OBgDZNcH0FwAAAA== (end)",
            hint: "",
            shows: "The heron lands at dusk",
            trail: "embedded [1] > base64 > gzip",
        },
        Sample {
            bytes: b"a:1:{s:1:\"m\";s:46:\"H4sIAAAAAAACAwvJSFXISC3Kz1PIScxLKVZILFFIKS3OBgDZNcH0FwAAAA\";}",
            hint: "",
            shows: "The heron lands at dusk",
            trail: "embedded [1] > base64 > gzip",
        },
        Sample {
            bytes: b"wrote 789c0bc94855c8482dcacf53c849cc4b2956482c5148292dce060062d6085c to the store",
            hint: "",
            shows: "The heron lands at dusk",
            trail: "embedded [1] > hex > zlib",
        },
    ],
};

/// Digits of the shortest run: fewer hold no compressed value, and words and names are shorter.
const FEWEST: usize = 24;
/// The shortest text around a run.
const LEAST: usize = LONGEST_PLAIN + 1;
/// The lengths of the lines that encoders break base64 into (RFC 1421, RFC 2045, and those that keep to less).
const LINES: [usize; 4] = [60, 64, 72, 76];
/// Digits in front of a run that something may be glued to it in, and how many such places are tried.
const GLUE: usize = 48;
const GLUED: usize = 4;
/// What base64 and hexadecimal digits of compressed bytes and of JSON begin with: gzip, zlib, Zstandard, bzip2, xz, ZIP, `{"`,
/// `[{` and `["`.
const BEGINNINGS: [&[u8]; 14] = [
    b"H4sI", b"eJ", b"eN", b"eA", b"eF", b"KLUv", b"Qlpo", b"/Td6", b"UEsDB", b"eyJ", b"W3si", b"WyJ", b"1f8b08",
    b"1F8B08",
];

/// `{"` in base64, which the header of a web token begins with.
const TOKEN: &[u8] = b"eyJ";

const DIGITS: Shape = Shape::ALNUM.or(Shape::PLUS).or(Shape::SLASH).or(Shape::MINUS).or(Shape::UNDERSCORE);

fn is_digit(byte: u8) -> bool {
    Shape::of_byte(byte).within(DIGITS)
}

/// Runs of [`FEWEST`] digits and more, with their padding, and over the ends of lines where an encoder broke it.
fn runs(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut from = 0_usize;
    std::iter::from_fn(move || {
        // A run as long as that holds one of any two bytes that stand so far apart.
        let mut at = from.saturating_add(FEWEST).saturating_sub(1);
        loop {
            if !is_digit(*bytes.get(at)?) {
                at = at.saturating_add(FEWEST);
                continue;
            }
            let before =
                bytes.get(from..at).unwrap_or_default().iter().rev().take_while(|byte| is_digit(**byte)).count();
            let (start, mut end) = (at.saturating_sub(before), digits_end(bytes, at));
            if end.saturating_sub(start) < FEWEST {
                at = end.saturating_add(FEWEST);
                continue;
            }
            let line = end.saturating_sub(start);
            if LINES.contains(&line) {
                let mut indent = indent(bytes, start);
                while let Some(next) = next_line(bytes, start..end, line, indent) {
                    let full = next.len() == line;
                    indent = bytes.get(end..next.start).map(count_blanks);
                    end = next.end;
                    if !full {
                        break;
                    }
                }
            }
            let start = token_start(bytes, from, start).unwrap_or(start);
            if bytes.get(start..end).is_some_and(|run| run.starts_with(TOKEN)) {
                end = token_end(bytes, end);
            }
            let pads = bytes.get(end..).unwrap_or_default().iter().take_while(|byte| **byte == b'=').count();
            // Signs of equality before a value are none that fill up what stands before them.
            if pads <= 2 && !bytes.get(end.saturating_add(pads)).is_some_and(|byte| is_digit(*byte)) {
                end = end.saturating_add(pads);
            }
            from = end;
            return Some(start..end);
        }
    })
}

fn digits_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at.saturating_add(rest.iter().position(|byte| !is_digit(*byte)).unwrap_or(rest.len()))
}

/// The start of a web token whose header is in front of a run, behind `from`: it may be shorter than any run.
fn token_start(bytes: &[u8], from: usize, start: usize) -> Option<usize> {
    let before = bytes.get(from..start)?.strip_suffix(b".")?;
    let len = before.iter().rev().take_while(|byte| is_digit(**byte)).count();
    let (_, header) = before.split_at_checked(before.len().checked_sub(len)?)?;
    header.starts_with(TOKEN).then(|| start.saturating_sub(len).saturating_sub(1))
}

/// The end of a web token, whose parts dots join (RFC 7515, RFC 7516): its last part is no value of its own.
fn token_end(bytes: &[u8], end: usize) -> usize {
    let part = |at: usize| {
        let from = at.saturating_add(1);
        let end = digits_end(bytes, from);
        (bytes.get(at) == Some(&b'.') && end > from).then_some(end)
    };
    std::iter::successors(Some(end), |end| part(*end)).take(5).last().unwrap_or(end)
}

/// Blanks at the end of `bytes`.
fn count_blanks(bytes: &[u8]) -> usize {
    bytes.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// How far the line of a run that begins at `start` is indented; `None` if something stands before the run.
fn indent(bytes: &[u8], start: usize) -> Option<usize> {
    let before = bytes.get(..start)?;
    let blanks = count_blanks(before);
    let first = before.len().checked_sub(blanks)?;
    (first == 0 || bytes.get(first.checked_sub(1)?) == Some(&b'\n')).then_some(blanks)
}

/// The next line of what was broken into lines: as long as those before, or the last one and shorter; of the same alphabet, and
/// as far indented.
fn next_line(bytes: &[u8], run: Range<usize>, line: usize, indent: Option<usize>) -> Option<Range<usize>> {
    let at = match bytes.get(run.end..)? {
        [b'\r', b'\n', ..] => run.end.saturating_add(2),
        [b'\n', ..] => run.end.saturating_add(1),
        _ => return None,
    };
    let blanks = bytes.get(at..)?.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if indent.is_some_and(|indent| indent != blanks) {
        return None;
    }
    let at = at.saturating_add(blanks);
    let next = at..digits_end(bytes, at);
    let has = |range: Range<usize>, one: u8, other: u8| {
        memchr::memchr2(one, other, bytes.get(range).unwrap_or_default()).is_some()
    };
    let other = has(run, b'+', b'/') && has(next.clone(), b'-', b'_');
    ((1..=line).contains(&next.len()) && !other).then_some(next)
}

/// What digits decode to may be opened. Cheap for those that decode to nothing: they are nearly all.
fn may_open(hint: &Hint<'_>, run: &[u8]) -> bool {
    let opens = |within: &[&'static str], out: &[u8]| {
        is_text(out) || is_opened(&Hint { part: None, content_type: None, encoding: None, within, ..*hint }, out)
    };
    // Names joined by signs are no numbers.
    if run.starts_with(TOKEN) && run.contains(&b'.') {
        return true;
    }
    if is_uuid(run) || !run.iter().any(u8::is_ascii_digit) {
        return false;
    }
    let hex = run.strip_prefix(b"0x").unwrap_or(run);
    if hex.iter().all(u8::is_ascii_hexdigit) {
        let letters = hex.iter().any(u8::is_ascii_alphabetic);
        let out = data_encoding::HEXLOWER_PERMISSIVE.decode(hex);
        if letters && out.is_ok_and(|out| opens(&[IN_TEXT, "hex"], &out)) {
            return true;
        }
    }
    let lines = memchr::memchr(b'\n', run).is_some();
    let joined: Vec<u8>;
    let text = if lines {
        joined = run.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        &joined
    } else {
        run
    };
    let digits = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let padded = digits.len() < text.len();
    (!padded || text.len().is_multiple_of(4))
        && encoding(digits).decode(digits).is_ok_and(|out| opens(&[IN_TEXT, "base64"], &out))
}

/// The part of a run that may hold something: all of it, or what stands behind a sign that is a digit, too.
fn part(hint: &Hint<'_>, bytes: &[u8], run: Range<usize>) -> Option<Range<usize>> {
    let text = bytes.get(run.clone())?;
    if may_open(hint, text) {
        return Some(run);
    }
    let head = text.iter().take(GLUE).enumerate();
    let signs = head.filter(|(_, byte)| matches!(byte, b'/' | b'-' | b'_' | b'+')).map(|(at, _)| at.saturating_add(1));
    signs.take(GLUED).find_map(|at| {
        let rest = text.get(at..).filter(|rest| rest.len() >= FEWEST)?;
        let begins = BEGINNINGS.iter().any(|beginning| rest.starts_with(beginning));
        (begins && may_open(hint, rest)).then(|| run.start.saturating_add(at)..run.end)
    })
}

/// Whether bytes are a text for the most part: in what is none, pieces would say less than the whole.
fn is_mostly_text(bytes: &[u8]) -> bool {
    let binary = Shape::NUL.or(Shape::CONTROL);
    let others = bytes.iter().filter(|byte| Shape::of_byte(**byte).within(binary)).count();
    others == 0 || others.saturating_mul(8) <= bytes.len()
}

fn fits(hint: &Hint<'_>, bytes: &[u8]) -> Match {
    let mut runs = runs(bytes).filter(|run| run.len() < bytes.len()).peekable();
    if runs.peek().is_none() || !is_mostly_text(bytes) {
        return Match::No;
    }
    if runs.any(|run| part(hint, bytes, run).is_some()) { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], hint: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let (mut at, mut index, mut found) = (0_usize, 0_u32, 0_usize);
    let rest = |fields: &mut Fields<'_>, index: &mut u32, range: Range<usize>| {
        let kind = match bytes.get(range.clone()) {
            None | Some([]) => return,
            Some(text) if is_text(text) => Kind::Text,
            Some(_) => Kind::Bytes,
        };
        let view = fields.view(range);
        fields.unopened_leaf(Key::Index(*index), view, kind);
        *index = index.saturating_add(1);
    };
    for run in runs(bytes).filter(|run| run.len() < bytes.len()) {
        let Some(part) = part(hint, bytes, run) else { continue };
        if found >= budget::EMBEDDED_RUNS {
            fields.exhausted("embedded runs");
            break;
        }
        found = found.saturating_add(1);
        rest(fields, &mut index, at..part.start);
        at = part.end;
        let view = fields.view(part);
        fields.leaf(Key::Index(index), view, Kind::Text);
        index = index.saturating_add(1);
    }
    if found == 0 {
        return Err(Malformed::Illegal("embedded values"));
    }
    rest(fields, &mut index, at..bytes.len());
    fields.tentative();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::packed;
    use crate::field::walk_bytes;
    use crate::model::field::Step;
    use proptest::prelude::*;
    use std::io::Write as _;

    const TEXT: &[u8] = b"{\"m\":\"The heron lands at dusk\"}";

    fn coded(bytes: &[u8], how: usize) -> String {
        use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
        [BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER][how % 4].encode(bytes)
    }

    fn is_found(text: &str) -> bool {
        let bare = walk_bytes(text, Some("text/plain"), shows);
        let body = serde_json::json!({ "msg": text }).to_string();
        assert_eq!(bare, walk_bytes(body, None, shows), "{text}");
        bare
    }

    fn shows(tree: &crate::model::field::Tree<'_>) -> bool {
        tree.leaves().any(|(_, node)| tree.bytes(node) == b"The heron lands at dusk")
    }

    /// Signs that stand around values in logs, scripts and settings.
    fn around() -> impl Strategy<Value = String> {
        prop_oneof![
            "[A-Za-z ]{1,30}[ :('\"]",
            "[a-z]{1,9} *[=:] *",
            "cb\\(\\[?[\"']",
            "<[a-z]{1,5}>",
            "[0-9:. -]{4,20}[a-z]{3} "
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

        #[test]
        fn what_is_packed_into_a_line_is_found(
            before in around(), after in "[ )<|\\]][A-Za-z .:!]{0,20}", pack in 0..4_usize, code in 0..4_usize, twice in any::<bool>(),
        ) {
            let run = coded(&if pack == 3 { TEXT.to_vec() } else { packed(TEXT, pack) }, code);
            let line = format!("{before}{run}{after}");
            let line = if twice { format!("{line}\n{before}{}", coded(b"0123456789abcdef", code)) } else { line };
            // By chance lines of text are a Protocol Buffers message.
            let other = |tree: &crate::model::field::Tree<'_>| tree.nodes.iter().any(|node| node.step == Step::Open("protobuf"));
            prop_assume!(!walk_bytes(line.as_str(), Some("text/plain"), other));
            prop_assert!(is_found(&line), "{line}");
        }

        #[test]
        fn runs_are_found_wherever_they_begin(text in "([ .:]{1,3}[A-Za-z0-9+/]{0,60}){0,6}") {
            let all: Vec<Range<usize>> = runs(text.as_bytes()).collect();
            let mut want = Vec::new();
            let mut at = 0;
            for word in text.split([' ', '.', ':']) {
                if word.len() >= FEWEST {
                    want.push(at..at + word.len());
                }
                at += word.len() + 1;
            }
            prop_assert_eq!(all, want);
        }
    }

    /// Identifiers, digests and keys in a line leave it in one piece, but for what is a structure by chance.
    #[test]
    fn what_holds_nothing_stays() {
        let (mut all, mut opened) = (0, 0);
        for seed in 0..100_u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[0]
            };
            let bytes: Vec<u8> = (0..48 + seed * 5 / 2).map(|_| next()).collect();
            for code in 0..4 {
                let line = format!("session {} opened", coded(&bytes, code));
                let body = serde_json::json!({ "msg": line }).to_string();
                let stays =
                    walk_bytes(body, None, |tree| tree.leaves().any(|(_, node)| tree.bytes(node) == line.as_bytes()));
                all += 1;
                opened += usize::from(!stays);
            }
        }
        assert!(opened * 50 <= all, "{opened} of {all} were opened");
    }

    #[test]
    fn what_encoders_break_and_what_is_glued_is_found() {
        let noise: Vec<u8> = (0..200_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let json = serde_json::json!({ "m": "The heron lands at dusk", "k": data_encoding::HEXLOWER.encode(&noise) });
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        to.write_all(json.to_string().as_bytes()).unwrap();
        let run = data_encoding::BASE64.encode(&to.finish().unwrap());
        for line in LINES {
            for end in ["\n", "\r\n", "\n  ", "\r\n\t"] {
                let lines: Vec<&str> =
                    run.as_bytes().chunks(line).map(|line| std::str::from_utf8(line).unwrap()).collect();
                assert!(is_found(&format!("state: {}{end}2026-11-02 done", lines.join(end))), "{line} {end:?}");
            }
        }
        for before in ["dump/", "v1-", "state_of_", "0123-4567-"] {
            assert!(is_found(&format!("at 10:00, {before}{run}.")), "{before}");
        }
        assert!(is_found(&format!("\u{1b}[32mINFO\u{1b}[0m state={run} ok")), "colours");
    }

    #[test]
    fn lines_without_packed_values_are_left_whole() {
        for text in [
            "GET /static/js/main.3f9c2b1a7e5d4c6b8a90.chunk.js took 12 ms",
            "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12 by ada",
            "device 38400000-8cf0-11bd-b23e-10b96e40000d, install 550e8400-e29b-41d4-a716-446655440000",
            "user/profile/settings/notifications2/preferences opened",
            "digits 314159265358979323846264338327950288 of pi",
            "at com.example.messenger.conversation.ConversationListFragment$2.onCreateView(SourceFile:120)",
            "ids 65a1f0c2b7d34e0012ab34cd, 65a1f0c2b7d34e0012ab34ce",
        ] {
            walk_bytes(serde_json::json!({ "msg": text }).to_string(), None, |tree| {
                let trails: Vec<_> = tree.leaves().map(|(id, _)| tree.trail(id).join(" > ")).collect();
                assert!(trails.iter().all(|trail| !trail.contains(IN_TEXT)), "{text}: {trails:?}");
            });
        }
    }

    #[test]
    fn web_tokens_stay_in_one_piece() {
        let sealed = data_encoding::BASE64URL_NOPAD.encode(&[0xa7; 64]);
        let text = format!("sent Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJUaGUgaGVyb24ifQ.{sealed}, 200");
        walk_bytes(text, Some("text/plain"), |tree| {
            let trails: Vec<_> = tree.leaves().map(|(id, _)| tree.trail(id).join(" > ")).collect();
            assert!(
                trails.iter().any(|trail| trail == "embedded [1] > jwt payload > base64 > json $.sub"),
                "{trails:?}"
            );
        });
    }

    #[test]
    fn more_runs_than_the_budget_are_told() {
        let text = format!("{} ", coded(&packed(TEXT, 0), 0)).repeat(budget::EMBEDDED_RUNS + 2);
        walk_bytes(text, Some("text/plain"), |tree| assert_eq!(tree.exhausted, ["embedded runs"]));
    }
}
