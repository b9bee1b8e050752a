//! Whole scenario files, right and wrong.

use super::*;
use crate::model::scenario::{Audience, Party, Scenario};
use crate::model::taxonomy::Data;
use crate::scenario::listing::Listing;
use std::path::{Path, PathBuf};

const PROMISES: &[&str] = &["encrypted-in-transit", "end-to-end-encrypted", "not-collected", "unlinkable"];

const GOOD: &str = r#"
[app]
name = "Chatterly"
version = "8.6.1"
platform = "android"

[parties]
provider = ["chatterly.example", "203.0.113.7", "198.51.100.0/24"]
[parties.third]
"Zeta" = ["zeta.example"]
"AdZebra" = ["adzebra.example"]

[[planted]]
id = "greeting"
data = "messages"
value = "The heron lands at dusk"

[[claim]]
id = "e2ee"
text = "Only you and the person you communicate with can read them"
source = "https://chatterly.example/privacy"
seen = 2026-11-02
promise = "end-to-end-encrypted"
data = ["messages"]

[[capture]]
path = "capture.pcapng"
keys = "keys.log"

[[dump]]
path = "export.ndjson.zst"
audience = "public"
"#;

fn look(path: &Path) -> Look {
    let here = ["capture.pcapng", "keys.log", "export.ndjson.zst"];
    match path.strip_prefix("scenarios/chatterly").ok().and_then(Path::to_str) {
        Some(name) if here.contains(&name) => Look::File,
        Some("sub") => Look::Folder(Listing {
            files: ["a.ndjson", "b.ndjson.gz", "notes.txt", "x.d/c.ndjson"].map(PathBuf::from).to_vec(),
            left: vec![(PathBuf::from("x.d/pipe"), "no regular file".to_owned())],
        }),
        _ => Look::Missing(here.iter().map(|name| (*name).to_owned()).collect()),
    }
}

fn parse(text: &str) -> Result<(Scenario, Vec<Warning>), Problems> {
    read(text, "scenarios/chatterly/scenario.toml", Path::new("scenarios/chatterly"), PROMISES, &look)
}

#[test]
fn the_pinned_example_is_read_in_full() {
    let (scenario, warnings) = parse(GOOD).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(scenario.id, "chatterly");
    assert_eq!(scenario.app.version.as_deref(), Some("8.6.1"));
    assert_eq!(scenario.parties.party_of(Some("api.chatterly.example"), None), Party::Provider);
    assert_eq!(scenario.parties.party_of(None, "198.51.100.200".parse().ok()), Party::Provider);
    assert_eq!(scenario.parties.party_of(Some("t.adzebra.example"), None), Party::Third("AdZebra".into()));
    let names: Vec<&str> = scenario.parties.third.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Zeta", "AdZebra"], "file order");
    let claim = &scenario.claims[0];
    assert_eq!((claim.seen.as_deref(), claim.line), (Some("2026-11-02"), 18));
    assert_eq!(claim.data, [Data::Messages]);
    assert_eq!(scenario.captures[0].keys.as_ref().map(|keys| keys.0.as_str()), Some("keys.log"));
    assert_eq!(scenario.dumps[0].audience, Audience::Public);
}

#[test]
fn what_is_optional_may_be_left_out() {
    let text = "[app]\nname='x'\n[parties]\nprovider=['x.example']\n[[claim]]\nid='c'\ntext='t'\npromise='not-collected'\n\
                data=['any']\n[[dump]]\npath='export.ndjson.zst'\n";
    let (scenario, warnings) = parse(text).unwrap();
    assert_eq!(scenario.dumps[0].audience, Audience::Provider);
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0].contains("scenario.toml:5:1") && warnings[0].contains("no `source` and no `seen`"),
        "{warnings:?}"
    );
    assert!(
        warnings[1].contains("scenario.toml:9:7") && warnings[1].contains("nothing of that is planted"),
        "{warnings:?}"
    );
}

