//! What pictures hold beside their pixels and Exif: the texts of a PNG (ISO/IEC 15948, section 11.3.3), XMP (ISO 16684-1), and
//! where a PNG or a JPEG ends.

use crate::field::fields::to_u32;
use crate::field::inflate::inflate;
use crate::field::{Fields, Key};
use crate::model::field::{Kind, Reach};
use memchr::memmem;
use std::ops::Range;

/// Chunks or segments of one picture.
const CHUNKS: usize = 65_536;

/// Puts out the texts of a picture.
pub(super) fn texts(bytes: &[u8], fields: &mut Fields<'_>) {
    for (kind, data) in chunks(bytes) {
        if !matches!(&kind, b"tEXt" | b"zTXt" | b"iTXt") {
            continue;
        }
        if fields.is_full() {
            fields.exhausted("fields");
            return;
        }
        let text = bytes.get(data.clone()).unwrap_or_default();
        let Some(name) = memchr::memchr(0, text) else { continue };
        let packed = match &kind {
            b"zTXt" => Some((true, name.saturating_add(2))),
            b"iTXt" => international(text, name),
            _ => Some((false, name.saturating_add(1))),
        };
        let Some((packed, start)) = packed else { continue };
        let key = Key::At(fields.view(data.start..data.start.saturating_add(name)));
        let from = data.start.saturating_add(start).min(data.end);
        if packed {
            let (limit, budget) = fields.room(text.len());
            let out = inflate(bytes.get(from..data.end).unwrap_or_default(), true, limit);
            if out.over {
                fields.exhausted(budget);
            }
            if !out.bytes.is_empty() {
                xmp_place(&out.bytes, data.clone(), fields);
                let moved = |(here, there): (u32, u32)| (here, there.saturating_add(to_u32(from)));
                fields.decoded(key, out.bytes, Reach::Blocks(out.way.into_iter().map(moved).collect()), None);
                continue;
            }
        }
        if from < data.end {
            xmp_place(bytes.get(from..data.end).unwrap_or_default(), data.clone(), fields);
            let view = fields.view(from..data.end);
            fields.leaf(key, view, Kind::Bytes);
        }
    }
}

/// Puts out the XMP of a picture that keeps it in one piece as it is, and the place in it.
pub(super) fn xmp(front: &[u8], fields: &mut Fields<'_>) {
    const END: &[u8] = b"</x:xmpmeta>";
    let start = if front.starts_with(PNG) { None } else { memmem::find(front, b"<x:xmpmeta") };
    let Some(start) = start else { return };
    let rest = front.get(start..).unwrap_or_default();
    let len = memmem::find(rest, END).map_or(rest.len(), |len| len.saturating_add(END.len()));
    let range = start..start.saturating_add(len);
    xmp_place(rest.get(..len).unwrap_or_default(), range.clone(), fields);
    let view = fields.view(range);
    fields.leaf(Key::Name("xmp"), view, Kind::Text);
}

/// Puts out the place that XMP states in degrees and minutes (`exif:GPSLatitude="48,51.5021N"`); `range` is where it stands.
fn xmp_place(text: &[u8], range: Range<usize>, fields: &mut Fields<'_>) {
    let lat = xmp_degrees(text, b"exif:GPSLatitude", 90.0);
    let lon = xmp_degrees(text, b"exif:GPSLongitude", 180.0);
    if let Some((lat, lon)) = lat.zip(lon) {
        let reach = Reach::Within { start: to_u32(range.start), end: to_u32(range.end) };
        fields.decoded(Key::Name("gps"), format!("{lat:.6},{lon:.6}").into_bytes(), reach, None);
    }
}

/// What an attribute or an element of that name says, in degrees: south and west are below zero.
fn xmp_degrees(text: &[u8], name: &[u8], most: f64) -> Option<f64> {
    let from = memmem::find(text, name)?.saturating_add(name.len());
    let value = text.get(from..text.len().min(from.saturating_add(64)))?;
    let ([b'=', b'"' | b'\'', value @ ..] | [b'>', value @ ..]) = value else { return None };
    let end = value.iter().position(|byte| matches!(byte, b'"' | b'\'' | b'<'))?;
    let (side, numbers) = value.get(..end)?.split_last()?;
    let sign = match side {
        b'N' | b'E' => 1.0,
        b'S' | b'W' => -1.0,
        _ => return None,
    };
    let (mut degrees, mut unit) = (0.0, 1.0);
    for number in std::str::from_utf8(numbers).ok()?.split(',') {
        let number: f64 = number.parse().ok().filter(|number: &f64| *number >= 0.0)?;
        degrees += number / unit;
        unit *= 60.0;
    }
    (degrees <= most && unit <= 216_000.0).then_some(degrees * sign)
}

