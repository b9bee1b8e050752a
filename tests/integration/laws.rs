//! The laws of judging, over whole sessions: real handshakes and ciphers, through the whole line.
//!
//! Stories are small random sessions in which every verdict occurs; each knows which of its claims it contradicts.

use plainsight::model::report::ScenarioReport;
use plainsight::model::verdict::VerdictKind;
use plainsight::{pipeline, scenario, verdict};
use plainsight_traffic::capture::Exchange;
use plainsight_traffic::file::{Link, PcapNg};
use plainsight_traffic::packet::Packet;
use plainsight_traffic::story::Story;
use plainsight_traffic::{edit, http};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Stories each law is stated over.
const STORIES: u64 = 60;

type Verdicts = BTreeMap<String, VerdictKind>;

fn report(toml: &str, captures: &[(&str, Vec<u8>)]) -> ScenarioReport {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("scenario.toml"), toml).unwrap();
    for (name, bytes) in captures {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap_or_else(|e| panic!("{e}"));
    pipeline::run(&scenario, &mut |_| {}).unwrap()
}

fn judge(story: &Story, packets: &[Packet], key_log: &str) -> ScenarioReport {
    report(&story.scenario("a.pcapng"), &[("a.pcapng", PcapNg::new().secrets_first(key_log).write(packets))])
}

fn verdicts(report: &ScenarioReport) -> Verdicts {
    report.claims.iter().map(|judged| (judged.claim.id.clone(), judged.verdict)).collect()
}

/// What was seen, apart from where in the file.
fn seen(report: &ScenarioReport) -> BTreeSet<(String, Option<String>, String, String)> {
    let of = |s: &plainsight::model::sighting::Sighting| {
        (s.data.name().to_owned(), s.planted.clone(), s.form.clone(), s.place.trail.join(" > "))
    };
    report.sightings.iter().map(of).collect()
}

fn stories() -> impl Iterator<Item = (u64, Story)> {
    (0..STORIES).map(|seed| (seed, Story::new(seed)))
}

/// Verdicts may move towards contradicted, never towards consistent.
fn assert_no_better(seed: u64, what: &str, before: &ScenarioReport, after: &ScenarioReport) {
    let after_verdicts = verdicts(after);
    for judged in &before.claims {
        let now = after_verdicts[&judged.claim.id];
        // Losing a contradiction leaves "not enough was seen", or the weakness that it stood before; it must not become
        // a pass, nor may anything else.
        let bared = judged.verdict == VerdictKind::Contradicted && now == VerdictKind::Weakened;
        let allowed = now <= judged.verdict || now == VerdictKind::Inconclusive || bared;
        assert!(
            allowed,
            "seed {seed}, {what}: `{}` went from {:?} to {now:?}\nbefore: {}\nafter: {:?}",
            judged.claim.id,
            judged.verdict,
            judged.reason,
            after.claims.iter().find(|j| j.claim.id == judged.claim.id).map(|j| &j.reason)
        );
    }
}

#[test]
fn what_a_story_tells_is_what_is_contradicted_and_every_verdict_occurs() {
    let mut occurred = BTreeSet::new();
    for (seed, story) in stories() {
        let report = judge(&story, &story.capture.packets, &story.capture.key_log);
        let contradicted: BTreeSet<&str> = report
            .claims
            .iter()
            .filter(|judged| judged.verdict == VerdictKind::Contradicted)
            .map(|judged| judged.claim.id.as_str())
            .collect();
        assert_eq!(contradicted, story.contradicted(), "seed {seed}: {:?}", story.tellings);
        occurred.extend(report.claims.iter().map(|judged| judged.verdict));
    }
    for kind in VerdictKind::ALL {
        assert!(occurred.contains(&kind), "{kind:?} never occurs: the laws below would say little");
    }
}

