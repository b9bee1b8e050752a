//! Electronic code book: equal blocks of plaintext become equal blocks of ciphertext.

use crate::sighting::run::{Find, Proof, Run, RunCard, RunDetector, Session};
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub(super) struct Ecb;

static CARD: RunCard = RunCard {
    id: "ecb",
    title: "Blocks enciphered one by one (ECB)",
    why: "Whoever sees the ciphertext sees which parts of messages are equal, within one and over all of them: phrases, \
          templates and pictures show through, and one known message reads parts of the others.",
    bound: "Counted are equal blocks side by side, or two different blocks that come again at other offsets, whose bytes \
            spread like noise. Of N blocks of sound encryption, two neighbours are equal with N·2^-128 (16 bytes) or \
            N·2^-64 (8 bytes): 5e-14 for a million blocks of 8; two pairs elsewhere with N^4/8·2^-128: 4e-16.",
    hits: &[
        // AES-128-ECB of a JSON text with 64 equal characters.
        Session {
            payloads: &[
                "173db5d4f68506e9a6919b6b3ddfc76748128e519f9165b2d44ca40b1539b72e6414bd67072923ebbd52610508f4deeb6414bd67072923ebbd52610508f4deeb6414bd67072923ebbd52610508f4deebf6b501105a11cc59d53d57258375646d",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
    ],
    misses: &[
        // The same text in CBC: nothing twice.
        Session {
            payloads: &[
                "6f717089c3a93ce3df65f4db2ed15ec663b4599bbec19def9401609699c674d7b6e477f912551fe04bc5949d10d602296205abfd795997b8837b7003ab2bf7b1ba4b59e8181d2a2adec94afcd94563a0c0f45e40b5ff67f5287729c44e71e015",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
        // Identifiers (UUIDs, version 4) as raw bytes, one of them twice in a row.
        Session {
            payloads: &[
                "0f8fad5bd9cb469fa16570867728950e0f8fad5bd9cb469fa16570867728950e7c9e667974254b0d944be07fc1f90ae7550e8400e29b41d4a716446655440000",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
        // Places as doubles, standing still.
        Session {
            payloads: &[
                "9a3ab4ec1f6e4840e6d2b1a5c85a02409a3ab4ec1f6e4840e6d2b1a5c85a02409a3ab4ec1f6e4840e6d2b1a5c85a02407b1fb4ec1f6e4840a1d2b1a5c85a0240",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
        // One header in front of two messages.
        Session {
            payloads: &[
                "8b42bd9e62a39f3a90d33aae9f8e6da57c1de9f3d2b4856f90a5c1b7e86d32f0a1b9c3d5e7f6081293a4b5c6d7e8f90a",
                "8b42bd9e62a39f3a90d33aae9f8e6da5da05f0feecc1cb0f4b0ff1e2c3746c1ab3e1d7f50c2a4968875e6f7d8c9bab10",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
    ],
};

impl RunDetector for Ecb {
    fn card(&self) -> &'static RunCard {
        &CARD
    }

    fn on_run(&self, run: &Run<'_>, out: &mut Vec<Find>) {
        for members in run.slots().into_values() {
            // What repeats every 16 bytes repeats every 8 as well: the longer block explains more.
            if let Some(find) = [16, 8].into_iter().find_map(|size| slot(run, &members, size)) {
                out.push(find);
            }
        }
    }
}

/// Distinct bytes below which a block is structure rather than ciphertext: noise has fewer with a chance of 2^-20 (16
/// bytes) and 2^-13 (8 bytes).
const fn fewest_distinct(size: usize) -> usize {
    if size == 16 { 11 } else { 6 }
}

/// The blocks of a payload; what is in front of the first whole block is a header.
fn blocks(bytes: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    bytes.get(bytes.len() % size..).unwrap_or_default().chunks_exact(size)
}

/// Whether two different blocks agree in half of their bytes: records that come again with small changes do. Of two thousand
/// blocks of a cipher, two of 8 bytes do so with 2^-10.
fn has_likes(bytes: &[u8], size: usize) -> bool {
    [0, size / 2].into_iter().any(|from| {
        let mut halves: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
        blocks(bytes, size).any(|block| {
            let half = block.get(from..from + size / 2).unwrap_or_default();
            *halves.entry(half).or_insert(block) != block
        })
    })
}

fn slot(run: &Run<'_>, members: &[usize], size: usize) -> Option<Find> {
    let payload = |index: usize| run.payloads.get(index).copied();
    let long = |index: &&usize| {
        // Of a payload that is not whole the last block is cut, and the alignment with it.
        // Short blocks repeat in many files; where they are a cipher's, payloads are whole numbers of them.
        let fits = |len: usize| len >= 2 * size && (size == 16 || len.is_multiple_of(size));
        payload(**index).is_some_and(|p| p.is_whole() && fits(p.bytes.len()) && !has_likes(&p.bytes, size))
    };
    let members: Vec<usize> = members.iter().filter(long).copied().collect();
    // Where each block stands: payload and offset in blocks.
    let mut places: BTreeMap<&[u8], Vec<(usize, usize)>> = BTreeMap::new();
    for index in &members {
        let bytes = payload(*index)?.bytes.as_slice();
        if !run.spend(bytes.len()) {
            return None;
        }
        for (at, block) in blocks(bytes, size).enumerate() {
            places.entry(block).or_default().push((*index, at));
        }
    }
    // Also at twice the length: identifiers of 16 bytes look like blocks of 8.
    let distinct = |size| -> BTreeSet<&[u8]> {
        members.iter().filter_map(|index| payload(*index)).flat_map(|p| blocks(&p.bytes, size)).collect()
    };
    if !is_noise(places.keys().copied(), size) || (size == 8 && !is_noise(distinct(16).into_iter(), 16)) {
        return None;
    }
    let spread = |block: &[u8]| block.iter().collect::<BTreeSet<_>>().len() >= fewest_distinct(size);
    let mut neighbours = 0_usize;
    let mut elsewhere = 0_usize;
    let mut moved_all = Moves::default();
    let mut proof: BTreeSet<usize> = BTreeSet::new();
    for (_, places) in places.iter().filter(|(block, places)| places.len() > 1 && spread(block)) {
        let mut moved = false;
        for pair in places.array_windows::<2>() {
            let [one, other] = *pair;
            if one.0 == other.0 && one.1 + 1 == other.1 {
                neighbours += 1;
                proof.insert(one.0);
            } else if one.1 != other.1 && stands_alone(run, one, other, size) {
                moved = true;
                proof.extend([one.0, other.0]);
                moved_all.add(run, [one, other], size);
            }
        }
        elsewhere += usize::from(moved);
    }
    if neighbours == 0 && moved_all.are_records(elsewhere, size) {
        return None;
    }
    // A codec's frame for silence comes again and again, too: of short blocks one pair is not enough.
    let enough = neighbours >= if size == 16 { 1 } else { 2 } || elsewhere >= 2;
    if !enough || proof.is_empty() {
        return None;
    }
    let all: usize = places.values().map(Vec::len).sum();
    let repeated = all - places.len();
    let first = payload(*proof.first()?)?;
    Some(Find {
        detector: CARD.id,
        reason: format!(
            "What goes by \"{}\" is enciphered block by block (ECB): {repeated} of {all} blocks of {size} bytes are equal to \
             earlier ones, so equal text shows as equal ciphertext",
            first.label
        ),
        undone: None,
        proof: proof.into_iter().map(Proof::unread).collect(),
    })
}

/// Where a block stands, in bytes from the start of its payload and to its end.
type Stand = (usize, usize);

fn stand(run: &Run<'_>, (index, at): (usize, usize), size: usize) -> Option<Stand> {
    let len = run.payloads.get(index)?.bytes.len();
    let from = (len % size).saturating_add(at.saturating_mul(size));
    Some((from, len.checked_sub(from)?))
}

/// Shortest record, in blocks: something that names it, and what is sealed in it.
const RECORD: usize = 3;
/// Blocks of a name: an identifier, a public key.
const NAME: usize = 2;
/// Blocks that come again from which on several of a record may.
const MANY: usize = 3;

/// Blocks that come again at other offsets.
#[derive(Default)]
struct Moves<'b> {
    /// Where each stands, and where it comes again.
    all: Vec<[Stand; 2]>,
    /// The same of those in front of which nothing comes again.
    first: Vec<[Stand; 2]>,
    /// Different ones among the latter.
    names: BTreeSet<&'b [u8]>,
    /// Blocks that come again in a row.
    longest: usize,
}

impl<'b> Moves<'b> {
    fn add(&mut self, run: &Run<'b>, [one, other]: [(usize, usize); 2], size: usize) {
        let Some(pair) = stand(run, one, size).zip(stand(run, other, size)).map(|(one, other)| [one, other]) else {
            return;
        };
        self.all.push(pair);
        let block = |(index, at): (usize, usize)| -> Option<&'b [u8]> {
            let from = stand(run, (index, at), size)?.0;
            run.payloads.get(index)?.bytes.get(from..from.checked_add(size)?)
        };
        let before = |(index, at): (usize, usize)| block((index, at.checked_sub(1)?));
        if before(one).is_none_or(|mine| before(other) != Some(mine)) {
            self.first.push(pair);
            self.names.extend(block(one));
            let same = |by: &usize| {
                let of = |(index, at): (usize, usize)| block((index, at.saturating_add(*by)));
                of(one).is_some_and(|mine| of(other) == Some(mine))
            };
            self.longest = self.longest.max((0..=MANY).take_while(same).count());
        }
    }

    /// Whether they may be what records begin with: a key for each member of a group, say, with the member's or the key's
    /// identifier in front. All of them are whole records apart, and at one place of a record; or there are many of them and
    /// they fill no more than half of it. Of two pieces of a cipher's that come again anywhere, one pair in thirteen is taken
    /// for records, and of three blocks. One piece alone is, where it is no longer than a name.
    fn are_records(&self, blocks: usize, size: usize) -> bool {
        let ends: [fn(&Stand) -> usize; 2] = [|stand| stand.0, |stand| stand.1];
        ends.into_iter().any(|end| {
            let apart = self.all.iter().map(|[one, other]| end(one).abs_diff(end(other)));
            let record = apart.fold(0, gcd);
            let places = |moves: &[[Stand; 2]]| -> usize {
                moves.iter().flatten().map(|stand| end(stand).checked_rem(record)).collect::<BTreeSet<_>>().len()
            };
            let one_place = places(&self.first) == 1 && (self.names.len() > 1 || self.longest <= NAME);
            record >= RECORD * size && (one_place || (blocks >= MANY && places(&self.all) * 2 * size <= record))
        })
    }
}

/// The greatest number that divides both.
const fn gcd(mut a: usize, mut b: usize) -> usize {
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a
}

/// Whether what two places have in common begins and ends with whole blocks, inside both payloads. Pieces of one file that
/// overlap have all in common up to where one of them ends; so have two copies of it.
fn stands_alone(run: &Run<'_>, one: (usize, usize), other: (usize, usize), size: usize) -> bool {
    let blocks = |(index, _): (usize, usize)| -> Vec<&[u8]> {
        run.payloads.get(index).map(|payload| blocks(&payload.bytes, size).collect()).unwrap_or_default()
    };
    let (ours, theirs) = (blocks(one), blocks(other));
    if !run.spend(ours.len() + theirs.len()) {
        return false;
    }
    let (head, tail) = (ours.get(..one.1).unwrap_or_default(), ours.get(one.1..).unwrap_or_default());
    let (their_head, their_tail) =
        (theirs.get(..other.1).unwrap_or_default(), theirs.get(other.1..).unwrap_or_default());
    let before = head.iter().rev().zip(their_head.iter().rev()).find(|(a, b)| a != b);
    let after = tail.iter().zip(their_tail).find(|(a, b)| a != b);
    before.is_some_and(|(a, b)| a.last() != b.last()) && after.is_some_and(|(a, b)| a.first() != b.first())
}

/// Whether distinct blocks spread like ciphertext: no position that is always the same, as identifiers, numbers and
/// pictures have; as many ones as zeros.
pub(super) fn is_noise<'b>(blocks: impl Iterator<Item = &'b [u8]>, size: usize) -> bool {
    let blocks: Vec<&[u8]> = blocks.collect();
    if blocks.len() < 4 {
        return false;
    }
    for column in 0..size {
        let of = |block: &&[u8]| block.get(column).copied().unwrap_or(0);
        let first = blocks.first().map_or(0, of);
        let same = |mask: u8| blocks.iter().all(|block| of(block) & mask == first & mask);
        // Four blocks of noise agree in a byte with 2^-24; ten in half a byte with 2^-36.
        if same(0xff) || (blocks.len() >= 10 && (same(0xf0) || same(0x0f))) {
            return false;
        }
    }
    let ones: u32 = blocks.iter().flat_map(|block| block.iter()).map(|byte| byte.count_ones()).sum();
    let bits = u32::try_from(blocks.len() * size * 8).unwrap_or(u32::MAX);
    // Five standard deviations.
    let off = f64::from(ones.abs_diff(bits / 2));
    off <= 2.5 * f64::from(bits).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::budget;
    use crate::model::payload::Payload;
    use crate::sighting::tests::honest::Dice;
    use crate::sighting::tests::runs::payload;
    use aes::Aes128;
    use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
    use std::fmt::Write as _;
    use std::sync::Arc;

    fn is_found(sent: &[Vec<u8>]) -> bool {
        let payloads: Vec<Payload> =
            sent.iter().enumerate().map(|(index, bytes)| payload(index, bytes.clone(), &Arc::from([]))).collect();
        let payloads: Vec<&Payload> = payloads.iter().collect();
        let mut out = Vec::new();
        Ecb.on_run(&Run::new(&[], &payloads, &[], &[], budget::RUN_WORK), &mut out);
        !out.is_empty()
    }

    /// Messages to groups: for each member a sealed key behind something that names the member, the members in any order.
    #[test]
    fn keys_for_the_members_of_a_group_are_records() {
        let mut dice = Dice(5);
        for (name, many) in [(16, 12), (32, 12), (16, 6), (32, 6), (32, 3)] {
            for sealed in [32, 48, 80, 96, 112] {
                for (front, behind) in [(0, 0), (16, 0), (5, 64), (0, 48), (32, 160)] {
                    for (known, first) in [(0, 0), (32, 0), (32, 1)] {
                        let members: Vec<Vec<u8>> = (0..8).map(|_| dice.bytes(name)).collect();
                        // A key of the sender's, the same in all records or only in those of one message.
                        let mut sender = dice.bytes(known);
                        let sent: Vec<Vec<u8>> = (0..many)
                            .map(|_| {
                                if first == 1 {
                                    sender = dice.bytes(known);
                                }
                                let mut out = dice.bytes(front);
                                let mut order: Vec<usize> = (0..members.len()).collect();
                                for at in (1..order.len()).rev() {
                                    order.swap(at, dice.below(at + 1));
                                }
                                for member in order.into_iter().take(3 + dice.below(5)) {
                                    out.extend_from_slice(&members[member]);
                                    out.extend_from_slice(&sender);
                                    out.extend(dice.bytes(sealed + known));
                                }
                                out.extend(dice.bytes(behind));
                                out
                            })
                            .collect();
                        assert!(
                            !is_found(&sent),
                            "names of {name}, {sealed} sealed, {front} in front, {behind} behind, {known}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn texts_records_and_pictures_block_by_block_are_found() {
        let mut dice = Dice(9);
        let ecb = |key: &[u8], plain: &[u8]| -> Vec<u8> {
            let cipher = Aes128::new_from_slice(key).unwrap();
            let mut out = plain.to_vec();
            let pad = 16 - out.len() % 16;
            out.resize(out.len() + pad, u8::try_from(pad).unwrap());
            for block in out.chunks_exact_mut(16) {
                cipher.encrypt_block(block.try_into().unwrap());
            }
            out
        };
        let (mut texts, mut rows, mut pictures) = (0, 0, 0);
        for _ in 0..40 {
            let key = dice.bytes(16);
            // Phrases that come again, at whatever place.
            let phrase = "and then they said that nobody is to know about the house by the river ";
            let sent: Vec<Vec<u8>> = (0..12)
                .map(|_| {
                    let mut text = "x".repeat(dice.below(40)).into_bytes();
                    for _ in 0..4 {
                        text.extend_from_slice(phrase.as_bytes());
                        let more = 1 + dice.below(30);
                        text.extend(dice.bytes(more).iter().map(|byte| b'a' + byte % 26));
                    }
                    ecb(&key, &text)
                })
                .collect();
            texts += usize::from(is_found(&sent));
            // Objects of one length, of which a number changes.
            let mut items = String::new();
            for _ in 0..12 {
                let seen = dice.below(99_999_999);
                write!(items, "{{\"seen\":{seen:08},\"state\":\"delivered\",\"kind\":\"text\"}},").unwrap();
            }
            rows += usize::from(is_found(&[ecb(&key, items.as_bytes())]));
            // A picture whose rows are alike and nothing in them.
            let row: Vec<u8> = dice.bytes(160);
            let picture: Vec<u8> = (0..20).flat_map(|_| [row.clone(), dice.bytes(48)].concat()).collect();
            pictures += usize::from(is_found(&[ecb(&key, &picture)]));
        }
        assert_eq!((texts, rows, pictures), (40, 40, 40));
    }
}
