//! HTTP Archives (HAR 1.2) as browsers, mitmproxy, HTTP Toolkit and Proxyman write them: messages that somebody else has
//! decrypted and decoded. What such a file lost (bodies, characters, WebSocket messages) is told.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod archive;
mod beside;
mod whole;

use crate::bytes::Match;
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::budget::BLOCK_BYTES;
use crate::model::item::Item;
use crate::model::message::{Message, Part, PartKind};
use crate::model::origin::{FrameNo, Origins};
use crate::model::packet::Endpoint;
use crate::model::stream::{Direction, FlowKey, Layer, Transport};
use crate::model::time::Timestamp;
use archive::{Entry, Named, Request, Response};
use data_encoding::BASE64;
use memchr::memmem;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "har",
    about: "HTTP Archive (HAR 1.2): decrypted and decoded by whoever wrote it",
    kind: EvidenceKind::Traffic,
    sniff,
    open,
    secrets: None,
};

/// Bytes asked for at a time.
const STEP: usize = 256 << 10;
/// Bytes in front of the entries: pages, the creator's name.
const FRONT: usize = 8 << 20;

fn sniff(head: &[u8]) -> Match {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if text.first() != Some(&b'{') || memmem::find(text, b"\"log\"").is_none_or(|at| at > 64) {
        return Match::No;
    }
    let has = |key: &[u8]| memmem::find(text, key).is_some();
    if has(b"\"creator\"") || has(b"\"entries\"") || has(b"\"pages\"") { Match::Certain } else { Match::No }
}

fn open(mut window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    // On to the first entry.
    let mut want = STEP;
    loop {
        let head = window.head(want);
        let at = memmem::find(head, b"\"entries\"").and_then(|at| {
            let open = memchr::memchr(b'[', head.get(at..)?)?;
            Some(at.saturating_add(open).saturating_add(1))
        });
        let have = head.len();
        if let Some(at) = at {
            window.consume(at);
            return Ok(Box::new(Har { window, entries: 0, ready: VecDeque::new(), loss: Loss::default() }));
        }
        if have < want || want >= FRONT {
            return Err(window.stopped("a HAR without entries"));
        }
        want = want.saturating_mul(2);
    }
}

struct Har {
    window: Window,
    entries: FrameNo,
    ready: VecDeque<Message>,
    loss: Loss,
}

impl Source for Har {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(Some(Item::Message(Box::new(message))));
            }
            let Some(entry) = self.entry()? else { return Ok(None) };
            self.entries = self.entries.saturating_add(1);
            let number = self.entries;
            match serde_json::from_slice::<Entry>(&entry).or_else(|_| serde_json::from_slice(&mended(&entry))) {
                Ok(entry) => self.ready.extend(messages(&entry, number, &mut self.loss)),
                Err(error) => self.loss.record("unreadable HAR entry", || format!("entry {number}: {error}")),
            }
        }
    }

    fn loss(&mut self) -> Loss {
        std::mem::take(&mut self.loss)
    }
}

impl Har {
    /// The next entry as it stands; `None` behind the last.
    fn entry(&mut self) -> Result<Option<Vec<u8>>, Stopped> {
        // Commas and white space between entries.
        loop {
            match self.window.head(1).first() {
                Some(b',' | b' ' | b'\n' | b'\r' | b'\t') => self.window.consume(1),
                Some(b'{') => break,
                Some(b']') => return Ok(None),
                Some(_) => return Err(self.window.stopped("no entry of a HAR where one should begin")),
                None => return Err(self.window.stopped("the HAR breaks off")),
            }
        }
        let mut want = STEP;
        let mut scan = Scan::default();
        loop {
            let head = self.window.head(want);
            if let Some(len) = scan.on(head) {
                let entry = head.get(..len).unwrap_or_default().to_vec();
                self.window.consume(len);
                return Ok(Some(entry));
            }
            if head.len() < want {
                return Err(self.window.stopped("the HAR breaks off in an entry"));
            }
            if want > BLOCK_BYTES {
                return Err(self.window.stopped("an entry of the HAR is over its budget"));
            }
            want = want.saturating_mul(2);
        }
    }
}

/// Finds the end of an object, its strings passed over.
#[derive(Default)]
struct Scan {
    at: usize,
    depth: usize,
    quoted: bool,
    escaped: bool,
}

