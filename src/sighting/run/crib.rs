//! Known plaintext: what was planted, as it is likely to stand inside a message before it is encrypted.

use crate::model::scenario::Planted;
use crate::model::taxonomy::Data;
use std::fmt::Write as _;

/// Bytes below which a planted value proves nothing by itself.
pub(in crate::sighting) const SHORTEST: usize = 8;

/// One way a planted value may stand in a plaintext.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::sighting) struct Crib {
    /// Index of the planted value.
    pub(in crate::sighting) planted: usize,
    /// The bytes.
    pub(in crate::sighting) bytes: Vec<u8>,
}

/// Every crib of at least [`SHORTEST`] bytes, the longest first: UTF-8, the escapes of JSON, UTF-16, the numbers of a
/// place, the digits of a phone number.
pub(in crate::sighting) fn cribs(planted: &[Planted]) -> Vec<Crib> {
    let mut out: Vec<Crib> = Vec::new();
    for (index, planted) in planted.iter().enumerate() {
        let value = planted.value.trim();
        let mut add = |bytes: Vec<u8>| {
            let crib = Crib { planted: index, bytes };
            // One byte over and over fits whatever repeats.
            let varied = crib.bytes.iter().any(|byte| crib.bytes.first() != Some(byte));
            if crib.bytes.len() >= SHORTEST && varied && !out.iter().any(|known| known.bytes == crib.bytes) {
                out.push(crib);
            }
        };
        match planted.data {
            Data::PreciseLocation | Data::ApproximateLocation => {
                for number in value.split(',') {
                    add(number.trim().as_bytes().to_vec());
                }
            }
            Data::PhoneNumber | Data::VirtualNumber => add(value.bytes().filter(u8::is_ascii_digit).collect()),
            _ => {
                add(value.as_bytes().to_vec());
                if !value.is_ascii() {
                    add(escaped(value).into_bytes());
                }
                add(value.encode_utf16().flat_map(u16::to_le_bytes).collect());
            }
        }
    }
    out.sort_by(|a, b| b.bytes.len().cmp(&a.bytes.len()).then_with(|| a.bytes.cmp(&b.bytes)));
    out
}

/// A text as JSON writers escape it that put out ASCII only.
fn escaped(value: &str) -> String {
    let mut out = String::new();
    for unit in value.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_graphic() || byte == b' ' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}
