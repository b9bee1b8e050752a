//! Shortcuts change nothing: a record is peeled to the same tree with them and without.

use crate::bytes::Match;
use crate::field::decoder::DECODERS;
use crate::field::fields::{Output, Place, to_u32};
use crate::field::walk::walk_plainly;
use crate::field::{Decoder, Fields, Hint, Name, message_of, walk};
use crate::model::field::{Tree, View};
use proptest::prelude::*;

/// All of a tree.
pub(super) fn told(tree: &Tree<'_>) -> (String, String, Vec<&'static str>) {
    (format!("{:?}", tree.nodes), format!("{:?}", tree.buffers), tree.exhausted.clone())
}

fn holds(record: &[u8]) -> Result<(), TestCaseError> {
    for declared in [None, Some("application/json"), Some("text/event-stream")] {
        let message = message_of(record, declared);
        prop_assert_eq!(told(&walk(&message)), told(&walk_plainly(&message)), "{}", String::from_utf8_lossy(record));
    }
    Ok(())
}

/// A text as a JSON string; what is no UTF-8 stays as it is.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b'\n' => out.extend(b"\\n"),
            0..=0x1f => out.extend(format!("\\u{byte:04x}").bytes()),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
    out
}

/// A record around values, under names that some decoders listen to.
pub(super) fn record(values: &[Vec<u8>]) -> Vec<u8> {
    let names = ["msg", "query", "path", "authorization", "cookie", "", "q\\u0075ery", "members", "url"];
    let mut out = b"{\"@timestamp\":\"2026-10-03T00:00:00.578Z\",\"n\":-12,\"f\":1.5e3".to_vec();
    for (value, name) in values.iter().zip(names.iter().cycle()) {
        out.extend(format!(",\"{name}\":").bytes());
        out.extend(value);
    }
    out.push(b'}');
    out
}

/// The samples of all decoders, as strings.
pub(super) fn samples() -> Vec<Vec<u8>> {
    DECODERS.iter().flat_map(|decoder| decoder.samples).map(|sample| quoted(sample.bytes)).collect()
}

#[test]
fn samples_open_the_same() {
    for (at, sample) in samples().into_iter().enumerate() {
        let inner = quoted(&record(&[sample.clone(), b"[true,null]".to_vec()]));
        let coded = quoted(data_encoding::BASE64.encode(&sample).as_bytes());
        let list = [b"[", sample.as_slice(), b",", &coded, b"]"].concat();
        let mut values = vec![sample, inner, coded, list];
        values.rotate_left(at % 4);
        holds(&record(&values)).unwrap();
    }
}

/// Whether a decoder opens bytes of which nothing is declared, whatever it thinks of them at first.
fn opens(decoder: &Decoder, hint: &Hint<'_>, bytes: &[u8]) -> bool {
    let (mut nodes, mut out) = (Vec::new(), Output::default());
    let mut fields = Fields::new(Place {
        nodes: &mut nodes,
        input: View { buffer: 0, start: 0, end: to_u32(bytes.len()) },
        input_node: 0,
        first_buffer: 1,
        part: 0,
        room: 1 << 20,
        max_nodes: 1 << 12,
        name: decoder.name,
        all: true,
        out: &mut out,
        inside: None,
    });
    (decoder.open)(bytes, hint, &mut fields).is_ok() && !fields.is_empty()
}

/// Bytes that structures are made of.
fn structured() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), 0..8_u8, 0x0a..0x24_u8, 0x60..0x6a_u8, b'a'..b'g', 0x81..0x86_u8, 0xa0..0xa8_u8]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8_192, ..ProptestConfig::default() })]

    /// Formats without a mark look at the first of what they would read, and refuse no more than reading it all would.
    #[test]
    fn what_is_refused_at_a_look_cannot_be_opened(
        rest in proptest::collection::vec(structured(), 4..28), maps in prop_oneof![0x81..0x85_u8, 0x91..0x95_u8, 0xa1..0xa5_u8],
    ) {
        let hint = Hint {
            part: None, content_type: None, encoding: None, name: Name::NONE, within: &["base64"], whole: true, protos: None,
        };
        let map = [&[maps], rest.as_slice()].concat();
        let named = |name: &str| DECODERS.iter().find(|decoder| decoder.name == name).unwrap();
        for (decoder, bytes) in [("msgpack", &map), ("cbor", &map), ("protobuf", &rest), ("protobuf", &map)] {
            let decoder = named(decoder);
            let first = bytes.first().copied().unwrap_or_default();
            // Maps and arrays of either format begin otherwise in the other.
            let begins = match decoder.name {
                "msgpack" => (0x81..=0x9f).contains(&first) && first != 0x90,
                _ => true,
            };
            if begins && (decoder.fits)(&hint, bytes) == Match::No {
                prop_assert!(!opens(decoder, &hint, bytes), "{}: {}", decoder.name, bytes.escape_ascii());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn values_open_the_same(
        texts in proptest::collection::vec(prop_oneof![
            "[ -~]{0,40}", "[0-9+ ().:TZ-]{4,30}", "[0-9a-f]{4,48}", "[A-Za-z0-9+/]{6,60}={0,2}", "[a-z]{1,9}=[a-z0-9]{1,9}&[a-z]=1",
            "[a-z]{2,9}:[/ ,]{0,3}[a-z0-9?=#%]{2,30}", "--[a-z]{3,9}\n[a-z: ]{0,9}\n\n[a-z]{1,9}\n--[a-z]{3}", "\\PC{0,24}",
        ], 1..8),
    ) {
        let values: Vec<Vec<u8>> = texts.iter().map(|text| quoted(text.as_bytes())).collect();
        holds(&record(&values))?;
    }

    #[test]
    fn coded_bytes_open_the_same(
        values in proptest::collection::vec((proptest::collection::vec(structured(), 4..40), 0..4_usize, any::<usize>()), 1..8),
    ) {
        let samples: Vec<&[u8]> = DECODERS.iter().flat_map(|decoder| decoder.samples).map(|sample| sample.bytes).collect();
        let coded = values.iter().map(|(bytes, coding, which)| {
            let sample = samples.get(which % samples.len()).copied().unwrap_or_default();
            let bytes = if which % 3 == 0 { sample } else { bytes };
            match coding {
                0 => data_encoding::HEXLOWER.encode(bytes),
                1 => data_encoding::BASE64.encode(bytes),
                2 => data_encoding::BASE64URL_NOPAD.encode(bytes),
                _ => bytes.iter().map(|byte| char::from(b'0' + byte % 10)).collect(),
            }
        });
        holds(&record(&coded.map(|text| quoted(text.as_bytes())).collect::<Vec<_>>()))?;
    }

    #[test]
    fn damaged_records_open_the_same(
        which in proptest::collection::vec(0..1_000_usize, 1..6), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let samples = samples();
        let values: Vec<Vec<u8>> = which.iter().filter_map(|which| samples.get(which % samples.len()).cloned()).collect();
        let mut record = record(&values);
        let at = at.index(record.len());
        if cut {
            record.truncate(at);
        } else if let Some(there) = record.get_mut(at) {
            *there = byte;
        }
        holds(&record)?;
    }
}
