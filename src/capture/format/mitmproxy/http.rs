//! HTTP flows, and the WebSocket messages in them.

use super::connection::Ends;
use super::tnetstring::Value;
use super::{direction, time};
use crate::capture::Loss;
use crate::model::account::Account;
use crate::model::budget::FLOW_FILE_HANDSHAKES;
use crate::model::flow::{Blind, BlindSpot};
use crate::model::message::{Message, Part, PartKind};
use crate::model::origin::{FrameNo, Origins};
use crate::model::stream::{Direction, Layer};
use crate::model::time::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// What the messages of one flow have in common.
#[derive(Clone)]
struct Scene {
    layers: Arc<[Layer]>,
    protocol: &'static str,
    name: String,
    host: Option<String>,
}

/// Upgrades whose messages have not come yet: up to version 11 of the format they stand in a flow of their own.
#[derive(Default)]
pub(super) struct Handshakes(BTreeMap<Vec<u8>, (Scene, Account)>);

impl Handshakes {
    /// One that nothing followed: what was said after it is not in the file.
    pub(super) fn lost(&mut self, loss: &mut Loss) -> Option<Account> {
        let (_, (scene, account)) = self.0.pop_first()?;
        Some(unfollowed(&scene, account, loss))
    }
}

fn unfollowed(scene: &Scene, mut account: Account, loss: &mut Loss) -> Account {
    loss.record("messages after an upgrade left out of the flow file", || {
        format!("flow {}: {}", account.number, scene.name)
    });
    for direction in Direction::BOTH {
        let detail = "messages after an upgrade".to_owned();
        account.blind.push(BlindSpot { why: Blind::Lossy, direction, detail, bytes: 0 });
    }
    account
}

/// One HTTP flow: request, response, and what was said after an upgrade. `sent` is what the app sent, where that was
/// changed at the proxy. `None` where the app sent nothing of it.
pub(super) fn account(
    record: Value<'_>,
    sent: Value<'_>,
    ends: &Ends,
    handshakes: &mut Handshakes,
    loss: &mut Loss,
) -> Option<Account> {
    if ends.replayed.as_deref() == Some("request") {
        loss.remark("requests were sent by the proxy itself; they are no traffic of the app");
        return None;
    }
    let mut account = ends.account();
    let Some(request) = sent.get(&["request"]) else {
        loss.record("flow without a request", || format!("flow {}: it has no request", ends.number));
        return Some(account);
    };
    let scene = scene(request, ends);
    account.meta.layers = scene.layers.to_vec();
    let half = Half { ends, scene: &scene, account: &account };
    let asked = half.message(Direction::ToServer, request, None, loss);
    let response = sent.get(&["response"]).or_else(|| record.get(&["response"]));
    let answered = response.map(|response| half.message(Direction::ToClient, response, Some(request), loss));
    account.messages.push(asked);
    match answered {
        Some(_) if ends.replayed.is_some() || ends.unconnected => {
            loss.remark("responses were made by the proxy itself; they are not the server's");
        }
        Some(answer) => account.messages.push(answer),
        None => account.blind.push(ends.cut_short(Direction::ToClient)),
    }
    match sent.get(&["websocket"]).or_else(|| record.get(&["websocket"])) {
        Some(websocket) => say(websocket, &scene, ends, &mut account, loss),
        None if is_upgrade(response) => {
            let id = record.get(&["id"]).and_then(Value::bytes).filter(|_| handshakes.0.len() < FLOW_FILE_HANDSHAKES);
            let Some(id) = id else { return Some(unfollowed(&scene, account, loss)) };
            handshakes.0.insert(id.to_vec(), (scene, ends.account()));
        }
        None => {}
    }
    Some(account)
}

/// A WebSocket conversation without its handshake, which stood in a flow before it (up to version 11).
pub(super) fn old_websocket(record: Value<'_>, ends: &Ends, handshakes: &mut Handshakes, loss: &mut Loss) -> Account {
    let mut account = ends.account();
    let id = record.get(&["metadata"]).and_then(|metadata| metadata.get(&["websocket_handshake"]));
    let known = id.and_then(Value::bytes).and_then(|id| handshakes.0.remove(id));
    let scene = match known {
        Some((scene, _)) => scene,
        None => Scene {
            layers: Arc::from(ends.layers(None)),
            protocol: "http1",
            name: format!("GET {}", ends.sni().or_else(|| ends.asked()).unwrap_or_default()).trim_end().to_owned(),
            host: account.meta.host.clone(),
        },
    };
    account.meta.layers = scene.layers.to_vec();
    say(record, &scene, ends, &mut account, loss);
    account
}

