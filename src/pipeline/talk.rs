//! One flow on its way through the line: what its streams tell becomes a [`Flow`] and sightings.

use crate::field;
use crate::message::driver::{Conversation, Surroundings, Told};
use crate::model::alias::Aliases;
use crate::model::budget;
use crate::model::field::{Kind, Tree};
use crate::model::flow::{Blind, BlindSpot, Flow, OpaquePayload};
use crate::model::media::{KeySource, MediaKey, MediaStream, Profile};
use crate::model::message::{Message, Part, PartKind};
use crate::model::opacity::{HIDING_PLACE, Opacity};
use crate::model::origin::FrameNo;
use crate::model::pair::Samples;
use crate::model::payload::{Pool, Token};
use crate::model::secret::SecretBytes;
use crate::model::sighting::{Place, Sighting};
use crate::model::stream::{Chunk, Direction, Ending, FlowKey, Layer, StreamEvent, StreamMeta, Transport};
use crate::model::taxonomy::Data;
use crate::model::time::Timestamp;
use crate::opacity;
use crate::pipeline::store::Unread;
use crate::pipeline::worker::Brief;
use crate::pipeline::{aside, envelopes, hidden, ocsp, portrait, shape};
use crate::sighting;
use crate::sighting::pair;
use crate::sighting::run::collect::{self, Opaque};
use crate::stream::Reading;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

/// One flow and the streams inside it.
pub(super) struct Talk {
    conversation: Conversation,
    /// What is known so far.
    pub(super) flow: Flow,
    /// Streams inside the flow at which its protocol was recognised.
    depth: usize,
    /// Bytes the client sent since the server last said anything.
    unanswered: usize,
    /// It goes through a tunnel: a listener on the network sees none of it.
    inside: bool,
}

/// More unanswered bytes than this, at the end of a capture, were a question: what HTTP/2 and others send on their own
/// account (window updates, pings, acknowledgements) is shorter, also inside a TLS record.
const QUESTION: usize = 64;

/// What a worker finds in all its flows.
#[derive(Default)]
pub(super) struct Finds {
    /// Sightings.
    pub(super) sightings: Vec<Sighting>,
    /// Sightings over the budget.
    pub(super) dropped: u64,
    /// Records of a dump of which something stayed unread.
    pub(super) unread: Unread,
    /// Sightings by rule in dumps.
    by_rule: BTreeMap<Data, usize>,
    /// Data of which one more of these was met than is kept: every record asks.
    sated: Vec<Data>,
    /// Opaque payloads and short values, for what only a whole run can show.
    pub(super) pool: Pool,
    /// Messages to servers, to be held against those of other runs.
    pub(super) samples: Samples,
    /// What messages of a flow spell out together.
    speller: sighting::Speller,
    /// Compressed streams that go on over several messages.
    pub(super) continued: field::Continued,
    /// Messages that were drawn.
    drawn: usize,
    /// DNS answers.
    pub(super) names: Vec<(IpAddr, String)>,
    /// DNS answers that lead over other names.
    pub(super) aliases: Aliases,
    /// Keys of media that travelled in session descriptions.
    pub(super) media_keys: Vec<MediaKey>,
    /// Bytes of media packets kept.
    media_bytes: usize,
    /// Packets that tunnels carried, which the worker has not followed yet.
    pub(super) carried: VecDeque<Carried>,
}

/// An IP packet that came out of a tunnel.
pub(super) struct Carried {
    /// The tunnel: its flow and first frame.
    pub(super) tunnel: (FlowKey, FrameNo),
    /// The layers around it, outermost first.
    pub(super) layers: Vec<Layer>,
    pub(super) at: Timestamp,
    pub(super) bytes: Vec<u8>,
    pub(super) frame: FrameNo,
}

impl Finds {
    /// Whether more of this data, found by rule in a store, is still looked for: until one more was met than is kept.
    pub(super) fn wants(&self, data: Data) -> bool {
        !self.sated.contains(&data)
    }

