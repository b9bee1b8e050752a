//! Who on the phone spoke: by trailers behind packets, and by a trace of sockets.

use plainsight::model::report::ScenarioReport;
use plainsight::model::sighting::Sighting;
use plainsight::{pipeline, scenario, verdict};
use plainsight_traffic::file::Pcap;
use plainsight_traffic::packet::Packet;
use plainsight_traffic::story::Story;
use std::fmt::Write as _;
use std::fs;

fn run(story: &Story, capture: &[u8], sockets: Option<&str>) -> Result<ScenarioReport, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut toml = story.scenario("a.pcap");
    fs::write(folder.path().join("keys.log"), &story.capture.key_log).unwrap();
    fs::write(folder.path().join("a.pcap"), capture).unwrap();
    let mut keys = "path = \"a.pcap\"\nkeys = \"keys.log\"".to_owned();
    if let Some(sockets) = sockets {
        fs::write(folder.path().join("stand_in_socket_trace.json"), sockets).unwrap();
        keys.push_str("\nsockets = \"stand_in_socket_trace.json\"");
    }
    toml = toml.replace("path = \"a.pcap\"", &keys);
    fs::write(folder.path().join("scenario.toml"), toml).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap_or_else(|e| panic!("{e}"));
    pipeline::run(&scenario, &mut |_| {}).map_err(|error| error.to_string())
}

/// What PCAPdroid puts behind each packet.
fn tagged(packets: &[Packet], name: impl Fn(usize) -> Option<&'static str>) -> Vec<Packet> {
    let tag = |(index, packet): (usize, &Packet)| {
        let mut packet = packet.clone();
        if let Some(name) = name(index) {
            packet.ip.extend([1, 7, 0x20, 0x21]);
            packet.ip.extend(10_123_i32.to_be_bytes());
            packet.ip.extend(name.bytes().chain(std::iter::repeat(0)).take(20));
            packet.ip.extend([0; 4]);
            packet.wire_len = packet.ip.len();
        }
        packet
    };
    packets.iter().enumerate().map(tag).collect()
}

fn story() -> Story {
    (0..50).map(Story::new).find(|story| !story.contradicted().is_empty()).unwrap()
}

#[test]
fn trailers_behind_packets_name_the_app_and_change_nothing_else() {
    let story = story();
    let packets = &story.capture.packets;
    let plain = run(&story, &Pcap::new().write(packets), None).unwrap();
    assert!(plain.flows.iter().all(|flow| flow.app.is_none()) && !plain.flows.is_empty());
    let named = run(&story, &Pcap::new().write(&tagged(packets, |_| Some("Chatterly"))), None).unwrap();
    assert!(named.flows.iter().all(|flow| flow.app.as_deref() == Some("Chatterly")), "{:#?}", named.flows);
    let verdicts = |report: &ScenarioReport| report.claims.iter().map(|judged| judged.verdict).collect::<Vec<_>>();
    assert_eq!(verdicts(&named), verdicts(&plain));
    let ids = |report: &ScenarioReport| report.sightings.iter().map(Sighting::id).collect::<Vec<_>>();
    assert_eq!(ids(&named), ids(&plain));
    let bytes = |report: &ScenarioReport| report.flows.iter().map(|flow| flow.bytes).collect::<Vec<_>>();
    assert_eq!(bytes(&named), bytes(&plain), "a trailer is no payload");
    // Without a name the user id serves; where several are named nobody knows.
    let unnamed = run(&story, &Pcap::new().write(&tagged(packets, |_| Some(""))), None).unwrap();
    assert!(unnamed.flows.iter().all(|flow| flow.app.as_deref() == Some("user 10123")));
    let mixed = tagged(packets, |index| Some(if index % 2 == 0 { "Chatterly" } else { "AdZebra" }));
    let mixed = run(&story, &Pcap::new().write(&mixed), None).unwrap();
    assert!(mixed.flows.iter().any(|flow| flow.app.is_none()));
}

#[test]
fn a_trace_of_sockets_names_process_and_library() {
    let story = story();
    let capture = Pcap::new().write(&story.capture.packets);
    let plain = run(&story, &capture, None).unwrap();
    let mut trace = String::new();
    for flow in &plain.flows {
        let (client, server) = (flow.key.client, flow.key.server);
        let _ = writeln!(
            trace,
            r#"{{"process":"org.chatterly.app","timestamp":{},"data":{{"local_ip":"{}","local_port":{},"dest_ip":"{}","dest_port":{},"stack":["java.net.Socket.connect","com.adzebra.sdk.Up.load"]}}}}"#,
            flow.first_seen.0 / 1_000_000,
            client.ip,
            client.port,
            server.ip,
            server.port
        );
        // Another connection by the same ports, a year later.
        let _ = writeln!(
            trace,
            r#"{{"process":"org.else","timestamp":{},"data":{{"local_port":{},"dest_ip":"{}","dest_port":{}}}}}"#,
            flow.first_seen.0 / 1_000_000 + 31_536_000_000,
            client.port,
            server.ip,
            server.port
        );
    }
    let named = run(&story, &capture, Some(&trace)).unwrap();
    let app = Some("org.chatterly.app, by com.adzebra.sdk");
    assert!(named.flows.iter().all(|flow| flow.app.as_deref() == app), "{:#?}", named.flows);
    assert!(named.inputs.iter().any(|input| input.format == "sockets"));
    let error = run(&story, &capture, Some("[{\"alg\":\"AES\"}]")).unwrap_err();
    assert!(error.contains("not a trace of sockets"), "{error}");
}
