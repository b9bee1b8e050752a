//! Text character by character: what kind of character follows what kind, in any script, and which of its kind it is.
//!
//! Byte pairs see little in a few characters that pass between scripts, figures and signs (`user 高橋 %(id)s`). Here a
//! character costs its kind after the one before it, and its place within the kind: of Han one in 20,992, of a
//! script with a block of its own one in 128, of ASCII as often as each is. The code is complete over UTF-8, so that what it saves
//! against uniform bytes is evidence as everywhere.

use super::pairs;

/// Costs in sixteenths of a bit, rounded up, in prose and in structured text: of each kind after each, then of each ASCII
/// character within its kind. `benches/opacity/corpus.py train` writes them.
static TABLES: &[[u8; KINDS * KINDS + 128]; 2] = {
    let raw: &[u8; 2 * (KINDS * KINDS + 128)] = include_bytes!("characters.bin");
    let (tables, _) = raw.as_chunks();
    match tables.first_chunk() {
        Some(tables) => tables,
        None => panic!("two tables"),
    }
};
const KINDS: usize = 15;
/// A code for what text never has.
const NEVER: u32 = 40 * pairs::STEPS;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Break,
    Lower,
    Upper,
    Digit,
    Sign,
    /// In one of the last two blocks of 128.
    Block,
    Latin,
    Han,
    Kana,
    Hangul,
    /// Signs of the East, and its wide forms.
    Wide,
    /// Punctuation and signs of every script.
    General,
    /// In another block.
    Other,
    /// Beyond the first plane.
    Astral,
}

/// The last two blocks of 128 that characters were in, but for kinds that have their own.
type Blocks = [u32; 2];

/// The kind of a character, and its cost within the kind in prose and in structured text, in steps.
fn kind(c: char, blocks: Blocks) -> (Kind, [u32; 2]) {
    let code = u32::from(c);
    let bits = |kind, tenths: u32| (kind, [(tenths * pairs::STEPS).div_ceil(10); 2]);
    let [first, second] = blocks;
    match code {
        0..0x80 => {
            let own = |table: &[u8; KINDS * KINDS + 128]| {
                let at = usize::try_from(code).ok().and_then(|code| table.get(KINDS * KINDS + code));
                at.copied().unwrap_or(255).into()
            };
            let kind = match c {
                ' ' => Kind::Space,
                '\t' | '\r' | '\n' => Kind::Break,
                'a'..='z' => Kind::Lower,
                'A'..='Z' => Kind::Upper,
                '0'..='9' => Kind::Digit,
                _ => Kind::Sign,
            };
            (kind, if c.is_ascii_control() && kind != Kind::Break { [NEVER; 2] } else { TABLES.each_ref().map(own) })
        }
        // Most of 128 characters twice, few of the rest.
        0x80..0x180 => bits(Kind::Latin, 83),
        0x180..0x250 | 0x1e00..0x1f00 => bits(Kind::Latin, 113),
        0x2000..0x2080 => bits(Kind::General, 73),
        0x2080..0x2180 => bits(Kind::General, 104),
        0x4e00..0xa000 => bits(Kind::Han, 144),
        0x3040..0x3100 => bits(Kind::Kana, 76),
        0xac00..0xd7a4 => bits(Kind::Hangul, 135),
        0x3000..0x3040 => bits(Kind::Wide, 70),
        0xff00..0xfff0 => bits(Kind::Wide, 90),
        // Most are of the planes' first pictures.
        0x1_f300..0x1_fb00 => bits(Kind::Astral, 115),
        0x1_0000.. => bits(Kind::Astral, 222),
        _ if code >> 7 == first => bits(Kind::Block, if second == NONE { 70 } else { 73 }),
        _ if code >> 7 == second => bits(Kind::Block, 96),
        _ => bits(Kind::Other, 160),
    }
}

const NONE: u32 = u32::MAX;

/// Bits of text where it may pass from one model of byte pairs to another or to this one at any character (Viterbi). A
/// change costs five bits, staying what that leaves. `None` if the bytes are not UTF-8, but for a character cut at either end.
#[inline(never)]
pub(super) fn bits(bytes: &[u8]) -> Option<f64> {
    const CHANGE: u32 = 5 * pairs::STEPS;
    const STAY: u32 = 3;
    let text = trimmed(bytes)?;
    let cut = u32::try_from(bytes.len().saturating_sub(text.len())).unwrap_or(u32::MAX);
    // Two bits for the model to begin with.
    let mut now = [2 * pairs::STEPS; 5];
    let (mut last, mut before, mut blocks) = (b' ', Kind::Space, [NONE; 2]);
    let mut buffer = [0; 4];
    // This model alone, which need not say that it stays.
    let mut alone = [pairs::STEPS; 2];
    for c in text.chars() {
        let least = now.into_iter().min().unwrap_or(0).saturating_add(CHANGE);
        let (kind, own) = kind(c, blocks);
        let after = TABLES.each_ref().map(|table| table.get(before as usize * KINDS + kind as usize).copied());
        let [prose, shaped] = after.map(|after| u32::from(after.unwrap_or(255)));
        let mut costs = [0, 0, 0, prose + own[0], shaped + own[1]];
        for next in c.encode_utf8(&mut buffer).bytes() {
            for (sum, cost) in costs.iter_mut().zip(pairs::cost(last, next)).take(3) {
                *sum += u32::from(cost);
            }
            last = next;
        }
        for (sum, cost) in alone.iter_mut().zip(costs.iter().skip(3)) {
            *sum = sum.saturating_add(*cost);
        }
        for (now, cost) in now.iter_mut().zip(costs) {
            *now = now.saturating_add(STAY).min(least).saturating_add(cost);
        }
        if matches!(kind, Kind::Block | Kind::Other) {
            let [first, second] = blocks;
            let block = u32::from(c) >> 7;
            blocks = [block, if block == first { second } else { first }];
        }
        before = kind;
    }
    let least = now.into_iter().chain(alone).min().unwrap_or(0);
    Some(f64::from(least) / f64::from(pairs::STEPS) + 8.0 * f64::from(cut))
}

