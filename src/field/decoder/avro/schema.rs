//! Avro schemas (specification, "Schema Declaration"): JSON in, a table of types out.

use crate::bytes::Malformed;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A type; others by their index in the table.
#[derive(Debug)]
pub(super) enum Type {
    Null,
    Boolean,
    Whole,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(Vec<String>),
    Array(usize),
    Map(usize),
    Union(Vec<usize>),
    /// Members: the index of the name, and the type.
    Record(Vec<(usize, usize)>),
}

/// Types and the names of members.
#[derive(Debug, Default)]
pub(super) struct Schema {
    types: Vec<Type>,
    names: Vec<String>,
    known: BTreeMap<String, usize>,
    root: usize,
}

const WHAT: Malformed = Malformed::Illegal("Avro schema");
/// Bytes of a schema's text; types in it are bounded by them.
const TEXT: usize = 1 << 20;

impl Schema {
    /// Reads a schema; every name in it must be known where it is used.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Malformed> {
        if text.len() > TEXT {
            return Err(Malformed::TooLarge("Avro schema"));
        }
        // Nesting is bounded by the JSON reader.
        let value: Value = serde_json::from_slice(text).map_err(|_| WHAT)?;
        let mut schema = Self::default();
        schema.root = schema.add(&value, "")?;
        Ok(schema)
    }

    pub(super) const fn root(&self) -> usize {
        self.root
    }

    pub(super) fn get(&self, index: usize) -> Option<&Type> {
        self.types.get(index)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    fn push(&mut self, kind: Type) -> usize {
        self.types.push(kind);
        self.types.len().saturating_sub(1)
    }

    fn add(&mut self, value: &Value, namespace: &str) -> Result<usize, Malformed> {
        match value {
            Value::String(name) => self.named(name, namespace),
            Value::Array(branches) => {
                let branches: Result<Vec<usize>, _> =
                    branches.iter().map(|branch| self.add(branch, namespace)).collect();
                let branches = branches?;
                Ok(self.push(Type::Union(branches)))
            }
            Value::Object(members) => self.complex(members, namespace),
            _ => Err(WHAT),
        }
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<usize, Malformed> {
        let primitive = match name {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "int" | "long" => Type::Whole,
            "float" => Type::Float,
            "double" => Type::Double,
            "bytes" => Type::Bytes,
            "string" => Type::Text,
            _ => {
                let known = self.known.get(&full(name, namespace)).or_else(|| self.known.get(name));
                return known.copied().ok_or(WHAT);
            }
        };
        Ok(self.push(primitive))
    }

    fn complex(&mut self, members: &Map<String, Value>, namespace: &str) -> Result<usize, Malformed> {
        let kind = members.get("type").ok_or(WHAT)?;
        let Some(kind) = kind.as_str() else { return self.add(kind, namespace) };
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let namespace = text("namespace").unwrap_or(namespace);
        let list = |name: &str| members.get(name).and_then(Value::as_array).ok_or(WHAT);
        match kind {
            "array" | "map" => {
                let inner = members.get(if kind == "array" { "items" } else { "values" }).ok_or(WHAT)?;
                let inner = self.add(inner, namespace)?;
                Ok(self.push(if kind == "array" { Type::Array(inner) } else { Type::Map(inner) }))
            }
            "enum" => {
                let symbols = list("symbols")?.iter().filter_map(|symbol| symbol.as_str().map(str::to_owned)).collect();
                let index = self.push(Type::Enum(symbols));
                self.know(text("name"), namespace, index);
                Ok(index)
            }
            "fixed" => {
                let size = members.get("size").and_then(Value::as_u64).ok_or(WHAT)?;
                let index = self.push(Type::Fixed(usize::try_from(size).map_err(|_| WHAT)?));
                self.know(text("name"), namespace, index);
                Ok(index)
            }
            "record" | "error" => {
                // Known before its members are: it may hold itself.
                let index = self.push(Type::Record(Vec::new()));
                self.know(text("name"), namespace, index);
                let inside = text("name").and_then(|name| name.rsplit_once('.')).map_or(namespace, |(space, _)| space);
                let mut fields = Vec::new();
                for field in list("fields")? {
                    let name = field.get("name").and_then(Value::as_str).ok_or(WHAT)?;
                    let kind = self.add(field.get("type").ok_or(WHAT)?, inside)?;
                    self.names.push(name.to_owned());
                    fields.push((self.names.len().saturating_sub(1), kind));
                }
                if let Some(slot) = self.types.get_mut(index) {
                    *slot = Type::Record(fields);
                }
                Ok(index)
            }
            name => self.named(name, namespace),
        }
    }

    fn know(&mut self, name: Option<&str>, namespace: &str, index: usize) {
        if let Some(name) = name {
            self.known.insert(full(name, namespace), index);
        }
    }
}

fn full(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}