impl Scan {
    fn on(&mut self, bytes: &[u8]) -> Option<usize> {
        for byte in bytes.get(self.at..)? {
            self.at = self.at.saturating_add(1);
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.quoted => self.escaped = true,
                b'"' => self.quoted = !self.quoted,
                b'{' if !self.quoted => self.depth = self.depth.saturating_add(1),
                b'}' if !self.quoted => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(self.at);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// Surrogates that stand alone, which browsers write and JSON forbids, as replacement characters: the loss they are.
fn mended(entry: &[u8]) -> Vec<u8> {
    let is = |at: usize, high: bool| {
        let escape = entry.get(at..at.saturating_add(4)).unwrap_or_default();
        let third = if high { b"89abAB".as_slice() } else { b"cdefCDEF" };
        escape.starts_with(b"\\u")
            && escape.get(2).is_some_and(|b| b.eq_ignore_ascii_case(&b'd'))
            && escape.get(3).is_some_and(|b| third.contains(b))
    };
    let mut out = Vec::with_capacity(entry.len());
    let mut at = 0_usize;
    while let Some(byte) = entry.get(at) {
        if is(at, true) && is(at.saturating_add(6), false) {
            out.extend_from_slice(entry.get(at..at.saturating_add(12)).unwrap_or_default());
            at = at.saturating_add(12);
        } else if is(at, true) || is(at, false) {
            out.extend_from_slice(b"\\ufffd");
            at = at.saturating_add(6);
        } else if *byte == b'\\' {
            out.extend_from_slice(entry.get(at..at.saturating_add(2)).unwrap_or_default());
            at = at.saturating_add(2);
        } else {
            out.push(*byte);
            at = at.saturating_add(1);
        }
    }
    out
}

/// Where a request went.
struct Target<'a> {
    secure: bool,
    host: &'a str,
    port: u16,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Target<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let secure = matches!(scheme, "https" | "wss");
        let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, if secure { 443 } else { 80 }),
        };
        let path = path.split('#').next()?;
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        Some(Self { secure, host, port, path, query })
    }
}

/// The messages of one entry, and what is missing of them.
fn messages(entry: &Entry, number: FrameNo, loss: &mut Loss) -> Vec<Message> {
    let Entry { request, response, .. } = entry;
    let Some(target) = Target::of(&request.url) else {
        loss.record("HAR entry without an address", || format!("entry {number}: its URL is none"));
        return Vec::new();
    };
    let at = entry.started_date_time.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_nanosecond);
    let at = Timestamp(i64::try_from(at).unwrap_or(0));
    let protocol = match request.http_version.trim_start_matches(|c: char| !c.is_ascii_digit()).get(..1) {
        Some("2") => "http2",
        Some("3") => "http3",
        _ => "http1",
    };
    let layers: Arc<[Layer]> = if target.secure {
        Arc::from([Layer { name: "tls".to_owned(), secure: true, opened: true }])
    } else {
        Arc::from([])
    };
    let path = if target.path.is_empty() { "/" } else { target.path };
    let name = format!("{} {}{path}", request.method, target.host);
    let message = |direction, label: String, parts: Vec<Part>, whole| Message {
        flow: flow(entry, &target),
        layers: Arc::clone(&layers),
        protocol,
        label,
        direction,
        at,
        host: Some(target.host.to_ascii_lowercase()),
        whole: whole && parts.iter().all(|part| part.whole),
        parts,
    };
    let carried = |bytes: &[u8]| Origins::one(bytes.len(), number);
    let text = |kind, text: &str| Part::new(kind, text.as_bytes().to_vec(), carried(text.as_bytes()));
    let headers = |all: &[Named]| -> Vec<Part> {
        // Pseudo-headers of HTTP/2 are the request's own line.
        let real = all.iter().filter(|header| !header.name.starts_with(':'));
        real.map(|header| {
            Part::header(
                header.name.to_ascii_lowercase(),
                header.value.clone().into_bytes(),
                carried(header.value.as_bytes()),
            )
        })
        .collect()
    };
    let mut asked = vec![text(PartKind::Path, path)];
    asked.extend(target.query.map(|query| text(PartKind::Query, query)));
    asked.extend(headers(&request.headers));
    let (sent, whole) = sent(request, number, loss);
    asked.extend(sent);
    asked.extend(beside::of_request(request, number));
    let mut out = vec![message(Direction::ToServer, name.clone(), asked, whole)];
    let mut answered = headers(&response.headers);
    let (returned, whole) = returned(response, &request.method, number, loss);
    answered.extend(returned);
    answered.extend(beside::of_response(response, number));
    if response.status > 0 || !answered.is_empty() {
        out.push(message(Direction::ToClient, format!("{} {name}", response.status), answered, whole));
    }
    match &entry.web_socket_messages {
        Some(messages) => out.extend(messages.iter().map(|said| {
            let direction = if said.kind == "send" { Direction::ToServer } else { Direction::ToClient };
            let bytes = if said.opcode == 2 {
                BASE64.decode(said.data.as_bytes()).unwrap_or_else(|_| said.data.clone().into_bytes())
            } else {
                said.data.clone().into_bytes()
            };
            let frames = carried(&bytes);
            let part = Part::new(PartKind::Body, bytes, frames);
            Message { protocol: "websocket", ..message(direction, format!("{name} message"), vec![part], true) }
        })),
        // Some exporters keep the hand-shake alone, under whatever status; refused ones carried nothing.
        None if response.status == 101 || (is_web_socket(&entry.request.url) && response.status < 400) => {
            loss.record("WebSocket messages left out of the HAR", || format!("entry {number}: {name}"));
            if let Some(last) = out.last_mut() {
                last.whole = false;
            }
        }
        None => {}
    }
    out
}

