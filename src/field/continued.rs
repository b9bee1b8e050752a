//! Compression that goes on over several messages. Gateways keep one deflate or zstd stream for a whole connection and
//! flush it behind every message, uploads send one gzip in pieces, and what is longer than a part comes in several anyway:
//! each message holds a stretch that nothing opens by itself.
//!
//! A stream is followed from the message in which it begins. Between two blocks all that it goes on from is the end of
//! what came out, so that whether a message goes on with it can be tried without harm; in the middle of a block, and of
//! zstd, there is one attempt. What goes on with a stream that cannot be followed is severed: nobody knows what it says.

use crate::field::fields::to_u32;
use crate::field::inflate::{Inflated, header, inflate_with};
use crate::field::text::{is_text, is_text_so_far};
use crate::model::budget::{CONTINUED, CONTINUED_OF_ONE, PART_OVERLAP, RANGED, ZSTD_WINDOW_LOG};
use crate::model::message::{Message, Part, PartKind};
use crate::model::stream::{Direction, FlowKey};
use flate2::Decompress;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use zstd::stream::raw::{DParameter, Decoder as Frames, InBuffer, Operation as _, OutBuffer};

/// What a deflate stream ends with when it is flushed (RFC 1951, 3.2.4): an empty stored block, at the end of a byte.
pub(super) const FLUSHED: [u8; 4] = [0, 0, 0xff, 0xff];
/// How far back deflate repeats.
const WINDOW: usize = 32 << 10;
/// Output of which it is told that it does not look like what came before.
const LOOK: usize = 256;
/// What zstd asks for next between two blocks (RFC 8878, section 3.1.1.2): there its sender may have flushed it.
const BLOCK_HEADER: usize = 3;
/// Bytes that do not inflate by chance.
const LONG: usize = 64;
/// Bytes below which nothing is told of what nobody opens.
const SHORTEST: usize = 12;

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

/// One stream.
struct Stream {
    place: Place,
    /// The decoder that opened its beginning.
    name: &'static str,
    state: State,
    /// The end of what came out.
    window: Vec<u8>,
    /// Bytes of it that came since the stream was flushed: a value may stand across two stretches.
    tail: usize,
    /// What came out so far is text.
    text: bool,
    /// Where in a part over several messages the next stretch begins.
    next: u64,
    /// Its sender flushed it behind what came out.
    rests: bool,
    /// It stopped in the middle, at the end of a whole field.
    midway: bool,
}

enum State {
    /// Between two blocks of deflate, which go on from the end of what came out.
    Between,
    /// In a block of deflate.
    Within(Box<Decompress>),
    /// zstd.
    Zstd(Box<Frames<'static>>),
    /// Nobody can follow it.
    Lost,
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

/// A stretch, opened.
pub(super) struct Stretch {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    /// Pairs (output offset, input offset).
    pub(super) way: Vec<(u32, u32)>,
    /// It ends where its sender flushed the stream, or ended it.
    pub(super) whole: bool,
}

/// Bytes with which a stream may go on.
struct Piece<'a> {
    /// The part of the message that they are all of.
    part: Option<&'a Part>,
    place: Place,
    bytes: &'a [u8],
    /// Bytes that they may come to.
    limit: usize,
    alone: bool,
}

/// What they are, where a stream between two blocks goes on with them.
struct Between {
    /// It is the stream of this very field.
    here: bool,
    skip: usize,
    out: Inflated,
    state: Box<Decompress>,
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
        let name = stream.name;
        self.keep(message, stream);
        Some(Stretch {
            name,
            way: vec![(0, 0), (to_u32(out.bytes.len()), to_u32(bytes.len()))],
            bytes: out.bytes,
            whole: false,
        })
    }

