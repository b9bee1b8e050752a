//! The nouns, one file each, in the order data flows. No I/O, no clock, no judgement.
//!
//! Every room imports these and nothing else of ours; a noun imports only nouns before it.

pub mod account;
pub mod alias;
pub mod budget;
pub mod door;
pub mod envelope;
pub mod evidence;
pub mod exposure;
pub mod field;
pub mod flow;
pub mod frame;
pub mod hook;
pub mod item;
pub mod letters;
pub mod media;
pub mod message;
pub mod opacity;
pub mod origin;
pub mod packet;
pub mod pair;
pub mod payload;
pub mod portrait;
pub mod protos;
pub mod record;
pub mod report;
pub mod scenario;
pub mod secret;
pub mod shape;
pub mod sighting;
pub mod socket;
pub mod stream;
pub mod taxonomy;
pub mod time;
pub mod trace;
pub mod verdict;
pub mod weakness;
