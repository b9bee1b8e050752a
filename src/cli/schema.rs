//! `plainsight schema`: the published JSON Schemas, as this version knows them.

use crate::cli::args::SchemaOf;
use crate::cli::exit;
use crate::cli::terminal::Terminal;

pub(super) fn schema(of: SchemaOf, terminal: &mut Terminal) -> anyhow::Result<u8> {
    let schema = match of {
        SchemaOf::Report => format!("{:#}\n", crate::report::format::json_schema()),
        SchemaOf::Scenario => crate::scenario::schema(&crate::verdict::promise::names()),
    };
    terminal.print(schema.as_bytes())?;
    Ok(exit::FINE)
}
