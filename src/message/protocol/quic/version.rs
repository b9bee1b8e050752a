//! Versions of QUIC, and what differs between them: salts, labels, numbers of packet types.

use crate::message::protocol::quic::packet::Kind;

/// A version that can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Version {
    /// Its number.
    pub(super) id: u32,
    /// Its name for people.
    pub(super) name: &'static str,
    /// The salt of its Initial secrets.
    pub(super) salt: [u8; 20],
    /// Its key schedule and packet types are those of version 2 (RFC 9369).
    second: bool,
}

const SALT_23: [u8; 20] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5,
    0x02,
];
const SALT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8,
    0x99,
];
const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
    0x0a,
];
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e,
    0xd9,
];

/// Every version that can be read; the first is what most speak.
pub(super) const VERSIONS: [Version; 10] = [
    Version { id: 1, name: "1", salt: SALT_1, second: false },
    Version { id: 0x6b33_43cf, name: "2", salt: SALT_2, second: true },
    draft(34, "draft-34", SALT_1),
    draft(33, "draft-33", SALT_1),
    draft(32, "draft-32", SALT_29),
    draft(31, "draft-31", SALT_29),
    draft(30, "draft-30", SALT_29),
    draft(29, "draft-29", SALT_29),
    draft(28, "draft-28", SALT_23),
    draft(27, "draft-27", SALT_23),
];

const fn draft(number: u32, name: &'static str, salt: [u8; 20]) -> Version {
    Version { id: 0xff00_0000 | number, name, salt, second: false }
}

impl Version {
    /// The version with this number, if it can be read.
    pub(super) fn of(id: u32) -> Option<Self> {
        VERSIONS.into_iter().find(|version| version.id == id)
    }

    /// Labels of the packet protection key, the IV, the header protection key and the next secret (RFC 9001 section 5.1,
    /// RFC 9369 section 3.3.2).
    pub(super) const fn labels(self) -> [&'static str; 4] {
        if self.second {
            ["quicv2 key", "quicv2 iv", "quicv2 hp", "quicv2 ku"]
        } else {
            ["quic key", "quic iv", "quic hp", "quic ku"]
        }
    }

    /// What the two type bits of a long header mean (RFC 9000 section 17.2, RFC 9369 section 3.2).
    pub(super) const fn kind(self, bits: u8) -> Kind {
        match (self.second, bits & 3) {
            (false, 0) | (true, 1) => Kind::Initial,
            (false, 1) | (true, 2) => Kind::ZeroRtt,
            (false, 2) | (true, 3) => Kind::Handshake,
            _ => Kind::Retry,
        }
    }
}

/// The name of a version that is known by name only: Google's and Facebook's own.
pub(super) fn foreign(id: u32) -> Option<String> {
    match id.to_be_bytes() {
        [family @ (b'Q' | b'T'), b'0', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(format!("Google QUIC {}0{}{}", char::from(family), char::from(tens), char::from(ones)))
        }
        [0xfa, 0xce, 0xb0, minor] => Some(format!("mvfst {minor}")),
        [0xff, 0, 0, number @ 1..=26] => Some(format!("draft-{number:02}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_follow_the_registries() {
        assert_eq!(Version::of(1).unwrap().name, "1");
        assert_eq!(Version::of(0xff00_001d).unwrap().name, "draft-29");
        assert_eq!(Version::of(0xff00_0020).unwrap().name, "draft-32");
        assert_eq!(Version::of(0x6b33_43cf).unwrap().kind(0), Kind::Retry);
        assert_eq!(Version::of(0x6b33_43cf).unwrap().kind(1), Kind::Initial);
        assert_eq!(Version::of(1).unwrap().kind(3), Kind::Retry);
        assert_eq!(foreign(0x5130_3436).as_deref(), Some("Google QUIC Q046"));
        assert_eq!(foreign(0xdead_beef), None);
    }
}
