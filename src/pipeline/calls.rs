//! The stage that listens in: media streams of the whole run, with every key that went by. What can be heard becomes a
//! sighting; what stays shut counts as sent, and as unread.

use crate::message::crypto::srtp::Srtp;
use crate::message::media;
use crate::model::budget;
use crate::model::evidence::Evidence;
use crate::model::flow::{Blind, BlindSpot, Fact, Flow};
use crate::model::media::{KeySource, MediaKey, MediaStream, Profile};
use crate::model::opacity::Opacity;
use crate::model::scenario::{Parties, Party};
use crate::model::sighting::{CLIP, Excerpt, Masked, Place, Sighting, Strength};
use crate::model::taxonomy::Data;
use crate::sighting::call::{self, Call, Heard, Payload};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Packets of a stream on which a key is tried.
const TRIALS: usize = 4;
/// Rollover counters that a stream may have had when the capture began.
const ROLLS: u64 = 4;

/// Looks into all media of a run.
pub(super) fn listen_in(evidence: &mut Evidence, parties: &Parties) {
    let ready = |keys: Vec<MediaKey>| -> Vec<(MediaKey, Srtp)> {
        keys.into_iter().filter_map(|key| Srtp::new(&key).map(|opener| (key, opener))).collect()
    };
    let described = ready(std::mem::take(&mut evidence.media_keys));
    if described.len() >= budget::MEDIA_KEYS {
        evidence.notes.push("not every key of a session description was tried: there were too many".to_owned());
    }
    for flow in &mut evidence.flows {
        let keys = ready(std::mem::take(&mut flow.media_keys));
        for stream in std::mem::take(&mut flow.media) {
            let opened = keys
                .iter()
                .chain(&described)
                .find_map(|(key, opener)| open(opener, &stream).map(|payloads| (key, key.profile, payloads)));
            let found = match opened {
                Some((key, profile, payloads)) => {
                    shut(flow, &stream, key, profile, &payloads, (parties, &evidence.names))
                }
                None => bare(flow, &stream),
            };
            match found {
                Some(_) if evidence.sightings.len() >= budget::SIGHTINGS => {
                    evidence.sightings_dropped = evidence.sightings_dropped.saturating_add(1);
                }
                Some(sighting) => evidence.sightings.push(sighting),
                None => {}
            }
        }
    }
}

/// The payloads of a stream in order, each once.
fn in_order(mut payloads: Vec<Payload>) -> Vec<Payload> {
    payloads.sort_by_key(|payload| (payload.sequence, payload.frame));
    payloads.dedup_by_key(|payload| payload.sequence);
    payloads
}

/// The payloads of a stream, if this key opens it.
fn open(srtp: &Srtp, stream: &MediaStream) -> Option<Vec<Payload>> {
    let roll = stream.sample.iter().take(TRIALS).find_map(|packet| {
        (0..ROLLS).map(|roll| roll << 16).find(|roll| srtp.open(&packet.bytes, packet.sequence + roll).is_some())
    })?;
    let payloads = stream.sample.iter().filter_map(|packet| {
        let body = srtp.open(&packet.bytes, packet.sequence + roll)?;
        let header = media::header(&packet.bytes).filter(|header| header.payload_type == stream.payload_type)?;
        let bytes = media::without_padding(&header, &body)?;
        Some(Payload { frame: packet.frame, sequence: packet.sequence, timestamp: header.timestamp, bytes })
    });
    Some(in_order(payloads.collect()))
}

/// A stream of SRTP that a key opened.
fn shut(
    flow: &mut Flow,
    stream: &MediaStream,
    key: &MediaKey,
    profile: Profile,
    payloads: &[Payload],
    (parties, names): (&Parties, &BTreeMap<IpAddr, String>),
) -> Option<Sighting> {
    let secret = !matches!(profile, Profile::Null80 | Profile::Null32);
    flow.add_fact(Fact { name: "srtp.profile", value: profile.label(), weakness: None });
    flow.opacity.add(if secret { Opacity::Encrypted } else { Opacity::Compressed }, stream.bytes);
    flow.decrypted |= secret && key.source == KeySource::Dtls;
    flow.media_packets = flow.media_packets.saturating_add(stream.packets);
    let heard = call::hear(&Call { payload_type: stream.payload_type, opened: true, payloads });
    let (_, Heard::Audio { .. }) = &heard else {
        let detail = format!("media of payload type {}, opened and not understood", stream.payload_type);
        blind(flow, stream, Blind::Unsupported, detail);
        return None;
    };
    let trail = format!("srtp ({})", profile.label());
    match &key.source {
        _ if !secret => sighting(flow, stream, heard, false, trail, "was not encrypted, only authenticated", true),
        KeySource::Dtls => {
            flow.secure = true;
            // Whoever ends the encryption hears it. Where that is nobody listed, it may be the person called.
            let host = flow.host.as_deref().or_else(|| names.get(&flow.key.server.ip).map(String::as_str));
            let party = parties.party_of(host, Some(flow.key.server.ip));
            let listed = !matches!(party, Party::Unlisted);
            if !listed {
                let detail = "media, opened at an end that is nobody's who is listed".to_owned();
                blind(flow, stream, Blind::Unsupported, detail);
            }
            sighting(flow, stream, heard, true, trail, "could be heard where its encryption ends", listed)
        }
        KeySource::Description(place) if !place.secured => {
            let why = "was encrypted with a key that travelled in clear";
            sighting(flow, stream, heard, false, trail, why, true)
        }
        KeySource::Description(place) => {
            // Whoever read the description had the key: that is where the call could be heard.
            let mut found = sighting(flow, stream, heard, true, trail, "was encrypted with a key that went to", true)?;
            found.reason = format!("{} its signalling server.", found.reason.trim_end_matches('.'));
            let frames = found.place.frames;
            found.place = Place { frames: [place.frames.clone(), frames].concat(), ..(**place).clone() };
            found.place.frames.sort_unstable();
            found.place.frames.dedup();
            found.place.trail.push("media key".to_owned());
            Some(found)
        }
    }
}