    /// Opens flushed bytes as the beginning of a stream of deflate that its decoders did not take.
    pub(super) fn begin_flushed(
        &mut self,
        message: &Message,
        place: Place,
        bytes: &[u8],
        limit: usize,
    ) -> Option<Stretch> {
        ["zlib", "deflate"].into_iter().filter(|name| *name == "deflate" || is_zlib(bytes)).find_map(|name| {
            let from = if name == "zlib" { 2 } else { 0 };
            let mut state = Decompress::new(false);
            let out = inflate_with(&mut state, bytes.get(from..)?, limit);
            if out.broken
                || out.done
                || out.over
                || out.bytes.is_empty()
                || out.used.saturating_add(from) != bytes.len()
            {
                return None;
            }
            let (window, text) = (last_of(&out.bytes, WINDOW).to_vec(), is_text_so_far(&out.bytes));
            self.keep(
                message,
                Stream {
                    place,
                    name,
                    state: State::Between,
                    window,
                    tail: 0,
                    text,
                    next: 0,
                    rests: true,
                    midway: false,
                },
            );
            Some(Stretch { name, way: shifted(&out.way, 0, from), bytes: out.bytes, whole: true })
        })
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
                    stream.state = State::Lost;
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
            if !bytes.ends_with(&FLUSHED) {
                stream.state = State::Within(between.state);
            }
            (index, stretch)
        } else {
            let live = |stream: &Stream| {
                stream.is_live() && stream.place.slot == place.slot && (alone || stream.must_go_on(bytes))
            };
            let Some(index) = side.streams.iter().rposition(live) else { return Onward::Nowhere };
            let Some(stream) = side.streams.get_mut(index) else { return Onward::Nowhere };
            let Some((skip, out)) = stream.run(&piece) else {
                stream.state = State::Lost;
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
            && side
                .streams
                .iter()
                .any(|stream| matches!(stream.state, State::Lost) && stream.place.is(place, message.direction))
    }

    /// What goes on with a stream is not all there.
    pub(super) fn lose(&mut self, message: &Message) {
        let Some(side) = self.sides.get_mut(&(message.flow, message.direction)) else { return };
        for stream in &mut side.streams {
            if stream.is_followed() {
                self.followed = self.followed.saturating_sub(1);
                stream.state = State::Lost;
            }
        }
    }

    fn keep(&mut self, message: &Message, mut stream: Stream) {
        if self.followed >= CONTINUED {
            stream.state = State::Lost;
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

impl Stream {
    const fn is_followed(&self) -> bool {
        !matches!(self.state, State::Lost)
    }

    /// A stream that `bytes` begin, and what they hold; `None` if they are all of it, or are none.
    fn begin(
        part: Option<&Part>,
        place: Place,
        name: &'static str,
        bytes: &[u8],
        limit: usize,
    ) -> Option<(Self, Inflated)> {
        let (state, out) = match name {
            "zstd" => {
                let mut frames = Frames::new().ok()?;
                frames.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG)).ok()?;
                let out = unpack(&mut frames, bytes, limit)?;
                (State::Zstd(Box::new(frames)), out)
            }
            "gzip" | "zlib" | "deflate" => {
                let from = match name {
                    "gzip" => header(bytes).ok()?,
                    "zlib" => 2,
                    _ => 0,
                };
                let mut state = Box::new(Decompress::new(false));
                let out = members(&mut state, name, bytes.get(from..)?, limit)?;
                (if bytes.ends_with(&FLUSHED) { State::Between } else { State::Within(state) }, out)
            }
            _ => (State::Lost, Inflated::default()),
        };
        if out.done || out.over {
            return None;
        }
        let (window, next) = (Vec::new(), end_of(part, bytes));
        let mut stream = Self { place, name, state, window, tail: 0, text: true, next, rests: false, midway: false };
        stream.remember(part, &out, bytes);
        Some((stream, out))
    }

    /// Whether it goes on in its state alone, which an attempt changes.
    const fn is_live(&self) -> bool {
        matches!(self.state, State::Within(_) | State::Zstd(_))
    }

    /// Whether bytes go on with it whatever else may be seen in them: it stopped in the middle, or they are whole blocks.
    fn must_go_on(&self, bytes: &[u8]) -> bool {
        let blocks = matches!(self.state, State::Zstd(_)) && self.rests && are_blocks(bytes);
        blocks || (self.midway && begins(bytes).is_none() && !is_text(bytes))
    }

    /// Bytes at the front of a piece that the one before held, too: of a part over several messages.
    fn skip(&self, piece: &Piece<'_>) -> usize {
        let offset = piece.part.filter(|_| self.place.slot == piece.place.slot).map_or(0, |part| part.offset);
        let repeated = if offset > 0 { self.next.saturating_sub(offset) } else { 0 };
        usize::try_from(repeated).unwrap_or(usize::MAX)
    }

    /// What a piece holds, if the stream stands between two blocks and may go on with it. Nothing changes.
    fn between(&self, piece: &Piece<'_>) -> Option<Between> {
        let here = self.place.slot == piece.place.slot;
        let flushed = piece.bytes.ends_with(&FLUSHED);
        if !matches!(self.state, State::Between) {
            return None;
        }
        let skip = self.skip(piece);
        let fresh = piece.bytes.get(skip..).filter(|fresh| !fresh.is_empty())?;
        let mut state = Box::new(Decompress::new(false));
        if !self.window.is_empty() {
            state.set_dictionary(&self.window).ok()?;
        }
        let out = members(&mut state, self.name, fresh, piece.limit).filter(|out| !out.over)?;
        let fits = out.done || flushed || (here && piece.alone && self.fits(&out.bytes));
        fits.then_some(Between { here, skip, out, state })
    }

    /// What a piece holds, if the stream goes on with it in the state that it is in.
    fn run(&mut self, piece: &Piece<'_>) -> Option<(usize, Inflated)> {
        let skip = self.skip(piece);
        let fresh = piece.bytes.get(skip..).filter(|fresh| !fresh.is_empty())?;
        let out = match &mut self.state {
            State::Within(state) => members(state, self.name, fresh, piece.limit),
            State::Zstd(frames) => unpack(frames, fresh, piece.limit),
            State::Between | State::Lost => None,
        }?;
        if out.over || !self.fits(&out.bytes) {
            return None;
        }
        if matches!(self.state, State::Within(_)) && piece.bytes.ends_with(&FLUSHED) {
            self.state = State::Between;
        }
        Some((skip, out))
    }

    /// Puts out what a piece held, behind what may belong to it of the one before.
    fn put(&mut self, piece: &Piece<'_>, skip: usize, out: &Inflated) -> Stretch {
        let flushed = out.rests || piece.bytes.ends_with(&FLUSHED);
        self.next = end_of(piece.part, piece.bytes);
        let from = self.window.len().saturating_sub(self.tail);
        let mut bytes = self.window.get(from..).unwrap_or_default().to_vec();
        let way = shifted(&out.way, bytes.len(), skip);
        bytes.extend_from_slice(&out.bytes);
        self.remember(piece.part, out, piece.bytes);
        Stretch { name: self.name, bytes, way, whole: flushed || out.done }
    }

    /// Keeps what is needed of the output of a piece to go on from it.
    fn remember(&mut self, part: Option<&Part>, out: &Inflated, bytes: &[u8]) {
        let flushed = out.rests || bytes.ends_with(&FLUSHED);
        self.rests = flushed;
        self.midway = !flushed && !out.done && part.is_none_or(|part| part.whole);
        self.text &= out.bytes.is_empty() || is_text_so_far(&out.bytes);
        self.window.extend_from_slice(last_of(&out.bytes, WINDOW));
        self.window = last_of(&self.window, WINDOW).to_vec();
        let since = self.tail.saturating_add(out.bytes.len()).min(self.window.len());
        self.tail = if flushed { 0 } else { since.min(PART_OVERLAP) };
    }

    /// Whether output may be what comes next: text goes on as text.
    fn fits(&self, out: &[u8]) -> bool {
        // It may begin and end within a character.
        let look = out.get(..LOOK.min(out.len())).unwrap_or_default();
        let first = look.iter().position(|byte| byte & 0xc0 != 0x80).unwrap_or(look.len());
        !self.text || look.is_empty() || first > 3 || is_text_so_far(look.get(first..).unwrap_or_default())
    }
}

/// The decoder whose stream bytes begin, by their first ones: where these are few, by more than them.
pub(super) fn begins(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x1f, 0x8b, 8, flags, ..] if *flags < 0x20 => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        _ if bytes.len() >= LONG && is_zlib(bytes) => Some("zlib"),
        _ => None,
    }
}

