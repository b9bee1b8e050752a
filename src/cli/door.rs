//! `plainsight door`: knocks at one's own stores, and writes down how they answered.

use crate::cli::args::DoorArgs;
use crate::cli::engine;
use crate::cli::exit;
use crate::cli::terminal::Terminal;
use crate::model::door::{Door, SCHEMA, Service, State};
use crate::model::scenario::StoreRef;
use crate::report::printable;
use crate::store::service::KNOCKS;
use crate::store::{Knock, socket};
use std::fmt::Write as _;
use std::io::Write as _;
use std::thread;
use std::time::Duration;

/// Between two knocks at one host.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(serde::Serialize)]
struct Found<'a> {
    schema: &'static str,
    doors: &'a [Door],
}

pub(super) fn door(args: &DoorArgs, terminal: &mut Terminal) -> anyhow::Result<u8> {
    let (scenario, _) = match engine::load(&args.scenario) {
        Ok(loaded) => loaded,
        Err(failure) => {
            failure.tell(terminal);
            return Ok(exit::FAILED);
        }
    };
    if let Some(refusal) = refusal(args, &scenario.stores) {
        terminal.error(&refusal);
        return Ok(exit::FAILED);
    }
    let asked = |store: &&StoreRef| args.hosts.is_empty() || args.hosts.contains(&store.host);
    let mut doors: Vec<Door> = Vec::new();
    for store in scenario.stores.iter().filter(asked) {
        for (port, knock) in knocks(store) {
            if doors.last().is_some_and(|last| last.host == store.host) {
                thread::sleep(PAUSE);
            }
            if !args.quiet {
                terminal.rendered(&format!(
                    "{}:{port}: asks for {}{}",
                    printable(&store.host),
                    knock.asks,
                    if store.tls { ", inside TLS" } else { "" }
                ));
            }
            let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            doors.push(Door { at: Some(at), ..socket::knock(&store.host, port, knock, store.tls) });
        }
    }
    let mut json = serde_json::to_vec_pretty(&Found { schema: SCHEMA, doors: &doors })?;
    json.push(b'\n');
    if let Some(out) = &args.out {
        let folder = out.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(std::path::Path::new(".")))?;
        file.write_all(&json)?;
        file.persist(out)?;
    }
    if args.json {
        terminal.print(&json)?;
    } else if !args.quiet {
        terminal.print(tell(&doors).as_bytes())?;
    }
    let open = doors.iter().any(|door| door.state == State::Open);
    Ok(if open { exit::BROKEN_PROMISE } else { exit::FINE })
}

/// Why nobody is knocked at.
fn refusal(args: &DoorArgs, stores: &[StoreRef]) -> Option<String> {
    if stores.is_empty() {
        return Some("the scenario names no store: add [[store]] with host = \"log.chatterly.example\"".to_owned());
    }
    if let Some(host) = args.hosts.iter().find(|host| !stores.iter().any(|store| store.host == **host)) {
        let known: Vec<&str> = stores.iter().map(|store| store.host.as_str()).collect();
        return Some(format!(
            "{} is not in the scenario: only the stores that it lists are knocked at ({})",
            printable(host),
            printable(&known.join(", "))
        ));
    }
    (!args.i_own_this).then(|| {
        "knocking at somebody else's store may be a crime: say --i-own-this if it is yours, or you were asked to"
            .to_owned()
    })
}

/// What is tried at a store: the service that it is said to be, or every one that may be there.
fn knocks(store: &StoreRef) -> Vec<(u16, &'static Knock)> {
    let said = |service: Service| store.service.is_none_or(|said| said == service);
    let fitting = KNOCKS.iter().copied().filter(|knock| said(knock.service));
    match store.port {
        None => fitting.flat_map(|knock| knock.ports.iter().map(move |port| (*port, knock))).collect(),
        Some(port) => {
            let usual: Vec<&Knock> = fitting.clone().filter(|knock| knock.ports.contains(&port)).collect();
            // Where a port is nobody's usual one, it may be anybody's.
            let tried = if usual.is_empty() || store.service.is_some() { fitting.collect() } else { usual };
            tried.into_iter().map(|knock| (port, knock)).collect()
        }
    }
}

/// The findings as text.
fn tell(doors: &[Door]) -> String {
    let mut out = String::new();
    for door in doors {
        let state = match door.state {
            State::Open => "OPEN to anybody",
            State::Locked => "asks for credentials",
            State::Other => "answers, and is no such service",
            State::Closed => "does not answer",
        };
        let version = door.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let _ =
            writeln!(out, "{}:{}  {}{}  {state}", printable(&door.host), door.port, door.service, printable(&version));
        for held in &door.holds {
            let records = held.records.map(|records| format!("  {records} records")).unwrap_or_default();
            let bytes = held.bytes.map(|bytes| format!("  {bytes} bytes")).unwrap_or_default();
            let _ = writeln!(out, "    {}{records}{bytes}", printable(&held.name));
        }
        if let Some(note) = &door.note {
            let _ = writeln!(out, "    ({})", printable(note));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_follows_from_what_is_said() {
        let store = |port, service| StoreRef { host: "h".to_owned(), port, service, tls: false };
        let names =
            |store: &StoreRef| knocks(store).iter().map(|(port, knock)| (*port, knock.service)).collect::<Vec<_>>();
        assert_eq!(names(&store(Some(6_400), Some(Service::Redis))), [(6_400, Service::Redis)]);
        assert_eq!(names(&store(Some(6_379), None)), [(6_379, Service::Redis)]);
        assert_eq!(names(&store(Some(1_234), None)).len(), KNOCKS.len());
        assert!(names(&store(None, None)).len() >= KNOCKS.len());
        assert_eq!(names(&store(None, Some(Service::Etcd))), [(2_379, Service::Etcd)]);
    }
}
