//! Elements of JSON are found wherever they stand.

use super::*;

#[test]
fn a_stray_bracket_is_passed_over() {
    let (found, _) = elements(br#"[{"a":1},}}{"b":2}]"#, &[]);
    let texts: Vec<&str> = found.iter().map(|(_, text, _)| text.as_str()).collect();
    assert_eq!(texts, [r#"{"a":1}"#, r#"{"b":2}"#]);
}

fn elements(text: &[u8], path: &'static [&'static [u8]]) -> (Vec<(FrameNo, String, bool)>, Loss) {
    let mut elements = Elements::new(Window::new(Box::new(std::io::Cursor::new(text.to_vec()))), Where::At(path));
    let mut out = Vec::new();
    while let Some(piece) = elements.next().unwrap() {
        let Piece::Element(element) = piece else {
            elements.rest();
            continue;
        };
        out.push((element.line, String::from_utf8_lossy(elements.bytes(element)).into_owned(), element.cut));
    }
    (out, elements.loss.clone())
}

#[test]
fn a_broken_element_costs_no_other() {
    let good = |n: u32| format!("{{\"id\":{n},\"t\":\"x, {{y}}\"}}");
    for broken in [
        "{\"id\":9,\"t\":\"unclosed}",
        "{\"id\":9,\"t\":\"unclosed",
        "{\"id\":9,\"t\":\"no end\"",
        "{\"id\":9,\"t\":{\"deep\":[1,2}",
        "{\"id\":9,\"t\": \"a\"b\"}",
    ] {
        for between in [",", ",\n  "] {
            let parts = [good(1), good(2), broken.to_owned(), good(3), good(4), good(5)];
            let text = format!("[{}]", parts.join(between));
            let (found, loss) = elements(text.as_bytes(), &[]);
            let found: Vec<&str> = found.iter().map(|(_, text, _)| text.as_str()).collect();
            for n in 1..6 {
                assert!(found.contains(&good(n).as_str()), "{text}: {found:?}");
            }
            assert!(found.len() == 6 && loss.records() <= 1, "{text}: {found:?}");
        }
    }
}

#[test]
fn elements_of_an_array_are_found_whatever_is_in_them() {
    let text = b" [ {\"a\":\"]}\\\"\"},\n [1,2], \"x,y\", 7\n,{} ] ";
    let found: Vec<String> =
        elements(text, &[]).0.into_iter().map(|(line, text, _)| format!("{line} {text}")).collect();
    assert_eq!(found, ["1 {\"a\":\"]}\\\"\"}", "2 [1,2]", "2 \"x,y\"", "2 7\n", "3 {}"]);
}

#[test]
fn pages_of_hits_are_read_one_after_the_other() {
    const PATH: &[&[u8]] = &[b"hits", b"hits"];
    let page = |id: u32| {
        format!(
            "{{\"took\":1,\"x\":[{{\"hits\":[9]}}],\"hits\":{{\"total\":{{\"value\":2}},\"hits\":[{{\"_id\":{id}}},{{\"_id\":0}}]}},\"aggs\":[{{}}]}}\n"
        )
    };
    let text = page(1) + &page(2) + "{\"hits\":{\"hits\":[]}}";
    let (found, loss) = elements(text.as_bytes(), PATH);
    let found: Vec<&str> = found.iter().map(|(_, text, _)| text.as_str()).collect();
    assert_eq!(found, ["{\"_id\":1}", "{\"_id\":0}", "{\"_id\":2}", "{\"_id\":0}"]);
    assert_eq!(loss.records(), 0);
}

/// Records, and what stands beside them.
fn records(text: &str, path: &'static [&'static [u8]]) -> (Vec<String>, Vec<(FrameNo, String)>) {
    let mut records =
        Records::new(Window::new(Box::new(std::io::Cursor::new(text.as_bytes().to_vec()))), Where::At(path));
    let (mut counted, mut beside) = (Vec::new(), Vec::new());
    while let Some(Item::Record(record)) = records.next().unwrap() {
        let text = String::from_utf8_lossy(record.bytes).into_owned();
        match record.standing {
            Standing::Record => counted.push(text),
            _ => beside.push((record.line, text)),
        }
    }
    (counted, beside)
}

#[test]
fn what_stands_around_elements_is_handed_out_document_by_document() {
    const HITS: &[&[u8]] = &[b"hits", b"hits"];
    for (text, path, elements, rest) in [
        ("[{\"a\":1},{\"b\":2}]\n", &[][..], 2, vec![]),
        ("[{\"a\":1}]\n{\"m\":\"heron\"}\n", &[], 1, vec![(2, "{\"m\":\"heron\"}")]),
        ("[{\"a\":1}]\n[{\"m\":\"heron\"}]\n", &[], 2, vec![]),
        ("[{\"a\":1}]\n\nheron at \"dusk\n", &[], 1, vec![(3, "heron at \"dusk\n")]),
        ("[{\"a\":1}", &[], 1, vec![]),
        ("{\"hits\":{\"hits\":[{\"a\":1}]}}", HITS, 1, vec![(1, "{\"hits\":{\"hits\":[]}}")]),
        (
            "{\"hits\":{\"hits\":[{\"a\":1},{\"a\":2}]},\n\"aggs\":{\"k\":[{\"key\":\"heron\"}]}}\n{\"error\":\"dusk\"}\n{\"hits\":{\"hits\":[{\"a\":1}]}}",
            HITS,
            3,
            vec![
                (1, "{\"hits\":{\"hits\":[]},\n\"aggs\":{\"k\":[{\"key\":\"heron\"}]}}"),
                (3, "{\"error\":\"dusk\"}"),
                (4, "{\"hits\":{\"hits\":[]}}"),
            ],
        ),
        ("{\"hits\":{\"hits\":[{\"a\":1}],\"x\":\"her", HITS, 1, vec![(1, "{\"hits\":{\"hits\":[],\"x\":\"her")]),
    ] {
        let (counted, beside) = records(text, path);
        let beside: Vec<(FrameNo, &str)> = beside.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!((counted.len(), beside), (elements, rest), "{text}");
    }
}

#[test]
fn what_breaks_off_and_what_is_too_long_is_told() {
    let (found, loss) = elements(b"[{\"a\":1},{\"b\":\"ab", &[]);
    assert_eq!(found, [(1, "{\"a\":1}".to_owned(), false), (1, "{\"b\":\"ab".to_owned(), true)]);
    assert!(loss.records() > 0);
    let mut long = b"[{\"a\":\"".to_vec();
    long.resize(RECORD_BYTES.saturating_mul(3), b'x');
    long.extend_from_slice(b"\"},\n{\"b\":2}]");
    let (found, loss) = elements(&long, &[]);
    assert_eq!(found, [(2, "{\"b\":2}".to_owned(), false)]);
    assert_eq!(loss.records(), 1);
}
