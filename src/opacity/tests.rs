//! What must be told from what: texts in many scripts, encodings, compression, noise.

use super::*;
use crate::model::opacity::Opacity;
use crate::model::opacity::Opacity::{Compressed, Encoded, Plaintext, RandomLooking, Unknown, WeaklyEncrypted};
use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD, HEXLOWER};
use std::io::Write as _;

/// Whole sentences in twenty languages and ten scripts, and what programs write.
pub(super) const TEXTS: [&str; 26] = [
    "The heron lands at dusk behind the old mill where the water is low.",
    "Le héron se pose au crépuscule derrière le vieux moulin, près de l'eau.",
    "Der Reiher landet in der Dämmerung hinter der alten Mühle am Wasser.",
    "La garza se posa al anochecer detrás del viejo molino, junto al río.",
    "A garça pousa ao anoitecer atrás do velho moinho, onde a água é rasa.",
    "L'airone si posa al tramonto dietro il vecchio mulino vicino al fiume.",
    "De reiger landt in de schemering achter de oude molen bij het water.",
    "Czapla ląduje o zmierzchu za starym młynem, gdzie woda jest płytka.",
    "Balıkçıl alacakaranlıkta eski değirmenin arkasına iner, su sığ orada.",
    "Con diệc đáp xuống lúc hoàng hôn phía sau cối xay cũ, nơi nước cạn.",
    "Burung bangau mendarat saat senja di belakang kincir tua di tepi air.",
    "Цапля садится в сумерках за старой мельницей, где вода совсем низкая.",
    "Чапля сідає в сутінках за старим млином, там де вода зовсім мілка.",
    "Ο ερωδιός προσγειώνεται το σούρουπο πίσω από τον παλιό μύλο.",
    "האנפה נוחתת בשעת בין הערביים מאחורי הטחנה הישנה ליד המים.",
    "يهبط مالك الحزين عند الغسق خلف الطاحونة القديمة قرب الماء.",
    "حواصیل هنگام غروب پشت آسیاب قدیمی کنار آب فرود می‌آید.",
    "बगुला शाम को पुरानी चक्की के पीछे पानी के पास उतरता है।",
    "নদীর ধারে পুরনো কলের পিছনে সন্ধ্যায় বক নামে।",
    "நாரை மாலையில் பழைய ஆலைக்குப் பின்னால் இறங்குகிறது.",
    "นกกระสาลงจอดยามพลบค่ำหลังโรงสีเก่าริมน้ำ",
    "苍鹭在黄昏时分降落在老磨坊后面水浅的地方。",
    "夕暮れにサギが古い水車小屋の裏の浅瀬に降り立つ。",
    "왜가리가 해질녘 낡은 방앗간 뒤 얕은 물가에 내려앉는다.",
    "{\"to\":\"+447700900142\",\"ts\":1793610000123,\"body\":{\"text\":\"hi\",\"n\":[1,2,3]}}",
    "<message id='a7'><body>Meet me</body><time>2026-11-02T09:00:00Z</time></message>",
];

/// SplitMix64: the same noise in every run.
pub(super) struct Noise(pub(super) u64);

impl Noise {
    pub(super) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len)
            .map(|_| {
                self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = self.0;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (z ^ (z >> 31)).to_le_bytes()[2]
            })
            .collect()
    }
}