fn is_upgrade(response: Option<Value<'_>>) -> bool {
    let status = response.and_then(|response| response.get(&["status_code", "code"])).and_then(Value::int);
    status == Some(101)
}

/// Adds WebSocket messages: `[type, from client, content, time, dropped, injected]`.
fn say(websocket: Value<'_>, scene: &Scene, ends: &Ends, account: &mut Account, loss: &mut Loss) {
    for said in websocket.get(&["messages"]).into_iter().flat_map(Value::items) {
        let fields: Vec<Value<'_>> = said.items().take(6).collect();
        let (Some(from_client), Some(content)) = (fields.get(1), fields.get(2).and_then(|content| content.bytes()))
        else {
            loss.record("message left out of the flow file", || format!("flow {}: {}", ends.number, scene.name));
            continue;
        };
        if fields.get(5).is_some_and(|injected| injected.is_true()) {
            loss.remark("WebSocket messages were put in by the proxy itself; they are no traffic of the app");
            continue;
        }
        let part = Part::new(PartKind::Body, content.to_vec(), Origins::one(content.len(), ends.number));
        account.messages.push(Message {
            flow: account.meta.flow,
            layers: Arc::clone(&scene.layers),
            protocol: "websocket",
            label: format!("{} message", scene.name),
            direction: direction(*from_client),
            at: fields.get(3).map_or(account.meta.at, |at| time(*at)),
            host: scene.host.clone(),
            parts: vec![part],
            whole: true,
        });
    }
}

fn scene(request: Value<'_>, ends: &Ends) -> Scene {
    let text = |keys: &[&str]| request.get(keys).and_then(Value::text).filter(|text| !text.is_empty());
    let scheme = text(&["scheme"]).map(|scheme| scheme.to_ascii_lowercase());
    let header = headers(request, "headers").find(|(name, _)| name.eq_ignore_ascii_case(b"host"));
    let header = header.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
    let host = text(&["authority"])
        .or(header)
        .or_else(|| text(&["host"]))
        .and_then(|authority| host_of(&authority))
        .or_else(|| ends.asked().map(str::to_ascii_lowercase));
    let method = text(&["method"]).unwrap_or_else(|| "?".to_owned());
    let target = request.get(&["path"]).and_then(Value::bytes).unwrap_or_default();
    let path = String::from_utf8_lossy(split_target(target).0).into_owned();
    let name = format!("{method} {}{path}", host.as_deref().unwrap_or_default());
    let name = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(300).collect();
    let version = version(request);
    let protocol = match version.get(..1) {
        Some("2") => "http2",
        Some("3") => "http3",
        _ => "http1",
    };
    Scene { layers: Arc::from(ends.layers(scheme.as_deref())), protocol, name, host }
}

/// `HTTP/1.1`, or the numbers that versions before 0.14 have.
fn version(message: Value<'_>) -> String {
    if let Some(text) = message.get(&["http_version"]).and_then(Value::text) {
        return text.trim_start_matches("HTTP/").to_owned();
    }
    let numbers = message.get(&["httpversion"]).into_iter().flat_map(Value::items).filter_map(Value::int);
    numbers.take(2).map(|number| number.to_string()).collect::<Vec<_>>().join(".")
}

/// The host of an authority, without userinfo, port and brackets, in lower case.
fn host_of(authority: &str) -> Option<String> {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        // An address of version 6 may stand bare.
        None if host.parse::<IpAddr>().is_ok() => host,
        None => host.split_once(':').map_or(host, |(host, _)| host),
    };
    let host = host.trim().trim_end_matches('.');
    let sane = !host.is_empty() && host.len() <= 255 && !host.chars().any(|c| c.is_control() || c.is_whitespace());
    sane.then(|| host.to_ascii_lowercase())
}

/// Path and query of a target, whatever form it has.
fn split_target(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'?', target) {
        Some(at) => (target.get(..at).unwrap_or_default(), target.get(at.saturating_add(1)..)),
        None => (target, None),
    }
}

