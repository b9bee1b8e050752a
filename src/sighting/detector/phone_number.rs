//! Phone numbers that are valid in their country's plan.

use crate::model::field::Tree;
use crate::model::taxonomy::Data;
use crate::sighting::globe::key_before;
use crate::sighting::rule::{digit_runs, hit};
use crate::sighting::{Card, Cx, Detector, Example, Hit};
use rlibphonenumber::PHONE_NUMBER_UTIL;
use std::cell::RefCell;
use std::collections::HashMap;

/// The detector.
pub(super) struct PhoneNumbers;

static CARD: Card = Card {
    id: "phone-number",
    title: "Phone number",
    why: "A number names a person for life and joins what different services know of them.",
    hits: &[
        Example { body: b"{\"to\":\"+33 6 12 34 56 78\"}", planted: &[] },
        Example { body: b"call +1 (650) 253-0000", planted: &[] },
        Example { body: b"{\"msisdn\":\"447400123456\"}", planted: &[] },
    ],
    misses: &[
        Example { body: b"{\"ts\":1667551234567,\"order\":\"6502530000\"}", planted: &[] },
        Example { body: b"+12345678", planted: &[] },
        Example { body: b"imei=490154203237518", planted: &[] },
        Example { body: b"1.2.3+20260101123456", planted: &[] },
        Example { body: b"2026-11-24T03:00:00+0200", planted: &[] },
        Example { body: b"abc+16502530000", planted: &[] },
    ],
};

impl Detector for PhoneNumbers {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn rule(&self) -> Option<Data> {
        Some(Data::PhoneNumber)
    }

    fn on_message(&self, tree: &Tree<'_>, _: &Cx<'_>, out: &mut Vec<Hit>) {
        for (id, buffer) in (0..).zip(&tree.buffers) {
            let bytes = &buffer.bytes;
            let mut push = |range| {
                let reason = "A phone number that was not planted was readable";
                out.push(hit(CARD.id, Data::PhoneNumber, "phone number", id, range, reason));
            };
            for plus in memchr::memchr_iter(b'+', bytes) {
                if let Some(end) = international(bytes, plus) {
                    push((plus, end));
                }
            }
            digit_runs(bytes, 10, |digits, start, end| {
                if digits.len() <= 15 && names_phone(key_before(bytes, start)) {
                    let text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
                    if is_valid(&format!("+{text}")) {
                        push((start, end));
                    }
                }
            });
        }
    }
}

/// Numbers that one thread remembers with whether they are valid: the same ones come again and again.
const REMEMBERED: usize = 1 << 15;

thread_local! {
    static KNOWN: RefCell<HashMap<u64, bool, foldhash::fast::FixedState>> = RefCell::default();
}

fn is_valid(number: &str) -> bool {
    let digits = number.bytes().filter(u8::is_ascii_digit);
    let digits = digits.fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    if let Some(valid) = KNOWN.with_borrow(|known| known.get(&digits).copied()) {
        return valid;
    }
    let valid = PHONE_NUMBER_UTIL.parse(number, None).is_ok_and(|number| number.is_valid());
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(digits, valid);
    });
    valid
}

fn names_phone(key: &[u8]) -> bool {
    ["phone", "msisdn", "mobile", "tel", "phonenumber", "phone_number", "mobilenumber", "caller", "callee"].iter().any(
        |name| {
            let end = key.len().checked_sub(name.len()).and_then(|start| key.get(start..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(name.as_bytes()))
        },
    )
}

/// The end of the valid number after the `+` at `plus`.
fn international(bytes: &[u8], plus: usize) -> Option<usize> {
    let rest = bytes.get(plus + 1..)?;
    if !rest.first()?.is_ascii_digit()
        || plus.checked_sub(1).and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_alphanumeric)
    {
        return None;
    }
    let inside = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'/');
    let len = rest.iter().take(28).take_while(|byte| inside(byte)).count();
    let run = rest.get(..len)?;
    let last = run.iter().rposition(u8::is_ascii_digit)?;
    let run = run.get(..=last)?;
    let digits = run.iter().filter(|byte| byte.is_ascii_digit()).count();
    if !(8..=15).contains(&digits) || rest.get(last + 1).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    is_valid(&format!("+{}", std::str::from_utf8(run).ok()?)).then_some(plus + 2 + last)
}
