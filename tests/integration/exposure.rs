//! How many people a store exposes: equal to the generator's own count, for two stores of different makes, whatever the
//! order of their parts.

use plainsight::model::exposure::Exposure;
use plainsight::pipeline::{self, Inspection};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The generator's count.
#[derive(serde::Deserialize)]
struct Truth {
    people: u64,
    phone_numbers: u64,
    messages: u64,
    conversations: u64,
    calls: u64,
    precise_locations: u64,
    number_links: u64,
    linkability: Joined,
    records: u64,
    by_app: std::collections::BTreeMap<String, Share>,
}

/// Who wrote to or called whom; the generator walks from person to person, where we join sets.
#[derive(serde::Deserialize)]
struct Joined {
    connected: u64,
    pairs: u64,
    groups: u64,
    largest_group: u64,
}

#[derive(serde::Deserialize)]
struct Share {
    people: u64,
    messages: u64,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn expose(files: &[PathBuf]) -> Exposure {
    let inspection = Inspection { files: files.to_vec(), ..Inspection::default() };
    pipeline::inspect(&inspection, &mut |_| {}).unwrap().exposure.unwrap()
}

fn hold(found: &Exposure, truth: &Path) {
    let truth: Truth = serde_json::from_slice(&fs::read(truth).unwrap()).unwrap();
    for (what, found, want) in [
        ("people", found.people, truth.people),
        ("phone numbers", found.phone_numbers, truth.phone_numbers),
        ("messages", found.messages, truth.messages),
        ("conversations", found.conversations, truth.conversations),
        ("calls", found.calls, truth.calls),
        ("places", found.precise_locations, truth.precise_locations),
        ("links", found.number_links, truth.number_links),
        ("records", found.records, truth.records),
        ("people who are joined", found.linkability.connected, truth.linkability.connected),
        ("pairs", found.linkability.pairs, truth.linkability.pairs),
        ("groups", found.linkability.groups, truth.linkability.groups),
        ("the largest group", found.linkability.largest_group, truth.linkability.largest_group),
    ] {
        assert_eq!(found, want, "{what}");
    }
    for (app, share) in truth.by_app {
        let found = &found.by_app[&app];
        assert_eq!((found.people, found.messages), (share.people, share.messages), "{app}");
    }
    assert!(!found.at_least);
}

#[test]
fn the_bundled_store_exposes_whom_its_generator_counted() {
    let folder = root().join("scenarios/justalk-log-store");
    let found = expose(&[folder.join("store.ndjson.zst")]);
    hold(&found, &folder.join("truth.json"));
    let [note] = found.extortion_notes.as_slice() else { panic!("{:?}", found.extortion_notes) };
    assert_eq!(note.addresses, ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"]);
    assert_eq!(found.by_day.len(), 30);
}

#[test]
fn a_store_of_another_make_is_counted_by_the_same_rules() {
    let folder = root().join("tests/fixtures/dumps");
    let (table, log) = (folder.join("second.csv.zst"), folder.join("second.log.zst"));
    let found = expose(&[table.clone(), log.clone()]);
    hold(&found, &folder.join("second.json"));
    assert!(found.extortion_notes.is_empty());
    let other = expose(&[log, table]);
    assert_eq!(other, found, "the order of files");
}

/// Further makes, each with names, nesting and a language of its own, and full of what only looks like people: people within
/// one in a hundred, everything else within five in a thousand. None of them was looked at when roles were first learned.
#[test]
fn makes_that_nobody_tuned_for_are_counted_by_the_same_rules() {
    let folder = root().join("tests/fixtures/dumps/makes");
    for make in ["central", "workplace", "backup", "collection", "relay"] {
        let truth: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.join(format!("{make}.json"))).unwrap()).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let text = format!(
            "[app]\nname='x'\n[parties]\nprovider=['x.example']\n[[claim]]\nid='a'\ntext='t'\nsource='s'\n\
             seen=2026-11-02\npromise='not-public'\ndata=['messages']\n[[dump]]\npath='{}'\n",
            folder.join(make).display()
        );
        fs::write(scratch.path().join("scenario.toml"), text).unwrap();
        let names = plainsight::verdict::promise::names();
        let (scenario, _) = plainsight::scenario::load(scratch.path(), &names).unwrap();
        let found = pipeline::run(&scenario, &mut |_| {}).unwrap().exposure.unwrap();
        for (what, found, per_thousand) in [
            ("people", found.people, 10),
            ("phone_numbers", found.phone_numbers, 5),
            ("messages", found.messages, 5),
            ("conversations", found.conversations, 10),
            ("calls", found.calls, 5),
            ("precise_locations", found.precise_locations, 5),
            ("number_links", found.number_links, 5),
            ("records", found.records, 0),
        ] {
            let want = truth[what].as_u64().unwrap();
            assert!(found.abs_diff(want) * 1_000 <= want * per_thousand, "{make}: {found} {what}, not {want}");
        }
        let span = |at: &str| truth[at].as_str().unwrap()[..16].to_owned();
        let time = |at: Option<i64>| jiff::Timestamp::from_nanosecond(i128::from(at.unwrap())).unwrap().to_string();
        assert_eq!(time(found.first_seen)[..16], span("first_seen"), "{make}");
        assert_eq!(time(found.last_seen)[..16], span("last_seen"), "{make}");
    }
}

