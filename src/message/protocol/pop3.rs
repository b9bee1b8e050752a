//! POP3 (RFC 1939) with AUTH (RFC 5034), CAPA (RFC 2449) and STLS (RFC 2595).

use crate::bytes::{Malformed, Match};
use crate::message::dialogue::{Body, Dialogue, Grammar, Line, Next, could_begin, first_line, word};
use crate::message::{Peek, Protocol, Sample};
use crate::model::stream::Direction;
use std::collections::VecDeque;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "pop3",
    about: "POP3 with AUTH and STLS; mails as MIME",
    probe,
    start: |meta| {
        let inside = meta.layers.iter().any(|layer| layer.name == "pop3");
        // So that commands and answers are counted alike.
        let grammar = Pop3 { inside, answers: u64::from(inside), ..Pop3::default() };
        Box::new(Dialogue::new(grammar, meta))
    },
    samples: SAMPLES,
};

const SAMPLES: &[Sample] = &[
    Sample {
        name: "a mail is fetched",
        to_server: b"USER me\r\nPASS heron-dusk\r\nSTAT\r\nRETR 1\r\nQUIT\r\n",
        to_client: b"+OK POP3 ready\r\n+OK\r\n+OK\r\n+OK 1 40\r\n+OK 40 octets\r\nSubject: dusk\r\n\r\nThe heron lands\r\n.\r\n+OK bye\r\n",
        shows: "The heron lands",
    },
    Sample {
        name: "a password",
        to_server: b"CAPA\r\nUSER me\r\nPASS heron-dusk\r\n",
        to_client: b"+OK ready\r\n+OK\r\nUSER\r\n.\r\n+OK\r\n-ERR no\r\n",
        shows: "heron-dusk",
    },
];

/// Commands that a client may begin with.
const FIRST: [&str; 9] = ["CAPA", "USER ", "APOP ", "AUTH", "STLS", "STAT", "QUIT", "PASS ", "NOOP"];
/// Commands that wait for their answer; what is beyond is matched by what it looks like.
const WAITING: usize = 1_024;

fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams {
        return Match::No;
    }
    let server = match first_line(peek.to_client) {
        Some(line) if line.starts_with(b"+OK") && line.get(3).is_none_or(|byte| *byte == b' ') => Match::Certain,
        Some(_) => return Match::No,
        None if peek.to_client.len() < 600 && could_begin(peek.to_client, "+OK") => Match::NeedMore,
        None => return Match::No,
    };
    let client = match first_line(peek.to_server) {
        // Others answer +OK too: the command must be one of POP3's.
        Some(line) if FIRST.iter().any(|word| line.len() >= word.len() && could_begin(line, word)) => Match::Certain,
        Some(_) => return Match::No,
        None if FIRST.iter().any(|word| could_begin(peek.to_server, word)) => Match::NeedMore,
        None if peek.to_server.len() < 300 && FIRST.iter().any(|word| could_begin(peek.to_server, word)) => {
            Match::NeedMore
        }
        None => return Match::No,
    };
    server.min(client)
}

#[derive(Default)]
struct Pop3 {
    /// Commands whose answers are still to come, where known.
    asked: VecDeque<Asked>,
    /// Commands so far.
    commands: u64,
    /// Answers so far, the greeting included.
    answers: u64,
    /// The client is answering challenges of AUTH.
    authenticating: bool,
    /// The talk goes on inside TLS, without a second greeting.
    inside: bool,
    /// It is not known whether lines follow the last answer.
    open: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asked {
    /// A mail, or the top of one.
    Mail,
    /// A list.
    List,
    /// One line.
    Line,
}

impl Pop3 {
    fn command(&mut self, line: &[u8]) -> Line {
        let (verb, rest) = word(line);
        let verb = String::from_utf8_lossy(verb).to_ascii_uppercase();
        let arguments = rest < line.len();
        let asked = match verb.as_str() {
            "RETR" | "TOP" => Asked::Mail,
            "CAPA" => Asked::List,
            "LIST" | "UIDL" if !arguments => Asked::List,
            "LIST" | "UIDL" | "USER" | "PASS" | "APOP" | "AUTH" | "STAT" | "DELE" | "NOOP" | "RSET" | "QUIT"
            | "STLS" | "UTF8" | "LANG" => Asked::Line,
            _ if self.authenticating => return Line::named("AUTH", "authorization", 0..line.len()),
            _ => return Line::of("line", line, 0),
        };
        self.commands = self.commands.saturating_add(1);
        // The greeting is an answer to nothing; what was captured after its answer is too late to tell.
        if self.commands >= self.answers && self.asked.len() < WAITING {
            self.asked.push_back(asked);
        }
        self.authenticating = verb == "AUTH" && arguments;
        match verb.as_str() {
            "PASS" => Line::named("PASS", "authorization", rest..line.len()),
            "AUTH" => {
                let (_, response) = word(line.get(rest..).unwrap_or_default());
                let mut said = Line::of("AUTH", line, rest);
                let response = rest.saturating_add(response)..line.len();
                if !response.is_empty() {
                    said.parts.push((crate::model::message::PartKind::Header, "authorization", response));
                }
                said
            }
            _ => Line::of(verb, line, rest),
        }
    }
}

impl Grammar for Pop3 {
    fn name(&self) -> &'static str {
        "pop3"
    }

    fn refused(&self, _: Direction, held: &[u8]) -> Option<bool> {
        let status = ["+OK", "-ERR", "+ "];
        if !self.open {
            return Some(false);
        }
        if held.len() < 4 && status.iter().any(|word| could_begin(held, word)) {
            return None;
        }
        Some(status.iter().any(|word| held.len() >= word.len() && could_begin(held, word)))
    }

    fn line(&mut self, direction: Direction, line: &[u8]) -> Result<Line, Malformed> {
        if direction == Direction::ToServer {
            return Ok(self.command(line));
        }
        let positive = line.starts_with(b"+OK");
        if !positive && !line.starts_with(b"-ERR") {
            if line.starts_with(b"+ ") || line == b"+" {
                return Ok(Line::of("+", line, 2));
            }
            return Ok(Line::of("line", line, 0));
        }
        self.authenticating = false;
        self.open = false;
        let (status, rest) = word(line);
        let said = Line::of(String::from_utf8_lossy(status), line, rest);
        let greeting = self.answers == 0 && !self.inside;
        self.answers = self.answers.saturating_add(1);
        if greeting {
            return Ok(said);
        }
        let asked = self.asked.pop_front();
        self.open = asked.is_none();
        let lines = |content_type| Next::Block(Body { label: "lines".to_owned(), content_type });
        Ok(match asked {
            Some(Asked::Mail) if positive => said.then(lines(Some("message/rfc822"))),
            Some(Asked::List) | None if positive => said.then(lines(None)),
            _ => said,
        })
    }
}
