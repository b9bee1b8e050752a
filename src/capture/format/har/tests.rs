//! Archives, entry by entry.

use super::*;
use crate::capture::{Wanted, open_bytes};

fn read(har: &str) -> (Vec<Message>, Loss) {
    let mut opened = open_bytes(har.as_bytes().to_vec(), "a.har", Wanted::Capture).unwrap();
    assert_eq!(opened.format, "har");
    let mut out = Vec::new();
    while let Some(Item::Message(message)) = opened.source.next().unwrap() {
        out.push(*message);
    }
    (out, opened.source.loss())
}

const HEAD: &str = r#"{"log":{"version":"1.2","creator":{"name":"t"},"pages":[{"id":"a{\"b"}],"entries":["#;

fn entry(url: &str, request: &str, response: &str) -> String {
    format!(
        r#"{{"startedDateTime":"2026-11-02T09:00:00.5Z","request":{{"method":"POST","url":"{url}","httpVersion":"HTTP/2","headers":[{{"name":"X-A","value":"b"}}]{request}}},"response":{{"status":200,"headers":[],{response}}}}}"#
    )
}

#[test]
fn entries_are_messages() {
    let one = entry(
        "https://api.example/v1/send?x=1",
        r#","bodySize":17,"postData":{"mimeType":"application/json","text":"{\"t\":\"The heron\"}"}"#,
        r#""content":{"size":2,"mimeType":"text/plain","text":"b2s=","encoding":"base64"}"#,
    );
    let (messages, loss) = read(&format!("{HEAD}{one},\n{one}]}}}}"));
    assert_eq!(messages.len(), 4);
    assert_eq!(loss.records(), 0);
    let said = messages[0].parts.iter().find(|part| part.kind == PartKind::Body).unwrap();
    assert_eq!(said.bytes, b"{\"t\":\"The heron\"}");
    assert_eq!(messages[0].label, "POST api.example/v1/send");
    assert!(messages[0].is_secured() && messages[0].whole && messages[0].at.0 > 0);
    assert_eq!(messages[1].parts.last().unwrap().bytes, b"ok");
    assert_eq!(messages[2].parts[0].origins.first(), Some(2));
}

