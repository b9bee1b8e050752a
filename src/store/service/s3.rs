//! Object stores that list like S3: the names of buckets, or the name of one and how many objects it lists.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::model::door::{Holding, Service, State};
use crate::store::{Knock, Said, Sample, http, named};

/// The entry.
pub(super) static KNOCK: Knock = Knock {
    service: Service::S3,
    asks: "its listing (GET /)",
    ports: &[9000, 7480, 80],
    request: |host, port| http::get(host, port, "/"),
    read,
    samples: &[
        Sample {
            answer: b"HTTP/1.1 200 OK\r\nContent-Length: 104\r\n\r\n<ListBucketResult><Name>chat-backups</Name><Contents><Key>a</Key><Size>7</Size></Contents></ListBucketResult>",
            state: State::Open,
            holds: "chat-backups",
        },
        Sample {
            answer: b"HTTP/1.1 200 OK\r\nContent-Length: 129\r\n\r\n<ListAllMyBucketsResult><Buckets><Bucket><Name>one</Name></Bucket><Bucket><Name>two</Name></Bucket></Buckets></ListAllMyBucketsResult>",
            state: State::Open,
            holds: "two",
        },
        Sample {
            answer: b"HTTP/1.1 403 Forbidden\r\nContent-Length: 52\r\n\r\n<Error><Code>AccessDenied</Code><Message/></Error>  ",
            state: State::Locked,
            holds: "",
        },
    ],
};

/// The texts between an element's tags.
fn elements<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open).skip(1).filter_map(|rest| rest.split_once(&close).map(|(text, _)| text)).collect()
}

fn read(bytes: &[u8], ended: bool) -> Option<Said> {
    let answer = http::answer(bytes, ended)?;
    let xml = String::from_utf8_lossy(&answer.body).into_owned();
    if let Some(state) = answer.refusal() {
        // Anybody's web server forbids things: only an object store says so like this.
        let own = xml.contains("<Code>AccessDenied</Code>") || xml.contains("<Code>InvalidAccessKeyId</Code>");
        return Some(Said::only(if own { state } else { State::Other }));
    }
    let sizes = elements(&xml, "Size");
    let holds: Vec<Holding> = if xml.contains("<ListAllMyBucketsResult") {
        elements(&xml, "Name").into_iter().map(named).collect()
    } else if xml.contains("<ListBucketResult") {
        let bytes = sizes.iter().filter_map(|size| size.trim().parse::<u64>().ok()).fold(0_u64, u64::saturating_add);
        let records = Some(elements(&xml, "Key").len() as u64);
        let name = |name: &str| Holding { name: name.to_owned(), records, bytes: Some(bytes) };
        elements(&xml, "Name").first().map(|first| name(first)).into_iter().collect()
    } else {
        return Some(Said::only(State::Other));
    };
    Some(Said { state: State::Open, version: None, holds })
}
