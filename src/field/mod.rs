//! Messages → fields: peels encodings, containers and compression, with a budget.
//!
//! In: a [`Message`](crate::model::message::Message). Out: a [`Tree`](crate::model::field::Tree) of everything that
//! was reached. To add a format: one file in `decoder/` with a [`Decoder`] entry, and two lines in `decoder/mod.rs`.

mod blocks;
mod candidates;
mod continued;
pub mod decoder;
pub mod fields;
mod inflate;
mod names;
mod percent;
mod pictures;
pub mod shape;
mod stencil;
#[cfg(test)]
mod tests;
mod text;
mod transfer;
mod typed;
mod unpack;
pub mod walk;
mod way;

pub use continued::Continued;
pub use fields::{Fields, Key};
pub use stencil::Stencils;
pub use walk::{message_of, message_of_parts, walk, walk_by, walk_bytes, walk_known, walk_on, walk_within};

use crate::bytes::{Malformed, Match};
use crate::model::message::PartKind;
use crate::model::protos::{Protos, TypeId};
use shape::Filter;

/// What is known about bytes before anyone looks at them.
#[derive(Clone, Copy, Debug)]
pub struct Hint<'a> {
    /// The bytes are a part of the message as it was sent, of this kind; `None` once something was undone.
    pub part: Option<PartKind>,
    /// Media type as declared, lower case, with parameters.
    pub content_type: Option<&'a str>,
    /// The content coding declared for this very layer.
    pub encoding: Option<&'a str>,
    /// What the field is called.
    pub name: Name<'a>,
    /// Decoders already applied on the way here, outermost first.
    pub within: &'a [&'static str],
    /// The bytes are the whole field: nothing was cut off.
    pub whole: bool,
    /// Schemas that were given, and what they say of this message.
    pub protos: Option<Given<'a>>,
}

/// What a field is called, as it stands there: most decoders never ask.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a>(Option<&'a [u8]>);

impl<'a> Name<'a> {
    /// It has none.
    pub const NONE: Self = Self(None);

    /// The name, if there is one and it is text.
    pub fn get(self) -> Option<&'a str> {
        std::str::from_utf8(self.0?).ok()
    }
}

/// Protocol Buffers schemas that were given for a message.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// All of them.
    pub protos: &'a Protos,
    /// The type that the message's body has by its method's path.
    pub root: Option<TypeId>,
}

/// A registry entry: one format that can be undone or taken apart.
pub struct Decoder {
    /// Registry name: unique, kebab-case; its trail step.
    pub name: &'static str,
    /// What it is, in a few words, for the docs.
    pub about: &'static str,
    /// It undoes a whole layer (gzip, base64), rather than taking a structure apart (json, form).
    pub layer: bool,
    /// Content codings that call for it, as `Content-Encoding` and `Content-Transfer-Encoding` spell them.
    pub codings: &'static [&'static str],
    /// Bytes it can never be are not even shown to it.
    pub filter: Filter,
    /// How well the bytes fit. Cheap: it runs on every field that passes the filter.
    pub fits: fn(&Hint<'_>, &[u8]) -> Match,
    /// Takes them apart. An error means "not this after all": whatever was put out is dropped and the next decoder is
    /// tried. A decoder that keeps what it has of damaged bytes calls [`Fields::damaged`] and succeeds.
    pub open: fn(&[u8], &Hint<'_>, &mut Fields<'_>) -> Result<(), Malformed>,
    /// Real inputs, for tests that run over every decoder.
    pub samples: &'static [Sample],
}

/// A real input of a decoder.
pub struct Sample {
    /// The encoded bytes.
    pub bytes: &'static [u8],
    /// What is declared about them: a media type, a header's name with a colon, or nothing.
    pub hint: &'static str,
    /// Text that must be found in some field.
    pub shows: &'static str,
    /// The trail of that field inside the message, joined by ` > `.
    pub trail: &'static str,
}

/// Bounds on the peeling of one message.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Decoding steps one inside the other.
    pub depth: usize,
    /// Whole layers undone one inside the other.
    pub layers: usize,
    /// Fields.
    pub fields: usize,
    /// Bytes that decoders put out and that were kept.
    pub decoded: usize,
    /// Bytes that decoders put out, kept or not.
    pub guessed: usize,
}

impl Default for Limits {
    fn default() -> Self {
        use crate::model::budget;
        Self {
            depth: budget::FIELD_DEPTH,
            layers: budget::LAYER_DEPTH,
            fields: budget::FIELDS,
            decoded: budget::DECODED_BYTES,
            guessed: budget::GUESSED_BYTES,
        }
    }
}
