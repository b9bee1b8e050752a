//! Files → items: any evidence, told apart by its content and opened as a [`Source`].
//!
//! In: a path, or bytes. Out: [`Item`]s in file order, and the [`Secrets`] that the file carries. It never looks
//! inside a frame. To add a format, write one file in `format/` with a [`Format`] entry, and name it in
//! `format/mod.rs`.

mod bytewise;
mod elements;
mod extended;
pub mod format;
pub mod hooks;
pub mod keylog;
mod lines;
mod loss;
pub mod open;
pub mod order;
mod parted;
pub mod protos;
pub mod sockets;
pub mod survey;
mod unpack;
pub mod window;

#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod tests;

use crate::bytes::Match;
use crate::model::item::Item;
use crate::model::secret::Secrets;
pub use loss::Loss;
pub use open::{OpenError, Opened, Wanted, open, open_bytes, open_hashed};
pub use survey::{Survey, survey};
pub use window::Window;

/// Evidence, read in order and in bounded memory.
pub trait Source {
    /// The next item; `None` at the end. An error ends the source: everything before it stands.
    fn next(&mut self) -> Result<Option<Item<'_>>, Stopped>;

    /// What was passed over or read in part only, once the source has ended.
    fn loss(&mut self) -> Loss {
        Loss::default()
    }
}

/// Where and why reading stopped before the end of the file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("stopped at byte {offset}: {why}")]
pub struct Stopped {
    /// Offset in the (decompressed) file.
    pub offset: u64,
    /// Why, for people.
    pub why: String,
}

/// What a format is evidence of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EvidenceKind {
    /// What an app sent: a `[[capture]]`.
    Traffic,
    /// What somebody keeps: a `[[dump]]`.
    Store,
}

/// A registry entry: how to recognise an evidence format, and how to read it.
pub struct Format {
    /// Registry name: unique, kebab-case; what a report says of the input.
    pub name: &'static str,
    /// What it is, in a few words, for the docs and for errors.
    pub about: &'static str,
    /// What it is evidence of.
    pub kind: EvidenceKind,
    /// Whether a file that begins like this is of this format; the head is at most [`open::HEAD`] bytes long.
    pub sniff: fn(&[u8]) -> Match,
    /// Reads it. The window stands at the first byte and is an [`io::Read`](std::io::Read), too.
    pub open: fn(Window) -> Result<Box<dyn Source + Send>, Stopped>,
    /// Gathers the secrets it carries, skipping everything else; `None` for a format that carries none.
    pub secrets: Option<fn(Window) -> Carried>,
}

/// What the survey finds inside a file.
#[derive(Debug, Default)]
pub struct Carried {
    /// Secrets it carries.
    pub secrets: Secrets,
    /// What is wrong with them, one sentence each.
    pub problems: Vec<String>,
}
