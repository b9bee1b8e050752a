use super::*;
use crate::model::packet::{Endpoint, Packet, Segment, TcpFlags};
use crate::model::stream::{Direction, Ending, Lost, Transport};
use proptest::prelude::*;

/// Writes down what it is told: for each flow the bytes of both directions with gaps as `None`, and how it ended.
#[derive(Default)]
struct Log(Vec<Told>);

#[derive(Debug)]
struct Told {
    info: FlowInfo,
    bytes: [Vec<Option<u8>>; 2],
    next: [u64; 2],
    gaps: Vec<(Direction, u64, u64, Lost)>,
    ends: [bool; 2],
    frames: [Vec<FrameNo>; 2],
    how: Option<Ending>,
    closed: bool,
    datagrams: Vec<usize>,
    others: Vec<(Reading, String)>,
}

impl Told {
    fn text(&self, direction: Direction) -> String {
        self.bytes[direction.index()].iter().map(|byte| byte.map_or('_', char::from)).collect()
    }
}

impl Listener for Log {
    type State = usize;

    fn open(&mut self, meta: StreamMeta, info: &FlowInfo) -> usize {
        assert_eq!(meta.flow, info.key);
        self.0.push(Told {
            info: info.clone(),
            bytes: Default::default(),
            next: [0; 2],
            gaps: Vec::new(),
            ends: [false; 2],
            frames: Default::default(),
            how: None,
            closed: false,
            datagrams: Vec::new(),
            others: Vec::new(),
        });
        self.0.len() - 1
    }

    fn event(&mut self, state: &mut usize, event: StreamEvent<'_>) {
        let told = &mut self.0[*state];
        assert_eq!(told.how, None, "nothing follows Close");
        match event {
            StreamEvent::Data(chunk) => {
                let bytes = &mut told.bytes[chunk.direction.index()];
                let next = &mut told.next[chunk.direction.index()];
                assert_eq!(*next, chunk.offset, "offsets are continuous");
                *next += chunk.bytes.len() as u64;
                assert_eq!(chunk.origins.len(), chunk.bytes.len());
                bytes.extend(chunk.bytes.iter().copied().map(Some));
                told.frames[chunk.direction.index()].extend(chunk.origins.frames());
                told.datagrams.push(chunk.bytes.len());
            }
            StreamEvent::Gap { direction, offset, len, why, .. } => {
                let bytes = &mut told.bytes[direction.index()];
                let next = &mut told.next[direction.index()];
                assert_eq!(*next, offset, "offsets are continuous");
                *next += len;
                bytes.extend((0..len.min(1 << 10)).map(|_| None));
                told.gaps.push((direction, offset, len, why));
            }
            StreamEvent::End { direction, .. } => {
                assert!(!std::mem::replace(&mut told.ends[direction.index()], true), "one End for each direction");
            }
            StreamEvent::Close { how, .. } => told.how = Some(how),
        }
    }

    fn other(&mut self, state: &mut usize, reading: Reading, chunk: Chunk<'_>) {
        assert_eq!(chunk.origins.len(), chunk.bytes.len());
        self.0[*state].others.push((reading, String::from_utf8_lossy(chunk.bytes).into_owned()));
    }

    fn close(&mut self, state: usize, info: &FlowInfo) {
        let told = &mut self.0[state];
        assert!(told.how.is_some());
        told.closed = true;
        told.info = info.clone();
    }
}

/// A packet of the one connection that tests use; `up` is from 10.0.0.1:`port` to 10.0.0.2:443.
#[derive(Clone, Debug)]
struct Seg {
    up: bool,
    seq: u32,
    ack: Option<u32>,
    flags: &'static str,
    payload: Vec<u8>,
    missing: u32,
    urgent: u16,
    at: i64,
    port: u16,
}

fn seg(up: bool, seq: u32, ack: impl Into<Option<u32>>, flags: &'static str, payload: &[u8]) -> Seg {
    Seg { up, seq, ack: ack.into(), flags, payload: payload.to_vec(), missing: 0, urgent: 0, at: 0, port: 50_000 }
}

