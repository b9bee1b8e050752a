//! scenario.toml → a valid [`Scenario`](crate::model::scenario::Scenario), or every reason why not, at once.
//!
//! What the file may hold is one table, [`shape`]: the reader checks against it, the JSON Schema for editors is written
//! from it. A later key is one line there and one where [`mod@file`] builds the scenario.

pub mod check;
mod claims;
pub mod file;
pub mod listing;
pub mod problem;
pub mod schema;
pub mod section;
pub mod shape;
pub mod template;

pub use file::{Look, load, read};
pub use problem::{Problem, Problems, Warning};
pub use schema::schema;
pub use template::{TemplateFile, template};

#[cfg(test)]
mod tests;
