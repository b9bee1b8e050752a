//! One request and its response on a multiplexed connection (HTTP/2, HTTP/3): header lists and data in, messages out.

use crate::message::Sink;
use crate::message::hpack::decoder::stretch;
use crate::message::http::assembly::Assembly;
use crate::message::http::{names, route};
use crate::message::sink::{Child, ChildId};
use crate::model::flow::Blind;
use crate::model::message::{Part, PartKind};
use crate::model::origin::Origins;
use crate::model::stream::{Direction, Ending, Layer, Lost, StreamMeta};
use crate::model::time::Timestamp;

/// Bytes held of a tunnel that the server has not accepted yet.
const EARLY_BYTES: usize = 256 << 10;

/// One header of a decoded list; `None` where it refers to what was not captured.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// Lower-case name.
    pub name: Option<String>,
    /// The value.
    pub value: Option<Vec<u8>>,
    /// The frames that carried it: as many bytes as the value has.
    pub origins: Origins,
}

/// Where an exchange happens.
#[derive(Debug)]
pub struct Place<'a> {
    /// The connection.
    pub meta: &'a StreamMeta,
    /// Name of the layer that child streams are inside of: `http2`.
    pub layer: &'static str,
    /// The last child stream that was opened.
    pub children: &'a mut ChildId,
    /// The last host that was told.
    pub told: &'a mut Option<String>,
    /// When.
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Stage {
    #[default]
    Idle,
    Body,
    Done,
}

#[derive(Debug, Default)]
struct Half {
    stage: Stage,
    assembly: Option<Assembly>,
    child: Option<ChildId>,
}

/// A tunnel that is asked for.
#[derive(Clone, Debug)]
struct Wanted {
    /// What the request says is spoken inside (RFC 8441), if it does.
    spoken: Option<String>,
}

/// A request and its response.
#[derive(Debug, Default)]
pub struct Exchange {
    request: Half,
    response: Half,
    label: Option<String>,
    host: Option<String>,
    /// The request asks for a tunnel, which is not answered yet.
    tunnel: Option<Wanted>,
    /// The tunnel is there.
    opened: Option<ChildId>,
    early: Vec<(Vec<u8>, Origins)>,
}

impl Exchange {
    /// An exchange whose request went by elsewhere (an upgrade).
    pub fn requested(label: String, host: Option<String>) -> Self {
        let request = Half { stage: Stage::Done, ..Half::default() };
        Self { request, label: Some(label), host, ..Self::default() }
    }

