//! The JSON Schema of scenario files, for editors.

use crate::scenario::shape::{Key, Kind, SCENARIO};
use serde_json::{Map, Value, json};

/// The schema as a document, draft 2020-12; `promises` are the names in the registry.
pub fn schema(promises: &[&str]) -> String {
    let mut root = table(SCENARIO, promises);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "plainsight scenario",
        "description": "The app, its claims, who is who, what was planted, where the evidence lies.",
        "anyOf": [{ "required": ["capture"] }, { "required": ["dump"] }, { "required": ["store"] }],
    });
    if let (Some(root), Value::Object(head)) = (root.as_object_mut(), head) {
        root.extend(head);
    }
    let mut text = format!("{root:#}");
    text.push('\n');
    text
}

fn table(keys: &[Key], promises: &[&str]) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key, promises))).collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

fn property(key: &Key, promises: &[&str]) -> Value {
    let text = || json!({ "type": "string", "pattern": "\\S" });
    let hosts = || json!({ "type": "array", "items": text() });
    let mut value = match key.kind {
        Kind::Text | Kind::Path => text(),
        Kind::Paths => json!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": text() }),
        // Bare TOML days reach schema checkers as text.
        Kind::Date => json!({ "type": "string", "format": "date" }),
        Kind::OneOf(vocabulary) => json!({ "enum": vocabulary.names(promises) }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Port => json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
        Kind::NamedOneOf(vocabulary) => json!({
            "type": "object",
            "additionalProperties": { "enum": vocabulary.names(promises) },
        }),
        Kind::SomeOf(vocabulary) => json!({
            "type": "array", "minItems": 1, "uniqueItems": true,
            "items": { "enum": vocabulary.names(promises) },
        }),
        Kind::Hosts => hosts(),
        Kind::NamedHosts => json!({ "type": "object", "additionalProperties": hosts() }),
        Kind::Table(keys) => table(keys, promises),
        Kind::Tables(keys) => {
            let least = usize::from(key.required);
            json!({ "type": "array", "minItems": least, "items": table(keys, promises) })
        }
    };
    if let Some(value) = value.as_object_mut() {
        value.insert("description".to_owned(), Value::from(key.about));
    }
    value
}
