//! How much likelier bytes are as text than as noise, in bits.
//!
//! Two normalised models of text, each a probability for every byte string of a length: by Markov's inequality uniform
//! bytes reach `t` bits with probability 2^-t at most, whatever the text models are worth. The penalty for choosing
//! between them is taken off. What is decided on these bits states its own number of trials against them.

/// Probability of a byte in text of Latin letters, JSON and the like, in 1/4096.
const fn latin(byte: u8) -> f64 {
    let share = match byte {
        b' ' => 480,
        b'e' => 330,
        b't' | b'a' => 220,
        b'o' | b'i' | b'n' | b's' | b'r' => 200,
        b'h' | b'l' | b'd' => 120,
        b'u' | b'c' | b'm' => 85,
        b'f' | b'p' | b'g' | b'w' | b'y' | b'b' => 56,
        b'v' | b'k' => 36,
        b'x' | b'j' | b'q' | b'z' => 14,
        b'0'..=b'9' => 36,
        b'"' => 110,
        b'.' | b',' | b':' => 50,
        b'-' | b'_' | b'\'' | b'{' | b'}' | b'/' | b'=' => 20,
        b'\n' => 16,
        b'A'..=b'Z' => 11,
        b'!'..=b'~' => 8,
        0x80..=0xff => 1,
        _ => 1,
    };
    share as f64 / 5120.0
}

/// Bits that each byte speaks for [`latin`] text over uniform bytes.
static LATIN: std::sync::LazyLock<[f64; 256]> = std::sync::LazyLock::new(|| {
    let mut table = [0.0; 256];
    for (byte, bits) in (0..=u8::MAX).zip(&mut table) {
        *bits = 8.0 + latin(byte).log2();
    }
    table
});

/// Bits by which one byte speaks for text in Latin letters.
pub(in crate::sighting) fn latin_bits(byte: u8) -> f64 {
    LATIN.get(usize::from(byte)).copied().unwrap_or(0.0)
}

/// Bits by which `bytes` speak for text over noise, and over silence, blank pictures and ramps; negative for what is no
/// text.
pub(in crate::sighting) fn legible(bytes: &[u8]) -> f64 {
    let ascii: f64 = bytes.iter().map(|byte| latin_bits(*byte)).sum();
    script(bytes, &mut |_, _| ()).map_or(ascii, |script| ascii.max(script)) - 1.0 - repeats(bytes).max(0.0)
}

/// Bits by which `bytes` speak for one sample that comes again and again, over noise: a byte is that of the sample before
/// in 127 cases of 128. Text is far from it.
fn repeats(bytes: &[u8]) -> f64 {
    let of = |width: usize| -> f64 {
        let again = bytes.iter().zip(bytes.iter().skip(width)).map(|(a, b)| if a == b { 7.99 } else { -7.0 });
        again.sum()
    };
    (1..=4).map(of).fold(f64::MIN, f64::max)
}

/// What stands in front of the first byte that no text has; behind it is padding, a tag, or nothing that was text.
pub(in crate::sighting) fn clean(plain: &[u8]) -> &[u8] {
    let cut = plain.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    let rest = plain.get(cut..).unwrap_or_default();
    let valid = rest.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    let end = valid.find(control).unwrap_or(valid.len());
    plain.get(..cut + end).unwrap_or_default()
}

/// Bits for text in any script as UTF-8; up to three bytes of a character cut at either end count for nothing. `each` is
/// told the length of each character and its bits.
pub(super) fn script(bytes: &[u8], each: &mut dyn FnMut(usize, f64)) -> Option<f64> {
    let cut = bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    let mut rest = bytes.get(cut..).unwrap_or_default();
    // Which of four cuts at the front, and whether one at the end.
    let mut bits = -3.0;
    let mut last = None;
    while let Some(lead) = rest.first().copied() {
        let len = match lead {
            0..=0x7f => 1,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return None,
        };
        let gain = if len == 1 {
            // Two characters of five are ASCII (marks, spaces, digits).
            latin_bits(lead) - 1.32
        } else {
            let Some(char) = rest.get(..len) else {
                // Cut at its end.
                return if rest.iter().skip(1).all(|byte| byte & 0xc0 == 0x80) { Some(bits) } else { None };
            };
            let text = std::str::from_utf8(char).ok()?;
            if text.chars().any(char::is_control) {
                return None;
            }
            // As likely as not the same lead byte as before: alphabets stand together. Else one of fifty.
            let begins = if last == Some(lead) { 8.0 - 1.32 } else { 8.0 - 2.33 - 5.65 };
            last = Some(lead);
            // Continuation bytes are 64 of 256.
            let goes_on = match len {
                2 => 2.0,
                3 => 4.0,
                _ => 6.0,
            };
            begins + goes_on
        };
        each(len, gain);
        bits += gain;
        rest = rest.get(len..).unwrap_or_default();
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_models_are_normalised() {
        let sum: f64 = (0..=u8::MAX).map(latin).sum();
        assert!(sum <= 1.0 && sum > 0.9, "{sum}");
        // Leads: ASCII at 0.4 of a normalised model, the last one at 0.4, 51 others at 0.2 together.
        assert!(2_f64.powf(-1.32) <= 0.4006 && 51.0 * 2_f64.powf(-2.33 - 5.65) <= 0.21);
    }

    #[test]
    fn what_only_repeats_is_no_text() {
        let ramp: Vec<u8> = (0..200).map(|at| if at < 100 { b'e' } else { b't' }).collect();
        for bytes in [vec![b' '; 40], b"etet".repeat(20), b"the ".repeat(20), "ии".repeat(40).into(), ramp] {
            assert!(legible(&bytes) < 0.0, "{}: {}", String::from_utf8_lossy(&bytes), legible(&bytes));
        }
    }

    #[test]
    fn text_speaks_for_itself_and_noise_does_not() {
        for (text, least) in [
            ("The heron lands at dusk", 45.0),
            ("{\"to\":\"+447700900377\",\"text\":\"hi\"}", 40.0),
            ("Ο φαροφύλακας αφήνει", 60.0),
            ("我们在黄昏时见面", 30.0),
            ("مرحبا بكم في البيت", 60.0),
        ] {
            let bits = legible(text.as_bytes());
            assert!(bits > least, "{text}: {bits}");
        }
        let mut state = 1_u64;
        for n in 0..20_000_usize {
            let noise: Vec<u8> = (0..8 + n % 40)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                })
                .collect();
            assert!(legible(&noise) < 20.0, "{noise:?}");
        }
    }
}
