//! SMTP and LMTP (RFC 5321, RFC 2033) with AUTH (RFC 4954), BDAT (RFC 3030) and STARTTLS (RFC 3207).

use crate::bytes::{Malformed, Match};
use crate::message::dialogue::{Body, Dialogue, Grammar, Line, Next, could_begin, first_line, reply, word};
use crate::message::{Peek, Protocol, Sample};
use crate::model::message::PartKind;
use crate::model::stream::Direction;

/// The registry entry.
pub static PROTOCOL: Protocol = Protocol {
    name: "smtp",
    about: "SMTP and LMTP with AUTH, pipelining, BDAT and STARTTLS; mails as MIME",
    probe,
    start: |meta| Box::new(Dialogue::new(Smtp::default(), meta)),
    samples: SAMPLES,
};

const SAMPLES: &[Sample] = &[
    Sample {
        name: "a mail by DATA",
        to_server: b"EHLO phone.example\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nSubject: dusk\r\n\r\nThe heron lands\r\n..\r\n.\r\nQUIT\r\n",
        to_client: b"220 mail.example ESMTP\r\n250-mail.example\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 queued\r\n221 bye\r\n",
        shows: "Subject: dusk\r\n\r\nThe heron lands\r\n.\r\n",
    },
    Sample {
        name: "a mail by BDAT",
        to_server: b"LHLO phone.example\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nBDAT 9\r\nThe heronBDAT 6 LAST\r\n lands\r\nQUIT\r\n",
        to_client: b"220 mail.example LMTP\r\n250 mail.example\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n221 bye\r\n",
        shows: "The heron",
    },
    Sample {
        name: "a password",
        to_server: b"EHLO phone.example\r\nAUTH PLAIN AG1lAGhlcm9uLWR1c2s=\r\n",
        to_client: b"220 mail.example ESMTP\r\n250 AUTH PLAIN\r\n235 ok\r\n",
        shows: "AG1lAGhlcm9uLWR1c2s=",
    },
];

fn probe(peek: &Peek<'_>) -> Match {
    if peek.meta.datagrams {
        return Match::No;
    }
    let inside = peek.meta.layers.iter().any(|layer| layer.name == "smtp");
    let hello = ["EHLO ", "HELO ", "LHLO "];
    // A client that says hello is enough: nobody else's hello is spelled like this.
    let client = match first_line(peek.to_server) {
        Some(line) if hello.iter().any(|word| line.len() > word.len() && could_begin(line, word)) => Match::Certain,
        // Inside TLS that SMTP itself opened, the talk goes on where it was.
        Some(line) if inside && !line.starts_with(&[0x16]) && line.iter().all(|b| !b.is_ascii_control()) => {
            Match::Maybe
        }
        Some(_) => Match::No,
        None if peek.to_server.len() < 300 && hello.iter().any(|word| could_begin(peek.to_server, word)) => {
            Match::NeedMore
        }
        None => Match::No,
    };
    let server = match first_line(peek.to_client) {
        _ if peek.to_client.is_empty() => Match::NeedMore,
        Some(line) => match reply(line) {
            Some((220 | 554, _)) if names_mail(line) => Match::Maybe,
            Some((220 | 250 | 421 | 554, _)) => Match::NeedMore,
            _ => Match::No,
        },
        None if peek.to_client.len() < 600 && could_begin(peek.to_client, "220") => Match::NeedMore,
        None => Match::No,
    };
    match (client, server) {
        (_, Match::No) => Match::No,
        (Match::Certain, _) => Match::Certain,
        (Match::Maybe, _) => Match::Maybe,
        (Match::NeedMore, Match::Maybe) => Match::Maybe,
        (Match::NeedMore, _) => Match::NeedMore,
        (Match::No, _) => Match::No,
    }
}

/// Whether a greeting says what it greets for.
fn names_mail(line: &[u8]) -> bool {
    line.windows(4).any(|four| four.eq_ignore_ascii_case(b"SMTP") || four.eq_ignore_ascii_case(b"LMTP"))
}

#[derive(Default)]
struct Smtp {
    /// The client is answering challenges of AUTH: lines of its are credentials.
    authenticating: bool,
    /// The last reply of the server since DATA.
    code: u16,
    host: Option<String>,
}

impl Smtp {
    fn command(&mut self, line: &[u8]) -> Line {
        let (verb, rest) = word(line);
        let verb = String::from_utf8_lossy(verb).to_ascii_uppercase();
        if std::mem::take(&mut self.authenticating) && !is_verb(&verb) {
            // Another challenge may follow; a command ends it.
            self.authenticating = true;
            return Line::named("AUTH", "authorization", 0..line.len());
        }
        match verb.as_str() {
            "AUTH" => {
                self.authenticating = true;
                let (_, response) = word(line.get(rest..).unwrap_or_default());
                let mut said = Line::of("AUTH", line, rest);
                let response = rest.saturating_add(response)..line.len();
                if !response.is_empty() {
                    said.parts.push((PartKind::Header, "authorization", response));
                }
                said
            }
            "DATA" => {
                self.code = 0;
                Line::of("DATA", line, rest).then(Next::Block(Body::mail("mail")))
            }
            "BDAT" => {
                let size = line.get(rest..).unwrap_or_default();
                let (size, _) = word(size);
                let size = std::str::from_utf8(size).ok().and_then(|size| size.parse().ok()).unwrap_or(0);
                Line::of("BDAT", line, rest).then(Next::Bytes(size, Body::mail("mail")))
            }
            _ if is_verb(&verb) => Line::of(verb, line, rest),
            _ => Line::of("line", line, 0),
        }
    }
}

impl Grammar for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn refused(&self, direction: Direction, _: &[u8]) -> Option<bool> {
        Some(direction == Direction::ToServer && self.code >= 400)
    }

    fn host(&self) -> Option<String> {
        self.host.clone()
    }

    fn line(&mut self, direction: Direction, line: &[u8]) -> Result<Line, Malformed> {
        if direction == Direction::ToServer {
            return Ok(self.command(line));
        }
        let Some((code, more)) = reply(line) else { return Ok(Line::of("line", line, 0)) };
        if !more {
            self.code = code;
            // A final reply to AUTH ends it.
            self.authenticating &= code == 334;
        }
        if code == 220 && self.host.is_none() {
            let (host, _) = word(line.get(4..).unwrap_or_default());
            let name = String::from_utf8_lossy(host).into_owned();
            self.host = name.contains('.').then_some(name);
        }
        Ok(Line::of(code.to_string(), line, 4))
    }
}

fn is_verb(verb: &str) -> bool {
    matches!(
        verb,
        "EHLO"
            | "HELO"
            | "LHLO"
            | "MAIL"
            | "RCPT"
            | "DATA"
            | "BDAT"
            | "RSET"
            | "QUIT"
            | "NOOP"
            | "VRFY"
            | "EXPN"
            | "HELP"
            | "AUTH"
            | "STARTTLS"
            | "ETRN"
            | "TURN"
            | "XCLIENT"
            | "BURL"
            | "SEND"
            | "SOML"
            | "SAML"
    )
}
