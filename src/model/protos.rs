//! Protocol Buffers schemas: what the numbers in messages are called and what stands behind them.

use std::collections::{BTreeMap, BTreeSet};

/// Index of a message type.
pub type TypeId = usize;

/// All that the given schemas define.
#[derive(Debug, Default)]
pub struct Protos {
    /// Message types.
    pub types: Vec<MessageType>,
    /// Message types by full name, without a dot in front.
    pub by_name: BTreeMap<String, TypeId>,
    /// What a method takes and gives, by `package.Service/Method`.
    pub methods: BTreeMap<String, (TypeId, TypeId)>,
}

/// A message type.
#[derive(Debug)]
pub struct MessageType {
    /// Full name.
    pub name: String,
    /// Fields by number.
    pub fields: BTreeMap<u32, FieldType>,
    /// It is the entry of a map: field 1 is the key, field 2 the value.
    pub is_entry: bool,
}

/// A field of a message type.
#[derive(Clone, Copy, Debug)]
pub struct FieldType {
    /// Its name; schemas are read once and their names live as long as the process.
    pub name: &'static str,
    /// What its values are.
    pub kind: ProtoKind,
    /// There may be many.
    pub repeated: bool,
}

/// What a field's values are, as far as it decides how bytes are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProtoKind {
    /// `int32`, `int64`, an enumeration.
    Signed,
    /// `uint32`, `uint64`.
    Unsigned,
    /// `sint32`, `sint64`.
    ZigZag,
    /// `bool`.
    Bool,
    /// `fixed32`.
    Fixed32,
    /// `sfixed32`.
    Sfixed32,
    /// `float`.
    Float,
    /// `fixed64`.
    Fixed64,
    /// `sfixed64`.
    Sfixed64,
    /// `double`.
    Double,
    /// `string`.
    Text,
    /// `bytes`.
    Bytes,
    /// A message.
    Message(TypeId),
    /// A group (proto2): read by its number alone.
    Group,
}

impl ProtoKind {
    /// The wire type of one value.
    pub const fn wire(self) -> u8 {
        match self {
            Self::Signed | Self::Unsigned | Self::ZigZag | Self::Bool => 0,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => 1,
            Self::Text | Self::Bytes | Self::Message(_) => 2,
            Self::Group => 3,
            Self::Fixed32 | Self::Sfixed32 | Self::Float => 5,
        }
    }
}

impl Protos {
    /// The message type that a request's path and direction call for: `/package.Service/Method` with anything in front,
    /// as gRPC, Connect and Twirp spell it.
    pub fn of_path(&self, path: &str, to_server: bool) -> Option<TypeId> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let (rest, method) = path.rsplit_once('/')?;
        let service = rest.rsplit('/').next().unwrap_or_default();
        let (takes, gives) = self.methods.get(&format!("{service}/{method}"))?;
        Some(if to_server { *takes } else { *gives })
    }

    /// A message type by its full name, or a URL that ends with it (`google.protobuf.Any`).
    pub fn named(&self, name: &str) -> Option<TypeId> {
        let name = name.rsplit('/').next().unwrap_or(name).trim_start_matches('.');
        self.by_name.get(name).copied()
    }

    /// A message type.
    pub fn get(&self, id: TypeId) -> Option<&MessageType> {
        self.types.get(id)
    }

    /// Adds what other schemas define; of two of one name the first stays.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        let shift = self.types.len();
        let moved = |id: TypeId| id.saturating_add(shift);
        for mut message in other.types {
            for field in message.fields.values_mut() {
                if let ProtoKind::Message(id) = &mut field.kind {
                    *id = moved(*id);
                }
            }
            self.types.push(message);
        }
        for (name, id) in other.by_name {
            self.by_name.entry(name).or_insert(moved(id));
        }
        for (name, (takes, gives)) in other.methods {
            self.methods.entry(name).or_insert((moved(takes), moved(gives)));
        }
        self
    }

    /// The types that can be told from bytes: one of each name, none of them the entry of a map.
    pub fn candidates(&self) -> impl Iterator<Item = TypeId> + '_ {
        let ids: BTreeSet<TypeId> = self.by_name.values().copied().collect();
        ids.into_iter().filter(|id| self.get(*id).is_some_and(|message| !message.is_entry))
    }
}
