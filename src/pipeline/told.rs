//! What sources tell that sat in the middle (HAR, flow files): messages and conversations, ready made.

use crate::message::driver::{Conversation, Surroundings, Told};
use crate::message::http::route;
use crate::model::account::{Account, Piece};
use crate::model::budget;
use crate::model::flow::{Blind, BlindSpot, Fact, Flow};
use crate::model::message::{Message, Part, PartKind};
use crate::model::opacity::Opacity;
use crate::model::origin::{FrameNo, Origins};
use crate::model::stream::{Chunk, Direction, Ending, Layer, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use crate::opacity;
use crate::pipeline::talk::{self, Finds};
use crate::pipeline::worker::Brief;

/// Takes a message: `frame` is its place in the file.
pub(super) fn on_message(
    flow: &mut Flow,
    message: Message,
    frame: FrameNo,
    around: &mut Surroundings<'_>,
    brief: &Brief<'_>,
    finds: &mut Finds,
) {
    spans(flow, frame, message.at);
    if let Some(host) = &message.host {
        talk::set_host(flow, host, "authority");
    }
    let bytes: usize = message.parts.iter().map(|part| part.bytes.len()).sum();
    count(flow, message.direction, bytes);
    flow.protocol = message.protocol;
    if message.is_secured() {
        flow.secure = true;
        flow.opacity.add(Opacity::Encrypted, bytes as u64);
    }
    if !message.whole {
        let detail = "the evidence format lost a part of it".to_owned();
        let spot = BlindSpot { why: Blind::Lossy, direction: message.direction, detail, bytes: 0 };
        flow.add_blind(spot, budget::FLOW_BLIND);
    }
    match streamed(message) {
        (message, None) => talk::read(flow, &message, brief, finds),
        (message, Some((body, hint))) => {
            talk::read(flow, &message, brief, finds);
            on_body(flow, &message, &body, hint, around, brief, finds);
        }
    }
}

/// Takes a conversation.
pub(super) fn on_account(
    flow: &mut Flow,
    account: Account,
    around: &mut Surroundings<'_>,
    brief: &Brief<'_>,
    finds: &mut Finds,
) {
    let Account { number, meta, host_from, facts, blind, messages, pieces, ending } = account;
    spans(flow, number, meta.at);
    if let Some(host) = &meta.host {
        talk::set_host(flow, host, host_from);
    }
    flow.secure |= meta.layers.iter().any(|layer| layer.secure);
    for fact in facts {
        add_fact(flow, fact);
    }
    for spot in blind {
        flow.cut_by_end |= spot.why == Blind::Truncated;
        flow.add_blind(spot, budget::FLOW_BLIND);
    }
    for message in messages {
        on_message(flow, message, number, around, brief, finds);
    }
    if !pieces.is_empty() {
        on_pieces(flow, meta, &pieces, number, ending, around, brief, finds);
    }
}

#[expect(clippy::too_many_arguments, reason = "one conversation, and what it goes to")]
fn on_pieces(
    flow: &mut Flow,
    meta: StreamMeta,
    pieces: &[Piece],
    number: FrameNo,
    ending: Ending,
    around: &mut Surroundings<'_>,
    brief: &Brief<'_>,
    finds: &mut Finds,
) {
    let secure = meta.layers.iter().any(|layer| layer.secure);
    let datagrams = meta.datagrams;
    let mut last = meta.at;
    let mut stream = Stream { conversation: Conversation::new(meta), depth: 0, secure, counted: false, closing: false };
    let mut offsets = [0_u64; 2];
    for Piece { direction, at, bytes } in pieces {
        spans(flow, number, *at);
        count(flow, *direction, bytes.len());
        last = last.max(*at);
        let [to_server, to_client] = &mut offsets;
        let offset = if *direction == Direction::ToServer { to_server } else { to_client };
        let origins = Origins::one(bytes.len(), number);
        let chunk = Chunk { direction: *direction, at: *at, offset: *offset, bytes, origins };
        *offset = offset.saturating_add(bytes.len() as u64);
        stream.on_event(flow, StreamEvent::Data(chunk), around, brief, finds);
    }
    if ending == Ending::Clean && !datagrams {
        for direction in Direction::BOTH {
            stream.on_event(flow, StreamEvent::End { direction, at: last }, around, brief, finds);
        }
    }
    stream.closing = ending == Ending::CaptureEnd;
    stream.on_event(flow, StreamEvent::Close { at: last, how: ending }, around, brief, finds);
}

/// A message without its body, where the body is a stream of its own, and what it is to be read as.
fn streamed(mut message: Message) -> (Message, Option<(Part, String)>) {
    let coding = message.parts.iter().find(|part| part.name == "grpc-encoding");
    let coding = coding.map(|part| String::from_utf8_lossy(&part.bytes).trim().to_ascii_lowercase());
    let stream = message.parts.iter().enumerate().find_map(|(index, part)| {
        let is_body = part.kind == PartKind::Body && message.protocol.starts_with("http");
        let declared = part.content_type.as_deref().filter(|_| is_body);
        let hint = route::body_stream(declared, &part.encodings, coding.as_deref(), &message.label);
        hint.map(|hint| (index, hint))
    });
    match stream {
        Some((index, hint)) => {
            let body = message.parts.remove(index);
            (message, Some((body, hint)))
        }
        None => (message, None),
    }
}

fn on_body(
    flow: &mut Flow,
    message: &Message,
    body: &Part,
    hint: String,
    around: &mut Surroundings<'_>,
    brief: &Brief<'_>,
    finds: &mut Finds,
) {
    let secure = message.is_secured();
    if !secure {
        flow.opacity.merge(&opacity::tally(&body.bytes));
    }
    let mut layers = message.layers.to_vec();
    layers.push(Layer { name: message.protocol.to_owned(), secure: false, opened: true });
    let meta = StreamMeta {
        flow: message.flow,
        at: message.at,
        datagrams: false,
        layers,
        host: message.host.clone(),
        hint: Some(hint),
        from_start: true,
    };
    let mut stream = Stream { conversation: Conversation::new(meta), depth: 0, secure, counted: true, closing: false };
    let chunk = Chunk {
        direction: message.direction,
        at: message.at,
        offset: 0,
        bytes: &body.bytes,
        origins: body.origins.clone(),
    };
    let how = if message.whole && body.whole { Ending::Clean } else { Ending::CaptureEnd };
    let end = StreamEvent::End { direction: message.direction, at: message.at };
    for event in [StreamEvent::Data(chunk), end, StreamEvent::Close { at: message.at, how }] {
        stream.on_event(flow, event, around, brief, finds);
    }
}

/// Bytes that a source tells, on their way through the dissectors.
struct Stream {
    conversation: Conversation,
    depth: usize,
    /// A listener on the network saw none of it.
    secure: bool,
    /// What it is on the wire has been counted.
    counted: bool,
    /// The file ends here, in the middle of it.
    closing: bool,
}

impl Stream {
    fn on_event(
        &mut self,
        flow: &mut Flow,
        event: StreamEvent<'_>,
        around: &mut Surroundings<'_>,
        brief: &Brief<'_>,
        finds: &mut Finds,
    ) {
        let Self { conversation, depth, secure, counted, closing } = self;
        conversation.on_event(event, around, &mut |told| {
            flow.cut_by_end |= *closing && matches!(&told, Told::Blind(spot) if spot.why == Blind::Truncated);
            let told = match told {
                Told::Wire(..) if *counted => return,
                Told::Wire(_, bytes) if *secure => Told::Wire(Opacity::Encrypted, bytes),
                told => told,
            };
            talk::listen(flow, depth, told, brief, finds);
        });
    }
}

fn spans(flow: &mut Flow, frame: FrameNo, at: Timestamp) {
    flow.first_frame = flow.first_frame.min(frame);
    flow.last_frame = flow.last_frame.max(frame);
    flow.first_seen = flow.first_seen.min(at);
    flow.last_seen = flow.last_seen.max(at);
}

fn count(flow: &mut Flow, direction: Direction, bytes: usize) {
    let sum = direction.of_mut(&mut flow.bytes);
    *sum = sum.saturating_add(bytes as u64);
}

fn add_fact(flow: &mut Flow, fact: Fact) {
    if flow.facts.len() < budget::FLOW_FACTS {
        flow.add_fact(fact);
    }
}