    const fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::ToServer => &mut self.request,
            Direction::ToClient => &mut self.response,
        }
    }

    /// Whether its request was seen.
    pub fn has_request(&self) -> bool {
        self.request.stage != Stage::Idle
    }

    /// Whether both directions have ended.
    pub fn is_done(&self) -> bool {
        self.request.stage == Stage::Done && self.response.stage == Stage::Done
    }

    /// Whether the request is whole and nothing of the response has come.
    pub fn is_unanswered(&self) -> bool {
        self.request.stage == Stage::Done && self.response.stage == Stage::Idle
    }

    /// Bytes of unfinished messages held.
    pub fn held(&self) -> usize {
        let body = |half: &Half| half.assembly.as_ref().map_or(0, Assembly::held);
        let early: usize = self.early.iter().map(|(bytes, _)| bytes.len()).sum();
        body(&self.request).saturating_add(body(&self.response)).saturating_add(early)
    }

    /// A header list: a head, or trailers.
    pub fn headers(&mut self, direction: Direction, list: &[Header], place: &mut Place<'_>, sink: &mut Sink<'_>) {
        let status = pseudo(list, ":status");
        if status.is_none() && pseudo(list, ":method").is_none() && self.half(direction).stage == Stage::Body {
            let half = self.half(direction);
            let mut loose = fragment(direction);
            let current = half.assembly.as_mut().unwrap_or(&mut loose);
            for part in fields(list) {
                current.trailer(part);
            }
            if half.assembly.is_none() {
                half.assembly = Some(loose);
            }
            return;
        }
        if direction == Direction::ToServer {
            self.request(direction, list, "", place, sink);
        } else {
            self.response(status, list, place, sink);
        }
    }

    /// A request that the server promises to answer unasked.
    pub fn promise(&mut self, list: &[Header], place: &mut Place<'_>, sink: &mut Sink<'_>) {
        self.request(Direction::ToClient, list, "push ", place, sink);
    }

    fn request(
        &mut self,
        direction: Direction,
        list: &[Header],
        prefix: &str,
        place: &mut Place<'_>,
        sink: &mut Sink<'_>,
    ) {
        let method = text(pseudo(list, ":method")).unwrap_or_else(|| "?".to_owned());
        let authority = text(pseudo(list, ":authority")).or_else(|| text(value(list, "host")));
        let host = authority.as_deref().and_then(names::host_of);
        if let Some(host) = &host
            && place.told.as_ref() != Some(host)
        {
            sink.host(host.clone(), "authority");
            *place.told = Some(host.clone());
        }
        let server = host.clone().or_else(|| place.meta.host.clone());
        let server = server.unwrap_or_else(|| place.meta.flow.server.ip.to_string());
        let mut parts = Vec::with_capacity(list.len().saturating_add(1));
        let mut shown: &[u8] = b"";
        let mut asked = None;
        if let Some(Header { value: Some(target), origins, .. }) = header(list, ":path") {
            let mark = memchr::memchr(b'?', target);
            let (path, query) = target.split_at_checked(mark.unwrap_or(target.len())).unwrap_or_default();
            shown = path;
            parts.push(Part::new(PartKind::Path, path.to_vec(), origins.slice(0, path.len())));
            if let Some(query) = query.strip_prefix(b"?") {
                let from = path.len().saturating_add(1);
                asked = route::dns_query(query).map(|(message, digits)| {
                    let (start, end) = (from.saturating_add(digits.start), from.saturating_add(digits.end));
                    let carried = stretch(&origins.slice(start, end), digits.len(), message.len());
                    (message, carried)
                });
                parts.push(Part::new(PartKind::Query, query.to_vec(), origins.slice(from, target.len())));
            }
        }
        let label = format!("{prefix}{}", names::request_label(&method, &server, shown));
        parts.extend(fields(list));
        self.tunnel =
            method.eq_ignore_ascii_case("CONNECT").then(|| Wanted { spoken: text(pseudo(list, ":protocol")) });
        self.label = Some(label.strip_prefix("push ").unwrap_or(&label).to_owned());
        self.host.clone_from(&host);
        let assembly = Assembly::new(direction, label.clone(), host, parts);
        if prefix.is_empty() {
            self.begin(direction, assembly, list, &label, place, sink);
            if let Some((message, carried)) = asked {
                let child = open(Some(route::DNS_MESSAGE.to_owned()), self.host.clone(), place, sink);
                sink.data(child, direction, place.at, message, carried);
                sink.close(child, place.at, Ending::Clean);
            }
        } else {
            self.request.stage = Stage::Done;
            assembly.finish(place.at, sink);
        }
    }

    fn response(&mut self, status: Option<&Header>, list: &[Header], place: &mut Place<'_>, sink: &mut Sink<'_>) {
        let status = status.and_then(|status| status.value.as_deref());
        let code = status.and_then(|status| std::str::from_utf8(status).ok()?.parse::<u16>().ok());
        let label = match code {
            Some(code) => names::response_label(code, self.label.as_deref()),
            None => format!("? {}", self.label.as_deref().unwrap_or_default()).trim_end().to_owned(),
        };
        let parts = fields(list).collect();
        let assembly = Assembly::new(Direction::ToClient, label.clone(), self.host.clone(), parts);
        if code.is_some_and(|code| (100..200).contains(&code)) {
            assembly.finish(place.at, sink);
            return;
        }
        let Some(Wanted { spoken }) = self.tunnel.clone() else {
            self.begin(Direction::ToClient, assembly, list, &label, place, sink);
            return;
        };
        let accepted = code.is_none_or(|code| (200..300).contains(&code));
        self.begin(Direction::ToClient, assembly, list, &label, place, sink);
        if accepted {
            let extensions = list.iter().filter(|h| h.name.as_deref() == Some("sec-websocket-extensions"));
            let extensions: Vec<String> = extensions.filter_map(|h| text(Some(h))).collect();
            let hint = spoken.map(|spoken| {
                let spoken = spoken.to_ascii_lowercase();
                if extensions.is_empty() { spoken } else { format!("{spoken}; {}", extensions.join(", ")) }
            });
            let child = open(hint, self.host.clone(), place, sink);
            self.opened = Some(child);
            for direction in Direction::BOTH {
                if let Some(head) = self.half(direction).assembly.take() {
                    head.finish(place.at, sink);
                }
            }
            for (bytes, origins) in std::mem::take(&mut self.early) {
                sink.data(child, Direction::ToServer, place.at, bytes, origins);
            }
        } else {
            // No tunnel: what the client said already is a body like any other.
            for (bytes, origins) in std::mem::take(&mut self.early) {
                if let Some(current) = &mut self.request.assembly {
                    current.body(&bytes, &origins, place.at, sink);
                }
            }
        }
        self.tunnel = None;
    }

    /// A head is there: its body comes.
    fn begin(
        &mut self,
        direction: Direction,
        mut assembly: Assembly,
        list: &[Header],
        label: &str,
        place: &mut Place<'_>,
        sink: &mut Sink<'_>,
    ) {
        let content_type = value(list, "content-type").and_then(|h| h.value.as_deref()).and_then(names::media_type);
        let encodings: Vec<String> = list
            .iter()
            .filter(|header| header.name.as_deref() == Some("content-encoding"))
            .filter_map(|header| header.value.as_deref())
            .flat_map(names::codings)
            .collect();
        let grpc = text(value(list, "grpc-encoding"));
        let stream = route::body_stream(content_type.as_deref(), &encodings, grpc.as_deref(), label);
        assembly.declare(content_type, encodings);
        let child = stream.map(|hint| {
            assembly.flush(place.at, sink);
            open(Some(hint), self.host.clone(), place, sink)
        });
        let half = self.half(direction);
        if let Some(mut unfinished) = half.assembly.replace(assembly) {
            unfinished.damaged();
            unfinished.finish(place.at, sink);
        }
        if let Some(unfinished) = std::mem::replace(&mut half.child, child) {
            sink.close(unfinished, place.at, Ending::Idle);
        }
        half.stage = Stage::Body;
    }

    /// Data.
    pub fn data(&mut self, direction: Direction, bytes: &[u8], origins: &Origins, at: Timestamp, sink: &mut Sink<'_>) {
        if let Some(child) = self.opened {
            sink.data(child, direction, at, bytes.to_vec(), origins.clone());
            return;
        }
        if self.tunnel.is_some() && direction == Direction::ToServer {
            let early: usize = self.early.iter().map(|(bytes, _)| bytes.len()).sum();
            if early.saturating_add(bytes.len()) <= EARLY_BYTES {
                self.early.push((bytes.to_vec(), origins.clone()));
                return;
            }
            self.spill(at, sink);
        }
        let half = self.half(direction);
        if let Some(child) = half.child {
            sink.data(child, direction, at, bytes.to_vec(), origins.clone());
            return;
        }
        half.stage = Stage::Body;
        half.assembly.get_or_insert_with(|| fragment(direction)).body(bytes, origins, at, sink);
    }

    /// Nobody accepted the tunnel: what was said into it is a body.
    fn spill(&mut self, at: Timestamp, sink: &mut Sink<'_>) {
        self.tunnel = None;
        for (bytes, origins) in std::mem::take(&mut self.early) {
            self.data(Direction::ToServer, &bytes, &origins, at, sink);
        }
    }

    /// One direction ended properly.
    pub fn end(&mut self, direction: Direction, at: Timestamp, sink: &mut Sink<'_>) {
        if let Some(child) = self.opened {
            sink.end(child, direction, at);
        } else if self.tunnel.is_some() && direction == Direction::ToServer && !self.early.is_empty() {
            self.spill(at, sink);
        }
        let half = self.half(direction);
        if let Some(current) = half.assembly.take() {
            current.finish(at, sink);
        }
        if let Some(child) = half.child.take() {
            sink.end(child, direction, at);
            sink.close(child, at, Ending::Clean);
        }
        half.stage = Stage::Done;
        if let Some(child) = self.opened
            && self.is_done()
        {
            sink.close(child, at, Ending::Clean);
            self.opened = None;
        }
    }

    /// Data is lost; `len` 0 where not known.
    pub fn hole(&mut self, direction: Direction, len: u64, why: Lost, at: Timestamp, sink: &mut Sink<'_>) {
        if let Some(child) = self.opened {
            sink.gap(child, direction, at, len, why);
        }
        let half = self.half(direction);
        if let Some(child) = half.child {
            sink.gap(child, direction, at, len, why);
        }
        if let Some(current) = &mut half.assembly {
            current.hole(len, at, sink);
        }
    }

    /// The exchange is over before its end. Says in which directions it was cut.
    pub fn cut(&mut self, how: Ending, at: Timestamp, sink: &mut Sink<'_>) -> [bool; 2] {
        if self.tunnel.is_some() && !self.early.is_empty() {
            self.spill(at, sink);
        }
        if let Some(child) = self.opened.take() {
            sink.close(child, at, how);
            return [false; 2];
        }
        Direction::BOTH.map(|direction| {
            let half = self.half(direction);
            let cut = half.stage == Stage::Body;
            if let Some(mut current) = half.assembly.take() {
                // A peer that resets says all it ever said: nothing of that is missing.
                if how == Ending::Reset {
                    current.interrupted();
                } else {
                    current.damaged();
                }
                current.finish(at, sink);
            }
            if let Some(child) = half.child.take() {
                sink.close(child, at, how);
            }
            half.stage = Stage::Done;
            cut
        })
    }
}

