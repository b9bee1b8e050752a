//! Traces of an app's sockets: who opened which connection, as hooks in the app wrote it down (`socket_trace.json` of a
//! PiRogue experiment folder).
//!
//! Read leniently: JSON values one behind the other, or lists of them, nested or not. An entry is an object that names a
//! port on the phone and an address and port elsewhere, by any of the names in use; process and time may stand around it.
//! Built against descriptions of the format; the files in the tests are made up (`stand_in_*`).
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::open::{OpenError, regular};
use crate::model::budget::{TRACE_BYTES, TRACE_ENTRIES};
use crate::model::packet::Endpoint;
use crate::model::socket::Socket;
use crate::model::time::Timestamp;
use serde_json::{Map, Value};
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;

/// Code of the platform and of transports: what stands below the library that asked.
const PLATFORM: &[&str] = &[
    "android.",
    "androidx.",
    "com.android.",
    "dalvik.",
    "io.netty.",
    "java.",
    "javax.",
    "jdk.",
    "kotlin.",
    "kotlinx.",
    "libcore.",
    "okhttp3.",
    "okio.",
    "org.apache.http.",
    "org.chromium.",
    "org.conscrypt.",
    "retrofit2.",
    "sun.",
];

/// What a trace holds.
#[derive(Debug, Default)]
pub struct Trace {
    /// Its sockets, each once, in file order.
    pub sockets: Vec<Socket>,
    /// What could not be used, one sentence each.
    pub problems: Vec<String>,
}

/// Why a file is no trace of sockets.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is larger than any trace.
    #[error("{name}: not a trace of sockets: more than {TRACE_BYTES} bytes")]
    TooLarge {
        /// The file.
        name: String,
    },
    /// Nothing in it names two ends of a connection.
    #[error("{name}: not a trace of sockets: {why}")]
    NotATrace {
        /// The file.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads a trace of sockets.
pub fn read(path: &Path) -> Result<Trace, TraceError> {
    let mut text = Vec::new();
    let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
    regular(path)?.take(TRACE_BYTES.saturating_add(1)).read_to_end(&mut text).map_err(unreadable)?;
    let name = path.display().to_string();
    if text.len() as u64 > TRACE_BYTES {
        return Err(TraceError::TooLarge { name });
    }
    parse(&text, &name)
}

/// Reads the entries of a trace; `name` is for errors. Where it breaks off, what stands before is used.
pub fn parse(text: &[u8], name: &str) -> Result<Trace, TraceError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut trace = Trace::default();
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    while let Some(value) = values.next() {
        match value {
            Ok(value) => look(&value, &Around::default(), &mut trace),
            Err(error) => {
                trace.problems.push(format!("it breaks off at byte {}: {error}", values.byte_offset()));
                break;
            }
        }
    }
    if trace.sockets.is_empty() {
        let why =
            trace.problems.pop().unwrap_or_else(|| "none of its entries names two ends of a connection".to_owned());
        return Err(TraceError::NotATrace { name: name.to_owned(), why });
    }
    Ok(trace)
}

/// What stands around an entry.
#[derive(Clone, Default)]
struct Around {
    process: Option<String>,
    at: Option<Timestamp>,
    sdk: Option<String>,
}

fn look(value: &Value, around: &Around, trace: &mut Trace) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| look(item, around, trace)),
        Value::Object(map) => {
            let here = around.with(map);
            match socket(map, &here) {
                Some(socket) if trace.sockets.len() >= TRACE_ENTRIES => {
                    let told = format!("only its first {TRACE_ENTRIES} sockets are used");
                    if trace.problems.last() != Some(&told) {
                        trace.problems.push(told);
                    }
                    drop(socket);
                }
                Some(socket) => {
                    if trace.sockets.last() != Some(&socket) {
                        trace.sockets.push(socket);
                    }
                }
                None => map.values().for_each(|inner| look(inner, &here, trace)),
            }
        }
        _ => {}
    }
}

/// A key without case and marks: `localPort`, `local_port` and `local-port` are one.
fn plain(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn field<'a>(map: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    map.iter().find(|(key, value)| names.contains(&&*plain(key)) && !value.is_null()).map(|(_, value)| value)
}

