//! Shortcuts change nothing: a record is peeled to the same tree with them and without.

use crate::field::decoder::DECODERS;
use crate::field::walk::walk_plainly;
use crate::field::{message_of, walk};
use crate::model::field::Tree;
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
