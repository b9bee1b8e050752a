//! Banners from search engines for exposed devices, one JSON document a line: what Shodan's and Censys' exports say of a
//! host's stores. Everything else in them is passed over.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::Match;
use crate::capture::lines::{Lines, head_lines, is_text};
use crate::capture::{EvidenceKind, Format, Loss, Source, Stopped, Window};
use crate::model::budget::DOOR_HOLDINGS;
use crate::model::door::{Door, Holding, Service, State};
use crate::model::item::Item;
use serde_json::Value;
use std::collections::VecDeque;

/// The registry entry.
pub(super) static FORMAT: Format = Format {
    name: "banners",
    about: "banners from search engines for exposed devices (Shodan, Censys), as JSON lines",
    kind: EvidenceKind::Store,
    sniff,
    open,
    secrets: None,
};

fn sniff(head: &[u8]) -> Match {
    let first = head_lines(head).next().unwrap_or_default();
    let has = |name: &str| memchr::memmem::find(first, name.as_bytes()).is_some();
    let shodan = has("\"ip_str\"") && has("\"port\"") && (has("\"_shodan\"") || has("\"data\""));
    let censys = has("\"ip\"") && has("\"services\"") && has("\"service_name\"");
    if is_text(head) && first.first() == Some(&b'{') && (shodan || censys) { Match::Certain } else { Match::No }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the registry's signature: other formats have a header that may be broken"
)]
fn open(window: Window) -> Result<Box<dyn Source + Send>, Stopped> {
    Ok(Box::new(Banners { lines: Lines::new(window), waiting: VecDeque::new() }))
}

struct Banners {
    lines: Lines,
    /// One host of Censys has many services.
    waiting: VecDeque<Door>,
}

impl Source for Banners {
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped> {
        loop {
            if let Some(door) = self.waiting.pop_front() {
                return Ok(Some(Item::Door(Box::new(door))));
            }
            let Some(line) = self.lines.next()? else { return Ok(None) };
            let bytes = self.lines.bytes(line).trim_ascii();
            if bytes.is_empty() {
                continue;
            }
            match serde_json::from_slice::<Value>(bytes) {
                Ok(banner) => self.waiting.extend(shodan(&banner).or_else(|| censys(&banner)).unwrap_or_default()),
                Err(error) => {
                    let number = line.number;
                    self.lines.loss().record("broken banner", || format!("line {number} is no complete JSON: {error}"));
                }
            }
        }
    }

    fn loss(&mut self) -> Loss {
        self.lines.take_loss()
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    let text = value.get(key)?.as_str()?;
    Some(text.chars().filter(|c| !c.is_control()).take(200).collect())
}

fn port(value: &Value) -> Option<u16> {
    value.get("port")?.as_u64().and_then(|port| u16::try_from(port).ok())
}

fn holding(name: &str, records: Option<u64>, bytes: Option<u64>) -> Holding {
    Holding { name: name.chars().filter(|c| !c.is_control()).take(200).collect(), records, bytes }
}

/// A banner of Shodan's: `ip_str`, `port`, `product`, `data`, and an object of the service's own where it answered.
fn shodan(banner: &Value) -> Option<Vec<Door>> {
    let host = text(banner, "ip_str")?;
    let port = port(banner)?;
    let data = banner.get("data").and_then(Value::as_str).unwrap_or_default();
    let product = text(banner, "product").unwrap_or_default().to_lowercase();
    let number = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_u64);
    let (service, state, mut holds) = if let Some(own) = banner.get("elastic") {
        let indices = own.get("indices").and_then(Value::as_object);
        let holds = indices.into_iter().flatten().map(|(name, about)| {
            holding(name, number(about, "/primaries/docs/count"), number(about, "/primaries/store/size_in_bytes"))
        });
        (Service::Elasticsearch, State::Open, holds.collect())
    } else if let Some(own) = banner.get("mongodb") {
        let locked = own.get("authentication").and_then(Value::as_bool) == Some(true);
        let list = own.pointer("/listDatabases/databases").and_then(Value::as_array);
        let name = |about: &Value| Some(holding(about.get("name")?.as_str()?, None, number(about, "/sizeOnDisk")));
        let holds: Vec<Holding> = list.into_iter().flatten().filter_map(name).collect();
        let open = !locked && list.is_some();
        (Service::Mongodb, if open { State::Open } else { State::Locked }, holds)
    } else if let Some(own) = banner.get("redis") {
        let spaces = own.get("keyspace").and_then(Value::as_object);
        let holds = spaces.into_iter().flatten().map(|(name, about)| holding(name, number(about, "/keys"), None));
        (Service::Redis, if own.get("server").is_some() { State::Open } else { State::Locked }, holds.collect())
    } else if let Some(own) = banner.get("couchdb") {
        let names = own.get("dbs").and_then(Value::as_array);
        let open = names.is_some();
        let holds = names.into_iter().flatten().filter_map(|name| Some(holding(name.as_str()?, None, None)));
        (Service::Couchdb, if open { State::Open } else { State::Other }, holds.collect())
    } else if product.contains("memcached") && data.starts_with("STAT ") {
        (Service::Memcached, State::Open, Vec::new())
    } else if product.contains("kibana") && data.contains("200 OK") {
        (Service::Kibana, State::Other, Vec::new())
    } else {
        return Some(Vec::new());
    };
    holds.sort();
    holds.truncate(DOOR_HOLDINGS);
    let note = Some("told by a search engine for exposed devices".to_owned());
    let (version, at) = (text(banner, "version"), text(banner, "timestamp"));
    Some(vec![Door { host, port, service: service.name().to_owned(), state, version, holds, note, at }])
}