fn run(segments: &[Seg]) -> (Vec<Told>, Tally) {
    let mut table = Table::new();
    let mut log = Log::default();
    feed(&mut table, &mut log, segments, 1);
    table.finish(&mut log);
    assert!(log.0.iter().all(|told| told.closed));
    (log.0, table.tally())
}

fn feed(table: &mut Table<Log>, log: &mut Log, segments: &[Seg], first: FrameNo) {
    for (frame, seg) in (first..).zip(segments) {
        let client = Endpoint { ip: [10, 0, 0, 1].into(), port: seg.port };
        let server = Endpoint { ip: [10, 0, 0, 2].into(), port: 443 };
        let (src, dst) = if seg.up { (client, server) } else { (server, client) };
        let has = |flag| seg.flags.contains(flag);
        let flags = TcpFlags { syn: has('S'), ack: seg.ack.is_some(), fin: has('F'), rst: has('R'), urg: has('U') };
        let segment = Segment::Tcp {
            seq: seg.seq,
            ack: seg.ack.unwrap_or(0),
            flags,
            urgent: seg.urgent,
            payload: &seg.payload,
            missing: seg.missing,
        };
        let at = Timestamp::from_parts(1_000 + seg.at, 0);
        table.packet(&Packet { frame, at, src, dst, segment, parts: &[] }, log);
    }
}

const C: u32 = 0xffff_fff0; // wraps within the first bytes
const S: u32 = 5_000;

fn handshake() -> Vec<Seg> {
    vec![seg(true, C, None, "S", b""), seg(false, S, C.wrapping_add(1), "S", b""), seg(true, C + 1, S + 1, "", b"")]
}

fn up(offset: u32, payload: &[u8]) -> Seg {
    seg(true, C.wrapping_add(1).wrapping_add(offset), S + 1, "", payload)
}

fn down(offset: u32, acked: u32, payload: &[u8]) -> Seg {
    seg(false, S + 1 + offset, C.wrapping_add(1).wrapping_add(acked), "", payload)
}

#[test]
fn a_whole_connection() {
    let mut all = handshake();
    all.extend([up(0, b"GET / HTTP/1.1\r\n\r\n"), down(0, 18, b"HTTP/1.1 200 OK\r\n")]);
    all.push(seg(true, C.wrapping_add(19), S + 18, "F", b""));
    all.push(seg(false, S + 18, C.wrapping_add(20), "F", b""));
    all.push(seg(true, C.wrapping_add(20), S + 19, "", b""));
    all.push(up(0, b"GET / HTTP/1.1\r\n\r\n"));
    let (told, tally) = run(&all);
    assert_eq!((told.len(), tally.opened, tally.empty), (1, 1, 0));
    let told = &told[0];
    assert_eq!(told.text(Direction::ToServer), "GET / HTTP/1.1\r\n\r\n");
    assert_eq!(told.text(Direction::ToClient), "HTTP/1.1 200 OK\r\n");
    assert_eq!((told.how, told.ends, told.gaps.len()), (Some(Ending::Clean), [true, true], 0));
    assert_eq!(told.frames, [vec![4], vec![5]]);
    assert_eq!((told.info.from_start, told.info.bytes, told.info.key.client.port), (true, [18, 17], 50_000));
    assert_eq!(told.info.key.transport, Transport::Tcp);
}