impl Around {
    fn with(&self, map: &Map<String, Value>) -> Self {
        let process =
            field(map, &["process", "processname", "package", "packagename", "bundleid", "identifier", "app"]);
        let process = process.and_then(Value::as_str).filter(|name| !name.is_empty());
        let process = process.map(|name| name.chars().filter(|c| !c.is_control()).take(120).collect());
        let process = process.or_else(|| self.process.clone());
        let at = field(map, &["timestamp", "time", "ts", "at"]).and_then(time).or(self.at);
        let stack = field(map, &["stack", "stacktrace", "backtrace", "callstack"]);
        let sdk = stack.and_then(|stack| library(stack, process.as_deref())).or_else(|| self.sdk.clone());
        Self { process, at, sdk }
    }
}

/// Nanoseconds, of seconds, milli-, micro- or nanoseconds since the epoch: only one of them is of our time. As microseconds,
/// which is what a float of this size holds.
fn time(value: &Value) -> Option<Timestamp> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    let micros = match number {
        n if n < 1e8 => return None,
        n if n < 1e11 => n * 1e6,
        n if n < 1e14 => n * 1e3,
        n if n < 1e17 => n,
        n => n / 1e3,
    };
    #[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the largest there is")]
    Some(Timestamp((micros.round() as i64).saturating_mul(1_000)))
}

fn socket(map: &Map<String, Value>, around: &Around) -> Option<Socket> {
    let end = |whole: &[&str], ips: &[&str], ports: &[&str]| {
        let (ip, port) = field(map, whole).map(both).unwrap_or_default();
        let ip = field(map, ips).and_then(address).or(ip);
        let port = field(map, ports).and_then(number).or(port);
        (ip, port)
    };
    let (local_ip, local_port) = end(
        &["local", "src", "source", "localaddress", "localsocketaddress"],
        &["localip", "localaddr", "srcip", "sourceip", "sourceaddress"],
        &["localport", "lport", "srcport", "sourceport"],
    );
    let (remote_ip, remote_port) = end(
        &["remote", "dest", "dst", "destination", "peer", "remoteaddress", "remotesocketaddress"],
        &[
            "remoteip",
            "remoteaddr",
            "destip",
            "destinationip",
            "destaddress",
            "destinationaddress",
            "dstip",
            "peerip",
            "peeraddress",
        ],
        &["remoteport", "rport", "destport", "destinationport", "dstport", "peerport"],
    );
    let remote = Endpoint { ip: remote_ip?, port: remote_port.filter(|port| *port > 0)? };
    let Around { process, at, sdk } = around.clone();
    Some(Socket { local_ip, local_port: local_port.filter(|port| *port > 0)?, remote, at, process, sdk })
}

fn number(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    u16::try_from(number).ok()
}

fn address(value: &Value) -> Option<IpAddr> {
    both(value).0
}

/// Address and port of one end: an object of both, or text, as Java and others print it (`host/192.0.2.7:443`).
fn both(value: &Value) -> (Option<IpAddr>, Option<u16>) {
    match value {
        Value::Object(map) => {
            let ip = field(map, &["ip", "address", "addr", "host"]).and_then(address);
            (ip, field(map, &["port"]).and_then(number))
        }
        Value::String(text) => {
            let text = text.rsplit('/').next().unwrap_or_default().trim();
            let bare = |text: &str| text.trim_matches(['[', ']']).split('%').next().and_then(|ip| ip.parse().ok());
            if let Some(ip) = bare(text) {
                return (Some(ip), None);
            }
            let (ip, port) = text.rsplit_once(':').unwrap_or((text, ""));
            (bare(ip), port.parse().ok())
        }
        _ => (None, None),
    }
}