/// A host of Censys', with its services.
fn censys(found: &Value) -> Option<Vec<Door>> {
    let host = text(found, "ip")?;
    let services = found.get("services")?.as_array()?;
    let door = |found: &Value| {
        let name = text(found, "service_name")?.to_lowercase();
        let service = Service::from_name(&name)?;
        let own = found.get(&name)?;
        // Its own object holds an answer only where one was given.
        let names: Vec<String> = match service {
            Service::Elasticsearch => own.pointer("/results/nodes")?.as_object().map(|_| Vec::new())?,
            Service::Mongodb => own
                .pointer("/database_info/databases")?
                .as_array()
                .map(|list| list.iter().filter_map(|database| text(database, "name")).collect())?,
            Service::Redis => {
                own.get("info_response")?.as_object().filter(|info| !info.is_empty()).map(|_| Vec::new())?
            }
            Service::Memcached => {
                own.get("stats")?.as_object().filter(|stats| !stats.is_empty()).map(|_| Vec::new())?
            }
            _ => return None,
        };
        let mut holds: Vec<Holding> = names.iter().map(|name| holding(name, None, None)).collect();
        holds.sort();
        holds.truncate(DOOR_HOLDINGS);
        Some(Door {
            host: host.clone(),
            port: port(found)?,
            service: name,
            state: State::Open,
            version: None,
            holds,
            note: Some("told by a search engine for exposed devices".to_owned()),
            at: text(found, "observed_at"),
        })
    };
    Some(services.iter().filter_map(door).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors(text: &str) -> Vec<(String, u16, String, State, Vec<String>)> {
        assert_eq!(sniff(text.as_bytes()), Match::Certain, "{text}");
        let mut source = open(Window::new(Box::new(std::io::Cursor::new(text.as_bytes().to_vec())))).unwrap();
        let mut out = Vec::new();
        while let Some(Item::Door(door)) = source.next().unwrap() {
            let holds = door.holds.iter().map(|holding| holding.name.clone()).collect();
            out.push((door.host, door.port, door.service, door.state, holds));
        }
        out
    }

    /// Written from the published descriptions of the two formats.
    #[test]
    fn stores_are_told_and_the_rest_is_passed_over() {
        let shodan = concat!(
            r#"{"ip_str":"198.51.100.7","port":9200,"data":"HTTP/1.1 200 OK","product":"Elastic","version":"6.8.1","_shodan":{"module":"elastic"},"elastic":{"indices":{"chat-log":{"primaries":{"docs":{"count":7},"store":{"size_in_bytes":99}}},"read_me":{}}}}"#,
            "\n",
            r#"{"ip_str":"198.51.100.8","port":27017,"data":"","product":"MongoDB","mongodb":{"authentication":true}}"#,
            "\n",
            r#"{"ip_str":"198.51.100.9","port":22,"data":"SSH-2.0","product":"OpenSSH"}"#,
            "\n",
        );
        let found = doors(shodan);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].2.as_str(), found[0].3), ("elasticsearch", State::Open));
        assert_eq!(found[0].4, ["chat-log", "read_me"]);
        assert_eq!((found[1].2.as_str(), found[1].3), ("mongodb", State::Locked));
        let censys = r#"{"ip":"198.51.100.7","services":[{"port":6379,"service_name":"REDIS","redis":{"info_response":{"redis_version":"7"}}},{"port":6380,"service_name":"REDIS","redis":{"ping_response":"-NOAUTH"}},{"port":80,"service_name":"HTTP"}]}"#;
        let found = doors(censys);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].1, found[0].3), (6_379, State::Open));
    }
}
