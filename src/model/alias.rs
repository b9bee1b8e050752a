//! Names that lead to other names: who stands behind a host that is called like the vendor's.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// What DNS answers said of names that have their address under other names (CNAME records, RFC 1034 section 3.6.2).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Aliases {
    /// The name that was asked for, the address, and the names that lead from the one to the other, in that order.
    known: BTreeSet<(String, IpAddr, Vec<String>)>,
}

impl Aliases {
    /// Notes one answer; false where that would be more than `limit`.
    pub fn add(&mut self, name: &str, ip: IpAddr, others: &[String], limit: usize) -> bool {
        let clean = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        let answer = (clean(name), ip.to_canonical(), others.iter().map(|name| clean(name)).collect());
        let fits = self.known.len() < limit || self.known.contains(&answer);
        if fits {
            self.known.insert(answer);
        }
        fits
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: Self) {
        self.known.extend(other.known);
    }

    /// The names that lead from a name to an address; where no answer gave it this address, those that lead from it to
    /// others, and false.
    pub fn of(&self, name: &str, ip: IpAddr) -> (Vec<&[String]>, bool) {
        let from = (name.to_owned(), IpAddr::V4(Ipv4Addr::UNSPECIFIED), Vec::new());
        let mut all = self.known.range(from..).take_while(|(known, ..)| known == name).peekable();
        if all.peek().is_none() {
            return (Vec::new(), false);
        }
        let all: Vec<_> = all.collect();
        let ip = ip.to_canonical();
        let here: Vec<&[String]> =
            all.iter().filter(|(_, at, _)| *at == ip).map(|(.., others)| others.as_slice()).collect();
        if here.is_empty() { (all.iter().map(|(.., others)| others.as_slice()).collect(), false) } else { (here, true) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_the_address_that_was_answered() {
        let mut aliases = Aliases::default();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let to = |name: &str| vec![name.to_owned()];
        assert!(aliases.add("M.a.example.", ip("::ffff:127.0.0.9"), &to("X.b.example."), 2));
        assert!(aliases.add("m.a.example", ip("127.0.0.8"), &to("y.c.example"), 2));
        assert!(!aliases.add("n.a.example", ip("127.0.0.8"), &to("y.c.example"), 2));
        assert!(aliases.add("m.a.example", ip("127.0.0.8"), &to("y.c.example"), 2));
        assert_eq!(aliases.of("m.a.example", ip("127.0.0.9")), (vec![&to("x.b.example")[..]], true));
        assert_eq!(aliases.of("m.a.example", ip("127.0.0.7")).0.len(), 2);
        assert!(!aliases.of("m.a.example", ip("127.0.0.7")).1);
        assert_eq!(aliases.of("m", ip("127.0.0.9")), (vec![], false));
    }
}
