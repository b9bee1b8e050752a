//! What is known of one conversation once it is over.

use crate::model::envelope::Envelope;
use crate::model::media::{MediaKey, MediaStream};
use crate::model::opacity::{Glimpse, Opacity, OpacityTally, Range};
use crate::model::origin::FrameNo;
use crate::model::portrait::Portraits;
use crate::model::scenario::Party;
use crate::model::stream::{Direction, Ending, FlowKey};
use crate::model::time::Timestamp;
use crate::model::trace::Trace;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Why bytes of a flow could not be read. The order is the order of telling.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blind {
    /// Encrypted, and no secret was supplied for it.
    NoKeys,
    /// Encrypted, and the supplied secrets do not open it.
    WrongKeys,
    /// Encrypted with something this version cannot decrypt.
    Unsupported,
    /// Encrypted, and the handshake that names its keys is not in the capture.
    HandshakeMissing,
    /// Segments, records or whole ends of it are not in the capture.
    Lost,
    /// A piece of something compressed that its other pieces were not found to: they are elsewhere, or nowhere.
    Severed,
    /// Sent twice, and not the same: who received it read one of the two.
    Ambiguous,
    /// The capture ended, or was cut, in the middle of a message.
    Truncated,
    /// Not what its protocol allows; what follows could not be read.
    Malformed,
    /// An evidence format that loses bytes lost some here.
    Lossy,
    /// A budget ran out.
    Budget,
    /// No known protocol, and the bytes look random: it may be anything.
    Opaque,
    /// Media of which it does not show whether it is encrypted: it may be a call that anyone can hear.
    Unheard,
}

impl Blind {
    /// As JSON spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoKeys => "no-keys",
            Self::WrongKeys => "wrong-keys",
            Self::Unsupported => "unsupported",
            Self::HandshakeMissing => "handshake-missing",
            Self::Lost => "lost",
            Self::Severed => "severed",
            Self::Ambiguous => "ambiguous",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::Lossy => "lossy",
            Self::Budget => "budget",
            Self::Opaque => "opaque",
            Self::Unheard => "unheard",
        }
    }

    /// For people: "2 flows …", where no secret was supplied for anything.
    pub const fn says(self) -> &'static str {
        match self {
            Self::NoKeys => "encrypted, no keys supplied",
            Self::WrongKeys => "encrypted, the supplied keys do not open it",
            Self::Unsupported => "encrypted with an unsupported suite or version",
            Self::HandshakeMissing => "encrypted, handshake not captured",
            Self::Lost => "packets missing from the capture",
            Self::Severed => "compressed, and the pieces it goes on from or in were not found",
            Self::Ambiguous => "sent twice with different content",
            Self::Truncated => "cut off in the middle of a message",
            Self::Malformed => "malformed, could not be read to its end",
            Self::Lossy => "bytes lost by the evidence format",
            Self::Budget => "a budget ran out",
            Self::Opaque => "unknown protocol, random-looking",
            Self::Unheard => "media, and whether it is encrypted does not show",
        }
    }

    /// For people, where so many secrets were supplied for whatever they may open.
    pub fn told(self, secrets: u64) -> Cow<'static, str> {
        match (self, secrets) {
            (Self::NoKeys, 1) => Cow::Borrowed("encrypted, and the one secret supplied does not fit"),
            (Self::NoKeys, 2..) => Cow::Owned(format!("encrypted, and none of the {secrets} secrets supplied fits")),
            _ => Cow::Borrowed(self.says()),
        }
    }
}

/// A stretch of a flow that could not be read.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct BlindSpot {
    /// Why.
    pub why: Blind,
    /// Which way.
    pub direction: Direction,
    /// What exactly, for engineers: `TLS_GOSTR341112_256_WITH_KUZNYECHIK…`, `client random not in key log`.
    pub detail: String,
    /// How many bytes, as far as known.
    pub bytes: u64,
}

/// Name of the fact that says which session a flow carries: flows with the same value carry one connection that changed
/// its address.
pub const SESSION: &str = "quic.session";

/// Name of the fact that says under which name of somebody else's a server of the vendor's name has its address.
pub const ALIAS: &str = "dns.alias";

/// Name of the fact that says which algorithm an app sealed payloads of a flow with, as its logged keys show, and which
/// planted values are inside.
pub const OPENED: &str = "hook.opened";

