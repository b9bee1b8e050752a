//! Where a sighting stands, in words, and the command that shows the same bytes in somebody else's tool.

use crate::model::evidence::{Input, KeyFile};
use crate::model::message::PartKind;
use crate::model::report::ScenarioReport;
use crate::model::sighting::{Place, Sighting};
use crate::report::evidence::quoted;
use crate::report::words::thousands;
use std::fmt::Write as _;

/// Frames named for one place.
pub(crate) const FRAMES: usize = 24;

/// What the numbers of a file's places count: what can be looked up in it.
pub(crate) fn unit(scenario: &ScenarioReport, file: &str) -> &'static str {
    match input(scenario, file).map(Input::bare_format) {
        None | Some("pcap" | "pcapng") => "frame",
        Some("har" | "mitmproxy") => "entry",
        Some("doors" | "banners") => "answer",
        Some("bson") => "record",
        Some(_) => "line",
    }
}

fn input<'s>(scenario: &'s ScenarioReport, file: &str) -> Option<&'s Input> {
    scenario.inputs.iter().find(|input| input.name == file)
}

/// What the numbers of a place count.
fn unit_of(scenario: &ScenarioReport, place: &Place) -> &'static str {
    match (unit(scenario, &place.capture), place.flow) {
        ("frame", None) => "line",
        (unit, _) => unit,
    }
}

/// `frame`, `frames`, `entries`.
pub(crate) fn plural(unit: &str, n: usize) -> String {
    match (n, unit) {
        (1, unit) => unit.to_owned(),
        (_, "entry") => "entries".to_owned(),
        (_, unit) => format!("{unit}s"),
    }
}

/// `frame 41`, `frames 41, 42`, `line 9`.
pub(crate) fn frames(scenario: &ScenarioReport, place: &Place) -> String {
    let named: Vec<String> = place.frames.iter().take(FRAMES).map(u64::to_string).collect();
    let more = place.frames.len().saturating_sub(FRAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} {}{more}", plural(unit_of(scenario, place), place.frames.len()), named.join(", "))
}

/// The first of them: ` frame 41`.
pub(crate) fn first_frame(scenario: &ScenarioReport, place: &Place) -> String {
    place.frames.first().map_or_else(String::new, |first| format!(" {} {first}", unit_of(scenario, place)))
}

/// The bytes that carried it, the last one included: `10 to 22`; nothing where no bytes are named.
pub(crate) fn range(place: &Place) -> Option<String> {
    let (start, end) = place.bytes;
    let last = end.checked_sub(1).filter(|last| *last >= start)?;
    Some(if start == last { thousands(start) } else { format!("{} to {}", thousands(start), thousands(last)) })
}

/// The same, and of what: `bytes 10 to 22 of the body as transferred`.
pub(crate) fn bytes(place: &Place) -> Option<String> {
    let of = match (place.flow, place.part) {
        (None, _) => "record",
        (Some(_), Some(PartKind::Path)) => "path as transferred",
        (Some(_), Some(PartKind::Query)) => "query as transferred",
        (Some(_), Some(PartKind::Header)) => "header’s value as transferred",
        (Some(_), Some(PartKind::Body)) => "body as transferred",
        (Some(_), Some(PartKind::Raw)) => "payload as transferred",
        (Some(_), None) => "media stream",
    };
    let range = range(place)?;
    Some(format!("{} {range} of the {of}", if range.contains(' ') { "bytes" } else { "byte" }))
}

/// The command that shows the same bytes in somebody else's tool.
pub(crate) fn look_again(scenario: &ScenarioReport, sighting: &Sighting) -> String {
    let place = &sighting.place;
    let numbers = |from: u64| -> Vec<String> {
        place.frames.iter().take(FRAMES).map(|number| number.saturating_sub(from).to_string()).collect()
    };
    let wrapped = match place.capture.rsplit('.').next() {
        Some("gz") => Some("gzip"),
        Some("zst") => Some("zstd"),
        _ => None,
    };
    let file = quoted(&place.capture);
    let piped = |command: &str, stdin: &str| match wrapped {
        Some(tool) => format!("{tool} -dc {file} | {command}{stdin}"),
        None => format!("{command} {file}"),
    };
    match (input(scenario, &place.capture).map(Input::bare_format), place.flow) {
        (Some("har"), _) => piped(&format!("jq '.log.entries[{}]'", numbers(1).join(",")), ""),
        (Some("mitmproxy"), _) => {
            let host = place.authority.as_deref().filter(|host| !host.is_empty());
            let only = host.map_or_else(String::new, |host| format!(" {}", quoted(&format!("~d {host}"))));
            format!("{}{only}", piped("mitmdump -n --flow-detail 4 -r", " -"))
        }
        (Some("doors" | "banners"), _) => piped("jq .", ""),
        (Some("bson"), _) => {
            let lines = format!("sed -n '{}p'", numbers(0).join("p;"));
            wrapped.map_or_else(
                || format!("bsondump {file} | {lines}"),
                |tool| format!("{tool} -dc {file} | bsondump | {lines}"),
            )
        }
        (_, None) => piped(&format!("sed -n '{}p'", numbers(0).join("p;")), ""),
        (_, Some(_)) => {
            let keys = if place.secured { keys(scenario, &place.capture) } else { (String::new(), String::new()) };
            let (before, options) = keys;
            format!("{before}tshark -r {file}{options} -Y 'frame.number in {{{}}}' -V", numbers(0).join(", "))
        }
    }
}

