//! Compression that goes on over several messages. Gateways keep one deflate or zstd stream for a whole connection and
//! flush it behind every message, uploads send one gzip in pieces, and what is longer than a part comes in several anyway:
//! each message holds a stretch that nothing opens by itself.
//!
//! A stream is followed from the message in which it begins. Between two blocks all that it goes on from is the end of
//! what came out, so that whether a message goes on with it can be tried without harm; in the middle of a block, and of
//! zstd, there is one attempt. What goes on with a stream that cannot be followed is severed: nobody knows what it says.

mod stream;

pub(super) use stream::{FLUSHED, Stretch, begins};

use crate::field::text::is_text;
use crate::model::budget::{CONTINUED, CONTINUED_OF_ONE, RANGED};
use crate::model::message::{Message, Part, PartKind};
use crate::model::stream::{Direction, FlowKey};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use stream::{Between, Piece, SHORTEST, Stream};

/// The streams of one worker that go on, by the direction of the conversation that carries them.
#[derive(Default)]
pub struct Continued {
    sides: BTreeMap<(FlowKey, Direction), Side>,
    /// Streams that hold a state.
    followed: usize,
}

#[derive(Default)]
struct Side {
    streams: Vec<Stream>,
    /// Uploads in pieces: which, and the offset of what comes next.
    uploads: Vec<(u64, u64)>,
}

/// Where a stretch stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The same for the same field of messages, array indices aside.
    pub(super) slot: u64,
    /// The same for messages of one label.
    pub(super) label: u64,
}

impl Place {
    fn is(self, other: Self, direction: Direction) -> bool {
        // What a client gives up halfway is asked for again under its own name.
        self.slot == other.slot && (direction == Direction::ToServer || self.label == other.label)
    }
}

/// Where bytes lead.
pub(super) enum Onward {
    /// No stream goes on with them.
    Nowhere,
    /// One does.
    Stretch(Stretch),
    /// One of several does, and with each they are something else.
    Severed,
}

impl Continued {
    /// Nothing more comes of a conversation. Whether something that it sent to the server goes on elsewhere: it stops in the
    /// middle, and nobody gave it up.
    pub fn forget(&mut self, flow: &FlowKey) -> bool {
        let mut midway = false;
        if self.sides.is_empty() {
            return midway;
        }
        for direction in Direction::BOTH {
            let Some(side) = self.sides.remove(&(*flow, direction)) else { continue };
            let followed = side.streams.iter().filter(|stream| stream.is_followed());
            self.followed = self.followed.saturating_sub(followed.count());
            midway |= direction == Direction::ToServer && side.streams.iter().any(|stream| stream.midway);
        }
        midway
    }

    /// Whether a message may hold a stretch of a stream that began before it.
    pub(super) fn is_open(&self, message: &Message) -> bool {
        !self.sides.is_empty() && self.sides.contains_key(&(message.flow, message.direction))
    }

    /// Whether a message is a later piece of an upload whose pieces before it are not all there.
    pub(super) fn misses_pieces(&mut self, message: &Message) -> bool {
        let Some((start, end)) = piece(message) else { return false };
        let side = self.sides.entry((message.flow, message.direction)).or_default();
        let name = hash(&message.label);
        let known = side.uploads.iter().position(|(upload, _)| *upload == name);
        let next = known.and_then(|index| Some(side.uploads.get(index)?.1));
        let misses = start > 0 && next.is_none_or(|next| start > next);
        if let Some(index) = known {
            side.uploads.remove(index);
        }
        if side.uploads.len() >= RANGED {
            side.uploads.remove(0);
        }
        if !misses {
            side.uploads.push((name, end));
        }
        misses
    }

    /// A decoder opened bytes that end before its stream does: what is needed to go on is kept.
    pub(super) fn begin(
        &mut self,
        message: &Message,
        part: Option<&Part>,
        place: Place,
        name: &'static str,
        bytes: &[u8],
    ) {
        let Some((stream, _)) = Stream::begin(part, place, name, bytes, room(bytes)) else { return };
        self.keep(message, stream);
    }

    /// Opens bytes as the beginning of a stream that stops before its decoder has anything to show.
    pub(super) fn begin_cut(
        &mut self,
        message: &Message,
        part: Option<&Part>,
        place: Place,
        bytes: &[u8],
        limit: usize,
    ) -> Option<Stretch> {
        let (stream, out) = Stream::begin(part, place, begins(bytes)?, bytes, limit)?;
        let stretch = stream.beginning(out, bytes.len());
        self.keep(message, stream);
        Some(stretch)
    }

    /// Opens flushed bytes as the beginning of a stream of deflate that its decoders did not take.
    pub(super) fn begin_flushed(
        &mut self,
        message: &Message,
        place: Place,
        bytes: &[u8],
        limit: usize,
    ) -> Option<Stretch> {
        let (stream, stretch) = Stream::begin_flushed(place, bytes, limit)?;
        self.keep(message, stream);
        Some(stretch)
    }

