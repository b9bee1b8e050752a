//! How messages begin: a head is read, and says what its body is and how it ends.

use super::framing::{framing, upgrade_hint, value, values};
use super::{Framing, Http1, Pending, State, TUNNEL};
use crate::message::Sink;
use crate::message::hpack::decoder::stretch;
use crate::message::http::assembly::Assembly;
use crate::message::http::head::{self, Field, Head, Start};
use crate::message::http::names::{self, Target};
use crate::message::http::route;
use crate::message::sink::Child;
use crate::model::budget::PIPELINED;
use crate::model::flow::Blind;
use crate::model::message::{Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Direction, Ending, Layer};

impl Http1 {
    /// Reads the head at the front; `false` when it is not all there.
    pub(super) fn head(&mut self, direction: Direction, sink: &mut Sink<'_>) -> bool {
        let side = self.side(direction);
        let held = side.buffer.bytes();
        let blank = held.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        if blank > 0 {
            side.consume(blank);
            sink.wire(Opacity::Plaintext, blank as u64);
            return true;
        }
        if side.scanned == 0 && head::may_start(held) == Some(false) {
            self.lose(direction, Blind::Malformed, "not an HTTP/1 start line", sink);
            return true;
        }
        match head::end(held, side.scanned) {
            Err(from) => {
                // The first line is judged again until it is there.
                side.scanned = if memchr::memchr(b'\n', held).is_some() { from } else { 0 };
                false
            }
            Ok(end) => {
                let read = head::read(held.get(..end).unwrap_or_default());
                let origins = side.buffer.origins(0, end);
                match read {
                    Ok(head) => {
                        let bytes = held.get(..end).unwrap_or_default().to_vec();
                        side.consume(end);
                        sink.wire(Opacity::Plaintext, end as u64);
                        if head.skipped > 0 {
                            sink.blind(Blind::Budget, direction, 0, "headers over their budget");
                        }
                        match head.start {
                            Start::Request { .. } => self.request(direction, &bytes, &head, &origins, sink),
                            Start::Status { code } => self.response(direction, code, &bytes, &head, &origins, sink),
                        }
                    }
                    Err(_) => self.lose(direction, Blind::Malformed, "not an HTTP/1 head", sink),
                }
                true
            }
        }
    }

    fn request(&mut self, direction: Direction, bytes: &[u8], head: &Head, origins: &Origins, sink: &mut Sink<'_>) {
        let Start::Request { method, target: range } = &head.start else { return };
        let raw = bytes.get(range.clone()).unwrap_or_default();
        let connect = method.eq_ignore_ascii_case("CONNECT");
        let target = if connect {
            Target { authority: Some(0..raw.len()), path: raw.len()..raw.len(), query: None }
        } else {
            Target::of(raw)
        };
        let part = |kind: PartKind, piece: &std::ops::Range<usize>| {
            let from = range.start.saturating_add(piece.start);
            let to = range.start.saturating_add(piece.end);
            Part::new(kind, raw.get(piece.clone()).unwrap_or_default().to_vec(), origins.slice(from, to))
        };
        let mut parts = Vec::with_capacity(head.fields.len().saturating_add(3));
        if !names::is_known_method(method) {
            parts.push(Part::header(":method", method.clone().into_bytes(), origins.slice(0, method.len())));
        }
        if let Some(authority) = &target.authority {
            parts.push(Part { name: ":authority".to_owned(), ..part(PartKind::Header, authority) });
        }
        if !target.path.is_empty() {
            parts.push(part(PartKind::Path, &target.path));
        }
        if let Some(query) = &target.query {
            parts.push(part(PartKind::Query, query));
        }
        let authority = match &target.authority {
            Some(authority) => raw.get(authority.clone()),
            None => value(&head.fields, "host"),
        };
        let host = authority.and_then(|authority| names::host_of(&String::from_utf8_lossy(authority)));
        if let Some(host) = &host
            && self.host.as_ref() != Some(host)
        {
            sink.host(host.clone(), "authority");
            self.host = Some(host.clone());
        }
        let server = host.clone().or_else(|| self.meta.host.clone());
        let server = server.unwrap_or_else(|| self.meta.flow.server.ip.to_string());
        let path = raw.get(target.path.clone()).unwrap_or_default();
        let label = names::request_label(method, &server, path);
        parts.extend(head.fields.iter().map(|field| header(field, origins)));
        let switches = connect || value(&head.fields, "upgrade").is_some_and(|upgrade| !upgrade.is_empty());
        if self.pending.len() >= PIPELINED {
            self.pending.pop_front();
        }
        let framing = if connect { Framing::None } else { framing(&head.fields, None, direction, sink) };
        self.pending.push_back(Pending { method: method.clone(), label: label.clone(), host: host.clone(), switches });
        self.side(direction).switches = switches && !self.meta.datagrams;
        let assembly = Assembly::new(direction, label.clone(), host, parts);
        self.begin(direction, assembly, framing, &head.fields, &label, sink);
        let query = target.query.clone().unwrap_or_default();
        if let Some((message, digits)) = raw.get(query.clone()).and_then(route::dns_query) {
            let at = self.side(direction).at;
            let from = range.start.saturating_add(query.start);
            let carried = origins.slice(from.saturating_add(digits.start), from.saturating_add(digits.end));
            let carried = stretch(&carried, digits.len(), message.len());
            self.children = self.children.saturating_add(1);
            let layer = Layer { name: "http1".to_owned(), secure: false, opened: false };
            let hint = Some(route::DNS_MESSAGE.to_owned());
            let host = self.meta.host.clone().or_else(|| self.host.clone());
            sink.open(self.children, Child { layer, datagrams: false, hint, host, from_start: true });
            sink.data(self.children, direction, at, message, carried);
            sink.close(self.children, at, Ending::Clean);
        }
    }

