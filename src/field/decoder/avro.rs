//! Avro object container files (Avro 1.12 specification): the schema stands in front, so fields carry its names.
//!
//! Counts are claims, and a few bytes can claim values that take none: every value costs a field, levels are counted, and
//! blocks are decompressed within the budget of every decompression.

use crate::bytes::{Cursor, Malformed, Match};
use crate::field::fields::to_u32;
use crate::field::inflate::inflate;
use crate::field::shape::{Filter, Shape};
use crate::field::unpack::{self, Unpacked};
use crate::field::{Decoder, Fields, Hint, Key, Sample};
use crate::model::budget;
use crate::model::field::{Kind, Reach, View};
use memchr::memmem;
use std::collections::BTreeMap;
use std::ops::Range;

mod schema;

use schema::{Schema, Type};

/// The entry.
pub(super) static AVRO: Decoder = Decoder {
    name: "avro",
    about: "Avro object container files, with their schema and any codec",
    layer: false,
    codings: &[],
    filter: Filter { any: Shape::CONTROL, none: Shape::NONE, min: 24, undeclared: Some(&[]) },
    fits,
    open,
    samples: &[
        Sample {
            bytes: b"Obj\x01\x04\x14avro.codec\x08null\x16avro.schema\xde\x01{\"type\": \"record\", \"name\": \"M\", \"fields\
                     \": [{\"name\": \"id\", \"type\": \"long\"}, {\"name\": \"text\", \"type\": \"string\"}]}\x000123456789\
                     abcdef\x02\"\x0e\x1eThe heron lands0123456789abcdef",
            hint: "",
            shows: "The heron lands",
            trail: "avro [0].text",
        },
        Sample {
            bytes: b"Obj\x01\x04\x14avro.codec\x0edeflate\x16avro.schema\xde\x01{\"type\": \"record\", \"name\": \"M\", \"fi\
                     elds\": [{\"name\": \"id\", \"type\": \"long\"}, {\"name\": \"text\", \"type\": \"string\"}]}\x00012345\
                     6789abcdef\x02,\xe3\x93\x0b\xc9HU\xc8H-\xca\xcfS\xc8I\xccK)\x06\x00-\xe7\x050123456789abcdef",
            hint: "",
            shows: "The heron lands",
            trail: "avro [0].text",
        },
    ],
};

const WHAT: &str = "Avro container";
const MAGIC: &[u8] = b"Obj\x01";
/// Values one inside the other.
const LEVELS: usize = 64;
/// Entries of the header's metadata.
const METADATA: usize = 256;

fn fits(_: &Hint<'_>, bytes: &[u8]) -> Match {
    if bytes.starts_with(MAGIC) { Match::Certain } else { Match::No }
}

/// A zig-zag number in at most ten bytes.
fn long(cursor: &mut Cursor<'_>) -> Result<i64, Malformed> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let byte = cursor.u8("Avro number")?;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok((value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg());
        }
    }
    Err(Malformed::Illegal("Avro number"))
}

fn length(cursor: &mut Cursor<'_>) -> Result<usize, Malformed> {
    usize::try_from(long(cursor)?).map_err(|_| Malformed::Illegal("Avro length"))
}

/// A length and so many bytes: where they stand.
fn sized(cursor: &mut Cursor<'_>) -> Result<Range<usize>, Malformed> {
    let len = length(cursor)?;
    let start = cursor.position();
    cursor.take(len, "Avro bytes")?;
    Ok(start..cursor.position())
}

/// What the header says.
struct Header {
    metadata: BTreeMap<Vec<u8>, Range<usize>>,
    sync: [u8; 16],
}

fn header(cursor: &mut Cursor<'_>, bytes: &[u8]) -> Result<Header, Malformed> {
    cursor.take(MAGIC.len(), WHAT)?;
    let mut metadata = BTreeMap::new();
    loop {
        let mut count = long(cursor)?;
        if count == 0 {
            break;
        }
        if count < 0 {
            count = count.saturating_neg();
            long(cursor)?;
        }
        for _ in 0..count {
            if metadata.len() >= METADATA {
                return Err(Malformed::TooLarge("Avro metadata"));
            }
            let name = sized(cursor)?;
            let value = sized(cursor)?;
            metadata.insert(bytes.get(name).unwrap_or_default().to_vec(), value);
        }
    }
    Ok(Header { metadata, sync: cursor.array("Avro sync marker")? })
}

