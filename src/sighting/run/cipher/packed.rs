//! Compressed text as proof of a key: what begins and ends as gzip (RFC 1952) or zlib (RFC 1950) and keeps its checksum.

use crate::model::budget;
use flate2::bufread::{GzDecoder, ZlibDecoder};
use flate2::{Decompress, FlushDecompress, Status};
use std::io::Read as _;

/// Bits that magic, method, CRC-32 and length of a gzip stream prove over noise.
const GZIP: f64 = 24.0 + 32.0 + 32.0;
/// Bits that one of the four usual heads of a zlib stream and its Adler-32 prove.
const ZLIB: f64 = 14.0 + 32.0;

/// Whether a gzip or a zlib stream may begin here, as programs write them.
pub(in crate::sighting) const fn begins(bytes: &[u8]) -> bool {
    matches!(bytes, [0x1f, 0x8b, 8, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..])
}

/// What a stream that is all there unpacks to, and the bits that head and checksum prove. `None` where they do not hold,
/// and where more comes out than [`budget::PROVING_BYTES`].
pub(super) fn unpack(bytes: &[u8]) -> Option<(Vec<u8>, f64)> {
    if !begins(bytes) {
        return None;
    }
    let limit = bytes.len().saturating_mul(budget::RATIO).min(budget::PROVING_BYTES);
    if bytes.first() == Some(&0x1f) {
        let mut out = Vec::new();
        GzDecoder::new(bytes).take(limit as u64).read_to_end(&mut out).ok()?;
        return (out.len() < limit).then_some((out, GZIP));
    }
    let mut out = Vec::with_capacity(limit);
    let status = Decompress::new(true).decompress_vec(bytes, &mut out, FlushDecompress::Finish).ok()?;
    (status == Status::StreamEnd).then_some((out, ZLIB))
}

/// What a stream unpacks to that is all there, with nothing behind it.
pub(in crate::sighting) fn unpack_all(bytes: &[u8]) -> Option<Vec<u8>> {
    if !begins(bytes) {
        return None;
    }
    let limit = bytes.len().saturating_mul(budget::RATIO).min(budget::PROVING_BYTES);
    let mut rest = bytes;
    let mut out = Vec::new();
    if bytes.first() == Some(&0x1f) {
        GzDecoder::new(&mut rest).take(limit as u64).read_to_end(&mut out).ok()?;
    } else {
        ZlibDecoder::new(&mut rest).take(limit as u64).read_to_end(&mut out).ok()?;
    }
    (out.len() < limit && rest.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use std::io::Write as _;

    #[test]
    fn only_whole_streams_with_the_right_checksum_unpack() {
        let text = b"The heron lands at dusk, the heron lands at dusk";
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(text).unwrap();
        for (packed, bits) in [(gzip.finish().unwrap(), GZIP), (zlib.finish().unwrap(), ZLIB)] {
            assert!(begins(&packed));
            assert_eq!(unpack(&packed), Some((text.to_vec(), bits)));
            for cut in 0..packed.len() {
                assert_eq!(unpack(&packed[..cut]), None, "{cut}");
            }
            for at in 0..4 {
                let mut wrong = packed.clone();
                let end = wrong.len() - 1 - at;
                wrong[end] ^= 0x20;
                assert_eq!(unpack(&wrong), None);
            }
        }
        let bomb = [&[0x78, 0x9c][..], &[0; 40]].concat();
        assert_eq!(unpack(&bomb), None);
    }
}
