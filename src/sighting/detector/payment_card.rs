//! Payment card numbers: an issuer's prefix and length, and the check digit.

use crate::model::field::Tree;
use crate::model::taxonomy::Data;
use crate::sighting::globe::key_before;
use crate::sighting::rule::{digit_runs, hit, luhn};
use crate::sighting::{Card, Cx, Detector, Example, Hit};

/// The detector.
pub(super) struct PaymentCards;

static CARD: Card = Card {
    id: "payment-card",
    title: "Payment card number",
    why: "Whoever reads a card number can try to pay with it.",
    hits: &[
        Example { body: b"{\"card\":\"4111111111111111\"}", planted: &[] },
        Example { body: b"pan=5555 5555 5555 4444&cvv=1", planted: &[] },
        Example { body: b"Amex 3782-822463-10005.", planted: &[] },
    ],
    misses: &[
        Example { body: b"{\"card\":\"4111111111111112\"}", planted: &[] },
        Example { body: b"imei=490154203237518", planted: &[] },
        Example { body: b"{\"ts\":1667551234567890}", planted: &[] },
        Example { body: b"id a4111111111111111", planted: &[] },
        Example { body: b"0000000000000000", planted: &[] },
        Example { body: b"{\"message_id\":4111111111111111}", planted: &[] },
    ],
};

impl Detector for PaymentCards {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn rule(&self) -> Option<Data> {
        Some(Data::PaymentInfo)
    }

    fn on_message(&self, tree: &Tree<'_>, _: &Cx<'_>, out: &mut Vec<Hit>) {
        for (id, buffer) in (0..).zip(&tree.buffers) {
            let bytes = &buffer.bytes;
            digit_runs(bytes, 13, |digits, start, end| {
                if !issued(digits) || !luhn(digits) {
                    return;
                }
                // One number in ten passes the check digit: plain numbers need a key that is not an identifier's.
                let key = key_before(bytes, start).to_ascii_lowercase();
                let other = ["id", "ts", "time", "timestamp", "imei", "seq", "offset", "nonce"];
                if !other.iter().any(|name| key.ends_with(name.as_bytes())) {
                    let reason = "A payment card number that was not planted was readable";
                    out.push(hit(CARD.id, Data::PaymentInfo, "card number", id, (start, end), reason));
                }
            });
        }
    }
}

/// Prefixes and lengths of the large networks (ISO/IEC 7812 issuer identification numbers).
fn issued(digits: &[u8]) -> bool {
    let prefix = |len: usize| digits.iter().take(len).fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit));
    match digits.len() {
        13 | 19 => prefix(1) == 4,
        14 => matches!(prefix(2), 36 | 38 | 39) || matches!(prefix(3), 300..=305),
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            prefix(1) == 4
                || matches!(prefix(2), 51..=55 | 65)
                || matches!(prefix(4), 2221..=2720 | 3528..=3589 | 6011)
                || matches!(prefix(3), 644..=649)
                || matches!(prefix(2), 62)
        }
        _ => false,
    }
}