/// Something a dissector learned about a flow that a judge may need: version, cipher suite, certificate …
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Fact {
    /// Dotted kebab-case: `tls.version`, `tls.cipher-suite`, `tls.sni`, `tls.alpn`, `tls.ja4` …
    pub name: &'static str,
    /// Its value, for people.
    pub value: String,
    /// Why this is a provable weakness of the transport; `None` for most facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weakness: Option<&'static str>,
}

/// Where an opaque payload stands in its message.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Standing {
    /// Where content does.
    #[default]
    Content,
    /// Where tokens, keys and digests do, in a header, in a path or under a name of theirs: no sign that content was sent,
    /// though it may hide some.
    Aside,
    /// In a text or a name, where ciphertext in an alphabet of somebody's own may be, or a stretch of a field that reads
    /// otherwise: no sign that content was sent, though it may hide some.
    Text,
    /// What proves who asks: an authorization header, a cookie, the signature of a web token.
    Credential,
}

/// An opaque payload of the app's own: what a positive control is made of.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct OpaquePayload {
    /// Length in bytes, fully decoded.
    pub len: u64,
    /// Which way.
    #[serde(skip)]
    pub direction: Direction,
    /// Random-looking, or encrypted by positive evidence.
    pub opacity: Opacity,
    /// How it was reached.
    pub trail: String,
    /// First frame that carried it.
    pub frame: FrameNo,
    /// A recognised end-to-end envelope, by registry name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<&'static str>,
    /// Where it stands.
    #[serde(skip)]
    pub standing: Standing,
    /// Equal for equal bytes.
    #[serde(skip)]
    pub digest: u64,
    /// Ids of planted values that it does not carry: it was the same in runs in which others were sent.
    #[serde(skip)]
    pub carries_none_of: BTreeSet<String>,
    /// Its encryption is none, and all that it holds was read once that was undone.
    #[serde(skip)]
    pub undone: bool,
}

impl OpaquePayload {
    /// Whether nobody here knows what it holds, however poor its encryption may be.
    pub const fn is_shut(&self) -> bool {
        (self.opacity.is_opaque() || matches!(self.opacity, Opacity::WeaklyEncrypted)) && !self.undone
    }
}

/// Another capture that saw a conversation, and where in it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Seen {
    /// The capture, as the scenario names it.
    pub capture: String,
    /// The two ends, as that capture shows them.
    pub key: FlowKey,
    /// First frame there.
    pub first_frame: FrameNo,
}

/// One conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// The capture, as the scenario names it.
    pub capture: String,
    /// Its two ends.
    pub key: FlowKey,
    /// First frame.
    pub first_frame: FrameNo,
    /// Last frame.
    pub last_frame: FrameNo,
    /// When its first frame was captured.
    pub first_seen: Timestamp,
    /// When its last frame was captured.
    pub last_seen: Timestamp,
    /// How many flows this row sums up; 1 unless there were too many to list.
    pub count: u64,
    /// The server's name, by TLS SNI, else HTTP authority, else DNS.
    pub host: Option<String>,
    /// Where `host` comes from: `sni`, `authority`, `dns`.
    pub host_from: Option<&'static str>,
    /// Whose server it is; set when the name is known.
    pub party: Party,
    /// Innermost recognised protocol, registry name; `unknown` without any.
    pub protocol: &'static str,
    /// Transport payload bytes, to the server and to the client, retransmissions not counted.
    pub bytes: [u64; 2],
    /// What a listener on the network sees.
    pub opacity: OpacityTally,
    /// Supplied secrets opened application data.
    pub decrypted: bool,
    /// A layer around its messages hides them from the network.
    pub secure: bool,
    /// Messages, to the server and to the client.
    pub messages: [u64; 2],
    /// Messages read in full, to the server and to the client.
    pub read_in_full: [u64; 2],
    /// Messages to the server that carry content: a body, or a query.
    pub telling: u64,
    /// Bytes that could not be read, to the server and to the client (ciphertext without keys, lost, over budget).
    pub unread: [u64; 2],
    /// The capture ended in the middle of it: whatever came next, here or elsewhere, is not in the evidence.
    pub cut_by_end: bool,
    /// How it ended, as far as the evidence says.
    pub ended: Option<Ending>,
    /// Why, distinct and bounded.
    pub blind: Vec<BlindSpot>,
    /// The longest opaque payloads of its messages, longest first, bounded.
    pub opaque: Vec<OpaquePayload>,
    /// End-to-end envelopes recognised in its messages, by kind, in order.
    pub envelopes: Vec<Envelope>,
    /// Longest stretch of sealed application data towards the server, opened with keys or not, in bytes of plaintext it
    /// could hold: one record, or consecutive records in one direction.
    pub sealed_to_server: u64,
    /// Media packets (RTP, SRTP) seen.
    pub media_packets: u64,
    /// Media streams of it that nobody has looked into yet.
    pub media: Vec<MediaStream>,
    /// Keys of media that its handshakes made.
    pub media_keys: Vec<MediaKey>,
    /// What dissectors learned.
    pub facts: Vec<Fact>,
    /// The first messages in an unknown protocol, each way, until its segments are told.
    pub glimpses: [Vec<Glimpse>; 2],
    /// How some of its messages look.
    pub portraits: Portraits,
    /// What its messages are made of, range by range, where their protocol is unknown.
    pub segments: Vec<Range>,
    /// What tells it from every other, whoever captured it.
    pub trace: Trace,
    /// Other captures that saw it, in order.
    pub also: Vec<Seen>,
    /// Who on the phone spoke: a process or an SDK, by what recorded it.
    pub app: Option<String>,
    /// Planted values that the app sealed before it sent them to the server, as its logged keys show, by id, and in how
    /// many payloads.
    pub sealed_inside: BTreeMap<String, u64>,
    /// Planted values whose length an opaque payload to the server follows from run to run, by id, and how long it is.
    pub follows: BTreeMap<String, u64>,
    /// Planted values of which that may be so.
    pub may_follow: BTreeSet<String>,
}

