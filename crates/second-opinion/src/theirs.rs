//! What tshark reads of a capture: streams, and every dissected value with its bytes.

use anyhow::{Context as _, Result, bail};
use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

/// Layers whose values are the packets themselves: they hold everything, so that they show nothing.
const CARRIERS: [&str; 12] =
    ["frame_raw", "eth_raw", "ip_raw", "ipv6_raw", "tcp_raw", "udp_raw", "eth", "ip", "ipv6", "tcp", "frame", "udp"];

/// One conversation as tshark follows it.
#[derive(Debug)]
pub(crate) struct Followed {
    /// `tcp`, `udp`, `tls` …
    pub(crate) kind: &'static str,
    /// The two nodes as tshark names them, `address:port`; the second one's lines are set in.
    pub(crate) nodes: [String; 2],
    /// What either sent.
    pub(crate) bytes: [Vec<u8>; 2],
}

/// One dissected value.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name in tshark.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Conversations.
    pub(crate) followed: Vec<Followed>,
    /// Values of application layers, each distinct one once.
    pub(crate) fields: Vec<Field>,
}

/// tshark's version line; `None` where it is not installed.
pub(crate) fn version() -> Option<String> {
    let output = Command::new("tshark").arg("--version").stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(str::to_owned)
}

/// Reads a capture with the secrets in it and in `keys`, and with the recording's own `preferences`.
pub(crate) fn read(capture: &Path, keys: Option<&Path>, preferences: &[String]) -> Result<Reading> {
    let mut reading = Reading::default();
    let dissected = run(capture, keys, preferences, &["-T", "jsonraw", "--no-duplicate-keys"])?;
    let packets: Value = serde_json::from_slice(&dissected).context("tshark's JSON")?;
    let mut seen = BTreeSet::new();
    for packet in packets.as_array().into_iter().flatten() {
        let layers = packet.pointer("/_source/layers").and_then(Value::as_object);
        for (name, layer) in layers.into_iter().flatten().filter(|(name, _)| !CARRIERS.contains(&name.as_str())) {
            collect(name, layer, &mut |name, bytes| {
                if seen.insert((name.to_owned(), bytes.clone())) {
                    reading.fields.push(Field { name: name.to_owned(), bytes });
                }
            });
        }
    }
    let numbers = ["-T", "fields", "-e", "tcp.stream", "-e", "udp.stream", "-e", "tls.record.version"];
    let numbers = run(capture, keys, preferences, &numbers)?;
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for line in String::from_utf8_lossy(&numbers).lines() {
        let (tcp, rest) = line.split_once('\t').unwrap_or((line, ""));
        let (udp, tls) = rest.split_once('\t').unwrap_or((rest, ""));
        let sealed = if tls.is_empty() { "" } else { tcp };
        for (kind, stream) in [("tcp", tcp), ("udp", udp), ("tls", sealed)] {
            // Of packets inside packets the first number is the outermost's.
            if let Some(number) = stream.split(',').next().filter(|number| !number.is_empty()) {
                asked.insert(format!("follow,{kind},raw,{number}"));
            }
        }
    }
    if !asked.is_empty() {
        let mut arguments = vec!["-q"];
        arguments.extend(asked.iter().flat_map(|follow| ["-z", follow.as_str()]));
        let text = run(capture, keys, preferences, &arguments)?;
        reading.followed.extend(conversations(&String::from_utf8_lossy(&text)));
    }
    Ok(reading)
}

fn run(capture: &Path, keys: Option<&Path>, preferences: &[String], arguments: &[&str]) -> Result<Vec<u8>> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(capture).args(arguments);
    // Bodies as they were sent: what is inside is not what is compared here.
    command.args(["-o", "http.decompress_body:FALSE", "-o", "tcp.reassemble_out_of_order:TRUE"]);
    for preference in preferences {
        command.args(preference.split(' '));
    }
    if let Some(keys) = keys {
        // Each takes what is its own.
        for preference in ["tls.keylog_file", "wg.keylog_file"] {
            command.arg("-o").arg(format!("{preference}:{}", keys.display()));
        }
    }
    let output = command.stderr(Stdio::piped()).output().context("running tshark")?;
    if !output.status.success() && output.stdout.is_empty() {
        bail!("tshark {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}

/// Every `name_raw: [hex, position, length, mask, type]` below `value`.
fn collect(name: &str, value: &Value, found: &mut dyn FnMut(&str, Vec<u8>)) {
    match value {
        Value::Array(items) => {
            if let (Some(Value::String(hex)), Some(Value::Number(_))) = (items.first(), items.get(1)) {
                // Bit fields have bytes they share with others.
                let whole = items.get(3).and_then(Value::as_u64) == Some(0);
                if let Ok(bytes) = HEXLOWER_PERMISSIVE.decode(hex.as_bytes())
                    && whole
                    && !bytes.is_empty()
                {
                    found(name.strip_suffix("_raw").unwrap_or(name), bytes);
                }
                return;
            }
            for item in items {
                collect(name, item, found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                collect(name, member, found);
            }
        }
        _ => {}
    }
}

/// Takes the output of `-z follow,KIND,raw,N …` apart.
fn conversations(text: &str) -> Vec<Followed> {
    let mut found: Vec<Followed> = Vec::new();
    for line in text.lines() {
        if let Some(follow) = line.strip_prefix("Follow: ") {
            let kind = ["tcp", "udp", "tls"].into_iter().find(|kind| follow.starts_with(kind)).unwrap_or_default();
            found.push(Followed { kind, nodes: Default::default(), bytes: Default::default() });
            continue;
        }
        let Some(last) = found.last_mut() else { continue };
        if let Some(node) = line.strip_prefix("Node 0: ") {
            node.clone_into(&mut last.nodes[0]);
        } else if let Some(node) = line.strip_prefix("Node 1: ") {
            node.clone_into(&mut last.nodes[1]);
        } else {
            let side = usize::from(line.starts_with('\t'));
            if let Ok(bytes) = HEXLOWER_PERMISSIVE.decode(line.trim().as_bytes()) {
                last.bytes[side].extend(bytes);
            }
        }
    }
    found
}
