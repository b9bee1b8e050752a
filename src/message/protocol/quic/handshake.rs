//! The TLS handshake inside CRYPTO frames (RFC 9001 section 4): messages out of ordered bytes.

use crate::bytes::Cursor;
use crate::message::protocol::quic::ordered::Ordered;
use crate::model::budget::TLS_MESSAGE_BYTES;
use crate::model::origin::Origins;

/// The CRYPTO stream of one direction at one level.
#[derive(Debug, Default)]
pub(super) struct Crypto {
    ordered: Ordered,
    bytes: Vec<u8>,
    /// Something is lost, or over its budget: what follows cannot be told apart.
    lost: bool,
}

impl Crypto {
    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.ordered.held().saturating_add(self.bytes.len())
    }

    /// Takes the data of a CRYPTO frame; gives the handshake messages that are complete now, with their types.
    pub(super) fn push(&mut self, offset: u64, data: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut out = Vec::new();
        if self.lost {
            return out;
        }
        self.ordered.push(offset, data, &Origins::new(), false);
        while let Some(piece) = self.ordered.next() {
            self.bytes.extend_from_slice(&piece.bytes);
        }
        loop {
            let mut cursor = Cursor::new(&self.bytes);
            let (Ok(kind), Ok(len)) = (cursor.u8("handshake type"), cursor.u24("handshake length")) else { break };
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            if len > TLS_MESSAGE_BYTES {
                self.lost = true;
                break;
            }
            let Ok(body) = cursor.take(len, "handshake message") else { break };
            out.push((kind, body.to_vec()));
            let used = cursor.position();
            self.bytes.drain(..used);
        }
        if self.held() > TLS_MESSAGE_BYTES.saturating_mul(2) {
            self.lost = true;
        }
        if self.lost {
            *self = Self { lost: true, ..Self::default() };
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_whatever_the_order() {
        let bytes = [&[1, 0, 0, 3, 7, 8, 9][..], &[2, 0, 0, 0], &[8, 0, 0, 1, 5]].concat();
        let mut crypto = Crypto::default();
        assert!(crypto.push(5, &bytes[5..]).is_empty());
        assert_eq!(crypto.push(0, &bytes[..6]), [(1, vec![7, 8, 9]), (2, vec![]), (8, vec![5])]);
        assert_eq!(crypto.held(), 0);
    }

    #[test]
    fn a_message_over_its_budget_ends_it() {
        let mut crypto = Crypto::default();
        assert!(crypto.push(0, &[1, 0xff, 0xff, 0xff, 0]).is_empty());
        assert!(crypto.push(5, &[0; 100]).is_empty() && crypto.held() == 0);
    }
}