impl Flow {
    /// A flow that has just been opened.
    pub fn new(capture: &str, key: FlowKey, frame: FrameNo, at: Timestamp) -> Self {
        Self {
            capture: capture.to_owned(),
            key,
            first_frame: frame,
            last_frame: frame,
            first_seen: at,
            last_seen: at,
            count: 1,
            host: None,
            host_from: None,
            party: Party::Unlisted,
            protocol: "unknown",
            bytes: [0; 2],
            opacity: OpacityTally::default(),
            decrypted: false,
            secure: false,
            messages: [0; 2],
            read_in_full: [0; 2],
            telling: 0,
            unread: [0; 2],
            cut_by_end: false,
            ended: None,
            blind: Vec::new(),
            opaque: Vec::new(),
            envelopes: Vec::new(),
            sealed_to_server: 0,
            media_packets: 0,
            media: Vec::new(),
            media_keys: Vec::new(),
            facts: Vec::new(),
            glimpses: [Vec::new(), Vec::new()],
            portraits: Portraits::default(),
            segments: Vec::new(),
            trace: Trace::default(),
            also: Vec::new(),
            app: None,
            sealed_inside: BTreeMap::new(),
            follows: BTreeMap::new(),
            may_follow: BTreeSet::new(),
        }
    }

    /// Adds a blind spot; equal reasons and details add up.
    pub fn add_blind(&mut self, spot: BlindSpot, limit: usize) {
        let unread = spot.direction.of_mut(&mut self.unread);
        *unread = unread.saturating_add(spot.bytes);
        let same = |s: &BlindSpot| s.why == spot.why && s.direction == spot.direction && s.detail == spot.detail;
        let room = self.blind.len() < limit;
        let index = self.blind.iter().position(same).or_else(|| {
            // Out of room: details are summed up under their reason, and a reason is never lost.
            if room { None } else { self.blind.iter().rposition(|s| s.why == spot.why) }
        });
        match index.and_then(|index| self.blind.get_mut(index)) {
            Some(known) => known.bytes = known.bytes.saturating_add(spot.bytes),
            None => self.blind.push(spot),
        }
    }

