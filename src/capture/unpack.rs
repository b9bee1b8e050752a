//! What stands between a file and its text: gzip members, a budget on what an archive unpacks to, UTF-16.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::Window;
use crate::model::budget::{RATIO, UNPACKED_FREE};
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Members of a gzip file, one after the other; zeros behind the last one are padding, as on tapes.
///
/// What a broken member unpacked to before its fault is handed out before the error.
pub(super) struct Members {
    file: Window,
    /// The member at hand.
    member: Option<Member>,
    broken: Option<String>,
}

/// What is unpacked of one member (RFC 1952).
struct Member {
    inflate: Decompress,
    sum: Crc,
}

impl Members {
    /// From the first byte of the first member on.
    pub(super) fn new(file: Window) -> Self {
        Self { file, member: None, broken: None }
    }

    /// Moves to the next member; `false` at the end of the file.
    fn enter(&mut self) -> io::Result<bool> {
        while self.file.head(1) == [0] {
            self.file.consume(1);
        }
        if self.file.head(2) == [0x1f, 0x8b] {
            self.header()?;
            self.member = Some(Member { inflate: Decompress::new(false), sum: Crc::new() });
            return Ok(true);
        }
        match (self.file.head(1).is_empty(), self.file.broken()) {
            (true, None) => Ok(false),
            (_, Some(why)) => Err(io::Error::other(why.to_owned())),
            (false, None) => {
                let at = self.file.offset();
                Err(io::Error::other(format!("what follows the archive, at byte {at} of the file, is no gzip")))
            }
        }
    }

    /// A member's header (RFC 1952 section 2.3).
    fn header(&mut self) -> io::Result<()> {
        let short = || io::Error::other("the header of a gzip member breaks off");
        let [_, _, method, flags, ..] = *self.file.head(10).first_chunk::<10>().ok_or_else(short)?;
        if method != 8 {
            return Err(io::Error::other(format!("a gzip member is compressed with the unknown method {method}")));
        }
        self.file.consume(10);
        let skip = |file: &mut Window, len: u64| if file.skip(len) { Ok(()) } else { Err(short()) };
        if flags & 4 != 0 {
            let len = u16::from_le_bytes(*self.file.head(2).first_chunk().ok_or_else(short)?);
            skip(&mut self.file, u64::from(len).saturating_add(2))?;
        }
        // A name and a comment, each up to a zero.
        for flag in [8, 16] {
            let mut inside = flags & flag != 0;
            while inside {
                let byte = self.file.head(1).first().copied().ok_or_else(short)?;
                self.file.consume(1);
                inside = byte != 0;
            }
        }
        if flags & 2 != 0 {
            skip(&mut self.file, 2)?;
        }
        Ok(())
    }

    /// Unpacks some more; 0 at the member's end.
    fn inflate(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(Member { inflate, sum }) = &mut self.member else { return Ok(0) };
        loop {
            let input = self.file.fill_buf()?;
            let flush = if input.is_empty() { FlushDecompress::Finish } else { FlushDecompress::None };
            let before = (inflate.total_in(), inflate.total_out());
            let state = inflate.decompress(input, out, flush);
            let took = usize::try_from(inflate.total_in().saturating_sub(before.0)).unwrap_or(usize::MAX);
            let made = usize::try_from(inflate.total_out().saturating_sub(before.1)).unwrap_or(usize::MAX);
            let ended = input.is_empty();
            self.file.consume(took);
            sum.update(out.get(..made).unwrap_or_default());
            match state {
                Ok(Status::StreamEnd) => {
                    let [sum, len] = [sum.sum(), sum.amount()];
                    self.member = None;
                    self.trailer(sum, len).map_err(|error| self.broken = Some(error.to_string())).unwrap_or_default();
                    return Ok(made);
                }
                Ok(_) if made > 0 => return Ok(made),
                Ok(_) if ended => return Err(io::Error::other("incomplete deflate stream")),
                Ok(_) => {}
                // What was unpacked before the fault stands.
                Err(error) if made > 0 => {
                    self.broken = Some(error.to_string());
                    return Ok(made);
                }
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
    }

    /// A member's sum and length (RFC 1952 section 2.3.1).
    fn trailer(&mut self, sum: u32, len: u32) -> io::Result<()> {
        let told = self.file.head(8).first_chunk::<8>().copied();
        let Some(told) = told.map(u64::from_le_bytes) else {
            return Err(io::Error::other("the archive ends in the checksum of a member"));
        };
        self.file.consume(8);
        if told == u64::from(len) << 32 | u64::from(sum) {
            return Ok(());
        }
        Err(io::Error::other(
            "the archive unpacks to something else than what its checksum is of: it is damaged somewhere",
        ))
    }
}

impl Read for Members {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(why) = &self.broken {
                return Err(io::Error::other(why.clone()));
            }
            if out.is_empty() || (self.member.is_none() && !self.enter()?) {
                return Ok(0);
            }
            let made = self.inflate(out)?;
            if made > 0 {
                return Ok(made);
            }
        }
    }
}