fn open(bytes: &[u8], _: &Hint<'_>, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(bytes);
    let header = header(&mut cursor, bytes)?;
    let at = header.metadata.get(&b"avro.schema"[..]).cloned().ok_or(Malformed::Illegal("Avro schema"))?;
    let text = bytes.get(at.clone()).unwrap_or_default();
    let schema = Schema::parse(text)?;
    // Names are shown where the schema says them.
    let names = schema
        .names()
        .map(|name| {
            let quoted = memmem::find(text, format!("\"{name}\"").as_bytes());
            let start = quoted.map(|found| at.start.saturating_add(found).saturating_add(1));
            start.map(|start| fields.view(start..start.saturating_add(name.len())))
        })
        .collect();
    let codec = header.metadata.get(&b"avro.codec"[..]).and_then(|at| bytes.get(at.clone())).unwrap_or(b"null");
    let mut reader = Reader { schema: &schema, names, fields, own: None };
    let mut record = 0_u32;
    let (mut read, mut last) = (Ok(()), cursor.position());
    while !cursor.is_empty() && read.is_ok() {
        last = cursor.position();
        read = block(&mut cursor, codec, &header.sync, &mut record, &mut reader);
    }
    if let Err(error) = read {
        fields.leave_all(bytes.len());
        fields.damaged();
        // What is no block of this file may look like one that is cut short.
        if !matches!(error, Malformed::TooLarge(_)) {
            fields.ends(last);
        }
    }
    fields.found(WHAT)
}

/// Reads one block: so many records, so many bytes.
fn block(
    cursor: &mut Cursor<'_>,
    codec: &[u8],
    sync: &[u8; 16],
    record: &mut u32,
    reader: &mut Reader<'_, '_, '_>,
) -> Result<(), Malformed> {
    let count = long(cursor)?;
    let len = length(cursor)?;
    let start = cursor.position();
    let (data, whole) = match cursor.take(len, "Avro block") {
        Ok(data) => (data, true),
        // What is there of a block that is cut short is read.
        Err(_) => (cursor.rest(), false),
    };
    if codec == b"null" {
        records(data, start, count, record, reader)?;
    } else {
        let (bytes, way) = unpack(codec, data, start, reader.fields)?;
        reader.own = Some((reader.fields.own(bytes.clone(), way), start));
        records(&bytes, 0, count, record, reader)?;
    }
    if !whole {
        return Err(Malformed::Short("Avro block"));
    }
    let found: [u8; 16] = cursor.array("Avro sync marker")?;
    if found == *sync { Ok(()) } else { Err(Malformed::Illegal("Avro sync marker")) }
}

fn records(
    data: &[u8],
    base: usize,
    count: i64,
    record: &mut u32,
    reader: &mut Reader<'_, '_, '_>,
) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(data);
    for _ in 0..count {
        let key = Key::Index(*record);
        *record = record.saturating_add(1);
        reader.value(&mut cursor, base, reader.schema.root(), key, 0)?;
    }
    cursor.finish("Avro block")
}