/// Tells what a block did not say.
pub fn tell_block(list: &[Header], skipped: usize, direction: Direction, sink: &mut Sink<'_>) {
    if list.iter().any(|header| header.name.is_none() || header.value.is_none()) {
        sink.blind(Blind::Lost, direction, 0, "header compression state not captured");
    }
    if skipped > 0 {
        sink.blind(Blind::Budget, direction, 0, "headers over their budget");
    }
}

fn open(hint: Option<String>, host: Option<String>, place: &mut Place<'_>, sink: &mut Sink<'_>) -> ChildId {
    *place.children = place.children.saturating_add(1);
    let layer = Layer { name: place.layer.to_owned(), secure: false, opened: false };
    sink.open(*place.children, Child { layer, datagrams: false, hint, host, from_start: true });
    *place.children
}

/// A message whose head is not there.
fn fragment(direction: Direction) -> Assembly {
    let mut fragment = Assembly::new(direction, "fragment".to_owned(), None, Vec::new());
    fragment.damaged();
    fragment
}

fn header<'h>(list: &'h [Header], name: &str) -> Option<&'h Header> {
    list.iter().find(|header| header.name.as_deref() == Some(name))
}

fn pseudo<'h>(list: &'h [Header], name: &str) -> Option<&'h Header> {
    header(list, name)
}