#[test]
fn parts_of_a_store_add_up_to_the_whole() {
    let path = root().join("scenarios/justalk-log-store/store.ndjson.zst");
    let text = zstd::decode_all(fs::File::open(&path).unwrap()).unwrap();
    let whole = expose(&[path]);
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let folder = tempfile::tempdir().unwrap();
    let parts: Vec<PathBuf> = (0..2)
        .map(|part| {
            let path = folder.path().join(format!("part{part}.ndjson"));
            let mut file = fs::File::create(&path).unwrap();
            for line in lines.iter().skip(part).step_by(2) {
                file.write_all(line).unwrap();
            }
            path
        })
        .collect();
    let found = expose(&parts);
    let without = |found: &Exposure| Exposure {
        roles: std::collections::BTreeMap::new(),
        extortion_notes: Vec::new(),
        ..found.clone()
    };
    assert_eq!(without(&found), without(&whole));
    assert_eq!(found.extortion_notes.len(), 1);
}

/// One store, exported by the tools of its databases: what it exposes does not depend on who wrote it down.
#[test]
fn exports_of_every_kind_are_counted_alike() {
    #[derive(serde::Deserialize)]
    struct Truth {
        people: u64,
        phone_numbers: u64,
        messages: u64,
        conversations: u64,
        calls: u64,
        records: u64,
    }
    let folder = root().join("tests/fixtures/dumps/exports");
    let truth: Truth = serde_json::from_slice(&fs::read(folder.join("truth.json")).unwrap()).unwrap();
    let tables =
        |folder: &str, end: &str| ["accounts", "calls", "messages"].map(|name| format!("{folder}/{name}.{end}.gz"));
    let stores: Vec<Vec<String>> =
        ["sqlite.sql", "pg_copy.sql", "pg_inserts.sql", "mariadb.sql", "scroll.json", "bulk.ndjson", "array.json"]
            .into_iter()
            .map(|name| vec![format!("{name}.gz")])
            .chain([tables("mongodump", "bson").to_vec(), tables("mongoexport", "json").to_vec()])
            .collect();
    for files in stores {
        let paths: Vec<PathBuf> = files.iter().map(|file| folder.join(file)).collect();
        let found = expose(&paths);
        let counted =
            (found.people, found.phone_numbers, found.messages, found.conversations, found.calls, found.records);
        let want = (truth.people, truth.phone_numbers, truth.messages, truth.conversations, truth.calls, truth.records);
        assert_eq!(counted, want, "{files:?}: {:#?}", found.roles);
        assert!(found.first_seen.is_some() && found.last_seen > found.first_seen, "{files:?}");
    }
}

/// A folder is one store, whose fields are learned from all of its files; and what the auditor says of a field stands.
#[test]
fn a_folder_is_one_store_and_given_roles_stand() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("export")).unwrap();
    let scenario = |roles: &str| {
        let text = format!(
            "[app]\nname='x'\n[parties]\nprovider=['x.example']\n[[claim]]\nid='a'\ntext='t'\nsource='s'\nseen=2026-11-02\n\
             promise='not-public'\ndata=['messages']\n[[dump]]\npath='export'\n{roles}"
        );
        fs::write(folder.path().join("scenario.toml"), text).unwrap();
        let names = plainsight::verdict::promise::names();
        let (scenario, _) = plainsight::scenario::load(folder.path(), &names).unwrap();
        pipeline::run(&scenario, &mut |_| {}).unwrap()
    };
    for part in 0..3_u32 {
        let lines: Vec<String> = (0..60)
            .map(|n| {
                let (a, b) = (447_700_900_100 + u64::from(part * 100 + n), 447_700_900_500 + u64::from(n));
                format!("{{\"q1\":\"+{a}\",\"q2\":\"+{b}\",\"q3\":\"we meet at {n} by the mill {part}\"}}")
            })
            .collect();
        fs::write(folder.path().join(format!("export/{part}.ndjson")), lines.join("\n")).unwrap();
    }
    let report = scenario("");
    assert_eq!(report.inputs.len(), 3);
    assert_eq!(report.exposure.as_ref().unwrap().records, 180);
    let report = scenario("[dump.roles]\nq1='sender'\nq2='recipient'\nq3='none'\n'no.such'='text'\n");
    let found = report.exposure.unwrap();
    assert_eq!((found.messages, found.conversations), (0, 0), "{:#?}", found.roles);
    for learned in found.roles.values().flatten() {
        assert_eq!(learned.given, learned.field == "q1" || learned.field == "q2", "{learned:?}");
    }
    assert!(report.warnings.iter().any(|warning| warning.contains("`no.such`")), "{:?}", report.warnings);
    let report = scenario("roles = { q1 = 'sender', q2 = 'recipient', q3 = 'text' }\n");
    let found = report.exposure.unwrap();
    assert_eq!((found.messages, found.conversations), (180, 180));
}