    /// Adds another flow of the same kin to this one, when there are too many to list.
    pub fn absorb(&mut self, other: Self) {
        self.trace = Trace::default();
        self.also = Vec::new();
        if self.app != other.app {
            self.app = None;
        }
        self.count = self.count.saturating_add(other.count);
        self.first_frame = self.first_frame.min(other.first_frame);
        self.last_frame = self.last_frame.max(other.last_frame);
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        let add = |into: &mut [u64; 2], from: [u64; 2]| {
            for (into, from) in into.iter_mut().zip(from) {
                *into = into.saturating_add(from);
            }
        };
        add(&mut self.bytes, other.bytes);
        add(&mut self.messages, other.messages);
        add(&mut self.read_in_full, other.read_in_full);
        add(&mut self.unread, other.unread);
        self.cut_by_end |= other.cut_by_end;
        self.ended = self.ended.filter(|how| other.ended == Some(*how));
        self.telling = self.telling.saturating_add(other.telling);
        self.opacity.merge(&other.opacity);
        self.sealed_to_server = self.sealed_to_server.max(other.sealed_to_server);
        self.media_packets = self.media_packets.saturating_add(other.media_packets);
        for stream in other.media {
            // Its packets are another conversation's: what is not looked into alone is not looked into.
            let detail = "media streams".to_owned();
            let spot = BlindSpot { why: Blind::Budget, direction: stream.direction, detail, bytes: stream.bytes };
            self.add_blind(spot, crate::model::budget::FLOW_BLIND);
        }
        let unread = self.unread;
        for spot in other.blind {
            self.add_blind(spot, crate::model::budget::FLOW_BLIND);
        }
        // The bytes of the spots are in the sum already.
        self.unread = unread;
        for fact in other.facts {
            if self.facts.len() < crate::model::budget::FLOW_FACTS || fact.weakness.is_some() {
                self.add_fact(fact);
            }
        }
        if self.segments.is_empty() {
            self.segments = other.segments;
        }
        self.portraits.merge(other.portraits);
        for payload in other.opaque {
            self.add_opaque(payload);
        }
        for envelope in other.envelopes {
            self.add_envelope(envelope);
        }
        for (planted, places) in other.sealed_inside {
            let known = self.sealed_inside.entry(planted).or_default();
            *known = known.saturating_add(places);
        }
        self.may_follow.extend(other.may_follow);
        for (planted, len) in other.follows {
            let known = self.follows.entry(planted).or_default();
            *known = (*known).max(len);
        }
    }

    /// Remembers an opaque payload, if it is among the longest of its direction, tokens and content told apart.
    pub fn add_opaque(&mut self, payload: OpaquePayload) {
        let kind = (payload.direction, payload.standing);
        self.opaque.push(payload);
        self.opaque.sort_by(|a, b| b.len.cmp(&a.len).then_with(|| a.cmp(b)));
        let same = |known: &OpaquePayload| (known.direction, known.standing) == kind;
        if self.opaque.iter().filter(|known| same(known)).count() > crate::model::budget::FLOW_PAYLOADS
            && let Some(shortest) = self.opaque.iter().rposition(same)
        {
            self.opaque.remove(shortest);
        }
    }

    /// Counts an envelope with those of its kind, of which the longest is told (there are few kinds).
    pub fn add_envelope(&mut self, envelope: Envelope) {
        let known = self.envelopes.iter_mut().find(|known| known.is_like(&envelope));
        if let Some(known) = known {
            let count = known.count.saturating_add(envelope.count);
            let better = (envelope.longest, std::cmp::Reverse((envelope.frame, &envelope.trail)))
                > (known.longest, std::cmp::Reverse((known.frame, &known.trail)));
            if better {
                *known = envelope;
            }
            known.count = count;
        } else {
            self.envelopes.push(envelope);
            self.envelopes.sort_by(|a, b| a.order().cmp(&b.order()));
        }
    }

    /// Whether a payload of `len` bytes would be among the longest of its kind.
    pub fn wants_opaque(&self, direction: Direction, standing: Standing, len: u64) -> bool {
        let mut rivals = self.opaque.iter().filter(|known| (known.direction, known.standing) == (direction, standing));
        rivals.clone().count() < crate::model::budget::FLOW_PAYLOADS || rivals.any(|known| known.len < len)
    }

    /// Adds a fact once.
    pub fn add_fact(&mut self, fact: Fact) {
        if !self.facts.contains(&fact) {
            self.facts.push(fact);
        }
    }

    /// What places of sightings name it by: its capture, ends and first frame, in every capture that saw it.
    pub fn ids(&self) -> impl Iterator<Item = (&str, FlowKey, FrameNo)> {
        let own = (self.capture.as_str(), self.key, self.first_frame);
        let also = self.also.iter().map(|seen| (seen.capture.as_str(), seen.key, seen.first_frame));
        std::iter::once(own).chain(also)
    }

    /// The order flows are listed in.
    pub fn order(&self) -> impl Ord + '_ {
        (self.capture.as_str(), self.first_frame, self.key, self.protocol)
    }
}
