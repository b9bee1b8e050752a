//! gRPC and gRPC-Web: the length-prefixed messages of an HTTP body.

use crate::bytes::{Buffer, Malformed, Match};
use crate::message::hpack::decoder::stretch;
use crate::message::http::assembly::Assembly;
use crate::message::http::route;
use crate::message::{Dissector, Peek, Protocol, Sink};
use crate::model::budget::PART_PIECE;
use crate::model::origin::Origins;
use crate::model::stream::{Direction, Ending, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use data_encoding::BASE64;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol { name: "grpc", about: "gRPC and gRPC-Web", probe, start, samples: &[] };

fn probe(peek: &Peek<'_>) -> Match {
    let spoken = peek.meta.hint.as_deref().is_some_and(|hint| hint == "grpc" || hint.starts_with("grpc;"));
    if spoken { Match::Certain } else { Match::No }
}

fn start(meta: &StreamMeta) -> Box<dyn Dissector> {
    let hint = meta.hint.as_deref().unwrap_or_default();
    let parameter = |name| route::hint_parameter(hint, name).unwrap_or_default();
    let declared = parameter("type");
    let format = declared.split_once('+').map_or("proto", |(_, format)| format);
    let encoding = parameter("encoding");
    Box::new(Grpc {
        buffer: Buffer::new(PART_PIECE),
        text: declared.starts_with("application/grpc-web-text").then(|| (Vec::new(), Origins::new())),
        content_type: format!("application/grpc+{format}"),
        encoding: (!matches!(encoding, "" | "identity")).then(|| encoding.to_owned()),
        label: parameter("label").to_owned(),
        host: meta.host.clone(),
        direction: Direction::ToServer,
        current: None,
        left: 0,
        damaged: false,
        at: meta.at,
    })
}

struct Grpc {
    buffer: Buffer,
    /// Base64 digits that do not make up a group yet, where the body is text.
    text: Option<(Vec<u8>, Origins)>,
    content_type: String,
    encoding: Option<String>,
    label: String,
    host: Option<String>,
    direction: Direction,
    current: Option<Assembly>,
    left: u64,
    /// Bytes of the current message are lost.
    damaged: bool,
    at: Timestamp,
}

impl Grpc {
    fn feed(&mut self, bytes: &[u8], origins: &Origins, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let Some((mut digits, mut frames)) = self.text.take() else { return self.push(bytes, origins, sink) };
        digits.extend_from_slice(bytes);
        frames.append(origins);
        let whole = digits.len() / 4 * 4;
        let mut at = 0_usize;
        // Group by group: senders put padded pieces one behind the other.
        for group in digits.get(..whole).unwrap_or_default().chunks(4) {
            let decoded = BASE64.decode(group).map_err(|_| Malformed::Illegal("base64 of gRPC-Web text"))?;
            let carried = stretch(&frames.slice(at, at.saturating_add(4)), 4, decoded.len());
            self.push(&decoded, &carried, sink)?;
            at = at.saturating_add(4);
        }
        self.text = Some((digits.split_off(whole), frames.slice(whole, usize::MAX)));
        Ok(())
    }

    fn push(&mut self, bytes: &[u8], origins: &Origins, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        let mut from = 0_usize;
        for piece in bytes.chunks(PART_PIECE / 2) {
            let to = from.saturating_add(piece.len());
            self.buffer.push(piece, &origins.slice(from, to))?;
            from = to;
            while self.step(sink)? {}
        }
        Ok(())
    }

    fn step(&mut self, sink: &mut Sink<'_>) -> Result<bool, Malformed> {
        if let Some(current) = &mut self.current {
            let take = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.buffer.len());
            let bytes = self.buffer.bytes().get(..take).unwrap_or_default();
            current.body(bytes, &self.buffer.origins(0, take), self.at, sink);
            self.buffer.consume(take);
            self.left = self.left.saturating_sub(take as u64);
            if self.left == 0 {
                self.finish(sink);
                return Ok(true);
            }
            return Ok(false);
        }
        let Some([flags, a, b, c, d]) = self.buffer.bytes().first_chunk::<5>().copied() else { return Ok(false) };
        if flags & !0x81 != 0 {
            return Err(Malformed::Illegal("gRPC message flags"));
        }
        self.left = u64::from(u32::from_be_bytes([a, b, c, d]));
        self.buffer.consume(5);
        let trailers = flags & 0x80 != 0;
        let what = if trailers { "trailers" } else { "message" };
        let label = format!("{} {what}", self.label).trim_start().to_owned();
        let mut current = Assembly::new(self.direction, label, self.host.clone(), Vec::new());
        let encodings = if flags & 1 == 0 { Vec::new() } else { self.encoding.iter().cloned().collect() };
        current.declare((!trailers).then(|| self.content_type.clone()), encodings);
        self.current = Some(current);
        Ok(true)
    }

    fn finish(&mut self, sink: &mut Sink<'_>) {
        if let Some(mut current) = self.current.take() {
            if self.damaged {
                current.damaged();
            }
            current.finish(self.at, sink);
        }
        self.damaged = false;
    }
}