/// Records that look like people and are none.
#[test]
fn look_alikes_are_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noise.ndjson");
    let mut text = String::new();
    for n in 0..500_u64 {
        let line = format!(
            "{{\"ts\":{},\"order\":\"{}\",\"imei\":\"490154203237518\",\"version\":\"8.6.{n}\",\"msg\":\"flushed {n} rows in {} ms\",\"build\":{},\"sha\":\"{:040x}\",\"from\":\"cache\",\"to\":\"disk\"}}\n",
            1_793_610_000_000 + n * 777,
            6_502_530_000 + n,
            n * 7 % 900,
            20_261_102_000 + n,
            n * 0x9e37_79b9
        );
        text.push_str(&line);
    }
    fs::write(&path, text).unwrap();
    let found = expose(&[path]);
    assert_eq!((found.people, found.phone_numbers, found.messages, found.calls), (0, 0, 0, 0), "{:#?}", found.roles);
    assert_eq!(found.records, 500);
}

/// A secret that was seen on its way and where it lies is told as one story, in order, on the page and for machines.
#[test]
fn one_secret_on_both_planes_is_one_story() {
    // What `run` wrote of the bundled scenarios: another test holds it to what it writes today.
    let committed = |name: &str| fs::read_to_string(root().join("reports").join(name)).unwrap();
    let written = |name: &str| committed(&format!("justalk-log-store/{name}"));
    let report: serde_json::Value = serde_json::from_str(&written("report.json")).unwrap();
    let scenario = &report["scenarios"][0];
    let story = &scenario["stories"][0];
    assert_eq!(story["planted"], "heron-english");
    let sighting = |id: &serde_json::Value| {
        let all = scenario["sightings"].as_array().unwrap();
        all.iter().find(|sighting| &sighting["id"] == id).cloned().unwrap()
    };
    let (sent, kept) = (sighting(&story["sent"][0]), sighting(&story["kept"][0]));
    assert_eq!((&sent["host"], &sent["audiences"][0]), (&"log.justalk.example".into(), &"provider".into()));
    assert_eq!((&kept["capture"], &kept["audiences"][0]), (&"store.ndjson.zst".into(), &"public".into()));
    let page = written("report.html");
    let steps = [
        "left the phone for log.justalk.example in frame",
        "lies in the store store.ndjson.zst, line 2001, field json $.msg",
    ];
    let at: Vec<usize> = steps.iter().map(|step| page.find(step).unwrap()).collect();
    assert!(at.is_sorted(), "{at:?}");
    assert!(page[at[1]..].starts_with(&format!("{}; readable by <strong>anyone on the internet", steps[1])));
    // Without a store there is nothing to follow anything into.
    let other = committed("justalk-kids/report.json");
    assert!(!other.contains("\"stories\""));
}

/// Another way to name the conversation of two numbers.
type Named<'c> = &'c dyn Fn(usize, &str, &str) -> String;

/// A message of two numbers.
fn message(n: usize, (a, b): (&str, &str), chat: &str) -> String {
    let words = ["heron", "mill", "boat", "rope", "milk", "dusk"];
    let said = [n, n / 6, n / 36, n + 1].map(|at| words[at % 6]).join(" ");
    let at = format!("2026-10-03T00:{:02}:{:02}Z", n / 60, n % 60);
    format!(r#"{{"at":"{at}","from":"+{a}","members":["+{a}","+{b}"],{chat},"msg":"well {said}"}}"#)
}

/// What a conversation is called is nobody, whether it is made of its members' numbers or of anything else: in ranges that no
/// numbering plan knows, too.
#[test]
fn the_name_of_a_conversation_is_no_person() {
    // Area codes that are not assigned: possible numbers, and no valid ones.
    let number = |n: usize| format!("1{}555{:04}", 243 + n % 4, 100 + n);
    let chats: [(&str, Named<'_>); 4] = [
        ("numbers", &|_, a, b| format!(r#""chat":"{a}_{b}""#)),
        ("ids", &|n, _, _| format!(r#""chat":"c-{:x}7f""#, n * 7_919)),
        ("ids of rooms", &|n, _, _| format!(r#""room":{{"id":"room{n}x"}}"#)),
        ("ids of threads", &|n, _, _| format!(r#""thread_id":"{:08x}b""#, n * 65_537)),
    ];
    for (what, chat) in chats {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.ndjson");
        let line = |n: usize| {
            let (a, b) = (number(2 * n), number(2 * n + 1));
            message(n, (&a, &b), &chat(n, &a, &b))
        };
        fs::write(&path, (0..200).map(line).collect::<Vec<_>>().join("\n")).unwrap();
        let found = expose(&[path]);
        assert_eq!((found.messages, found.phone_numbers), (200, 400), "{what}: {:#?}", found.roles);
        assert_eq!((found.people, found.conversations), (400, 200), "{what}: {:#?}", found.roles);
    }
}
