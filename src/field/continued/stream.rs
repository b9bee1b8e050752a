//! One compressed stream that goes on over several messages: how far it came, and whether bytes are what comes next.

use super::Place;
use crate::field::fields::to_u32;
use crate::field::inflate::{Inflated, header, inflate_with, is_gzip, is_zlib};
use crate::field::text::{is_text, is_text_so_far};
use crate::model::budget::{PART_OVERLAP, ZSTD_WINDOW_LOG};
use crate::model::message::Part;
use flate2::Decompress;
use zstd::stream::raw::{DParameter, Decoder as Frames, InBuffer, Operation as _, OutBuffer};

/// What a deflate stream ends with when it is flushed (RFC 1951, 3.2.4): an empty stored block, at the end of a byte.
pub(in crate::field) const FLUSHED: [u8; 4] = [0, 0, 0xff, 0xff];
/// How far back deflate repeats.
const WINDOW: usize = 32 << 10;
/// Output of which it is told that it does not look like what came before.
const LOOK: usize = 256;
/// What zstd asks for next between two blocks (RFC 8878, section 3.1.1.2): there its sender may have flushed it.
const BLOCK_HEADER: usize = 3;
/// Bytes that do not inflate by chance.
const LONG: usize = 64;
/// Bytes below which nothing is told of what nobody opens.
pub(super) const SHORTEST: usize = 12;

/// One stream.
pub(super) struct Stream {
    pub(super) place: Place,
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
    pub(super) rests: bool,
    /// It stopped in the middle, at the end of a whole field.
    pub(super) midway: bool,
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

/// A stretch, opened.
pub(in crate::field) struct Stretch {
    pub(in crate::field) name: &'static str,
    pub(in crate::field) bytes: Vec<u8>,
    /// Pairs (output offset, input offset).
    pub(in crate::field) way: Vec<(u32, u32)>,
    /// It ends where its sender flushed the stream, or ended it.
    pub(in crate::field) whole: bool,
}

/// Bytes with which a stream may go on.
pub(super) struct Piece<'a> {
    /// The part of the message that they are all of.
    pub(super) part: Option<&'a Part>,
    pub(super) place: Place,
    pub(super) bytes: &'a [u8],
    /// Bytes that they may come to.
    pub(super) limit: usize,
    pub(super) alone: bool,
}

/// What they are, where a stream between two blocks goes on with them.
pub(super) struct Between {
    /// It is the stream of this very field.
    pub(super) here: bool,
    pub(super) skip: usize,
    pub(super) out: Inflated,
    pub(super) state: Box<Decompress>,
}

impl Stream {
    pub(super) const fn is_followed(&self) -> bool {
        !matches!(self.state, State::Lost)
    }

    /// A stream that `bytes` begin, and what they hold; `None` if they are all of it, or are none.
    pub(super) fn begin(
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

    /// Flushed bytes as the beginning of a stream of deflate that its decoders did not take, and what they hold.
    pub(super) fn begin_flushed(place: Place, bytes: &[u8], limit: usize) -> Option<(Self, Stretch)> {
        ["zlib", "deflate"].into_iter().filter(|name| *name == "deflate" || is_zlib(bytes)).find_map(|name| {
            let from = if name == "zlib" { 2 } else { 0 };
            let mut state = Decompress::new(false);
            let out = inflate_with(&mut state, bytes.get(from..)?, limit);
            let all = out.used.saturating_add(from) == bytes.len();
            if out.broken || out.done || out.over || out.bytes.is_empty() || !all {
                return None;
            }
            let stream = Self {
                place,
                name,
                state: State::Between,
                window: last_of(&out.bytes, WINDOW).to_vec(),
                tail: 0,
                text: is_text_so_far(&out.bytes),
                next: 0,
                rests: true,
                midway: false,
            };
            Some((stream, Stretch { name, way: shifted(&out.way, 0, from), bytes: out.bytes, whole: true }))
        })
    }

    /// Its beginning, which came out of `len` bytes, as a stretch.
    pub(super) fn beginning(&self, out: Inflated, len: usize) -> Stretch {
        let way = vec![(0, 0), (to_u32(out.bytes.len()), to_u32(len))];
        Stretch { name: self.name, way, bytes: out.bytes, whole: false }
    }

    /// Nobody follows it from here on.
    pub(super) fn lose(&mut self) {
        self.state = State::Lost;
    }

    /// It went on with a piece in `state`: now it stands between two blocks, if it was flushed behind it, or in one.
    pub(super) fn went_on(&mut self, piece: &[u8], state: Box<Decompress>) {
        if !piece.ends_with(&FLUSHED) {
            self.state = State::Within(state);
        }
    }

    /// Whether it goes on in its state alone, which an attempt changes.
    pub(super) const fn is_live(&self) -> bool {
        matches!(self.state, State::Within(_) | State::Zstd(_))
    }

    /// Whether bytes go on with it whatever else may be seen in them: it stopped in the middle, or they are whole blocks.
    pub(super) fn must_go_on(&self, bytes: &[u8]) -> bool {
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
    pub(super) fn between(&self, piece: &Piece<'_>) -> Option<Between> {
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
    pub(super) fn run(&mut self, piece: &Piece<'_>) -> Option<(usize, Inflated)> {
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
    pub(super) fn put(&mut self, piece: &Piece<'_>, skip: usize, out: &Inflated) -> Stretch {
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
pub(in crate::field) fn begins(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        _ if is_gzip(bytes) => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        _ if bytes.len() >= LONG && is_zlib(bytes) => Some("zlib"),
        _ => None,
    }
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
