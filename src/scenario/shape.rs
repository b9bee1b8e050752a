//! What a scenario file may hold: every key, what it is, and whether it must be there.

use crate::model::door::Service;
use crate::model::exposure::Role;
use crate::model::scenario::Audience;
use crate::model::taxonomy::Data;

/// One key of a table.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What stands behind it.
    pub kind: Kind,
    /// It must be there.
    pub required: bool,
    /// What it says, for editors and messages.
    pub about: &'static str,
}

/// What stands behind a key.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Text with something in it.
    Text,
    /// A path, relative to the file.
    Path,
    /// Paths, relative to the file.
    Paths,
    /// A day: `2026-11-02`, bare or as text.
    Date,
    /// One name out of a list.
    OneOf(Vocabulary),
    /// Names of the author's choice, each with one name out of a list.
    NamedOneOf(Vocabulary),
    /// One or more names out of a list, each once.
    SomeOf(Vocabulary),
    /// Domains, addresses and CIDR blocks.
    Hosts,
    /// Names of the author's choice, each with its hosts.
    NamedHosts,
    /// A table: `[key]`.
    Table(&'static [Key]),
    /// A port: 1 to 65535.
    Port,
    /// Yes or no.
    Flag,
    /// Any number of tables: `[[key]]`.
    Tables(&'static [Key]),
}

/// Servers showed their own certificates, or ones that the device was told to trust.
pub const GENUINE: &str = "genuine";
/// An interceptor showed certificates that the device does not trust.
pub const FORGED: &str = "forged";

/// A closed list of names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Vocabulary {
    /// Categories of user data.
    Data,
    /// Promises.
    Promise,
    /// Who can read bytes.
    Audience,
    /// Whose certificates a capture's servers showed.
    Certificate,
    /// What a field of a store is.
    Role,
    /// Kinds of stores.
    Service,
}

impl Vocabulary {
    /// What one of its names is called.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Promise => "promise",
            Self::Audience => "audience",
            Self::Certificate => "certificate",
            Self::Role => "role",
            Self::Service => "service",
        }
    }

    /// Its names; `promises` are those of the registry.
    pub fn names<'a>(self, promises: &[&'a str]) -> Vec<&'a str> {
        match self {
            Self::Data => Data::ALL.iter().map(|data| data.name()).collect(),
            Self::Promise => promises.to_vec(),
            Self::Audience => Audience::ALL.iter().map(|audience| audience.name()).collect(),
            Self::Certificate => vec![GENUINE, FORGED],
            Self::Service => Service::ALL.iter().map(|service| service.name()).collect(),
            Self::Role => Role::ALL.iter().map(|role| role.name()).chain([NO_ROLE]).collect(),
        }
    }
}

/// What a scenario writes for a field that has no role.
pub const NO_ROLE: &str = "none";

const fn required(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, required: true, about }
}

const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, required: false, about }
}

/// The file.
pub const SCENARIO: &[Key] = &[
    required("app", Kind::Table(APP), "The app under test."),
    required("parties", Kind::Table(PARTIES), "Who is who. A host that is not listed is a third party."),
    optional("planted", Kind::Tables(PLANTED), "Secrets the auditor typed into the app: ground truth to look for."),
    required("claim", Kind::Tables(CLAIM), "Sentences the vendor published, each tied to a promise."),
    optional("capture", Kind::Tables(CAPTURE), "Traffic evidence."),
    optional("dump", Kind::Tables(DUMP), "Stored evidence: exports of logs and databases."),
    optional("store", Kind::Tables(STORE), "Stores of one's own: `plainsight door` knocks at these and no others."),
    optional("pair", Kind::Tables(PAIR), "Two captures of one action, to be held against each other."),
];

const APP: &[Key] = &[
    required("name", Kind::Text, "Its name."),
    optional("version", Kind::Text, "The version tested."),
    optional("platform", Kind::Text, "What it runs on: android, ios …"),
];

