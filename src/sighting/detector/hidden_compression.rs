//! Compressed text, turned round or under a short key: its head tells the key, its checksum proves it.

use crate::sighting::run::cipher::packed;
use crate::sighting::run::{Find, Proof, Run, RunCard, RunDetector, Session};
use data_encoding::HEXLOWER;
use std::collections::{BTreeMap, BTreeSet};

/// The detector.
pub(super) struct HiddenCompression;

static CARD: RunCard = RunCard {
    id: "hidden-compression",
    title: "Compressed text that is no more than hidden",
    why: "What a compressed stream begins with is known to everybody: it gives away the key, and nothing was encrypted.",
    bound: "What comes out must be one gzip stream to its last byte, its CRC-32 and length right, or one zlib stream with the \
            right Adler-32, of 16 bytes or more. Of 2^10 keys that are tried on a payload of noise one gives a gzip stream \
            with 2^-54, a zlib stream with 2^-32 and the chance that noise inflates to just its end, less than 2^-10.",
    hits: &[
        // gzip under one byte.
        Session {
            payloads: &[
                "45d1525a5a5a5a5a5859f10c70930de8089076910d880b7013f7725b281868084f6808d1a8a94e2848a908d04f48114e0810d1e94fc808d16909084f10da88e3c3636310ef5ab5bef7c9675a5a5a",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
        // gzip under four.
        Session {
            payloads: &[
                "74bc597a6b37517a6934fa2c41fe06c839fd7db13ce50050229a797b197563287e0503f199c4450879c403f07e251a6e397ddac97ea503f15864036f21b783c3f20e6830de37be9ec6a46c7a6b37",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
        // zlib, turned round.
        Session {
            payloads: &[
                "b514e76b00b54a393999b9d2804a155253338b529215b38b4a52144b12158a52f3127214f3f28b523215523242720128ad492a51d257cb2cca52b257c92a56ab9c78",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
    ],
    misses: &[Session {
        payloads: &[
            "8b42bd9e62a39f3a90d33aae9f8e6da5da05f0feecc1cb0f4b0ff1e2c3746c1a3f6e20d1c8b79a5e4d7c6f8a1b2e09d37c1de9f3d2b4856f",
        ],
        tokens: &[],
        planted: &[],
        second: 0,
    }],
};

/// Longest key: so much of a gzip stream's head is usually the same.
const LONGEST: usize = 10;
/// Longest key that the first bytes of any gzip stream tell, whenever it was made.
const ANY_TIME: usize = 4;
/// Longest key that the first bytes of a zlib stream tell.
const ZLIB: usize = 2;
/// Payloads of a kind on which longer keys are tried.
const TRIED: usize = 8;
/// Bytes below which what comes out proves nothing.
const LEAST: usize = 16;

/// How a stream was hidden.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Way {
    /// The last byte first.
    turned: bool,
    /// The key was added, not XORed.
    added: bool,
    /// Empty where there is none.
    key: Vec<u8>,
}

impl Way {
    fn undo(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        if self.turned {
            out.reverse();
        }
        for (byte, key) in out.iter_mut().zip(self.key.iter().cycle()) {
            *byte = if self.added { byte.wrapping_sub(*key) } else { *byte ^ key };
        }
        out
    }

    fn step(&self) -> String {
        let how = if self.added { "addition of" } else { "xor with" };
        let key = match self.key.len() {
            0 => None,
            1 => Some(format!("{how} one byte")),
            len => Some(format!("{how} a repeating key of {len} bytes")),
        };
        let turned = self.turned.then(|| "bytes turned round".to_owned());
        turned.into_iter().chain(key).collect::<Vec<_>>().join(", ")
    }

    fn says(&self) -> String {
        if self.key.is_empty() { self.step() } else { format!("{}: {}", self.step(), HEXLOWER.encode(&self.key)) }
    }
}

impl RunDetector for HiddenCompression {
    fn card(&self) -> &'static RunCard {
        &CARD
    }

    fn on_run(&self, run: &Run<'_>, out: &mut Vec<Find>) {
        let read: BTreeSet<usize> = out
            .iter()
            .filter(|find| find.undone.is_some())
            .flat_map(|find| &find.proof)
            .map(|proof| proof.payload)
            .collect();
        for members in run.slots().into_values() {
            let mut known: Vec<Way> = Vec::new();
            let mut opened: BTreeMap<Way, Vec<Proof>> = BTreeMap::new();
            let shut = members.into_iter().filter(|index| !read.contains(index));
            for (nth, index) in shut.enumerate() {
                let Some(payload) = run.payloads.get(index).filter(|payload| payload.is_whole()) else { continue };
                let longest = if nth < TRIED { LONGEST } else { ZLIB };
                let mut again = known.iter().cloned();
                let found = again.find_map(|way| open(run, &payload.bytes, way));
                if let Some((way, plain)) = found.or_else(|| search(run, &payload.bytes, longest)) {
                    if !known.contains(&way) && known.len() < TRIED {
                        known.push(way.clone());
                    }
                    opened.entry(way).or_default().push(Proof::read(index, plain));
                }
            }
            for (way, proof) in opened {
                let label = proof.first().and_then(|p| run.payloads.get(p.payload)).map_or("", |p| p.label.as_str());
                out.push(Find {
                    detector: CARD.id,
                    reason: format!("What goes by \"{label}\" is compressed, and no more than hidden: {}", way.says()),
                    undone: Some(way.step()),
                    proof,
                });
            }
        }
    }
}

/// What a payload unpacks to, hidden in this way.
fn open(run: &Run<'_>, bytes: &[u8], way: Way) -> Option<(Way, Vec<u8>)> {
    if !run.spend(bytes.len().saturating_mul(2)) {
        return None;
    }
    let plain = packed::unpack_all(&way.undo(bytes))?;
    (plain.len() >= LEAST && run.spend(plain.len())).then_some((way, plain))
}

/// The way in which a stream is hidden here, if there is one, with a key of `longest` bytes at most.
fn search(run: &Run<'_>, bytes: &[u8], longest: usize) -> Option<(Way, Vec<u8>)> {
    for turned in [true, false] {
        let head: Vec<u8> = if turned {
            bytes.iter().rev().take(LONGEST).copied().collect()
        } else {
            bytes.iter().take(LONGEST).copied().collect()
        };
        if turned && packed::begins(&head) {
            let found = open(run, bytes, Way { turned, added: false, key: Vec::new() });
            if found.is_some() {
                return found;
            }
        }
        for added in [false, true] {
            for key in keys(&head, added, longest) {
                let found = open(run, bytes, Way { turned, added, key });
                if found.is_some() {
                    return found;
                }
            }
        }
    }
    None
}

/// Keys under which a stream would begin like this.
fn keys(head: &[u8], added: bool, longest: usize) -> BTreeSet<Vec<u8>> {
    let mut out = BTreeSet::new();
    let mut add = |plain: &[u8], longest: usize| {
        let stream: Vec<u8> = head
            .iter()
            .zip(plain)
            .map(|(sent, plain)| if added { sent.wrapping_sub(*plain) } else { sent ^ plain })
            .collect();
        if stream.len() < plain.len() {
            return;
        }
        // The shortest key that repeats as far as the head is known: longer ones are multiples of it.
        for period in 1..=longest.min(plain.len()) {
            let key = stream.get(..period).unwrap_or_default();
            let repeats = stream.iter().zip(key.iter().cycle()).all(|(byte, key)| byte == key);
            if repeats && key.iter().any(|byte| *byte != 0) {
                out.insert(key.to_vec());
            }
        }
    };
    // RFC 1952: method, flags (a name or none), the time, what made it.
    for flags in [0, 8] {
        add(&[0x1f, 0x8b, 8, flags], longest.min(ANY_TIME));
        for (speed, system) in
            [0, 2, 4].into_iter().flat_map(|speed| [0, 3, 7, 10, 19, 255].map(|system| (speed, system)))
        {
            add(&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, speed, system], longest);
        }
    }
    for level in [0x01, 0x5e, 0x9c, 0xda] {
        add(&[0x78, level], longest.min(ZLIB));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::budget;
    use crate::model::payload::Payload;
    use crate::sighting::tests::honest::Dice;
    use crate::sighting::tests::runs::payload;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use std::io::Write as _;
    use std::sync::Arc;

    fn found(sent: &[Vec<u8>]) -> Vec<Find> {
        let payloads: Vec<Payload> =
            sent.iter().enumerate().map(|(index, bytes)| payload(index, bytes.clone(), &Arc::from([]))).collect();
        let payloads: Vec<&Payload> = payloads.iter().collect();
        let run = Run::new(&[], &payloads, &[], &[], budget::RUN_WORK);
        let mut out = Vec::new();
        HiddenCompression.on_run(&run, &mut out);
        assert!(!run.is_spent());
        out
    }

    #[test]
    fn streams_under_short_keys_and_turned_round_are_opened() {
        let mut dice = Dice(17);
        for text in [
            "{\"to\":\"ivo\",\"text\":\"The heron lands at dusk\"}".to_owned(),
            "{\"id\":7,\"event\":\"screen_view\",\"screen\":\"chat\"},".repeat(40),
        ] {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
            gzip.write_all(text.as_bytes()).unwrap();
            let gzip = gzip.finish().unwrap();
            let mut dated = gzip.clone();
            dated[4..8].copy_from_slice(&[0x11, 0x65, 0x4b, 0x67]);
            let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
            zlib.write_all(text.as_bytes()).unwrap();
            for (packed, longest) in [(gzip, LONGEST), (dated, ANY_TIME), (zlib.finish().unwrap(), ZLIB)] {
                for len in 0..=longest {
                    let key = dice.bytes(len);
                    for (turned, added) in [(false, false), (true, false), (false, true), (true, true)] {
                        if len == 0 && !turned {
                            continue;
                        }
                        let mut sent = packed.clone();
                        for (byte, key) in sent.iter_mut().zip(key.iter().cycle()) {
                            *byte = if added { byte.wrapping_add(*key) } else { *byte ^ key };
                        }
                        if turned {
                            sent.reverse();
                        }
                        let finds = found(&[sent]);
                        let read = finds.first().map(|find| find.proof[0].recovered[0].1.clone());
                        assert_eq!(read.as_deref(), Some(text.as_bytes()), "key {key:02x?}, {turned}, {added}");
                    }
                }
            }
        }
    }

    #[test]
    fn noise_and_streams_in_clear_are_none() {
        let mut dice = Dice(18);
        let sent: Vec<Vec<u8>> = (0..400).map(|nth| dice.bytes(40 + nth % 300)).collect();
        assert_eq!(found(&sent), []);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(b"The heron lands at dusk, the heron lands at dusk").unwrap();
        assert_eq!(found(&[gzip.finish().unwrap()]), []);
    }
}