    /// Keeps what was seen in one message, as far as the budget goes.
    pub(super) fn take(&mut self, found: sighting::Detected) {
        self.dropped = self.dropped.saturating_add(found.dropped as u64);
        for sighting in found.sightings {
            // A store holds the same kind of thing in every record: some of them show it as well as all.
            let by_rule = sighting.planted.is_none() && sighting.place.flow.is_none();
            let alike = if by_rule { self.by_rule.entry(sighting.data).or_default() } else { &mut 0 };
            *alike += 1;
            if *alike == budget::DUMP_SIGHTINGS + 1 {
                self.sated.push(sighting.data);
            }
            if *alike <= budget::DUMP_SIGHTINGS && self.sightings.len() < budget::SIGHTINGS {
                self.sightings.push(sighting);
            } else {
                self.dropped = self.dropped.saturating_add(1);
            }
        }
    }
}

impl Talk {
    pub(super) fn new(flow: Flow, meta: StreamMeta) -> Self {
        let inside = !meta.layers.is_empty();
        let flow = Flow { secure: inside, decrypted: inside, ..flow };
        Self { conversation: Conversation::new(meta), flow, depth: 0, unanswered: 0, inside }
    }

    /// Takes the next event of the flow.
    pub(super) fn on_event(
        &mut self,
        event: StreamEvent<'_>,
        around: &mut Surroundings<'_>,
        brief: &Brief<'_>,
        finds: &mut Finds,
    ) {
        let Self { conversation, flow, depth, unanswered, inside } = self;
        if let StreamEvent::Data(chunk) = &event {
            let slot = chunk.direction.index();
            if flow.key.transport == Transport::Tcp {
                flow.trace.stream(slot, chunk.offset, chunk.bytes);
            } else {
                flow.trace.datagram(slot, chunk.bytes);
            }
            *unanswered = match chunk.direction {
                Direction::ToServer => unanswered.saturating_add(chunk.bytes.len()),
                Direction::ToClient => 0,
            };
        }
        let last = matches!(event, StreamEvent::Close { how: Ending::CaptureEnd, .. });
        if let StreamEvent::Close { how, .. } = &event {
            flow.ended = Some(*how);
        }
        conversation.on_event(event, around, &mut |told| {
            flow.cut_by_end |= last && matches!(&told, Told::Blind(spot) if spot.why == Blind::Truncated);
            let told = match told {
                Told::Wire(_, bytes) if *inside => Told::Wire(Opacity::Encrypted, bytes),
                told => told,
            };
            listen(flow, depth, told, brief, finds);
        });
        // Where nobody could read the conversation, a question without an answer is all that shows the cut.
        let unread = flow.read_in_full == [0, 0];
        flow.cut_by_end |= last && unread && flow.key.transport == Transport::Tcp && *unanswered > QUESTION;
    }
}

impl Talk {
    /// Searches bytes that a receiver may have read in place of those that were told. They count for nothing else.
    pub(super) fn other(&mut self, reading: Reading, chunk: Chunk<'_>, brief: &Brief<'_>, finds: &mut Finds) {
        let label = match reading {
            Reading::Overlap => "overlapping segment",
            Reading::Urgent => "segment without its urgent byte",
        };
        let flow = &self.flow;
        let message = Message {
            flow: flow.key,
            layers: Arc::from([]),
            protocol: "raw",
            label: label.to_owned(),
            direction: chunk.direction,
            at: chunk.at,
            host: flow.host.clone(),
            parts: vec![Part::new(PartKind::Raw, chunk.bytes.to_vec(), chunk.origins)],
            whole: false,
        };
        let tree = field::walk_by(&message, brief.protos);
        let scene = sighting::Scene { capture: &flow.capture, flow: Some(flow.key), flow_start: flow.first_frame };
        finds.take(sighting::detect(&tree, &brief.cx, &scene));
    }
}

