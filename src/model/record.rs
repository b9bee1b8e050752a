//! What a dump holds: records, each with the line it begins on.

use crate::model::origin::FrameNo;

/// What stands behind the name of a field in which the file breaks off: half a value, which is searched and not counted.
pub const CUT: &str = " (cut)";

/// What stands behind the name of a field whose value is written as a call, for literals in it that the value does not
/// show: they are searched and not counted.
pub const BESIDE: &str = " (beside)";

/// What a record is of its store.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Standing {
    /// One of those that the store keeps: it is counted.
    #[default]
    Record,
    /// What stands around them: searched like them, and counted as nothing.
    Beside,
    /// What somebody remarked who wrote the file: searched for what was planted alone.
    Remark,
}

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
    /// Whether it is counted.
    pub standing: Standing,
}