/// A file a little at a time: a decoder that meets a fault gives up all that it made of what it was handed with it.
pub(super) struct Sips(pub(super) Window);

/// Bytes of one sip.
const SIP: usize = 512;

impl Read for Sips {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = out.len().min(SIP);
        self.0.read(out.get_mut(..most).unwrap_or_default())
    }
}

impl BufRead for Sips {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let at_hand = self.0.fill_buf()?;
        Ok(at_hand.get(..SIP).unwrap_or(at_hand))
    }

    fn consume(&mut self, len: usize) {
        self.0.consume(len);
    }
}

/// An archive's content, as long as it is in proportion to the archive.
pub(super) struct Unpacked<R> {
    content: R,
    out: u64,
    /// Bytes of the archive read so far.
    read: Arc<AtomicU64>,
    free: u64,
}

impl<R: Read> Unpacked<R> {
    /// `read` counts the bytes of the archive.
    pub(super) const fn new(content: R, read: Arc<AtomicU64>) -> Self {
        Self { content, out: 0, read, free: UNPACKED_FREE }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = self.read.load(Ordering::Relaxed).saturating_mul(RATIO as u64).max(self.free);
        if self.out >= most {
            return Err(io::Error::other(format!(
                "the archive unpacks to more than {RATIO} times its size, over {most} bytes; the rest was not unpacked"
            )));
        }
        let read = self.content.read(out)?;
        self.out = self.out.saturating_add(read as u64);
        Ok(read)
    }
}

/// The decoder of a file that begins with the byte order mark of UTF-16.
pub(super) fn utf_16(head: &[u8]) -> Option<encoding_rs::Decoder> {
    match head {
        [0xff, 0xfe, 0, 0] => None,
        [0xff, 0xfe, ..] => Some(encoding_rs::UTF_16LE.new_decoder_with_bom_removal()),
        [0xfe, 0xff, ..] => Some(encoding_rs::UTF_16BE.new_decoder_with_bom_removal()),
        _ => None,
    }
}

/// A file in UTF-16, as UTF-8.
pub(super) struct Wide {
    file: Window,
    decoder: encoding_rs::Decoder,
    ended: bool,
}

impl Wide {
    /// From the byte order mark on.
    pub(super) const fn new(file: Window, decoder: encoding_rs::Decoder) -> Self {
        Self { file, decoder, ended: false }
    }
}