/// Searches what a handshake says in clear for what was planted. It counts for nothing else: it is no sign that the app did
/// anything, and what a host is called is nobody's data by itself.
fn search_hello(flow: &Flow, message: &Message, brief: &Brief<'_>, finds: &mut Finds) {
    let tree = field::walk_by(message, brief.protos);
    let scene = sighting::Scene { capture: &flow.capture, flow: Some(flow.key), flow_start: flow.first_frame };
    let mut found = sighting::detect(&tree, &brief.cx, &scene);
    // What stands in a name also stands in its labels joined.
    let mut known = BTreeSet::new();
    found.sightings.retain(|sighting| sighting.planted.is_some() && known.insert(sighting.planted.clone()));
    finds.take(found);
}

/// Searches what stands beside messages in the same way. What looks random in it, and is more than honest traffic has there,
/// nobody has read.
fn search_beside(flow: &mut Flow, message: &Message, noise: u64, brief: &Brief<'_>, finds: &mut Finds) {
    search_hello(flow, message, brief, finds);
    if noise == u64::MAX {
        return;
    }
    let tree = field::walk_by(message, brief.protos);
    let opaque =
        tree.leaves().map(|(_, node)| tree.bytes(node)).filter(|bytes| opacity::assess(bytes).class.is_opaque());
    let bytes = opaque.fold(0_u64, |sum, bytes| sum.saturating_add(bytes.len() as u64));
    if bytes > noise {
        let detail = message.label.clone();
        let spot = BlindSpot { why: Blind::Opaque, direction: message.direction, detail, bytes };
        flow.add_blind(spot, budget::FLOW_BLIND);
    }
}

/// Notes what a flow tells.
pub(super) fn listen(flow: &mut Flow, depth: &mut usize, told: Told, brief: &Brief<'_>, finds: &mut Finds) {
    match told {
        Told::Message(message) => {
            // A dissector may speak for a protocol inside its own: gRPC in HTTP/2.
            if message.protocol != "raw" && message.layers.len() >= *depth {
                flow.protocol = message.protocol;
            }
            read(flow, &message, brief, finds);
        }
        Told::Hello(message) => search_hello(flow, &message, brief, finds),
        Told::Beside(message, noise) => search_beside(flow, &message, noise, brief, finds),
        Told::Blind(spot) => flow.add_blind(spot, budget::FLOW_BLIND),
        Told::Fact(fact) => flow.add_fact(fact),
        Told::Host(name, from) => set_host(flow, &name, from),
        Told::Name(ip, name) => finds.names.push((ip, name)),
        Told::Alias(name, ip, others) => {
            if !finds.aliases.add(&name, ip, &others, budget::ALIASES) {
                let detail = "names that DNS answers lead over".to_owned();
                let spot = BlindSpot { why: Blind::Budget, direction: Direction::ToClient, detail, bytes: 0 };
                flow.add_blind(spot, budget::FLOW_BLIND);
            }
        }
        Told::Wire(class, bytes) => flow.opacity.add(class, bytes),
        Told::Sealed(direction, bytes) => {
            flow.secure = true;
            if direction == Direction::ToServer {
                flow.sealed_to_server = flow.sealed_to_server.max(bytes);
            }
        }
        Told::Decrypted => flow.decrypted = true,
        Told::Media(packets) => flow.media_packets = flow.media_packets.saturating_add(packets),
        Told::MediaStream(stream) => keep(flow, *stream, finds),
        Told::MediaKey(key) => {
            if flow.media_keys.len() < budget::FLOW_FACTS {
                flow.media_keys.push(*key);
            }
        }
        Told::Packet { layers, at, bytes, frame } => {
            let deep = layers.len() > budget::STREAM_DEPTH;
            if deep || finds.carried.len() >= budget::CHILD_STREAMS {
                let detail = "packets of a tunnel".to_owned();
                let bytes = bytes.len() as u64;
                let spot = BlindSpot { why: Blind::Budget, direction: Direction::ToServer, detail, bytes };
                flow.add_blind(spot, budget::FLOW_BLIND);
            } else {
                let tunnel = (flow.key, flow.first_frame);
                finds.carried.push_back(Carried { tunnel, layers, at, bytes, frame });
            }
        }
        Told::Protocol { name, depth: at } => {
            if flow.protocol == "unknown" || at >= *depth {
                flow.protocol = name;
                *depth = at;
            }
        }
        Told::Secured => flow.secure = true,
    }
}

