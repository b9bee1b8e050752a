use super::*;
use crate::model::frame::Frame;
use std::io::Write as _;

/// A frame, owned: number, nanoseconds, link type, bytes, length on the wire.
type Owned = (u64, i64, u32, Vec<u8>, u32);

fn read(bytes: &[u8]) -> (String, Vec<Owned>, Option<Stopped>) {
    let opened = open_bytes(bytes.to_vec(), "test", Wanted::Any);
    let mut opened = match opened {
        Ok(opened) => opened,
        Err(OpenError::Broken { stopped, .. }) => return (String::new(), Vec::new(), Some(stopped)),
        Err(error) => panic!("{error}"),
    };
    let mut frames = Vec::new();
    loop {
        match opened.source.next() {
            Ok(Some(Item::Frame(Frame { number, at, link, bytes, wire_len, .. }))) => {
                frames.push((number, at.0, link.0, bytes.to_vec(), wire_len));
            }
            Ok(Some(Item::Message(_) | Item::Account(_) | Item::Record(_) | Item::Door(_))) => {
                panic!("packet captures hold frames")
            }
            Ok(None) => return (opened.format, frames, None),
            Err(stopped) => return (opened.format, frames, Some(stopped)),
        }
    }
}

/// Writes integers in one byte order.
struct Writer {
    big: bool,
    out: Vec<u8>,
}

impl Writer {
    fn u16(&mut self, value: u16) -> &mut Self {
        self.out.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.out.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend(bytes);
        while !self.out.len().is_multiple_of(4) {
            self.out.push(0);
        }
        self
    }

    /// A pcapng block around what `body` writes.
    fn block(&mut self, kind: u32, body: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inner = Self { big: self.big, out: Vec::new() };
        body(&mut inner);
        let len = u32::try_from(inner.out.len()).unwrap() + 12;
        self.u32(kind).u32(len).bytes(&inner.out).u32(len)
    }

    fn section(&mut self, big: bool) -> &mut Self {
        self.big = big;
        self.block(0x0a0d_0d0a, |w| {
            w.u32(0x1a2b_3c4d).u16(1).u16(0).u32(u32::MAX).u32(u32::MAX);
        })
    }

    fn interface(&mut self, link: u16, snap: u32, options: &[(u16, &[u8])]) -> &mut Self {
        self.block(1, |w| {
            w.u16(link).u16(0).u32(snap);
            for (code, value) in options {
                w.u16(*code).u16(u16::try_from(value.len()).unwrap()).bytes(value);
            }
        })
    }

    fn packet(&mut self, interface: u32, units: u64, bytes: &[u8], wire_len: u32) -> &mut Self {
        self.block(6, |w| {
            w.u32(interface).u32((units >> 32) as u32).u32((units & 0xffff_ffff) as u32);
            w.u32(u32::try_from(bytes.len()).unwrap()).u32(wire_len).bytes(bytes);
        })
    }

    fn secrets(&mut self, kind: u32, text: &str) -> &mut Self {
        self.block(10, |w| {
            w.u32(kind).u32(u32::try_from(text.len()).unwrap()).bytes(text.as_bytes());
        })
    }
}

fn pcap(big: bool, magic: u32, records: &[(u32, u32, &[u8], u32)]) -> Vec<u8> {
    let mut w = Writer { big, out: Vec::new() };
    w.u32(magic).u16(2).u16(4).u32(0).u32(0).u32(262_144).u32(113);
    for (seconds, fraction, bytes, wire_len) in records {
        w.u32(*seconds).u32(*fraction).u32(u32::try_from(bytes.len()).unwrap()).u32(*wire_len);
        if magic == 0xa1b2_cd34 {
            w.u32(0).u32(0);
        }
        w.out.extend(*bytes);
    }
    w.out
}

const RANDOM: &str = "52362c10a2665e323a2adb4b9da0c10d4a8823719272f8b4c97af24f92784812";

