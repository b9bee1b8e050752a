//! What must hold for every format of stores: samples are recognised, and whatever is cut, damaged, foreign or far too
//! long in them costs no more than itself, and is told.

use super::format::FORMATS;
use super::{EvidenceKind, Loss, Stopped, Wanted, open_bytes};
use crate::model::budget::RECORD_BYTES;
use crate::model::item::Item;
use crate::model::record::Standing;
use std::io::Write as _;

/// What a file of one format begins with, one of its records (`@` stands for a text), what stands between two, and how
/// it ends. The first record must tell the format.
struct Sample {
    format: &'static str,
    head: &'static str,
    record: &'static str,
    between: &'static str,
    end: &'static str,
}

const SAMPLES: &[Sample] = &[
    Sample { format: "ndjson", head: "", record: r#"{"n":1,"t":"@"}"#, between: "\n", end: "\n" },
    Sample { format: "json-array", head: "[", record: r#"{"n":1,"t":"@"}"#, between: ",\n", end: "]\n" },
    Sample {
        format: "json-document",
        head: "{\n \"about\": \"x\",\n \"messages\": [\n",
        record: r#"  {"n":1,"t":"@"}"#,
        between: ",\n",
        end: "\n ]\n}\n",
    },
    Sample {
        format: "search-hits",
        head: "{\"took\":3,\"hits\":{\"total\":{\"value\":9},\"hits\":[",
        record: r#"{"_index":"chat","_source":{"t":"@"}}"#,
        between: ",\n",
        end: "]}}\n",
    },
    Sample {
        format: "bulk",
        head: "",
        record: "{\"index\":{\"_index\":\"chat\"}}\n{\"t\":\"@\"}",
        between: "\n",
        end: "\n",
    },
    Sample { format: "csv", head: "n,t,u\n", record: "1,\"@\",x", between: "\n", end: "\n" },
    Sample {
        format: "sql",
        head: "-- MySQL dump 10.13\nCREATE TABLE `m` (\n `n` int,\n `t` text\n) ENGINE=InnoDB;\nINSERT INTO `m` VALUES ",
        record: "(1,'@')",
        between: ",\n",
        end: ";\n",
    },
    Sample {
        format: "sql",
        head: "--\n-- PostgreSQL database dump\n--\nCOPY public.m (n, t) FROM stdin;\n",
        record: "1\t@",
        between: "\n",
        end: "\n\\.\n",
    },
    Sample {
        format: "logcat",
        head: "",
        record: "11-02 09:00:00.123  812  815 D Relay: text=@",
        between: "\n",
        end: "\n",
    },
    Sample {
        format: "syslog",
        head: "",
        record: "<34>1 2026-11-02T09:00:00.003Z mx.example chat - ID47 - text=@",
        between: "\n",
        end: "\n",
    },
    Sample { format: "lines", head: "", record: "2026-11-02 09:00:00 INFO n=1 text=@", between: "\n", end: "\n" },
];

/// A BSON document with one text in it.
fn document(text: &[u8]) -> Vec<u8> {
    let len = |len: usize| u32::try_from(len).unwrap().to_le_bytes();
    let mut out = len(4 + 3 + 4 + text.len() + 1 + 1).to_vec();
    out.extend_from_slice(b"\x02t\0");
    out.extend_from_slice(&len(text.len() + 1));
    out.extend_from_slice(text);
    out.extend_from_slice(b"\0\0");
    out
}

/// How to make a file of texts.
type Make = Box<dyn Fn(&[&[u8]]) -> Vec<u8>>;

/// Files of every format: its name, and how to make one.
fn makers() -> Vec<(&'static str, Make)> {
    let mut makers: Vec<(&'static str, Make)> = Vec::new();
    for sample in SAMPLES {
        let make = |texts: &[&[u8]]| {
            let mut out = sample.head.as_bytes().to_vec();
            for (at, text) in texts.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(sample.between.as_bytes());
                }
                let (before, after) = sample.record.split_once('@').unwrap();
                out.extend_from_slice(before.as_bytes());
                out.extend_from_slice(text);
                out.extend_from_slice(after.as_bytes());
            }
            out.extend_from_slice(sample.end.as_bytes());
            out
        };
        makers.push((sample.format, Box::new(make)));
    }
    makers.push(("bson", Box::new(|texts| texts.iter().flat_map(|text| document(text)).collect())));
    makers
}

struct Read {
    format: String,
    records: Vec<(Vec<u8>, bool)>,
    stopped: Option<Stopped>,
    loss: Loss,
}

/// A document is one record more: what stands around the others.
fn around(name: &str) -> usize {
    usize::from(name == "json-document")
}

fn read(bytes: Vec<u8>) -> Option<Read> {
    let mut opened = open_bytes(bytes, "export", Wanted::Dump).ok()?;
    let (mut records, mut stopped) = (Vec::new(), None);
    loop {
        match opened.source.next() {
            Ok(Some(Item::Record(record))) if record.standing == Standing::Record => {
                records.push((record.bytes.to_vec(), record.whole));
            }
            Ok(Some(Item::Record(_))) => {}
            Ok(Some(other)) => panic!("{other:?}"),
            Ok(None) => break,
            Err(why) => {
                stopped = Some(why);
                break;
            }
        }
    }
    Some(Read { format: opened.format, records, stopped, loss: opened.source.loss() })
}

fn holds(records: &[(Vec<u8>, bool)], text: &[u8]) -> bool {
    records.iter().any(|(record, _)| memchr::memmem::find(record, text).is_some())
}

#[test]
fn every_format_of_stores_has_samples_that_are_its_own() {
    // Doors are no records: each of these has tests of its own.
    let of_records = |name: &str| !["doors", "banners"].contains(&name);
    let stores = FORMATS.iter().filter(|format| format.kind == EvidenceKind::Store && of_records(format.name));
    for format in stores {
        assert!(makers().iter().any(|(name, _)| *name == format.name), "{} has no sample", format.name);
    }
    for (name, make) in makers() {
        let read = read(make(&[b"one", b"two", b"three"])).unwrap();
        assert_eq!(read.format, name);
        assert_eq!(read.records.len(), 3 + around(name), "{name}");
        assert!(read.records.iter().all(|(_, whole)| *whole) && read.loss.records() == 0, "{name}");
        for text in [&b"one"[..], b"two", b"three"] {
            assert!(holds(&read.records, text), "{name}");
        }
    }
}

#[test]
fn a_file_cut_anywhere_loses_no_record_before_the_cut() {
    for (name, make) in makers() {
        let whole = make(&[b"alpha", b"bravo", b"delta"]);
        let ends: Vec<(usize, &[u8])> = [&b"alpha"[..], b"bravo", b"delta"]
            .into_iter()
            .map(|text| (memchr::memmem::find(&whole, text).unwrap() + text.len(), text))
            .collect();
        for cut in 1..whole.len() {
            let Some(read) = read(whole[..cut].to_vec()) else { continue };
            if read.format != name {
                // Too little is left to tell what it was.
                continue;
            }
            for (end, text) in &ends {
                assert!(*end > cut || holds(&read.records, text), "{name} cut at {cut} of {}", whole.len());
            }
        }
    }
}

#[test]
fn an_archive_that_breaks_off_is_read_as_far_as_it_goes() {
    for (name, make) in makers() {
        let texts: Vec<String> = (0..4_000)
            .map(|n: u64| {
                let words: Vec<String> = (1..40)
                    .map(|k| format!("{:x}", n.wrapping_mul(u64::wrapping_mul(k, 0x9e37_79b9_7f4a_7c15))))
                    .collect();
                format!("text {n} {}", words.join(" "))
            })
            .collect();
        let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        let whole = make(&texts);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&whole).unwrap();
        let gz = gz.finish().unwrap();
        for wrapped in [gz, zstd::encode_all(whole.as_slice(), 1).unwrap()] {
            let read = read(wrapped[..wrapped.len() * 3 / 4].to_vec()).unwrap();
            assert!(read.format.starts_with(name), "{name}");
            assert!(read.records.len() > 100 && read.records.len() < 4_000, "{name}: {}", read.records.len());
            assert!(holds(&read.records, texts[0]), "{name}");
            let told =
                read.stopped.is_some() || read.loss.records() > 0 || read.records.iter().any(|(_, whole)| !whole);
            assert!(told, "{name}");
        }
    }
}

#[test]
fn foreign_bytes_cost_nothing_but_themselves() {
    let long: Vec<u8> = b"caf\xe9 \xff\xfe \xc3\x28 na\xefve".to_vec();
    for (name, make) in makers() {
        let read = read(make(&[b"alpha", b"bravo", &long, b"delta"])).unwrap();
        assert_eq!(read.format, name);
        assert_eq!(read.records.len(), 4 + around(name), "{name}");
        assert!(holds(&read.records, b"alpha") && holds(&read.records, b"delta"), "{name}");
    }
}

#[test]
fn a_record_far_too_long_is_skipped_and_told() {
    let long = vec![b'x'; RECORD_BYTES + (1 << 20)];
    for (name, make) in makers() {
        let read = read(make(&[b"alpha", &long, b"delta"])).unwrap();
        assert_eq!(read.format, name);
        assert!(holds(&read.records, b"alpha") && holds(&read.records, b"delta"), "{name}");
        assert!(read.loss.records() > 0, "{name} does not tell");
        assert!(read.records.iter().all(|(record, _)| record.len() <= 2 * RECORD_BYTES), "{name}");
    }
}