/// Keeps a media stream for the end of the run.
fn keep(flow: &mut Flow, mut stream: MediaStream, finds: &mut Finds) {
    flow.protocol = "rtp";
    let bytes: usize = stream.sample.iter().map(|packet| packet.bytes.len()).sum();
    if finds.media_bytes.saturating_add(bytes) > budget::MEDIA_TOTAL || flow.media.len() >= budget::MEDIA_STREAMS {
        stream.sample = Vec::new();
    } else {
        finds.media_bytes = finds.media_bytes.saturating_add(bytes);
    }
    flow.media.push(stream);
}

/// Keys of media in a session description (RFC 4568): whoever could read the description can read the call.
fn note_keys(flow: &Flow, message: &Message, tree: &Tree<'_>, finds: &mut Finds) {
    const ATTRIBUTE: &[u8] = b"a=crypto:";
    for (number, buffer) in (0..).zip(&tree.buffers) {
        let text = &buffer.bytes;
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| memchr::memmem::find(rest, ATTRIBUTE)) {
            let start = from + at + ATTRIBUTE.len();
            from = start;
            let line = text.get(start..).unwrap_or_default();
            let end = line.iter().position(|byte| matches!(byte, b'\r' | b'\n' | b'\\' | b'"')).unwrap_or(line.len());
            let line = String::from_utf8_lossy(line.get(..end.min(512)).unwrap_or_default());
            let Some((profile, key, salt)) = inline_key(&line) else { continue };
            if finds.media_keys.len() >= budget::MEDIA_KEYS {
                return;
            }
            let mut trail: Vec<String> = message.layers.iter().map(|layer| layer.name.clone()).collect();
            trail.extend([message.protocol.to_owned(), message.label.clone()]);
            let (start, end) = (start, start.saturating_add(end));
            trail.extend(tree.innermost(number, start, end).map(|node| tree.trail(node)).unwrap_or_default());
            let place = Place {
                capture: flow.capture.clone(),
                flow: Some(flow.key),
                flow_start: flow.first_frame,
                direction: message.direction,
                at: message.at,
                authority: message.host.clone(),
                secured: message.is_secured(),
                frames: tree.origins(number, start, end).frames(),
                part: message.parts.get(buffer.part as usize).map(|part| part.kind),
                bytes: (start as u64, end as u64),
                trail,
            };
            let (key, salt) = (SecretBytes(key), SecretBytes(salt));
            finds.media_keys.push(MediaKey { profile, key, salt, source: KeySource::Description(Box::new(place)) });
        }
    }
}

/// Profile, master key and salt of an `a=crypto` attribute: `1 AES_CM_128_HMAC_SHA1_80 inline:…|2^20|1:4`.
fn inline_key(attribute: &str) -> Option<(Profile, Vec<u8>, Vec<u8>)> {
    let mut words = attribute.split_ascii_whitespace();
    words.next()?.parse::<u32>().ok()?;
    let profile = Profile::named(words.next()?)?;
    let inline = words.find_map(|word| word.strip_prefix("inline:"))?;
    let text = inline.split(['|', ';']).next()?;
    let decoded = data_encoding::BASE64_NOPAD.decode(text.trim_end_matches('=').as_bytes()).ok()?;
    let (key, salt) = decoded.split_at_checked(profile.key_len())?;
    (salt.len() == profile.salt_len()).then(|| (profile, key.to_vec(), salt.to_vec()))
}

