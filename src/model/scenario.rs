//! What the auditor states: the app, its claims, who is who, what was planted, where the evidence lies.
//!
//! A `Scenario` exists only if it is valid: the scenario room builds it, with errors that point into the file.

use crate::model::door::Service;
use crate::model::exposure::Role;
use crate::model::taxonomy::Data;
use ipnet::IpNet;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// A valid scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its folder's name.
    pub id: String,
    /// Its folder; every path in it is relative to this.
    pub folder: PathBuf,
    /// The app under test.
    pub app: App,
    /// Who is who.
    pub parties: Parties,
    /// What was planted, in file order.
    pub planted: Vec<Planted>,
    /// What was claimed, in file order.
    pub claims: Vec<Claim>,
    /// Traffic evidence.
    pub captures: Vec<CaptureRef>,
    /// Stored evidence.
    pub dumps: Vec<DumpRef>,
    /// Stores of the auditor's own, that may be knocked at.
    pub stores: Vec<StoreRef>,
    /// Captures of the same action.
    pub pairs: Vec<Pair>,
}

/// The app under test.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct App {
    /// Product name.
    pub name: String,
    /// Version tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `android`, `ios` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

/// A secret the auditor typed into the app.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Planted {
    /// Unique id.
    pub id: String,
    /// Its category.
    pub data: Data,
    /// The value as typed; a location as `latitude,longitude`, a phone number as E.164.
    pub value: String,
}

/// A vendor's published sentence, tied to a promise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claim {
    /// Unique id.
    pub id: String,
    /// Verbatim.
    pub text: String,
    /// Where it was published.
    pub source: Option<String>,
    /// When it was seen there, ISO 8601.
    pub seen: Option<String>,
    /// Name of its promise in the registry.
    pub promise: String,
    /// The data it is about.
    pub data: Vec<Data>,
    /// For `not-retained`: days after which it must be gone.
    pub max_age: Option<u64>,
    /// Line in the scenario file, from 1.
    pub line: usize,
}

/// A capture named by a scenario.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaptureRef {
    /// As written in the scenario; how reports name it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its key log or key, as written and where it is.
    pub keys: Option<(String, PathBuf)>,
    /// A trace of the app's sockets, as written and where it is.
    pub sockets: Option<(String, PathBuf)>,
    /// A log of the app's own encryption, as written and where it is.
    pub hooks: Option<(String, PathBuf)>,
    /// Its Protocol Buffers schemas, as written and where they are.
    pub protos: Vec<(String, PathBuf)>,
    /// It was recorded behind an interceptor whose certificates the device does not trust.
    pub forged: bool,
}

/// Two captures of the same action, in which the same text or two different ones were sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pair {
    /// Name of the first capture.
    pub first: String,
    /// Name of the second.
    pub second: String,
    /// Ids of the planted values that were sent in the first and in the second.
    pub planted: (String, String),
}

/// A store of the auditor's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoreRef {
    /// Name or address.
    pub host: String,
    /// Its port, if it is said.
    pub port: Option<u16>,
    /// What it is, if it is said.
    pub service: Option<Service>,
    /// It speaks TLS.
    pub tls: bool,
}

/// A dump named by a scenario.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DumpRef {
    /// As written in the scenario; how reports name it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Who could read the store.
    pub audience: Audience,
    /// Which store it is a part of: dumps of one `[[dump]]` table are parts of one.
    pub store: usize,
    /// Roles that the auditor gives to fields, `None` for a field that has none; by the field's keys, joined by dots.
    pub roles: BTreeMap<String, Option<Role>>,
}

/// Who can read bytes, widest first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Anyone on the internet.
    Public,
    /// Anyone on the path.
    Network,
    /// Anyone else's servers.
    ThirdParty,
    /// The vendor's servers.
    Provider,
}

impl Audience {
    /// All, widest first.
    pub const ALL: [Self; 4] = [Self::Public, Self::Network, Self::ThirdParty, Self::Provider];

    /// As JSON and scenario files spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Network => "network",
            Self::ThirdParty => "third-party",
            Self::Provider => "provider",
        }
    }
}

/// Whose server it is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Party {
    /// The vendor's.
    Provider,
    /// A known other's, by name.
    Third(String),
    /// Nobody's that the scenario lists: counts as a third party.
    Unlisted,
}

