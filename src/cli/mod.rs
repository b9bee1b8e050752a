//! The command line: the one place that knows files, terminals and exit codes. One file a subcommand.

mod args;
mod door;
mod engine;
pub mod exit;
mod explain;
mod inspect;
mod list;
mod new;
mod output;
mod run;
mod schema;
mod start;
mod terminal;

pub use args::Cli;
pub use start::start;
