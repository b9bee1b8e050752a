//! Bytes that were never encrypted and are no text: loudness values, boards, samples, counters, packets. No key makes
//! letters of them that anybody wrote.

use plainsight::model::budget;
use plainsight::model::opacity::Opacity;
use plainsight::model::payload::Payload;
use plainsight::model::scenario::Planted;
use plainsight::model::sighting::Place;
use plainsight::model::stream::Direction;
use plainsight::model::taxonomy::Data;
use plainsight::model::time::Timestamp;
use plainsight::opacity::assess;
use plainsight::sighting::run::{Outcome, Run, on_run};
use std::sync::Arc;

/// A generator of bytes that are the same in every test run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    /// Nearly normal: mean 0, deviation 1.
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| f64::from((self.next() >> 32) as u32) / 4_294_967_296.0).sum::<f64>() - 6.0
    }

    fn len(&mut self) -> usize {
        self.one(&[24, 32, 40, 48, 64, 64, 80, 100, 120])
    }

    /// What stands before honest bytes of a small range: nothing, the highest bit, anything.
    fn shift(&mut self) -> u8 {
        let any = byte(self.next());
        self.one(&[0, 0x80, any])
    }
}

/// The lowest byte.
const fn byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

/// A sample as a byte, cut off at both ends.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut off at both ends")]
fn level(sample: f64) -> u8 {
    sample.clamp(0.0, 255.0) as u8
}

/// A sample as two bytes, in either order.
#[expect(clippy::cast_possible_truncation, reason = "cut off at both ends")]
fn wide(sample: f64, big: bool) -> [u8; 2] {
    let sample = sample.clamp(-32_768.0, 32_767.0) as i16;
    if big { sample.to_be_bytes() } else { sample.to_le_bytes() }
}

#[expect(clippy::cast_possible_truncation, reason = "the nearest float is wanted")]
const fn float(value: f64) -> f32 {
    value as f32
}

fn many(dice: &mut Dice, mut one: impl FnMut(&mut Dice) -> u8) -> Vec<u8> {
    (0..dice.len()).map(|_| one(dice)).collect()
}