impl Party {
    /// As JSON and reports spell it.
    pub fn name(&self) -> &str {
        match self {
            Self::Provider => "provider",
            Self::Third(name) => name,
            Self::Unlisted => "unlisted",
        }
    }

    /// The audience this party's servers are.
    pub const fn audience(&self) -> Audience {
        match self {
            Self::Provider => Audience::Provider,
            Self::Third(_) | Self::Unlisted => Audience::ThirdParty,
        }
    }
}

impl Serialize for Party {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Matches hosts: a domain suffix at a dot, an address or a network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HostRule {
    /// The domain and everything below it; lower case, without trailing dot.
    Domain(String),
    /// An address or CIDR block.
    Net(IpNet),
}

impl HostRule {
    /// Reads a rule as scenario files and `--provider` write it: a domain, an address or a CIDR block.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(net) = text.parse::<IpNet>() {
            return Some(Self::Net(net.trunc()));
        }
        if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Some(Self::Net(IpNet::from(ip)));
        }
        let domain = text.trim_start_matches("*.").trim_matches('.').to_ascii_lowercase();
        let fine = !domain.is_empty()
            && domain.len() <= 253
            && domain.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
            });
        // A name that ends in a number is a mistyped address: no top-level domain is numeric (RFC 3696 section 2).
        let numeric = domain.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
        (fine && !numeric).then_some(Self::Domain(domain))
    }

    /// Whether a server's name falls under this rule.
    pub fn matches_name(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.');
        match self {
            Self::Domain(domain) => {
                let Some(head) = name.len().checked_sub(domain.len()) else { return false };
                name.get(head..).is_some_and(|tail| tail.eq_ignore_ascii_case(domain))
                    && (head == 0 || name.as_bytes().get(head - 1) == Some(&b'.'))
            }
            Self::Net(_) => name.trim_matches(['[', ']']).parse().is_ok_and(|ip| self.matches_ip(ip)),
        }
    }

    /// Whether an address falls under this rule.
    pub fn matches_ip(&self, ip: IpAddr) -> bool {
        match self {
            Self::Domain(_) => false,
            Self::Net(net) => net.contains(&ip.to_canonical()) || net.contains(&ip),
        }
    }
}

/// Who is who.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Parties {
    /// The vendor's hosts.
    pub provider: Vec<HostRule>,
    /// Known others, by name, in file order.
    pub third: Vec<(String, Vec<HostRule>)>,
}

impl Parties {
    /// Whose server it is: by its name where that is listed, else by its address.
    pub fn party_of(&self, name: Option<&str>, ip: Option<IpAddr>) -> Party {
        let by_name = |rules: &[HostRule]| name.is_some_and(|name| rules.iter().any(|rule| rule.matches_name(name)));
        let by_ip = |rules: &[HostRule]| ip.is_some_and(|ip| rules.iter().any(|rule| rule.matches_ip(ip)));
        for test in [&by_name as &dyn Fn(&[HostRule]) -> bool, &by_ip] {
            if test(&self.provider) {
                return Party::Provider;
            }
            if let Some((name, _)) = self.third.iter().find(|(_, rules)| test(rules)) {
                return Party::Third(name.clone());
            }
        }
        Party::Unlisted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_match_at_a_dot_only() {
        let rule = HostRule::parse("Chatterly.example").unwrap();
        for (name, want) in [
            ("chatterly.example", true),
            ("api.CHATTERLY.example.", true),
            ("notchatterly.example", false),
            ("chatterly.example.evil", false),
        ] {
            assert_eq!(rule.matches_name(name), want, "{name}");
        }
    }

    #[test]
    fn a_listed_name_decides_before_an_address() {
        let parties = Parties {
            provider: vec![HostRule::parse("198.51.100.0/24").unwrap()],
            third: vec![("AdZebra".into(), vec![HostRule::parse("adzebra.example").unwrap()])],
        };
        let ip = "198.51.100.9".parse().ok();
        assert_eq!(parties.party_of(Some("t.adzebra.example"), ip), Party::Third("AdZebra".into()));
        assert_eq!(parties.party_of(Some("cdn.example"), ip), Party::Provider);
        assert_eq!(parties.party_of(None, "::ffff:198.51.100.9".parse().ok()), Party::Provider);
        assert_eq!(parties.party_of(Some("cdn.example"), None), Party::Unlisted);
    }
}