fn pcapng() -> Vec<u8> {
    let mut w = Writer { big: false, out: Vec::new() };
    w.section(false)
        .interface(1, 0, &[(9, &[9]), (2, b"eth0"), (0, &[])])
        .interface(101, 4, &[(14, &3_600_i64.to_le_bytes()), (0, &[])])
        .packet(0, 1_700_000_000_000_000_001, b"first", 5)
        .block(5, |w| {
            w.u32(0).u32(0).u32(0);
        })
        .packet(1, 1_700_000_000_000_001, b"cut", 1_500)
        .block(2, |w| {
            w.u16(1).u16(0).u32(0).u32(2_000_000).u32(3).u32(3).bytes(b"old");
        })
        .section(true)
        .interface(276, 4, &[(9, &[0x8a])])
        .packet(0, 1_536, b"big-endian", 10)
        .block(3, |w| {
            w.u32(9).bytes(b"simp");
        })
        .secrets(0x544c_534b, &format!("CLIENT_RANDOM {RANDOM} {}\nnonsense\n", "ab".repeat(48)))
        .secrets(0x5747_4b4c, "PRESHARED_KEY = AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
        .secrets(0x1234_5678, "who knows");
    w.out
}

fn pcapng_frames() -> Vec<Owned> {
    vec![
        (1, 1_700_000_000_000_000_001, 1, b"first".to_vec(), 5),
        (2, 1_700_003_600_000_001_000, 101, b"cut".to_vec(), 1_500),
        (3, 3_602_000_000_000, 101, b"old".to_vec(), 3),
        (4, 1_500_000_000, 276, b"big-endian".to_vec(), 10),
        (5, 1_500_000_000, 276, b"simp".to_vec(), 9),
    ]
}

#[test]
fn pcap_of_every_kind() {
    for (magic, fraction) in [(0xa1b2_c3d4_u32, 5_000), (0xa1b2_3c4d, 5), (0xa1b2_cd34, 5_000)] {
        for big in [false, true] {
            let file = pcap(big, magic, &[(7, 5, b"abc", 3), (u32::MAX, 0, b"", 60)]);
            let frames = vec![
                (1, 7_000_000_000 + fraction, 113, b"abc".to_vec(), 3),
                (2, 4_294_967_295_000_000_000, 113, Vec::new(), 60),
            ];
            assert_eq!(read(&file), ("pcap".into(), frames, None), "{magic:x} {big}");
        }
    }
}

#[test]
fn pcapng_with_sections_interfaces_and_every_packet_block() {
    assert_eq!(read(&pcapng()), ("pcapng".into(), pcapng_frames(), None));
}

#[test]
fn wrapped_files_of_many_members() {
    let file = pcapng();
    let (front, back) = file.split_at(150);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zst = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    assert_eq!(read(&[gzip(front), gzip(back)].concat()), ("pcapng.gz".into(), pcapng_frames(), None));
    assert_eq!(read(&[zst(front), zst(back)].concat()), ("pcapng.zst".into(), pcapng_frames(), None));
    for wrapped in [gzip(&file), zst(&file)] {
        let (_, frames, stopped) = read(&wrapped[..wrapped.len() - 9]);
        assert!(pcapng_frames().starts_with(&frames));
        assert!(stopped.is_some(), "a cut wrapping is told");
    }
}

#[test]
fn a_file_cut_anywhere_yields_a_prefix_and_says_where() {
    let pcap = pcap(false, 0xa1b2_c3d4, &[(7, 5, b"abc", 3), (8, 0, b"defgh", 5)]);
    for file in [pcap, pcapng()] {
        let (_, whole, _) = read(&file);
        for len in 12..file.len() {
            let (_, frames, stopped) = read(&file[..len]);
            assert!(whole.starts_with(&frames), "cut at {len}");
            if let Some(stopped) = stopped {
                assert!(stopped.offset <= len as u64 && stopped.why.contains("cut short"), "{stopped} at {len}");
            }
        }
    }
}

#[test]
fn damage_stops_where_it_is() {
    let file = pcapng();
    let damaged = |at: usize, value: &[u8]| {
        let mut file = file.clone();
        file[at..at + value.len()].copy_from_slice(value);
        read(&file).2.unwrap().to_string()
    };
    assert_eq!(
        damaged(32, &[0xff; 4]),
        "stopped at byte 28: a block claims 4294967295 bytes; the file is damaged here"
    );
    assert_eq!(damaged(32, &[0, 0, 0, 0]), "stopped at byte 28: a block claims 0 bytes; the file is damaged here");
    assert_eq!(
        damaged(32, &[0xfc, 0xff, 0xff, 0x7f]),
        "stopped at byte 28: a block claims 2147483644 bytes; the file is damaged here"
    );
    let lying = pcap(false, 0xa1b2_c3d4, &[(7, 5, b"abc", 3)]);
    let mut lying_len = lying.clone();
    lying_len[32..36].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    assert!(read(&lying_len).2.unwrap().why.contains("claims 2147483647 bytes"));
    let unknown = Writer { big: false, out: Vec::new() }.section(false).packet(4, 0, b"x", 1).out.clone();
    assert!(read(&unknown).2.unwrap().why.contains("interface 4"));
    let mut flipped = pcapng();
    for at in 0..flipped.len() {
        flipped[at] ^= 0xa5;
        if let Ok(mut opened) = open_bytes(flipped.clone(), "flipped", Wanted::Any) {
            while let Ok(Some(_)) = opened.source.next() {}
        }
        flipped[at] ^= 0xa5;
    }
}

#[test]
fn what_is_no_capture_says_what_it_looks_like() {
    let told = |bytes: &[u8]| open_bytes(bytes.to_vec(), "x.pcap", Wanted::Any).err().unwrap().to_string();
    for (bytes, says) in [
        (b"".as_slice(), "an empty file"),
        (b"PK\x03\x04....", "a ZIP archive (unpack it first)"),
        (b"  {\"log\": 1", "JSON text"),
        (b"hello, world\n", "plain text"),
        (b"CLIENT_RANDOM aa bb\n", "a TLS key log (give it as `keys`)"),
        (&[1, 2, 3, 0xff], "unknown binary data (01 02 03 ff)"),
    ] {
        assert_eq!(told(bytes), format!("x.pcap: no known capture format; it looks like {says}"));
    }
    let missing = open(std::path::Path::new("no/such/file"), Wanted::Any).err().unwrap().to_string();
    assert!(missing.starts_with("no/such/file: "), "{missing}");
    assert!(open(std::path::Path::new("/"), Wanted::Any).err().unwrap().to_string().contains("not a regular file"));
}

#[test]
fn the_survey_digests_the_file_as_it_is_and_gathers_late_secrets() {
    let plain = pcapng();
    let random = data_encoding::HEXLOWER.decode(RANDOM.as_bytes()).unwrap().try_into().unwrap();
    for (bytes, format) in [(plain.clone(), "pcapng"), (zstd::encode_all(plain.as_slice(), 1).unwrap(), "pcapng.zst")] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let survey = survey(file.path(), Wanted::Any).unwrap();
        assert_eq!((survey.format.as_str(), survey.bytes), (format, bytes.len() as u64));
        let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
        assert_eq!(survey.sha256, Some(data_encoding::HEXLOWER.encode(digest.as_ref())));
        assert_eq!(survey.secrets.tls(&random, "CLIENT_RANDOM"), Some([0xab; 48].as_slice()));
        assert_eq!(survey.secrets.wireguard().count(), 1);
        assert_eq!(survey.problems.len(), 1, "{:?}", survey.problems);
        assert!(survey.problems[0].contains("line 2: expected"));
    }
}