/// Name and value of every header, or trailer.
fn headers<'a>(message: Value<'a>, key: &str) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let all = message.get(&[key]).into_iter().flat_map(Value::items);
    all.filter_map(|pair| {
        let mut pair = pair.items();
        Some((pair.next()?.bytes()?, pair.next()?.bytes()?))
    })
}

/// Members of a comma-separated header, lower case, without their parameters.
fn list(value: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(value).to_ascii_lowercase();
    let members = text.split(',').map(|member| member.split(';').next().unwrap_or_default().trim().to_owned());
    members.filter(|member| !member.is_empty() && member != "identity").collect()
}

struct Half<'a> {
    ends: &'a Ends,
    scene: &'a Scene,
    account: &'a Account,
}

impl Half<'_> {
    /// A request, or the response to `request`.
    fn message(&self, direction: Direction, said: Value<'_>, request: Option<Value<'_>>, loss: &mut Loss) -> Message {
        let number: FrameNo = self.ends.number;
        let carried = |bytes: &[u8]| Origins::one(bytes.len(), number);
        let part = |kind, bytes: &[u8]| Part::new(kind, bytes.to_vec(), carried(bytes));
        let mut parts = Vec::new();
        if request.is_none() {
            let target = said.get(&["path"]).and_then(Value::bytes).unwrap_or_default();
            let (path, query) = split_target(target);
            parts.push(part(PartKind::Path, path));
            parts.extend(query.map(|query| part(PartKind::Query, query)));
        }
        let mut content_type = None;
        let mut encodings = Vec::new();
        let fields = headers(said, "headers").map(|field| (field, true));
        let trailers = headers(said, "trailers").map(|field| (field, false));
        let mut later = Vec::new();
        for ((name, value), in_head) in fields.chain(trailers) {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            match name.as_str() {
                "content-type" if in_head => {
                    let text = String::from_utf8_lossy(value).trim().to_ascii_lowercase();
                    content_type = (!text.is_empty()).then_some(text);
                }
                "content-encoding" if in_head => encodings.extend(list(value)),
                _ => {}
            }
            let header = Part::header(name, value.to_vec(), carried(value));
            if in_head { parts.push(header) } else { later.push(header) }
        }
        let body = said.get(&["content", "body"]).and_then(Value::bytes);
        let whole = body.is_some() || is_bodiless(said, request);
        if !whole {
            let whose = if request.is_some() { "response" } else { "request" };
            loss.record("body left out of the flow file", || {
                format!("flow {number}: the body of the {whose} of {}", self.scene.name)
            });
        }
        if let Some(body) = body.filter(|body| !body.is_empty()) {
            parts.push(Part { content_type, encodings, ..part(PartKind::Body, body) });
        }
        parts.extend(later);
        let status = said.get(&["status_code", "code"]).and_then(Value::int);
        let label = match (request, status) {
            (None, _) => self.scene.name.clone(),
            (Some(_), Some(status)) => format!("{status} {}", self.scene.name),
            (Some(_), None) => format!("? {}", self.scene.name),
        };
        let at = said.get(&["timestamp_end", "timestamp_start"]).map(time);
        Message {
            flow: self.account.meta.flow,
            layers: Arc::clone(&self.scene.layers),
            protocol: self.scene.protocol,
            label,
            direction,
            at: at.filter(|at| *at > Timestamp(0)).unwrap_or(self.account.meta.at),
            host: self.scene.host.clone(),
            parts,
            whole,
        }
    }
}

/// Whether a message without content never had any (RFC 9112 section 6.3): content is also missing where the proxy let it
/// through unread, or where the message broke off.
fn is_bodiless(said: Value<'_>, request: Option<Value<'_>>) -> bool {
    let field = |wanted: &str| headers(said, "headers").find(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
    if field("content-length").is_some_and(|(_, value)| value.trim_ascii() == b"0") {
        return true;
    }
    let Some(request) = request else {
        let framed = field("content-length").is_some() || field("transfer-encoding").is_some();
        return !framed && version(said).starts_with('1');
    };
    let status = said.get(&["status_code", "code"]).and_then(Value::int);
    let method = request.get(&["method"]).and_then(Value::bytes).unwrap_or_default();
    matches!(status, Some(100..=199 | 204 | 304)) || method.eq_ignore_ascii_case(b"HEAD")
}
