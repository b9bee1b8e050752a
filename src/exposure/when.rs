//! When something happened, in the ways that stores and logs write it.

use crate::model::time::Timestamp;

const SECOND: i64 = 1_000_000_000;

/// Months as every language of programs writes them.
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Names of time zones, and minutes east of Greenwich. Of names that stand for several the one that most people use.
const ZONES: [(&str, i64); 30] = [
    ("Z", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("UT", 0),
    ("WET", 0),
    ("CET", 60),
    ("MEZ", 60),
    ("BST", 60),
    ("WEST", 60),
    ("CEST", 120),
    ("MESZ", 120),
    ("EET", 120),
    ("SAST", 120),
    ("EEST", 180),
    ("MSK", 180),
    ("IST", 330),
    ("ICT", 420),
    ("WIB", 420),
    ("SGT", 480),
    ("HKT", 480),
    ("JST", 540),
    ("KST", 540),
    ("AEST", 600),
    ("AEDT", 660),
    ("EST", -300),
    ("EDT", -240),
    ("CST", -360),
    ("CDT", -300),
    ("PST", -480),
    ("PDT", -420),
];

/// A time: seconds, milli-, micro- or nanoseconds since the epoch, or written out: ISO 8601, RFC 3339, RFC 2822 and RFC 9110,
/// with a space, with the month's name, as access logs and spreadsheets write it; with what follows it.
pub(super) fn time(text: &str, month_first: bool) -> Option<Timestamp> {
    if is_iso(text.as_bytes()) {
        return written(text);
    }
    if let Some((a, b, year, rest)) = dated(text) {
        let (day, month) = if b > 12 || (month_first && a <= 12) { (b, a) } else { (a, b) };
        return at(year, i64::from(month), i64::from(day), clock(rest)?);
    }
    if let Some((whole, _)) = text.split_once('.').or(Some((text, "")))
        && let Ok(number) = whole.parse::<i64>()
    {
        return [1, 1_000, 1_000_000, SECOND].into_iter().find_map(|unit| {
            let seconds = number.checked_div(unit)?;
            is_plausible(seconds).then(|| Timestamp(number.saturating_mul(SECOND / unit)))
        });
    }
    written(text).or_else(|| named(text))
}

/// A time at the start of a text, or in brackets in it: a value, or what stands in front of a log line.
pub(super) fn stamp(text: &str, month_first: bool) -> Option<Timestamp> {
    let time = |text: &str| time(text, month_first);
    let text = text.trim_start_matches(['[', '<']);
    if let Some(found) = time(text.trim_end_matches([']', ':'])) {
        return Some(found);
    }
    // ISO 8601 or a date and a clock, with other words behind.
    let head: String = text.chars().take(35).collect();
    let mut parts = head.split([' ', ']', ',']);
    let first = parts.next()?;
    let found = if first.len() >= 16 {
        time(first)
    } else {
        parts.next().filter(|second| first.len() == 10 && second.len() >= 5).and_then(|second| {
            let joined = format!("{first} {second}");
            time(&joined)
        })
    };
    // Access logs say first who asked.
    found.or_else(|| {
        let near = text.as_bytes().get(..NEAR).unwrap_or(text.as_bytes());
        let open = memchr::memchr_iter(b'[', near).find(|open| {
            let inside = text.as_bytes().get(open.saturating_add(1)..).unwrap_or_default();
            inside.first().is_some_and(u8::is_ascii_digit)
                && inside.get(2) == Some(&b'/')
                && inside.get(6) == Some(&b'/')
        })?;
        named(text.get(open.saturating_add(1)..)?)
    })
}

/// Bytes of a line in which a time in brackets stands.
const NEAR: usize = 256;

/// Whether something can have happened then, in seconds since the epoch: from 2001 to 2065.
fn is_plausible(seconds: i64) -> bool {
    (1_000_000_000..3_000_000_000).contains(&seconds)
}

/// Whether a text begins as nearly all times in records do, `2026-11-02T09:00:00`: it is neither a number nor a date with
/// the year at its end.
fn is_iso(text: &[u8]) -> bool {
    let form = b"dddd-dd-ddTdd:dd:dd";
    text.get(..form.len()).is_some_and(|head| {
        head.iter().zip(form).all(|(byte, form)| if *form == b'd' { byte.is_ascii_digit() } else { byte == form })
    })
}

/// A time whose year stands first.
fn written(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let sign = |at: usize, signs: &[u8]| bytes.get(at).is_some_and(|byte| signs.contains(byte));
    if sign(4, b"-/.") && sign(7, b"-/.") && sign(10, b"T t_,") {
        return at(number(0, 4)?, number(5, 7)?, number(8, 10)?, clock(text.get(10..)?)?);
    }
    // The basic format of ISO 8601.
    if sign(8, b"Tt") {
        let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
        let offset = text.get(15..).and_then(zone).unwrap_or(0);
        let clock = Clock { seconds: (hour * 60 + minute) * 60 + second, nanoseconds: 0, offset, rest: "" };
        let fits = hour < 24 && minute < 60 && second < 62;
        return if fits { at(number(0, 4)?, number(4, 6)?, number(6, 8)?, clock) } else { None };
    }
    None
}

/// What a clock shows.
struct Clock<'a> {
    /// Of the day.
    seconds: i64,
    nanoseconds: i64,
    /// Seconds east of Greenwich.
    offset: i64,
    rest: &'a str,
}