fn cut(text: &str, len: usize) -> &str {
    let mut end = len.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn class(bytes: &[u8]) -> Opacity {
    assess(bytes).class
}

#[test]
fn text_in_every_script_is_plaintext() {
    let mut wrong = Vec::new();
    for text in TEXTS {
        for len in [24, 32, 48, 64, 200] {
            let part = cut(text, len);
            if part.len() >= 22 && class(part.as_bytes()) != Plaintext {
                wrong.push((part, assess(part.as_bytes())));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn encodings_are_encoded() {
    let mut wrong = Vec::new();
    let mut noise = Noise(7);
    for text in TEXTS {
        for len in [16, 24, 48, 200] {
            let part = cut(text, len).as_bytes();
            let sealed = noise.bytes(part.len());
            for inner in [part, &sealed] {
                for (what, coded) in [
                    ("base64", BASE64.encode(inner)),
                    ("base64url", BASE64URL_NOPAD.encode(inner)),
                    ("base32", BASE32_NOPAD.encode(inner)),
                    ("hex", HEXLOWER.encode(inner)),
                ] {
                    if class(coded.as_bytes()) != Encoded {
                        wrong.push((what, coded.clone(), assess(coded.as_bytes())));
                    }
                }
            }
        }
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        if class(&utf16) != Encoded {
            wrong.push(("utf-16", text.to_owned(), assess(&utf16)));
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(8)]);
}

#[test]
fn compressed_bodies_are_compressed() {
    let mut wrong = Vec::new();
    for (index, text) in TEXTS.iter().enumerate() {
        let long = TEXTS[index..].join(" ");
        for plain in [text.as_bytes(), long.as_bytes()] {
            let mut packed: Vec<(&str, Vec<u8>)> = Vec::new();
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            gzip.write_all(plain).unwrap();
            packed.push(("gzip", gzip.finish().unwrap()));
            let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            zlib.write_all(plain).unwrap();
            packed.push(("zlib", zlib.finish().unwrap()));
            let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
            raw.write_all(plain).unwrap();
            packed.push(("raw deflate", raw.finish().unwrap()));
            packed.push(("zstd", zstd::bulk::compress(plain, 3).unwrap()));
            packed.push(("snappy", snap::raw::Encoder::new().compress_vec(plain).unwrap()));
            for (what, bytes) in packed {
                // What does not compress stands in the stream as it is: anyone reads it there.
                let readable = matches!(what, "snappy" | "raw deflate") && class(&bytes) == Plaintext;
                if class(&bytes) != Compressed && !readable {
                    wrong.push((what, plain.len(), assess(&bytes)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(8)]);
}

#[test]
fn entropy_of_noise_spreads_as_far_as_is_told() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[2]
    };
    for n in [16, 48, 120, 200, 256, 400, 1_024, 4_096] {
        let trials = 600;
        let seen: Vec<f64> = (0..trials).map(|_| entropy(&(0..n).map(|_| draw()).collect::<Vec<u8>>())).collect();
        let mean = seen.iter().sum::<f64>() / f64::from(trials);
        let spread = (seen.iter().map(|h| (h - mean).powi(2)).sum::<f64>() / f64::from(trials)).sqrt();
        let told = entropy_spread(n);
        assert!((told / spread - 1.0).abs() < 0.25, "{n}: told {told}, seen {spread}");
        assert!((mean - expected_entropy(n)).abs() < spread, "{n}");
    }
}

#[test]
fn noise_is_random_looking_and_nothing_else() {
    let mut noise = Noise(42);
    let mut wrong = Vec::new();
    let mut unknown = 0;
    for (len, times) in
        [(12, 4_000), (16, 8_000), (24, 4_000), (32, 4_000), (64, 3_000), (256, 1_000), (1_024, 400), (10_000, 60)]
    {
        for _ in 0..times {
            let bytes = noise.bytes(len);
            match class(&bytes) {
                RandomLooking => {}
                Unknown => unknown += 1,
                _ => wrong.push((len, assess(&bytes), bytes)),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(unknown < 250, "{unknown} of 24,460 unknown");
}

#[test]
fn one_byte_xor_is_weak_and_structure_is_readable() {
    for text in &TEXTS[..8] {
        let xored: Vec<u8> = text.bytes().map(|byte| byte ^ 0xa7).collect();
        assert_eq!(class(&xored), WeaklyEncrypted, "{text}: {:?}", assess(&xored));
    }
    // Tables of integers, and a record with lengths in front.
    let numbers: Vec<u8> = (0..40_u32).flat_map(|n| (n * 37).to_be_bytes()).collect();
    assert_eq!(class(&numbers), Plaintext);
    let mut record = vec![0x0a, 0x0b];
    record.extend_from_slice(b"+4477009001\x10\x07\x1a\x17The heron lands at dusk.");
    assert_eq!(class(&record), Plaintext, "{:?}", assess(&record));
}

#[test]
fn media_and_archives_are_compressed() {
    let mut noise = Noise(3);
    for head in [
        &b"\xff\xd8\xff\xe0\0\x10JFIF"[..],
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"OggS\0\x02",
        b"PK\x03\x04\x14\0",
        b"\0\0\0\x18ftypmp42",
        b"RIFF\x10\0\0\0WEBPVP8 ",
    ] {
        let mut bytes = head.to_vec();
        bytes.extend(noise.bytes(300));
        assert_eq!(class(&bytes), Compressed, "{head:?}");
        // A header's runs are no text under a key.
        let runs = [head, &[0; 24], &[1; 8]].concat();
        assert_eq!(class(&runs), Compressed, "{head:?} {:?}", assess(&runs));
    }
}

#[test]
fn mixed_messages_are_told_range_by_range() {
    let mut noise = Noise(11);
    let mut message = b"{\"v\":1,\"to\":\"+447700900142\",\"alg\":\"x25519\"}\n".to_vec();
    let header = message.len() as u64;
    message.extend(noise.bytes(80));
    let told = assess(&message);
    assert_eq!(told.class, Unknown, "{told:?}");
    let closed = closed_range(&message, &told).expect("ciphertext");
    assert!(closed.start.abs_diff(header) <= 4 && closed.end == message.len() as u64, "{closed:?}");
    let tally = tally(&message);
    assert!(tally.of(Plaintext).abs_diff(header) <= 4 && tally.of(RandomLooking) > 70, "{tally:?}");
    // Nothing is cut out of noise, and nothing into text.
    for _ in 0..500 {
        let bytes = noise.bytes(200);
        assert_eq!(segments(&bytes).len(), 1);
    }
    for text in TEXTS {
        assert!(segments(text.as_bytes()).iter().all(|part| !part.class.is_opaque()), "{text}");
    }
}

#[test]
fn a_private_protocol_shows_length_counter_and_ciphertext() {
    use crate::model::opacity::{Column, ColumnKind, Glimpse};
    let mut noise = Noise(5);
    let messages: Vec<Glimpse> = (0..10_u32)
        .map(|n| {
            let body = noise.bytes(16 * (2 + (n as usize * 5) % 7));
            let mut bytes = u32::try_from(body.len() + 5).unwrap().to_be_bytes().to_vec();
            bytes.push(3);
            bytes.extend((100 + n).to_be_bytes());
            bytes.extend(body);
            Glimpse { len: bytes.len() as u64, head: bytes }
        })
        .collect();
    let columns = columns(&messages);
    let kinds: Vec<_> = columns.iter().map(|column| (column.start, column.end, column.kind)).collect();
    let told = |column: &Column| column.kind;
    assert_eq!(told(&columns[0]), ColumnKind::Length, "{kinds:?}");
    assert!(kinds.contains(&(4, Some(5), ColumnKind::Constant)), "{kinds:?}");
    assert!(kinds.contains(&(5, Some(9), ColumnKind::Counter)), "{kinds:?}");
    assert_eq!(*kinds.last().unwrap(), (9, None, ColumnKind::Random), "{kinds:?}");
    let lengths: Vec<u64> = messages.iter().map(|one| one.len).collect();
    assert_eq!(length_law(&lengths), Some(16));
    assert_eq!(length_law(&[20, 31, 47, 52, 68, 91, 103]), None);
}

#[test]
fn short_values_are_told_together() {
    let words: Vec<&[u8]> = vec![b"heron lands", b"at the mill", b"behind dusk", b"water is low"];
    assert_eq!(pooled(&words).class, Plaintext);
    let mut noise = Noise(9);
    let tags: Vec<Vec<u8>> = (0..8).map(|_| noise.bytes(8)).collect();
    let tags: Vec<&[u8]> = tags.iter().map(Vec::as_slice).collect();
    assert_eq!(pooled(&tags).class, RandomLooking);
}

#[test]
fn a_capture_of_many_sealed_fields_holds_nothing_else() {
    // Nothing corrects for their number: the threshold alone must hold for all fields of a capture.
    let mut noise = Noise(20);
    let mut all = crate::model::opacity::OpacityTally::default();
    for n in 0..200_000 {
        all.merge(&tally(&noise.bytes([12, 16, 24, 32][n % 4])));
    }
    for other in [Plaintext, Encoded, Compressed, WeaklyEncrypted] {
        assert_eq!(all.of(other), 0, "{}", other.name());
    }
    assert!(all.of(Unknown) * 50 < all.of(RandomLooking), "{all:?}");
}

#[test]
fn odds_are_shares() {
    for bytes in [&b"The heron lands at dusk."[..], &Noise(1).bytes(40), b"\x1f\x8b\x08\0\0\0\0\0\0\x03abcdef"] {
        let told = assess(bytes);
        assert!((told.odds.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{told:?}");
        assert!(told.confidence() > 0.9, "{told:?}");
    }
}

#[test]
fn base64_tells_what_is_inside() {
    let mut noise = Noise(2);
    assert_eq!(assess(BASE64.encode(&noise.bytes(60)).as_bytes()).inner, Some(RandomLooking));
    assert_eq!(assess(BASE64.encode(TEXTS[0].as_bytes()).as_bytes()).inner, Some(Plaintext));
}

#[test]
fn text_of_several_kinds_is_plaintext() {
    for text in ["丁涛;成都县;153702;ok=1;name=heron", "user 高橋健一 <k@example.jp>", "모델 model_name=42"]
    {
        assert_eq!(class(text.as_bytes()), Plaintext, "{text} {:?}", assess(text.as_bytes()));
    }
}

#[test]
fn pieces_of_lz_are_no_plaintext() {
    let record =
        |n: u64| format!("{{\"id\":{},\"at\":{},\"to\":\"user{}\"}},", n * 7919, 1_793_610_000 + n * 61, n * n);
    let long: String = (0..400).map(record).collect();
    let packed = lz4_flex::block::compress(long.as_bytes());
    for at in (64..packed.len() - 300).step_by(97) {
        let piece = &packed[at..at + 200];
        assert!(matches!(class(piece), Compressed | Unknown), "{at}: {:?} {}", assess(piece), piece.escape_ascii());
    }
}

#[test]
fn a_property_list_is_never_noise() {
    let mut noise = Noise(4);
    let mut bytes = b"bplist00\xd1\x01\x02SkeyO\x10\xc8".to_vec();
    bytes.extend(noise.bytes(200));
    assert_ne!(class(&bytes), RandomLooking);
}

#[test]
fn a_tally_is_cut_wherever_a_range_could_be() {
    // The shortcut of `tally`: it looks for ranges only where some model saves enough somewhere.
    let mut noise = Noise(6);
    for n in 0..4_000_usize {
        let mut bytes = noise.bytes(40 + n % 160);
        if n % 2 == 0 {
            let text = TEXTS[n % TEXTS.len()].as_bytes();
            let len = (n / 2) % text.len().min(40);
            let at = (n * 7) % bytes.len();
            bytes.splice(at..at, text[..len].iter().copied());
        }
        let (told, parts) = (assess(&bytes), segments(&bytes));
        if told.class.is_opaque() && parts.len() > 1 {
            assert_eq!(tally(&bytes).of(Plaintext) > 0, parts.iter().any(|part| part.class == Plaintext), "{n}");
        }
    }
}

#[test]
fn sixteen_bytes_of_any_script_are_plaintext_and_their_seals_are_not() {
    let mut noise = Noise(16);
    let mut wrong = Vec::new();
    for text in characters::tests::SHORT {
        if class(text.as_bytes()) != Plaintext {
            wrong.push((text, assess(text.as_bytes())));
        }
        // What a cipher makes of it.
        for _ in 0..40 {
            let sealed: Vec<u8> = text.bytes().zip(noise.bytes(text.len())).map(|(a, b)| a ^ b).collect();
            if !matches!(class(&sealed), RandomLooking | Unknown) {
                wrong.push((text, assess(&sealed)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pieces_cut_within_characters_are_plaintext() {
    let mut wrong = Vec::new();
    for text in TEXTS {
        for len in [24, 32] {
            for piece in text.as_bytes().windows(len).step_by(5) {
                if class(piece) != Plaintext {
                    wrong.push((String::from_utf8_lossy(piece).into_owned(), assess(piece)));
                }
            }
        }
    }
    assert!(wrong.len() < 3, "{wrong:#?}");
}

#[test]
fn a_code_that_nobody_told_is_no_plaintext() {
    let mut noise = Noise(91);
    let mut plain = 0;
    for n in 0..2_000 {
        let code: Vec<u8> = noise.bytes(16 + n % 120).into_iter().map(|byte| b'!' + byte % 94).collect();
        plain += u32::from(class(&code) == Plaintext);
    }
    assert!(plain < 8, "{plain}");
}

#[test]
fn sealed_bytes_in_a_record_do_not_become_readable() {
    let mut noise = Noise(12);
    for head in [&b"\x82\xa1v\x01\xa4data\xc4\x80"[..], b"\xa2av\x01ddata\x58\x80", b"\x83\x01\x02\x58\x80"] {
        for _ in 0..50 {
            let sealed = [head, &noise.bytes(128)].concat();
            assert_ne!(class(&sealed), Plaintext, "{:?}", assess(&sealed));
        }
    }
}
