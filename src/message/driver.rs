//! Runs dissectors over the streams of one flow: decides what speaks, routes child streams, turns errors into blind
//! spots.

use crate::bytes::Malformed;
use crate::message::driver::datagrams::Datagrams;
use crate::message::driver::probing::{Decision, Probing};
use crate::message::raw::Raw;
use crate::message::sink::{Child, ChildId, Draft, Output};
use crate::message::{Dissector, Protocol, Sink};
use crate::model::budget;
use crate::model::flow::{Blind, BlindSpot, Fact};
use crate::model::media::{MediaKey, MediaStream};
use crate::model::message::Message;
use crate::model::opacity::Opacity;
use crate::model::origin::FrameNo;
use crate::model::secret::Secrets;
use crate::model::stream::{Chunk, Direction, Ending, Layer, StreamEvent, StreamMeta};
use crate::model::time::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

mod datagrams;
mod probing;

/// One thing a flow tells, whatever depth of stream it comes from.
#[derive(Debug)]
pub enum Told {
    /// A message.
    Message(Message),
    /// What a handshake says in clear: no message of the application.
    Hello(Message),
    /// What stands beside messages, and how many bytes of it may look random and mean nothing.
    Beside(Message, u64),
    /// Bytes that could not be read.
    Blind(BlindSpot),
    /// A fact about the flow.
    Fact(Fact),
    /// The server's name, and where from.
    Host(String, &'static str),
    /// A DNS answer.
    Name(IpAddr, String),
    /// A DNS answer that leads over other names.
    Alias(String, IpAddr, Vec<String>),
    /// Bytes of the outermost stream by what a listener sees of them.
    Wire(Opacity, u64),
    /// Undecrypted application data went by.
    Sealed(Direction, u64),
    /// Supplied secrets opened application data.
    Decrypted,
    /// Media packets went by.
    Media(u64),
    /// A media stream is over.
    MediaStream(Box<MediaStream>),
    /// A key that opens media.
    MediaKey(Box<MediaKey>),
    /// An IP packet that a tunnel carried, behind these layers.
    Packet {
        /// All of them, outermost first.
        layers: Vec<Layer>,
        /// When.
        at: Timestamp,
        /// The packet, from its IP header on.
        bytes: Vec<u8>,
        /// The frame that carried it.
        frame: FrameNo,
    },
    /// A protocol was recognised, `depth` streams inside the flow.
    Protocol {
        /// Registry name.
        name: &'static str,
        /// 0 for the flow itself.
        depth: usize,
    },
    /// A layer that hides its content from the network was recognised.
    Secured,
}

/// What all conversations of one worker share.
pub struct Surroundings<'a> {
    /// The auditor's secrets.
    pub secrets: &'a Secrets,
    /// Bytes of unfinished messages held by all conversations of this worker.
    pub held: usize,
    /// How many of those are allowed.
    pub allowed: usize,
}

impl Surroundings<'_> {
    /// Under pressure long bodies go on in small pieces rather than being held whole.
    const fn part_limit(&self) -> usize {
        if self.held > self.allowed { budget::PART_PIECE } else { budget::PART_BYTES }
    }
}

/// All streams of one flow.
pub struct Conversation {
    root: Stream,
}

impl Conversation {
    /// A flow that has just been opened.
    pub fn new(meta: StreamMeta) -> Self {
        Self { root: Stream::new(meta, 0) }
    }

    /// Takes the next event of the flow.
    pub fn on_event(&mut self, event: StreamEvent<'_>, around: &mut Surroundings<'_>, tell: &mut dyn FnMut(Told)) {
        self.root.on_event(event, around, tell);
    }
}

/// One stream: the flow itself, or one inside another.
struct Stream {
    scene: Scene,
    state: State,
}

/// What everyone who reads a stream knows about it.
pub(super) struct Scene {
    pub(super) meta: StreamMeta,
    pub(super) layers: Arc<[Layer]>,
    depth: usize,
}

enum State {
    /// Nobody has recognised it yet.
    Probing(Probing),
    /// A dissector reads it.
    Reading(Reader),
    /// Datagrams, each read by whoever recognises it: several protocols may share a pair of ports (RFC 7983).
    Datagrams(Datagrams),
    /// Nobody reads it: its bytes are messages as they are.
    Raw(Raw),
}

/// A dissector at work, with the streams it opened.
struct Reader {
    protocol: &'static Protocol,
    dissector: Box<dyn Dissector>,
    children: BTreeMap<ChildId, Inner>,
    held: usize,
}

/// A child stream, with the offsets its parent does not count.
struct Inner {
    stream: Box<Stream>,
    offsets: [u64; 2],
}

impl Stream {
    fn new(meta: StreamMeta, depth: usize) -> Self {
        let state =
            if meta.datagrams { State::Datagrams(Datagrams::default()) } else { State::Probing(Probing::default()) };
        let layers = Arc::from(meta.layers.as_slice());
        Self { scene: Scene { meta, layers, depth }, state }
    }