#[test]
fn how_bytes_were_cut_and_in_which_order_they_came_changes_nothing() {
    for (seed, story) in stories() {
        let packets = &story.capture.packets;
        let before = judge(&story, packets, &story.capture.key_log);
        let edits: [(&str, Vec<Packet>); 7] = [
            ("tiny segments", edit::split(packets, 7)),
            ("random segments", edit::split_randomly(packets, seed)),
            ("reordered", edit::reorder(packets, seed, 4)),
            ("split and reordered", edit::reorder(&edit::split_randomly(packets, seed), seed, 6)),
            ("duplicated", edit::duplicate(packets, seed, 3)),
            ("retransmitted with overlaps", edit::retransmit_overlapping(packets, seed)),
            ("fragmented", edit::fragment(packets, 64)),
        ];
        for (what, edited) in edits {
            let after = judge(&story, &edited, &story.capture.key_log);
            assert_eq!(verdicts(&before), verdicts(&after), "seed {seed}, {what}");
            assert_eq!(seen(&before), seen(&after), "seed {seed}, {what}");
            assert_eq!(before.sightings.len(), after.sightings.len(), "seed {seed}, {what}");
        }
        let links = [Link::Sll2, Link::Vlan(7), Link::Raw, Link::Null];
        let written =
            PcapNg::new().big_endian().digits(6).links(&links).secrets_last(&story.capture.key_log).write(packets);
        let after = report(&story.scenario("a.pcapng"), &[("a.pcapng", written)]);
        assert_eq!(verdicts(&before), verdicts(&after), "seed {seed}, written otherwise");
    }
}

#[test]
fn unrelated_traffic_changes_nothing() {
    let hello =
        Exchange::new(http::get("weather.example", "/today"), http::ok("application/json", br#"{"sky":"grey"}"#));
    for (seed, story) in stories() {
        let before = judge(&story, &story.capture.packets, &story.capture.key_log);
        let other = plainsight_traffic::capture::Capture::new(seed ^ 0xffff)
            .dns("weather.example", "198.51.100.77")
            .plain_http("198.51.100.77", &[hello.clone(), hello.clone()])
            .tls_http("weather.example", "198.51.100.77", std::slice::from_ref(&hello));
        // Another phone, so that its ports are its own.
        let moved = edit::shift(&other.packets, 1_500_000);
        let keys = format!("{}{}", story.capture.key_log, other.key_log);
        let first = PcapNg::new().secrets_first(&keys).write(&story.capture.packets);
        let second = PcapNg::new().secrets_first(&keys).write(&moved);
        let both = format!("{}\n[[capture]]\npath = \"b.pcapng\"\n", story.scenario("a.pcapng"));
        let after = report(&both, &[("a.pcapng", first.clone()), ("b.pcapng", second.clone())]);
        // "Read in full" may only ever help an absence that had nothing to show; then the reason was that nothing was
        // read at all.
        for judged in &before.claims {
            let now = verdicts(&after)[&judged.claim.id];
            assert_eq!(now, judged.verdict, "seed {seed}: `{}`: {}", judged.claim.id, judged.reason);
        }
        let swapped = report(&both, &[("a.pcapng", second), ("b.pcapng", first)]);
        assert_eq!(verdicts(&after), verdicts(&swapped), "seed {seed}: the order of captures");
    }
}

#[test]
fn taking_keys_away_never_helps() {
    for (seed, story) in stories() {
        let before = judge(&story, &story.capture.packets, &story.capture.key_log);
        let lines: Vec<&str> = story.capture.key_log.lines().collect();
        assert_no_better(seed, "no keys", &before, &judge(&story, &story.capture.packets, ""));
        for (index, _) in lines.iter().enumerate() {
            let fewer: Vec<&str> =
                lines.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, line)| *line).collect();
            let after = judge(&story, &story.capture.packets, &(fewer.join("\n") + "\n"));
            assert_no_better(seed, &format!("without key line {index}"), &before, &after);
        }
    }
}

#[test]
fn taking_packets_away_never_helps() {
    for (seed, story) in stories() {
        let packets = &story.capture.packets;
        let before = judge(&story, packets, &story.capture.key_log);
        for one_in in [2, 5, 12] {
            let fewer = edit::lose_randomly(packets, seed, one_in);
            if leaves_trace(packets, &fewer) {
                let after = judge(&story, &fewer, &story.capture.key_log);
                assert_no_better(seed, &format!("one packet in {one_in} lost"), &before, &after);
            }
        }
        for bytes in [60, 120, 300] {
            let after = judge(&story, &edit::snap(packets, bytes), &story.capture.key_log);
            assert_no_better(seed, &format!("frames cut to {bytes} bytes"), &before, &after);
        }
        // Each segment that carries bytes, alone.
        for index in
            (0..packets.len()).filter(|index| packets[*index].tcp().is_some_and(|(_, _, bytes)| !bytes.is_empty()))
        {
            let fewer = edit::lose(packets, |other, _| other == index);
            let after = judge(&story, &fewer, &story.capture.key_log);
            assert_no_better(seed, &format!("packet {index} lost"), &before, &after);
        }
    }
}