#[test]
fn broken_files_say_where_and_what_instead() {
    /// Text to replace, with what, where, message, suggestion.
    type Break = (&'static str, &'static str, (usize, usize), &'static str, &'static str);
    let cases: &[Break] = &[
        ("[[planted]]", "[[plantd]]", (13, 3), "unknown key `plantd`", "did you mean `planted`?"),
        ("platform = ", "platfrom = ", (5, 1), "unknown key `platfrom` in `[app]`", "did you mean `platform`?"),
        ("seen = 2026", "sean = 2026", (22, 1), "unknown key `sean`", "did you mean `seen`?"),
        ("keys = ", "colour = ", (28, 1), "unknown key `colour`", "known here: path, keys"),
        ("name = \"Chatterly\"\n", "", (2, 1), "`name` is missing in `[app]`", "Its name"),
        (
            "[app]\nname = \"Chatterly\"\nversion = \"8.6.1\"\nplatform = \"android\"\n",
            "",
            (1, 1),
            "`[app]` is missing",
            "app",
        ),
        (
            "provider = [\"chatterly.example\", \"203.0.113.7\", \"198.51.100.0/24\"]",
            "",
            (7, 1),
            "`provider` is missing",
            "hosts",
        ),
        ("id = \"greeting\"\n", "", (13, 1), "`id` is missing in `[[planted]]`", "unique"),
        ("name = \"Chatterly\"", "name = 7", (3, 8), "`name` must be text", "name"),
        ("name = \"Chatterly\"", "name = \" \"", (3, 8), "`name` is empty", "name"),
        ("data = [\"messages\"]", "data = \"messages\"", (24, 8), "`data` must be a list of names", ""),
        ("data = [\"messages\"]", "data = []", (24, 8), "`data` is empty", ""),
        ("data = [\"messages\"]", "data = [\"mesages\"]", (24, 9), "unknown data `mesages`", "`messages`?"),
        ("data = [\"messages\"]", "data = [\"messages\", \"messages\"]", (24, 21), "stands here twice", ""),
        ("data = \"messages\"", "data = \"phone\"", (15, 8), "unknown data `phone`", "`phone-number`?"),
        ("data = \"messages\"", "data = \"blood\"", (15, 8), "unknown data `blood`", "known: messages"),
        (
            "\"end-to-end-encrypted\"",
            "\"end-to-end-encryption\"",
            (23, 11),
            "unknown promise",
            "`end-to-end-encrypted`?",
        ),
        ("audience = \"public\"", "audience = \"publik\"", (32, 12), "unknown audience `publik`", "`public`?"),
        ("seen = 2026-11-02", "seen = \"last year\"", (22, 8), "`seen` is no day", "2026-11-02"),
        ("seen = 2026-11-02", "seen = 20261102", (22, 8), "`seen` must be a day", ""),
        ("seen = 2026-11-02", "seen = 10:00:00", (22, 8), "`seen` is no day", ""),
        ("seen = 2026-11-02", "seen = 2026-02-30", (22, 8), "", ""),
        ("\"203.0.113.7\"", "\"203.0.113.700\"", (8, 34), "no domain, address or CIDR block", "203.0.113.7"),
        ("\"198.51.100.0/24\"", "\"198.51.100.0/40\"", (8, 49), "no domain, address or CIDR block", "198.51.100.0/24"),
        ("\"198.51.100.0/24\"", "12", (8, 49), "a host must be text", ""),
        (
            "[\"zeta.example\"]",
            "\"zeta.example\"",
            (10, 10),
            "`Zeta` must be a list of hosts",
            "[\"chatterly.example\"",
        ),
        (
            "[\"zeta.example\"]",
            "[\"Chatterly.example.\"]",
            (10, 11),
            "`Zeta` and `provider` have the same host",
            "one party's",
        ),
        ("[\"adzebra.example\"]", "[\"zeta.example\"]", (11, 14), "`AdZebra` and `Zeta` have the same host", ""),
        ("\"zeta.example\"", "\"::ffff:203.0.113.7\"", (10, 11), "`Zeta` and `provider` have the same host", ""),
        ("\"zeta.example\"", "\"198.51.100.9/24\"", (10, 11), "`Zeta` and `provider` have the same host", ""),
        ("\"Zeta\" = ", "\"Provider\" = ", (10, 1), "no third party can be called `Provider`", "another name"),
        ("\"Zeta\" = ", "unlisted = ", (10, 1), "no third party can be called `unlisted`", "another name"),
        ("[\"zeta.example\"]", "[\"https://zeta.example/x\"]", (10, 11), "no domain", "\"zeta.example\""),
        (
            "path = \"capture.pcapng\"",
            "path = \"captur.pcapng\"",
            (27, 8),
            "the capture `captur.pcapng` does not exist",
            "`capture.pcapng`?",
        ),
        ("path = \"capture.pcapng\"", "path = \"sub\"", (27, 8), "is a folder", ""),
        (
            "keys = \"keys.log\"",
            "keys = \"../k/nothing.pem\"",
            (28, 8),
            "the key file `../k/nothing.pem` does not exist",
            "relative to",
        ),
        (
            "keys = \"keys.log\"",
            "protos = [\"keys.logs\"]",
            (28, 11),
            "the schema `keys.logs` does not exist",
            "did you mean `keys.log`?",
        ),
        ("keys = \"keys.log\"", "protos = \"a.proto\"", (28, 10), "`protos` must be a list of paths", ""),
        ("keys = \"keys.log\"", "protos = []", (28, 10), "`protos` is empty", ""),
        ("keys = \"keys.log\"", "protos = [7]", (28, 11), "`protos` must be text", ""),
        ("keys = \"keys.log\"", "protos = [\"keys.log\", \"keys.log\"]", (28, 23), "`keys.log` stands here twice", ""),
        ("\"export.ndjson.zst\"", "\"dump.sql\"", (31, 8), "the dump `dump.sql` does not exist", ""),
        ("\"export.ndjson.zst\"", "\"sub/*.csv\"", (31, 8), "no file is in `sub/*.csv`", "the folders below"),
        ("audience = \"public\"", "roles = { \"a.b\" = \"sendr\" }", (32, 19), "unknown role `sendr`", "`sender`"),
        ("audience = \"public\"", "roles = { \"a.b\" = 1 }", (32, 19), "`roles` must be a table of names", ""),
        ("value = \"The heron lands at dusk\"", "value = \"abc\"", (16, 9), "4 bytes", ""),
        ("value = \"The heron lands at dusk\"", "value = \"\"", (16, 9), "`value` is empty", ""),
        ("[[dump]]", "[dump]", (30, 2), "`dump` must be a list of tables, `[[dump]]`", ""),
        ("[app]", "[[app]]", (2, 3), "`app` must be a table, `[app]`", ""),
        ("name = \"Chatterly\"", "name = \"Chatterly", (3, 8), "", ""),
        ("name = \"Chatterly\"", "name = \"x\"\nname = \"y\"", (4, 1), "duplicate key", ""),
    ];
    for (old, new, at, message, help) in cases {
        assert!(GOOD.contains(old), "{old}");
        let Err(problems) = parse(&GOOD.replacen(old, new, 1)) else { panic!("accepted: {new}") };
        let problem =
            problems.iter().find(|p| p.message().contains(message)).unwrap_or_else(|| panic!("{new}: {problems}"));
        assert!(problem.suggestion().unwrap_or_default().contains(help), "{new}: {problem}");
        // Where our words are not asserted it is TOML's own error: its line is enough.
        if message.is_empty() && help.is_empty() {
            assert_eq!(problem.position().map(|at| at.0), Some(at.0), "{new}: {problems}");
        } else {
            assert_eq!(problem.position(), Some(*at), "{new}: {problems}");
        }
        let rendered = problems.render(false);
        assert!(rendered.contains(&format!("scenarios/chatterly/scenario.toml:{}", at.0)), "{rendered}");
        assert!(rendered.contains('^') || rendered.contains('╰'), "{rendered}");
    }
}

