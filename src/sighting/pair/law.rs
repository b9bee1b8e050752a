//! Length laws: does a field grow with the text, byte by byte or block by block?
//!
//! How surely is told in bits. If the lengths of a field had nothing to do with the text, every run would draw its length
//! from one and the same pot, whatever the pot holds. The lengths that a law demands then come up in all runs with a
//! chance of at most 2^-b, where b is the sum over the runs of log2(N / m), N the runs and m those that have this length:
//! no pot makes them likelier than the one that holds each as often as it was seen. From that goes what the choice of the
//! law is worth.

/// A law that lengths keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    /// Whole blocks of so many bytes; 1 for byte by byte.
    pub(super) step: u64,
    /// The text counts in UTF-16 rather than UTF-8.
    pub(super) wide: bool,
    /// That no chance made it so, in bits.
    pub(super) bits: f64,
}

/// Bytes of the blocks that ciphers have, and what choosing them is worth in bits: of few laws the commonest is worth
/// least, and where in a block the text begins is a choice of its own.
const STEPS: [(u64, f64); 3] = [(1, 1.0), (16, 2.0 + 4.0), (8, 4.0 + 3.0)];

/// The law that lengths keep best. `points`: what was sent in each run, and how long the field is. Without two lengths on
/// either side there is none.
pub(super) fn fit(points: &[(&str, u64)]) -> Option<Fit> {
    let first = points.first()?.1;
    if points.iter().all(|(_, len)| *len == first) {
        return None;
    }
    let likely = bits(points);
    let mut best: Option<Fit> = None;
    for wide in [false, true] {
        for (step, choice) in STEPS {
            let cost = choice + if wide { 2.0 } else { 0.0 };
            let better = best.is_none_or(|known| known.bits < likely - cost);
            if better && holds(points, step, wide) {
                best = Some(Fit { step, wide, bits: likely - cost });
            }
        }
    }
    best
}

/// Whether some constant, and some phase of the blocks, makes every length what the text's says.
fn holds(points: &[(&str, u64)], step: u64, wide: bool) -> bool {
    let measure = |text: &str| if wide { 2 * text.encode_utf16().count() as u64 } else { text.len() as u64 };
    let keeps = |phase: u64| {
        let mut constant: Option<i128> = None;
        points.iter().all(|(text, len)| {
            let blocks = measure(text).saturating_add(phase) / step;
            let rest = i128::from(*len) - i128::from(blocks.saturating_mul(step));
            *constant.get_or_insert(rest) == rest
        })
    };
    (0..step).any(keeps)
}

fn bits(points: &[(&str, u64)]) -> f64 {
    let runs = exact(points.len() as u64);
    let alike = |len: u64| exact(points.iter().filter(|(_, other)| *other == len).count() as u64);
    points.iter().map(|(_, len)| (runs / alike(*len)).log2()).sum()
}

fn exact(n: u64) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 5] =
        ["eight by", "the heron lands at dusk", "κλειδί", "a longer one, of forty-five bytes in all, yes", "x"];

    fn points(len: impl Fn(&str) -> u64) -> Vec<(&'static str, u64)> {
        TEXTS.iter().map(|text| (*text, len(text))).collect()
    }

    #[test]
    fn lengths_that_follow_the_text_keep_a_law() {
        let bytes = |text: &str| text.len() as u64;
        let wide = |text: &str| 2 * text.encode_utf16().count() as u64;
        for (what, points, want) in [
            ("a tag behind a stream", points(|text| bytes(text) + 28), Some((1, false))),
            ("blocks", points(|text| 16 + (bytes(text) + 11 + 16) / 16 * 16), Some((16, false))),
            ("short blocks", points(|text| 8 + (bytes(text) + 3) / 8 * 8), Some((8, false))),
            ("UTF-16", points(|text| wide(text) + 40), Some((1, true))),
            ("always the same", points(|_| 64), None),
            ("grows, but not so", points(|text| 28 + bytes(text) * 3 / 4), None),
            ("one run that is otherwise", points(|text| bytes(text) + if text.len() == 1 { 29 } else { 28 }), None),
        ] {
            assert_eq!(fit(&points).map(|fit| (fit.step, fit.wide)), want, "{what}");
        }
        assert_eq!(fit(&[]), None);
    }

    #[test]
    fn more_runs_say_it_more_surely_and_equal_texts_count() {
        let law = |texts: &[&'static str]| {
            let points: Vec<_> = texts.iter().map(|text| (*text, text.len() as u64 + 28)).collect();
            fit(&points).unwrap().bits
        };
        let two = law(&TEXTS[..2]);
        assert!((two - 1.0).abs() < 1e-9, "{two}");
        assert!(law(&[TEXTS[0], TEXTS[0], TEXTS[1], TEXTS[1]]) > two);
        assert!(law(&TEXTS[..4]) >= 7.0 && law(&TEXTS) > 10.0);
    }

    /// Lengths drawn from any one pot keep a law no oftener than is told.
    #[test]
    fn chance_keeps_a_law_as_seldom_as_is_told() {
        let mut state = 0x1234_5678_9abc_def1_u64;
        let mut draw = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        // The worst pot there is: it holds the very lengths that the law asks for.
        let texts = &TEXTS[..4];
        let trials = 200_000_u32;
        let mut sure = 0_u32;
        for _ in 0..trials {
            let points: Vec<_> =
                texts.iter().map(|text| (*text, texts[usize::try_from(draw(4)).unwrap()].len() as u64 + 28)).collect();
            sure += u32::from(fit(&points).is_some_and(|fit| fit.bits >= 6.64));
        }
        assert!(f64::from(sure) / f64::from(trials) < 0.01, "{sure} of {trials}");
    }
}
