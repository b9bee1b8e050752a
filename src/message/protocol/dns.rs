//! DNS over UDP and TCP (RFC 1035), and what is spelled like it (mDNS, LLMNR). Names carry data: they are parts.

mod wire;

use crate::bytes::{Buffer, Cursor, Malformed, Match};
use crate::message::http::route;
use crate::message::sink::Draft;
use crate::message::{Dissector, Peek, Protocol, Sample, Sink};
use crate::model::flow::Blind;
use crate::model::message::{Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::origin::Origins;
use crate::model::stream::{Direction, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use wire::{A, AAAA, CNAME, HEADER, Header, MX, Message, Name, OPT, PTR, SRV, TXT, code_name, kind_name, name};

/// The registry entry.
pub static PROTOCOL: Protocol =
    Protocol { name: "dns", about: "DNS over UDP, TCP, TLS and HTTPS, multicast DNS", probe, start, samples: SAMPLES };

const SAMPLES: &[Sample] = &[Sample {
    name: "an address over TCP",
    to_server: b"\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03api\x07example\x00\x00\x01\x00\x01",
    to_client: b"\x00\x2d\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03api\x07example\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x07",
    shows: "api.example",
}];

fn is_bare(meta: &StreamMeta) -> bool {
    meta.hint.as_deref().is_some_and(|hint| hint.split(';').next() == Some(route::DNS_MESSAGE))
}

fn probe(peek: &Peek<'_>) -> Match {
    if is_bare(peek.meta) {
        return Match::Certain;
    }
    let bytes = if peek.to_server.is_empty() { peek.to_client } else { peek.to_server };
    if peek.meta.datagrams {
        return if strict(bytes) { Match::Certain } else { Match::No };
    }
    if peek.to_server.is_empty() {
        return if bytes.is_empty() { Match::NeedMore } else { Match::No };
    }
    let mut cursor = Cursor::new(bytes);
    let Ok(len) = cursor.u16("length") else { return Match::NeedMore };
    let rest = cursor.rest();
    if usize::from(len) < HEADER + 5 || rest.get(2).is_some_and(|flags| flags & 0x78 > 0x28) {
        return Match::No;
    }
    match Header::read(rest) {
        Ok(header) if !header.is_plausible() || header.questions != 1 => Match::No,
        Err(_) => Match::NeedMore,
        Ok(_) => match rest.get(..usize::from(len)) {
            Some(message) if strict(message) => Match::Certain,
            Some(_) => Match::No,
            // A message is small: nobody waits for more than a first query.
            None if len > 2_048 => Match::No,
            None => Match::NeedMore,
        },
    }
}

/// Names followed from one to the next: resolvers give up before (RFC 1034 leaves the number open).
const ALIASES: usize = 16;

/// Whether these bytes are a message from the first to the last, and say only what messages say.
fn strict(bytes: &[u8]) -> bool {
    let Ok(message) = Message::read(bytes) else { return false };
    let internet = |class: u16| matches!(class & 0x7fff, 1 | 3 | 4 | 254 | 255);
    let named = message.questions.iter().all(|question| internet(question.class) && question.kind != 0);
    let recorded = message.records.iter().all(|record| record.kind == OPT || internet(record.class));
    message.header.is_plausible()
        && named
        && recorded
        && (message.header.is_response() || message.header.questions > 0)
        && !(message.questions.is_empty() && message.records.is_empty())
}

fn start(meta: &StreamMeta) -> Box<dyn Dissector> {
    Box::new(Dns {
        datagrams: meta.datagrams,
        bare: is_bare(meta),
        up: Buffer::new(2 << 16),
        down: Buffer::new(2 << 16),
        ended: [false; 2],
    })
}

struct Dns {
    datagrams: bool,
    /// The whole stream is one message: the body of an HTTP message (RFC 8484).
    bare: bool,
    up: Buffer,
    down: Buffer,
    ended: [bool; 2],
}

impl Dns {
    const fn buffer(&mut self, direction: Direction) -> &mut Buffer {
        match direction {
            Direction::ToServer => &mut self.up,
            Direction::ToClient => &mut self.down,
        }
    }

    fn end(&mut self, direction: Direction, sink: &mut Sink<'_>) {
        let ended = std::mem::replace(direction.of_mut(&mut self.ended), true);
        let left = self.buffer(direction).len() as u64;
        if !ended && left > 0 {
            sink.blind(Blind::Truncated, direction, left, "it ended in the middle of a DNS message");
        }
    }
}

/// Emits one message.
fn emit(
    bytes: &[u8],
    origins: &Origins,
    direction: Direction,
    at: Timestamp,
    sink: &mut Sink<'_>,
) -> Result<(), Malformed> {
    let message = Message::read(bytes)?;
    let mut parts = Vec::new();
    let mut add = |name: &Name| {
        if name.labels.is_empty() {
            return;
        }
        parts.push(name.part(PartKind::Path, b".", origins));
        if name.labels.len() > 2 {
            // Data too long for one label goes on in the next.
            parts.push(name.part(PartKind::Path, b"", origins));
        }
    };
    for question in &message.questions {
        add(&question.name);
    }
    let asked = message.questions.first();
    for record in &message.records {
        let known = asked.is_some_and(|asked| asked.name.labels == record.name.labels);
        if !known && record.kind != OPT {
            add(&record.name);
        }
        let mut data = Cursor::new(bytes);
        data.take(record.data.start, "record")?;
        match record.kind {
            PTR | CNAME => add(&name(bytes, &mut data)?),
            SRV | MX => {
                data.take(if record.kind == SRV { 6 } else { 2 }, "record")?;
                add(&name(bytes, &mut data)?);
            }
            _ => {}
        }
    }
    for record in &message.records {
        let data = bytes.get(record.data.clone()).unwrap_or_default();
        let frames = origins.slice(record.data.start, record.data.end);
        match record.kind {
            A | AAAA => {
                let ip = match (<[u8; 4]>::try_from(data), <[u8; 16]>::try_from(data)) {
                    (Ok(ip), _) => IpAddr::V4(Ipv4Addr::from(ip)),
                    (_, Ok(ip)) => IpAddr::V6(Ipv6Addr::from(ip)),
                    _ => continue,
                };
                if message.header.is_response() {
                    // Behind aliases, what was asked for is the name that people know.
                    let name = asked.map_or(&record.name, |asked| &asked.name).text();
                    let others = aliases(bytes, &message, &name);
                    if !others.is_empty() {
                        sink.alias(name.clone(), ip, others);
                    }
                    sink.name(ip, name);
                }
            }
            TXT => {
                // Strings of up to 255 bytes, which belong together (RFC 7208 section 3.3).
                let mut strings = Cursor::new(data);
                let (mut text, mut carried) = (Vec::new(), Origins::new());
                while let Ok(len) = strings.u8("text") {
                    let from = strings.position();
                    let piece = strings.take(usize::from(len), "text")?;
                    text.extend_from_slice(piece);
                    carried.append(&frames.slice(from, from.saturating_add(piece.len())));
                }
                parts.push(Part::new(PartKind::Body, text, carried));
            }
            PTR | CNAME | SRV | MX => {}
            _ if data.is_empty() => {}
            _ => parts.push(Part::new(PartKind::Body, data.to_vec(), frames)),
        }
    }
    let about = asked.map(|asked| (asked.kind, &asked.name));
    let about = about.or_else(|| message.records.first().map(|record| (record.kind, &record.name)));
    let mut label =
        about.map_or_else(|| "DNS".to_owned(), |(kind, name)| format!("DNS {} {}", kind_name(kind), name.text()));
    if message.header.is_response() {
        label = format!("{} {label}", code_name(message.header.flags & 0x0f));
    }
    sink.message(Draft { direction, at, label, host: None, parts, whole: message.header.flags & 0x0200 == 0 });
    Ok(())
}

/// The names that a name leads to in this message, one after the other (RFC 1034, section 3.6.2).
fn aliases(bytes: &[u8], message: &Message, name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for _ in 0..ALIASES {
        let from = out.last().map_or(name, String::as_str);
        let next = message.records.iter().find(|record| record.kind == CNAME && record.name.text() == from);
        let target = next.and_then(|record| {
            let mut data = Cursor::new(bytes);
            data.take(record.data.start, "record").ok()?;
            wire::name(bytes, &mut data).ok()
        });
        match target.map(|target| target.text()) {
            Some(target) if target != name && !out.contains(&target) => out.push(target),
            _ => break,
        }
    }
    out
}

impl Dissector for Dns {
    fn on_event(&mut self, event: StreamEvent<'_>, sink: &mut Sink<'_>) -> Result<(), Malformed> {
        match event {
            StreamEvent::Data(chunk) if self.datagrams => {
                emit(chunk.bytes, &chunk.origins, chunk.direction, chunk.at, sink)?;
                sink.wire(Opacity::Plaintext, chunk.bytes.len() as u64);
            }
            StreamEvent::Data(chunk) if self.bare => {
                self.buffer(chunk.direction).push(chunk.bytes, &chunk.origins)?;
            }
            StreamEvent::Close { at, .. } if self.bare => {
                for direction in Direction::BOTH {
                    let buffer = self.buffer(direction);
                    let (bytes, origins) = (buffer.bytes().to_vec(), buffer.origins(0, buffer.len()));
                    buffer.consume(bytes.len());
                    if !bytes.is_empty() {
                        emit(&bytes, &origins, direction, at, sink)?;
                    }
                }
            }
            StreamEvent::End { .. } if self.bare => {}
            StreamEvent::Data(chunk) => {
                let mut from = 0_usize;
                for piece in chunk.bytes.chunks(1 << 16) {
                    let to = from.saturating_add(piece.len());
                    let buffer = self.buffer(chunk.direction);
                    buffer.push(piece, &chunk.origins.slice(from, to))?;
                    from = to;
                    loop {
                        let mut cursor = Cursor::new(buffer.bytes());
                        let Ok(mut message) = cursor.sub_u16("DNS message") else { break };
                        let len = message.rest().len();
                        let bytes = message.take(len, "DNS message")?.to_vec();
                        let whole = len.saturating_add(2);
                        let origins = buffer.origins(2, whole);
                        buffer.consume(whole);
                        emit(&bytes, &origins, chunk.direction, chunk.at, sink)?;
                        sink.wire(Opacity::Plaintext, whole as u64);
                    }
                }
            }
            StreamEvent::Gap { direction, len, .. } => {
                sink.blind(Blind::Lost, direction, len, "bytes of a DNS connection");
                if !self.datagrams {
                    // Without its length nothing tells where the next message begins.
                    return Err(Malformed::Short("DNS message"));
                }
            }
            StreamEvent::End { direction, .. } => self.end(direction, sink),
            StreamEvent::Close { .. } => {
                for direction in Direction::BOTH {
                    self.end(direction, sink);
                }
            }
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.up.len().saturating_add(self.down.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::harness::{Ev, down, meta, play, up};
    use crate::model::stream::Ending;
    use proptest::prelude::*;

    fn query() -> &'static [u8] {
        &SAMPLES[0].to_server[2..]
    }

    fn answer() -> &'static [u8] {
        &SAMPLES[0].to_client[2..]
    }

    fn udp() -> StreamMeta {
        StreamMeta { datagrams: true, ..meta() }
    }

    #[test]
    fn questions_and_answers_are_messages_and_names() {
        for (meta, skip) in [(udp(), 2), (meta(), 0)] {
            let heard = play(
                &PROTOCOL,
                &meta,
                1 << 20,
                &[up(&SAMPLES[0].to_server[skip..]), down(&SAMPLES[0].to_client[skip..]), Ev::Close(Ending::Clean)],
            );
            assert_eq!(
                heard.lines(),
                ["> dns DNS A api.example | path=api.example", "< dns NOERROR DNS A api.example | path=api.example"]
            );
            assert_eq!(heard.names, [(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7)), "api.example".to_owned())]);
            assert!(heard.blind.is_empty());
        }
    }

    #[test]
    fn data_in_labels_and_texts_is_joined() {
        let mut bytes = b"\0\x01\x80\0\0\x01\0\x01\0\0\0\0".to_vec();
        bytes.extend_from_slice(
            b"\x05The h\x05eron \x01x\0\0\x10\0\x01\xc0\x0c\0\x10\0\x01\0\0\0\0\0\x0a\x04land\x04s at",
        );
        let heard = play(&PROTOCOL, &udp(), 1 << 20, &[down(&bytes)]);
        assert_eq!(
            heard.lines(),
            ["< dns NOERROR DNS TXT the h.eron .x | path=The h.eron .x | path=The heron x | body=lands at"]
        );
    }

    #[test]
    fn only_dns_is_taken_for_dns() {
        let is = |meta: &StreamMeta, bytes: &[u8]| {
            probe(&Peek {
                meta,
                to_server: bytes,
                to_client: b"",
                waiting: &[],
                secrets: &crate::model::secret::Secrets::default(),
            })
        };
        assert_eq!(is(&udp(), query()), Match::Certain);
        assert_eq!(is(&udp(), answer()), Match::Certain);
        for len in 0..query().len() {
            assert_eq!(is(&udp(), &query()[..len]), Match::No);
        }
        assert_eq!(is(&udp(), &[query(), b"\0"].concat()), Match::No);
        assert_eq!(is(&udp(), &[0; 12]), Match::No);
        let tcp = SAMPLES[0].to_server;
        for len in 0..tcp.len() {
            assert_eq!(is(&meta(), &tcp[..len]), Match::NeedMore);
        }
        assert_eq!(is(&meta(), tcp), Match::Certain);
        for other in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\xaa\xbb\xcc\xdd",
            b"SSH-2.0-OpenSSH_9.2\r\n",
        ] {
            assert_eq!(is(&meta(), other), Match::No, "{other:?}");
        }
    }

    #[test]
    fn aliases_are_followed_from_the_name_that_was_asked_for() {
        let name = |text: &str| -> Vec<u8> {
            let labels =
                text.split('.').flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat());
            labels.chain([0]).collect()
        };
        let record = |owner: &str, kind: u8, data: &[u8]| {
            let len = u8::try_from(data.len()).unwrap();
            [&name(owner)[..], &[0, kind, 0, 1, 0, 0, 0, 60, 0, len], data].concat()
        };
        let answer = |records: &[Vec<u8>]| {
            let count = u8::try_from(records.len()).unwrap();
            let head = [0, 7, 0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0];
            let heard = [&head[..], &name("m.a.example"), &[0, 1, 0, 1], &records.concat()].concat();
            play(&PROTOCOL, &udp(), 1 << 20, &[down(&heard)]).aliases
        };
        let address = |owner: &str| record(owner, 1, &[127, 0, 0, 9]);
        let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
        let led =
            |others: &[&str]| vec![("m.a.example".to_owned(), ip, others.iter().map(|to| (*to).to_owned()).collect())];
        assert_eq!(answer(&[address("m.a.example")]), []);
        let chain = [
            record("x.b.example", 5, &name("Y.c.example")),
            record("M.a.example", 5, &name("x.b.example")),
            record("other.example", 5, &name("else.example")),
            address("y.c.example"),
        ];
        assert_eq!(answer(&chain), led(&["x.b.example", "y.c.example"]));
        // Round in a circle, and longer than anybody follows.
        let circle = [record("m.a.example", 5, &name("x.b.example")), record("x.b.example", 5, &name("m.a.example"))];
        assert_eq!(answer(&[&circle[..], &[address("m.a.example")]].concat()), led(&["x.b.example"]));
        let step = |n: usize| if n == 0 { "m.a.example".to_owned() } else { format!("n{n}.example") };
        let long: Vec<Vec<u8>> = (0..40).map(|n| record(&step(n), 5, &name(&step(n + 1)))).collect();
        assert_eq!(answer(&[&long[..], &[address("n40.example")]].concat())[0].2.len(), ALIASES);
    }

    #[test]
    fn pointers_that_go_round_are_refused() {
        let looped = b"\0\x01\0\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01";
        assert!(Message::read(looped).is_err());
    }

    proptest! {
        #[test]
        fn mutation_never_panics(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), cut in any::<prop::sample::Index>()) {
            let mut bytes = answer().to_vec();
            for (at, byte) in edits {
                let index = at.index(bytes.len());
                bytes[index] = byte;
            }
            bytes.truncate(cut.index(bytes.len() + 1));
            probe(&Peek { meta: &udp(), to_server: &bytes, to_client: b"", waiting: &[], secrets: &crate::model::secret::Secrets::default() });
            play(&PROTOCOL, &udp(), 1 << 20, &[up(&bytes)]);
            play(&PROTOCOL, &meta(), 1 << 20, &[up([&[0, 45][..], &bytes].concat())]);
        }

        #[test]
        fn any_split_reads_the_same(at in any::<prop::sample::Index>()) {
            let bytes = [SAMPLES[0].to_client, SAMPLES[0].to_client].concat();
            let (front, back) = bytes.split_at(at.index(bytes.len()));
            let got = play(&PROTOCOL, &meta(), 1 << 20, &[down(front), down(back)]);
            prop_assert_eq!(got.exact(), play(&PROTOCOL, &meta(), 1 << 20, &[down(&bytes)]).exact());
        }
    }
}