/// A name by SNI stands before one by authority; the first of a kind stays.
pub(super) fn set_host(flow: &mut Flow, name: &str, from: &'static str) {
    let rank = |from: Option<&str>| match from {
        Some("sni") => 2,
        Some(_) => 1,
        None => 0,
    };
    if rank(Some(from)) > rank(flow.host_from) {
        flow.host = Some(name.trim_end_matches('.').to_ascii_lowercase());
        flow.host_from = Some(from);
    }
}

/// Peels a message, looks for what was planted, and notes what stayed opaque.
pub(super) fn read(flow: &mut Flow, message: &Message, brief: &Brief<'_>, finds: &mut Finds) {
    count(&mut flow.messages, message.direction);
    let tree = field::walk_on(message, brief.protos, &mut finds.continued);
    note_wire(flow, message);
    note_keys(flow, message, &tree, finds);
    let mut in_full = message.whole && tree.exhausted.is_empty();
    for name in &tree.exhausted {
        let detail = format!("{name} of one message");
        flow.add_blind(
            BlindSpot { why: Blind::Budget, direction: message.direction, detail, bytes: 0 },
            budget::FLOW_BLIND,
        );
    }
    let (readable, opaque) = note_opaque(flow, message, &tree);
    hidden::note(flow, message, &tree);
    in_full &= readable;
    let tells = |part: &Part| !matches!(part.kind, PartKind::Header | PartKind::Path) && !part.bytes.is_empty();
    if message.direction == Direction::ToServer && message.parts.iter().any(tells) {
        flow.telling = flow.telling.saturating_add(1);
    }
    if in_full {
        count(&mut flow.read_in_full, message.direction);
    }
    if finds.drawn < budget::PORTRAITS {
        finds.drawn += usize::from(portrait::draw(flow, message, &tree, &opaque));
    }
    let scene = sighting::Scene { capture: &flow.capture, flow: Some(flow.key), flow_start: flow.first_frame };
    gather(&mut finds.pool, &tree, &scene, &opaque);
    if brief.paired && message.direction == Direction::ToServer {
        finds.samples.add(brief.capture, pair::sample(&tree, &scene, &opaque));
    }
    finds.take(sighting::detect(&tree, &brief.cx, &scene));
    let spelled = finds.speller.follow(&tree, &brief.cx, &scene);
    finds.take(spelled);
    if finds.speller.has_forgotten() {
        let detail = "values that go out in pieces".to_owned();
        flow.add_blind(
            BlindSpot { why: Blind::Budget, direction: message.direction, detail, bytes: 0 },
            budget::FLOW_BLIND,
        );
    }
}

/// A conversation is over: what it sent in the middle of a compressed stream goes on where nobody can tell.
pub(super) fn end(flow: &mut Flow, finds: &mut Finds) {
    if finds.continued.forget(&flow.key) {
        let detail = "the rest of what is compressed".to_owned();
        let spot = BlindSpot { why: Blind::Severed, direction: Direction::ToServer, detail, bytes: 0 };
        flow.add_blind(spot, budget::FLOW_BLIND);
    }
}

/// On a clear flow the bytes of bodies are what a listener sees; heads are counted by their dissectors.
fn note_wire(flow: &mut Flow, message: &Message) {
    if !message.layers.is_empty() {
        return;
    }
    for part in &message.parts {
        if matches!(part.kind, PartKind::Body | PartKind::Raw) {
            flow.opacity.merge(&opacity::tally(&part.bytes));
            if message.protocol == "raw" {
                shape::glimpse(flow, message.direction, &part.bytes);
            }
        }
    }
}

