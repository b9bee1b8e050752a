//! The control connection of FTP (RFC 959) with AUTH TLS (RFC 4217). What it transfers goes over connections of its own,
//! which are read like any others.

use crate::bytes::{Malformed, Match};
use crate::message::dialogue::{Dialogue, Grammar, Line, could_begin, first_line, reply, word};
use crate::message::{Peek, Protocol, Sample};
use crate::model::stream::Direction;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "ftp",
    about: "FTP control connections with AUTH TLS; data connections are read by what they carry",
    probe,
    start: |meta| Box::new(Dialogue::new(Ftp, meta)),
    samples: &[Sample {
        name: "a password and a path",
        to_server: b"USER me\r\nPASS heron-dusk\r\nCWD /herons\r\nSTOR dusk.txt\r\nQUIT\r\n",
        to_client:
            b"220 files.example ready\r\n331 password please\r\n230 in\r\n250 ok\r\n150 go\r\n226 done\r\n221 bye\r\n",
        shows: "heron-dusk",
    }],
};

/// Commands that a client may begin with: none of them is SMTP's.
const FIRST: [&str; 9] = ["USER ", "AUTH TLS", "AUTH SSL", "FEAT", "OPTS ", "SYST", "HOST ", "PBSZ ", "CLNT "];

fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams {
        return Match::No;
    }
    let server = match first_line(peek.to_client) {
        Some(line) => match reply(line) {
            Some((code, _)) if (120..=550).contains(&code) && code != 250 => Match::Certain,
            _ => return Match::No,
        },
        None if peek.to_client.len() < 600 && peek.to_client.iter().take(3).all(u8::is_ascii_digit) => Match::NeedMore,
        None => return Match::No,
    };
    let client = match first_line(peek.to_server) {
        Some(line) if FIRST.iter().any(|word| line.len() >= word.len() && could_begin(line, word)) => Match::Certain,
        Some(_) => return Match::No,
        None if peek.to_server.len() < 300 && FIRST.iter().any(|word| could_begin(peek.to_server, word)) => {
            Match::NeedMore
        }
        None => return Match::No,
    };
    server.min(client)
}

struct Ftp;

impl Grammar for Ftp {
    fn name(&self) -> &'static str {
        "ftp"
    }

    fn line(&mut self, direction: Direction, line: &[u8]) -> Result<Line, Malformed> {
        if direction == Direction::ToClient {
            return Ok(match reply(line) {
                Some((code, _)) => Line::of(code.to_string(), line, 4),
                None => Line::of("line", line, 0),
            });
        }
        // Telnet's interrupt comes before ABOR and STAT.
        let start = line.iter().position(u8::is_ascii_alphabetic).unwrap_or(line.len());
        let (verb, rest) = word(line.get(start..).unwrap_or_default());
        let rest = start.saturating_add(rest);
        if verb.is_empty() || verb.len() > 4 || !verb.iter().all(u8::is_ascii_alphabetic) {
            return Ok(Line::of("line", line, 0));
        }
        let verb = String::from_utf8_lossy(verb).to_ascii_uppercase();
        Ok(match verb.as_str() {
            "PASS" | "ACCT" => Line::named(verb, "authorization", rest..line.len()),
            _ => Line::of(verb, line, rest),
        })
    }
}
