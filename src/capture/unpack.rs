//! What stands between a file and its text: gzip members, a budget on what an archive unpacks to, UTF-16.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::Window;
use crate::model::budget::{RATIO, UNPACKED_FREE};
use flate2::bufread::GzDecoder;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Members of a gzip file, one after the other; zeros behind the last one are padding, as on tapes.
pub(super) struct Members {
    /// The member at hand, or what stands between two.
    at: Option<Result<GzDecoder<Window>, Window>>,
}

impl Members {
    /// From the first byte of the first member on.
    pub(super) fn new(file: Window) -> Self {
        Self { at: Some(Err(file)) }
    }
}

impl Read for Members {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.at.take() {
                None => return Ok(0),
                Some(Ok(mut member)) => match member.read(out) {
                    Ok(0) if !out.is_empty() => self.at = Some(Err(member.into_inner())),
                    read => {
                        self.at = Some(Ok(member));
                        return read;
                    }
                },
                Some(Err(mut file)) => match (file.head(2).first_chunk().copied(), file.peek(1).first().copied()) {
                    (Some([0x1f, 0x8b]), _) => self.at = Some(Ok(GzDecoder::new(file))),
                    (_, Some(0)) => {
                        file.consume(1);
                        self.at = Some(Err(file));
                    }
                    (_, None) if file.broken().is_none() => return Ok(0),
                    _ => {
                        let at = file.offset();
                        let told = format!("what follows the archive, at byte {at} of the file, is no gzip");
                        return Err(io::Error::other(file.broken().map_or(told, str::to_owned)));
                    }
                },
            }
        }
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