#[test]
fn duplicate_ids_point_at_both() {
    let twice = format!("{GOOD}\n[[planted]]\nid = \"greeting\"\ndata = \"email\"\nvalue = \"a@chatterly.example\"\n");
    let problems = parse(&twice).unwrap_err();
    let rendered = problems.render(false);
    for part in ["duplicate planted id `greeting`", "line 14", "first used here"] {
        assert!(rendered.contains(part), "{part} in {rendered}");
    }
    let twice = format!("{GOOD}\n[[capture]]\npath = \"capture.pcapng\"\n");
    assert!(parse(&twice).unwrap_err().to_string().contains("duplicate capture"));
    let claim = &GOOD[GOOD.find("[[claim]]").unwrap()..GOOD.find("[[capture]]").unwrap()];
    assert!(parse(&format!("{GOOD}{claim}")).unwrap_err().to_string().contains("duplicate claim id `e2ee`"));
}

#[test]
fn a_slip_in_a_key_is_told_once() {
    for (right, wrong) in [
        ("name = \"Chatterly\"", "nmae = \"Chatterly\""),
        ("[app]", "[ap]"),
        ("id = \"greeting\"", "di = \"greeting\""),
        ("provider = ", "providr = "),
        ("path = \"capture.pcapng\"", "pth = \"capture.pcapng\""),
    ] {
        assert!(GOOD.contains(right), "{right}");
        let problems = parse(&GOOD.replacen(right, wrong, 1)).unwrap_err().render(false);
        assert_eq!(problems.matches("error: ").count(), 1, "{problems}");
        assert!(problems.contains("did you mean"), "{problems}");
    }
}

