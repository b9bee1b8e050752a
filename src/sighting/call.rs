//! What can be heard of a call: media streams → what is audible in them.

use crate::model::origin::FrameNo;
use crate::sighting::Card;

/// The payloads of one media stream, in the order of their sequence numbers, each once.
#[derive(Debug)]
pub struct Call<'a> {
    /// Payload type (RFC 3551 section 6).
    pub payload_type: u8,
    /// They were opened with a key, so that they are what was said.
    pub opened: bool,
    /// Payloads as far as they were kept.
    pub payloads: &'a [Payload],
}

/// One packet's payload.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The frame that carried it.
    pub frame: FrameNo,
    /// Sequence number, wraps counted.
    pub sequence: u64,
    /// Timestamp, in units of the payload type's clock.
    pub timestamp: u32,
    /// The payload.
    pub bytes: Vec<u8>,
}

/// What a stream turns out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Audio that anyone plays who has these bytes.
    Audio {
        /// The codec, for people: `G.711 mu-law`.
        codec: &'static str,
        /// As a form: `g711-mu-law`.
        form: &'static str,
        /// The first seconds of it as a WAV file, if the codec can be undone here.
        clip: Option<Vec<u8>>,
        /// Frames that carried what is in the clip, or what shows the codec; ascending.
        frames: Vec<FrameNo>,
    },
    /// Payloads of a codec that has a structure, and they have none: they are encrypted.
    Encrypted,
    /// Not to be told.
    Unknown,
}

/// A detector of what is audible: stateless.
pub trait CallDetector: Sync {
    /// What it is.
    fn card(&self) -> &'static Card;
    /// Listens to a stream.
    fn on_call(&self, call: &Call<'_>) -> Heard;
}

/// What the first detector that knows says of a stream, and its card.
pub fn hear(call: &Call<'_>) -> (&'static Card, Heard) {
    let mut last = None;
    for detector in super::detector::CALL_DETECTORS {
        let heard = detector.on_call(call);
        if heard != Heard::Unknown {
            return (detector.card(), heard);
        }
        last = Some(detector.card());
    }
    (last.unwrap_or(&NOBODY), Heard::Unknown)
}

/// Stands where no detector is registered.
static NOBODY: Card = Card { id: "call", title: "A call", why: "", hits: &[], misses: &[] };
