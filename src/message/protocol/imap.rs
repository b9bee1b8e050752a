//! IMAP4 (RFC 9051, RFC 3501) with literals, AUTHENTICATE, LOGIN, STARTTLS and COMPRESS (RFC 4978).

use crate::bytes::{Malformed, Match};
use crate::message::dialogue::{Body, Dialogue, Grammar, Line, Next, could_begin, first_line, word};
use crate::message::{Peek, Protocol, Sample};
use crate::model::message::PartKind;
use crate::model::stream::Direction;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "imap",
    about: "IMAP4 with literals, AUTHENTICATE, STARTTLS and COMPRESS; mails as MIME",
    probe,
    start: |meta| Box::new(Dialogue::new(Imap::default(), meta)),
    samples: SAMPLES,
};

const SAMPLES: &[Sample] = &[
    Sample {
        name: "a mail is fetched",
        to_server: b"a1 LOGIN me heron-dusk\r\na2 FETCH 1 BODY[]\r\na3 LOGOUT\r\n",
        to_client: b"* OK IMAP4rev1 ready\r\na1 OK in\r\n* 1 FETCH (BODY[] {32}\r\nSubject: dusk\r\n\r\nThe heron lands FLAGS ())\r\na2 OK done\r\n* BYE\r\na3 OK bye\r\n",
        shows: "The heron lands",
    },
    Sample {
        name: "a mail is put away",
        to_server: b"1 AUTHENTICATE PLAIN\r\nAG1lAGhlcm9uLWR1c2s=\r\n2 APPEND Drafts {30+}\r\nSubject: dusk\r\n\r\nHerons land.\r\n",
        to_client: b"* OK ready\r\n+\r\n1 OK in\r\n2 OK done\r\n",
        shows: "Herons land.",
    },
];

/// Commands that a client may begin with, before or after TLS.
const FIRST: [&str; 14] = [
    "CAPABILITY",
    "LOGIN",
    "AUTHENTICATE",
    "STARTTLS",
    "ID",
    "NOOP",
    "LOGOUT",
    "SELECT",
    "EXAMINE",
    "LIST",
    "ENABLE",
    "NAMESPACE",
    "LSUB",
    "STATUS",
];

fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams {
        return Match::No;
    }
    let client = match first_line(peek.to_server) {
        Some(line) => {
            let (tag, rest) = word(line);
            let (verb, _) = word(line.get(rest..).unwrap_or_default());
            let known = FIRST.iter().any(|known| verb.eq_ignore_ascii_case(known.as_bytes()));
            if is_tag(tag) && known { Match::Certain } else { return Match::No }
        }
        None if peek.to_server.len() < 1_000
            && peek.to_server.iter().all(|b| (b' '..=b'~').contains(b) || *b == b'\r') =>
        {
            Match::NeedMore
        }
        None => return Match::No,
    };
    let server = match first_line(peek.to_client) {
        Some(line) => {
            let greets =
                ["* OK", "* PREAUTH", "* BYE"].iter().any(|word| line.len() >= word.len() && could_begin(line, word));
            let (tag, rest) = word(line);
            let status = line.get(rest..).unwrap_or_default();
            let answers = is_tag(tag) && ["OK ", "NO ", "BAD "].iter().any(|word| could_begin(status, word));
            match (greets, line.starts_with(b"* ") || answers) {
                (true, _) => Match::Certain,
                // After TLS began there is no second greeting.
                (false, true) if client == Match::Certain => Match::Certain,
                (false, true) => Match::NeedMore,
                (false, false) => return Match::No,
            }
        }
        None if peek.to_client.len() < 1_000
            && (could_begin(peek.to_client, "* ") || is_tag_so_far(peek.to_client)) =>
        {
            Match::NeedMore
        }
        None => return Match::No,
    };
    match (client, server) {
        (Match::Certain, Match::Certain) => Match::Certain,
        // A greeting alone may be all that was recorded.
        (_, Match::Certain) if peek.to_server.is_empty() => Match::Maybe,
        _ => Match::NeedMore,
    }
}

