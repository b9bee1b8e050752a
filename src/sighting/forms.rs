//! The forms a planted text can stand in, as bytes to look for.
//!
//! Decoders undo most encodings before anything is searched; these are the normal forms that remain, and a few for
//! bytes that no decoder could cut out (a base64 value inside a longer base64 run, escapes inside a log line).

use crate::model::sighting::Strength;
use crate::sighting::around::Coding;
pub(super) use crate::sighting::edge::Edge;
use crate::sighting::folded::fold;
use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;
use unicode_normalization::UnicodeNormalization as _;

/// Which buffers a form is looked for in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scope {
    /// All.
    All,
    /// Those that are not plain text.
    Binary,
    /// Those that are not plain text, each byte combined with the next by XOR.
    Xor,
}

/// One form of one value.
#[derive(Clone, Debug)]
pub(super) struct Form {
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// The form's name.
    pub(super) name: Cow<'static, str>,
    /// The value, or a hash of it.
    pub(super) strength: Strength,
    /// ASCII letters in either case.
    pub(super) fold: bool,
    /// What may stand beside it.
    pub(super) edge: Edge,
    /// Where to look.
    pub(super) scope: Scope,
    /// What stands beside it has to be decoded first.
    pub(super) coding: Option<Coding>,
}

/// Bytes from which a form stands for itself; shorter ones need boundaries.
pub(super) const LONG: usize = 8;
/// Bytes below which nothing is looked for.
pub(super) const SHORTEST: usize = 4;

/// Collects forms, each byte sequence once: the first name wins.
#[derive(Debug, Default)]
pub(super) struct Forms {
    seen: HashSet<(Vec<u8>, bool)>,
    /// What was collected.
    pub(super) out: Vec<Form>,
}

impl Forms {
    /// Adds a form.
    pub(super) fn push(&mut self, form: Form) {
        let key = if form.fold { form.bytes.to_ascii_lowercase() } else { form.bytes.clone() };
        if form.bytes.len() >= SHORTEST && self.seen.insert((key, form.scope == Scope::Xor)) {
            self.out.push(form);
        }
    }

    /// Adds a reversible form found in text, its case ignored.
    pub(super) fn text(&mut self, name: &'static str, text: &str, edge: Edge) {
        let edge = if text.len() < LONG { Edge::Word } else { edge };
        self.push(Form {
            bytes: text.as_bytes().to_vec(),
            name: Cow::Borrowed(name),
            strength: Strength::Value,
            fold: true,
            edge,
            scope: Scope::All,
            coding: None,
        });
    }

    /// Adds a reversible form in bytes that matter as they are.
    pub(super) fn exact(&mut self, name: impl Into<Cow<'static, str>>, bytes: &[u8], scope: Scope) {
        if bytes.len() < LONG {
            return;
        }
        let form = Form {
            bytes: bytes.to_vec(),
            name: name.into(),
            strength: Strength::Value,
            fold: false,
            edge: Edge::Any,
            scope,
            coding: None,
        };
        self.push(form);
    }

    /// Adds an encoded form, in text or not, with what may stand beside the value in it.
    fn inside(&mut self, name: &'static str, bytes: Vec<u8>, scope: Scope, edge: Edge, coding: Coding) {
        let fold = !matches!(coding, Coding::Xor { .. } | Coding::Digits { bits: 6, .. });
        if bytes.len() >= LONG {
            let (name, strength, coding) = (Cow::Borrowed(name), Strength::Value, Some(coding));
            self.push(Form { bytes, name, strength, fold, edge, scope, coding });
        }
    }

    /// Adds digits that framing may touch.
    pub(super) fn framed(&mut self, name: &'static str, digits: &str) {
        if digits.len() >= LONG {
            let (bytes, name, strength) = (digits.as_bytes().to_vec(), Cow::Borrowed(name), Strength::Value);
            let (edge, scope) = (Edge::Framed, Scope::Binary);
            self.push(Form { bytes, name, strength, fold: false, edge, scope, coding: None });
        }
    }

