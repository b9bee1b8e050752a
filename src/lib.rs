//! plainsight judges an app's privacy claims on captures of what it really sent.
//!
//! The line, in flow order; see `ARCHITECTURE.md`:
//!
//! ```text
//! capture → packet → stream → message → field → sighting → verdict → report
//! ```
//!
//! Nouns live in [`model`], verbs live in rooms, and rooms are strangers: a room imports [`model`] and [`bytes`] and
//! nothing else of ours. Only the pipeline joins them.

pub mod bytes;
pub mod capture;
pub mod cli;
pub mod exposure;
pub mod field;
pub mod message;
pub mod model;
pub mod opacity;
pub mod packet;
pub mod pipeline;
pub mod report;
pub mod scenario;
pub mod sighting;
pub mod store;
pub mod stream;
pub mod verdict;
