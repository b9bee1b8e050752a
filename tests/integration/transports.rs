//! What the recorded TLS sessions of real peers protect: each verdict is the one that its own handshake earns.

use data_encoding::{BASE64_MIME, HEXLOWER};
use plainsight::model::verdict::VerdictKind::{self, Consistent, Contradicted, Inconclusive, Weakened};
use plainsight::{pipeline, scenario, verdict};
use plainsight_traffic::{Capture, Direction};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn recordings() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// What the claims come to, forward secrecy first, when a recording is all there is.
fn judge(path: &Path, with_keys: bool) -> [(VerdictKind, String); 2] {
    let hex = |text: &str| HEXLOWER.decode(text.to_lowercase().as_bytes()).unwrap();
    let (mut script, mut keys) = (Vec::new(), String::new());
    for line in fs::read_to_string(path).unwrap().lines() {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["secret", label, random, secret] => writeln!(keys, "{label} {random} {secret}").unwrap(),
            ["rsa", der] => {
                let body = BASE64_MIME.encode(&hex(der));
                keys = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", body.trim());
            }
            [">", data] => script.push((Direction::ToServer, hex(data))),
            ["<", data] => script.push((Direction::ToClient, hex(data))),
            _ => {}
        }
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.pcapng"), Capture::new(7).tcp("203.0.113.7 443", &script).pcapng()).unwrap();
    fs::write(folder.path().join("keys"), &keys).unwrap();
    let toml = format!(
        r#"
        [app]
        name = "Chatterly"
        [parties]
        provider = ["203.0.113.7"]
        [[planted]]
        id = "heron"
        data = "messages"
        value = "The heron lands at dusk, not before"
        [[claim]]
        id = "forward"
        text = "Keys that leak tomorrow open nothing of today"
        source = "https://chatterly.example"
        seen = 2026-11-02
        promise = "forward-secret"
        data = ["messages"]
        [[claim]]
        id = "transit"
        text = "Encrypted in transit"
        source = "https://chatterly.example"
        seen = 2026-11-02
        promise = "encrypted-in-transit"
        data = ["messages"]
        [[capture]]
        path = "a.pcapng"
        {}
        "#,
        if with_keys { "keys = \"keys\"" } else { "" }
    );
    fs::write(folder.path().join("scenario.toml"), toml).unwrap();
    let (scenario, _) = scenario::load(folder.path(), &verdict::promise::names()).unwrap_or_else(|e| panic!("{e}"));
    let report = pipeline::run(&scenario, &mut |_| {}).unwrap();
    [0, 1].map(|claim| (report.claims[claim].verdict, report.claims[claim].reason.clone()))
}

#[test]
fn every_recorded_handshake_gets_what_it_earns() {
    let mut seen = Vec::new();
    for path in recordings() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let ephemeral = ["ecdhe", "dhe", "adh", "aecdh"].iter().any(|kind| name.contains(kind));
        let want: &[VerdictKind] = match name.as_str() {
            _ if name.contains("null") => &[Contradicted],
            // The server's key alone opens it.
            _ if name.contains("rsa-key") => &[Weakened],
            _ if name.starts_with("12-psk") => &[Weakened],
            // Nobody but the app knows what it sent as early data, and tickets are sealed with a key of the server's.
            _ if name.contains("early-data") || name.starts_with("12-resumed") => &[Inconclusive],
            _ if name.starts_with("13-") || (name.starts_with("12-") && ephemeral) => &[Consistent],
            // By the suite that was chosen.
            _ => &[Consistent, Weakened],
        };
        for with_keys in [true, false] {
            let [(verdict, reason), (transit, why)] = judge(&path, with_keys);
            let fits = want.contains(&verdict) || (!with_keys && verdict == Inconclusive);
            seen.push((fits, format!("{name} {with_keys}: {verdict:?} {reason}")));
            let want = match name.as_str() {
                _ if name.contains("null") => Contradicted,
                _ if ["10-", "11-"].iter().any(|old| name.starts_with(old)) => Weakened,
                _ if ["arcfour", "3des", "-adh-", "-aecdh-"].iter().any(|weak| name.contains(weak)) => Weakened,
                _ => Consistent,
            };
            // Without keys the padding of CBC may hide that the record was too short to carry the text.
            let fits = transit == want || (!with_keys && transit == Inconclusive);
            seen.push((fits, format!("{name} {with_keys}, in transit: {transit:?} {why}")));
        }
    }
    let wrong: Vec<&String> = seen.iter().filter(|(fits, _)| !fits).map(|(_, line)| line).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