/// Whether the text of an `iTXt` chunk is compressed, and where it begins: behind a flag, a method, a language and a name in it.
fn international(text: &[u8], name: usize) -> Option<(bool, usize)> {
    let packed = *text.get(name.saturating_add(1))? == 1;
    let language = name.saturating_add(3);
    let translated = language.saturating_add(memchr::memchr(0, text.get(language..)?)?).saturating_add(1);
    let start = translated.saturating_add(memchr::memchr(0, text.get(translated..)?)?).saturating_add(1);
    Some((packed, start))
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The chunks of a PNG, and where the data of each is.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], Range<usize>)> + '_ {
    let mut at = if bytes.starts_with(PNG) { PNG.len() } else { bytes.len() };
    let next = move || {
        let (len, rest) = bytes.get(at..)?.split_first_chunk::<4>()?;
        let kind = *rest.first_chunk::<4>()?;
        let from = at.saturating_add(8);
        let end =
            from.checked_add(usize::try_from(u32::from_be_bytes(*len)).ok()?).filter(|end| *end <= bytes.len())?;
        at = if &kind == b"IEND" { bytes.len() } else { end.saturating_add(4) };
        Some((kind, from..end))
    };
    std::iter::from_fn(next).take(CHUNKS)
}

/// Where a picture ends, if it says so.
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(PNG) {
        let (_, last) = chunks(bytes).find(|(kind, _)| kind == b"IEND")?;
        return Some(last.end.saturating_add(4).min(bytes.len()));
    }
    let mut at = if bytes.starts_with(b"\xff\xd8\xff") { 2_usize } else { return None };
    for _ in 0..CHUNKS {
        // What stands in front of a marker is coded (ITU-T T.81, section B.1.1.5), and restarts are in it.
        at = at.saturating_add(memchr::memchr(0xff, bytes.get(at..)?)?).saturating_add(1);
        match bytes.get(at)? {
            0xd9 => return Some(at.saturating_add(1)),
            0 | 0x01 | 0xd0..=0xd8 => at = at.saturating_add(1),
            0xff => {}
            _ => {
                let len = bytes.get(at.saturating_add(1)..)?.first_chunk::<2>()?;
                at = at.saturating_add(1).saturating_add(usize::from(u16::from_be_bytes(*len)));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::packed;
    use crate::field::walk_bytes;
    use crate::model::field::Step;

    const TEXT: &[u8] = b"The heron lands at dusk, and the otter sleeps until the tide is out.";

    fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(&kind);
        crc.update(data);
        let len = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&len[..], &kind, data, &crc.sum().to_be_bytes()].concat()
    }

    fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
        let head = chunk(*b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
        let pixels = chunk(*b"IDAT", &packed(&[0, 0x7f], 1));
        [PNG.to_vec(), head, pixels, chunks.concat(), chunk(*b"IEND", b"")].concat()
    }

    fn shows(bytes: &[u8], text: &[u8]) -> bool {
        walk_bytes(bytes, Some("image/png"), |tree| tree.leaves().any(|(_, node)| tree.bytes(node) == text))
    }

    #[test]
    fn texts_and_what_follows_are_read() {
        let zlib = packed(TEXT, 1);
        for (name, chunk) in [
            ("as it is", chunk(*b"tEXt", &[b"Comment\0", TEXT].concat())),
            ("compressed", chunk(*b"zTXt", &[b"Comment\0\0", &zlib[..]].concat())),
            ("international", chunk(*b"iTXt", &[b"Comment\0\0\0en\0Note\0", TEXT].concat())),
            ("international, compressed", chunk(*b"iTXt", &[b"Comment\0\x01\0\0\0", &zlib[..]].concat())),
        ] {
            assert!(shows(&png(&[chunk]), TEXT), "{name}");
        }
        let xmp = "<x:xmpmeta><rdf:Description exif:GPSLatitude=\"48,51.5022N\" exif:GPSLongitude=\"2,17,40.13W\"/></x:xmpmeta>";
        let place = b"48.858370,-2.294481";
        let name = b"XML:com.adobe.xmp\0\0\0\0\0";
        assert!(shows(&png(&[chunk(*b"iTXt", &[name, xmp.as_bytes()].concat())]), place));
        let name = b"XML:com.adobe.xmp\0\x01\0\0\0";
        assert!(shows(&png(&[chunk(*b"iTXt", &[&name[..], &packed(xmp.as_bytes(), 1)].concat())]), place));
        let len = u16::try_from(xmp.len() + 31).unwrap().to_be_bytes();
        let app1 =
            [b"\xff\xd8\xff\xe1", &len[..], b"http://ns.adobe.com/xap/1.0/\0", xmp.as_bytes(), b"\xff\xd9"].concat();
        assert!(shows(&app1, place));
        let picture = png(&[]);
        walk_bytes(picture.clone(), Some("image/png"), |tree| {
            assert!(tree.nodes.iter().all(|node| node.step != Step::Open("exif")));
        });
        let noise: Vec<u8> = (1..300_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 | 1).collect();
        let jpeg = [&b"\xff\xd8\xff\xe0\0\x04\xff\xd9\xff\xda\0\x03\0\x12\xff\0\x34\xff\xd0\x56\xff\xd9"[..]].concat();
        assert_eq!((end(&jpeg), end(&picture)), (Some(jpeg.len()), Some(picture.len())));
        for picture in [picture, jpeg] {
            assert!(shows(&[&picture[..], &packed(TEXT, 0)].concat(), TEXT));
            assert!(shows(&[&picture[..], &noise].concat(), &noise));
            // The picture is weighed as one.
            assert!(shows(&[&picture[..], &noise].concat(), &picture));
        }
    }
}
