//! Every service that can be knocked at. To add one: its module and its entry in `KNOCKS`.

mod cassandra;
mod clickhouse;
mod couchdb;
mod elasticsearch;
mod etcd;
mod influxdb;
mod kibana;
mod memcached;
mod mongodb;
mod rabbitmq;
mod redis;
mod s3;

use super::Knock;
use crate::model::door::Service;

/// The registry.
pub static KNOCKS: &[&Knock] = &[
    &cassandra::KNOCK,
    &clickhouse::KNOCK,
    &couchdb::KNOCK,
    &elasticsearch::KNOCK,
    &etcd::KNOCK,
    &influxdb::KNOCK,
    &kibana::KNOCK,
    &memcached::KNOCK,
    &mongodb::KNOCK,
    &rabbitmq::KNOCK,
    &redis::KNOCK,
    &s3::KNOCK,
];

/// How to knock at a service.
pub fn knock(service: Service) -> Option<&'static Knock> {
    KNOCKS.iter().copied().find(|knock| knock.service == service)
}
