//! Identifiers of a device: advertising ids, vendor ids and Android ids in fields named so, and IMEIs.

use crate::model::field::Tree;
use crate::model::taxonomy::Data;
use crate::sighting::globe::key_before;
use crate::sighting::rule::{Words, digit_runs, hit, luhn, value_after};
use crate::sighting::{Card, Cx, Detector, Example, Hit};
use std::sync::LazyLock;

/// The detector.
pub(super) struct DeviceIds;

static CARD: Card = Card {
    id: "device-id",
    title: "Device identifier",
    why: "An identifier of the device joins everything its owner does, in every app.",
    hits: &[
        Example { body: b"{\"idfa\":\"38400000-8cf0-11bd-b23e-10b96e40000d\"}", planted: &[] },
        Example { body: b"gaid=38400000-8CF0-11BD-B23E-10B96E40000D&x", planted: &[] },
        Example { body: b"{\"android_id\":\"9774d56d682e549c\"}", planted: &[] },
        Example { body: b"imei: 490154203237518", planted: &[] },
    ],
    misses: &[
        Example { body: b"{\"request\":\"38400000-8cf0-11bd-b23e-10b96e40000d\"}", planted: &[] },
        Example { body: b"{\"idfa\":\"00000000-0000-0000-0000-000000000000\"}", planted: &[] },
        Example { body: b"imei: 490154203237517", planted: &[] },
        Example { body: b"order=490154203237518", planted: &[] },
        Example { body: b"{\"android_id\":\"none\"}", planted: &[] },
    ],
};

static WORDS: LazyLock<Words> = LazyLock::new(|| Words::new(NAMES));

const NAMES: &[&str] = &["android_id", "androidid", "device_id", "deviceid"];

/// Ends of keys, lower case, that hold a UUID of the device.
const KEYS: [&str; 11] = [
    "idfa",
    "idfv",
    "gaid",
    "aaid",
    "adid",
    "ifa",
    "advertisingid",
    "advertising_id",
    "deviceid",
    "device_id",
    "vendorid",
];

impl Detector for DeviceIds {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn rule(&self) -> Option<Data> {
        Some(Data::DeviceId)
    }

    fn words(&self) -> &'static [&'static str] {
        NAMES
    }

    fn on_message(&self, tree: &Tree<'_>, cx: &Cx<'_>, out: &mut Vec<Hit>) {
        let reason = "A device identifier that was not planted was readable";
        for (id, buffer) in (0..).zip(&tree.buffers) {
            let bytes = &buffer.bytes;
            let mut push = |form, range| out.push(hit(CARD.id, Data::DeviceId, form, id, range, reason));
            for dash in memchr::memchr_iter(b'-', bytes) {
                let Some((start, end)) = uuid_around(bytes, dash) else { continue };
                let key = key_before(bytes, start).to_ascii_lowercase();
                if KEYS.iter().any(|name| key.ends_with(name.as_bytes())) {
                    push("named uuid", (start, end));
                }
            }
            if cx.may_hold_words(id) {
                WORDS.ends(bytes, |_, end| {
                    let Some((start, end)) = value_after(bytes, end) else { return };
                    let value = bytes.get(start..end).unwrap_or_default();
                    if value.len() == 16 && is_id(value) {
                        push("named android id", (start, end));
                    }
                });
            }
            digit_runs(bytes, 15, |digits, start, end| {
                if digits.len() == 15
                    && luhn(digits)
                    && key_before(bytes, start).to_ascii_lowercase().ends_with(b"imei")
                {
                    push("imei", (start, end));
                }
            });
        }
    }
}

/// The UUID whose first dash stands at `dash`.
fn uuid_around(bytes: &[u8], dash: usize) -> Option<(usize, usize)> {
    let start = dash.checked_sub(8)?;
    let text = bytes.get(start..dash.checked_add(28)?)?;
    let shape = text.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    (shape && is_id(text)).then_some((start, dash + 28))
}

/// Hexadecimal, and not a blank of zeros.
fn is_id(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
        && text.iter().any(|byte| !matches!(byte, b'0' | b'-'))
}