fn value<'h>(list: &'h [Header], name: &str) -> Option<&'h Header> {
    header(list, name)
}

fn text(header: Option<&Header>) -> Option<String> {
    Some(String::from_utf8_lossy(header?.value.as_deref()?).into_owned())
}

/// The header parts of a list: without what the start line of HTTP/1 says, and crumbs of cookies put together again
/// (RFC 9113 section 8.2.3).
fn fields(list: &[Header]) -> impl Iterator<Item = Part> {
    let mut parts: Vec<Part> = Vec::with_capacity(list.len());
    let mut cookie: Option<usize> = None;
    for header in list {
        let name = header.name.as_deref().unwrap_or("unknown");
        let said = header.value.as_deref().and_then(|value| std::str::from_utf8(value).ok());
        // What the start line says, unless it is somebody's own word.
        let usual = match name {
            ":path" => true,
            ":method" => header.value.is_none() || said.is_some_and(names::is_known_method),
            ":scheme" => header.value.is_none() || matches!(said, Some("https" | "http" | "wss" | "ws")),
            ":status" => header.value.as_ref().is_none_or(|value| value.len() == 3),
            ":protocol" => header.value.is_none() || matches!(said, Some("websocket" | "connect-udp" | "connect-ip")),
            _ => false,
        };
        if usual {
            continue;
        }
        let bytes = header.value.clone().unwrap_or_default();
        if name == "cookie" {
            if let Some(known) = cookie.and_then(|index| parts.get_mut(index)) {
                known.bytes.extend_from_slice(b"; ");
                let glue = header.origins.first().or_else(|| known.origins.first());
                known.origins.push(2, glue.unwrap_or_default());
                known.bytes.extend_from_slice(&bytes);
                known.origins.append(&header.origins);
                continue;
            }
            cookie = Some(parts.len());
        }
        let whole = header.name.is_some() && header.value.is_some();
        parts.push(Part { whole, ..Part::header(name, bytes, header.origins.clone()) });
    }
    parts.into_iter()
}
