//! What the auditor states: the app, its claims, who is who, what was planted, where the evidence lies.
//!
//! A `Scenario` exists only if it is valid: the scenario room builds it, with errors that point into the file.

use crate::model::door::Service;
use crate::model::exposure::Role;
use crate::model::taxonomy::Data;
use ipnet::IpNet;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
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
    /// Stored evidence that cannot be read: what it is called, and why.
    pub unread: Vec<(String, String)>,
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

    /// Who that is.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Public => {
                "anyone on the internet: what a store without a password, an open listing or a published file shows"
            }
            Self::Network => "anyone on the path: the café's WLAN, the internet provider, whoever taps the line",
            Self::ThirdParty => {
                "anyone else's servers: analytics, advertising, crash reports, content delivery, hosts nobody listed"
            }
            Self::Provider => {
                "the vendor's own servers, and so its staff, its backups, whoever breaks in or comes with a court order"
            }
        }
    }

    /// When bytes are said to be readable by it.
    pub const fn readable_when(self) -> &'static str {
        match self {
            Self::Public => {
                "What a dump that was taken from an open door holds, and what an unauthenticated service showed of itself."
            }
            Self::Network => {
                "Bytes that no layer secured on their way: no TLS, DTLS, QUIC or SSH around them, or one that anyone can undo."
            }
            Self::ThirdParty => {
                "Bytes that were readable where a connection to such a server ends, once its transport encryption is undone."
            }
            Self::Provider => {
                "Bytes that were readable where a connection to the vendor ends, and all that its stores hold in clear. Transport encryption keeps nothing from it: it has the other end."
            }
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
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
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
            return Some(Self::Net(canonical(net.trunc())));
        }
        if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Some(Self::Net(IpNet::from(ip.to_canonical())));
        }
        let domain = a_labels(text.trim_start_matches("*."))?;
        let domain = domain.trim_matches('.').to_ascii_lowercase();
        let fine = !domain.is_empty()
            && domain.len() <= 253
            && domain.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            });
        // A name that ends in a number is a mistyped address: no top-level domain is numeric (RFC 3696 section 2).
        let numeric = domain.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
        (fine && !numeric).then_some(Self::Domain(domain))
    }

    /// Whether a server's name falls under this rule; international names in either form.
    pub fn matches_name(&self, name: &str) -> bool {
        let Some(name) = a_labels(name) else { return false };
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

    /// How narrow it is: of two rules that a server falls under, the one with more says whose it is.
    fn narrow(&self) -> usize {
        match self {
            Self::Domain(domain) => domain.len(),
            // Blocks of IPv4 are blocks of 96 bits more in IPv6 (RFC 4291 section 2.5.5.2).
            Self::Net(IpNet::V4(net)) => usize::from(net.prefix_len()).saturating_add(96),
            Self::Net(IpNet::V6(net)) => usize::from(net.prefix_len()),
        }
    }

    /// Why it takes in more than one owner can have; `None` for most rules.
    pub fn too_wide(&self) -> Option<&'static str> {
        match self {
            Self::Domain(domain) if !domain.contains('.') && domain != "localhost" => {
                Some("is a top-level domain: every host below it counts as the provider's")
            }
            Self::Net(net) if self.narrow() < if net.addr().is_ipv4() { 104 } else { 16 } => {
                Some("is wider than anybody's network: every host in it counts as the provider's")
            }
            Self::Domain(_) | Self::Net(_) => None,
        }
    }
}

impl fmt::Display for HostRule {
    /// As a list of hosts has it: an address without a prefix where it stands for itself alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => f.write_str(domain),
            Self::Net(net) if net.prefix_len() == net.max_prefix_len() => net.addr().fmt(f),
            Self::Net(net) => net.fmt(f),
        }
    }
}

/// A host name as it is on the wire: international labels as A-labels (RFC 5891 section 4). `None` for what is no name.
fn a_labels(name: &str) -> Option<Cow<'_, str>> {
    if name.is_ascii() { Some(Cow::Borrowed(name)) } else { idna::domain_to_ascii(name).ok().map(Cow::Owned) }
}

