use super::noise::{hash, kdf};
use super::*;
use crate::message::harness::{down, meta, play_with, up};
use crate::model::secret::Secrets;
use crate::model::stream::StreamMeta;

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn udp() -> StreamMeta {
    StreamMeta { datagrams: true, ..meta() }
}

fn judge(waiting: &[&[u8]], now: &[u8]) -> Match {
    let waiting: Vec<(Direction, &[u8])> = waiting.iter().map(|bytes| (Direction::ToServer, *bytes)).collect();
    probe(&Peek { meta: &udp(), to_server: now, to_client: b"", waiting: &waiting, secrets: &Secrets::default() })
}

fn data(receiver: u32, counter: u64) -> Vec<u8> {
    [&[4, 0, 0, 0][..], &receiver.to_le_bytes(), &counter.to_le_bytes(), &[7; 48]].concat()
}

/// RFC 7693 appendix B.
#[test]
fn the_hash_agrees_with_the_standard() {
    assert_eq!(hash(&[b"a", b"bc"]).to_vec(), hex("508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"));
}

/// The constants that every implementation has: hashes of construction and identifier.
#[test]
fn the_first_states_agree_with_other_implementations() {
    let chaining = hash(&[b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"]);
    assert_eq!(chaining[..4], [0x60, 0xe2, 0x6d, 0xae]);
    assert_eq!(hash(&[&chaining, b"WireGuard v1 zx2c4 Jason@zx2c4.com"])[..4], [0x22, 0x11, 0xb3, 0x61]);
    let [one] = kdf::<1>(&chaining, b"input");
    let [first, second, third] = kdf::<3>(&chaining, b"input");
    assert_eq!(one, first);
    assert!(first != second && second != third);
}

#[test]
fn types_and_lengths_are_strict() {
    let mut initiation = vec![9; 148];
    initiation[..4].copy_from_slice(&[1, 0, 0, 0]);
    assert_eq!(judge(&[], &initiation), Match::Certain);
    assert_eq!(judge(&[], &initiation[..147]), Match::No);
    initiation[2] = 1;
    assert_eq!(judge(&[], &initiation), Match::No);
    let (one, two) = (data(5, 10), data(5, 12));
    assert_eq!(judge(&[&one, &two], &data(5, 11)), Match::Certain);
    assert_eq!(judge(&[&one, &two], &data(6, 11)), Match::NeedMore);
    assert_eq!(judge(&[&one, &one], &data(5, 10)), Match::NeedMore);
    assert_eq!(judge(&[], &data(5, 10)[..47]), Match::No);
}

#[test]
fn floods_of_handshakes_hold_nothing_and_data_without_keys_is_told() {
    let mut events = Vec::new();
    for number in 0..2000_u32 {
        let mut initiation = vec![number.to_le_bytes()[0]; 148];
        initiation[..8].copy_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
        initiation[4..8].copy_from_slice(&number.to_le_bytes());
        events.push(up(&initiation));
    }
    events.push(up(data(5, 1)));
    events.push(down(data(6, 1)));
    let mut secrets = Secrets::default();
    for number in 0..20 {
        secrets.add_wireguard("LOCAL_STATIC_PRIVATE_KEY".to_owned(), vec![number; 32]);
    }
    let heard = play_with(&secrets, &PROTOCOL, &udp(), 1 << 20, &events);
    assert!(heard.packets.is_empty());
    assert_eq!(heard.blind.len(), 2);
    assert!(heard.blind.iter().all(|spot| spot.why == Blind::NoKeys && spot.bytes == 32));
}