/// Whether bytes begin as zlib does without a dictionary (RFC 1950, section 2.2).
fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [cmf, flg, ..] if cmf & 0x0f == 8 && cmf >> 4 <= 7
        && flg & 0x20 == 0 && (u16::from(*cmf) << 8 | u16::from(*flg)).is_multiple_of(31))
}

/// Inflates what follows a header, and further members of gzip; `None` where it is no such stream.
fn members(state: &mut Decompress, name: &str, bytes: &[u8], limit: usize) -> Option<Inflated> {
    let mut all = inflate_with(state, bytes, limit);
    loop {
        if all.broken || (!all.done && !all.over && all.used < bytes.len()) {
            return None;
        }
        if !all.done {
            return Some(all);
        }
        let check = match name {
            "gzip" => 8,
            "zlib" => 4,
            _ => 0,
        };
        let rest = bytes.get(all.used.saturating_add(check)..).unwrap_or_default();
        let Some(from) = header(rest).ok().filter(|_| name == "gzip") else {
            // Nothing else may follow, but for padding to a block.
            return rest.iter().all(|byte| *byte == 0).then_some(all);
        };
        let start = bytes.len().saturating_sub(rest.len()).saturating_add(from);
        state.reset(false);
        let next = inflate_with(state, rest.get(from..).unwrap_or_default(), limit.saturating_sub(all.bytes.len()));
        all.way.extend(shifted(&next.way, all.bytes.len(), start));
        all.bytes.extend_from_slice(&next.bytes);
        all.used = start.saturating_add(next.used);
        (all.done, all.over, all.broken) = (next.done, next.over, next.broken);
    }
}