/// The number of one or two digits that a text begins with, and what follows.
fn short(text: &str) -> Option<(i64, &str)> {
    let digits = text.bytes().take(3).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    ((1..=2).contains(&digits)).then(|| Some((number.parse().ok()?, rest)))?
}

/// A clock behind a date: `09:00`, `T09:00:00.5Z`, ` 9:00:00 PM CET`.
fn clock(text: &str) -> Option<Clock<'_>> {
    let text = text.trim_start_matches([' ', ',', '\u{a0}', '\u{202f}']);
    let text = text.strip_prefix(['T', 't', '_', ':']).unwrap_or(text).trim_start();
    let text = text.strip_prefix("at ").unwrap_or(text);
    let (mut hour, rest) = short(text)?;
    let (minute, mut rest) = short(rest.strip_prefix(':')?)?;
    let (mut second, mut nanoseconds) = (0, 0);
    if let Some((found, after)) = rest.strip_prefix(':').and_then(short) {
        (second, rest) = (found, after);
        // A fraction, to the nanosecond.
        if let Some(fraction) = rest.strip_prefix(['.', ',']) {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let padded = fraction.bytes().take(digits).chain(std::iter::repeat(b'0')).take(9);
            nanoseconds = padded.fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            rest = fraction.get(digits..)?;
        }
    }
    let word = rest.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    let half = ["am", "a.m.", "pm", "p.m."].into_iter().find(|half| {
        let after = word.get(half.len()..).and_then(|after| after.chars().next());
        word.get(..half.len()).is_some_and(|word| word.eq_ignore_ascii_case(half))
            && after.is_none_or(|after| !after.is_alphanumeric())
    });
    if let Some(half) = half.filter(|_| (1..=12).contains(&hour)) {
        hour = hour % 12 + if half.starts_with('p') { 12 } else { 0 };
        rest = word.get(half.len()..)?;
    }
    if hour >= 24 || minute >= 60 || second >= 62 {
        return None;
    }
    let (offset, rest) = match zoned(rest) {
        Some((offset, rest)) => (offset, rest),
        None => (0, rest),
    };
    Some(Clock { seconds: (hour * 60 + minute) * 60 + second, nanoseconds, offset, rest })
}

fn zone(text: &str) -> Option<i64> {
    zoned(text).map(|(offset, _)| offset)
}

/// Seconds east of Greenwich behind a clock (`+02:00`, `-0330`, `Z`, `CET`, `GMT+0100`), and what follows.
fn zoned(text: &str) -> Option<(i64, &str)> {
    let text = text.trim_start_matches([' ', '(']);
    let letters = text.bytes().take(6).take_while(u8::is_ascii_alphabetic).count();
    if letters > 0 {
        let (name, rest) = text.split_at_checked(letters)?;
        let minutes = ZONES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, minutes)| *minutes)?;
        let signed = if minutes == 0 && rest.starts_with(['+', '-']) { offset(rest) } else { None };
        return signed.or(Some((minutes * 60, rest)));
    }
    offset(text)
}