#[test]
fn every_problem_is_told_at_once_and_in_file_order() {
    let text = GOOD
        .replace("name = ", "nmae = ")
        .replace("\"203.0.113.7\"", "\"a b\"")
        .replace("\"messages\"", "\"mesages\"")
        .replace("capture.pcapng", "gone.pcapng");
    let problems = parse(&text).unwrap_err();
    let lines: Vec<usize> = problems.iter().map(|problem| problem.position().unwrap().0).collect();
    assert_eq!(lines, [3, 8, 15, 24, 27], "{problems}");
    assert!(lines.is_sorted());
}

#[test]
fn no_evidence_and_no_claim_are_errors() {
    let head = &GOOD[..GOOD.find("[[capture]]").unwrap()];
    assert!(parse(head).unwrap_err().to_string().contains("no `[[capture]]`, no `[[dump]]`"));
    let text = "[app]\nname='x'\n[parties]\nprovider=['x.example']\n[[capture]]\npath='capture.pcapng'\n";
    assert_eq!(parse(text).unwrap_err().len(), 1);
    assert!(parse(&format!("claim = []\n{text}")).unwrap_err().to_string().contains("nothing to judge"));
    assert!(parse("").unwrap_err().len() >= 3);
}

#[test]
fn warnings_tell_what_decides_nothing() {
    let text = format!("{GOOD}\n[[planted]]\nid = \"mail\"\ndata = \"email\"\nvalue = \"a@chatterly.example\"\n");
    let (_, warnings) = parse(&text).unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].to_string().contains("no claim is about `mail`"));
    assert!(warnings[0].render(false).starts_with("warning:"), "{}", warnings[0].render(false));
}

#[test]
fn rules_of_the_provider_that_take_in_others_are_told() {
    for (wide, says) in [("example", "top-level domain"), ("com", "top-level domain"), ("0.0.0.0/0", "wider than")] {
        let (_, warnings) = parse(&GOOD.replacen("\"203.0.113.7\"", &format!("\"{wide}\""), 1)).unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let told = warnings[0].to_string();
        assert!(told.contains("scenario.toml:8:34") && told.contains(says), "{told}");
    }
    // A host below another's domain is in no two lists.
    let (scenario, warnings) = parse(&GOOD.replacen("zeta.example", "metrics.chatterly.example", 1)).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(scenario.parties.party_of(Some("metrics.chatterly.example"), None), Party::Third("Zeta".into()));
    // The same host twice in one list is one host.
    assert!(parse(&GOOD.replacen("203.0.113.7", "chatterly.example", 1)).is_ok());
}