#[test]
fn losses_leave_traces() {
    // A hole in the middle, acknowledged; then a tail that only the acknowledgment shows.
    let mut all = handshake();
    all.extend([up(0, b"abc"), up(6, b"ghi"), down(0, 12, b"ok"), seg(true, C.wrapping_add(13), S + 7, "", b"")]);
    let (told, _) = run(&all);
    assert_eq!(told[0].text(Direction::ToServer), "abc___ghi___");
    assert_eq!(told[0].text(Direction::ToClient), "ok____");
    assert_eq!(told[0].info.gaps, 3);
    assert_eq!(told[0].how, Some(Ending::CaptureEnd));
    assert!(told[0].gaps.iter().all(|gap| gap.3 == Lost::NotCaptured));
    // A hole that nothing acknowledged: the capture ends, and no budget had a part in it.
    let mut all = handshake();
    all.extend([up(0, b"abc"), up(6, b"ghi")]);
    let (told, _) = run(&all);
    assert_eq!(told[0].gaps, [(Direction::ToServer, 3, 3, Lost::NotCaptured)]);
    // FIN shows what is missing, too; and a flow without a captured byte is told when something was lost.
    let mut all = handshake();
    all.push(seg(true, C.wrapping_add(101), S + 1, "F", b""));
    let (told, _) = run(&all);
    assert_eq!(told[0].gaps, [(Direction::ToServer, 0, 100, Lost::NotCaptured)]);
    assert!(told[0].ends[0]);
    // An empty connection is no flow.
    let (told, tally) = run(&handshake());
    assert_eq!((told.len(), tally.empty), (0, 1));
}

#[test]
fn a_late_segment_closes_the_hole_before_the_end() {
    let mut all = handshake();
    all.extend([up(3, b"def"), seg(true, C.wrapping_add(7), S + 1, "F", b""), down(0, 0, b"x"), up(0, b"abc")]);
    let (told, _) = run(&all);
    assert_eq!(told[0].text(Direction::ToServer), "abcdef");
    assert_eq!(told[0].frames[0], [7, 4]);
    assert!(told[0].ends[0] && told[0].gaps.is_empty());
}

#[test]
fn copies_overlaps_and_keep_alives() {
    let mut all = handshake();
    all.extend([
        up(0, b"abcdef"),
        up(0, b"abcdef"),
        up(5, b"f"),
        up(4, b"efgh"),
        up(10, b"klm"),
        up(9, b"jXlm"),
        up(8, b"ij"),
    ]);
    let (told, _) = run(&all);
    assert_eq!(told[0].text(Direction::ToServer), "abcdefghijklm", "the first bytes win");
    assert_eq!(told[0].info.conflicts, 1);
    assert_eq!(told[0].others, [(Reading::Overlap, "jXlm".to_owned())]);
    // Six again, none for the keep-alive, two, three held, one.
    assert_eq!((told[0].info.bytes[0], told[0].info.again[0]), (13, 12));
}

#[test]
fn other_readings_are_told_beside_the_first() {
    // Sent again with other bytes after it was told; a true copy, and a keep-alive, are none.
    let mut all = handshake();
    all.extend([up(0, b"abcdef"), up(0, b"abcdef"), up(0, b"secret"), up(5, b"x"), up(6, b"g"), up(0, b"SECRET")]);
    let (told, _) = run(&all);
    assert_eq!(told[0].text(Direction::ToServer), "abcdefg");
    let overlap = |text: &str| (Reading::Overlap, text.to_owned());
    assert_eq!((told[0].info.conflicts, &told[0].others[..]), (2, &[overlap("secret"), overlap("SECRET")][..]));
    // An urgent byte is told in line; the other reading is without it.
    let mut all = handshake();
    all.push(Seg { urgent: 4, ..seg(true, C.wrapping_add(1), S + 1, "U", b"sec!ret") });
    all.push(Seg { urgent: 90, ..seg(true, C.wrapping_add(8), S + 1, "U", b"beyond") });
    all.push(Seg { urgent: 1, ..seg(true, C.wrapping_add(14), S + 1, "", b"no flag") });
    let (told, _) = run(&all);
    assert_eq!(told[0].text(Direction::ToServer), "sec!retbeyondno flag");
    assert_eq!((told[0].info.urgent, &told[0].others[..]), (1, &[(Reading::Urgent, "secret".to_owned())][..]));
    // However many there are, only so many are told.
    let mut all = handshake();
    all.push(up(0, b"aaaa"));
    all.extend((0..2_000_u32).map(|n| up(0, &n.to_be_bytes())));
    let (told, _) = run(&all);
    assert!(told[0].info.conflicts > 1_900 && told[0].others.len() <= crate::model::budget::OTHER_READINGS + 1);
}