/// The body of a request, and whether nothing of it is missing.
fn sent(request: &Request, number: FrameNo, loss: &mut Loss) -> (Option<Part>, bool) {
    let text = request.post_data.as_ref().and_then(|post| post.text.as_deref()).filter(|text| !text.is_empty());
    let form = request.post_data.as_ref().map(|post| beside::form(&post.params)).filter(|form| !form.is_empty());
    let (part, missing) = match (&request.post_data, text, form) {
        (Some(post), Some(text), _) => {
            let part = body(text, post.encoding.as_deref(), &post.mime_type, number, loss);
            (part, whole::lost_of_text(request, post, text))
        }
        (Some(post), None, Some(form)) => {
            let part = body(&form, None, &post.mime_type, number, loss);
            (part, whole::lost_of_form(request, post))
        }
        _ if request.body_size > 0 || request.declares_body() => {
            loss.record("body left out of the HAR", || format!("entry {number}: the body of the request"));
            return (None, false);
        }
        _ => (None, None),
    };
    (part, told(missing.as_deref(), "request", number, loss))
}

/// The body of a response, and whether nothing of it is missing.
fn returned(response: &Response, method: &str, number: FrameNo, loss: &mut Loss) -> (Option<Part>, bool) {
    let content = &response.content;
    match content.text.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => {
            let part = body(text, content.encoding.as_deref(), &content.mime_type, number, loss);
            (part, told(whole::lost_of_content(response, method, text).as_deref(), "response", number, loss))
        }
        None if response.lacks_body(method) => {
            loss.record("body left out of the HAR", || format!("entry {number}: the body of the response"));
            (None, false)
        }
        None => (None, true),
    }
}

/// Tells what is missing of a body; true where nothing is.
fn told(missing: Option<&str>, whose: &str, number: FrameNo, loss: &mut Loss) -> bool {
    if let Some(why) = missing {
        loss.record("body cut in the HAR", || format!("entry {number}: the body of the {whose}: {why}"));
    }
    missing.is_none()
}

/// Whether a URL is a WebSocket's (RFC 6455, section 3).
fn is_web_socket(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| matches!(scheme, "ws" | "wss"))
}

/// A body as the HAR has it; not whole where characters were lost on the way into it.
fn body(text: &str, encoding: Option<&str>, mime: &str, number: FrameNo, loss: &mut Loss) -> Option<Part> {
    let (bytes, whole) = if whole::is_base64(encoding) {
        match BASE64.decode(text.as_bytes()) {
            Ok(bytes) => (bytes, true),
            Err(_) => (text.as_bytes().to_vec(), false),
        }
    } else {
        (text.as_bytes().to_vec(), !text.contains('\u{fffd}'))
    };
    if !whole {
        loss.record("characters lost in the HAR", || {
            format!("entry {number}: bytes of a body became replacement characters")
        });
    }
    let frames = Origins::one(bytes.len(), number);
    (!bytes.is_empty()).then(|| Part {
        content_type: (!mime.is_empty()).then(|| mime.to_ascii_lowercase()),
        whole,
        ..Part::new(PartKind::Body, bytes, frames)
    })
}

/// A flow for each server and connection; a HAR does not say who the client was.
fn flow(entry: &Entry, target: &Target<'_>) -> FlowKey {
    let ip = entry.server_ip_address.as_deref().and_then(|ip| ip.trim_matches(['[', ']']).parse().ok());
    let mut hash = 0x811c_9dc5_u32;
    let connection = entry.connection.as_ref().map(ToString::to_string).unwrap_or_default();
    for byte in target.host.bytes().chain(connection.bytes()) {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    let port = u16::try_from(hash % 64_000).unwrap_or(0).saturating_add(1_024);
    let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    FlowKey {
        transport: Transport::Tcp,
        client: Endpoint { ip: nowhere, port },
        server: Endpoint { ip: ip.unwrap_or(nowhere), port: target.port },
    }
}

#[cfg(test)]
mod tests;
