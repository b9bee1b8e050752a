//! What a dump holds: records, each with the line it begins on.

use crate::model::origin::FrameNo;

/// What stands behind the name of a field in which the file breaks off: half a value, which is searched and not counted.
pub const CUT: &str = " (cut)";

/// One record of a dump, borrowed from its source.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Number of the record in its dump, from 1.
    pub number: u64,
    /// Line it begins on, from 1.
    pub line: FrameNo,
    /// Its bytes, without the line's end.
    pub bytes: &'a [u8],
    /// Nothing of it is missing.
    pub whole: bool,
    /// Which of its dump's tables it belongs to, from 1; 0 where there are none.
    pub kind: u32,
}
