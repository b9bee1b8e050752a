//! Knocks at one's own stores: one read-only request for each service, which shows whether it answers without
//! credentials.
//!
//! In: the bytes of an answer. Out: what it [`Said`]. No service knows a socket; [`socket`] is the one file that does. To
//! add a service: one file in `service/` with a [`Knock`], and two lines in `service/mod.rs`.

mod http;
pub mod service;
pub mod socket;
#[cfg(feature = "door-tls")]
mod tls;

#[cfg(test)]
mod tests;

use crate::model::door::{Holding, Service, State};

/// A registry entry: how to knock at one kind of store, and how to read its answer.
pub struct Knock {
    /// The service.
    pub service: Service,
    /// What is asked, in a few words, for who reads the log.
    pub asks: &'static str,
    /// Where it usually is.
    pub ports: &'static [u16],
    /// The bytes to send to a host and port: one request that changes nothing.
    pub request: fn(&str, u16) -> Vec<u8>,
    /// Reads what has come so far; the flag says that nothing more will. `None`: more must come.
    pub read: fn(&[u8], bool) -> Option<Said>,
    /// Real answers, for tests that run over every service: of an open store, and of one that asks for credentials.
    pub samples: &'static [Sample],
}

/// A real answer.
pub struct Sample {
    /// Its bytes.
    pub answer: &'static [u8],
    /// How it must be read.
    pub state: State,
    /// A name that must be among what the store holds; empty where an answer tells none.
    pub holds: &'static str,
}

/// What an answer says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Said {
    /// Whether it is open.
    pub state: State,
    /// Its version.
    pub version: Option<String>,
    /// Names and sizes of what it holds.
    pub holds: Vec<Holding>,
}

impl Said {
    /// An answer that says no more than this.
    const fn only(state: State) -> Self {
        Self { state, version: None, holds: Vec::new() }
    }
}

/// Something held, of which only the name is known.
fn named(name: impl Into<String>) -> Holding {
    Holding { name: name.into(), records: None, bytes: None }
}
