//! The registry: one file a format, two lines here.

mod html;
mod json;
mod text;

use crate::report::Format;

/// Every format, in the order of telling.
pub static FORMATS: &[&dyn Format] = &[&html::Html, &json::Json, &text::Text];

/// The format with this name.
pub fn by_name(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
}

/// The JSON Schema of the JSON format.
pub use json::schema as json_schema;

#[cfg(test)]
mod tests;