/// Undoes a block's codec, within the budget of a decompression.
fn unpack(codec: &[u8], data: &[u8], start: usize, fields: &mut Fields<'_>) -> Result<(Vec<u8>, Reach), Malformed> {
    const BAD: Malformed = Malformed::Illegal("Avro block");
    let (limit, budget) = fields.room(data.len());
    let all = Reach::Within { start: to_u32(start), end: to_u32(start.saturating_add(data.len())) };
    let (Unpacked { bytes, done, over }, way) = match codec {
        b"deflate" => {
            let out = inflate(data, false, limit);
            let moved = |(here, there): (u32, u32)| (here, there.saturating_add(to_u32(start)));
            let way = Reach::Blocks(out.way.into_iter().map(moved).collect());
            (Unpacked { bytes: out.bytes, done: out.done, over: out.over }, way)
        }
        b"snappy" => {
            // Four bytes of CRC-32 follow.
            let (packed, _) = data.split_last_chunk::<4>().ok_or(BAD)?;
            let len = snap::raw::decompress_len(packed).map_err(|_| BAD)?;
            if len > limit {
                fields.exhausted(budget);
                return Err(Malformed::TooLarge("Avro block"));
            }
            let bytes = snap::raw::Decoder::new().decompress_vec(packed).map_err(|_| BAD)?;
            (Unpacked { bytes, done: true, over: false }, all)
        }
        b"zstandard" => {
            let mut frames = ::zstd::stream::read::Decoder::with_buffer(data).map_err(|_| BAD)?;
            frames.window_log_max(budget::ZSTD_WINDOW_LOG).map_err(|_| BAD)?;
            (unpack::read(frames, limit), all)
        }
        b"bzip2" => (unpack::read(::bzip2::read::MultiBzDecoder::new(data), limit), all),
        b"xz" => (unpack::read(lzma_rust2::XzReader::new(data, false), limit), all),
        _ => return Err(Malformed::Illegal("Avro codec")),
    };
    if over {
        fields.exhausted(budget);
    } else if !done {
        fields.damaged();
    }
    if bytes.is_empty() { Err(BAD) } else { Ok((bytes, way)) }
}

struct Reader<'s, 'f, 't> {
    schema: &'s Schema,
    /// Where each name of the schema stands.
    names: Vec<Option<View>>,
    fields: &'f mut Fields<'t>,
    /// The buffer of a block that was compressed, and where it stands; otherwise values stand in the input.
    own: Option<(View, usize)>,
}