/// The keys beside a capture, else beside any, as tshark takes them: what must be done before, and its options.
fn keys(scenario: &ScenarioReport, capture: &str) -> (String, String) {
    let own = input(scenario, capture).map(|input| input.keys.as_slice()).unwrap_or_default();
    let mut given: Vec<&KeyFile> = own.iter().collect();
    if given.is_empty() {
        given = scenario.inputs.iter().flat_map(|input| &input.keys).collect();
        given.sort();
        given.dedup();
    }
    let named = |kind: fn(&KeyFile) -> bool| -> Vec<&str> {
        given.iter().filter(|file| kind(file)).map(|file| file.name.as_str()).collect()
    };
    let (mut before, mut options) = (String::new(), String::new());
    for (option, joined, files) in [
        ("tls.keylog_file", "all-keys.log", named(|file| file.tls)),
        ("wg.keylog_file", "all-wireguard-keys.log", named(|file| file.wireguard)),
    ] {
        let file = match files.as_slice() {
            [] => continue,
            [one] => (*one).to_owned(),
            // It takes one file only.
            many => {
                let many: Vec<String> = many.iter().map(|file| quoted(file)).collect();
                let _ = write!(before, "cat {} > {joined} && ", many.join(" "));
                joined.to_owned()
            }
        };
        let _ = write!(options, " -o {}", quoted(&format!("{option}:{file}")));
    }
    for file in named(|file| file.rsa) {
        let _ = write!(options, " -o {}", quoted(&format!("uat:rsa_keys:\"{file}\",\"\"")));
    }
    (before, options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn places_are_named_by_what_the_file_counts() {
        let mut report = sample::report();
        let scenario = &mut report.scenarios[0];
        let mut found = scenario.sightings[0].clone();
        found.place.frames = vec![2, 5];
        found.place.secured = true;
        let key = |name: &str| KeyFile { name: name.to_owned(), tls: true, ..KeyFile::default() };
        for (format, name, keys, says, look) in [
            ("pcapng", "a.pcapng", vec![], "frames 2, 5", "tshark -r a.pcapng -Y 'frame.number in {2, 5}' -V"),
            (
                "pcap.gz",
                "a.pcap.gz",
                vec![key("keys.log")],
                "frames 2, 5",
                "tshark -r a.pcap.gz -o tls.keylog_file:keys.log -Y 'frame.number in {2, 5}' -V",
            ),
            (
                "pcap",
                "a.pcap",
                vec![key("a b"), key("c")],
                "frames 2, 5",
                "cat 'a b' c > all-keys.log && tshark -r a.pcap -o tls.keylog_file:all-keys.log -Y 'frame.number in {2, 5}' -V",
            ),
            (
                "pcap",
                "a.pcap",
                vec![KeyFile { name: "key.pem".to_owned(), rsa: true, ..KeyFile::default() }],
                "frames 2, 5",
                "tshark -r a.pcap -o 'uat:rsa_keys:\"key.pem\",\"\"' -Y 'frame.number in {2, 5}' -V",
            ),
            ("har", "a.har", vec![], "entries 2, 5", "jq '.log.entries[1,4]' a.har"),
            ("har.zst", "a.har.zst", vec![], "entries 2, 5", "zstd -dc a.har.zst | jq '.log.entries[1,4]'"),
            (
                "mitmproxy",
                "a b",
                vec![],
                "entries 2, 5",
                "mitmdump -n --flow-detail 4 -r 'a b' '~d log.chatterly.example'",
            ),
            (
                "mitmproxy.gz",
                "a.gz",
                vec![],
                "entries 2, 5",
                "gzip -dc a.gz | mitmdump -n --flow-detail 4 -r - '~d log.chatterly.example'",
            ),
        ] {
            scenario.inputs[0].format = format.to_owned();
            scenario.inputs[0].name = name.to_owned();
            scenario.inputs[0].keys = keys;
            found.place.capture = name.to_owned();
            found.place.authority = Some("log.chatterly.example".to_owned());
            assert_eq!(frames(scenario, &found.place), says, "{format}");
            assert_eq!(look_again(scenario, &found), look, "{format}");
        }
        found.place.flow = None;
        for (format, name, says, look) in [
            ("ndjson", "a.ndjson", "lines 2, 5", "sed -n '2p;5p' a.ndjson"),
            ("csv.zst", "a.zst", "lines 2, 5", "zstd -dc a.zst | sed -n '2p;5p'"),
            ("bson", "a.bson", "records 2, 5", "bsondump a.bson | sed -n '2p;5p'"),
            ("doors", "a.json", "answers 2, 5", "jq . a.json"),
        ] {
            scenario.inputs[0].format = format.to_owned();
            scenario.inputs[0].name = name.to_owned();
            found.place.capture = name.to_owned();
            assert_eq!(frames(scenario, &found.place), says, "{format}");
            assert_eq!(look_again(scenario, &found), look, "{format}");
        }
    }

    #[test]
    fn ranges_name_their_last_byte_and_what_it_is_a_byte_of() {
        let mut place = sample::report().scenarios[0].sightings[0].place.clone();
        for (range, part, want) in [
            ((10, 23), Some(PartKind::Body), Some("bytes 10 to 22 of the body as transferred")),
            ((1_000, 2_001), Some(PartKind::Query), Some("bytes 1,000 to 2,000 of the query as transferred")),
            ((7, 8), Some(PartKind::Header), Some("byte 7 of the header’s value as transferred")),
            ((0, 320), None, Some("bytes 0 to 319 of the media stream")),
            ((0, 0), Some(PartKind::Body), None),
            ((9, 3), Some(PartKind::Body), None),
        ] {
            (place.bytes, place.part) = (range, part);
            assert_eq!(bytes(&place).as_deref(), want);
        }
        (place.flow, place.bytes) = (None, (10, 23));
        assert_eq!(bytes(&place).unwrap(), "bytes 10 to 22 of the record");
    }
}