/// The library whose code asked: the package of the first class on the stack that is neither the platform's nor the app's.
fn library(stack: &Value, process: Option<&str>) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    let one = |value: &Value| match value {
        Value::String(line) => Some(line.clone()),
        Value::Object(map) => {
            field(map, &["class", "classname", "declaringclass", "method"]).and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    };
    match stack {
        Value::Array(frames) => lines.extend(frames.iter().take(200).filter_map(one)),
        Value::String(text) => lines.extend(text.lines().take(200).map(str::to_owned)),
        _ => return None,
    }
    let own: Vec<&str> = process.unwrap_or_default().split('.').take(2).collect();
    lines.iter().find_map(|line| {
        let name = line.trim().trim_start_matches("at ").trim();
        let name: &str = name.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '$'))).next()?;
        if PLATFORM.iter().any(|prefix| name.starts_with(prefix)) {
            return None;
        }
        // Packages are in lower case, classes are not.
        let is_package = |part: &&str| part.chars().next().is_some_and(|c| c.is_ascii_lowercase());
        let parts: Vec<&str> = name.split('.').take_while(is_package).take(3).collect();
        let apps = own.len() == 2 && parts.get(..2) == Some(own.as_slice());
        (parts.len() >= 2 && !apps).then(|| parts.join("."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Trace {
        parse(text.as_bytes(), "socket_trace.json").unwrap()
    }

    #[test]
    fn stand_in_traces_of_every_shape_are_read() {
        let nested = r#"[{"type":"socket","process":"org.chatterly.app","pid":77,"timestamp":1762074000123,
            "data":{"event":"connect","local_ip":"::ffff:10.8.0.2","local_port":40112,"dest_ip":"::ffff:203.0.113.7",
            "dest_port":443,"stack":[{"class":"java.net.Socket","method":"connect"},{"class":"okhttp3.internal.Z"},
            {"class":"com.adzebra.sdk.net.Uploader","method":"run"},{"class":"org.chatterly.Main"}]}}]"#;
        let lines = "{\"localPort\":\"40112\",\"remote\":\"ads.example/203.0.113.7:443\",\"time\":1762074000.5,\
                     \"packageName\":\"org.chatterly.app\",\"stackTrace\":\"at org.chatterly.net.Api.send(Api.java:3)\\nat \
                     io.metrics.Core.go(Core.java)\"}\n{\"src\":{\"ip\":\"10.8.0.2\",\"port\":5},\"dst\":{\"ip\":\"2001:db8::7\",\
                     \"port\":53}}\n";
        let trace = read(nested);
        let [socket] = trace.sockets.as_slice() else { panic!("{trace:?}") };
        assert_eq!(socket.process.as_deref(), Some("org.chatterly.app"));
        assert_eq!(socket.sdk.as_deref(), Some("com.adzebra.sdk"));
        assert_eq!((socket.local_port, socket.remote.port), (40_112, 443));
        assert_eq!(socket.remote.ip.to_canonical().to_string(), "203.0.113.7");
        assert_eq!(socket.at, Some(Timestamp(1_762_074_000_123_000_000)));
        let trace = read(lines);
        assert_eq!(trace.sockets.len(), 2);
        assert_eq!(trace.sockets[0].sdk.as_deref(), Some("io.metrics"));
        assert_eq!(trace.sockets[0].remote.to_string(), "203.0.113.7:443");
        assert_eq!(trace.sockets[1].remote.to_string(), "[2001:db8::7]:53");
        assert_eq!(trace.sockets[1].process, None);
    }

    #[test]
    fn what_breaks_off_is_used_and_what_is_no_trace_says_so() {
        let good = r#"{"local_port":1,"dest_ip":"192.0.2.7","dest_port":443}"#;
        let trace = read(&format!("{good}\n{{\"local_"));
        assert_eq!(trace.sockets.len(), 1);
        assert!(trace.problems[0].starts_with("it breaks off at byte"), "{:?}", trace.problems);
        let told = |text: &[u8]| parse(text, "x.json").unwrap_err().to_string();
        assert_eq!(
            told(br#"[{"alg":"AES","key":"00"}]"#),
            "x.json: not a trace of sockets: none of its entries names two ends of a connection"
        );
        assert!(told(b"CLIENT_RANDOM 00").contains("breaks off at byte"));
        for text in
            [&b"[[[["[..], br#"{"local":7,"remote":{}}"#, br#"{"local_port":70000,"dest_ip":"x","dest_port":-1}"#]
        {
            assert!(parse(text, "x").is_err());
        }
    }
}