#[test]
fn a_capture_that_starts_in_mid_stream() {
    let all = [down(100, 0, b"def"), down(97, 0, b"abc"), down(103, 0, b"ghi")];
    let (told, _) = run(&all);
    assert_eq!(told[0].text(Direction::ToClient), "abcdefghi");
    assert_eq!(told[0].gaps, [(Direction::ToClient, 0, 0, Lost::StartMissing)]);
    assert!(!told[0].info.from_start);
    assert_eq!(told[0].info.key.server.port, 443, "the well-known port serves");
    // A SYN that comes late still tells where the stream starts, and who opened it.
    let mut late = vec![up(3, b"def"), up(0, b"abc")];
    late.extend(handshake());
    let (told, tally) = run(&late);
    assert_eq!((told[0].text(Direction::ToServer).as_str(), tally.opened), ("abcdef", 1));
    assert!(told[0].gaps.is_empty() && told[0].info.from_start);
}

#[test]
fn one_direction_alone() {
    let all = [
        seg(true, C, None, "S", b""),
        seg(true, C + 1, S + 1, "", b""),
        seg(true, C + 1, S + 1, "", b"question"),
        seg(true, C + 9, S + 501, "F", b""),
    ];
    let (told, _) = run(&all);
    assert_eq!(told[0].text(Direction::ToServer), "question");
    assert!(told[0].ends[0]);
    assert_eq!(told[0].gaps, [(Direction::ToClient, 0, 500, Lost::NotCaptured)], "what was acknowledged was sent");
}

#[test]
fn the_same_ports_again_are_another_connection() {
    let mut all = handshake();
    all.extend([up(0, b"one"), seg(false, S + 1, C.wrapping_add(4), "R", b"")]);
    all.extend([seg(true, 77, None, "S", b""), seg(true, 78, S + 1, "", b"two")]);
    // And once more, after a clean end, without its SYN.
    all.extend([seg(true, 81, 9_001, "F", b""), seg(false, 9_000, 78, "S", b""), seg(false, 9_001, 82, "F", b"")]);
    all.extend([seg(true, 81, 9_001, "F", b""), seg(true, 10_000, 1, "", b"three")]);
    let (told, tally) = run(&all);
    let texts: Vec<String> = told.iter().map(|told| told.text(Direction::ToServer)).collect();
    assert_eq!((texts, tally.opened), (vec!["one".into(), "two".into(), "three".into()], 3));
    assert_eq!(
        told.iter().map(|told| told.how.unwrap()).collect::<Vec<_>>(),
        [Ending::Reset, Ending::Clean, Ending::CaptureEnd]
    );
}

#[test]
fn cut_frames_are_gaps_of_their_own() {
    let mut all = handshake();
    all.extend([up(0, b"abc"), up(10, b"kl"), up(3, b"d")]);
    all[5].missing = 6;
    let (told, _) = run(&all);
    assert_eq!(told[0].text(Direction::ToServer), "abcd______kl");
    assert_eq!(told[0].gaps, [(Direction::ToServer, 4, 6, Lost::CutFrame)]);
    assert!(told[0].info.cut);
}

#[test]
fn a_hole_is_given_up_when_too_much_waits_behind_it() {
    let mut all = handshake();
    all.push(up(0, b"a"));
    let block = vec![7; 60_000];
    all.extend((0..200).map(|n| up(2 + n * 60_000, &block)));
    let mut table = Table::new();
    let mut log = Log::default();
    feed(&mut table, &mut log, &all, 1);
    assert_eq!(log.0[0].gaps, [(Direction::ToServer, 1, 1, Lost::Budget)]);
    assert_eq!(log.0[0].info.gaps, 0);
    assert_eq!(log.0[0].bytes[0].len(), 2 + 200 * 60_000, "told before the end");
    table.finish(&mut log);
    assert_eq!((log.0[0].info.bytes[0], log.0[0].info.gaps), (1 + 200 * 60_000, 1));
}

