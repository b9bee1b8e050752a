//! How streams of deflate begin (RFC 1951): what tells most other bytes from them before anything is unpacked.

/// Bytes of output that undeclared streams have at least.
pub(super) const SHORTEST: usize = 16;

/// Whether bytes may be a stream that ends where they do, by how they begin.
pub(super) fn may_be(bytes: &[u8]) -> bool {
    match bytes.first().map(|first| first >> 1 & 3) {
        // Block type 3 does not exist; a stored block carries the complement of its length.
        Some(1) => may_be_fixed(bytes),
        Some(2) => may_be_dynamic(bytes),
        Some(0) => matches!(bytes, [_, a, b, c, d, ..] if a ^ c == 0xff && b ^ d == 0xff),
        _ => false,
    }
}

/// The first bytes, with zeros behind the last one.
fn front<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or_else(|| {
        let mut padded = [0; N];
        for (to, from) in padded.iter_mut().zip(bytes) {
            *to = *from;
        }
        padded
    })
}

/// Whether a first block whose codes are told in front of it may begin so (section 3.2.7): as many codes as there can be, and
/// lengths of the codes' codes that make up a tree.
fn may_be_dynamic(bytes: &[u8]) -> bool {
    let head = u128::from_le_bytes(front(bytes));
    let (literals, distances, codes) = (head >> 3 & 0x1f, head >> 8 & 0x1f, (head >> 13 & 0x0f).saturating_add(4));
    let mut lengths = head >> 17;
    let mut filled = 0_u32;
    for _ in 0..codes {
        filled = filled.saturating_add(match lengths & 7 {
            0 => 0,
            length => 0x80 >> length,
        });
        lengths >>= 3;
    }
    literals <= 29 && distances <= 29 && (filled == 0x80 || filled == 0)
}

/// Symbols of a block that are looked at before any is unpacked.
const LOOK: usize = 48;

/// What lengths (codes 257 to 285) and distances begin at, and the bits that follow them (section 3.2.5).
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];
const DISTANCES: [(u16, u8); 30] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1_025, 9),
    (1_537, 9),
    (2_049, 10),
    (3_073, 10),
    (4_097, 11),
    (6_145, 11),
    (8_193, 12),
    (12_289, 12),
    (16_385, 13),
    (24_577, 13),
];

/// Whether a first block of fixed codes (section 3.2.6) may begin so: nothing is repeated that did not come before, and
/// nothing is left over.
fn may_be_fixed(bytes: &[u8]) -> bool {
    let (mut at, mut out) = (3_usize, 0_usize);
    for _ in 0..LOOK {
        // A symbol with its distance takes 31 bits at most.
        let bits = u64::from_le_bytes(front(bytes.get(at / 8..).unwrap_or_default())) >> (at % 8);
        let code = u16::try_from(bits & 0xffff).unwrap_or(0).reverse_bits();
        let (symbol, used) = match code >> 7 {
            short @ 0..=0x5f => (256_u16.saturating_add(short >> 2), 7_u32),
            0x60..=0x17f => (0, 8),
            long @ 0x180..=0x18f => (280_u16.saturating_add((long >> 1).saturating_sub(0xc0)), 8),
            _ => (0, 9),
        };
        let mut used = used;
        if symbol == 256 {
            at = at.saturating_add(7);
            let last = bytes.first().is_some_and(|first| first & 1 == 1);
            // Whoever unpacks may hold some bytes more than it needs.
            return !last
                || (at <= bytes.len().saturating_mul(8)
                    && at.div_ceil(8).saturating_add(8) >= bytes.len()
                    && out >= SHORTEST);
        }
        if symbol > 256 {
            let mut take = |count: u32| {
                let taken = bits.checked_shr(used).unwrap_or(0) & (1_u64 << count).saturating_sub(1);
                used = used.saturating_add(count);
                usize::try_from(taken).unwrap_or(0)
            };
            let Some((base, more)) = LENGTHS.get(usize::from(symbol.saturating_sub(257))) else { return false };
            let length = usize::from(*base).saturating_add(take(u32::from(*more)));
            let code = u8::try_from(take(5)).unwrap_or(0).reverse_bits() >> 3;
            let Some((base, more)) = DISTANCES.get(usize::from(code)) else { return false };
            if usize::from(*base).saturating_add(take(u32::from(*more))) > out {
                return false;
            }
            out = out.saturating_add(length);
        } else {
            out = out.saturating_add(1);
        }
        at = at.saturating_add(used as usize);
        if at > bytes.len().saturating_mul(8) {
            return false;
        }
    }
    true
}
