//! What decoders of whole compressed bodies share: reading within a budget, and keeping what came out of a body that is cut
//! short.

use crate::bytes::Malformed;
use crate::field::Fields;
use crate::field::fields::to_u32;
use crate::model::field::{Kind, Reach};
use std::io::{ErrorKind, Read};

/// Bytes read at a time.
const STEP: usize = 16 << 10;

/// What came out of a reader.
pub(super) struct Unpacked {
    /// The output, within the budget.
    pub(super) bytes: Vec<u8>,
    /// It ended as it should.
    pub(super) done: bool,
    /// The budget ended it.
    pub(super) over: bool,
}

/// Reads up to `limit` bytes.
pub(super) fn read(mut from: impl Read, limit: usize) -> Unpacked {
    let mut out = Unpacked { bytes: Vec::new(), done: false, over: false };
    let mut step = vec![0_u8; STEP];
    loop {
        match from.read(&mut step) {
            Ok(0) => {
                out.done = true;
                return out;
            }
            Ok(read) => {
                let room = limit.saturating_sub(out.bytes.len());
                out.bytes.extend_from_slice(step.get(..read.min(room)).unwrap_or_default());
                if read > room {
                    out.over = true;
                    return out;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return out,
        }
    }
}

/// Puts out a whole layer: all of the input was needed for it.
pub(super) fn put(
    unpacked: Unpacked,
    input: usize,
    budget: &'static str,
    what: &'static str,
    fields: &mut Fields<'_>,
) -> Result<(), Malformed> {
    if unpacked.bytes.is_empty() {
        return Err(Malformed::Illegal(what));
    }
    if unpacked.over {
        fields.exhausted(budget);
    } else if !unpacked.done {
        fields.damaged();
    }
    fields.whole(unpacked.bytes, Reach::Within { start: 0, end: to_u32(input) }, Kind::Bytes);
    Ok(())
}