    fn on_event(&mut self, event: StreamEvent<'_>, around: &mut Surroundings<'_>, tell: &mut dyn FnMut(Told)) {
        match &mut self.state {
            State::Probing(probing) => {
                let closing = matches!(event, StreamEvent::Close { .. });
                probing.hold(&event);
                match probing.decide(&self.scene.meta, around.secrets, closing) {
                    Decision::Wait => return,
                    Decision::Nobody => self.start(State::Raw(Raw::default()), around, tell),
                    Decision::Read(protocol) => {
                        let reader = Reader::start(protocol, &self.scene, tell);
                        self.start(State::Reading(reader), around, tell);
                    }
                }
                if closing {
                    self.on_event(event, around, tell);
                }
            }
            State::Reading(reader) => {
                let offending = Offending::of(&event);
                if let Err(malformed) = reader.on_event(event, &self.scene, around, tell) {
                    offending.tell(malformed, reader.protocol.name, tell);
                    let raw = Raw::after_malformed(reader.protocol.name);
                    reader.abandon(self.scene.meta.at, around, tell);
                    self.state = State::Raw(raw);
                }
            }
            State::Datagrams(all) => self.scene.on_datagram(all, &event, around, tell),
            State::Raw(raw) => raw.on_event(event, &self.scene, tell),
        }
    }

    /// Starts whoever was found, on what was held.
    fn start(&mut self, state: State, around: &mut Surroundings<'_>, tell: &mut dyn FnMut(Told)) {
        if let State::Probing(probing) = std::mem::replace(&mut self.state, state) {
            for held in probing.events {
                held.replay(|event| self.on_event(event, around, tell));
            }
        }
    }
}

/// What to blame when a dissector gives up: the bytes it was given.
#[derive(Clone, Copy)]
struct Offending {
    direction: Direction,
    bytes: u64,
}

impl Offending {
    const fn of(event: &StreamEvent<'_>) -> Self {
        match event {
            StreamEvent::Data(chunk) => Self { direction: chunk.direction, bytes: chunk.bytes.len() as u64 },
            StreamEvent::Gap { direction, .. } | StreamEvent::End { direction, .. } => {
                Self { direction: *direction, bytes: 0 }
            }
            StreamEvent::Close { .. } => Self { direction: Direction::ToServer, bytes: 0 },
        }
    }

    /// Bytes that their protocol does not allow were not understood, whatever else is found in them.
    fn tell(self, malformed: Malformed, name: &'static str, tell: &mut dyn FnMut(Told)) {
        let why = if matches!(malformed, Malformed::TooLarge(_)) { Blind::Budget } else { Blind::Malformed };
        let detail = format!("{name}: {malformed}");
        tell(Told::Blind(BlindSpot { why, direction: self.direction, detail, bytes: self.bytes }));
    }
}

impl Reader {
    fn start(protocol: &'static Protocol, scene: &Scene, tell: &mut dyn FnMut(Told)) -> Self {
        tell(Told::Protocol { name: protocol.name, depth: scene.depth });
        let dissector = (protocol.start)(&scene.meta);
        Self { protocol, dissector, children: BTreeMap::new(), held: 0 }
    }

    /// Hands an event to the dissector and does what it asks for.
    fn on_event(
        &mut self,
        event: StreamEvent<'_>,
        scene: &Scene,
        around: &mut Surroundings<'_>,
        tell: &mut dyn FnMut(Told),
    ) -> Result<(), Malformed> {
        let mut sink = Sink::new(around.secrets, around.part_limit());
        let closing = match &event {
            StreamEvent::Close { at, how } => Some((*at, *how)),
            _ => None,
        };
        let result = self.dissector.on_event(event, &mut sink);
        self.account(around, self.dissector.held());
        for output in sink.take() {
            self.carry_out(output, scene, around, tell);
        }
        if let Some((at, how)) = closing {
            self.close_children(at, how, around, tell);
            self.account(around, 0);
        }
        result
    }

    /// The dissector gave up: what it opened ends here.
    fn abandon(&mut self, at: Timestamp, around: &mut Surroundings<'_>, tell: &mut dyn FnMut(Told)) {
        self.close_children(at, Ending::Idle, around, tell);
        self.account(around, 0);
    }

    fn close_children(
        &mut self,
        at: Timestamp,
        how: Ending,
        around: &mut Surroundings<'_>,
        tell: &mut dyn FnMut(Told),
    ) {
        for (_, mut inner) in std::mem::take(&mut self.children) {
            inner.stream.on_event(StreamEvent::Close { at, how }, around, tell);
        }
    }