    fn response(
        &mut self,
        direction: Direction,
        code: u16,
        bytes: &[u8],
        head: &Head,
        origins: &Origins,
        sink: &mut Sink<'_>,
    ) {
        let interim = (100..200).contains(&code) && code != 101;
        if self.desync && !interim && self.pending.len() > 1 && !self.meta.datagrams {
            // Something is missing. Hardly anyone pipelines: the last request is the one this answers.
            self.pending.drain(..self.pending.len().saturating_sub(1));
        }
        let popped = if interim { None } else { self.pending.pop_front() };
        let request = if interim { self.pending.front() } else { popped.as_ref() };
        let label = names::response_label(code, request.map(|request| request.label.as_str()));
        let host = request.and_then(|request| request.host.clone());
        let method = request.map(|request| request.method.as_str());
        let connected = method.is_some_and(|m| m.eq_ignore_ascii_case("CONNECT")) && (200..300).contains(&code);
        let tunnels = connected || code == 101;
        let bodiless = interim
            || tunnels
            || matches!(code, 204 | 304)
            || method.is_some_and(|method| method.eq_ignore_ascii_case("HEAD"));
        let framing = if bodiless { Framing::None } else { framing(&head.fields, Some(code), direction, sink) };
        let reason = head::reason(bytes, code).map(|at| {
            let carried = origins.slice(at.start, at.end);
            Part::header(":reason", bytes.get(at).unwrap_or_default().to_vec(), carried)
        });
        let parts = reason.into_iter().chain(head.fields.iter().map(|field| header(field, origins))).collect();
        let assembly = Assembly::new(direction, label.clone(), host.clone(), parts);
        self.begin(direction, assembly, framing, &head.fields, &label, sink);
        if tunnels {
            let hint = if connected { None } else { upgrade_hint(&head.fields, request_label(popped.as_ref())) };
            self.tunnel(hint, host, sink);
        } else if popped.is_some_and(|request| request.switches) {
            let other = self.side(direction.reverse());
            other.switches = false;
            if other.state == State::Hold {
                other.state = State::Head;
            }
        }
    }

    /// From here on both directions belong to a child stream, each behind the message it is in.
    pub(super) fn tunnel(&mut self, hint: Option<String>, host: Option<String>, sink: &mut Sink<'_>) {
        if self.upgraded {
            return;
        }
        self.upgraded = true;
        let layer = Layer { name: "http1".to_owned(), secure: false, opened: false };
        let host = host.or_else(|| self.meta.host.clone());
        sink.open(TUNNEL, Child { layer, datagrams: false, hint, host, from_start: true });
        for direction in Direction::BOTH {
            let side = self.side(direction);
            if matches!(side.state, State::Head | State::Hold | State::Lost) {
                side.state = State::Tunnel;
            }
        }
    }

    /// A head is read: its body comes.
    fn begin(
        &mut self,
        direction: Direction,
        mut assembly: Assembly,
        framing: Framing,
        fields: &[Field],
        label: &str,
        sink: &mut Sink<'_>,
    ) {
        let content_type = value(fields, "content-type").and_then(names::media_type);
        let mut encodings: Vec<String> = values(fields, "content-encoding").flat_map(names::codings).collect();
        encodings.extend(values(fields, "transfer-encoding").flat_map(names::codings).filter(|c| c != "chunked"));
        let grpc = value(fields, "grpc-encoding").map(|value| String::from_utf8_lossy(value).into_owned());
        let stream = route::body_stream(content_type.as_deref(), &encodings, grpc.as_deref(), label);
        assembly.declare(content_type, encodings);
        let host = self.meta.host.clone().or_else(|| self.host.clone());
        let at = self.side(direction).at;
        if let Some(hint) = stream.filter(|_| framing != Framing::None) {
            self.children = self.children.saturating_add(1);
            let child = self.children;
            let layer = Layer { name: "http1".to_owned(), secure: false, opened: false };
            assembly.flush(at, sink);
            sink.open(child, Child { layer, datagrams: false, hint: Some(hint), host, from_start: true });
            self.side(direction).child = Some(child);
        }
        let side = self.side(direction);
        side.extensions = 0;
        side.current = Some(assembly);
        side.state = match framing {
            Framing::None | Framing::Length(0) => return self.finish(direction, sink),
            Framing::Length(len) => State::Length(len),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
        };
    }
}

fn request_label(request: Option<&Pending>) -> &str {
    request.map_or("", |request| request.label.as_str())
}

/// A field of a head or of trailers, with the bytes that it came from.
pub(super) fn header(field: &Field, head: &Origins) -> Part {
    let mut origins = Origins::new();
    for span in &field.spans {
        origins.append(&head.slice(span.start, span.end));
    }
    Part::header(field.name.clone(), field.value.clone(), origins)
}