impl Reader<'_, '_, '_> {
    fn view(&self, range: Range<usize>) -> View {
        match self.own {
            Some((View { buffer, start, end }, _)) => {
                let at = |offset: usize| start.saturating_add(to_u32(offset)).min(end);
                View { buffer, start: at(range.start), end: at(range.end) }
            }
            None => self.fields.view(range),
        }
    }

    fn leave(&mut self, end: usize) {
        let end = self.view(end..end);
        self.fields.leave_at(end);
    }

    /// Reads one value of a type and puts it out under `key`. `base` is where the cursor's bytes begin.
    fn value(
        &mut self,
        cursor: &mut Cursor<'_>,
        base: usize,
        kind: usize,
        key: Key,
        level: usize,
    ) -> Result<(), Malformed> {
        if level >= LEVELS {
            self.fields.exhausted("nesting");
            return Err(Malformed::TooLarge("nesting of an Avro value"));
        }
        if self.fields.is_full() {
            self.fields.exhausted("fields");
            return Err(Malformed::TooLarge("Avro value"));
        }
        let schema = self.schema;
        let start = cursor.position();
        let mut range = None;
        let leaf = match schema.get(kind).ok_or(Malformed::Illegal("Avro schema"))? {
            Type::Null => Kind::Simple,
            Type::Boolean => {
                cursor.u8("Avro boolean")?;
                Kind::Simple
            }
            Type::Whole => Kind::Integer(i128::from(long(cursor)?)),
            Type::Float => Kind::Float(f64::from(f32::from_le_bytes(cursor.array("Avro float")?))),
            Type::Double => Kind::Float(f64::from_le_bytes(cursor.array("Avro double")?)),
            Type::Bytes => {
                range = Some(sized(cursor)?);
                Kind::Bytes
            }
            Type::Text => {
                range = Some(sized(cursor)?);
                Kind::Text
            }
            Type::Fixed(len) => {
                cursor.take(*len, "Avro fixed")?;
                Kind::Bytes
            }
            Type::Enum(symbols) => {
                let symbol = symbols.get(length(cursor)?).ok_or(Malformed::Illegal("Avro symbol"))?;
                // Of a compressed block nothing less than the block says which.
                let own = self.own.map(|(_, block)| block);
                let at = |offset: usize| own.unwrap_or(base.saturating_add(offset));
                self.fields.begin_text();
                self.fields.escape(symbol.as_bytes(), at(start));
                let view = self.fields.end_text(at(cursor.position()));
                self.fields.leaf(key, view, Kind::Text);
                return Ok(());
            }
            Type::Union(branches) => {
                let branch = *branches.get(length(cursor)?).ok_or(Malformed::Illegal("Avro union"))?;
                return self.value(cursor, base, branch, key, level.saturating_add(1));
            }
            Type::Record(members) => {
                let view = self.view(base.saturating_add(start)..usize::MAX);
                self.fields.enter(key, view);
                for (name, kind) in members {
                    let key = match self.names.get(*name).copied().flatten() {
                        Some(view) => Key::At(view),
                        None => Key::Index(to_u32(*name)),
                    };
                    self.value(cursor, base, *kind, key, level.saturating_add(1))?;
                }
                self.leave(base.saturating_add(cursor.position()));
                return Ok(());
            }
            Type::Array(items) => {
                let items = *items;
                let view = self.view(base.saturating_add(start)..usize::MAX);
                self.fields.enter(key, view);
                let mut index = 0;
                self.runs(cursor, |reader, cursor| {
                    let key = Key::Index(index);
                    index = index.saturating_add(1);
                    reader.value(cursor, base, items, key, level.saturating_add(1))
                })?;
                self.leave(base.saturating_add(cursor.position()));
                return Ok(());
            }
            Type::Map(values) => {
                let values = *values;
                let view = self.view(base.saturating_add(start)..usize::MAX);
                self.fields.enter(key, view);
                self.runs(cursor, |reader, cursor| {
                    let name = sized(cursor)?;
                    let key = reader.view(base.saturating_add(name.start)..base.saturating_add(name.end));
                    reader.value(cursor, base, values, Key::At(key), level.saturating_add(1))
                })?;
                self.leave(base.saturating_add(cursor.position()));
                return Ok(());
            }
        };
        let range = range.unwrap_or(start..cursor.position());
        let view = self.view(base.saturating_add(range.start)..base.saturating_add(range.end));
        self.fields.leaf(key, view, leaf);
        Ok(())
    }

    /// The runs that an array or a map is written in, up to an empty one.
    fn runs(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut item: impl FnMut(&mut Self, &mut Cursor<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        loop {
            let mut count = long(cursor)?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                count = count.saturating_neg();
                long(cursor)?;
            }
            for _ in 0..count {
                item(self, cursor)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::walk_bytes;

    fn container(schema: &str, count: &[u8], data: &[u8]) -> Vec<u8> {
        let number = |n: usize| {
            let mut n = n * 2;
            let mut out = Vec::new();
            while n > 0x7f {
                out.push(u8::try_from(n & 0x7f).unwrap() | 0x80);
                n >>= 7;
            }
            out.push(u8::try_from(n).unwrap());
            out
        };
        let sync = b"0123456789abcdef";
        let head = [&b"Obj\x01\x02\x16avro.schema"[..], &number(schema.len()), schema.as_bytes(), b"\0", sync];
        let block = [count, &number(data.len()), data, sync];
        [head.concat(), block.concat()].concat()
    }

    #[test]
    fn numbers_are_zig_zag() {
        for (bytes, want) in [(&b"\x00"[..], 0), (b"\x01", -1), (b"\x02", 1), (b"\x7f", -64), (b"\x80\x01", 64)] {
            assert_eq!(long(&mut Cursor::new(bytes)), Ok(want));
        }
        assert_eq!(long(&mut Cursor::new(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), Ok(i64::MIN));
        assert!(long(&mut Cursor::new(&[0xff; 11])).is_err());
    }

    #[test]
    fn values_that_take_no_bytes_end_at_a_budget() {
        let huge = b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        let nulls = container(r#"{"type":"array","items":"null"}"#, b"\x02", &[&huge[..], b"\0"].concat());
        walk_bytes(nulls, None, |tree| assert_eq!(tree.exhausted, ["fields"]));
        walk_bytes(container(r#""null""#, huge, b""), None, |tree| assert_eq!(tree.exhausted, ["fields"]));
        // A record that holds itself, a thousand times over.
        let own = r#"{"type":"record","name":"R","fields":[{"name":"next","type":["null","R"]}]}"#;
        walk_bytes(container(own, b"\x02", &[2; 1_000]), None, |tree| assert_eq!(tree.exhausted, ["nesting"]));
        let endless = r#"{"type":"record","name":"R","fields":[{"name":"next","type":"R"}]}"#;
        walk_bytes(container(endless, b"\x02", b"x"), None, |tree| assert_eq!(tree.exhausted, ["nesting"]));
    }
}
