//! Integers in the byte order that a capture file declares.

use crate::bytes::{Cursor, Malformed};

/// The byte order of a file or section: that of the machine which wrote it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Most significant byte first.
    Big,
    /// Least significant byte first.
    Little,
}

impl Order {
    /// Two bytes.
    pub fn u16(self, cursor: &mut Cursor<'_>, what: &'static str) -> Result<u16, Malformed> {
        let bytes = cursor.array(what)?;
        Ok(match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        })
    }

    /// Four bytes.
    pub fn u32(self, cursor: &mut Cursor<'_>, what: &'static str) -> Result<u32, Malformed> {
        let bytes = cursor.array(what)?;
        Ok(match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        })
    }

    /// Eight bytes, as a signed number.
    pub fn i64(self, cursor: &mut Cursor<'_>, what: &'static str) -> Result<i64, Malformed> {
        let bytes = cursor.array(what)?;
        Ok(match self {
            Self::Big => i64::from_be_bytes(bytes),
            Self::Little => i64::from_le_bytes(bytes),
        })
    }
}