#[test]
fn formats_have_names_of_their_own() {
    let mut names: Vec<&str> = format::FORMATS.iter().map(|format| format.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), format::FORMATS.len());
    assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')));
}

/// Apple's blocks that describe processes, and packets that name them.
#[test]
fn packets_of_a_pcapng_file_name_their_process() {
    let mut writer = Writer { big: false, out: Vec::new() };
    writer.section(false).interface(1, 0, &[]);
    for name in ["mDNSResponder", "Chatterly"] {
        writer.block(0x8000_0001, |w| {
            w.u32(77).u16(2).u16(u16::try_from(name.len()).unwrap()).bytes(name.as_bytes()).u32(0);
        });
    }
    let mut packet = |options: &[(u16, u32)]| {
        writer.block(6, |w| {
            w.u32(0).u32(0).u32(0).u32(5).u32(5).bytes(b"frame");
            for (code, value) in options {
                w.u16(*code).u16(4).u32(*value);
            }
            w.u32(0);
        });
    };
    packet(&[(0x8001, 1)]);
    packet(&[(0x8001, 0), (0x8003, 1)]);
    packet(&[(0x8001, 9)]);
    packet(&[(2, 1)]);
    let mut opened = open_bytes(writer.out.clone(), "test", Wanted::Any).unwrap();
    let mut said = Vec::new();
    while let Ok(Some(Item::Frame(frame))) = opened.source.next() {
        assert_eq!(frame.bytes, b"frame");
        said.push(frame.process.map(str::to_owned));
    }
    let chatterly = Some("Chatterly".to_owned());
    assert_eq!(said, [chatterly.clone(), chatterly, None, None]);
}