    /// Every form of a text.
    pub(super) fn of_text(&mut self, value: &str, edge: Edge) {
        let value = value.trim();
        self.text("as-typed", value, edge);
        let lower = value.to_lowercase();
        // Only letters outside ASCII need patterns of their own for their case.
        self.text("lower case", &lower, edge);
        self.text("upper case", &value.to_uppercase(), edge);
        for (name, normal) in [
            ("unicode nfc", value.nfc().collect::<String>()),
            ("unicode nfd", value.nfd().collect()),
            ("unicode nfkc", value.nfkc().collect()),
        ] {
            self.text(name, &normal, edge);
        }
        self.text("without accents", &plain(value), edge);
        self.text("in plain characters", &fold(value), edge);
        if value.contains(char::is_whitespace) {
            for (name, with) in
                [("spaces removed", ""), ("spaces as +", "+"), ("spaces as _", "_"), ("spaces as -", "-")]
            {
                self.text(name, &value.split_whitespace().collect::<Vec<_>>().join(with), edge);
            }
        }
        self.escapes(value, edge);
        self.text("reversed", &value.chars().rev().collect::<String>(), edge);
        self.text("rot13", &rot13(value), edge);
        self.encodings(value, edge);
    }

    /// Escapes, for bytes that no decoder took apart.
    fn escapes(&mut self, value: &str, edge: Edge) {
        let mut out = [const { String::new() }; 9];
        let [percent, lean, twice, json, all_json, html, decimal, hex, quoted] = &mut out;
        for char in value.chars() {
            let mut utf8 = [0; 4];
            let utf8 = char.encode_utf8(&mut utf8).as_bytes();
            let plain = char.is_ascii_alphanumeric() || "-_.~".contains(char);
            for byte in utf8 {
                let _ = write!(percent, "%{byte:02X}");
                if char == '=' || !(char == ' ' || char.is_ascii_graphic()) {
                    let _ = write!(quoted, "={byte:02X}");
                }
                if !plain {
                    let _ = write!(lean, "%{byte:02X}");
                    let _ = write!(twice, "%25{byte:02X}");
                }
            }
            if plain {
                lean.push(char);
                twice.push(char);
            }
            if char != '=' && (char == ' ' || char.is_ascii_graphic()) {
                quoted.push(char);
            }
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                let _ = write!(all_json, "\\u{unit:04x}");
                if !char.is_ascii() {
                    let _ = write!(json, "\\u{unit:04x}");
                }
            }
            match char {
                '"' | '\\' => json.extend(['\\', char]),
                '\n' => json.push_str("\\n"),
                '\t' => json.push_str("\\t"),
                _ if char.is_ascii() => json.push(char),
                _ => {}
            }
            match char {
                '&' => html.push_str("&amp;"),
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '"' => html.push_str("&quot;"),
                '\'' => html.push_str("&#39;"),
                _ if char.is_ascii() => html.push(char),
                _ => drop(write!(html, "&#{};", u32::from(char))),
            }
            let _ = write!(decimal, "&#{};", u32::from(char));
            let _ = write!(hex, "&#x{:x};", u32::from(char));
        }
        for (name, text) in [
            ("percent-encoded", &*lean),
            ("percent-encoded throughout", &*percent),
            ("percent-encoded twice", &*twice),
            ("json-escaped", &*json),
            ("json-escaped throughout", &*all_json),
            ("html-escaped", &*html),
            ("html decimal entities", &*decimal),
            ("html hexadecimal entities", &*hex),
            ("quoted-printable", &*quoted),
        ] {
            self.text(name, text, edge);
        }
    }

    /// Encodings of bytes to text and other charsets.
    pub(super) fn encodings(&mut self, value: &str, edge: Edge) {
        let bytes = value.as_bytes();
        if bytes.len() >= LONG
            && let (Some(first), Some(last)) = (bytes.first(), bytes.last())
        {
            let digits = |bits, shift| Coding::Digits { bits, shift, ends: (*first, *last) };
            self.inside("hex", HEXLOWER.encode(bytes).into_bytes(), Scope::All, edge, digits(4, 0));
            for shift in 0..3 {
                let (std, url) = (unaligned(&BASE64_NOPAD, bytes, shift), unaligned(&BASE64URL_NOPAD, bytes, shift));
                self.inside("base64", std.into_bytes(), Scope::All, edge, digits(6, shift));
                self.inside("base64url", url.into_bytes(), Scope::All, edge, digits(6, shift));
            }
            for shift in 0..5 {
                let coded = unaligned(&BASE32_NOPAD, bytes, shift);
                self.inside("base32", coded.into_bytes(), Scope::All, edge, digits(5, shift));
            }
            let delta: Vec<u8> = bytes.array_windows().map(|[a, b]| a ^ b).collect();
            self.inside("xor with one byte", delta, Scope::Xor, edge, Coding::Xor { first: *first });
        }
        // UTF-16 of ASCII holds zeros, so it never stands in plain text; of other scripts it may look like it.
        let scope = if value.is_ascii() { Scope::Binary } else { Scope::All };
        let wide = |size, little| Coding::Wide { size, little };
        let units = |unit: fn(u16) -> [u8; 2]| value.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        self.inside("utf-16le", units(u16::to_le_bytes), scope, edge, wide(2, true));
        self.inside("utf-16be", units(u16::to_be_bytes), scope, edge, wide(2, false));
        let units = |unit: fn(u32) -> [u8; 4]| value.chars().flat_map(|c| unit(u32::from(c))).collect::<Vec<u8>>();
        self.inside("utf-32le", units(u32::to_le_bytes), Scope::Binary, edge, wide(4, true));
        self.inside("utf-32be", units(u32::to_be_bytes), Scope::Binary, edge, wide(4, false));
        if !value.is_ascii() {
            self.misread(value);
            for (name, charset) in [
                ("latin-1", encoding_rs::WINDOWS_1252),
                ("windows-1251", encoding_rs::WINDOWS_1251),
                ("koi8-r", encoding_rs::KOI8_R),
                ("iso-8859-2", encoding_rs::ISO_8859_2),
                ("windows-1256", encoding_rs::WINDOWS_1256),
                ("windows-874", encoding_rs::WINDOWS_874),
                ("gb18030", encoding_rs::GB18030),
                ("big5", encoding_rs::BIG5),
                ("shift_jis", encoding_rs::SHIFT_JIS),
                ("euc-jp", encoding_rs::EUC_JP),
                ("euc-kr", encoding_rs::EUC_KR),
            ] {
                let (coded, _, lossy) = charset.encode(value);
                if !lossy {
                    // Never valid UTF-8 for long, so never taken for plain text.
                    self.exact(name, &coded, Scope::Binary);
                }
            }
        }
    }

    /// UTF-8 as programs garble it: read as another charset and written as UTF-8 again, once or twice, and with each half of
    /// a surrogate pair written as a character (CESU-8, Java's modified UTF-8).
    fn misread(&mut self, value: &str) {
        let windows =
            |text: &str| encoding_rs::WINDOWS_1252.decode_without_bom_handling(text.as_bytes()).0.into_owned();
        let latin: String = value.bytes().map(char::from).collect();
        let once = windows(value);
        let twice = windows(&once);
        for (name, text) in
            [("utf-8 as windows-1252", once), ("utf-8 as latin-1", latin), ("utf-8 as windows-1252 twice", twice)]
        {
            self.text(name, &text, Edge::Any);
        }
        let halves = value.chars().any(|letter| letter.len_utf16() > 1);
        let mut bytes = Vec::with_capacity(value.len());
        for unit in value.encode_utf16().filter(|_| halves) {
            let low = |shift: u16| u8::try_from(unit >> shift & 0x3f).unwrap_or(0) | 0x80;
            let high = u8::try_from(unit >> 12).unwrap_or(0);
            match unit {
                0..0x80 => bytes.push(u8::try_from(unit).unwrap_or(0)),
                0x80..0x800 => bytes.extend([u8::try_from(unit >> 6).unwrap_or(0) | 0xc0, low(0)]),
                _ => bytes.extend([high | 0xe0, low(6), low(0)]),
            }
        }
        // Never valid UTF-8, so never taken for plain text.
        if bytes.len() >= LONG {
            let (name, strength) = (Cow::Borrowed("cesu-8"), Strength::Value);
            let (edge, scope) = (Edge::Any, Scope::Binary);
            self.push(Form { bytes, name, strength, fold: true, edge, scope, coding: None });
        }
    }

    /// Adds a form of few but dense bytes, for buffers that are not text.
    pub(super) fn packed(&mut self, name: &'static str, bytes: &[u8]) {
        if bytes.len() >= 6 {
            let (bytes, name) = (bytes.to_vec(), Cow::Borrowed(name));
            let (strength, fold) = (Strength::Value, false);
            self.push(Form { bytes, name, strength, fold, edge: Edge::Any, scope: Scope::Binary, coding: None });
        }
    }

    /// Forms of an identifier: separators dropped, and the bytes that its digits spell.
    pub(super) fn of_identifier(&mut self, value: &str) {
        let bare: String = value.chars().filter(|c| c.is_alphanumeric()).collect();
        self.text("without separators", &bare, Edge::Digit);
        if let Ok(raw) = data_encoding::HEXLOWER_PERMISSIVE.decode(bare.as_bytes()) {
            if raw.len() == 6 {
                let pairs: Vec<String> = raw.iter().map(|byte| format!("{byte:02x}")).collect();
                self.text("with dashes", &pairs.join("-"), Edge::Digit);
                self.text("with colons", &pairs.join(":"), Edge::Digit);
                let quads: Vec<String> = raw.chunks(2).map(|pair| HEXLOWER.encode(pair)).collect();
                self.text("with dots", &quads.join("."), Edge::Digit);
                self.packed("raw bytes", &raw);
            }
            if raw.len() >= 8 {
                self.exact("raw bytes", &raw, Scope::Binary);
            }
            if let Some((chunk, _)) = raw.split_first_chunk::<16>()
                && raw.len() == 16
            {
                // The first three groups are little-endian in Microsoft's GUIDs.
                let mut guid = *chunk;
                for (from, to) in [(0, 4), (4, 6), (6, 8)] {
                    if let Some(group) = guid.get_mut(from..to) {
                        group.reverse();
                    }
                }
                self.exact("raw bytes of a guid", &guid, Scope::Binary);
                let text = HEXLOWER.encode(&raw);
                if let (Some(a), Some(b), Some(c), Some(d), Some(e)) =
                    (text.get(..8), text.get(8..12), text.get(12..16), text.get(16..20), text.get(20..))
                {
                    self.text("with dashes", &format!("{a}-{b}-{c}-{d}-{e}"), Edge::Digit);
                }
                self.exact("base64", BASE64_NOPAD.encode(&raw).as_bytes(), Scope::All);
                self.exact("base64url", BASE64URL_NOPAD.encode(&raw).as_bytes(), Scope::All);
            }
        }
    }
}

