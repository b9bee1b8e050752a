//! Is this DTLS?
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Match};
use crate::message::Peek;
use crate::message::protocol::dtls::record::{self, HANDSHAKE, Head};

/// Whether this datagram is made of DTLS records. What a unified header begins may be DTLS 1.3: only a conversation that
/// began with a handshake says so.
pub(super) fn probe(peek: &Peek<'_>) -> Match {
    if !peek.meta.datagrams {
        return Match::No;
    }
    let bytes = if peek.to_server.is_empty() { peek.to_client } else { peek.to_server };
    let Some(&first) = bytes.first() else { return Match::No };
    if first & 0xe0 == 0x20 && bytes.len() > 18 {
        return Match::NeedMore;
    }
    let mut cursor = Cursor::new(bytes);
    while !cursor.is_empty() {
        let Ok(record) = record::next(&mut cursor, None) else { return Match::No };
        if let Head::Plain { kind: HANDSHAKE, epoch: 0, .. } = record.head {
            let fine = record::fragment(&mut Cursor::new(record.body)).is_ok_and(|fragment| fragment.kind <= 25);
            if !fine {
                return Match::No;
            }
        }
    }
    Match::Certain
}