    /// Goes on with a stream. `alone`: nothing else opens the bytes.
    pub(super) fn go_on(
        &mut self,
        message: &Message,
        part: Option<&Part>,
        place: Place,
        bytes: &[u8],
        limit: usize,
        alone: bool,
    ) -> Onward {
        let Some(side) = self.sides.get_mut(&(message.flow, message.direction)) else { return Onward::Nowhere };
        let piece = Piece { part, place, bytes, limit, alone };
        let tried = side.streams.iter().enumerate().rev();
        let mut fitting: Vec<(usize, Between)> =
            tried.filter_map(|(index, stream)| Some((index, stream.between(&piece)?))).collect();
        // Those in other fields only where none in this one goes on.
        if fitting.iter().any(|(_, between)| between.here) {
            fitting.retain(|(_, between)| between.here);
        }
        if let [(_, first), rest @ ..] = fitting.as_slice()
            && !rest.is_empty()
        {
            // It goes on with one of them, and nobody can say which: what comes next may go on with any.
            let same = rest.iter().all(|(_, other)| other.out.bytes == first.out.bytes);
            for (index, _) in &fitting {
                if let Some(stream) = side.streams.get_mut(*index) {
                    stream.lose();
                    self.followed = self.followed.saturating_sub(1);
                }
            }
            let Some((index, between)) = fitting.pop().filter(|_| same) else { return Onward::Severed };
            let stretch = side.streams.get_mut(index).map(|stream| stream.put(&piece, between.skip, &between.out));
            return stretch.map_or(Onward::Nowhere, Onward::Stretch);
        }
        let done;
        let (index, stretch) = if let Some((index, between)) = fitting.pop() {
            let Some(stream) = side.streams.get_mut(index) else { return Onward::Nowhere };
            done = between.out.done;
            let stretch = stream.put(&piece, between.skip, &between.out);
            stream.went_on(bytes, between.state);
            (index, stretch)
        } else {
            let live = |stream: &Stream| {
                stream.is_live() && stream.place.slot == place.slot && (alone || stream.must_go_on(bytes))
            };
            let Some(index) = side.streams.iter().rposition(live) else { return Onward::Nowhere };
            let Some(stream) = side.streams.get_mut(index) else { return Onward::Nowhere };
            let Some((skip, out)) = stream.run(&piece) else {
                stream.lose();
                self.followed = self.followed.saturating_sub(1);
                return Onward::Nowhere;
            };
            done = out.done;
            (index, stream.put(&piece, skip, &out))
        };
        if done {
            side.streams.remove(index);
            self.followed = self.followed.saturating_sub(1);
        }
        Onward::Stretch(stretch)
    }

    /// Whether a stream stopped in the middle where bytes stand, so that they go on with it whatever they look like.
    pub(super) fn is_midway(&self, message: &Message, place: Place) -> bool {
        let side = self.sides.get(&(message.flow, message.direction));
        let midway = |stream: &Stream| stream.is_live() && !stream.rests && stream.place.slot == place.slot;
        side.is_some_and(|side| side.streams.iter().any(midway))
    }

    /// Whether bytes that nothing opens stand where a stream went on that cannot be followed.
    pub(super) fn is_severed(&self, message: &Message, place: Place, bytes: &[u8]) -> bool {
        let Some(side) = self.sides.get(&(message.flow, message.direction)) else { return false };
        bytes.len() >= SHORTEST
            && !is_text(bytes)
            && side.streams.iter().any(|stream| !stream.is_followed() && stream.place.is(place, message.direction))
    }

    /// What goes on with a stream is not all there.
    pub(super) fn lose(&mut self, message: &Message) {
        let Some(side) = self.sides.get_mut(&(message.flow, message.direction)) else { return };
        for stream in &mut side.streams {
            if stream.is_followed() {
                self.followed = self.followed.saturating_sub(1);
                stream.lose();
            }
        }
    }

    fn keep(&mut self, message: &Message, mut stream: Stream) {
        if self.followed >= CONTINUED {
            stream.lose();
        }
        let side = self.sides.entry((message.flow, message.direction)).or_default();
        if side.streams.len() >= CONTINUED_OF_ONE {
            let old = side.streams.remove(0);
            self.followed = self.followed.saturating_sub(usize::from(old.is_followed()));
        }
        self.followed = self.followed.saturating_add(usize::from(stream.is_followed()));
        side.streams.push(stream);
    }
}

/// The bytes of an upload that a request says it carries: a piece of a longer body (RFC 9110 section 14.5, and what
/// resumable uploads say).
fn piece(message: &Message) -> Option<(u64, u64)> {
    if message.direction != Direction::ToServer {
        return None;
    }
    let header =
        |part: &&Part| part.kind == PartKind::Header && matches!(part.name.as_str(), "content-range" | "upload-offset");
    let part = message.parts.iter().find(header)?;
    let text = std::str::from_utf8(&part.bytes).ok()?.trim();
    let body: usize =
        message.parts.iter().filter(|part| part.kind == PartKind::Body).map(|part| part.bytes.len()).sum();
    if part.name == "upload-offset" {
        let start: u64 = text.parse().ok()?;
        return Some((start, start.saturating_add(body as u64)));
    }
    let (start, rest) = text.strip_prefix("bytes")?.trim_start().split_once('-')?;
    let (last, _) = rest.split_once('/')?;
    let (start, last): (u64, u64) = (start.parse().ok()?, last.parse().ok()?);
    Some((start, last.saturating_add(1)))
}

pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Bytes that a decompression may put out where nobody counts them.
fn room(bytes: &[u8]) -> usize {
    use crate::model::budget::{DECODED_BYTES, RATIO, RATIO_FREE};
    bytes.len().saturating_mul(RATIO).clamp(RATIO_FREE, DECODED_BYTES)
}