impl Read for Wide {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // The decoder wants room for a whole character.
        if out.len() < 4 || self.ended {
            return Ok(0);
        }
        loop {
            let piece = self.file.head(1 << 10);
            let last = piece.is_empty();
            if let Some(why) = self.file.broken().filter(|_| last) {
                return Err(io::Error::other(why.to_owned()));
            }
            let (_, taken, written, _) = self.decoder.decode_to_utf8(self.file.peek(1 << 10), out, last);
            self.file.consume(taken);
            self.ended = last;
            if written > 0 || last {
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write as _};

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text).unwrap();
        packed.finish().unwrap()
    }

    fn unpack(file: Vec<u8>) -> (String, Option<String>) {
        let mut window = Window::new(Box::new(Members::new(Window::new(Box::new(Cursor::new(file))))));
        let text = String::from_utf8(window.head(1 << 20).to_vec()).unwrap();
        (text, window.broken().map(str::to_owned))
    }

    #[test]
    fn members_are_one_file_and_padding_is_none_of_it() {
        let both = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        assert_eq!(unpack(both.clone()), ("one two".to_owned(), None));
        assert_eq!(unpack([both.clone(), vec![0; 700]].concat()), ("one two".to_owned(), None));
        assert_eq!(unpack([both.clone(), vec![0; 512], both.clone()].concat()).0, "one twoone two");
        let (text, told) = unpack([both.clone(), b"else".to_vec()].concat());
        assert_eq!((text.as_str(), told.unwrap().contains(&format!("byte {}", both.len()))), ("one two", true));
        let (text, told) = unpack(both[..both.len() - 9].to_vec());
        assert!(text.starts_with("one ") && told.is_some(), "{text} {told:?}");
    }

    #[test]
    fn a_flipped_bit_costs_nothing_in_front_of_it() {
        let mut text = String::new();
        for n in 0_u64..6_000 {
            let _ = std::fmt::Write::write_fmt(
                &mut text,
                format_args!("record {n} {:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            );
        }
        let read = |file: Vec<u8>| {
            let name = "export";
            let mut opened = crate::capture::open_bytes(file, name, crate::capture::Wanted::Dump).unwrap();
            let (mut all, mut told) = (String::new(), false);
            loop {
                match opened.source.next() {
                    Ok(Some(crate::model::item::Item::Record(record))) => {
                        all.push_str(&String::from_utf8_lossy(record.bytes));
                        all.push('\n');
                        told |= !record.whole;
                    }
                    Ok(_) => break,
                    Err(_) => {
                        told = true;
                        break;
                    }
                }
            }
            (all, told)
        };
        let gz = gzip(text.as_bytes());
        let zst = {
            let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        for (whole, block) in [(gz, 2_000), (zst, 140_000)] {
            assert_eq!(read(whole.clone()), (text.clone(), false));
            for part in 2..20 {
                let at = whole.len() * part / 20;
                let mut broken = whole.clone();
                broken[at] ^= 0x10;
                let (found, told) = read(broken);
                let same = found.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
                let want = (text.len() * part / 20).saturating_sub(text.len() / 20 + block);
                assert!(told && same >= want, "at {at} of {}: {same} of {want}", whole.len());
            }
        }
    }

    #[test]
    fn headers_of_members_may_hold_names_and_more() {
        let mut packed = flate2::GzBuilder::new()
            .filename("a.log")
            .comment("of a day")
            .extra([1, 2, 3])
            .write(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"text").unwrap();
        let file = packed.finish().unwrap();
        assert_eq!(unpack(file.clone()), ("text".to_owned(), None));
        // With a sum of its header.
        let mut summed = gzip(b"text");
        summed[3] |= 2;
        summed.splice(10..10, [7, 7]);
        assert_eq!(unpack(summed), ("text".to_owned(), None));
        for cut in 1..file.len() {
            assert!(unpack(file[..cut].to_vec()).1.is_some(), "{cut}");
        }
        let mut other = gzip(b"text");
        other[2] = 7;
        assert!(unpack(other).1.unwrap().contains("method 7"));
    }

    #[test]
    fn an_archive_out_of_all_proportion_is_left() {
        let read = Arc::new(AtomicU64::new(10));
        let content = Cursor::new(vec![7; 100_000]);
        let mut bomb = Unpacked { content, out: 0, read: Arc::clone(&read), free: 20_000 };
        let mut piece = [0; 1_000];
        for _ in 0..20 {
            assert_eq!(bomb.read(&mut piece).unwrap(), 1_000);
        }
        assert!(bomb.read(&mut piece).unwrap_err().to_string().contains("1000 times"));
        // More of the archive was needed for it after all.
        read.store(1_000, Ordering::Relaxed);
        assert_eq!(bomb.read(&mut piece).unwrap(), 1_000);
    }

    #[test]
    fn utf_16_is_read_in_either_order_and_as_far_as_it_goes() {
        let text = "h\u{e9}ron \u{1f426} \u{82cd}\u{9e6d}\n".repeat(700);
        for big in [false, true] {
            let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            let mut file: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(unit).collect();
            let read = |file: Vec<u8>| {
                let window = Window::new(Box::new(Cursor::new(file)));
                let decoder = utf_16(if big { &[0xfe, 0xff, 0, 0x68] } else { &[0xff, 0xfe, 0x68, 0] }).unwrap();
                let mut out = String::new();
                Window::new(Box::new(Wide::new(window, decoder))).read_to_string(&mut out).unwrap();
                out
            };
            assert_eq!(read(file.clone()), text);
            file.pop();
            assert!(read(file).starts_with(text.trim_end()));
        }
        assert!(utf_16(&[0xff, 0xfe, 0, 0]).is_none());
    }
}