/// Remembers the longest opaque fields: they are what a positive control is made of. Says whether the message is
/// understood but for them (noise in an unknown protocol may be anything), and which fields nobody could read as they
/// are.
fn note_opaque(flow: &mut Flow, message: &Message, tree: &Tree<'_>) -> (bool, Vec<Opaque>) {
    let mut readable = true;
    let mut opaque = Vec::new();
    let envelopes = envelopes::note(flow, message, tree);
    for (id, node) in tree.leaves() {
        let bytes = tree.bytes(node);
        if tree.severed.contains(&id) {
            let spot = BlindSpot {
                why: Blind::Severed,
                direction: message.direction,
                detail: "the beginning of what goes on over several messages".to_owned(),
                bytes: bytes.len() as u64,
            };
            flow.add_blind(spot, budget::FLOW_BLIND);
            readable = false;
            continue;
        }
        if bytes.len() < opacity::SHORTEST || !matches!(node.kind, Kind::Bytes) || ocsp::asks(tree, node) {
            continue;
        }
        let sealed = envelopes.get(&id);
        let (class, len) = if let Some(sealed) = sealed {
            (Opacity::Encrypted, sealed.len)
        } else {
            let told = opacity::assess(bytes);
            // A clear header around ciphertext is shut as far as the ciphertext goes.
            let closed = opacity::closed_range(bytes, &told);
            let class = closed.map_or(told.class, |part| part.class);
            (class, closed.map_or(bytes.len() as u64, |part| part.len()))
        };
        let shut = match class {
            Opacity::Compressed | Opacity::Encoded => false,
            Opacity::Plaintext => std::str::from_utf8(bytes).is_err(),
            _ => true,
        };
        if shut && tree.part(node).is_some_and(|part| part.kind != PartKind::Header) {
            opaque.push(Opaque { node: id, class, envelope: sealed.map(|sealed| (sealed.name, sealed.view)) });
        }
        // An envelope in an unknown protocol says nothing of what stands beside it, and not whose it is. Neither does what
        // nobody can tell from noise.
        if message.protocol == "raw" && (class.is_opaque() || (class == Opacity::Unknown && len > HIDING_PLACE)) {
            let spot = BlindSpot {
                why: Blind::Opaque,
                direction: message.direction,
                detail: "unknown protocol".to_owned(),
                bytes: len,
            };
            flow.add_blind(spot, budget::FLOW_BLIND);
            readable = false;
        }
        let standing = aside::standing(tree, id, sealed.is_some());
        if !class.is_opaque() || !flow.wants_opaque(message.direction, standing, len) {
            continue;
        }
        let mut trail = vec![message.protocol.to_owned(), message.label.clone()];
        trail.extend(tree.trail(id));
        trail.extend(sealed.map(|sealed| sealed.name.to_owned()));
        let view = sealed.map_or(node.view(), |sealed| sealed.view);
        let origins = tree.origins(view.buffer, view.start as usize, view.end as usize);
        flow.add_opaque(OpaquePayload {
            len,
            direction: message.direction,
            opacity: class,
            trail: trail.join(" > "),
            frame: origins.first().unwrap_or(flow.first_frame),
            envelope: sealed.map(|sealed| sealed.name),
            standing,
            digest: aside::digest(tree.view(view)),
            carries_none_of: BTreeSet::new(),
            undone: false,
        });
    }
    (readable, opaque)
}

/// Keeps what only a whole run can tell about: payloads that nobody could read, and what may open them.
fn gather(pool: &mut Pool, tree: &Tree<'_>, scene: &sighting::Scene<'_>, opaque: &[Opaque]) {
    let beside = !opaque.is_empty();
    let tokens = collect::tokens(tree, scene, beside, &|rank, bytes| beside || pool.wants_token(rank, bytes));
    if beside {
        let shared: Arc<[Token]> = tokens.iter().map(|(_, token)| token.clone()).collect();
        for opaque in opaque {
            let frame = tree
                .node(opaque.node)
                .and_then(|node| tree.origins(node.buffer, node.start as usize, node.end as usize).first());
            if pool.is_beyond(scene.capture, frame.unwrap_or(scene.flow_start)) {
                pool.skip();
            } else if let Some(payload) = collect::payload(tree, scene, opaque, &shared) {
                pool.add(payload);
            }
        }
    }
    for (rank, token) in tokens {
        pool.add_token(rank, token);
    }
}

fn count(pair: &mut [u64; 2], direction: Direction) {
    let slot = direction.of_mut(pair);
    *slot = slot.saturating_add(1);
}
