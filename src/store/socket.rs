//! The one file that opens sockets: a connection, a request, what comes back; bounded in time and in bytes.

use super::{Knock, Said};
use crate::model::budget::{DOOR_BYTES, DOOR_HOLDINGS, DOOR_NAME, DOOR_SECONDS};
use crate::model::door::{Door, State};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

/// Knocks once. Every failure is an answer: the door is closed, and the note says why.
pub fn knock(host: &str, port: u16, knock: &Knock, tls: bool) -> Door {
    let mut door = Door {
        host: host.to_owned(),
        port,
        service: knock.service.name().to_owned(),
        state: State::Closed,
        version: None,
        holds: Vec::new(),
        note: None,
        at: None,
    };
    match ask(host, port, knock, tls) {
        Ok((said, over)) => {
            door.note = over;
            door.state = said.state;
            door.version = said.version.map(|version| shown(&version));
            door.holds = said.holds;
            for holding in &mut door.holds {
                holding.name = shown(&holding.name);
            }
            door.holds.sort();
            let more = door.holds.len().saturating_sub(DOOR_HOLDINGS);
            if more > 0 {
                door.holds.truncate(DOOR_HOLDINGS);
                let over = door.note.take().map(|over| format!("{over}; ")).unwrap_or_default();
                door.note = Some(format!("{over}{more} more names are not listed"));
            }
        }
        Err(why) => door.note = Some(why),
    }
    door
}

/// A name that a stranger sent, fit to be printed.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(DOOR_NAME).collect()
}

#[expect(clippy::disallowed_methods, reason = "the live end: patience with a stranger is measured by the clock")]
fn ask(host: &str, port: u16, knock: &Knock, tls: bool) -> Result<(Said, Option<String>), String> {
    let began = Instant::now();
    let patience = Duration::from_secs(DOOR_SECONDS);
    let left = || patience.checked_sub(began.elapsed()).filter(|left| !left.is_zero());
    let late = || "no answer in time".to_owned();
    let addresses = (host, port).to_socket_addrs().map_err(|error| format!("no address: {error}"))?;
    let mut stream = Err("no address".to_owned());
    for address in addresses.take(4) {
        match TcpStream::connect_timeout(&address, left().ok_or_else(late)?) {
            Ok(open) => {
                stream = Ok(open);
                break;
            }
            Err(error) => stream = Err(error.to_string()),
        }
    }
    let tcp = stream?;
    let patience = |left: Option<Duration>| -> Result<(), String> {
        let left = Some(left.ok_or_else(late)?);
        tcp.set_write_timeout(left).and_then(|()| tcp.set_read_timeout(left)).map_err(|error| error.to_string())
    };
    patience(left())?;
    let (mut stream, over) = wire(host, &tcp, tls, || patience(left()))?;
    stream.write_all(&(knock.request)(host, port)).map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    let mut piece = [0; 8 << 10];
    let ended = loop {
        if let Some(said) = (knock.read)(&answer, false).filter(|_| !answer.is_empty()) {
            return Ok((said, over));
        }
        if answer.len() >= DOOR_BYTES {
            break "the answer was longer than is read";
        }
        let Some(left) = left() else { break "no whole answer in time" };
        patience(Some(left))?;
        match stream.read(&mut piece) {
            Ok(0) => break "it hung up",
            Ok(read) => answer.extend(piece.iter().take(read.min(DOOR_BYTES - answer.len()))),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break "no whole answer in time";
            }
            Err(error) if answer.is_empty() => return Err(error.to_string()),
            Err(_) => break "it hung up",
        }
    };
    if answer.is_empty() {
        return Err(ended.to_owned());
    }
    // What came may still say enough.
    let said = (knock.read)(&answer, true).ok_or_else(|| ended.to_owned())?;
    let meant_tls = !tls && said.state == State::Other && speaks_tls(&answer);
    Ok((said, if meant_tls { Some("it seems to speak TLS: say `tls = true`".to_owned()) } else { over }))
}

/// Whether an answer is what servers that speak TLS say to who does not: an alert, or a page that says so.
fn speaks_tls(answer: &[u8]) -> bool {
    let says = |words: &[u8]| memchr::memmem::find(answer, words).is_some();
    matches!(answer, [0x15, 3, ..])
        || says(b"HTTPS server")
        || says(b"HTTPS port")
        || says(b"http: TLS")
        || says(b"over SSL")
}

/// A connection that is read and written.
trait Wire: Read + Write {}
impl<S: Read + Write> Wire for S {}

/// What is spoken through: the connection itself, or TLS in it; and what is to be told of that.
fn wire<'t>(
    host: &str,
    tcp: &'t TcpStream,
    tls: bool,
    wait: impl FnMut() -> Result<(), String>,
) -> Result<(Box<dyn Wire + 't>, Option<String>), String> {
    if !tls {
        return Ok((Box::new(tcp), None));
    }
    #[cfg(feature = "door-tls")]
    {
        let (stream, over) = super::tls::secure(host, tcp, wait)?;
        Ok((Box::new(stream), Some(over)))
    }
    #[cfg(not(feature = "door-tls"))]
    drop(wait);
    #[cfg(not(feature = "door-tls"))]
    Err(format!("{host} speaks TLS, and this build cannot: build it with the feature `door-tls`"))
}
