//! What images say of where, when and by what they were taken (Exif 2.32), in JPEG, PNG, TIFF, WebP and HEIF.

use crate::bytes::{Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::pictures;
use crate::field::shape::{Filter, Shape};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::field::{Kind, Reach};
use ::exif::{Exif, In, Rational, Reader, Tag, Value};
use std::io::Cursor;

/// The entry.
pub(super) static EXIF: Decoder = Decoder {
    name: "exif",
    about: "places, times, devices, comments and texts in pictures (Exif, XMP, PNG), and what follows them",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::BINARY, none: Shape::NONE, min: 32, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample { bytes: SAMPLE, hint: "image/jpeg", shows: "48.858369,2.294478", trail: "exif gps" },
        Sample { bytes: SAMPLE, hint: "", shows: "FW-20261102-77", trail: "exif body-serial-number" },
    ],
};

const SAMPLE: &[u8] = include_bytes!("exif_sample.jpg");
/// Bytes of an image in which its metadata is looked for: it stands in front.
const FRONT: usize = 1 << 20;

/// Texts that are put out, and what they are called.
const TEXTS: [(Tag, &str); 12] = [
    (Tag::Make, "make"),
    (Tag::Model, "model"),
    (Tag::BodySerialNumber, "body-serial-number"),
    (Tag::LensSerialNumber, "lens-serial-number"),
    (Tag::CameraOwnerName, "camera-owner-name"),
    (Tag::Artist, "artist"),
    (Tag::Copyright, "copyright"),
    (Tag::ImageDescription, "image-description"),
    (Tag::UserComment, "user-comment"),
    (Tag::ImageUniqueID, "image-unique-id"),
    (Tag::DateTimeOriginal, "date-time-original"),
    (Tag::Software, "software"),
];

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    let image = matches!(
        bytes,
        [0xff, 0xd8, 0xff, ..]
            | [0x89, b'P', b'N', b'G', ..]
            | [b'I', b'I', b'*', 0, ..]
            | [b'M', b'M', 0, b'*', ..]
            | [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..]
            | [_, _, _, _, b'f', b't', b'y', b'p', ..]
    );
    if image { Match::Maybe } else { Match::No }
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    const WHAT: &str = "image metadata";
    let front = bytes.get(..FRONT).unwrap_or(bytes);
    // Writers break the rules in small things: what is there is there.
    let exif = Reader::new()
        .continue_on_error(true)
        .read_from_container(&mut Cursor::new(front))
        .or_else(|error| error.distill_partial_result(|_| ()));
    if let Ok(exif) = exif {
        metadata(&exif, front, fields);
    }
    pictures::texts(bytes, fields);
    pictures::xmp(front, fields);
    if let Some(end) = pictures::end(bytes) {
        let filling = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
        if !bytes.get(end..).is_none_or(|rest| rest.iter().all(filling)) {
            // The picture stays one field, beside what follows it.
            let view = fields.view(0..end);
            fields.unopened_leaf(Key::Name("picture"), view, Kind::Bytes);
            fields.ends(end);
        }
    }
    fields.found(WHAT)
}

/// Puts out what the metadata says.
fn metadata(exif: &Exif, front: &[u8], fields: &mut Fields<'_>) {
    let reach = || Reach::Within { start: 0, end: to_u32(front.len()) };
    if let (Some(lat), Some(lon)) = (
        degrees(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, "S"),
        degrees(exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, "W"),
    ) {
        fields.decoded(Key::Name("gps"), format!("{lat:.6},{lon:.6}").into_bytes(), reach(), None);
    }
    for (tag, name) in TEXTS {
        let Some(field) = exif.get_field(tag, In::PRIMARY) else { continue };
        let text = match &field.value {
            Value::Ascii(lines) => lines.join(&b' '),
            // A comment has eight bytes in front that name its charset.
            Value::Undefined(bytes, _) => bytes.get(8..).unwrap_or_default().to_vec(),
            _ => continue,
        };
        let text = text.trim_ascii();
        if !text.is_empty() {
            fields.decoded(Key::Name(name), text.to_vec(), reach(), None);
        }
    }
}

/// Degrees, minutes and seconds as one number; south and west are below zero.
fn degrees(exif: &Exif, tag: Tag, reference: Tag, negative: &str) -> Option<f64> {
    let Value::Rational(parts) = &exif.get_field(tag, In::PRIMARY)?.value else { return None };
    let part = |at: usize| parts.get(at).map_or(0.0, Rational::to_f64);
    let value = part(0) + part(1) / 60.0 + part(2) / 3_600.0;
    let sign = match &exif.get_field(reference, In::PRIMARY)?.value {
        Value::Ascii(lines) => lines.first().is_some_and(|line| line.starts_with(negative.as_bytes())),
        _ => false,
    };
    (value.is_finite() && value <= 180.0).then_some(if sign { -value } else { value })
}
