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
fn each_kind_of_data_is_as_old_as_the_records_that_hold_it() {
    use plainsight::model::taxonomy::Data;
    let days = |found: &Exposure, data| found.ages.get(&data).map(|(first, last)| (last - first) / 86_400_000_000_000);
    let time = |n: usize| format!(r#""created_at":"2026-11-{:02}T09:00:00Z""#, n % 10 + 1);
    for (text, deleted, messages) in [
        ("kept", "null", Some(405)),
        ("null", r#""2025-10-09T09:00:00Z""#, Some(9)),
        (r#""""#, r#""2025-10-09T09:00:00Z""#, Some(9)),
    ] {
        let line = |n: usize| {
            let ends = format!(r#""from":"{}","to":"{}""#, phone(n), phone(n + 5));
            let text = if text == "kept" { format!("\"{}\"", words(n)) } else { text.to_owned() };
            match n % 3 {
                0 => format!(r#"{{{},{ends},"text":"{}","deleted_at":null}}"#, time(n), words(n)),
                1 => format!(
                    r#"{{"created_at":"2025-10-{:02}T09:00:00Z",{ends},"text":{text},"deleted_at":{deleted}}}"#,
                    n % 10 + 1
                ),
                _ => format!(r#"{{"created_at":"2024-01-{:02}T09:00:00Z","phone":"{}"}}"#, n % 10 + 1, phone(n)),
            }
        };
        let found = expose(&(0..300).map(line).collect::<Vec<_>>());
        assert_eq!(days(&found, Data::Messages), messages, "{text}: {:#?}", found.roles);
        assert!(days(&found, Data::PhoneNumber) > Some(1_000), "{text}: {:#?}", found.roles);
        assert_eq!(days(&found, Data::PreciseLocation), None);
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

/// A chat of a few people, a record a line.
fn chat(n: usize) -> String {
    format!(
        r#"{{"from":"{}","to":"{}","body":"{}","ts":"2026-11-02T09:00:{:02}Z"}}"#,
        phone(n),
        phone(n + 5),
        words(n),
        n % 60
    )
}

#[test]
fn json_behind_what_a_log_puts_in_front_counts_like_json() {
    type Front<'a> = (&'static str, &'a dyn Fn(usize) -> String);
    let plain = expose(&(0..120).map(chat).collect::<Vec<_>>());
    assert_eq!((plain.messages, plain.people), (120, 12), "{:#?}", plain.roles);
    let quoted = |text: String| serde_json::Value::from(text).to_string();
    let fronts: [Front<'_>; 10] = [
        ("container runtime", &|n| format!("2026-11-02T09:00:{:02}.123456789Z stdout F {}", n % 60, chat(n))),
        ("docker", &|n| format!(r#"{{"log":{},"stream":"stdout"}}"#, quoted(format!("{}\n", chat(n))))),
        ("docker, with a front", &|n| {
            format!(r#"{{"log":{},"stream":"stdout"}}"#, quoted(format!("INFO {}\n", chat(n))))
        }),
        ("program", &|n| format!("[app] INFO {}", chat(n))),
        ("program, with a time", &|n| {
            format!("2026-11-02 09:00:{:02},123 [worker-3] INFO relay - {}", n % 60, chat(n))
        }),
        ("journal", &|n| format!("MESSAGE={}", chat(n))),
        ("journal, in JSON", &|n| format!(r#"{{"PRIORITY":"6","MESSAGE":{}}}"#, quoted(chat(n)))),
        ("syslog", &|n| format!("<34>1 2026-11-02T09:00:{:02}Z mx.example chat - ID47 - sent {}", n % 60, chat(n))),
        ("logcat", &|n| format!("11-02 09:00:00.123  812  815 D Relay: got {}", chat(n))),
        ("pairs", &|n| format!("level=info n={n} payload={} took=3", chat(n).replace("\":", "\": "))),
    ];
    for (what, line) in fronts {
        let found = expose(&(0..120).map(line).collect::<Vec<_>>());
        assert_eq!((found.messages, found.people), (120, 12), "{what}: {:#?}", found.roles);
        assert_eq!(found.conversations, plain.conversations, "{what}");
        assert!(found.first_seen.is_some(), "{what}: {:#?}", found.roles);
    }
    // Some lines with and some without, among JSON: none of them is broken.
    let mixed = |n: usize| if n.is_multiple_of(3) { format!("INFO {}", chat(n)) } else { chat(n) };
    assert_eq!(expose(&(0..120).map(mixed).collect::<Vec<_>>()).messages, 120);
    // Braces of programs are none, and what stands beside an object is nothing of it.
    let code =
        |n: usize| format!("2026-11-02T09:00:00Z ERROR at line {n}: if (a) {{\"from\"; }} {{b}} to {}", words(n));
    assert_eq!(expose(&(0..120).map(code).collect::<Vec<_>>()).messages, 0);
}

#[test]
fn places_count_in_every_notation() {
    type Notation<'a> = (&'static str, u64, &'a dyn Fn(usize) -> String);
    let number = |n: usize| u32::try_from(n).map(f64::from).unwrap();
    let (lat, lon) = (|n: usize| 48.100_13 + number(n) * 0.001_37, |n: usize| 2.200_17 + number(n) * 0.000_731);
    let notations: [Notation<'_>; 12] = [
        ("geojson", 60, &|n| format!(r#"{{"loc":{{"type":"Point","coordinates":[{:.6},{:.6}]}}}}"#, lon(n), lat(n))),
        ("a list", 60, &|n| format!(r#"{{"position":[{:.6},{:.6}]}}"#, lat(n), lon(n))),
        ("wkt", 60, &|n| format!(r#"{{"geom":"POINT({:.6} {:.6})"}}"#, lon(n), lat(n))),
        ("ewkt", 60, &|n| format!(r#"{{"geom":"SRID=4326;POINT({:.6} {:.6})"}}"#, lon(n), lat(n))),
        ("e7", 60, &|n| format!(r#"{{"latitudeE7":{:.0},"longitudeE7":{:.0}}}"#, lat(n) * 1e7, lon(n) * 1e7)),
        ("e7 in an object", 60, &|n| {
            format!(r#"{{"at":{{"lat_e7":{:.0},"lng_e7":{:.0}}}}}"#, lat(n) * 1e7, lon(n) * 1e7)
        }),
        ("micro-degrees", 60, &|n| format!(r#"{{"lat":{:.0},"lon":{:.0}}}"#, lat(n) * 1e6, lon(n) * 1e6)),
        // What is rounded, and what is no place.
        ("rounded geojson", 0, &|n| {
            format!(r#"{{"loc":{{"type":"Point","coordinates":[{:.2},{:.2}]}}}}"#, lon(n), lat(n))
        }),
        ("rounded e7", 0, &|n| format!(r#"{{"latE7":{:.0}00000,"lngE7":{:.0}00000}}"#, lat(n) * 1e2, lon(n) * 1e2)),
        ("pixels", 0, &|n| format!(r#"{{"position":[{},{}]}}"#, n * 3, n * 7)),
        ("one number", 0, &|n| format!(r#"{{"loc":[{:.6}]}}"#, lat(n))),
        ("a line", 0, &|n| format!(r#"{{"geom":"LINESTRING({:.6} {:.6}, 2.3 48.2)"}}"#, lon(n), lat(n))),
    ];
    for (what, want, line) in notations {
        let found = expose(&(0..60).map(line).collect::<Vec<_>>());
        assert_eq!(found.precise_locations, want, "{what}: {:#?}", found.roles);
    }
}

#[test]
fn people_who_are_keys_of_objects_count() {
    type Store<'a> = (&'static str, u64, u64, &'a dyn Fn(usize) -> String);
    let uid = |n: usize| format!("u{}", 1_000 + n % 12);
    let stores: [Store<'_>; 7] = [
        ("members by number", 12, 60, &|n| {
            format!(r#"{{"members":{{"{}":true,"{}":true}},"text":"{}"}}"#, phone(n), phone(n + 5), words(n))
        }),
        ("members by identifier", 12, 60, &|n| {
            format!(r#"{{"members":{{"{}":1,"{}":1}},"text":"{}"}}"#, uid(n), uid(n + 5), words(n))
        }),
        ("members by uuid", 12, 60, &|n| {
            let id = |n: usize| format!("38400000-8cf0-11bd-b23e-10b96e4000{:02x}", n % 12);
            format!(r#"{{"participants":{{"{}":{{}},"{}":{{"admin":true}}}},"text":"{}"}}"#, id(n), id(n + 5), words(n))
        }),
        ("records by identifier", 12, 0, &|n| format!(r#"{{"{}":{{"phone":"{}"}}}}"#, uid(n), phone(n))),
        ("users by identifier", 12, 0, &|n| {
            format!(
                r#"{{"users":{{"{}":{{"phone":"{}"}},"{}":{{"phone":"{}"}}}}}}"#,
                uid(n),
                phone(n),
                uid(n + 5),
                phone(n + 5)
            )
        }),
        ("users by number", 12, 0, &|n| format!(r#"{{"{}":{{"name":"x","n":{n}}}}}"#, phone(n))),
        // Names of fields with numbers in them, and counts by time.
        ("no people", 0, 0, &|n| {
            format!(
                r#"{{"sha256":"{}","line1":"a","sizes":{{"1793610000":{n},"1793610060":2}},"v1001":{{"n":1}}}}"#,
                words(n)
            )
        }),
    ];
    for (what, people, messages, line) in stores {
        let found = expose(&(0..60).map(line).collect::<Vec<_>>());
        assert_eq!((found.people, found.messages), (people, messages), "{what}: {:#?}", found.roles);
    }
}

#[test]
fn records_are_dated_in_every_spelling() {
    let day = 86_400_000_000_000_i64;
    let first = 1_793_610_000_000_000_000_i64;
    for (at, in_line) in [
        ("DD/Nov/2026:09:00:00 +0000", false),
        ("Mon, DD Nov 2026 09:00:00 GMT", false),
        ("Nov DD, 2026, 9:00:00 AM", false),
        ("11/DD/2026 9:00:00 AM", false),
        ("2026-11-DD 10:00:00 CET", false),
        ("203.0.113.9 - - [DD/Nov/2026:09:00:00 +0000] \"GET /x HTTP/1.1\" 200", true),
        ("Mon Nov DD 09:00:00 UTC 2026 relay: started", true),
    ] {
        let line = |n: usize| {
            let at = at.replace("DD", &format!("{:02}", n % 20 + 2));
            if in_line { at } else { format!(r#"{{"time":"{at}","from":"{}","text":"{}"}}"#, phone(n), words(n)) }
        };
        let found = expose(&(0..60).map(line).collect::<Vec<_>>());
        assert_eq!(
            (found.first_seen, found.last_seen),
            (Some(first), Some(first + 19 * day)),
            "{at}: {:#?}",
            found.roles
        );
    }
}

#[test]
fn fields_that_come_after_the_sample_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let report = |late: &dyn Fn(usize) -> String| {
        let path = folder.path().join("store.ndjson");
        let sample = plainsight::model::budget::LEARNED_RECORDS;
        let lines: Vec<String> = (0..sample).map(chat).chain((0..40).map(late)).collect();
        fs::write(&path, lines.join("\n")).unwrap();
        let inspection = Inspection { files: vec![path], ..Inspection::default() };
        pipeline::inspect(&inspection, &mut |_| {}).unwrap()
    };
    let late = report(&|n| format!(r#"{{"v2":{{"sender":"{}","text":"{}"}},"n":{n}}}"#, phone(n), words(n)));
    assert!(late.exposure.as_ref().unwrap().at_least);
    let told = late.warnings.iter().find(|warning| warning.contains("no record of the sample"));
    assert!(
        told.is_some_and(|told| told.contains("40 records") && told.contains("`v2.sender`")),
        "{:?}",
        late.warnings
    );
    let unnamed = report(&|n| format!(r#"{{"zz":{{"q":"{}"}},"n":{n}}}"#, phone(n)));
    assert!(unnamed.warnings.iter().any(|warning| warning.contains("`zz.q`")), "{:?}", unnamed.warnings);
    let other = report(&|n| format!(r#"{{"level":"info @ {n}","sizes":[{n}],"ts":"2026-11-02T09:00:00Z"}}"#));
    assert!(!other.exposure.as_ref().unwrap().at_least, "{:?}", other.warnings);
}

#[test]
fn folders_are_inspected_like_stores() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("more")).unwrap();
    fs::write(at("a.ndjson"), (0..60).map(chat).collect::<Vec<_>>().join("\n")).unwrap();
    // Alone nobody could say what its fields are.
    fs::write(at("more/b.ndjson"), format!("{}\n{}\n", chat(3), chat(4))).unwrap();
    fs::write(at("picture.bin"), [7_u8, 0, 1, 2]).unwrap();
    let inspect = || {
        let inspection = Inspection { files: vec![folder.path().to_owned()], ..Inspection::default() };
        pipeline::inspect(&inspection, &mut |_| {})
    };
    let report = inspect().unwrap();
    assert_eq!(report.exposure.as_ref().unwrap().messages, 62);
    let unread: Vec<&str> =
        report.inputs.iter().filter(|input| input.stopped.is_some()).map(|input| &*input.name).collect();
    assert!(matches!(unread.as_slice(), [one] if one.ends_with("picture.bin")), "{unread:?}");
    for name in ["a.ndjson", "more/b.ndjson"] {
        fs::remove_file(at(name)).unwrap();
    }
    assert!(inspect().is_err());
}

#[test]
fn a_store_of_which_nothing_can_be_counted_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let warnings = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let inspection = Inspection { files: vec![path], ..Inspection::default() };
        pipeline::inspect(&inspection, &mut |_| {}).unwrap().warnings
    };
    let told = |warnings: &[String], what: &str| warnings.iter().any(|warning| warning.contains(what));
    let unknown = warnings("a.ndjson", &(0..40).map(|n| format!("{{\"q\":{n}}}")).collect::<Vec<_>>().join("\n"));
    assert!(told(&unknown, "was not learned"), "{unknown:?}");
    let dump = "-- PostgreSQL database dump\nSET statement_timeout = 0;\nCOPY public.users (id, phone) FROM stdin;\n\\.\n\
                COPY public.chats (id, phone) FROM stdin;\n\\.\nINSERT";
    let empty = warnings("b.sql", dump);
    assert!(told(&empty, "no record was found"), "{empty:?}");
    let chats = warnings("c.ndjson", &(0..40).map(|n| chat(n) + "\n").collect::<String>());
    assert!(!told(&chats, "learned") && !told(&chats, "no record"), "{chats:?}");
}