#[test]
fn a_capture_that_ends_in_the_middle_of_something_never_helps() {
    for (seed, story) in stories() {
        let packets = &story.capture.packets;
        let before = judge(&story, packets, &story.capture.key_log);
        for count in 1..packets.len() {
            if ends_in_the_middle(packets, count) {
                let after = judge(&story, &edit::cut_end(packets, count), &story.capture.key_log);
                assert_no_better(seed, &format!("cut after packet {count} of {}", packets.len()), &before, &after);
            }
        }
    }
}

#[test]
fn a_file_cut_in_the_middle_of_a_packet_never_helps() {
    for (seed, story) in stories().take(20) {
        let before = judge(&story, &story.capture.packets, &story.capture.key_log);
        let whole = PcapNg::new().secrets_first(&story.capture.key_log).write(&story.capture.packets);
        for part in 1..8 {
            let cut = whole.len() * part / 8 + 1;
            let toml = story.scenario("a.pcapng");
            let after = report(&toml, &[("a.pcapng", whole[..cut].to_vec())]);
            if after.inputs[0].stopped.is_some() {
                assert_no_better(seed, &format!("file cut after {cut} bytes"), &before, &after);
            }
        }
    }
}

#[test]
fn the_same_input_gives_the_same_report() {
    for (seed, story) in stories().take(10) {
        let one = judge(&story, &story.capture.packets, &story.capture.key_log);
        let two = judge(&story, &story.capture.packets, &story.capture.key_log);
        let text = |report: ScenarioReport| format!("{:?}", ScenarioReport { id: String::new(), ..report });
        assert!(text(one) == text(two), "seed {seed}: two runs differ");
    }
}

/// Where a packet comes from and where it goes.
type Way = [(String, u16); 2];

fn ends(packet: &Packet) -> Option<Way> {
    let (ip, tcp, _) = packet.tcp()?;
    let (from, to) = match ip {
        etherparse::IpHeaders::Ipv4(header, _) => (format!("{:?}", header.source), format!("{:?}", header.destination)),
        etherparse::IpHeaders::Ipv6(header, _) => (format!("{:?}", header.source), format!("{:?}", header.destination)),
    };
    Some([(from, tcp.source_port), (to, tcp.destination_port)])
}

/// Whether some connection is cut where more was to come: after bytes that go on in the same direction, or before the
/// answer to what the client sent.
fn ends_in_the_middle(packets: &[Packet], count: usize) -> bool {
    let mut last: BTreeMap<Way, Way> = BTreeMap::new();
    for packet in &packets[..count] {
        let (Some(way), Some((_, _, bytes))) = (ends(packet), packet.tcp()) else { continue };
        if !bytes.is_empty() {
            let mut key = way.clone();
            key.sort();
            last.insert(key, way);
        }
    }
    packets[count..].iter().any(|packet| {
        let (Some(way), Some((_, _, bytes))) = (ends(packet), packet.tcp()) else { return false };
        let mut key = way.clone();
        key.sort();
        let to_server = |way: &Way| way[1].1 == 443 || way[1].1 == 80;
        // A record this short is the `close_notify` that follows a finished conversation.
        bytes.len() > 24 && last.get(&key).is_some_and(|before| *before == way || to_server(before))
    })
}

/// Whether every connection that lost something still shows that it did: some packet of it is left behind the loss, or
/// the other end acknowledges what is gone.
fn leaves_trace(all: &[Packet], left: &[Packet]) -> bool {
    let of = |packets: &[Packet]| {
        let mut connections: BTreeMap<Way, Vec<Packet>> = BTreeMap::new();
        for packet in packets {
            if let Some(mut key) = ends(packet) {
                key.sort();
                connections.entry(key).or_default().push(packet.clone());
            }
        }
        connections
    };
    let left = of(left);
    of(all).into_iter().all(|(key, packets)| left.get(&key).is_some_and(|kept| kept.last() == packets.last()))
}