/// The part of an encoding of `bytes` that does not depend on the `shift` bytes before them nor on what follows.
pub(super) fn unaligned(encoding: &data_encoding::Encoding, bytes: &[u8], shift: usize) -> String {
    let bits = encoding.bit_width();
    let mut padded = vec![0; shift];
    padded.extend_from_slice(bytes);
    let text = encoding.encode(&padded);
    let (from, to) = ((shift * 8).div_ceil(bits), padded.len() * 8 / bits);
    text.get(from..to).unwrap_or_default().to_owned()
}

/// Letters without their accents.
fn plain(value: &str) -> String {
    value.nfd().filter(|c| !unicode_normalization::char::is_combining_mark(*c)).collect()
}

fn rot13(value: &str) -> String {
    let turn = |c: char, base: u8| {
        let letter = u8::try_from(c).unwrap_or(base).wrapping_sub(base);
        char::from(base + (letter + 13) % 26)
    };
    value
        .chars()
        .map(|c| match c {
            'a'..='z' => turn(c, b'a'),
            'A'..='Z' => turn(c, b'A'),
            _ => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn base64_is_found_at_any_alignment(
            before in proptest::collection::vec(any::<u8>(), 0..9),
            after in proptest::collection::vec(any::<u8>(), 0..9),
            value in "[ -~]{8,30}",
        ) {
            let mut bytes = before;
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(&after);
            for (coding, shifts) in [(&BASE64_NOPAD, 3), (&BASE64URL_NOPAD, 3), (&BASE32_NOPAD, 5)] {
                let text = coding.encode(&bytes);
                let any = (0..shifts).any(|shift| text.contains(&unaligned(coding, value.as_bytes(), shift)));
                prop_assert!(any);
            }
        }
    }
}