fn is_tag(tag: &[u8]) -> bool {
    (1..=20).contains(&tag.len()) && tag.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn is_tag_so_far(bytes: &[u8]) -> bool {
    is_tag(word(bytes).0)
}

#[derive(Default)]
struct Imap {
    /// The client is answering challenges of AUTHENTICATE.
    authenticating: bool,
    /// A literal of a mail's length may be a mail.
    appending: bool,
    /// The tag under which compression was asked for, unless it was refused; empty where only the answer was seen.
    compress: Option<Vec<u8>>,
}

impl Grammar for Imap {
    fn name(&self) -> &'static str {
        "imap"
    }

    fn line(&mut self, direction: Direction, line: &[u8]) -> Result<Line, Malformed> {
        let said = if direction == Direction::ToServer { self.command(line) } else { self.answer(line) };
        let Some(len) = literal(line) else { return Ok(said) };
        let up = direction == Direction::ToServer;
        let fetched = !up
            && line.windows(5).any(|five| five.eq_ignore_ascii_case(b"BODY[") || five.eq_ignore_ascii_case(b"RFC82"));
        let body = if fetched || (up && self.appending) {
            Body::mail("mail")
        } else {
            Body { label: "literal".to_owned(), content_type: None }
        };
        Ok(said.then(Next::Literal(len, body)))
    }

    fn compresses(&self) -> bool {
        self.compress.is_some()
    }
}

impl Imap {
    fn command(&mut self, line: &[u8]) -> Line {
        let (tag, rest) = word(line);
        let (verb, arguments) = word(line.get(rest..).unwrap_or_default());
        let arguments = rest.saturating_add(arguments);
        let verb = String::from_utf8_lossy(verb).to_ascii_uppercase();
        let is_verb = !verb.is_empty() && verb.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_tag(tag) || !is_verb {
            if std::mem::take(&mut self.authenticating) {
                self.authenticating = true;
                return Line::named("AUTHENTICATE", "authorization", 0..line.len());
            }
            return Line::of(if line == b"DONE" { "DONE" } else { "line" }, line, 0);
        }
        self.authenticating = verb == "AUTHENTICATE";
        self.appending = verb == "APPEND";
        if verb == "COMPRESS" {
            self.compress = Some(tag.to_vec());
        }
        let mut said = Line::of(verb.as_str(), line, arguments);
        let (_, secret) = word(line.get(arguments..).unwrap_or_default());
        let secret = arguments.saturating_add(secret)..line.len();
        if matches!(verb.as_str(), "LOGIN" | "AUTHENTICATE") && !secret.is_empty() {
            said.parts.push((PartKind::Header, "authorization", secret));
        }
        said
    }

    fn answer(&mut self, line: &[u8]) -> Line {
        let (tag, rest) = word(line);
        if tag == b"+" {
            return Line::of("+", line, rest);
        }
        if tag != b"*" && is_tag(tag) {
            self.authenticating = false;
        }
        let (status, _) = word(line.get(rest..).unwrap_or_default());
        let status = String::from_utf8_lossy(status).to_ascii_uppercase();
        let known = ["OK", "NO", "BAD", "BYE", "PREAUTH"].contains(&status.as_str());
        let tagged = tag != b"*" && is_tag(tag);
        if tagged && status == "OK" && self.compress.is_none() {
            let says = line.windows(7).any(|word| word.eq_ignore_ascii_case(b"DEFLATE"));
            self.compress = says.then(Vec::new);
        } else if tagged && self.compress.as_deref() == Some(tag) && status != "OK" {
            self.compress = None;
        }
        let label = if known && tag != b"*" { status } else { "untagged".to_owned() };
        Line::of(label, line, rest)
    }
}

/// The length of the literal that a line ends in: `{32}`, `{32+}`, `~{32}`.
fn literal(line: &[u8]) -> Option<u64> {
    let inside = line.strip_suffix(b"}")?;
    let open = memchr::memrchr(b'{', inside)?;
    let digits = inside.get(open.saturating_add(1)..)?;
    let digits = digits.strip_suffix(b"+").or_else(|| digits.strip_suffix(b"-")).unwrap_or(digits);
    std::str::from_utf8(digits).ok()?.parse().ok()
}
