//! What the messages of an unknown protocol are made of: told once the flow is over, from the first of them.

use crate::model::budget;
use crate::model::flow::{Fact, Flow};
use crate::model::opacity::{ColumnKind, Glimpse, Opacity, Range, power as power_of};
use crate::model::stream::Direction;
use crate::opacity;

/// Keeps the head of a message.
pub(super) fn glimpse(flow: &mut Flow, direction: Direction, bytes: &[u8]) {
    let kept = direction.of_mut(&mut flow.glimpses);
    if kept.len() < budget::GLIMPSES && !bytes.is_empty() {
        let head = bytes.get(..budget::GLIMPSE_BYTES).unwrap_or(bytes).to_vec();
        kept.push(Glimpse { len: bytes.len() as u64, head });
    }
}

/// Tells the segments, and forgets what they were told from.
pub(super) fn tell(flow: &mut Flow) {
    let message = entropy(flow);
    ranges(flow);
    power(flow, message);
}

fn ranges(flow: &mut Flow) {
    for (kept, direction) in
        std::mem::take(&mut flow.glimpses).into_iter().zip([Direction::ToServer, Direction::ToClient])
    {
        let to_server = direction == Direction::ToServer;
        let messages = kept.len() as u64;
        let columns = opacity::columns(&kept);
        if columns.is_empty() {
            let Some(first) = kept.first() else { continue };
            let parts = opacity::segments(&first.head);
            let last = parts.len().saturating_sub(1);
            flow.segments.extend(parts.into_iter().enumerate().map(|(index, part)| Range {
                to_server,
                start: part.start,
                end: if index == last {
                    (first.len == first.head.len() as u64).then_some(part.end)
                } else {
                    Some(part.end)
                },
                longest: if index == last { first.len.saturating_sub(part.start) } else { part.len() },
                kind: part.class.name(),
                messages: 1,
            }));
            continue;
        }
        let random = columns.last().is_some_and(|last| last.end.is_none() && last.kind == ColumnKind::Random);
        let lengths: Vec<u64> = kept.iter().map(|one| one.len).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let law = if random { opacity::length_law(&lengths) } else { None };
        flow.segments.extend(columns.into_iter().map(|column| Range {
            to_server,
            start: column.start,
            end: column.end,
            longest: column.end.unwrap_or(longest).saturating_sub(column.start),
            // Random-looking, and its lengths are those of a block cipher: positive evidence.
            kind: if law.is_some() && column.end.is_none() { Opacity::Encrypted.name() } else { column.kind.name() },
            messages,
        }));
        if let Some(block) = law {
            flow.add_fact(Fact {
                name: "opacity.length-law",
                value: format!("lengths rise in steps of {block} bytes, as those of a block cipher do"),
                weakness: None,
            });
        }
    }
}

/// The entropy of the longest message, where it is random-looking as a whole; its length.
fn entropy(flow: &mut Flow) -> Option<u64> {
    let longest = flow.glimpses.iter().flatten().max_by_key(|one| one.len)?;
    if opacity::assess(&longest.head).class != Opacity::RandomLooking {
        return None;
    }
    let (seen, len) = (longest.head.len(), longest.len);
    let value = format!(
        "{:.2} bits a byte over {seen} bytes, where random ones have {:.2}",
        opacity::entropy(&longest.head),
        opacity::expected_entropy(seen)
    );
    flow.add_fact(Fact { name: "opacity.entropy", value, weakness: None });
    Some(len)
}

/// What a judgement of random-looking is worth at the most bytes of a message it was made on: the message, a range of
/// it, or a field.
fn power(flow: &mut Flow, message: Option<u64>) {
    let random = Opacity::RandomLooking;
    let fields = flow.opaque.iter().filter(|payload| payload.opacity == random).map(|payload| payload.len);
    let ranges = flow.segments.iter().filter(|range| range.kind == random.name()).map(|range| range.longest);
    if let Some(len) = message.into_iter().chain(fields).chain(ranges).max() {
        flow.add_fact(Fact { name: "opacity.power", value: power_of(len), weakness: None });
    }
}