const PARTIES: &[Key] = &[
    required(
        "provider",
        Kind::Hosts,
        "The vendor's hosts: domains (with everything below them), addresses, CIDR blocks.",
    ),
    optional("third", Kind::NamedHosts, "Known others, each name with its hosts."),
];

const PLANTED: &[Key] = &[
    required("id", Kind::Text, "Its name in reports; unique."),
    required("data", Kind::OneOf(Vocabulary::Data), "What it is."),
    required(
        "value",
        Kind::Text,
        "The value as typed, four bytes or more. Locations as \"latitude,longitude\", phone numbers as E.164.",
    ),
];

const CLAIM: &[Key] = &[
    required("id", Kind::Text, "Its name in reports; unique."),
    required("text", Kind::Text, "The vendor's sentence, verbatim."),
    optional("source", Kind::Text, "Where it was published."),
    optional("seen", Kind::Date, "The day it was read there."),
    required("promise", Kind::OneOf(Vocabulary::Promise), "What it commits to."),
    required("data", Kind::SomeOf(Vocabulary::Data), "The data it is about."),
    optional("max_age", Kind::Text, "For not-retained: after how long it must be gone, as `30d`, `12h` or `1y`."),
];

const CAPTURE: &[Key] = &[
    required("path", Kind::Path, "pcap, pcapng, HAR or mitmproxy flows, each also .gz or .zst; relative to this file."),
    optional("keys", Kind::Path, "An NSS key log, a PEM RSA key or a WireGuard key log; told apart by content."),
    optional(
        "sockets",
        Kind::Path,
        "A trace of the app's sockets (JSON, as PiRogue writes it): who opened a connection.",
    ),
    optional(
        "hooks",
        Kind::Path,
        "A log of the app's own AES calls (JSON, as PiRogue's hooks write it): keys that open what it sealed.",
    ),
    optional("protos", Kind::Paths, "Protocol Buffers schemas: .proto sources or descriptor sets; they name fields."),
    optional(
        "certificate",
        Kind::OneOf(Vocabulary::Certificate),
        "Whose certificates servers showed: genuine, or forged ones that the device does not trust, as a test of pinning.",
    ),
];

const STORE: &[Key] = &[
    required("host", Kind::Text, "Its name or address."),
    optional("port", Kind::Port, "Its port; where services usually are if not said."),
    optional("service", Kind::OneOf(Vocabulary::Service), "What it is; every service that may be there if not said."),
    optional("tls", Kind::Flag, "It speaks TLS; any certificate is taken, and told."),
    optional("answers", Kind::Path, "What `plainsight door` found there, or banners of a search engine: evidence."),
];

const PAIR: &[Key] = &[
    required("first", Kind::Text, "Path of one capture, as its `[[capture]]` has it."),
    required("second", Kind::Text, "Path of the other."),
    required("first_sent", Kind::Text, "Id of the planted value that was sent in the first."),
    required("second_sent", Kind::Text, "Id of the planted value that was sent in the second: the same, or another."),
];

const DUMP: &[Key] = &[
    required(
        "path",
        Kind::Path,
        "An export of a database or a log, each also .gz or .zst; or a folder or pattern (`*`, `?`) of such files.",
    ),
    optional("audience", Kind::OneOf(Vocabulary::Audience), "Who could read the store; the provider if not said."),
    optional(
        "roles",
        Kind::NamedOneOf(Vocabulary::Role),
        "What fields are, by their keys joined by dots; overrules what is learned.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_in_their_table() {
        let mut tables = vec![SCENARIO];
        while let Some(keys) = tables.pop() {
            for (n, key) in keys.iter().enumerate() {
                assert!(keys.iter().skip(n + 1).all(|other| other.name != key.name), "{}", key.name);
                assert!(key.about.ends_with(['.', '…']), "{}", key.about);
                if let Kind::Table(inner) | Kind::Tables(inner) = key.kind {
                    tables.push(inner);
                }
            }
        }
    }
}
