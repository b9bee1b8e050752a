//! What a capture file holds: frames.

use crate::model::origin::FrameNo;
use crate::model::time::Timestamp;

/// Link type as registered (tcpdump.org/linktypes); kept as a number, unknown ones included.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct LinkType(pub u32);

/// One captured frame, borrowed from its file.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Number in the capture, from 1.
    pub number: FrameNo,
    /// When it was captured.
    pub at: Timestamp,
    /// How `bytes` begin.
    pub link: LinkType,
    /// The bytes that were captured.
    pub bytes: &'a [u8],
    /// How long the frame was on the wire; more than `bytes` when the snapshot length cut it.
    pub wire_len: u32,
    /// Who on the machine sent or got it, where the file says so of each frame.
    pub process: Option<&'a str>,
}
