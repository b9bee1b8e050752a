//! All that was found: what judges judge on. Evidence of two captures merges, in any order, to the same result.

use crate::model::alias::Aliases;
use crate::model::exposure::Exposure;
use crate::model::flow::Flow;
use crate::model::hook::Hook;
use crate::model::media::MediaKey;
use crate::model::pair::{Compared, Samples};
use crate::model::payload::Pool;
use crate::model::sighting::Sighting;
use crate::model::weakness::Weakness;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// One input file.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Input {
    /// As the scenario names it.
    pub name: String,
    /// `pcap`, `pcapng`, `har` … with `.gz` or `.zst` when compressed.
    pub format: String,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Frames, or records, read.
    pub frames: u64,
    /// First and last time in it, nanoseconds since the epoch.
    pub first_seen: Option<i64>,
    /// Likewise.
    pub last_seen: Option<i64>,
    /// Why it could not be read to its end, with the offset; `None` when it could.
    pub stopped: Option<String>,
    /// Frames that hold no IP packet, or one that could not be read, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Frames that the snapshot length cut.
    pub cut_frames: u64,
    /// Secrets found inside it or supplied beside it.
    pub secrets: u64,
    /// Files of keys that were supplied beside it.
    pub keys: Vec<KeyFile>,
    /// Budgets that bit, and other things an auditor should know.
    pub notes: Vec<String>,
}

/// A file of keys, and what its keys are for.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct KeyFile {
    /// As the scenario names it.
    pub name: String,
    /// Sessions of TLS, DTLS and QUIC: an NSS key log.
    pub tls: bool,
    /// A server's RSA key.
    pub rsa: bool,
    /// WireGuard.
    pub wireguard: bool,
}

impl Input {
    /// Its format without what it is wrapped in: `pcap`, `har` …
    pub fn bare_format(&self) -> &str {
        self.format.split('.').next().unwrap_or_default()
    }

    /// Whether some of it is missing: it could not be read to its end, or its frames were cut when they were captured.
    pub const fn is_cut(&self) -> bool {
        self.stopped.is_some() || self.cut_frames > 0
    }
}

/// All that was found.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The inputs, by name.
    pub inputs: Vec<Input>,
    /// The conversations, in order.
    pub flows: Vec<Flow>,
    /// The sightings, in order.
    pub sightings: Vec<Sighting>,
    /// Encryption that is provably poor, in order.
    pub weaknesses: Vec<Weakness>,
    /// Opaque payloads and short values, for what only a whole run can show.
    pub pool: Pool,
    /// Messages of captures that pairs name.
    pub samples: Samples,
    /// What pairs of runs show, in file order.
    pub pairs: Vec<Compared>,
    /// What hooks in the app logged of its encryption, by capture.
    pub hooks: BTreeMap<String, Vec<Hook>>,
    /// Keys of media that travelled in session descriptions.
    pub media_keys: Vec<MediaKey>,
    /// What an auditor should know about the run as a whole: budgets that bit.
    pub notes: Vec<String>,
    /// Secrets that were supplied for whatever they may open, each once.
    pub secrets: u64,
    /// Names that DNS answers gave to addresses; of several the least is kept.
    pub names: BTreeMap<IpAddr, String>,
    /// Other names that DNS answers led over.
    pub aliases: Aliases,
    /// Sightings over the budget: found, counted, not kept.
    pub sightings_dropped: u64,
    /// What the dumps expose, all of them together; `None` without any.
    pub exposure: Option<Exposure>,
    /// Records of dumps that were skipped, or not read in full.
    pub unread_records: u64,
    /// Conversations closed early because there were too many at once.
    pub evicted: u64,
    /// Conversations that carried no payload; they are not listed.
    pub empty: u64,
}

impl Evidence {
    /// Adds all of `other`; the order of adding does not matter once [`Evidence::settle`] has run.
    pub fn merge(&mut self, other: Self) {
        self.inputs.extend(other.inputs);
        self.flows.extend(other.flows);
        self.media_keys.extend(other.media_keys);
        self.sightings.extend(other.sightings);
        self.weaknesses.extend(other.weaknesses);
        self.notes.extend(other.notes);
        self.pool.merge(other.pool);
        self.samples.merge(other.samples);
        self.pairs.extend(other.pairs);
        for (capture, hooks) in other.hooks {
            self.hooks.entry(capture).or_default().extend(hooks);
        }
        self.aliases.merge(other.aliases);
        for (ip, name) in other.names {
            self.add_name(ip, name);
        }
        self.sightings_dropped = self.sightings_dropped.saturating_add(other.sightings_dropped);
        self.secrets = self.secrets.max(other.secrets);
        self.unread_records = self.unread_records.saturating_add(other.unread_records);
        self.evicted = self.evicted.saturating_add(other.evicted);
        self.empty = self.empty.saturating_add(other.empty);
    }

    /// Notes a DNS answer. Of several names for one address the least is kept, whatever order they came in.
    pub fn add_name(&mut self, ip: IpAddr, name: String) {
        let known = self.names.entry(ip).or_insert_with(|| name.clone());
        if name < *known {
            *known = name;
        }
    }

    /// Puts everything in its order.
    pub fn settle(&mut self) {
        self.inputs.sort();
        self.flows.sort_by(|a, b| a.order().cmp(&b.order()));
        self.sightings.sort_by(|a, b| a.order().cmp(&b.order()));
        self.sightings.dedup();
        self.weaknesses.sort_by(|a, b| a.order().cmp(&b.order()));
        self.weaknesses.dedup();
    }
}
