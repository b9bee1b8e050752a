//! Report → bytes: every format renders the same [`Report`].
//!
//! In: a finished [`Report`]. Out: a document, written to whatever the caller opened. A format reads no clock and no
//! file, and two renderings of equal reports are byte-identical. To add one: one file in `format/` with a [`Format`],
//! and two lines in `format/mod.rs`.
//!
//! Redaction is decided here, once, by [`View`]: planted values are the auditor's own and are shown; everything else
//! that came out of evidence is shown as its shape, unless the auditor asks for more.

mod browser;
mod cards;
mod claims;
mod evidence;
mod exposed;
pub mod format;
mod linked;
mod looks;
mod page;
mod paired;
mod picture;
mod place;
mod poor;
mod rows;
#[cfg(test)]
pub(crate) mod sample;
mod story;
mod strip;
mod view;
mod words;

pub use view::View;
pub use words::printable;

use crate::model::report::Report;
use std::io;

/// A format: stateless, and told everything it may show.
pub trait Format: Sync {
    /// Unique, kebab-case: what `--format` takes.
    fn name(&self) -> &'static str;
    /// What it is for, in a few words, for the docs.
    fn about(&self) -> &'static str;
    /// The name of its file in a report folder.
    fn file(&self) -> &'static str;
    /// Writes the whole document.
    fn render(&self, report: &Report, view: &View, out: &mut dyn io::Write) -> io::Result<()>;
}