    /// Keeps the worker's account of what its dissectors hold.
    const fn account(&mut self, around: &mut Surroundings<'_>, holds: usize) {
        around.held = around.held.saturating_sub(self.held).saturating_add(holds);
        self.held = holds;
    }

    fn carry_out(&mut self, output: Output, scene: &Scene, around: &mut Surroundings<'_>, tell: &mut dyn FnMut(Told)) {
        match output {
            Output::Message(draft) => tell(Told::Message(scene.finish(draft, self.protocol.name))),
            Output::Hello(draft) => tell(Told::Hello(scene.finish(draft, self.protocol.name))),
            Output::Beside(draft, noise) => tell(Told::Beside(scene.finish(draft, self.protocol.name), noise)),
            Output::Open(id, child) => self.open(id, child, scene, tell),
            Output::Data { child, direction, at, bytes, origins } => {
                let Some(inner) = self.children.get_mut(&child) else { return };
                let offset = inner.advance(direction, bytes.len() as u64);
                let chunk = Chunk { direction, at, offset, bytes: &bytes, origins };
                inner.stream.on_event(StreamEvent::Data(chunk), around, tell);
            }
            Output::Gap { child, direction, at, len, why } => {
                let Some(inner) = self.children.get_mut(&child) else { return };
                let offset = inner.advance(direction, len);
                inner.stream.on_event(StreamEvent::Gap { direction, at, offset, len, why }, around, tell);
            }
            Output::End(child, direction, at) => {
                let Some(inner) = self.children.get_mut(&child) else { return };
                inner.stream.on_event(StreamEvent::End { direction, at }, around, tell);
            }
            Output::Close(child, at, how) => {
                if let Some(mut inner) = self.children.remove(&child) {
                    inner.stream.on_event(StreamEvent::Close { at, how }, around, tell);
                }
            }
            Output::Blind(spot) => tell(Told::Blind(spot)),
            Output::Fact(fact) => tell(Told::Fact(fact)),
            Output::Host(name, from) => tell(Told::Host(name, from)),
            Output::Name(ip, name) => tell(Told::Name(ip, name)),
            Output::Alias(name, ip, others) => tell(Told::Alias(name, ip, others)),
            // What a relay carries is on the wire as well as what wraps it.
            Output::Wire(class, bytes) if scene.meta.layers.iter().all(|layer| layer.name == "turn") => {
                tell(Told::Wire(class, bytes));
            }
            Output::Wire(..) => {}
            Output::Sealed(direction, bytes) => tell(Told::Sealed(direction, bytes)),
            Output::Decrypted => tell(Told::Decrypted),
            Output::Media(packets) => tell(Told::Media(packets)),
            Output::MediaStream(mut stream) => {
                stream.layers.clone_from(&scene.meta.layers);
                tell(Told::MediaStream(stream));
            }
            Output::MediaKey(key) => tell(Told::MediaKey(key)),
            Output::Packet { layer, at, bytes, frame } => {
                tell(Told::Secured);
                let layers = scene.meta.layers.iter().cloned().chain([layer]).collect();
                tell(Told::Packet { layers, at, bytes, frame });
            }
        }
    }

    fn open(&mut self, id: ChildId, child: Child, scene: &Scene, tell: &mut dyn FnMut(Told)) {
        if scene.depth >= budget::STREAM_DEPTH || self.children.len() >= budget::CHILD_STREAMS {
            let detail = format!("streams inside {}", child.layer.name);
            return tell(Told::Blind(BlindSpot {
                why: Blind::Budget,
                direction: Direction::ToServer,
                detail,
                bytes: 0,
            }));
        }
        if child.layer.secure {
            tell(Told::Secured);
        }
        let mut layers = scene.meta.layers.clone();
        layers.push(child.layer);
        let meta = StreamMeta {
            flow: scene.meta.flow,
            at: scene.meta.at,
            datagrams: child.datagrams,
            layers,
            host: child.host.or_else(|| scene.meta.host.clone()),
            hint: child.hint,
            from_start: child.from_start,
        };
        let stream = Box::new(Stream::new(meta, scene.depth.saturating_add(1)));
        self.children.insert(id, Inner { stream, offsets: [0; 2] });
    }
}

impl Inner {
    /// Moves on by `len` bytes; the offset before them.
    fn advance(&mut self, direction: Direction, len: u64) -> u64 {
        let slot = direction.of_mut(&mut self.offsets);
        let offset = *slot;
        *slot = slot.saturating_add(len);
        offset
    }
}

impl Scene {
    fn finish(&self, draft: Draft, protocol: &'static str) -> Message {
        Message {
            flow: self.meta.flow,
            layers: Arc::clone(&self.layers),
            protocol,
            label: draft.label,
            direction: draft.direction,
            at: draft.at,
            host: draft.host.or_else(|| self.meta.host.clone()),
            parts: draft.parts,
            whole: draft.whole,
        }
    }
}