/// A stream that no key opened: in clear, or not.
fn bare(flow: &mut Flow, stream: &MediaStream) -> Option<Sighting> {
    let payloads = stream.sample.iter().filter_map(|packet| {
        let header = media::header(&packet.bytes)?;
        let body = packet.bytes.get(header.len..)?;
        let bytes = media::without_padding(&header, body).unwrap_or_else(|| body.to_vec());
        (header.payload_type == stream.payload_type).then_some(Payload {
            frame: packet.frame,
            sequence: packet.sequence,
            timestamp: header.timestamp,
            bytes,
        })
    });
    let payloads = in_order(payloads.collect());
    let heard = call::hear(&Call { payload_type: stream.payload_type, opened: false, payloads: &payloads });
    let agreed = flow.facts.iter().any(|fact| fact.name == "dtls.use-srtp" && fact.weakness.is_none());
    match heard.1 {
        Heard::Audio { .. } => {
            flow.media_packets = flow.media_packets.saturating_add(stream.packets);
            flow.opacity.add(Opacity::Compressed, stream.bytes);
            sighting(flow, stream, heard, false, "rtp".to_owned(), "was sent without encryption", true)
        }
        Heard::Encrypted => {
            encrypted(flow, stream, "noise where its codec has structure");
            None
        }
        Heard::Unknown if agreed => {
            encrypted(flow, stream, "keys agreed in DTLS");
            None
        }
        Heard::Unknown => {
            let class = if stream.sample.is_empty() { Opacity::Unknown } else { Opacity::RandomLooking };
            flow.opacity.add(class, stream.bytes);
            let detail = format!("media of payload type {}: encrypted or not, it does not show", stream.payload_type);
            blind(flow, stream, Blind::Unheard, detail);
            None
        }
    }
}

fn encrypted(flow: &mut Flow, stream: &MediaStream, why: &str) {
    flow.secure = true;
    flow.opacity.add(Opacity::Encrypted, stream.bytes);
    flow.media_packets = flow.media_packets.saturating_add(stream.packets);
    blind(flow, stream, Blind::NoKeys, format!("SRTP: {why}"));
}

fn blind(flow: &mut Flow, stream: &MediaStream, why: Blind, detail: String) {
    let spot = BlindSpot { why, direction: stream.direction, detail, bytes: stream.bytes };
    flow.add_blind(spot, budget::FLOW_BLIND);
}

/// What can be heard, as a sighting in its flow.
fn sighting(
    flow: &Flow,
    stream: &MediaStream,
    (card, heard): (&'static crate::sighting::Card, Heard),
    secured: bool,
    step: String,
    why: &str,
    conclusive: bool,
) -> Option<Sighting> {
    let Heard::Audio { codec, form, clip, frames } = heard else { return None };
    let mut trail: Vec<String> = stream.layers.iter().map(|layer| layer.name.clone()).collect();
    trail.push(step);
    trail.push(format!("{codec} (source {:08x})", stream.ssrc));
    let found = match &clip {
        Some(clip) => format!("{CLIP}{}", data_encoding::BASE64.encode(clip)),
        None => codec.to_owned(),
    };
    let secured = secured || stream.layers.iter().any(|layer| layer.secure);
    Some(Sighting {
        detector: card.id,
        data: Data::CallAudio,
        planted: None,
        form: form.to_owned(),
        strength: Strength::Value,
        place: Place {
            capture: flow.capture.clone(),
            flow: Some(flow.key),
            flow_start: flow.first_frame,
            direction: stream.direction,
            at: stream.at,
            authority: None,
            secured,
            frames,
            part: None,
            bytes: (0, stream.bytes),
            trail,
        },
        excerpt: Excerpt { before: Masked::default(), found: Masked::new(found), after: Masked::default() },
        reason: format!("A call of {} packets in {codec} {why}.", stream.packets),
        conclusive,
        party: Party::Unlisted,
        audiences: Vec::new(),
    })
}
