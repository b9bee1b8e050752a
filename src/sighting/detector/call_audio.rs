//! Call audio: G.711 that can be played, GSM that can be recognised, and noise where G.711 should be.
//!
//! A G.711 payload has one byte for each tick of its clock (RFC 3551 section 4.5.14), so that timestamps move on by the
//! payload's length; a tag of SRTP breaks that law. And speech, music and silence use few of the 256 codes much: its
//! bytes are far from uniform, where those of a cipher are not.

use crate::model::budget::CLIP_SECONDS;
use crate::model::origin::FrameNo;
use crate::sighting::Card;
use crate::sighting::call::{Call, CallDetector, Heard, Payload};

const CARD: Card = Card {
    id: "call-audio",
    title: "Audible call",
    why: "Anyone who gets these packets hears what is said: a wiretap that needs no key.",
    hits: &[],
    misses: &[],
};

/// Payload type of mu-law.
const MU_LAW: u8 = 0;
/// Payload type of GSM full rate.
const GSM: u8 = 3;
/// Payload type of A-law.
const A_LAW: u8 = 8;
/// Samples a second.
const RATE: usize = 8_000;
/// Bytes of a stream below which nothing is said about it.
const LEAST: usize = 1_600;
/// Bytes of a GSM frame, whose first half byte is always the same (RFC 3551 section 4.5.8).
const GSM_FRAME: usize = 33;

/// Finds what can be heard.
pub(super) struct CallAudio;

impl CallDetector for CallAudio {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn on_call(&self, call: &Call<'_>) -> Heard {
        match call.payload_type {
            MU_LAW => g711(call, "G.711 mu-law", "g711-mu-law", mu_law),
            A_LAW => g711(call, "G.711 A-law", "g711-a-law", a_law),
            GSM => gsm(call),
            _ => Heard::Unknown,
        }
    }
}

fn g711(call: &Call<'_>, codec: &'static str, form: &'static str, decode: fn(u8) -> i16) -> Heard {
    let total: usize = call.payloads.iter().map(|payload| payload.bytes.len()).sum();
    if total < LEAST {
        return Heard::Unknown;
    }
    let uniform = is_uniform(call.payloads);
    let (steps, lawful) = clock(call.payloads);
    // Four of five neighbours keep the law: silence suppression and losses leave some that cannot.
    let kept = steps >= 4 && lawful.saturating_mul(5) >= steps.saturating_mul(4);
    match (uniform, kept) {
        (false, true) => {}
        (true, _) if !call.opened => return Heard::Encrypted,
        // Opened with its key, and no audio all the same: encrypted once more, or another codec by the same number.
        _ => return Heard::Unknown,
    }
    let mut samples: Vec<i16> = Vec::new();
    let mut frames: Vec<FrameNo> = Vec::new();
    let most = CLIP_SECONDS.saturating_mul(RATE);
    let mut start = None;
    for payload in call.payloads {
        let from = *start.get_or_insert(payload.timestamp);
        let at = usize::try_from(payload.timestamp.wrapping_sub(from)).unwrap_or(usize::MAX);
        if at >= most {
            break;
        }
        // What is lost, or was never sent, is silence.
        if samples.len() < at {
            samples.resize(at, 0);
        }
        let room = most.saturating_sub(samples.len());
        samples.extend(payload.bytes.iter().take(room).map(|byte| decode(*byte)));
        frames.push(payload.frame);
    }
    frames.sort_unstable();
    frames.dedup();
    Heard::Audio { codec, form, clip: Some(wav(&samples)), frames }
}

/// Neighbours by sequence number, and how many of them are as far apart in time as the first is long.
fn clock(payloads: &[Payload]) -> (usize, usize) {
    let neighbours = payloads.iter().zip(payloads.iter().skip(1));
    let of = neighbours.filter(|(a, b)| a.sequence.saturating_add(1) == b.sequence);
    of.fold((0, 0), |(steps, lawful), (a, b)| {
        let ticks = b.timestamp.wrapping_sub(a.timestamp);
        let fine = usize::try_from(ticks).is_ok_and(|ticks| ticks == a.bytes.len());
        (steps.saturating_add(1), lawful.saturating_add(usize::from(fine)))
    })
}

/// Whether bytes use all values alike, as those of a cipher do: Pearson's statistic over 256 values is about 255, and
/// over 400 once in a billion times. Speech gives thousands.
#[expect(clippy::cast_precision_loss, reason = "a sample's length is far below 2^52")]
fn is_uniform(payloads: &[Payload]) -> bool {
    let mut counts = [0_u64; 256];
    let mut total = 0_u64;
    for byte in payloads.iter().flat_map(|payload| &payload.bytes) {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
        total = total.saturating_add(1);
    }
    let expected = total as f64 / 256.0;
    let statistic: f64 = counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    statistic < 400.0
}

fn gsm(call: &Call<'_>) -> Heard {
    let frames_of = |payload: &Payload| payload.bytes.chunks(GSM_FRAME).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let all: Vec<Vec<u8>> = call.payloads.iter().flat_map(frames_of).collect();
    let fits = |frame: &Vec<u8>| frame.len() == GSM_FRAME && frame.first().is_some_and(|first| first >> 4 == 0xd);
    if all.len() < 20 || !all.iter().all(fits) {
        return Heard::Unknown;
    }
    let mut frames: Vec<FrameNo> = call.payloads.iter().map(|payload| payload.frame).collect();
    frames.sort_unstable();
    frames.dedup();
    Heard::Audio { codec: "GSM full rate", form: "gsm", clip: None, frames }
}

