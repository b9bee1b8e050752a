//! The promises, one file each. To add one: its file, and two lines here.

mod certificate_pinned;
mod encrypted_at_rest;
mod encrypted_in_transit;
mod end_to_end_encrypted;
mod forward_secret;
mod not_collected;
mod not_public;
mod not_retained;
mod not_shared_with_third_parties;
mod unlinkable;

use crate::verdict::Promise;

/// Every promise this version can judge.
pub static PROMISES: &[&Promise] = &[
    &certificate_pinned::PROMISE,
    &encrypted_at_rest::PROMISE,
    &encrypted_in_transit::PROMISE,
    &end_to_end_encrypted::PROMISE,
    &forward_secret::PROMISE,
    &not_collected::PROMISE,
    &not_public::PROMISE,
    &not_retained::PROMISE,
    &not_shared_with_third_parties::PROMISE,
    &unlinkable::PROMISE,
];

/// Their names, in order.
pub fn names() -> Vec<&'static str> {
    PROMISES.iter().map(|promise| promise.name).collect()
}

/// The promise of this name.
pub fn by_name(name: &str) -> Option<&'static Promise> {
    PROMISES.iter().copied().find(|promise| promise.name == name)
}