#[test]
fn words_that_promise_more_are_told() {
    let weak = "promise = \"encrypted-in-transit\"\ndata = [\"messages\"]\n";
    let claim = |id: &str, rest: &str| {
        format!(
            "\n[[claim]]\nid = \"{id}\"\ntext = \"All chats are end-to-end encrypted.\"\nsource = \"https://chatterly.example\"\nseen = 2026-11-02\n{rest}"
        )
    };
    let text = format!("{GOOD}{}", claim("weak", weak));
    let (_, warnings) = parse(&text).unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].to_string().contains("`encrypted-in-transit` promises less"), "{}", warnings[0]);
    // Held to what they say by another claim, the same words may be held to less as well.
    let strong = weak.replace("encrypted-in-transit", "end-to-end-encrypted");
    let (_, warnings) = parse(&format!("{text}{}", claim("strong", &strong))).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn folders_and_files_load_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("second-number");
    std::fs::create_dir(&home).unwrap();
    let error = load(&home, PROMISES).unwrap_err().to_string();
    assert!(error.contains("no such file") && error.contains("plainsight new"), "{error}");
    std::fs::write(home.join("scenario.toml"), b"[app]\nname = \"\xff\"\n").unwrap();
    let error = load(&home, PROMISES).unwrap_err().to_string();
    assert!(error.contains("not UTF-8") && error.contains(":2:9"), "{error}");
    let promises = ["encrypted-in-transit", "not-shared-with-third-parties"];
    for file in template("second\"\n\\-number") {
        std::fs::write(home.join(file.name), file.bytes).unwrap();
    }
    for path in [home.clone(), home.join("scenario.toml")] {
        let (scenario, warnings) = load(&path, &promises).unwrap();
        assert_eq!(scenario.id, "second-number");
        assert!(warnings.is_empty(), "{warnings:?}");
        assert!(scenario.captures[0].path.is_file());
    }
    let ci = template("x").into_iter().find(|file| file.name == "ci.yml").unwrap();
    assert!(String::from_utf8(ci.bytes).unwrap().ends_with("  run: plainsight run --strict\n"));
    let error = load(&home.join("nowhere"), PROMISES).unwrap_err().to_string();
    assert!(error.contains("no such file"), "{error}");
}

/// The file as a schema checker in an editor sees it.
fn as_json(text: &str) -> serde_json::Value {
    fn convert(value: &toml::Value) -> serde_json::Value {
        match value {
            toml::Value::Table(table) => table.iter().map(|(key, inner)| (key.clone(), convert(inner))).collect(),
            toml::Value::Array(items) => items.iter().map(convert).collect(),
            toml::Value::Datetime(day) => day.to_string().into(),
            toml::Value::String(text) => text.as_str().into(),
            toml::Value::Integer(number) => (*number).into(),
            toml::Value::Float(number) => (*number).into(),
            toml::Value::Boolean(truth) => (*truth).into(),
        }
    }
    convert(&toml::Value::Table(text.parse().unwrap()))
}

#[test]
fn the_published_schema_knows_what_the_reader_knows() {
    let schema: serde_json::Value = serde_json::from_str(&schema(PROMISES)).unwrap();
    let checker = jsonschema::validator_for(&schema).unwrap();
    assert!(checker.is_valid(&as_json(GOOD)));
    for (old, new) in [
        ("platform = ", "platfrom = "),
        ("name = \"Chatterly\"", "name = 7"),
        ("name = \"Chatterly\"", "name = \" \""),
        ("name = \"Chatterly\"\n", ""),
        ("\"end-to-end-encrypted\"", "\"end-to-end\""),
        ("data = [\"messages\"]", "data = []"),
        ("data = [\"messages\"]", "data = \"messages\""),
        ("audience = \"public\"", "audience = \"publik\""),
        ("[\"zeta.example\"]", "\"zeta.example\""),
        ("[[dump]]", "[dump]"),
    ] {
        let text = GOOD.replacen(old, new, 1);
        assert_ne!(text, GOOD);
        assert!(parse(&text).is_err() && !checker.is_valid(&as_json(&text)), "{new}");
    }
    let head = &GOOD[..GOOD.find("[[capture]]").unwrap()];
    assert!(!checker.is_valid(&as_json(head)), "no evidence");
}