#[test]
fn what_is_lost_is_told() {
    for (request, response, why) in [
        (r#","bodySize":20"#, r#""content":{"size":0}"#, "body left out of the HAR"),
        ("", r#""bodySize":9,"content":{"size":9,"mimeType":"image/png"}"#, "body left out of the HAR"),
        (r#","bodySize":9,"postData":{"text":""}"#, r#""content":{"size":0}"#, "body left out of the HAR"),
        ("", "\"content\":{\"size\":9,\"text\":\"a\u{fffd}b\"}", "characters lost in the HAR"),
        ("", r#""content":{"size":9,"text":"a\ud800b"}"#, "characters lost in the HAR"),
    ] {
        let (messages, loss) = read(&format!("{HEAD}{}]}}}}", entry("http://a.example/", request, response)));
        assert_eq!(loss.counts().get(why), Some(&1), "{why}: {loss:?}");
        assert!(messages.iter().any(|message| !message.whole) && !messages[0].is_secured(), "{why}");
    }
    for (url, status, lost) in [
        ("wss://a.example/", 101, true),
        ("https://a.example/", 101, true),
        ("wss://a.example/", 200, true),
        ("ws://a.example/", 0, true),
        ("wss://a.example/", 403, false),
        ("https://a.example/", 200, false),
    ] {
        let entry = entry(url, "", r#""content":{}"#).replace("\"status\":200", &format!("\"status\":{status}"));
        let (_, loss) = read(&format!("{HEAD}{entry}]}}}}"));
        let told = loss.counts().get("WebSocket messages left out of the HAR").copied();
        assert_eq!(told, lost.then_some(1), "{url} {status}");
    }
}

#[test]
fn headers_tell_of_bodies_that_the_archive_forgot() {
    let with = |sent: &str, answered: &str| {
        let entry = entry("http://a.example/", r#","bodySize":0"#, r#""bodySize":0,"content":{"size":0}"#);
        let entry = entry.replace(r#"{"name":"X-A","value":"b"}"#, sent);
        let (_, loss) = read(&format!("{HEAD}{}]}}}}", entry.replace(r#""status":200,"headers":[],"#, answered)));
        loss.counts().get("body left out of the HAR").copied()
    };
    let length = |len: u32| format!(r#"{{"name":"Content-Length","value":"{len}"}}"#);
    let typed = r#"{"name":"content-type","value":"multipart/form-data; boundary=x"}"#;
    let none = r#""status":200,"headers":[],"#;
    assert_eq!(with(&length(9), none), Some(1));
    assert_eq!(with(typed, none), Some(1));
    assert_eq!(with(&format!("{typed},{}", length(0)), none), None);
    assert_eq!(with("", none), None);
    assert_eq!(with("", &format!(r#""status":200,"headers":[{}],"#, length(9))), Some(1));
    assert_eq!(with("", &format!(r#""status":200,"headers":[{}],"#, length(0))), None);
}

#[test]
fn every_cut_is_survived() {
    let one = entry("https://api.example/", "", r#""content":{"size":1,"text":"\"}{ \\"}"#);
    let har = format!("{HEAD}{one},{one}]}}}}");
    for cut in HEAD.len()..har.len() {
        let mut opened = open_bytes(har.as_bytes()[..cut].to_vec(), "a.har", Wanted::Capture).unwrap();
        let mut count = 0;
        while let Ok(Some(_)) = opened.source.next() {
            count += 1;
        }
        assert!(count <= 4);
    }
}

#[test]
fn a_body_that_is_clearly_shorter_than_it_was_is_cut() {
    let typed = |charset: &str| format!(r#"{{"name":"Content-Type","value":"text/plain{charset}"}}"#);
    let gzip = r#",{"name":"Content-Encoding","value":"gzip"}"#;
    let length = |len: u32| format!(r#",{{"name":"Content-Length","value":"{len}"}}"#);
    let rows: &[(&str, &str, &str, bool)] = &[
        // Headers of the request, what it has, what the response has, whether something is missing.
        ("", r#","bodySize":40,"postData":{"text":"twelve bytes"}"#, "{}", true),
        ("", r#","bodySize":12,"postData":{"text":"twelve bytes"}"#, "{}", false),
        ("", r#","bodySize":-1,"postData":{"text":"twelve bytes"}"#, "{}", false),
        ("", r#","bodySize":0,"postData":{"text":"twelve bytes"}"#, "{}", false),
        // A byte order mark; text that grew.
        ("", r#","bodySize":15,"postData":{"text":"twelve bytes"}"#, "{}", false),
        ("", r#","bodySize":16,"postData":{"text":"twelve bytes"}"#, "{}", true),
        ("", r#","bodySize":3,"postData":{"text":"äöü"}"#, "{}", false),
        ("CL40", r#","bodySize":12,"postData":{"text":"twelve bytes"}"#, "{}", true),
        ("CL12", r#","bodySize":12,"postData":{"text":"twelve bytes"}"#, "{}", false),
        // Coded bodies of short texts are longer than the texts, but not by much.
        ("CL60 gzip", r#","bodySize":60,"postData":{"text":"twelve bytes"}"#, "{}", false),
        ("CL900 gzip", r#","bodySize":900,"postData":{"text":"twelve bytes"}"#, "{}", true),
        (
            "",
            r#","bodySize":26,"postData":{"mimeType":"text/plain; charset=UTF-16","text":"twelve bytes"}"#,
            "{}",
            false,
        ),
        (
            "",
            r#","bodySize":60,"postData":{"mimeType":"text/plain; charset=utf-16","text":"twelve bytes"}"#,
            "{}",
            true,
        ),
        ("", r#","bodySize":2,"postData":{"encoding":"base64","text":"b2s="}"#, "{}", false),
        ("", r#","bodySize":3,"postData":{"encoding":"base64","text":"b2s="}"#, "{}", true),
        ("", "", r#"{"size":5000,"text":"{\"a\":1}"}"#, true),
        ("", "", r#"{"size":7,"text":"{\"a\":1}"}"#, false),
        ("", "", r#"{"size":-1,"text":"{\"a\":1}"}"#, false),
        ("", "", r#"{"size":7,"text":"{\"a\":1}","comment":"truncated"}"#, true),
        ("", "", r#"{"size":7,"text":"{\"a\":1}","comment":""}"#, false),
        ("", "", r#"{"size":2,"text":"b2s=","encoding":"base64"}"#, false),
        ("", "", r#"{"size":9,"text":"b2s=","encoding":"base64"}"#, true),
        ("", "", r#"{"size":16,"mimeType":"text/plain;charset=\"utf-16le\"","text":"{\"a\":1}"}"#, false),
        ("", r#","bodySize":12,"postData":{"text":"twelve bytes","comment":"Les corps sont tronqués."}"#, "{}", true),
        // Forms that are kept as fields.
        ("", r#","bodySize":9000,"postData":{"params":[{"name":"m","fileName":"a.txt"}]}"#, "{}", true),
        ("", r#","bodySize":-1,"postData":{"params":[{"name":"m","fileName":"a.txt","value":null}]}"#, "{}", true),
        (
            "",
            r#","bodySize":300,"postData":{"mimeType":"multipart/form-data; boundary=x","params":[{"name":"m","fileName":"a.txt","value":"b"}]}"#,
            "{}",
            false,
        ),
        ("", r#","bodySize":19,"postData":{"params":[{"name":"text","value":"ééé"}]}"#, "{}", false),
        ("", r#","bodySize":400,"postData":{"params":[{"name":"text","value":"ééé"}]}"#, "{}", true),
        // The text of a form with a file: its length says whether the file is in it.
        (
            "",
            r#","bodySize":12,"postData":{"text":"twelve bytes","params":[{"name":"e","fileName":"b"}]}"#,
            "{}",
            false,
        ),
        ("", r#","bodySize":-1,"postData":{"text":"twelve bytes","params":[{"name":"e","fileName":"b"}]}"#, "{}", true),
    ];
    for (headers, request, content, lost) in rows {
        let mut sent = typed("");
        for word in headers.split_whitespace() {
            match word.strip_prefix("CL") {
                Some(len) => sent.push_str(&length(len.parse().unwrap())),
                None => sent.push_str(gzip),
            }
        }
        let entry = entry("https://a.example/", request, &format!("\"content\":{content}"));
        let entry = entry.replace(r#"{"name":"X-A","value":"b"}"#, &sent);
        let entry = if request.is_empty() { entry.replace("POST", "GET") } else { entry };
        let (messages, loss) = read(&format!("{HEAD}{entry}]}}}}"));
        let told = loss.counts().get("body cut in the HAR").copied();
        assert_eq!(told, lost.then_some(1), "{headers} {request} {content}: {loss:?}");
        assert_eq!(messages.iter().all(|message| message.whole), !lost, "{headers} {request} {content}");
    }
    // Neither what answers HEAD, nor what says that nothing changed, nor what came out of a cache, was cut on its way.
    let short = r#""content":{"size":5000,"text":"{}"}"#;
    let get = entry("https://a.example/", "", short).replace("POST", "GET");
    for (from, to, lost) in [
        ("GET", "HEAD", false),
        ("\"status\":200", "\"status\":304", false),
        (short, r#""bodySize":0,"content":{"size":5000,"text":"{}"}"#, false),
        ("GET", "GET", true),
    ] {
        let (_, loss) = read(&format!("{HEAD}{}]}}}}", get.replace(from, to)));
        assert_eq!(loss.records() > 0, lost, "{to}");
    }
}

#[test]
fn lists_that_say_more_than_headers_url_and_text_are_read() {
    let lines = |url: &str, request: &str, response: &str| -> Vec<String> {
        let (messages, loss) = read(&format!("{HEAD}{}]}}}}", entry(url, request, response)));
        assert_eq!(loss.records(), 0, "{request} {response}");
        let parts = messages.iter().flat_map(|message| &message.parts);
        parts
            .map(|part| format!("{:?} {}{}", part.kind, part.name, String::from_utf8_lossy(&part.bytes)))
            .filter(|line| !line.ends_with("x-ab") && !line.starts_with("Path"))
            .collect()
    };
    let none: &[&str] = &[];
    for (url, request, response, found) in [
        (
            "https://a.example/",
            r#","cookies":[{"name":"d","value":"The heron"}]"#,
            "",
            &["Header cookied=The heron"][..],
        ),
        (
            "https://a.example/",
            r#","queryString":[{"name":"d","value":"a&b"},{"name":"e","value":1}]"#,
            "",
            &["Query d=a%26b&e=1"],
        ),
        (
            "https://a.example/?d=The+heron&e=%C3%A9",
            r#","queryString":[{"name":"d","value":"The heron"},{"name":"e","value":"é"}]"#,
            "",
            &["Query d=The+heron&e=%C3%A9"],
        ),
        (
            "https://a.example/",
            r#","postData":{"text":"m=The%20heron","params":[{"name":"m","value":"The heron"}]}"#,
            "",
            &["Body m=The%20heron"],
        ),
        (
            "https://a.example/",
            r#","postData":{"text":"--b--","params":[{"name":"m","value":"The heron"}]}"#,
            "",
            &["Body --b--", "Body m=The heron"],
        ),
        (
            "https://a.example/",
            r#","postData":{"params":[{"name":"m","value":"b","fileName":"The heron.txt"}]}"#,
            "",
            &["Body m=b&m=The heron.txt"],
        ),
        (
            "https://a.example/",
            "",
            r#""cookies":[{"name":"d","value":"The heron"}]"#,
            &["Header set-cookied=The heron"],
        ),
        ("https://a.example/", "", r#""redirectURL":"https://b.example/?d""#, &["Header locationhttps://b.example/?d"]),
        // What is odd in a list that repeats loses nothing.
        (
            "https://a.example/",
            r#","cookies":null,"queryString":[null,{"name":null}]"#,
            r#""redirectURL":null,"cookies":{}"#,
            none,
        ),
    ] {
        let response = if response.is_empty() { r#""content":{}"# } else { response };
        assert_eq!(lines(url, request, response), found, "{url} {request} {response}");
    }
    let mut with = entry(
        "https://a.example/",
        r#","cookies":[{"name":"d","value":"1"}]"#,
        r#""redirectURL":"https://a.example/x""#,
    );
    with = with.replace(r#"{"name":"X-A","value":"b"}"#, r#"{"name":"Cookie","value":"c=2; d=1"}"#);
    with = with.replace(r#""status":200,"headers":[]"#, r#""status":302,"headers":[{"name":"Location","value":"/x"}]"#);
    let (messages, _) = read(&format!("{HEAD}{with}]}}}}"));
    assert_eq!(messages.iter().map(|message| message.parts.len()).collect::<Vec<_>>(), [2, 1]);
}