#[test]
fn silence_ends_a_flow_and_floods_stay_small() {
    let mut all = handshake();
    all.push(up(0, b"abc"));
    all.push(Seg { at: 10_000, ..up(3, b"def") });
    let (told, _) = run(&all);
    assert_eq!(told.iter().map(|t| t.how.unwrap()).collect::<Vec<_>>(), [Ending::Idle, Ending::CaptureEnd]);
    let flood: Vec<Seg> = (1..60_000).map(|port| Seg { port, ..seg(true, 5, None, "S", b"") }).collect();
    let (told, tally) = run(&flood);
    assert_eq!((told.len(), tally.opened, tally.empty, tally.evicted), (0, 59_999, 59_999, 0));
}

#[test]
fn datagrams_keep_their_bounds_and_find_their_client() {
    let (mut table, mut log) = (Table::new(), Log::default());
    let a = Endpoint { ip: [10, 0, 0, 1].into(), port: 53 };
    let b = Endpoint { ip: "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().into(), port: 4_000 };
    let b4 = Endpoint { ip: [10, 0, 0, 9].into(), port: 4_000 };
    let mut send = |src, dst, payload: &[u8], missing, at| {
        let segment = Segment::Udp { payload, missing };
        let packet = Packet { frame: 1, at: Timestamp::from_parts(at, 0), src, dst, segment, parts: &[] };
        table.packet(&packet, &mut log);
    };
    send(a, b4, b"answer", 0, 0);
    send(b4, a, b"ask", 2, 1);
    send(b4, a, b"", 0, 2);
    send(b4, a, b"later", 0, 500);
    send(b, Endpoint { ip: b.ip, port: 5_000 }, b"v6", 0, 501);
    table.finish(&mut log);
    assert_eq!(log.0.len(), 3);
    assert_eq!((log.0[0].info.key.client, log.0[0].info.key.server), (b4, a));
    assert_eq!(log.0[0].text(Direction::ToServer), "ask__");
    assert_eq!(log.0[0].gaps, [(Direction::ToServer, 3, 2, Lost::CutFrame)]);
    assert_eq!((log.0[0].how, log.0[1].how), (Some(Ending::Idle), Some(Ending::CaptureEnd)));
    assert_eq!(log.0[2].info.key.client.ip, b.ip);
}

/// A segmentation of both directions with copies, overlaps and any order, as segments.
fn segmentation() -> impl Strategy<Value = (Vec<u8>, Vec<u8>, Vec<Seg>)> {
    let body = || prop::collection::vec(any::<u8>(), 1..400);
    let cuts = || prop::collection::vec((any::<prop::sample::Index>(), 1_usize..120), 0..30);
    (body(), body(), cuts(), cuts(), any::<u64>(), prop::bool::ANY).prop_map(|(a, b, more_a, more_b, seed, fins)| {
        let mut all = Vec::new();
        let (sent, got) = (u32::try_from(a.len()).unwrap(), u32::try_from(b.len()).unwrap());
        for (is_up, bytes, extra) in [(true, &a, more_a), (false, &b, more_b)] {
            let mut ranges: Vec<(usize, usize)> = Vec::new();
            let mut at = 0;
            for (_, len) in extra.iter().cycle().take(500) {
                ranges.push((at, (at + len).min(bytes.len())));
                at += len;
                if at >= bytes.len() {
                    break;
                }
            }
            ranges.push((at.min(bytes.len() - 1), bytes.len()));
            ranges.extend(extra.iter().map(|(index, len)| {
                let start = index.index(bytes.len());
                (start, (start + len).min(bytes.len()))
            }));
            for (start, end) in ranges {
                let offset = u32::try_from(start).unwrap();
                all.push(if is_up { up(offset, &bytes[start..end]) } else { down(offset, 0, &bytes[start..end]) });
            }
        }
        if fins {
            all.push(seg(true, C.wrapping_add(1 + sent), S + 1, "F", b""));
            all.push(seg(false, S + 1 + got, C.wrapping_add(1), "F", b""));
        }
        // A shuffle of our own, so that shrinking stays simple.
        let mut state = seed | 1;
        for n in (1..all.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            all.swap(n, usize::try_from((state >> 33) % (n as u64 + 1)).unwrap());
        }
        (a, b, all)
    })
}

fn whole(bytes: &[u8]) -> Vec<Option<u8>> {
    bytes.iter().copied().map(Some).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn order_cuts_and_copies_change_nothing((a, b, segments) in segmentation()) {
        let mut all = handshake();
        all.extend(segments);
        let (told, tally) = run(&all);
        prop_assert_eq!(tally.opened, 1);
        prop_assert_eq!(&told[0].bytes[0], &whole(&a));
        prop_assert_eq!(&told[0].bytes[1], &whole(&b));
        prop_assert!(told[0].gaps.is_empty());
        prop_assert_eq!(told[0].info.bytes, [a.len() as u64, b.len() as u64]);
        prop_assert_eq!(told[0].info.conflicts, 0);
    }

    #[test]
    fn contradicting_copies_change_nothing_that_was_told(
        (a, b, segments) in segmentation(),
        forged in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_u8..), 1..6),
    ) {
        let mut all = handshake();
        all.extend(segments);
        for (which, byte, flip) in forged {
            // Behind the segment it contradicts: what came first was told, or is held.
            let at = which.index(all.len());
            let mut copy = all[at].clone();
            if copy.payload.len() > 1 && copy.flags.is_empty() {
                let byte = byte.index(copy.payload.len());
                copy.payload[byte] ^= flip;
                all.insert(at + 1, copy);
            }
        }
        let (told, _) = run(&all);
        prop_assert!(told.len() == 1);
        prop_assert_eq!(told[0].bytes[0].len(), a.len());
        prop_assert_eq!(told[0].bytes[1].len(), b.len());
        prop_assert!(told[0].others.iter().all(|(reading, text)| *reading == Reading::Overlap && !text.is_empty()));
        prop_assert!(told[0].others.len() <= told[0].info.conflicts as usize);
    }

    #[test]
    fn what_is_taken_away_is_a_gap_or_was_a_copy(
        (a, b, segments) in segmentation(),
        taken in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
    ) {
        let mut all = handshake();
        let sent = u32::try_from(a.len()).unwrap();
        let mut left = segments;
        for index in taken {
            if left.len() > 1 {
                left.remove(index.index(left.len()));
            }
        }
        all.extend(left);
        // The other end acknowledges everything.
        all.push(down(0, sent, b""));
        all.push(seg(true, C.wrapping_add(1 + sent), S + 1 + u32::try_from(b.len()).unwrap(), "", b""));
        let (told, _) = run(&all);
        for (told, sent) in told[0].bytes.iter().zip([&a, &b]) {
            prop_assert_eq!(told.len(), sent.len());
            prop_assert!(told.iter().zip(sent).all(|(told, sent)| told.is_none_or(|told| told == *sent)));
        }
        let holes: u64 = told[0].gaps.iter().map(|gap| gap.2).sum();
        let seen: u64 = told[0].info.bytes.iter().sum();
        prop_assert_eq!(holes + seen, (a.len() + b.len()) as u64);
    }

    #[test]
    fn no_segments_whatever_break_it(
        segments in prop::collection::vec(
            (any::<bool>(), any::<u32>(), prop::option::of(any::<u32>()), 0_usize..16, 0_usize..40, 0_u32..4, 0_i64..9_000),
            0..60,
        ),
        near in any::<bool>(),
    ) {
        const FLAGS: [&str; 16] =
            ["", "", "", "", "", "S", "S", "F", "R", "SF", "SR", "FR", "U", "SFRU", "F", ""];
        let mut at = 0;
        let all: Vec<Seg> = segments.into_iter().map(|(is_up, seq, ack, flags, len, missing, wait)| {
            let (seq, ack) = if near { (seq % 200, ack.map(|ack| ack % 200)) } else { (seq, ack) };
            at += if wait > 8_900 { wait } else { 0 };
            Seg { missing: missing.saturating_sub(2), at, ..seg(is_up, seq, ack, FLAGS[flags], &vec![1; len]) }
        }).collect();
        run(&all);
    }
}
