//! One message, range by range: a clear header, ciphertext, a trailer.

use super::{SHORTEST, encoding, judge, pairs};
use crate::model::opacity::{Assessment, Opacity, OpacityTally, Segment};

/// Longer messages are cut by blocks of this many bytes at their head; the rest counts as its last range.
pub(super) const LOOKED: usize = 16 << 10;
/// Bits that a change of kind costs: the evidence from which a model is believed, and the choice of where it begins; with
/// less, one in 200,000 sealed fields would show a few readable bytes at its edge.
const CHANGE: u32 = BITS * pairs::STEPS;
const BITS: u32 = 24;
/// Steps that a readable range between unreadable ones saves at least, in the range of one model: as much as the change.
const ISLAND: i16 = 24 * 16;
/// Noise and the readable kinds.
const KINDS: usize = 5;

/// The kinds of bytes in a message, in order and without gaps. Ranges shorter than noise can be told (`SHORTEST`) join
/// the unknown. Found by the shortest code over all ways to cut (Viterbi).
pub fn segments(bytes: &[u8]) -> Vec<Segment> {
    let head = bytes.get(..LOOKED).unwrap_or(bytes);
    let mut costs = [0_u32; KINDS];
    let mut from: Vec<[u8; KINDS]> = Vec::with_capacity(head.len());
    let mut last = b' ';
    for byte in head {
        let [a, b, c, d] = pairs::cost(last, *byte);
        // Runs of one byte are padding or empty fields.
        let step = [8 * pairs::STEPS, u32::from(a), u32::from(b), u32::from(c), u32::from(d)];
        let (least, at) = (costs.iter().copied().zip(0_u8..)).min().unwrap_or((0, 0));
        let mut came = [at; KINDS];
        for ((kind, (cost, came)), step) in (0_u8..).zip(costs.iter_mut().zip(&mut came)).zip(step) {
            let stay = *cost;
            if stay <= least.saturating_add(CHANGE) {
                *came = kind;
            }
            *cost = stay.min(least.saturating_add(CHANGE)).saturating_add(step);
        }
        let floor = costs.iter().copied().min().unwrap_or(0);
        for cost in &mut costs {
            *cost = cost.saturating_sub(floor);
        }
        from.push(came);
        last = *byte;
    }
    let mut kind = (costs.iter().copied().zip(0_u8..)).min().map_or(0, |(_, kind)| kind);
    let mut kinds = Vec::with_capacity(head.len());
    for came in from.iter().rev() {
        kinds.push(kind);
        kind = came.get(usize::from(kind)).copied().unwrap_or(0);
    }
    kinds.reverse();
    let mut out: Vec<Segment> = Vec::new();
    let mut start = 0_usize;
    for run in kinds.chunk_by(|a, b| (*a == 0) == (*b == 0)) {
        let end = start.saturating_add(run.len());
        let noise = run.first() == Some(&0);
        let end_all = if end == head.len() { bytes.len() } else { end };
        let part = bytes.get(start..end).unwrap_or_default();
        let (class, model) = if noise && part.len() < SHORTEST {
            (Opacity::Unknown, "too short")
        } else if noise {
            (Opacity::RandomLooking, "uniform")
        } else {
            encoded(part).unwrap_or((Opacity::Plaintext, "text or structure"))
        };
        let (start_at, end_at) = (start as u64, end_all as u64);
        match out.last_mut() {
            Some(before) if before.class == class => before.end = end_at,
            _ => out.push(Segment { start: start_at, end: end_at, class, model }),
        }
        start = end;
    }
    out
}

/// A readable range that is wholly an encoding.
fn encoded(part: &[u8]) -> Option<(Opacity, &'static str)> {
    let text = pairs::text_bits(part);
    let best = encoding::readings(part, pairs::is_text(part)).into_iter().min_by(|a, b| a.bits.total_cmp(&b.bits))?;
    (part.len() >= SHORTEST && best.bits < text).then_some((Opacity::Encoded, best.name))
}

/// The longest unreadable range of bytes that are neither readable nor unreadable as a whole.
pub fn closed_range(bytes: &[u8], told: &Assessment) -> Option<Segment> {
    if told.class != Opacity::Unknown || told.model != MIXED {
        return None;
    }
    segments(bytes).into_iter().filter(|part| part.class.is_opaque()).max_by_key(Segment::len)
}

/// The model of an [`Assessment`] of bytes that have readable and unreadable ranges.
pub(super) const MIXED: &str = "readable and unreadable parts";

/// A message's bytes by class: as one where it is of one kind, else range by range.
pub fn tally(bytes: &[u8]) -> OpacityTally {
    let mut tally = OpacityTally::default();
    let whole = judge::assess(bytes);
    let mixed = mixed(whole.model, whole.class) && pairs::has_island(bytes.get(..LOOKED).unwrap_or(bytes), ISLAND);
    let parts = if mixed { segments(bytes) } else { Vec::new() };
    if parts.len() < 2 {
        tally.add(whole.class, bytes.len() as u64);
    } else {
        for part in parts {
            tally.add(part.class, part.len());
        }
    }
    tally
}

fn mixed(model: &str, class: Opacity) -> bool {
    class.is_opaque() || (class == Opacity::Unknown && model == MIXED)
}
