//! What follows what in plain bytes: the cost of each byte after the one before it, in four kinds of them.
//!
//! The table (`benches/opacity/corpus.py train` writes it) holds for each pair of bytes the cost of the second after
//! the first, in sixteenths of a bit, rounded up, so that no model promises more than one code.

/// Steps of the table in one bit.
pub const STEPS: u32 = 16;

/// Four costs for each pair of bytes read as a little-endian number: one for each model.
static TABLE: [[u8; 4]; 65536] = {
    let raw = include_bytes!("pairs.bin");
    let mut table = [[0; 4]; 65536];
    let mut at = 0;
    while at < 65536 {
        // The file has the first byte above the second.
        let from = (at >> 8 | (at & 0xff) << 8) * 4;
        table[at] = [raw[from], raw[from + 1], raw[from + 2], raw[from + 3]];
        at += 1;
    }
    table
};

/// Costs of `next` after `last`: Latin-script prose, prose of other scripts, structured text, binary structure.
pub fn cost(last: u8, next: u8) -> [u8; 4] {
    TABLE.get(usize::from(u16::from_le_bytes([last, next]))).copied().unwrap_or([255; 4])
}
