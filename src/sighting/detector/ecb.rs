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
            }
        }
        elsewhere += usize::from(moved);
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