/// A block of IPv4 that is written as one of IPv6.
fn canonical(net: IpNet) -> IpNet {
    let shorter = net.prefix_len().checked_sub(96);
    match (net.addr().to_canonical(), shorter) {
        (ip @ IpAddr::V4(_), Some(prefix)) if !net.addr().is_ipv4() => IpNet::new(ip, prefix).unwrap_or(net),
        _ => net,
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
    /// Whose server it is: by its name where that is listed, else by its address. Of several rules that it falls under
    /// the narrowest decides: a tracker's host below the provider's domain is the tracker's.
    pub fn party_of(&self, name: Option<&str>, ip: Option<IpAddr>) -> Party {
        let by_name = |rule: &HostRule| name.is_some_and(|name| rule.matches_name(name));
        let by_ip = |rule: &HostRule| ip.is_some_and(|ip| rule.matches_ip(ip));
        for fits in [&by_name as &dyn Fn(&HostRule) -> bool, &by_ip] {
            let narrowest = |rules: &[HostRule]| rules.iter().filter(|rule| fits(rule)).map(HostRule::narrow).max();
            let mut best = narrowest(&self.provider).map(|narrow| (narrow, Party::Provider));
            for (name, rules) in &self.third {
                if let Some(narrow) = narrowest(rules)
                    && best.as_ref().is_none_or(|(known, _)| narrow > *known)
                {
                    best = Some((narrow, Party::Third(name.clone())));
                }
            }
            if let Some((_, party)) = best {
                return party;
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
    fn international_names_are_one_name_in_either_form() {
        for written in [
            "müller.example",
            "MÜLLER.example",
            "xn--mller-kva.example",
            "XN--MLLER-KVA.example.",
            "mu\u{308}ller\u{3002}example",
        ] {
            let rule = HostRule::parse(written).unwrap();
            assert_eq!(rule, HostRule::Domain("xn--mller-kva.example".into()), "{written}");
            for name in ["xn--mller-kva.example", "api.xn--mller-kva.example", "api.müller.example.", "Müller.Example"]
            {
                assert!(rule.matches_name(name), "{written} {name}");
            }
            for name in ["muller.example", "xn--mller-kva.example.evil", "xmüller.example", "mülle\u{0}r.example"] {
                assert!(!rule.matches_name(name), "{written} {name}");
            }
        }
        assert_eq!(HostRule::parse("例え.テスト"), HostRule::parse("xn--r8jz45g.xn--zckzah"));
        for broken in ["mü ller.example", "mü/ller.example", "\u{ad}", "ü..example", "１２７.１.１.３００"] {
            assert_eq!(HostRule::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_narrowest_rule_decides_whose_it_is() {
        let rules = |texts: &[&str]| texts.iter().filter_map(|text| HostRule::parse(text)).collect::<Vec<_>>();
        let third = |name: &str| Party::Third(name.to_owned());
        let parties = Parties {
            provider: rules(&[
                "chatterly.example",
                "own.metrics.chatterly.example",
                "203.0.113.0/24",
                "chat.host.example",
                "::ffff:192.0.2.0/120",
            ]),
            third: vec![
                ("AdZebra".into(), rules(&["metrics.chatterly.example", "203.0.113.7", "2001:db8::/32", "192.0.2.9"])),
                ("Host".into(), rules(&["host.example", "203.0.113.0/28", "2001:db8:1::/48"])),
            ],
        };
        for (name, want) in [
            ("chatterly.example", Party::Provider),
            ("api.chatterly.example", Party::Provider),
            ("metrics.chatterly.example", third("AdZebra")),
            ("a.METRICS.chatterly.example.", third("AdZebra")),
            ("xmetrics.chatterly.example", Party::Provider),
            ("own.metrics.chatterly.example", Party::Provider),
            ("host.example", third("Host")),
            ("eu.chat.host.example", Party::Provider),
            ("203.0.113.7", third("AdZebra")),
            ("203.0.113.8", third("Host")),
            ("203.0.113.200", Party::Provider),
            ("else.example", Party::Unlisted),
        ] {
            assert_eq!(parties.party_of(Some(name), None), want, "{name}");
        }
        for (ip, want) in [
            ("203.0.113.7", third("AdZebra")),
            ("::ffff:203.0.113.7", third("AdZebra")),
            ("203.0.113.3", third("Host")),
            ("203.0.113.99", Party::Provider),
            ("2001:db8::1", third("AdZebra")),
            ("2001:db8:1::1", third("Host")),
            ("192.0.2.9", third("AdZebra")),
            ("192.0.2.1", Party::Provider),
            ("198.51.100.1", Party::Unlisted),
        ] {
            assert_eq!(parties.party_of(None, ip.parse().ok()), want, "{ip}");
        }
        // Whatever the lists are called and in whatever order they stand.
        let turned = Parties { third: parties.third.iter().rev().cloned().collect(), ..parties.clone() };
        for name in ["metrics.chatterly.example", "203.0.113.7", "chat.host.example"] {
            assert_eq!(turned.party_of(Some(name), None), parties.party_of(Some(name), None), "{name}");
        }
    }

    #[test]
    fn rules_wider_than_an_owner_are_told() {
        for (text, wide) in [
            ("example", true),
            ("com.", true),
            ("*.example", true),
            ("localhost", false),
            ("chatterly.example", false),
            ("0.0.0.0/0", true),
            ("128.0.0.0/1", true),
            ("10.0.0.0/8", false),
            ("203.0.113.7", false),
            ("::/0", true),
            ("2000::/3", true),
            ("2001:db8::/32", false),
        ] {
            assert_eq!(HostRule::parse(text).unwrap().too_wide().is_some(), wide, "{text}");
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
