//! The scenario schema that editors fetch is the one this version reads by.

use std::path::Path;

/// Rewrites the file when `UPDATE` is set.
#[test]
fn the_scenario_schema_has_not_drifted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/scenario.schema.json");
    let schema = plainsight::scenario::schema(&plainsight::verdict::promise::names());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == schema, "schema/scenario.schema.json is not what this version reads by; run with UPDATE=1");
}
