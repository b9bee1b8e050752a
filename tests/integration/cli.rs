//! The command line, through its binary: help, exit codes, and what goes to stdout and what to stderr.

use assert_cmd::Command;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The command in an empty folder, with nothing of this machine's environment that could change what it prints.
fn plainsight(folder: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("plainsight"));
    command.current_dir(folder);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM"] {
        command.env_remove(name);
    }
    command
}

/// What a command printed and how it ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(folder: &Path, args: &[&str]) -> Ended {
    let output = plainsight(folder).args(args).output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn here() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn help_of_every_subcommand() {
    let here = here();
    for name in ["", "run", "inspect", "new", "explain", "list", "schema"] {
        let args: Vec<&str> = [name, "--help"].into_iter().filter(|arg| !arg.is_empty()).collect();
        let ended = run(here.path(), &args);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{name}");
        assert!(ended.stdout.lines().all(|line| line.chars().count() <= 100), "{name} is wider than 100 columns");
        insta::assert_snapshot!(format!("help_{}", if name.is_empty() { "plainsight" } else { name }), ended.stdout);
    }
}

#[test]
fn usage_errors_end_with_two_and_say_what_to_do() {
    let here = here();
    for (args, says) in [
        (&["frobnicate"][..], "unrecognized subcommand"),
        (&["run", "--format", "yaml"], "possible values: html, json, text"),
        (&["inspect"], "<FILE>..."),
        (&["inspect", "x.pcap", "--plant", "message=The heron"], "did you mean `messages`?"),
        (&["inspect", "x.pcap", "--plant", "messages"], "DATA=VALUE"),
        (&["inspect", "x.pcap", "--plant", "messages=abc"], "4 bytes"),
        (&["inspect", "x.pcap", "--provider", "not a host"], "a domain, an address or a network"),
        (&["explain", "end-to-end"], "did you mean `end-to-end-encrypted`?"),
        (&["run"], "plainsight new NAME"),
        (&["run", "nowhere"], "nowhere"),
        (&["list", "nowhere"], "nowhere"),
        (&["new", "../up"], "no name for a folder"),
    ] {
        let ended = run(here.path(), args);
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{args:?} does not say {says:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{args:?} prints to stdout");
    }
}

#[test]
fn a_new_scenario_is_whole_and_never_overwrites() {
    let here = here();
    let made = run(here.path(), &["new", "mine"]);
    assert_eq!((made.code, made.stderr.as_str()), (0, ""));
    let file = here.path().join("scenarios/mine/scenario.toml");
    fs::write(&file, format!("{}\n# changed\n", fs::read_to_string(&file).unwrap())).unwrap();

    let listed = run(here.path(), &["list"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    assert!(listed.stdout.starts_with("mine  Chatterly"), "{}", listed.stdout);
    assert!(listed.stdout.contains("encrypted-in-transit (messages)"), "{}", listed.stdout);

    let again = run(here.path(), &["new", "mine"]);
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("there already"), "{}", again.stderr);
    assert!(fs::read_to_string(&file).unwrap().ends_with("# changed\n"));
}

#[test]
fn a_broken_scenario_is_shown_with_file_line_caret_and_suggestion() {
    let here = here();
    run(here.path(), &["new", "mine"]);
    let file = here.path().join("scenarios/mine/scenario.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("promise = \"encrypted-in-transit\"", "promise = \"encrypted-in-transition\"", 1))
        .unwrap();
    let ended = run(here.path(), &["run"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    for part in
        ["scenarios/mine/scenario.toml:", "promise = \"encrypted-in-transition\"", "^^^", "`encrypted-in-transit`"]
    {
        assert!(ended.stderr.contains(part), "no {part:?} in\n{}", ended.stderr);
    }
}

#[test]
fn a_folder_of_scenarios_is_told_apart_from_one() {
    let here = here();
    run(here.path(), &["new", "mine"]);
    let ended = run(here.path(), &["run", "scenarios"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("scenarios/*"), "{}", ended.stderr);
}

#[test]
fn no_folder_that_is_meant_as_a_scenario_is_passed_over() {
    let capture = |folder: &Path| {
        let files = fs::read_dir(folder.join("scenarios/mine")).unwrap().filter_map(Result::ok);
        let mut files = files.map(|entry| entry.path());
        let is_capture =
            |path: &std::path::PathBuf| path.extension().is_some_and(|end| end.to_string_lossy().starts_with("pcap"));
        fs::read(files.find(is_capture).unwrap()).unwrap()
    };
    for (name, other, says) in [
        ("Scenario.toml", "", "call it scenario.toml"),
        ("scenario.tml", "", "call it scenario.toml"),
        ("scenario.toml.bak", "", "call it scenario.toml"),
        ("app.toml", "", "no such file"),
        ("evidence", "capture", "no such file"),
        ("export.ndjson.gz", "", "no such file"),
        ("inner/scenario.toml", "", "holds scenarios and is none"),
    ] {
        let here = here();
        run(here.path(), &["new", "mine"]);
        let file = here.path().join("scenarios/other").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let bytes = if other.is_empty() { b"[app]\n".to_vec() } else { capture(here.path()) };
        fs::write(&file, bytes).unwrap();
        for command in ["run", "list"] {
            let ended = run(here.path(), &[command]);
            assert_eq!(ended.code, 2, "{name}: {}", ended.stderr);
            assert!(ended.stderr.contains(says) && ended.stderr.contains("other"), "{name}: {}", ended.stderr);
            assert!(ended.stdout.contains("mine"), "the others are still judged: {}", ended.stdout);
        }
    }
    // What is no scenario and means none costs nothing.
    let here = here();
    run(here.path(), &["new", "mine"]);
    for name in ["notes/README.md", "tools/make.py", ".git/config.toml", "README.md"] {
        let file = here.path().join("scenarios").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "x\n").unwrap();
    }
    let ended = run(here.path(), &["run"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (run(here.path(), &["run", "mine"]).code, ""));
}

/// Runs with a stdout whose reader is gone already.
fn unread(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    use std::process::{Command, Stdio};
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("plainsight"));
    let output = command.current_dir(folder).args(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_reader_that_leaves_stops_no_judging_and_changes_no_code() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let path = |name: &str| scenarios.join(name).display().to_string();
    let (broken, fine) = (path("justalk"), path("upright"));
    for (format, args, want) in [
        ("text", vec![&*broken, &*fine], 1),
        ("json", vec![&*broken, &*fine], 1),
        ("text", vec![&*fine, &*broken], 1),
        ("text", vec![&*fine], 0),
        ("text", vec![&*fine, "nowhere"], 2),
    ] {
        let here = here();
        let all: Vec<&str> = ["run", "--format", format].into_iter().chain(args.iter().copied()).collect();
        let (code, stderr) = unread(here.path(), &all);
        assert_eq!(code, Some(want), "{all:?}: {stderr}");
        assert!(want == 2 || stderr.is_empty(), "{stderr}");
        for name in args.iter().filter(|name| **name != "nowhere") {
            let name = Path::new(name).file_name().unwrap();
            assert!(here.path().join("reports").join(name).join("report.json").is_file(), "{all:?}");
        }
    }
    let here = here();
    run(here.path(), &["new", "mine"]);
    for (args, want) in
        [(&["list"][..], 0), (&["list", "scenarios/mine", "nowhere"], 2), (&["explain"], 0), (&["schema", "report"], 0)]
    {
        assert_eq!(unread(here.path(), args).0, Some(want), "{args:?}");
    }
}

#[test]
fn a_list_of_the_provider_that_meets_nobody_is_told() {
    let here = here();
    run(here.path(), &["new", "mine"]);
    let file = here.path().join("scenarios/mine/scenario.toml");
    let text = fs::read_to_string(&file).unwrap();
    let told = |text: String| {
        fs::write(&file, text).unwrap();
        let ended = run(here.path(), &["run", "--format", "json"]);
        let document: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let warnings = document["scenarios"][0]["warnings"].as_array().unwrap().clone();
        warnings
            .into_iter()
            .map(|warning| warning.as_str().unwrap().to_owned())
            .find(|text| text.contains("provider's list"))
    };
    assert_eq!(told(text.clone()), None);
    let warning = told(text.replace("\"chatterly.example\"", "\"chaterly.example\"")).unwrap();
    assert!(warning.contains("seen were ") && warning.contains("did you mean `chatterly.example`"), "{warning}");
}

#[test]
fn everything_that_is_listed_can_be_explained() {
    let here = here();
    let all = run(here.path(), &["explain"]);
    assert_eq!(all.code, 0);
    let ids = all.stdout.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let mut explained = 0;
    for id in ids {
        let card = run(here.path(), &["explain", id]);
        assert_eq!(card.code, 0, "{id}");
        assert!(card.stdout.starts_with(&format!("{id} (")), "{}", card.stdout);
        explained += 1;
    }
    assert!(explained > 30, "{}", all.stdout);
}

#[test]
fn published_schemas_are_what_this_version_prints() {
    let here = here();
    let printed = run(here.path(), &["schema", "report"]);
    assert_eq!(printed.stdout, include_str!("../../schema/report.schema.json"));
    let scenario: serde_json::Value = serde_json::from_str(&run(here.path(), &["schema", "scenario"]).stdout).unwrap();
    assert_eq!(scenario["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn colours_come_where_they_are_asked_for() {
    let here = here();
    assert!(!run(here.path(), &["run", "nowhere"]).stderr.contains('\u{1b}'));
    assert!(run(here.path(), &["run", "nowhere", "--color", "always"]).stderr.contains('\u{1b}'));
    let forced = |name: &str| {
        let output =
            plainsight(here.path()).env("CLICOLOR_FORCE", "1").env(name, "1").args(["run", "nowhere"]).output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    };
    assert!(forced("UNRELATED").contains('\u{1b}'));
    assert!(!forced("NO_COLOR").contains('\u{1b}'));
}

#[test]
fn a_closed_pipe_is_no_failure() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("plainsight"))
        .arg("explain")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(output.status.code().is_some_and(|code| code == 0));
}
