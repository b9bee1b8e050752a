//! Small stores of many kinds, each with what it exposes: made up here, so that what is counted is known.

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use plainsight::model::exposure::Exposure;
use plainsight::pipeline::{self, Inspection};
use std::fmt::Write as _;
use std::fs;

/// What a store of these lines exposes.
fn expose(lines: &[String]) -> Exposure {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.ndjson");
    fs::write(&path, lines.join("\n")).unwrap();
    let inspection = Inspection { files: vec![path], ..Inspection::default() };
    pipeline::inspect(&inspection, &mut |_| {}).unwrap().exposure.unwrap()
}

/// Bytes that anybody can make again.
fn noise(seed: usize, len: usize) -> Vec<u8> {
    let mut state = seed as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

fn phone(n: usize) -> String {
    format!("+4474105{:05}", 99_000 + n % 12)
}

fn words(n: usize) -> String {
    const WORDS: [&str; 8] = ["heron", "mill", "boat", "rope", "milk", "dusk", "lands", "bring"];
    [n, n / 8, n / 3, n * 5 + 1].map(|at| WORDS[at % 8]).join(" ")
}

#[test]
fn sealed_messages_are_not_readable_however_short_they_are() {
    type Form = (&'static str, fn(&[u8]) -> String);
    let forms: [Form; 7] = [
        ("base64", |bytes| BASE64.encode(bytes)),
        ("base64url", |bytes| BASE64URL_NOPAD.encode(bytes)),
        ("hex", |bytes| HEXLOWER.encode(bytes)),
        ("hex in pairs", |bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")),
        ("marked", |bytes| format!("enc:v1:{}", BASE64.encode(bytes))),
        ("in lines", |bytes| {
            let text = BASE64.encode(bytes);
            text.as_bytes()
                .chunks(16)
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect::<Vec<_>>()
                .join("\\n")
        }),
        ("base64 of base64", |bytes| BASE64.encode(BASE64.encode(bytes).as_bytes())),
    ];
    for (what, form) in forms {
        for len in [8, 12, 16, 20, 24, 32, 48] {
            let line = |n: usize| {
                format!(
                    r#"{{"from":"{}","to":"{}","body":"{}"}}"#,
                    phone(n),
                    phone(n + 5),
                    form(&noise(n * 64 + len, len))
                )
            };
            let found = expose(&(0..300).map(line).collect::<Vec<_>>());
            // By chance some eight bytes are text.
            assert!(
                found.messages <= 1,
                "{} of 300 messages of {len} bytes, {what}: {:#?}",
                found.messages,
                found.roles
            );
        }
    }
    // Among sealed ones those in clear are counted.
    let line = |n: usize| {
        let body = if n.is_multiple_of(3) { words(n) } else { BASE64.encode(&noise(n, 16)) };
        format!(r#"{{"from":"{}","to":"{}","body":"{body}"}}"#, phone(n), phone(n + 5))
    };
    assert_eq!(expose(&(0..300).map(line).collect::<Vec<_>>()).messages, 100);
}

#[test]
fn what_the_record_says_it_is_tells_calls_from_messages() {
    for (rest, messages, calls) in [
        (r#""event":"message","body":"q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ","duration":86400"#, 0, 0),
        (r#""kind":"voice_note","duration":12"#, 0, 0),
        (r#""type":"call","duration":12,"text":"Missed voice call, ring me"#, 0, 40),
        (r#""duration":12,"cell":"a"#, 0, 40),
        (r#""type":"outgoing","duration":12,"cell":"a"#, 0, 40),
    ] {
        let rest =
            if rest.ends_with(|c: char| c.is_ascii_alphabetic()) { format!("{rest}\"") } else { rest.to_owned() };
        let line = |n: usize| format!(r#"{{"from":"{}","to":"{}",{rest}}}"#, phone(n), phone(n + 5));
        let found = expose(&(0..40).map(line).collect::<Vec<_>>());
        assert_eq!((found.messages, found.calls), (messages, calls), "{rest}: {:#?}", found.roles);
    }
}

#[test]
fn numbers_that_look_like_times_are_none() {
    let month = 30 * 86_400_000_000_000_i64;
    for other in [
        r#""id":"13000000000000N0000""#,
        r#""message_id":120000N000"#,
        r#""free_memory":1N55566777"#,
        r#""expires_at":"2036-01-01T00:00:00Z""#,
        r#""last_login":"2019-01-01T00:00:00Z""#,
        r#""account_created_at":"2014-05-01T00:00:00Z""#,
        r#""peer":"2025550N42""#,
    ] {
        let line = |n: usize| {
            let other = other.replace('N', &format!("{}", n % 9 + 1));
            format!(
                r#"{{{other},"from":"{}","to":"{}","text":"{}","timestamp":"2026-11-{:02}T09:00:00Z"}}"#,
                phone(n),
                phone(n + 5),
                words(n),
                n % 20 + 1
            )
        };
        let found = expose(&(0..60).map(line).collect::<Vec<_>>());
        let span = found.last_seen.unwrap() - found.first_seen.unwrap();
        assert!(span < month && found.first_seen.unwrap() > 1_790_000_000_000_000_000, "{other}: {:#?}", found.roles);
        assert_eq!(found.messages, 60, "{other}: {:#?}", found.roles);
    }
}

#[test]
fn people_are_counted_whatever_they_are_called() {
    type Name = (&'static str, fn(usize) -> String);
    let names: [Name; 6] = [
        ("ids of one form", |n| format!("u{}", 1_000 + n)),
        ("numbers from 1", |n| format!("{}", n + 1)),
        ("nicknames", |n| {
            ["ana", "bob", "cleo", "dan", "eve", "flo", "gus", "hal", "ida", "jan", "kim", "leo"][n].to_owned()
        }),
        ("full names", |n| ["Ana", "Bob", "Cleo"][n % 3].to_owned() + [" Ito", " Kaur", " Silva", " Okoro"][n / 3]),
        ("addresses of a federation", |n| format!("@p{n}:chat.example")),
        ("random ids", |n| HEXLOWER.encode(&noise(n, 8))),
    ];
    for (what, name) in names {
        let line = |n: usize| {
            let (a, b) = (name(n % 12), name((n * 7 + 1 + n / 12) % 12));
            format!(
                r#"{{"sender":"{a}","recipient":"{b}","text":"{}","at":"2026-11-02T09:00:{:02}Z"}}"#,
                words(n),
                n % 60
            )
        };
        let found = expose(&(0..240).map(line).collect::<Vec<_>>());
        assert_eq!((found.people, found.messages), (12, 240), "{what}: {:#?}", found.roles);
    }
    // Programs that write to each other in words of theirs are nobody.
    let line = |n: usize| {
        let name = |n: usize| ["cache", "disk", "queue", "api"][n % 4];
        format!(r#"{{"from":"{}","to":"{}","msg":"flushed {n} rows"}}"#, name(n), name(n + 1))
    };
    let found = expose(&(0..240).map(line).collect::<Vec<_>>());
    assert_eq!((found.people, found.messages), (0, 0), "{:#?}", found.roles);
}

#[test]
fn an_address_that_many_share_makes_nobody_one_person() {
    for shared in ["help@app.example", "noemail@app.example", "00000000-0000-0000-0000-000000000000"] {
        let line = |n: usize| {
            format!(r#"{{"user":{{"phone":"+4474105{:05}","mail":"{shared}","uid":"u{n}x"}},"lang":"en"}}"#, 99_000 + n)
        };
        let found = expose(&(0..50).map(line).collect::<Vec<_>>());
        assert!((50..=51).contains(&found.people), "{shared}: {} people, {:#?}", found.people, found.roles);
    }
}

#[test]
fn numbers_of_things_and_devices_are_nobodys() {
    for field in ["order_number", "transaction_number", "version_number", "numero_pedido", "invoice_number"] {
        let line = |n: usize| format!(r#"{{"{field}":"202401{:05}","state":"paid"}}"#, 2_000 + n);
        let found = expose(&(0..200).map(line).collect::<Vec<_>>());
        assert_eq!((found.people, found.phone_numbers), (0, 0), "{field}: {:#?}", found.roles);
    }
    let line = |n: usize| {
        format!(
            r#"{{"message":"route {} to {} imei 490154203237518 job {}"}}"#,
            phone(n),
            phone(n + 5),
            8_000_000_000 + n
        )
    };
    let found = expose(&(0..200).map(line).collect::<Vec<_>>());
    assert_eq!(found.phone_numbers, 12, "{:#?}", found.roles);
}

#[test]
fn a_place_is_as_precise_as_it_is_written() {
    let line = |n: usize| format!(r#"{{"user":"{}","lat":48.8{}0,"lon":2.2{}0}}"#, phone(n), n % 10, n % 7);
    assert_eq!(expose(&(0..50).map(line).collect::<Vec<_>>()).precise_locations, 50);
}

#[test]
fn who_speaks_of_payments_and_backups_was_in_nobodys_store() {
    let mut lines: Vec<String> = (0..20).map(|n| format!(r#"{{"line":"tick {n}"}}"#)).collect();
    for honest in [
        "payment-service: restored 3 rows from backup in 12 ms",
        "Your payment failed. Your data stays safe; contact us at help@shop.example",
        "We deleted your card. Payment records and your data are kept as the GDPR asks.",
        "payment worker restarted after memory leak, recovering queue",
    ] {
        lines.push(format!(r#"{{"line":"{honest}"}}"#));
    }
    lines.push(r#"{"readme":"see docs to restore the app"}"#.to_owned());
    assert_eq!(expose(&lines).extortion_notes, []);
    // What one person forwards to another is theirs.
    let note = "All your data is backed up. You must pay 0.01 BTC to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa or it is deleted and leaked";
    let mut chat: Vec<String> = (0..40)
        .map(|n| format!(r#"{{"from":"{}","to":"{}","text":"{}"}}"#, phone(n), phone(n + 5), words(n)))
        .collect();
    chat.push(format!(r#"{{"from":"{}","to":"{}","text":"look what I got: {note}"}}"#, phone(1), phone(2)));
    assert_eq!(expose(&chat).extortion_notes, []);
    let mut left = String::new();
    write!(left, r#"{{"index":"read_me","message":"{note}"}}"#).unwrap();
    chat.push(left);
    assert_eq!(expose(&chat).extortion_notes.len(), 1);
}

/// What a table of these lines exposes.
fn expose_table(lines: &[String]) -> Exposure {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, lines.join("\r\n")).unwrap();
    let inspection = Inspection { files: vec![path], ..Inspection::default() };
    pipeline::inspect(&inspection, &mut |_| {}).unwrap().exposure.unwrap()
}

#[test]
fn tables_are_read_as_spreadsheets_and_people_write_them() {
    type Row = (&'static [&'static str], fn(usize) -> String);
    let tables: [Row; 7] = [
        (&["from (E.164),to (E.164),text"], |n| format!("{},{},{}", phone(n), phone(n + 5), words(n))),
        (&["from,to,text,"], |n| format!("{},{},{},", phone(n), phone(n + 5), words(n))),
        (&["sep=;", "from;to;text"], |n| format!("{};{};{}", phone(n), phone(n + 5), words(n))),
        (&["# exported by the console", "from,to,text"], |n| format!("{},{},{}", phone(n), phone(n + 5), words(n))),
        (&["from, to, text"], |n| format!("{}, {}, \"{}, they said\"", phone(n), phone(n + 5), words(n))),
        (&["from,to,text"], |n| format!("{},{},\"see you\r\nand\r\n{}\"", phone(n), phone(n + 5), words(n))),
        (&["from|to|text"], |n| format!("{}|{}|{}", phone(n), phone(n + 5), words(n))),
    ];
    for (head, row) in tables {
        let lines: Vec<String> = head.iter().map(|line| (*line).to_owned()).chain((0..60).map(row)).collect();
        let found = expose_table(&lines);
        assert_eq!((found.people, found.messages), (12, 60), "{head:?}: {:#?}", found.roles);
    }
    // The last row breaks off inside quotes: half of what somebody wrote.
    let mut lines: Vec<String> = vec!["from,to,text".to_owned()];
    lines.extend((0..60).map(|n| format!("{},{},\"{}\"", phone(n), phone(n + 5), words(n))));
    lines.push(format!("{},{},\"the her", phone(1), phone(6)));
    assert_eq!(expose_table(&lines).messages, 60);
}
