use crate::capture::{Loss, Wanted, open_bytes};
use crate::model::account::Account;
use crate::model::flow::Blind;
use crate::model::item::Item;
use crate::model::message::PartKind::{self, Body, Header, Query};
use crate::model::stream::{Direction, Ending};
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// A value, for writing.
enum V {
    Null,
    Bool(bool),
    Int(i64),
    Time(f64),
    Bytes(&'static [u8]),
    Text(&'static str),
    List(Vec<Self>),
    Map(Vec<(&'static str, Self)>),
}

/// As mitmproxy's `tnetstring.dumps` writes it; keys as text, or as bytes like versions before 0.18.
fn dump(value: &V, old: bool) -> Vec<u8> {
    let (data, kind) = match value {
        V::Null => (Vec::new(), '~'),
        V::Bool(yes) => (yes.to_string().into_bytes(), '!'),
        V::Int(number) => (number.to_string().into_bytes(), '#'),
        V::Time(number) => (number.to_string().into_bytes(), '^'),
        V::Bytes(bytes) => (bytes.to_vec(), ','),
        V::Text(text) => (text.as_bytes().to_vec(), if old { ',' } else { ';' }),
        V::List(items) => (items.iter().flat_map(|item| dump(item, old)).collect(), ']'),
        V::Map(entries) => {
            let entry = |(key, value): &(&'static str, V)| [dump(&V::Text(key), old), dump(value, old)].concat();
            (entries.iter().flat_map(entry).collect(), '}')
        }
    };
    [format!("{}:", data.len()).as_bytes(), &data, kind.to_string().as_bytes()].concat()
}

fn read(file: &[u8]) -> (Vec<Account>, Loss, Option<String>) {
    let mut opened = open_bytes(file.to_vec(), "flows", Wanted::Capture).unwrap();
    assert!(opened.format.starts_with("mitmproxy"), "{}", opened.format);
    let mut accounts = Vec::new();
    let stopped = loop {
        match opened.source.next() {
            Ok(Some(Item::Account(account))) => accounts.push(*account),
            Ok(Some(_)) => panic!("flow files hold accounts"),
            Ok(None) => break None,
            Err(stopped) => break Some(stopped.to_string()),
        }
    };
    (accounts, opened.source.loss(), stopped)
}

fn recorded(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peers").join(name)).unwrap()
}

fn request() -> Vec<(&'static str, V)> {
    vec![
        ("method", V::Bytes(b"POST")),
        ("scheme", V::Bytes(b"https")),
        ("host", V::Text("203.0.113.7")),
        ("path", V::Bytes(b"/v1/send?a=b")),
        ("http_version", V::Bytes(b"HTTP/1.1")),
        (
            "headers",
            V::List(vec![
                V::List(vec![V::Bytes(b"Host"), V::Bytes(b"User@API.example:8443")]),
                V::List(vec![V::Bytes(b"Content-Type"), V::Bytes(b"Text/Plain")]),
                V::List(vec![V::Bytes(b"Content-Encoding"), V::Bytes(b"gzip, br")]),
            ]),
        ),
        ("content", V::Bytes(b"The heron")),
        ("trailers", V::List(vec![V::List(vec![V::Bytes(b"X-Sum"), V::Bytes(b"7")])])),
        ("timestamp_start", V::Time(1_700_000_000.25)),
    ]
}

fn flow(request: Vec<(&'static str, V)>, more: Vec<(&'static str, V)>) -> V {
    let mut entries = vec![
        ("version", V::Int(21)),
        ("type", V::Text("http")),
        ("client_conn", V::Map(vec![("peername", V::List(vec![V::Text("10.0.0.2"), V::Int(50_001)]))])),
        (
            "server_conn",
            V::Map(vec![
                ("peername", V::List(vec![V::Text("2001:db8::7"), V::Int(443), V::Int(0), V::Int(0)])),
                ("timestamp_start", V::Time(1_700_000_000.5)),
            ]),
        ),
        ("request", V::Map(request)),
    ];
    entries.extend(more);
    V::Map(entries)
}

fn replaced(mut map: Vec<(&'static str, V)>, key: &'static str, value: V) -> Vec<(&'static str, V)> {
    map.retain(|(name, _)| *name != key);
    map.push((key, value));
    map
}

#[test]
fn a_flow_is_messages_with_their_parts() {
    let response = V::Map(vec![
        ("status_code", V::Int(204)),
        ("http_version", V::Bytes(b"HTTP/1.1")),
        ("headers", V::List(Vec::new())),
        ("content", V::Null),
    ]);
    let (accounts, loss, stopped) = read(&dump(&flow(request(), vec![("response", response)]), false));
    assert_eq!((loss.records(), stopped), (0, None));
    let [account] = accounts.as_slice() else { panic!("{accounts:?}") };
    assert_eq!(account.meta.flow.client.to_string(), "10.0.0.2:50001");
    assert_eq!(account.meta.flow.server.to_string(), "[2001:db8::7]:443");
    let [asked, answered] = account.messages.as_slice() else { panic!("{account:?}") };
    assert_eq!(
        (asked.label.as_str(), answered.label.as_str()),
        ("POST api.example/v1/send", "204 POST api.example/v1/send")
    );
    assert!(asked.is_secured() && asked.whole && answered.whole);
    assert_eq!(asked.at.0, 1_700_000_000_250_000_000);
    let kinds: Vec<PartKind> = asked.parts.iter().map(|part| part.kind).collect();
    assert_eq!(kinds, [PartKind::Path, Query, Header, Header, Header, Body, Header]);
    let body = &asked.parts[5];
    assert_eq!(
        (body.content_type.as_deref(), body.encodings.as_slice()),
        (Some("text/plain"), &["gzip".to_owned(), "br".to_owned()][..])
    );
}

#[test]
fn what_is_missing_is_told() {
    let lost = |request, more| {
        let (accounts, loss, _) = read(&dump(&flow(request, more), false));
        let whole = accounts[0].messages.iter().all(|message| message.whole);
        let cut = accounts[0].blind.iter().any(|spot| spot.why == Blind::Truncated);
        (loss.counts().keys().copied().collect::<Vec<_>>(), whole, cut)
    };
    // Nobody answered: the file ends first.
    assert_eq!(lost(request(), Vec::new()), (Vec::new(), true, true));
    // Content that went by unread.
    let streamed = replaced(request(), "content", V::Null);
    let framed =
        replaced(streamed, "headers", V::List(vec![V::List(vec![V::Bytes(b"Content-Length"), V::Bytes(b"9")])]));
    assert_eq!(lost(framed, Vec::new()), (vec!["body left out of the flow file"], false, true));
    // In HTTP/2 nothing shows that there was none.
    let two = replaced(replaced(request(), "content", V::Null), "http_version", V::Bytes(b"HTTP/2.0"));
    assert_eq!(lost(two, Vec::new()).0, ["body left out of the flow file"]);
    // An upgrade, and nothing after it.
    let upgrade =
        V::Map(vec![("status_code", V::Int(101)), ("content", V::Bytes(b"")), ("headers", V::List(Vec::new()))]);
    let (accounts, loss, _) = read(&dump(&flow(request(), vec![("response", upgrade), ("id", V::Text("1"))]), false));
    assert_eq!(accounts.len(), 2);
    assert!(accounts[1].blind.iter().all(|spot| spot.why == Blind::Lossy) && !accounts[1].blind.is_empty());
    assert_eq!(loss.counts().get("messages after an upgrade left out of the flow file"), Some(&1));
    // A kind that this version does not know.
    let unknown = V::Map(vec![("version", V::Int(99)), ("type", V::Text("telepathy"))]);
    assert_eq!(read(&dump(&unknown, false)).1.counts().get("flow of an unknown kind"), Some(&1));
}

/// Nobody knows whose doing a difference between the proxy's two sides is: then it was secure.
#[test]
fn either_side_in_tls_counts_as_hidden_and_nothing_is_a_weakness() {
    let old = V::Map(vec![
        ("tls_established", V::Bool(true)),
        ("tls_version", V::Text("TLSv1")),
        ("cipher", V::Text("RC4-MD5")),
        ("address", V::List(vec![V::Text("10.0.0.2"), V::Int(50_001)])),
    ]);
    let plain = replaced(request(), "scheme", V::Bytes(b"http"));
    for (request, extra, secure) in [
        (plain, Vec::new(), false),
        (replaced(request(), "scheme", V::Bytes(b"http")), vec![("client_conn", old)], true),
        (request(), Vec::new(), true),
    ] {
        let V::Map(mut entries) = flow(request, Vec::new()) else { unreachable!() };
        for (key, value) in extra {
            entries = replaced(entries, key, value);
        }
        let (accounts, ..) = read(&dump(&V::Map(entries), false));
        assert_eq!(accounts[0].messages[0].is_secured(), secure);
        assert!(accounts[0].facts.iter().all(|fact| fact.weakness.is_none() && !fact.name.ends_with(".version")));
    }
}

#[test]
fn flows_of_the_first_versions_read_the_same() {
    let connection = |ip: &'static str, port| {
        let address = V::Map(vec![("address", V::List(vec![V::Text(ip), V::Int(port)])), ("use_ipv6", V::Bool(false))]);
        V::Map(vec![("address", address), ("ssl_established", V::Bool(true)), ("timestamp_start", V::Time(1.5))])
    };
    let numbers = |minor| V::List(vec![V::Int(1), V::Int(minor)]);
    // 0.13 and before: `httpversion`, `code`, `msg`, `content`, `form_in`.
    let file = V::Map(vec![
        ("version", V::List(vec![V::Int(0), V::Int(13)])),
        ("type", V::Text("http")),
        ("client_conn", connection("10.0.0.2", 50_001)),
        ("server_conn", connection("203.0.113.7", 443)),
        (
            "request",
            V::Map(vec![
                ("method", V::Text("PUT")),
                ("scheme", V::Text("https")),
                ("host", V::Text("api.example")),
                ("path", V::Text("/x")),
                ("httpversion", numbers(1)),
                ("form_in", V::Text("relative")),
                ("headers", V::List(Vec::new())),
                ("content", V::Bytes(b"The heron")),
            ]),
        ),
        (
            "response",
            V::Map(vec![
                ("code", V::Int(200)),
                ("msg", V::Text("OK")),
                ("httpversion", numbers(0)),
                ("headers", V::List(Vec::new())),
                ("content", V::Bytes(b"ok")),
            ]),
        ),
    ]);
    let (accounts, loss, stopped) = read(&dump(&file, true));
    assert_eq!((loss.records(), stopped), (0, None));
    let labels: Vec<&str> = accounts[0].messages.iter().map(|message| message.label.as_str()).collect();
    assert_eq!(labels, ["PUT api.example/x", "200 PUT api.example/x"]);
    assert_eq!(accounts[0].meta.flow.server.to_string(), "203.0.113.7:443");
    assert!(accounts[0].messages[0].is_secured());
}

#[test]
fn bytes_are_a_stream_and_what_the_proxy_did_itself_is_none_of_the_apps() {
    let tcp = |error: V, end: V| {
        let client = vec![("peername", V::List(vec![V::Text("10.0.0.2"), V::Int(1)])), ("timestamp_end", end)];
        let said = |from_client, bytes| V::List(vec![V::Bool(from_client), V::Bytes(bytes), V::Time(2.0)]);
        V::Map(vec![
            ("type", V::Text("tcp")),
            ("version", V::Int(17)),
            ("client_conn", V::Map(client)),
            ("error", error),
            ("messages", V::List(vec![said(true, b"ping"), said(false, b"pong")])),
        ])
    };
    for (error, end, ending) in [
        (V::Null, V::Time(3.0), Ending::Clean),
        (V::Null, V::Null, Ending::CaptureEnd),
        (V::Map(vec![("msg", V::Text("reset"))]), V::Time(3.0), Ending::Reset),
    ] {
        let (accounts, ..) = read(&dump(&tcp(error, end), false));
        let pieces: Vec<_> = accounts[0].pieces.iter().map(|p| (p.direction, p.bytes.as_slice())).collect();
        assert_eq!(pieces, [(Direction::ToServer, &b"ping"[..]), (Direction::ToClient, b"pong")]);
        assert_eq!(accounts[0].ending, ending);
    }
    let replay = vec![("is_replay", V::Text("request"))];
    assert!(read(&dump(&flow(request(), replay), false)).0.is_empty());
    let answered =
        V::Map(vec![("status_code", V::Int(200)), ("headers", V::List(Vec::new())), ("content", V::Bytes(b"x"))]);
    let made_up = vec![("is_replay", V::Text("response")), ("response", answered)];
    assert_eq!(read(&dump(&flow(request(), made_up), false)).0[0].messages.len(), 1);
}

#[test]
fn a_damaged_flow_is_told_with_its_offset_and_the_others_stand() {
    let good = dump(&flow(request(), Vec::new()), false);
    let mut bad = good.clone();
    let at = bad.windows(6).position(|bytes| bytes == b"method").unwrap();
    bad[at + 6] = b'?';
    let (accounts, loss, stopped) = read(&[good.as_slice(), &bad, &good].concat());
    assert_eq!((accounts.len(), stopped), (2, None));
    assert_eq!(accounts[1].number, 3);
    let note = &loss.notes()[0];
    assert!(note.starts_with("flow 2 at byte ") && note.ends_with("illegal key of a map"), "{note}");
    // Between flows nothing tells where the next one begins.
    let (accounts, _, stopped) = read(&[good.as_slice(), b"\nnot a flow", &good].concat());
    assert_eq!(accounts.len(), 1);
    let told = format!("stopped at byte {}: no flow where one should begin: illegal length of a value", good.len());
    assert_eq!(stopped.as_deref(), Some(told.as_str()));
    // A length is a claim.
    let (_, _, stopped) = read(&[good.as_slice(), b"999999999999:"].concat());
    assert!(stopped.unwrap().contains("a flow claims 999999999999 bytes, which is over its budget"));
    let (_, _, stopped) = read(&[good.as_slice(), b"60000000:1"].concat());
    assert!(stopped.unwrap().ends_with("a flow of the flow file is cut short"));
}

#[test]
fn recorded_files_survive_every_cut_and_mutation_and_open_wrapped() {
    for name in ["mitmproxy_0_15.mitm", "mitmproxy_2.mitm", "mitmproxy_6.mitm", "mitmproxy_12.mitm"] {
        let file = recorded(name);
        let (all, loss, stopped) = read(&file);
        assert!(stopped.is_none() && all.len() >= 3, "{name}");
        assert!(loss.counts().get("unreadable flow").is_none(), "{name}: {loss:?}");
        for cut in (40..file.len()).step_by(1_499) {
            let (accounts, _, stopped) = read(&file[..cut]);
            // Every flow that is there is there.
            assert!(accounts.len() <= all.len() && (stopped.is_some() || accounts.len() < all.len()), "{name}, {cut}");
        }
        for seed in 0..60_usize {
            let mut damaged = file.clone();
            let at = 40 + (seed * 70_919) % (file.len() - 40);
            damaged[at] = damaged[at].wrapping_add(u8::try_from(seed % 255).unwrap() + 1);
            read(&damaged);
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&file).unwrap();
        assert_eq!(read(&gz.finish().unwrap()).0.len(), all.len());
        assert_eq!(read(&zstd::encode_all(file.as_slice(), 1).unwrap()).0.len(), all.len());
    }
}
