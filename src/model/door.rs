//! A store's door, as it answers whoever knocks: with what it holds, or with a demand for credentials.

use serde::{Deserialize, Serialize};

/// A kind of store that can be knocked at.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Cassandra, and what speaks its protocol.
    Cassandra,
    /// ClickHouse, over HTTP.
    Clickhouse,
    /// CouchDB.
    Couchdb,
    /// Elasticsearch and OpenSearch.
    Elasticsearch,
    /// etcd, over its JSON gateway.
    Etcd,
    /// InfluxDB 1.
    Influxdb,
    /// Kibana and OpenSearch Dashboards.
    Kibana,
    /// Memcached.
    Memcached,
    /// MongoDB.
    Mongodb,
    /// RabbitMQ's management.
    Rabbitmq,
    /// Redis, and what speaks its protocol.
    Redis,
    /// Object stores that list like S3.
    S3,
}

impl Service {
    /// All of them, in order.
    pub const ALL: [Self; 12] = [
        Self::Cassandra,
        Self::Clickhouse,
        Self::Couchdb,
        Self::Elasticsearch,
        Self::Etcd,
        Self::Influxdb,
        Self::Kibana,
        Self::Memcached,
        Self::Mongodb,
        Self::Rabbitmq,
        Self::Redis,
        Self::S3,
    ];

    /// As scenario files and findings spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cassandra => "cassandra",
            Self::Clickhouse => "clickhouse",
            Self::Couchdb => "couchdb",
            Self::Elasticsearch => "elasticsearch",
            Self::Etcd => "etcd",
            Self::Influxdb => "influxdb",
            Self::Kibana => "kibana",
            Self::Memcached => "memcached",
            Self::Mongodb => "mongodb",
            Self::Rabbitmq => "rabbitmq",
            Self::Redis => "redis",
            Self::S3 => "s3",
        }
    }

    /// The service of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }
}

/// How a door answered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// With what it holds: no credentials were asked for.
    Open,
    /// With a demand for credentials.
    Locked,
    /// With something else: it is no such service, or cannot be told.
    Other,
    /// Not at all.
    Closed,
}

/// Something that a store holds, by its name: an index, a database, a bucket.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Holding {
    /// Its name.
    pub name: String,
    /// Records in it, as far as the store says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Bytes it takes, as far as the store says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// A door that was knocked at. Nothing of what is behind it is in here but names and sizes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Door {
    /// The host, as it was asked for.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What was asked for there; for imported banners what the scanner took it for.
    pub service: String,
    /// How it answered.
    pub state: State,
    /// The version it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it holds, in order of names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Holding>,
    /// What more there is to say: why it counts as closed, that a list was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it was knocked at or scanned, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// Who sees doors, as detectors are called.
pub const OPEN_STORE: &str = "open-store";
/// What a file of doors calls itself.
pub const SCHEMA: &str = "plainsight-door/1";