/// Runs zstd on; `None` where it is no such stream.
fn unpack(frames: &mut Frames<'static>, bytes: &[u8], limit: usize) -> Option<Inflated> {
    let mut out = Inflated::default();
    let mut chunk = vec![0_u8; 64 << 10];
    loop {
        let mut input = InBuffer::around(bytes.get(out.used..).unwrap_or_default());
        let mut output = OutBuffer::around(&mut chunk[..]);
        let left = frames.run(&mut input, &mut output).ok()?;
        let (took, put) = (input.pos(), output.pos());
        out.used = out.used.saturating_add(took);
        out.bytes.extend_from_slice(chunk.get(..put).unwrap_or_default());
        out.rests = left == BLOCK_HEADER;
        out.over = out.bytes.len() > limit;
        if out.over || (took == 0 && put == 0) {
            out.bytes.truncate(limit);
            out.way = vec![(0, 0), (to_u32(out.bytes.len()), to_u32(out.used))];
            return Some(out);
        }
        out.done = left == 0;
    }
}

/// Whether bytes are blocks of zstd from end to end (RFC 8878, section 3.1.1.2).
fn are_blocks(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let [low, middle, high, after @ ..] = rest {
        let head = u32::from_le_bytes([*low, *middle, *high, 0]);
        let size = match head >> 1 & 3 {
            1 => 1,
            3 => return false,
            _ => usize::try_from(head >> 3).unwrap_or(usize::MAX),
        };
        let Some(next) = after.get(size..) else { return false };
        rest = next;
    }
    rest.is_empty() && !bytes.is_empty()
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

fn end_of(part: Option<&Part>, bytes: &[u8]) -> u64 {
    part.map_or(0, |part| part.offset.saturating_add(bytes.len() as u64))
}

fn last_of(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(len)..).unwrap_or_default()
}

fn shifted(way: &[(u32, u32)], here: usize, there: usize) -> Vec<(u32, u32)> {
    let first = (here > 0).then(|| (0, to_u32(there)));
    let moved = way.iter().map(|(o, t)| (o.saturating_add(to_u32(here)), t.saturating_add(to_u32(there))));
    first.into_iter().chain(moved).collect()
}

/// Bytes that a decompression may put out where nobody counts them.
fn room(bytes: &[u8]) -> usize {
    use crate::model::budget::{DECODED_BYTES, RATIO, RATIO_FREE};
    bytes.len().saturating_mul(RATIO).clamp(RATIO_FREE, DECODED_BYTES)
}