/// A sample of mu-law (ITU-T G.711).
fn mu_law(code: u8) -> i16 {
    let code = !code;
    let (exponent, mantissa) = ((code >> 4) & 7, i16::from(code & 15));
    let magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

/// A sample of A-law (ITU-T G.711).
fn a_law(code: u8) -> i16 {
    let code = code ^ 0x55;
    let (exponent, mantissa) = ((code >> 4) & 7, i16::from(code & 15));
    let magnitude = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

/// Samples as a WAV file of 16 bits, one channel.
fn wav(samples: &[i16]) -> Vec<u8> {
    let len = u32::try_from(samples.len().saturating_mul(2)).unwrap_or(u32::MAX);
    let rate = u32::try_from(RATE).unwrap_or(u32::MAX);
    let mut out = Vec::new();
    out.extend(b"RIFF");
    out.extend(len.saturating_add(36).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(16_u32.to_le_bytes());
    out.extend(1_u16.to_le_bytes());
    out.extend(1_u16.to_le_bytes());
    out.extend(rate.to_le_bytes());
    out.extend(rate.saturating_mul(2).to_le_bytes());
    out.extend(2_u16.to_le_bytes());
    out.extend(16_u16.to_le_bytes());
    out.extend(b"data");
    out.extend(len.to_le_bytes());
    out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone that swells and fades, as mu-law and A-law encoders put it: found by trying all codes.
    fn tone(packets: u32, decode: fn(u8) -> i16) -> Vec<Payload> {
        let encode = |value: f64| {
            (0..=255_u8).min_by_key(|code| ((f64::from(decode(*code)) - value).abs() * 16.0).to_bits()).unwrap()
        };
        let mut at = 0.0_f64;
        (0..packets)
            .map(|n| Payload {
                frame: u64::from(n) + 1,
                sequence: u64::from(n),
                timestamp: n * 160,
                bytes: (0..160)
                    .map(|_| {
                        at += 1.0;
                        encode((at / 9.0).sin() * 9000.0 * (at / 4000.0).sin().abs())
                    })
                    .collect(),
            })
            .collect()
    }

    fn noise(packets: u32, len: usize) -> Vec<Payload> {
        let mut state = 7_u64;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..packets)
            .map(|n| Payload {
                frame: u64::from(n) + 1,
                sequence: u64::from(n),
                timestamp: n * 160,
                bytes: (0..len).map(|_| byte()).collect(),
            })
            .collect()
    }

    fn hear(payload_type: u8, opened: bool, payloads: &[Payload]) -> Heard {
        CallAudio.on_call(&Call { payload_type, opened, payloads })
    }

    #[test]
    fn g711_in_clear_is_played_and_its_cipher_is_told() {
        for (kind, decode) in [(MU_LAW, mu_law as fn(u8) -> i16), (A_LAW, a_law)] {
            let clear = tone(60, decode);
            let Heard::Audio { clip: Some(clip), frames, .. } = hear(kind, false, &clear) else { panic!() };
            assert_eq!((clip.len(), frames.len()), (44 + 60 * 320, 60));
            assert!(clip.starts_with(b"RIFF"));
            assert_eq!(hear(kind, false, &noise(60, 170)), Heard::Encrypted);
            assert_eq!(hear(kind, true, &noise(60, 160)), Heard::Unknown);
            assert_eq!(hear(kind, false, &clear[..9]), Heard::Unknown, "too little");
        }
        assert_eq!(hear(111, false, &tone(60, mu_law)), Heard::Unknown, "who knows what 111 is");
    }

    #[test]
    fn bytes_that_do_not_keep_the_clock_are_not_called_audio() {
        let mut odd = tone(60, mu_law);
        for payload in &mut odd {
            payload.timestamp *= 6;
        }
        assert_eq!(hear(MU_LAW, false, &odd), Heard::Unknown);
    }

    #[test]
    fn clips_are_bounded_and_losses_are_silence() {
        let mut long = tone(900, a_law);
        long.remove(3);
        let Heard::Audio { clip: Some(clip), .. } = hear(A_LAW, false, &long) else { panic!() };
        assert_eq!(clip.len(), 44 + CLIP_SECONDS * RATE * 2);
        assert!(clip[44 + 3 * 320..44 + 4 * 320].iter().all(|byte| *byte == 0));
        let mut jump = tone(60, a_law);
        jump.iter_mut().skip(30).for_each(|payload| payload.timestamp = payload.timestamp.wrapping_add(1 << 31));
        let Heard::Audio { clip: Some(clip), .. } = hear(A_LAW, false, &jump) else { panic!() };
        assert_eq!(clip.len(), 44 + 30 * 320);
    }

    /// Values of ITU-T G.711's tables, at its ends and around zero.
    #[test]
    fn codes_decode_as_the_standard_says() {
        assert_eq!([0xff, 0x7f, 0x80, 0x00].map(mu_law), [0, 0, 32124, -32124]);
        assert_eq!([0xd5, 0x55, 0xaa, 0x2a].map(a_law), [8, -8, 32256, -32256]);
    }

    #[test]
    fn gsm_is_known_by_its_signature() {
        let mut frames = noise(30, 33);
        assert_eq!(hear(GSM, false, &frames), Heard::Unknown);
        for payload in &mut frames {
            payload.bytes[0] = 0xd0 | payload.bytes[0] & 15;
        }
        assert!(matches!(hear(GSM, false, &frames), Heard::Audio { clip: None, .. }));
    }
}
