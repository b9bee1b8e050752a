//! What plainsight reads of a capture: streams and messages.

use anyhow::{Context as _, Result};
use plainsight::field;
use plainsight::model::message::PartKind;
use plainsight::model::packet::Endpoint;
use plainsight::model::stream::{Direction, Transport};
use plainsight::pipeline::overhear::{Overheard, overhear};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One end of a conversation sending to the other.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Way {
    /// TCP or UDP.
    pub(crate) transport: Transport,
    /// Who sends.
    pub(crate) from: Endpoint,
    /// To whom.
    pub(crate) to: Endpoint,
}

/// A piece of a message.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Registry name of the protocol.
    pub(crate) protocol: &'static str,
    /// What it is, for people: `body`, `header cookie`.
    pub(crate) what: String,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Bytes each way.
    pub(crate) streams: BTreeMap<Way, Vec<u8>>,
    /// Pieces of messages.
    pub(crate) pieces: Vec<Piece>,
    /// What the pieces say in other words: labels, targets put together again, what their encodings hide.
    pub(crate) said: BTreeSet<Vec<u8>>,
}

/// Reads a capture.
pub(crate) fn read(capture: &Path, keys: &[PathBuf]) -> Result<Reading> {
    let mut reading = Reading::default();
    overhear(capture, keys, &mut |heard| match heard {
        Overheard::Bytes { flow, direction, bytes } => {
            let (from, to) = match direction {
                Direction::ToServer => (flow.client, flow.server),
                Direction::ToClient => (flow.server, flow.client),
            };
            let way = Way { transport: flow.transport, from, to };
            reading.streams.entry(way).or_default().extend_from_slice(bytes);
        }
        Overheard::Message(message) => {
            reading.said.extend(message.label.split(' ').map(|word| word.as_bytes().to_vec()));
            let part = |kind| message.parts.iter().find(|part| part.kind == kind).map(|part| part.bytes.as_slice());
            if let (Some(path), Some(query)) = (part(PartKind::Path), part(PartKind::Query)) {
                reading.said.insert([path, b"?", query].concat());
            }
            let tree = field::walk(message);
            reading.said.extend(tree.nodes.iter().map(|node| tree.bytes(node).to_vec()));
            for part in &message.parts {
                let what = match part.kind {
                    PartKind::Header => format!("header {}", part.name),
                    PartKind::Path => "path".to_owned(),
                    PartKind::Query => "query".to_owned(),
                    PartKind::Body => "body".to_owned(),
                    PartKind::Raw => "raw".to_owned(),
                };
                reading.pieces.push(Piece { protocol: message.protocol, what, bytes: part.bytes.clone() });
            }
        }
    })
    .with_context(|| format!("plainsight cannot read {}", capture.display()))?;
    Ok(reading)
}