/// `+02:00`, `-0330`, `+02`.
fn offset(text: &str) -> Option<(i64, &str)> {
    let rest = text.strip_prefix(['+', '-'])?;
    let (hours, rest) = rest.split_at_checked(2)?;
    let hours: i64 = hours.bytes().all(|byte| byte.is_ascii_digit()).then(|| hours.parse().ok())??;
    let after = rest.strip_prefix(':').unwrap_or(rest);
    let (minutes, rest) = match after.split_at_checked(2) {
        Some((minutes, after)) if minutes.bytes().all(|byte| byte.is_ascii_digit()) => (minutes.parse().ok()?, after),
        _ => (0_i64, rest),
    };
    let seconds = hours * 3_600 + minutes * 60;
    (hours <= 15 && minutes < 60).then_some((if text.starts_with('-') { -seconds } else { seconds }, rest))
}

/// The moment of a date and a clock.
#[expect(clippy::needless_pass_by_value, reason = "it is made for this")]
fn at(year: i64, month: i64, day: i64, clock: Clock<'_>) -> Option<Timestamp> {
    if !((1..=12).contains(&month) && (1..=31).contains(&day) && (1_970..=9_999).contains(&year)) {
        return None;
    }
    // Days since the epoch (Hinnant, chrono-compatible low-level date algorithms).
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * 86_400 + clock.seconds - clock.offset;
    is_plausible(seconds).then(|| Timestamp(seconds.saturating_mul(SECOND).saturating_add(clock.nanoseconds)))
}

/// A date whose year stands last, in digits: the first two numbers, the year, and what follows.
fn dated(text: &str) -> Option<(u8, u8, i64, &str)> {
    let apart = |text: &'_ str| text.starts_with(['/', '.', '-']);
    let (first, rest) = short(text)?;
    let (second, rest) = short(rest.get(1..).filter(|_| apart(rest))?)?;
    let (year, rest) = rest.get(1..).filter(|_| apart(rest))?.split_at_checked(4)?;
    let year = year.bytes().all(|byte| byte.is_ascii_digit()).then(|| year.parse().ok())??;
    Some((u8::try_from(first).ok()?, u8::try_from(second).ok()?, year, rest))
}

/// The first two numbers of a date whose year stands last, in either order: `02/11/2026 09:00`, `2/11/2026`.
pub(super) fn day_and_month(text: &str) -> Option<(u8, u8)> {
    dated(text).map(|(a, b, ..)| (a, b))
}

/// The word that a text begins with, in lower case, and what follows it.
fn word(text: &str) -> (String, &str) {
    let letters = text.bytes().take(12).take_while(u8::is_ascii_alphabetic).count();
    let (word, rest) = text.split_at_checked(letters).unwrap_or(("", text));
    (word.to_ascii_lowercase(), rest)
}

/// Which of some names, three letters long, a word is: it, or a longer one that begins so.
fn which(word: &str, names: &[&str]) -> Option<i64> {
    let place = names.iter().position(|name| word.starts_with(name))?;
    i64::try_from(place).ok()
}