#[test]
fn deep_nesting_ends_in_an_error() {
    let text = format!("a = {}1{}\n", "[".repeat(100_000), "]".repeat(100_000));
    assert!(parse(&text).is_err());
    let text = format!("{}x = 1\n", "[a]\n[[b.c]]\n".repeat(2_000));
    assert!(parse(&text).is_err());
}

proptest::proptest! {
    /// Any damage to a good file ends in a scenario or in problems that can be shown.
    #[test]
    fn damage_never_panics(at in 0..GOOD.len(), with in "[\\PC\n]{0,4}", cut in 0_usize..40) {
        if let (Some(head), Some(tail)) = (GOOD.get(..at), GOOD.get(at.saturating_add(cut)..))
            && let Err(problems) = parse(&format!("{head}{with}{tail}"))
        {
            proptest::prop_assert!(!problems.render(true).is_empty());
        }
    }
}

#[test]
fn a_folder_or_a_pattern_stands_for_its_files() {
    let with = |path: &str| {
        let text = GOOD.replace("export.ndjson.zst", path);
        let (scenario, _) = parse(&text).unwrap();
        scenario.dumps.into_iter().map(|dump| (dump.name, dump.store)).collect::<Vec<_>>()
    };
    let own = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 0)).collect::<Vec<_>>();
    assert_eq!(with("sub"), own(&["sub/a.ndjson", "sub/b.ndjson.gz", "sub/notes.txt", "sub/x.d/c.ndjson"]));
    assert_eq!(with("sub/x*"), own(&["sub/x.d/c.ndjson"]));
    assert_eq!(with("sub/*.ndjson*"), own(&["sub/a.ndjson", "sub/b.ndjson.gz"]));
    assert_eq!(with("sub/?.nd*.gz"), own(&["sub/b.ndjson.gz"]));
    assert_eq!(with("export.ndjson.zst"), own(&["export.ndjson.zst"]));
    // What is no file is named, where it would have been one of them.
    let unread = |path: &str| parse(&GOOD.replace("export.ndjson.zst", path)).unwrap().0.unread;
    assert_eq!(unread("sub"), [("sub/x.d/pipe".to_owned(), "no regular file".to_owned())]);
    assert_eq!(unread("sub/*.ndjson"), []);
}

#[test]
fn roles_are_given_by_the_keys_of_their_field() {
    let text = GOOD.replace("audience = \"public\"", "[dump.roles]\n\"payload.from\" = \"sender\"\nnote = \"none\"");
    let (scenario, _) = parse(&text).unwrap();
    let roles = &scenario.dumps[0].roles;
    assert_eq!(roles["payload.from"], Some(crate::model::exposure::Role::Sender));
    assert_eq!(roles["note"], None);
}

#[test]
fn pairs_name_two_captures_and_what_was_sent_in_them() {
    let more = "\n[[capture]]\npath = 'keys.log'\n";
    let pair = |first: &str, second: &str, sent: &str| {
        format!(
            "{GOOD}{more}\n[[pair]]\nfirst = '{first}'\nsecond = '{second}'\nfirst_sent = 'greeting'\nsecond_sent = '{sent}'\n"
        )
    };
    let (scenario, _) = parse(&pair("capture.pcapng", "keys.log", "greeting")).unwrap();
    let [pair_read] = scenario.pairs.as_slice() else { panic!("{:?}", scenario.pairs) };
    assert_eq!((pair_read.first.as_str(), pair_read.second.as_str()), ("capture.pcapng", "keys.log"));
    assert_eq!(pair_read.planted, ("greeting".to_owned(), "greeting".to_owned()));
    for (text, words) in [
        (pair("capture.pcap", "keys.log", "greeting"), "no capture is called `capture.pcap`"),
        (pair("capture.pcapng", "keys.log", "greetings"), "no planted value is called `greetings`"),
        (pair("keys.log", "keys.log", "greeting"), "a pair is of two captures"),
    ] {
        let problems = parse(&text).unwrap_err().to_string();
        assert!(problems.contains(words), "{problems}");
    }
}