type Class = (&'static str, fn(&mut Dice) -> Vec<u8>);

const SMALL: &[Class] = &[
    ("values of a range", |dice| {
        let (width, from) = (dice.one(&[2, 3, 4, 6, 8, 10, 16, 20, 26, 32, 48, 64, 96, 128]), dice.next());
        many(dice, |dice| byte(from.wrapping_add(dice.below(width))))
    }),
    ("values about a mean", |dice| {
        let (spread, mean) = (1 + dice.below(30), dice.shift());
        many(dice, |dice| mean.wrapping_add(level(128.0 + dice.bell() * f64::from(byte(spread)))))
    }),
    ("a few values", |dice| {
        let values: Vec<u8> = (0..2 + dice.below(40)).map(|_| byte(dice.next())).collect();
        many(dice, |dice| dice.one(&values))
    }),
    ("a few values, some more often", |dice| {
        let values: Vec<u8> = (0..2 + dice.below(40)).map(|_| byte(dice.next())).collect();
        let many_of = values.len() as u64;
        many(dice, |dice| {
            let at = dice.below(many_of).min(dice.below(many_of)).min(dice.below(many_of));
            values[usize::try_from(at).unwrap()]
        })
    }),
    ("loudness", |dice| {
        let (levels, mut swell) = (dice.one(&[16, 32, 64, 100, 128, 256]), 0.5_f64);
        many(dice, |dice| {
            swell = (swell + 0.2 * dice.bell()).clamp(0.0, 1.0);
            level(swell * f64::from(byte(dice.below(levels))))
        })
    }),
    ("a board", |dice| {
        let men = b"\0\0\0\0\x01\x02\x03\x04\x05\x06\x81\x82\x83\x84\x85\x86";
        let (len, shift) = (dice.one(&[64, 81, 100]), dice.shift());
        (0..len).map(|_| dice.one(men) ^ shift).collect()
    }),
    ("digits of a base", |dice| {
        let signs = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/";
        let (base, shift) = (dice.one(&[2, 4, 8, 10, 12, 16, 20, 26, 32, 36, 58, 62, 64]), dice.shift());
        many(dice, |dice| dice.one(&signs[..base]) ^ shift)
    }),
    ("letters at random", |dice| {
        let (first, shift) = (dice.one(b"Aa"), dice.shift());
        many(dice, |dice| (first + byte(dice.below(26))) ^ shift)
    }),
    ("bases of a genome", |dice| {
        let (four, shift) = (dice.one(&[b"ACGT", b"\0\x01\x02\x03", b"acgt"]), dice.shift());
        many(dice, |dice| dice.one(four) ^ shift)
    }),
];

const SMOOTH: &[Class] = &[
    ("a random walk", |dice| {
        let (step, mut now) = (1 + dice.below(8), byte(dice.next()));
        many(dice, |dice| {
            now = now.wrapping_add(byte(dice.below(2 * step + 1))).wrapping_sub(byte(step));
            now
        })
    }),
    ("a walk between walls", |dice| {
        let (step, wall, shift) = (1 + dice.below(4), 8 + dice.below(90), dice.shift());
        let mut now = wall / 2;
        many(dice, |dice| {
            now = (now + dice.below(2 * step + 1)).saturating_sub(step).min(wall);
            byte(now).wrapping_add(shift)
        })
    }),
    ("sound of 8 bits", |dice| {
        let (loud, high, noise) = (5 + dice.below(110), dice.below(100), dice.below(8));
        let mut at = 0.0_f64;
        many(dice, |dice| {
            at += 0.02 + f64::from(byte(high)) / 100.0;
            level(128.0 + f64::from(byte(loud)) * at.sin() + f64::from(byte(noise)) * dice.bell())
        })
    }),
    ("sound of 16 bits", |dice| {
        let (loud, high, noise) = (1.0 + dice.bell().abs() * 3_000.0, dice.below(100), dice.below(250));
        let big = dice.one(&[true, false]);
        let sample = |at: usize, dice: &mut Dice| {
            let turn = f64::from(byte(at as u64)) * (0.02 + f64::from(byte(high)) / 100.0);
            wide(loud * turn.sin() + f64::from(byte(noise)) * dice.bell(), big)
        };
        (0..dice.len() / 2).flat_map(|at| sample(at, dice)).collect()
    }),
    ("samples of 16 bits", |dice| {
        let (step, big, mut now) = (dice.below(200), dice.one(&[true, false]), dice.bell() * 8_000.0);
        let len = dice.len() / 2;
        let mut sample = || {
            now += dice.bell() * f64::from(byte(step));
            wide(now, big)
        };
        (0..len).flat_map(|_| sample()).collect()
    }),
    ("a grey picture", |dice| {
        let (wide, right, down) = (8 + dice.below(24), dice.bell() * 4.0, dice.bell() * 4.0);
        let grain = f64::from(byte(dice.below(10)));
        let mut at = 0;
        many(dice, |dice| {
            at += 1;
            level(128.0 + right * f64::from(byte(at % wide)) + down * f64::from(byte(at / wide)) + grain * dice.bell())
        })
    }),
    ("a coloured area", |dice| {
        let (colour, spread) = ([byte(dice.next()), byte(dice.next()), byte(dice.next())], 1 + dice.below(30));
        let len = dice.len() / 3;
        let mut dot = || {
            let light = byte(dice.below(spread));
            colour.map(|part| part.saturating_add(light).saturating_sub(byte(dice.below(3))))
        };
        (0..len).flat_map(|_| dot()).collect()
    }),
    ("positions of a finger", |dice| {
        let (mut x, mut y, mut time) = (500.0, 900.0, 0.0);
        let len = dice.len() / 6;
        let mut touch = || {
            x += dice.bell() * 8.0;
            y += dice.bell() * 8.0;
            time += 16.0;
            [wide(x, false), wide(y, false), wide(time, false)].concat()
        };
        (0..len).flat_map(|_| touch()).collect()
    }),
    ("ramps", |dice| {
        let (long, from, step) = (2 + dice.below(120), byte(dice.next()), byte(1 + dice.below(9)));
        (0..dice.len() as u64).map(|at| from.wrapping_add(byte(at % long).wrapping_mul(step))).collect()
    }),
];

const AGAIN: &[Class] = &[
    ("tiles of a map", |dice| {
        let (wide, kinds, shift) = (8 + dice.below(5), 2 + dice.below(24), dice.shift());
        let mut map = vec![shift; usize::try_from(wide * wide).unwrap()];
        for _ in 0..dice.below(30) {
            let (x, y, kind) = (dice.below(wide), dice.below(wide), byte(dice.below(kinds)));
            for (at, tile) in (0..).zip(&mut map) {
                if (at % wide).abs_diff(x) < 3 && (at / wide).abs_diff(y) < 3 {
                    *tile = shift.wrapping_add(kind);
                }
            }
        }
        map
    }),
    ("a picture of one bit", |dice| {
        let (x, y, radius) = (dice.below(64), dice.below(12), 2 + dice.below(10));
        let dot = |at: u64| (at % 64).abs_diff(x).pow(2) + (at / 64).abs_diff(y).pow(2) < radius * radius;
        (0..96).map(|at| (0..8).fold(0, |bits, bit| bits << 1 | u8::from(dot(at * 8 + bit)))).collect()
    }),
    ("lengths of runs", |dice| {
        let (kinds, shift) = (2 + dice.below(30), dice.shift());
        let len = dice.len() / 2;
        let mut run = || [shift.wrapping_add(byte(dice.below(kinds))), 1 + byte(dice.below(20) * dice.below(4))];
        (0..len).flat_map(|_| run()).collect()
    }),
    ("runs", |dice| {
        let (kinds, shift, mut now) = (2 + dice.below(60), dice.shift(), 0);
        many(dice, |dice| {
            if dice.below(4) == 0 {
                now = byte(dice.below(kinds));
            }
            shift.wrapping_add(now)
        })
    }),
    ("hardly anything", |dice| {
        let (rare, silence, most) = (2 + dice.below(12), dice.shift(), 1 + dice.below(255));
        many(dice, |dice| if dice.below(rare) == 0 { byte(dice.below(most)) } else { silence })
    }),
    // Of noise, every 8 or 16 bytes, it would be what blocks enciphered one by one are.
    ("one record again and again", |dice| {
        let record: Vec<u8> = (0..17 + 2 * dice.below(8)).map(|_| byte(dice.next())).collect();
        let mut record = record.iter().cycle();
        many(dice, |dice| {
            let next = *record.next().unwrap();
            if dice.below(12) == 0 { byte(dice.next()) } else { next }
        })
    }),
    ("one line again and again", |dice| {
        let shift = dice.shift() | 0x80;
        let line: Vec<u8> = (0..17 + 2 * dice.below(8)).map(|_| (b' ' + byte(dice.below(64))) ^ shift).collect();
        let mut line = line.iter().cycle();
        many(dice, |_| *line.next().unwrap())
    }),
    ("a game's state", |dice| {
        let numbers = [dice.below(5_000), 120, 340, 20, 1, 1, 0, 9];
        let mut out = vec![1, 0];
        out.extend(numbers.iter().flat_map(|number| [byte(*number), byte(number >> 8)]));
        for _ in 0..2 + dice.below(4) {
            out.extend(1..=16 + byte(dice.below(10)));
        }
        out
    }),
];

const SHAPED: &[Class] = &[
    ("counters", |dice| {
        let (wide, step, big) = (dice.one(&[2, 4, 8]), 1 + dice.below(2_000), dice.one(&[true, false]));
        let mut now = dice.next() >> (64 - 4 * wide);
        let len = dice.len() / wide;
        let mut count = || {
            now = now.wrapping_add(step + dice.below(50));
            let mut bytes = now.to_be_bytes()[8 - wide..].to_vec();
            if !big {
                bytes.reverse();
            }
            bytes
        };
        (0..len).flat_map(|_| count()).collect()
    }),
    ("records of fixed width", |dice| {
        let columns: Vec<(u64, u64, u64)> =
            (0..4 + dice.below(28)).map(|_| (dice.below(5), dice.next(), 1 + dice.below(200))).collect();
        let rows = 1 + dice.len() as u64 / columns.len() as u64;
        let mut field = |row: u64, (kind, base, range): (u64, u64, u64)| match kind {
            0 => 0,
            1 => byte(base),
            2 => byte(base.wrapping_add(row)),
            3 => byte(base.wrapping_add(dice.below(range))),
            _ => byte(dice.below(6)),
        };
        (0..rows).flat_map(|row| columns.iter().map(|column| field(row, *column)).collect::<Vec<u8>>()).collect()
    }),
    ("tags, lengths and small values", |dice| {
        let mut out = Vec::new();
        for _ in 0..dice.len() / 8 {
            let field = 1 + byte(dice.below(15));
            match dice.below(3) {
                0 => out.extend([field << 3, 0x80 | byte(dice.next()), byte(dice.below(128))]),
                1 => {
                    out.push(field << 3 | 5);
                    out.extend(float(dice.bell().trunc()).to_le_bytes());
                }
                _ => {
                    let len = 1 + dice.below(12);
                    out.extend([field << 3 | 2, byte(len)]);
                    out.extend((0..len).map(|_| byte(dice.below(64))));
                }
            }
        }
        out
    }),
    ("names in records", |dice| {
        let names = ["user", "USER-0001", "Paris", "status", "device", "ANDROID", "12.4.1", "en_GB", "EUR", "OK"];
        let mut out = Vec::new();
        for _ in 0..dice.len() / 10 {
            let name = dice.one(&names);
            out.extend([byte(dice.below(10)), byte(name.len() as u64)]);
            out.extend_from_slice(name.as_bytes());
            out.extend((0..dice.below(8)).map(|_| byte(dice.below(200))));
        }
        out
    }),
    ("an encapsulated packet", |dice| {
        // VXLAN (RFC 7348), Ethernet, IPv4, an acknowledgement of TCP.
        let mut out = b"\x08\0\0\0\0\0\x01\0\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0".to_vec();
        let (id, sum, from) = (dice.next().to_le_bytes(), dice.next().to_le_bytes(), dice.next().to_le_bytes());
        let few = dice.one(&[true, false]);
        out.extend([0x45, 0, 0, 40, 0, id[0], 0x40, 0, 64, 6, sum[0], sum[1], 10, 0, 0, 2, 198, 51, 100, 9]);
        out.extend([if few { 4 } else { from[0] }, 0xd2, 0, 80, 0, 0, if few { 3 } else { from[1] }, from[2]]);
        out.extend([0, 0, 0x13, 0x88, 0x50, 16, 0xfd, 0xe8, sum[2], sum[3], 0, 0]);
        out
    }),
    ("floats", |dice| {
        let (scale, big, whole) =
            (dice.one(&[1.0, 10.0, 1e3, 1e5]), dice.one(&[true, false]), dice.one(&[true, false]));
        let len = dice.len() / 4;
        let mut float = || {
            let value = dice.bell() * scale;
            let value = float(if whole { value.round() } else { value });
            if big { value.to_be_bytes() } else { value.to_le_bytes() }
        };
        (0..len).flat_map(|_| float()).collect()
    }),
    ("notes", |dice| {
        let mut pitch = 60;
        let len = dice.len() / 4;
        let mut note = || {
            pitch = (pitch + dice.below(13)).saturating_sub(6).clamp(30, 100);
            [byte(dice.below(3)) * 48, 0x90, byte(pitch), 60 + byte(dice.below(40))]
        };
        (0..len).flat_map(|_| note()).collect()
    }),
    ("what a transform leaves", |dice| {
        let mut at = 0;
        many(dice, |dice| {
            at += 1;
            level(128.0 + 20.0 / (1.0 + f64::from(byte(at % 64)) / 4.0) * dice.bell()) ^ 0x80
        })
    }),
];

fn payload(index: usize, slot: &str, bytes: Vec<u8>) -> Option<Payload> {
    let class = assess(&bytes).class;
    let shut = match class {
        Opacity::Compressed | Opacity::Encoded => false,
        Opacity::Plaintext => std::str::from_utf8(&bytes).is_err(),
        _ => true,
    };
    shut.then(|| Payload {
        place: Place {
            capture: "c".into(),
            flow: None,
            flow_start: 1,
            direction: Direction::ToServer,
            at: Timestamp(0),
            authority: None,
            secured: true,
            frames: vec![index as u64 + 1],
            bytes: (0, bytes.len() as u64),
            part: None,
            trail: vec![slot.to_owned()],
        },
        layers: Arc::from([]),
        protocol: "http1",
        label: slot.to_owned(),
        slot: slot.to_owned(),
        len: bytes.len() as u64,
        bytes,
        class,
        envelope: None,
        bare: false,
        beside: Arc::from([]),
    })
}

/// Runs in which each class has a slot with a few payloads.
fn sets_nothing_off(classes: &[Class], runs: usize) {
    let planted = [Planted { id: "greeting".into(), data: Data::Messages, value: "The heron lands at dusk".into() }];
    let mut dice = Dice(runs as u64);
    for _ in 0..runs {
        let made = classes.iter().flat_map(|(name, make)| (0..6).map(|_| (*name, make(&mut dice))).collect::<Vec<_>>());
        let payloads: Vec<Payload> =
            made.enumerate().filter_map(|(index, (name, bytes))| payload(index, name, bytes)).collect();
        let payloads: Vec<&Payload> = payloads.iter().collect();
        let Outcome { finds, spent, .. } = on_run(|| Run::new(&planted, &payloads, &[], &[], budget::RUN_WORK));
        assert_eq!(finds, []);
        assert!(spent.is_empty(), "{spent:?}");
    }
}

#[test]
fn small_ranges_set_nothing_off() {
    sets_nothing_off(SMALL, 10);
}

#[test]
fn smooth_signals_set_nothing_off() {
    sets_nothing_off(SMOOTH, 10);
}

#[test]
fn what_comes_again_sets_nothing_off() {
    sets_nothing_off(AGAIN, 10);
}

#[test]
fn shaped_data_sets_nothing_off() {
    sets_nothing_off(SHAPED, 10);
}
