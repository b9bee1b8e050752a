//! Private keys on the wire: whoever holds one reads what it protects. Those that a password protects are no find: nobody
//! reads anything with them alone.

mod der;
mod openpgp;
mod pem;

use crate::model::field::Tree;
use crate::model::taxonomy::Data;
use crate::sighting::rule::hit;
use crate::sighting::{Card, Cx, Detector, Example, Hit};
use memchr::memmem::{self, Finder};
use std::sync::LazyLock;

/// The detector.
pub(super) struct PrivateKeys;

static CARD: Card = Card {
    id: "private-key",
    title: "Private key",
    why: "A private key that leaves the device lets whoever receives it read what was meant for its owner alone.",
    hits: &[
        Example { body: b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n", planted: &[] },
        Example { body: b"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", planted: &[] },
        Example { body: b"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX", planted: &[] },
        Example { body: b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60", planted: &[] },
        Example { body: b"\x30\x74\x02\x01\x01\x04\x20\x2c\x0d\x45\x78\x64\x6c\xc5\xfb\x47\x19\xd4\x4d\xb9\xfe\x39\xb8\x85\x04\xeb\x91\x1f\x94\x78\x0d\x62\x2e\xbc\x03\xe4\x83\x1f\xc2\xa0\x07\x06\x05\x2b\x81\x04\x00\x0a\xa1\x44\x03\x42\x00\x04\xab\x29\x04\x7c\xa8\x24\xd6\x96\x76\x4c\x2d\x4f\xac\x27\x6c\x98\x8b\x05\x64\x02\x4e\x32\xf0\xab\x5e\xdc\x09\xc7\x47\x7d\xc8\x3f\xb3\x9f\x31\x41\x18\x42\x9e\xe1\xf2\xd5\xb3\x0b\xd4\x98\x3e\xf3\xc5\xc6\x8a\x69\xed\x1e\xb5\x75\xbf\xba\x6e\xa0\x4d\xb9\xdb\xd0", planted: &[] },
        Example { body: b"\x94\x58\x04\x6b\x0d\x1a\xc6\x16\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01\x01\x07\x40\xde\x99\x56\xad\x63\xf9\xb1\x17\x05\x4f\x4a\x40\x1a\x64\x23\x36\x1a\x43\x9d\x58\x59\x29\x71\x88\x45\x92\x88\xc1\x36\xb1\xe0\xae\x00\x01\x00\x81\x0d\xd1\x5d\x6d\xc2\xd9\xf4\xba\x09\xab\x9b\x85\x87\x74\xa7\x39\x14\x5a\xd0\xbd\x42\x04\xc6\x1f\x8f\x99\xa7\x3e\x97\xa9\x2b\x0f\xc0", planted: &[] },
        Example { body: b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlFgEaw0axhYJKwYBBAHaRw8BAQdA3plWrWP5sRcFT0pAGmQjNhpDnVhZKXGIRZKI\nwTax4K4AAQCBDdFdbcLZ9LoJq5uFh3SnORRa0L1CBMYfj5mnPpepKw/AtA9hIDxh\nQGIuZXhhbXBsZT6IkAQTFggAOBYhBHn9Sl0z480OTs0ljMMQeegIzJwCBQJrDRrG\nAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEMMQeegIzJwCZ0sBANv0pq/4\nbsW3P+cUnV5tkarw7MTehlU0AzIfCYQS+pOCAQCwkffivVOcw6iPcchZ2saK0FT1\ng0rSdT6Cy6Cqqx3PAw==\n=r82W\n-----END PGP PRIVATE KEY BLOCK-----\n", planted: &[] },
    ],
    misses: &[
        Example { body: b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n", planted: &[] },
        Example { body: b"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", planted: &[] },
        Example { body: b"a file that begins with -----BEGIN PRIVATE KEY----- is secret", planted: &[] },
        Example { body: b"AGE-SECRET-KEY-1...", planted: &[] },
        // A password protects them.
        Example { body: b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAirDPCCqR38SQICCAAw\nDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEObD+IOtljVLLH3ODVmWkM4EQIHI\nwNujOTNP/3a8WpFZlZ10HTAyxc/SK7bwjp3Iy0+kgEHO4h90yH889Mcou0qvuykH\nPvz4ljKVpjFb8TStfpY=\n-----END ENCRYPTED PRIVATE KEY-----\n", planted: &[] },
        Example { body: b"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,B08846456292842A74E12496109845F3\n\nfVkeWIraudH+hLeieJ0KPDp5ZT+1bDf7/zw6hk+i8ULgPTGWsryeDS4HONAg8F0S\nC6Bt/j7Sf740mIGKCX0NOOmv/qTYIprpX77JKkPDCF8MbkLZGeu/ZLy6Lonngu09\nYIw6wejvhaEPpJxBvfPegBqwqEUseVMX509wCUEuUmQ=\n-----END EC PRIVATE KEY-----\n", planted: &[] },
        Example { body: b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABCYpnAPEp\nZuCUYbrKR9NOi4AAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIGOLXCnGxmYbQrgm\nxslzG5zWCQhEeqVzVVEdevSSsLBZAAAAkCZaBPNKfYDQY4+/pyMht+TxHEgdR9zZ3B8aik\nT8AXuuLBdZIqlpJBLXCHdtOO5PoVSS1Va7H00PWGPRC/zShHB5wsNH8xBYduRgYqA4wjIQ\n0ZdrEfwFTU1tzYkpIqDuXl94GtnKe1oEarNBDud3rdQk0Jvpadj8Z81yieSTNNAYAy6UGp\nGW2VJ3KacyfFUphg==\n-----END OPENSSH PRIVATE KEY-----\n", planted: &[] },
        Example { body: b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlIYEaw0axhYJKwYBBAHaRw8BAQdAUC/8kFwv9L7Wr3x2/jIxBKQLRBZW51HDubRF\ns/maz5n+BwMC1tWVPX5xZYv/dfX6hoLHyQdonv+6OvVX9VHW2Y8rDemhOmP39t6i\nxzlySlfnJ3Z+NTNXrjaZdlTW7SwmEa5XeYi9Uc7sFygBn+YEwYlDOLQPYSA8YUBi\nLmV4YW1wbGU+iJAEExYIADgWIQRgJUFho9xlObB5evOrmOdUyeIpSQUCaw0axgIb\nAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRCrmOdUyeIpSepGAP9IsaIdq5Nr\nMAg0xq4fkLaCwnwsxRfC582XOsnH3dHjHQEAmxjD2y9UZioEPx/Ny1HmmL7as4gN\n0JYM8UgTBZYTWwc=\n=MSP5\n-----END PGP PRIVATE KEY BLOCK-----\n", planted: &[] },
        // The checksum is wrong.
        Example { body: b"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEY", planted: &[] },
    ],
};

/// What the search begins at, prepared once: most buffers are short.
struct Marks {
    pem: Finder<'static>,
    bare_pem: Finder<'static>,
    armor: Finder<'static>,
    age: Finder<'static>,
    jwk: Finder<'static>,
    pkcs8: Finder<'static>,
    /// With the public key behind it.
    pkcs8_v2: Finder<'static>,
    pkcs1: Finder<'static>,
    sec1: Finder<'static>,
}

static MARKS: LazyLock<Marks> = LazyLock::new(|| Marks {
    pem: Finder::new(b" PRIVATE KEY-----"),
    bare_pem: Finder::new(b"-----BEGIN PRIVATE KEY-----"),
    armor: Finder::new(b" PRIVATE KEY BLOCK-----"),
    age: Finder::new(b"AGE-SECRET-KEY-1"),
    jwk: Finder::new(b"\"kty\""),
    pkcs8: Finder::new(b"\x02\x01\x00\x30"),
    pkcs8_v2: Finder::new(b"\x02\x01\x01\x30"),
    pkcs1: Finder::new(b"\x02\x01\x00\x02"),
    sec1: Finder::new(b"\x02\x01\x01\x04"),
});

/// No form of a key is shorter.
const SHORTEST: usize = 28;

impl Detector for PrivateKeys {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn words(&self) -> &'static [&'static str] {
        &[" PRIVATE KEY-----", " PRIVATE KEY BLOCK-----", "AGE-SECRET-KEY-1"]
    }

    fn on_message(&self, tree: &Tree<'_>, cx: &Cx<'_>, out: &mut Vec<Hit>) {
        for (id, buffer) in (0..).zip(&tree.buffers) {
            let bytes = &buffer.bytes;
            if bytes.len() < SHORTEST {
                continue;
            }
            let mut push = |form, range| {
                let reason = "A private key was readable";
                out.push(Hit { conclusive: true, ..hit(CARD.id, Data::Credentials, form, id, range, reason) });
            };
            // The longer mark ends with the shorter one.
            let named = if cx.may_hold_words(id) { bytes } else { &[][..] };
            if !named.is_empty() && MARKS.pem.find(named).is_some() {
                for at in MARKS.pem.find_iter(named).chain(MARKS.bare_pem.find_iter(named)) {
                    if let Some(range) = pem::pem(bytes, at) {
                        push("pem", range);
                    }
                }
            }
            for at in places(&MARKS.armor, named) {
                if let Some(range) = pem::pem(bytes, at) {
                    push("openpgp", range);
                }
            }
            for at in places(&MARKS.age, named) {
                let rest = bytes.get(at..).unwrap_or_default();
                let len = rest.iter().take(80).take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
                if len == 74 && rest.get(..len).is_some_and(is_bech32) {
                    push("age secret key", (at, at + len));
                }
            }
            for at in places(&MARKS.jwk, bytes) {
                if let Some(range) = jwk(bytes, at) {
                    push("jwk", range);
                }
            }
            // Four bytes of which three are no text: where they stand, the buffer is not plain.
            // It holds a zero.
            let binary = if cx.is_plain(id, bytes) { &[][..] } else { bytes };
            let mut outer = Vec::new();
            for at in places(&MARKS.pkcs8, binary).chain(places(&MARKS.pkcs8_v2, binary)) {
                if let Some(range) = der::pkcs8(bytes, at) {
                    push("pkcs#8", range);
                    outer.push(range);
                }
            }
            outer.sort_unstable();
            // Inside PKCS#8 they are the same key.
            let is_inside = |(start, end)| {
                let before = outer.partition_point(|range| range.0 <= start);
                before.checked_sub(1).and_then(|last| outer.get(last)).is_some_and(|range| end <= range.1)
            };
            for (form, mark, read) in
                [("pkcs#1", &MARKS.pkcs1, der::pkcs1 as Reader), ("sec1", &MARKS.sec1, der::sec1 as Reader)]
            {
                for at in places(mark, binary) {
                    if let Some(range) = read(bytes, at).filter(|range| !is_inside(*range)) {
                        push(form, range);
                    }
                }
            }
            // Packets have no mark to search for: only what begins with one is read.
            if let Some(len) = openpgp::open_key(binary) {
                push("openpgp", (0, len));
            }
        }
    }
}

/// Reads the structure whose mark stands at a place, and says where it begins and ends.
type Reader = fn(&[u8], usize) -> Option<(usize, usize)>;

/// All places of a mark, nearly always none: to make ready for more than the first costs as much as the search.
fn places<'b>(mark: &'b Finder<'static>, bytes: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
    let first = if bytes.is_empty() { None } else { mark.find(bytes) };
    first.into_iter().flat_map(move |_| mark.find_iter(bytes))
}

/// Whether the checksum of a Bech32 string holds (BIP-173): for other strings a chance of 2^-30.
fn is_bech32(text: &[u8]) -> bool {
    const DIGITS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const STEPS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let Some(sign) = text.iter().rposition(|byte| *byte == b'1') else { return false };
    let (name, data) = (text.get(..sign).unwrap_or_default(), text.get(sign + 1..).unwrap_or_default());
    let lower = |byte: &u8| byte.to_ascii_lowercase();
    let high = name.iter().map(|byte| Some(u32::from(lower(byte) >> 5)));
    let low = name.iter().map(|byte| Some(u32::from(lower(byte) & 31)));
    let digits = data
        .iter()
        .map(|byte| DIGITS.iter().position(|digit| *digit == lower(byte)).and_then(|at| u32::try_from(at).ok()));
    let mut sum = 1_u32;
    for value in high.chain([Some(0)]).chain(low).chain(digits) {
        let Some(value) = value else { return false };
        let top = sum >> 25;
        sum = (sum & 0x01ff_ffff) << 5 ^ value;
        for (bit, step) in STEPS.iter().enumerate() {
            if top >> bit & 1 == 1 {
                sum ^= step;
            }
        }
    }
    sum == 1
}

/// The private member of a JSON Web Key (RFC 7517) that names its type at `at`.
fn jwk(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let from = at.saturating_sub(4_096);
    let open = from + bytes.get(from..at)?.iter().rposition(|byte| *byte == b'{')?;
    let close = at + bytes.get(at..at.saturating_add(8_192).min(bytes.len()))?.iter().position(|byte| *byte == b'}')?;
    let object = bytes.get(open..close)?;
    for mark in [&b"\"d\":\""[..], b"\"d\": \"", b"\"k\":\"", b"\"k\": \""] {
        if let Some(at) = memmem::find(object, mark) {
            let start = at + mark.len();
            let value = object.get(start..)?;
            let len = value.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).count();
            if len >= 22 {
                return Some((open + start, open + start + len));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