/// Bits of a code that nobody has told, whose alphabet is what ASCII prints, as codes of 85 to 94 signs are: no breaks, and
/// every sign alike.
#[inline(never)]
pub(super) fn code_bits(bytes: &[u8]) -> Option<f64> {
    let each = f64::from(b'~' - b'!' + 1).log2();
    let all = bytes.iter().all(u8::is_ascii_graphic);
    all.then(|| each * f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX)))
}

/// The whole characters: all but up to three bytes of one that is cut, at either end.
pub(super) fn trimmed(bytes: &[u8]) -> Option<&str> {
    let head = bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    let rest = bytes.get(head..)?;
    match std::str::from_utf8(rest) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            rest.get(..error.valid_up_to()).and_then(|text| std::str::from_utf8(text).ok())
        }
        Err(_) => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn share(steps: u32) -> f64 {
        2_f64.powf(-f64::from(steps) / f64::from(pairs::STEPS))
    }

    #[test]
    fn no_kind_promises_more_than_one_code() {
        for table in TABLES {
            for row in table[..KINDS * KINDS].chunks(KINDS) {
                let sum: f64 = row.iter().map(|cost| share(u32::from(*cost))).sum();
                assert!(sum <= 1.0 && sum > 0.9, "{row:?} {sum}");
            }
        }
        let (cyrillic, arabic, persian) = (0x400 >> 7, 0x600 >> 7, 0x680 >> 7);
        for blocks in [[NONE; 2], [cyrillic, NONE], [arabic, persian], [cyrillic, arabic]] {
            let mut sums = [[0.0; 2]; KINDS];
            for c in '\0'..=char::MAX {
                let (kind, steps) = kind(c, blocks);
                for (sum, steps) in sums[kind as usize].iter_mut().zip(steps) {
                    *sum += share(steps);
                }
            }
            assert!(sums.as_flattened().iter().all(|sum| *sum <= 1.0), "{blocks:?} {sums:?}");
        }
    }

    #[test]
    fn a_few_characters_of_any_script_are_text() {
        for text in SHORT {
            let bits = bits(text.as_bytes()).expect("UTF-8") + 21.0;
            assert!(bits < 8.0 * f64::from(u32::try_from(text.len()).unwrap()), "{text} {bits}");
        }
    }

    #[test]
    fn edges_may_be_cut_and_nothing_else() {
        for text in SHORT.into_iter().filter(|text| !text.is_ascii()) {
            let long = text.repeat(2);
            for cut in 0..4 {
                let piece = &long.as_bytes()[cut..long.len() - cut];
                assert!(bits(piece).is_some(), "{text} {cut}");
            }
            // A byte within a character that cannot stand there.
            let mut broken = long.into_bytes();
            let within = broken.iter().rposition(|byte| *byte >= 0xc0).unwrap();
            broken[within + 1] = 0xff;
            assert_eq!(bits(&broken), None, "{text}");
        }
        assert_eq!(bits(&[0x80; 5]), None);
    }

    #[test]
    fn a_code_of_signs_has_no_breaks() {
        assert!(code_bits(b"fPNKd,wV&j$Z`1a3").is_some_and(|bits| bits > 6.5 * 16.0 && bits < 6.6 * 16.0));
        assert_eq!(code_bits(b"fPNKd wV"), None);
        assert_eq!(code_bits("fPNKdé".as_bytes()), None);
    }

    /// Of sixteen bytes at most, in whole characters.
    pub(in crate::opacity) const SHORT: [&str; 28] = [
        "數值 %(value)r",
        "Slug %r 尚未",
        "唐杨;阳市;16",
        "@/./+/-/_ を使",
        "URL アドレス",
        "모델 %(model_n",
        "id=서울 2026",
        "user Иван #7",
        "Σφάλμα 404",
        "שגיאה 404!",
        "خطأ: 404 id",
        "فایل %(id)s",
        "@/./+/-/_ फक",
        "নাম: %s",
        "பெயர்=7",
        "ชื่อ: x9",
        "Անուն URL",
        "სახე: 12",
        "ስም: 404 x",
        "ဖိုင် 12",
        "ឯកសារ 7",
        "ᎣᏏᏲ ᏣᎳ",
        "Lỗi số 404: đ",
        "Größe: 12 €",
        "if (n > 0) { x;}",
        "c-1.3,0.5-2,.8-4",
        "for (i=0; i<n;++",
        "ok 👍🏽 👋 id",
    ];
}