/// A time with the month's name: RFC 2822 and RFC 9110 (`Mon, 30 Nov 2026 10:00:00 +0000`), access logs
/// (`30/Nov/2026:10:00:00 +0000`), `date` and `ctime` (`Mon Nov 30 10:00:00 UTC 2026`), and what people are shown
/// (`Nov 30, 2026, 10:00:00 AM`).
fn named(text: &str) -> Option<Timestamp> {
    let apart = |text: &'_ str| text.trim_start_matches([' ', ',', '/', '-', '.']).len();
    let skip = |text: &'_ str| text.len() - apart(text);
    let (first, after) = word(text);
    let mut rest = text;
    // A day of the week says nothing.
    if which(&first, &DAYS).is_some() && first.len() <= 9 && skip(after) > 0 {
        rest = after.get(skip(after)..)?;
    }
    let mut day = None;
    if let Some((number, after)) = short(rest) {
        day = Some(number);
        rest = after.get(skip(after)..).filter(|_| skip(after) > 0)?;
    }
    let (name, after) = word(rest);
    let month = which(&name, &MONTHS).filter(|_| name.len() <= 9)? + 1;
    rest = after.get(skip(after)..).filter(|_| skip(after) > 0)?;
    let day = if let Some(day) = day {
        day
    } else {
        let (number, after) = short(rest)?;
        rest = after;
        number
    };
    let year = |text: &str| {
        let text = text.get(skip(text)..)?;
        let digits = text.bytes().take(5).take_while(u8::is_ascii_digit).count();
        (digits == 4).then(|| text.get(..4)?.parse::<i64>().ok())?
    };
    if let Some(number) = year(rest) {
        let behind = rest.get(skip(rest).saturating_add(4)..)?;
        return at(number, month, day, clock(behind)?);
    }
    // The year stands behind the clock.
    let clock = clock(rest)?;
    let number = year(clock.rest)?;
    at(number, month, day, clock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_read_in_every_spelling() {
        let want = Timestamp(1_793_610_000_000_000_000);
        for text in [
            "1793610000",
            "1793610000000",
            "2026-11-02T09:00:00Z",
            "2026-11-02 09:00:00.000",
            "2026-11-02T11:00:00+02:00",
            "2026-11-02T09:00Z",
            "2026/11/02 09:00:00",
            "20261102T090000Z",
            "02/11/2026 09:00:00",
            "02.11.2026 09:00",
            "02.11.2026, 09:00:00",
            "2/11/2026 9:00:00 AM",
            "2026-11-02 09:00:00 UTC",
            "2026-11-02 10:00:00 CET",
            "2026-11-02 04:00:00 EST",
            "2026-11-02 09:00:00 AM",
            "Mon, 02 Nov 2026 09:00:00 GMT",
            "Mon, 2 Nov 2026 14:30:00 +0530",
            "02/Nov/2026:09:00:00 +0000",
            "02-Nov-2026 09:00:00",
            "2 November 2026 09:00",
            "Nov 2, 2026, 9:00:00 AM",
            "Nov 2, 2026 10:00:00 am CET",
            "Nov 2, 2026 at 9:00\u{202f}AM",
            "Mon Nov  2 09:00:00 2026",
            "Mon Nov  2 09:00:00 UTC 2026",
            "Mon Nov 02 10:00:00 +0100 2026",
            "Mon Nov 02 2026 10:00:00 GMT+0100 (Central European Standard Time)",
        ] {
            assert_eq!(time(text, false), Some(want), "{text}");
            assert_eq!(stamp(text, false), Some(want), "{text}");
        }
        let evening = Timestamp(want.0 + 12 * 3_600 * SECOND);
        for text in ["11/2/2026 9:00 PM", "11/02/2026, 9:00:00 p.m.", "Nov 2, 2026, 9:00:00\u{a0}PM"] {
            assert_eq!(time(text, true), Some(evening), "{text}");
        }
        assert_eq!(time("Nov 2, 2026 12:30 AM", false).map(|at| at.0 % (86_400 * SECOND)), Some(1_800 * SECOND));
        for other in [
            "12",
            "hello",
            "2026-13-02T09:00:00Z",
            "Nov  2 09:00:00 host sshd: hello",
            "May I come at 10:00",
            "see you 5 May 2026 at 10:00",
            "March 2026",
            "1.2.2026",
            "10:00 AM",
            "1.10.2026.4",
            "Sunday 9:00",
        ] {
            assert_eq!(time(other, false), None, "{other}");
        }
    }

    #[test]
    fn times_stand_in_front_of_lines() {
        let want = Timestamp(1_793_610_000_000_000_000);
        for line in [
            "2026-11-02T09:00:00Z stdout F {\"a\":1}",
            "[2026-11-02 09:00:00] app.INFO: hi",
            "203.0.113.9 - - [02/Nov/2026:09:00:00 +0000] \"GET /x HTTP/1.1\" 200 3",
            "[02/Nov/2026:09:00:00 +0000] hi",
            "Mon Nov  2 09:00:00 2026 hi",
        ] {
            assert_eq!(stamp(line, false), Some(want), "{line}");
        }
        for other in ["- [a/b/c] hi", "hi [1/2] there", "[", "[]"] {
            assert_eq!(stamp(other, false), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,40}", digits in "[0-9/:. ,TNovAPM+-]{0,40}") {
            for text in [&text, &digits] {
                time(text, false);
                stamp(text, true);
            }
        }
    }
}
