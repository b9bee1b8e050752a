//! Frames (RFC 9113, 4.1), and telling them from other bytes.

/// Bytes of a frame header.
pub(super) const FRAME_HEADER: usize = 9;
/// The largest frame taken for one where the connection is read from the middle on: the default of all peers.
pub(super) const USUAL_FRAME: u32 = 16_384;
/// Frame types (RFC 9113 section 6).
pub(super) mod kind {
    pub(in crate::message::protocol::http2) const DATA: u8 = 0;
    pub(in crate::message::protocol::http2) const HEADERS: u8 = 1;
    pub(in crate::message::protocol::http2) const PRIORITY: u8 = 2;
    pub(in crate::message::protocol::http2) const RST_STREAM: u8 = 3;
    pub(in crate::message::protocol::http2) const SETTINGS: u8 = 4;
    pub(in crate::message::protocol::http2) const PUSH_PROMISE: u8 = 5;
    pub(in crate::message::protocol::http2) const PING: u8 = 6;
    pub(in crate::message::protocol::http2) const GOAWAY: u8 = 7;
    pub(in crate::message::protocol::http2) const WINDOW_UPDATE: u8 = 8;
    pub(in crate::message::protocol::http2) const CONTINUATION: u8 = 9;
}

pub(super) const END_STREAM: u8 = 0x01;
pub(super) const END_HEADERS: u8 = 0x04;
pub(super) const PADDED: u8 = 0x08;
pub(super) const PRIORITY: u8 = 0x20;

#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeader {
    pub(super) len: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl FrameHeader {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, s0, s1, s2, s3] = *bytes.first_chunk::<FRAME_HEADER>()?;
        let stream = u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff;
        Some(Self { len: u32::from_be_bytes([0, a, b, c]), kind, flags, stream })
    }

    pub(super) const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether a frame may look like this where nothing else tells that it is one.
    pub(super) const fn is_plausible(self) -> bool {
        let (len, on_stream) = (self.len, self.stream != 0);
        let flags = match self.kind {
            kind::DATA => END_STREAM | PADDED,
            kind::HEADERS => END_STREAM | END_HEADERS | PADDED | PRIORITY,
            kind::PUSH_PROMISE => END_HEADERS | PADDED,
            kind::SETTINGS | kind::PING => 1,
            kind::CONTINUATION => END_HEADERS,
            _ => 0,
        };
        let fits = match self.kind {
            kind::DATA | kind::CONTINUATION => on_stream,
            kind::HEADERS | kind::PUSH_PROMISE => on_stream && len > 0,
            kind::PRIORITY => on_stream && len == 5,
            kind::RST_STREAM => on_stream && len == 4,
            kind::SETTINGS => !on_stream && len.is_multiple_of(6) && len <= 120,
            kind::PING => !on_stream && len == 8,
            kind::GOAWAY => !on_stream && len >= 8,
            kind::WINDOW_UPDATE => len == 4,
            _ => false,
        };
        fits && len <= USUAL_FRAME && self.flags & !flags == 0 && self.stream < 1 << 24
    }
}

/// Whether these few bytes may begin a SETTINGS frame on stream 0.
pub(super) fn first_is_settings(bytes: &[u8]) -> bool {
    let want = [(0, 0), (1, 0), (3, kind::SETTINGS), (5, 0), (6, 0), (7, 0), (8, 0)];
    want.iter().all(|(at, byte)| bytes.get(*at).is_none_or(|seen| seen == byte))
}

/// How many plausible frame headers follow one another from the first byte on.
pub(super) fn chain(bytes: &[u8]) -> usize {
    let (mut at, mut count) = (0_usize, 0_usize);
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= FRAME_HEADER) {
        match FrameHeader::read(rest).filter(|frame| frame.is_plausible()) {
            Some(frame) => at = at.saturating_add(FRAME_HEADER).saturating_add(frame.len as usize),
            None => return 0,
        }
        count = count.saturating_add(1);
    }
    count
}

/// Whether a type is reserved for noise, to keep receivers tolerant (draft-bishop-httpbis-grease).
pub(super) const fn is_reserved(kind: u8) -> bool {
    kind >= 0x0b && (kind - 0x0b).is_multiple_of(0x1f)
}

/// Whether a setting is one that is registered.
pub(super) const fn is_known_setting(id: u16) -> bool {
    matches!(id, 1..=6 | 8 | 9 | 0x10 | 0x4d44)
}

/// Where the header block fragment is in the payload of a HEADERS or PUSH_PROMISE frame.
pub(super) fn fragment_of(frame: FrameHeader, payload: &[u8]) -> Option<(usize, usize)> {
    let (mut front, mut pad) = (0_usize, 0_usize);
    if frame.has(PADDED) {
        pad = usize::from(*payload.first()?);
        front = 1;
    }
    if frame.kind == kind::PUSH_PROMISE {
        front = front.saturating_add(4);
    } else if frame.has(PRIORITY) {
        front = front.saturating_add(5);
    }
    let end = payload.len().checked_sub(pad)?;
    (front <= end).then_some((front, end))
}