impl Dissector for Grpc {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) => {
                (self.direction, self.at) = (chunk.direction, chunk.at);
                self.feed(chunk.bytes, &chunk.origins, sink)?;
            }
            StreamEvent::Gap { at, len, .. } => {
                self.at = at;
                self.damaged = true;
                let inside = self.current.is_some() && len > 0 && len <= self.left && self.text.is_none();
                let Some(current) = self.current.as_mut().filter(|_| inside) else {
                    self.finish(sink);
                    return Err(Malformed::Short("gRPC message"));
                };
                current.hole(len, at, sink);
                self.left = self.left.saturating_sub(len);
                if self.left == 0 {
                    self.finish(sink);
                }
            }
            StreamEvent::End { .. } => {}
            StreamEvent::Close { at, how } => {
                self.at = at;
                let midway = self.current.is_some() || !self.buffer.is_empty();
                self.damaged = true;
                self.finish(sink);
                if midway && how == Ending::Clean {
                    return Err(Malformed::Short("gRPC message"));
                }
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.buffer.len().saturating_add(self.current.as_ref().map_or(0, Assembly::held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::harness::{Ev, Heard, meta, play, up};
    use crate::message::protocol::http1;

    fn post(content_type: &str, body: &[u8], size: usize) -> Heard {
        let head = format!(
            "POST /pkg.Svc/Do HTTP/1.1\r\nHost: h\r\nContent-Type: {content_type}\r\ngrpc-encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut events = vec![up(head)];
        events.extend(body.chunks(size).map(up));
        events.push(Ev::Close(Ending::Clean));
        play(&http1::PROTOCOL, &meta(), 1 << 20, &events)
    }

    #[test]
    fn messages_are_unframed_however_they_are_cut() {
        let body = b"\0\0\0\0\x03one\0\0\0\0\0\x01\0\0\0\x03two\x80\0\0\0\x10grpc-status: 0\r\n";
        let text: String = [&body[..7], &body[7..]].map(|piece| BASE64.encode(piece)).concat();
        for size in [1, 3, 8, 1_000] {
            for (content_type, body) in
                [("application/grpc-web+proto", &body[..]), ("application/grpc-web-text", text.as_bytes())]
            {
                let heard = post(content_type, body, size);
                assert_eq!(
                    heard.lines()[1..],
                    [
                        "> grpc POST h/pkg.Svc/Do message | body=one",
                        "> grpc POST h/pkg.Svc/Do message",
                        "> grpc POST h/pkg.Svc/Do message | body=two [\"gzip\"]",
                        "> grpc POST h/pkg.Svc/Do trailers | body=grpc-status: 0\\r\\n",
                    ]
                );
                let part = &heard.messages[1].1.parts[0];
                assert_eq!(part.content_type.as_deref(), Some("application/grpc+proto"));
            }
        }
    }

    #[test]
    fn what_is_cut_is_not_whole() {
        let heard = post("application/grpc", b"\0\0\0\0\x09one", 100);
        assert_eq!(heard.lines()[1], "> grpc POST h/pkg.Svc/Do message (not whole) | body=one cut");
        assert!(post("application/grpc", b"\x07\0\0\0\x01x", 100).lines().len() == 1);
    }
}
