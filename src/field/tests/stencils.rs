//! A structure that is laid over a record gives the tree that reading it gives.

use super::shortcuts::{record, samples, told};
use crate::field::walk::walk_plainly;
use crate::field::{Stencils, message_of, walk_known};
use crate::model::budget;
use proptest::prelude::*;
use std::fmt::Write as _;

/// Reads records one after the other by the structures of those before; how many were laid.
fn holds<R: AsRef<[u8]>>(records: &[R]) -> Result<usize, TestCaseError> {
    let mut stencils = Stencils::default();
    let mut laid = 0;
    for record in records {
        let message = message_of(record.as_ref(), None);
        let tree = walk_known(&message, &mut stencils);
        let text = String::from_utf8_lossy(record.as_ref());
        prop_assert_eq!(told(&tree), told(&walk_plainly(&message)), "{}", text);
        if let Some((_, count)) = tree.pattern {
            laid += 1;
            prop_assert!(count <= tree.nodes.len());
        }
    }
    Ok(laid)
}

#[test]
fn records_that_differ_in_values_alone_are_laid() {
    for (records, laid) in [
        (&[r#"{"a":1,"b":"x"}"#, r#"{"a":-2.5,"b":""}"#, r#"{"a":null,"b":"The heron"}"#][..], 2),
        (&[r#"{"a":{"b":["x","y"]}}"#, r#"{"a":{"b":["x","y","z"]}}"#, r#"{"a":{"b":["","7","8"]}}"#], 1),
        (&[r#"{"m":"Говори","n":[]}"#, r#"{"m":"dusk","n":[]}"#, r#"{"m":"купи","n":{}}"#], 1),
        // Another kind of value is another structure.
        (&[r#"{"a":1}"#, r#"{"a":"1"}"#, r#"{"a":[]}"#, r#"{"a":{}}"#, r#"{"a":true}"#, r#"{"a":"{}"}"#], 2),
        (&[r#"{ "a" : 1 }"#, r#"{ "a" : 22 }"#, r#"{ "a" :  22 }"#, r#"{"a":22}"#, r#"{ "a" : 1 } "#], 1),
        // Escapes are undone, and what is no JSON is not laid.
        (
            &[r#"{"a":"x"}"#, r#"{"a":"\u0041"}"#, r#"{"a":"\"x\""}"#, r#"{"a":"x\"}"#, r#"{"a":"x}"#, r#"{"a":"x"}}"#],
            2,
        ),
        (
            &[
                r#"{"a":"\"x\\","b":"\n"}"#,
                r#"{"a":"y","b":"\ud83d\ude42\ud83d"}"#,
                r#"{"a":"\x","b":""}"#,
                r#"{"a":"\u12","b":""}"#,
            ],
            1,
        ),
        (&[r#"{"a":"{\"b\":[1,\"x\"]}","c":"d"}"#, r#"{"a":"{\"b\":[]}","c":"\\"}"#], 1),
        (&[r#"{"a":1}"#, r#"{"a":1e}"#, r#"{"a":tru}"#, r#"{"a":}"#, r#"{"a":-}"#, r#"{"a":NaN}"#], 1),
        (&[r#"{"a\n":1}"#, r#"{"a\n":2}"#], 0),
        (&[r#"[1,"a"]"#, r#"[2,"b"]"#], 1),
    ] {
        assert_eq!(holds(records).unwrap(), laid, "{records:?}");
    }
    let binary: [&[u8]; 4] = [b"{\"a\":\"x\"}", b"{\"a\":\"\x00\"}", b"{\"a\":\"\xff\xfe\"}", b"{\"a\":\"\x7f\"}"];
    assert_eq!(holds(&binary).unwrap(), 0);
}

#[test]
fn lists_of_bytes_are_read() {
    let list = |from: u32, len: u32| {
        let items: Vec<String> = (from..from + len).map(|n| n.to_string()).collect();
        format!("{{\"n\":[{}]}}", items.join(","))
    };
    // Bytes are put out for some values and not for others.
    assert_eq!(holds(&[list(300, 16), list(40, 16), list(300, 16)]).unwrap(), 0);
    assert_eq!(holds(&[list(300, 15), list(40, 15), list(300, 15)]).unwrap(), 2);
}

#[test]
fn values_that_open_are_opened() {
    let samples = samples();
    for chunk in samples.chunks(3) {
        let mut turned = chunk.to_vec();
        turned.reverse();
        let (first, second) = (record(chunk), record(&turned));
        holds(&[&first, &second, &first, &second]).unwrap();
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    // Names that are never the same, and lists that are longer each time.
    for (records, wide) in [(budget::STENCIL_TRIES + 100, 0), (400, 220)] {
        let mut stencils = Stencils::default();
        for n in 0..records {
            let name = if wide > 0 { String::new() } else { n.to_string() };
            let list = if wide > 0 { vec!["\"x\""; n % 200].join(",") } else { String::new() };
            let mut record = format!("{{\"key{name}\":[{list}]");
            (0..wide / 2).for_each(|at| write!(record, ",\"k{at}\":[{n}]").unwrap());
            record.push_str(",\"a\":1}");
            let message = message_of(record, None);
            drop(walk_known(&message, &mut stencils));
        }
        let (structures, nodes) = stencils.remembered();
        assert!(structures > 20 && structures <= budget::STENCILS, "{structures}");
        assert!(nodes < budget::STENCIL_NODES + 512 && (wide == 0 || nodes > budget::STENCIL_NODES / 2), "{nodes}");
    }
    holds(&(0..300).map(|n| format!("{{\"key{}\":{n}}}", n % 40)).collect::<Vec<_>>()).unwrap();
}

/// A structure, to be filled with values.
#[derive(Clone, Debug)]
enum Shape {
    Text,
    Bare,
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![Just(Shape::Text), Just(Shape::Bare)];
    leaf.prop_recursive(4, 40, 20, |inner| {
        let key = prop_oneof!["[a-z]{0,5}", "[ -!#-~]{0,6}", Just("url".to_owned()), Just("é\\n".to_owned())];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(Shape::List),
            proptest::collection::vec((key, inner), 0..6).prop_map(Shape::Object),
        ]
    })
}

fn fill(shape: &Shape, space: &str, values: &mut dyn Iterator<Item = (String, String)>, out: &mut String) {
    match shape {
        Shape::Text => write!(out, "\"{}\"", values.next().unwrap_or_default().0).unwrap(),
        Shape::Bare => out.push_str(&values.next().unwrap_or_default().1),
        Shape::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(space);
                fill(item, space, values, out);
            }
            out.push(']');
        }
        Shape::Object(members) => {
            out.push('{');
            for (at, (key, member)) in members.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                write!(out, "{comma}{space}\"{}\"{space}:{space}", key.replace('\\', "")).unwrap();
                fill(member, space, values, out);
            }
            out.push('}');
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn any_structure_lays_the_same(
        shapes in proptest::collection::vec(shapes(), 1..4),
        space in prop_oneof![Just(""), Just(" "), Just("\n\t")],
        texts in proptest::collection::vec(prop_oneof![
            "[ !#-\\[\\]-~]{0,20}", "([a-z ]|\\\\[\"\\\\/nu]|\\\\u00[0-9a-f]{2}){0,9}", "\\+?[0-9 ]{4,14}", "[0-9a-f]{8,40}", "[A-Za-z0-9+/]{8,60}", "[а-я ]{0,9}", "[a-z=&]{0,14}", "\\PC{0,6}",
        ], 40),
        bares in proptest::collection::vec(prop_oneof!["-?[0-9]{1,20}", "-?[0-9]{1,3}\\.[0-9]{1,9}", Just("true".to_owned()), Just("null".to_owned()), "[0-9a-z.+-]{1,4}"], 40),
        order in proptest::collection::vec(0..3_usize, 2..8), turn in 0..40_usize,
    ) {
        let records: Vec<String> = order.iter().enumerate().map(|(round, which)| {
            let values = texts.iter().cloned().zip(bares.iter().cloned());
            let mut values = values.cycle().skip(round * turn).take(400);
            let mut out = String::new();
            fill(&shapes[which % shapes.len()], space, &mut values, &mut out);
            out
        }).collect();
        holds(&records)?;
    }

    #[test]
    fn damaged_records_are_read(
        which in proptest::collection::vec(0..1_000_usize, 1..5), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let samples = samples();
        let values: Vec<Vec<u8>> = which.iter().filter_map(|which| samples.get(which % samples.len()).cloned()).collect();
        let whole = record(&values);
        let mut damaged = whole.clone();
        let at = at.index(damaged.len());
        if cut {
            damaged.truncate(at);
        } else if let Some(there) = damaged.get_mut(at) {
            *there = byte;
        }
        holds(&[&whole, &damaged, &whole, &damaged])?;
    }
}
