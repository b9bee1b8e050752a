//! Every capture there is: the scenarios', the recorded sessions of peers, and the recorded TLS streams as packets.

use anyhow::{Context as _, Result, bail};
use data_encoding::HEXLOWER_PERMISSIVE;
use plainsight_traffic::file::PcapNg;
use plainsight_traffic::packet::Direction;
use plainsight_traffic::tcp::Tcp;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A capture of packets with its secrets.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Folder and name.
    pub(crate) name: String,
    /// The capture.
    pub(crate) path: PathBuf,
    /// Key log or key.
    pub(crate) keys: Option<PathBuf>,
}

/// All of them, by name; what must be written first goes into `folder`.
pub(crate) fn all(folder: &Path) -> Result<Vec<Recording>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for scenario in sorted(&root.join("scenarios"))? {
        for path in sorted(&scenario)?.into_iter().filter(|path| is(path, &["pcapng", "pcap"])) {
            let name = format!("scenarios/{}/{}", stem(&scenario), stem(&path));
            found.push(Recording { name, keys: beside(&path), path });
        }
    }
    for path in sorted(&root.join("tests/fixtures/peers"))?.into_iter().filter(|path| is(path, &["pcapng"])) {
        found.push(Recording { name: format!("peers/{}", stem(&path)), keys: beside(&path), path });
    }
    for path in sorted(&root.join("tests/fixtures/tls"))?.into_iter().filter(|path| is(path, &["tls"])) {
        found.push(tls(&path, folder).with_context(|| path.display().to_string())?);
    }
    Ok(found)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    paths.retain(|path| path.file_name().is_some());
    Ok(paths)
}

fn is(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|found| extensions.iter().any(|extension| found == *extension))
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn beside(path: &Path) -> Option<PathBuf> {
    ["keys", "log"].into_iter().map(|extension| path.with_extension(extension)).find(|keys| keys.is_file())
}

/// A recorded stream as a capture of packets: lines `secret LABEL RANDOM SECRET`, `rsa DER`, `> HEX` and `< HEX`.
fn tls(path: &Path, folder: &Path) -> Result<Recording> {
    let name = stem(path);
    let client = "127.30.0.1:40001".parse()?;
    let server = "127.30.0.2:443".parse()?;
    let mut tcp = Tcp::connect(client, server, 1_790_000_000_000_000_000);
    let mut log = String::new();
    for line in fs::read_to_string(path)?.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["secret", label, random, secret] => writeln!(log, "{label} {random} {secret}")?,
            ["#" | "rsa" | "expect" | "fact" | "end", ..] => {}
            [mark @ (">" | "<"), data] => {
                let direction = if *mark == ">" { Direction::ToServer } else { Direction::ToClient };
                tcp.send(direction, &HEXLOWER_PERMISSIVE.decode(data.as_bytes())?);
            }
            _ => bail!("a line nobody knows: {line}"),
        }
    }
    tcp.fin();
    let capture = folder.join(format!("{name}.pcapng"));
    fs::write(&capture, PcapNg::new().write(&tcp.into_packets()))?;
    let keys = folder.join(format!("{name}.keys"));
    fs::write(&keys, log)?;
    Ok(Recording { name: format!("tls/{name}"), path: capture, keys: Some(keys) })
}
