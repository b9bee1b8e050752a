//! Protocol Buffers schemas of a scenario: `.proto` sources, compiled here, and descriptor sets (`protoc
//! --descriptor_set_out`), told apart by content.

use crate::model::budget::{PROTO_BYTES, PROTO_TYPES};
use crate::model::protos::{FieldType, MessageType, ProtoKind, Protos, TypeId};
use prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Why schemas cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProtosError {
    /// A file cannot be read.
    #[error("{name}: {why}")]
    Unreadable {
        /// The file.
        name: String,
        /// Why.
        why: std::io::Error,
    },
    /// A file is larger than any schema, or defines more than any does.
    #[error("{name}: not a Protocol Buffers schema: {what}")]
    TooLarge {
        /// The file.
        name: String,
        /// What is too much.
        what: String,
    },
    /// A file is neither a `.proto` source that compiles nor a descriptor set.
    #[error("{name}: {why}")]
    Broken {
        /// The file.
        name: String,
        /// What the compiler says, with line and column.
        why: String,
    },
}

/// Reads schemas; imports are looked for beside each file and in `folder`.
pub fn read(files: &[PathBuf], folder: &Path) -> Result<Protos, ProtosError> {
    let mut all = Protos::default();
    for file in files {
        let name = file.display().to_string();
        let bytes = slurp(file, &name)?;
        let pool = if is_source(&bytes) {
            compile(file, folder, &name)?
        } else {
            DescriptorPool::decode(&*bytes).map_err(|error| ProtosError::Broken {
                name: name.clone(),
                why: format!("neither a .proto source nor a descriptor set: {error}"),
            })?
        };
        all = all.joined(protos(&pool));
        if all.types.len() > PROTO_TYPES {
            return Err(ProtosError::TooLarge { name, what: format!("more than {PROTO_TYPES} message types") });
        }
    }
    Ok(all)
}

fn slurp(file: &Path, name: &str) -> Result<Vec<u8>, ProtosError> {
    let unreadable = |why| ProtosError::Unreadable { name: name.to_owned(), why };
    let open = std::fs::File::open(file).map_err(unreadable)?;
    let mut bytes = Vec::new();
    open.take(PROTO_BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > PROTO_BYTES {
        return Err(ProtosError::TooLarge { name: name.to_owned(), what: format!("more than {PROTO_BYTES} bytes") });
    }
    Ok(bytes)
}

/// A descriptor set begins with its first file's tag and length, and holds zeros and control bytes; a source is text.
fn is_source(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()))
}

fn compile(file: &Path, folder: &Path, name: &str) -> Result<DescriptorPool, ProtosError> {
    let beside = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let broken = |error: &protox::Error| {
        // The longer form says line and column.
        let (long, short) = (format!("{error:?}"), error.to_string());
        let why = if long.contains(&short) { long } else { short };
        ProtosError::Broken { name: name.to_owned(), why }
    };
    // The scenario's folder first: imports of a larger tree are written from its root.
    let mut includes = vec![folder];
    if beside != folder {
        includes.push(beside);
    }
    let mut compiler = protox::Compiler::new(includes).map_err(|error| broken(&error))?;
    compiler.include_imports(true);
    compiler.open_file(file).map_err(|error| broken(&error))?;
    Ok(compiler.descriptor_pool())
}

fn protos(pool: &DescriptorPool) -> Protos {
    let ids: BTreeMap<String, TypeId> =
        pool.all_messages().enumerate().map(|(id, message)| (message.full_name().to_owned(), id)).collect();
    let types = pool.all_messages().map(|message| message_type(&message, &ids)).collect();
    let mut methods = BTreeMap::new();
    for service in pool.services() {
        for method in service.methods() {
            let of = |message: MessageDescriptor| ids.get(message.full_name()).copied();
            if let (Some(takes), Some(gives)) = (of(method.input()), of(method.output())) {
                methods.insert(format!("{}/{}", service.full_name(), method.name()), (takes, gives));
            }
        }
    }
    Protos { types, by_name: ids, methods }
}

fn message_type(message: &MessageDescriptor, ids: &BTreeMap<String, TypeId>) -> MessageType {
    let field = |field: FieldDescriptor| {
        let repeated = field.cardinality() == Cardinality::Repeated;
        let kind = kind(&field, ids);
        (field.number(), FieldType { name: String::leak(field.name().to_owned()), kind, repeated })
    };
    MessageType {
        name: message.full_name().to_owned(),
        fields: message.fields().map(field).collect(),
        is_entry: message.is_map_entry(),
    }
}

fn kind(field: &FieldDescriptor, ids: &BTreeMap<String, TypeId>) -> ProtoKind {
    if field.is_group() {
        return ProtoKind::Group;
    }
    match field.kind() {
        Kind::Int32 | Kind::Int64 | Kind::Enum(_) => ProtoKind::Signed,
        Kind::Uint32 | Kind::Uint64 => ProtoKind::Unsigned,
        Kind::Sint32 | Kind::Sint64 => ProtoKind::ZigZag,
        Kind::Bool => ProtoKind::Bool,
        Kind::Fixed32 => ProtoKind::Fixed32,
        Kind::Sfixed32 => ProtoKind::Sfixed32,
        Kind::Float => ProtoKind::Float,
        Kind::Fixed64 => ProtoKind::Fixed64,
        Kind::Sfixed64 => ProtoKind::Sfixed64,
        Kind::Double => ProtoKind::Double,
        Kind::String => ProtoKind::Text,
        Kind::Bytes => ProtoKind::Bytes,
        Kind::Message(message) => ids.get(message.full_name()).map_or(ProtoKind::Bytes, |id| ProtoKind::Message(*id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "syntax = \"proto3\";\npackage chat.v1;\nmessage Send { string text = 1; map<string, int64> seen = 2;\n\
                          repeated Place places = 3; }\nmessage Place { double lat = 1; double lon = 2; sint32 floor = 3; }\n\
                          message Sent { int64 id = 1; }\nservice Chat { rpc Send(chat.v1.Send) returns (Sent); }\n";

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    #[test]
    fn sources_and_descriptor_sets_say_the_same() {
        let at = folder(&[("chat.proto", SOURCE.as_bytes())]);
        let source = read(&[at.path().join("chat.proto")], at.path()).unwrap();
        let mut compiler = protox::Compiler::new([at.path()]).unwrap();
        compiler.include_imports(true).open_file(at.path().join("chat.proto")).unwrap();
        std::fs::write(at.path().join("chat.pb"), compiler.encode_file_descriptor_set()).unwrap();
        let set = read(&[at.path().join("chat.pb")], at.path()).unwrap();
        for protos in [&source, &set] {
            let (takes, gives) = protos.methods["chat.v1.Chat/Send"];
            assert_eq!(protos.of_path("/twirp/chat.v1.Chat/Send", true), Some(takes));
            assert_eq!(protos.of_path("/chat.v1.Chat/Send", false), Some(gives));
            let send = protos.get(takes).unwrap();
            assert_eq!((send.fields[&1].name, send.fields[&1].kind), ("text", ProtoKind::Text));
            let ProtoKind::Message(place) = send.fields[&3].kind else { panic!("a message") };
            assert_eq!(protos.get(place).unwrap().fields[&3].kind, ProtoKind::ZigZag);
            let ProtoKind::Message(entry) = send.fields[&2].kind else { panic!("a map") };
            assert!(protos.get(entry).unwrap().is_entry && !protos.candidates().any(|id| id == entry));
        }
    }

    #[test]
    fn imports_are_found_and_mistakes_are_told_with_their_line() {
        let at = folder(&[
            ("api/a.proto", b"syntax = \"proto3\";\nimport \"api/b.proto\";\nmessage A { B b = 1; }\n"),
            ("api/b.proto", b"syntax = \"proto3\";\nimport \"google/protobuf/timestamp.proto\";\nmessage B { google.protobuf.Timestamp at = 1; }\n"),
            ("bad.proto", b"syntax = \"proto3\";\nmessage A {\n  strin text = 1;\n}\n"),
            ("lost.proto", b"syntax = \"proto3\";\nimport \"nowhere.proto\";\n"),
            ("junk.pb", b"\x0a\xff\xff\x00junk"),
        ]);
        let protos = read(&[at.path().join("api/a.proto")], at.path()).unwrap();
        assert!(protos.named("type.googleapis.com/google.protobuf.Timestamp").is_some());
        for (file, says) in [
            ("bad.proto", "strin"),
            ("bad.proto", "3:3"),
            ("lost.proto", "nowhere.proto"),
            ("junk.pb", "descriptor set"),
            ("gone.proto", "gone.proto"),
        ] {
            let error = read(&[at.path().join(file)], at.path()).unwrap_err().to_string();
            assert!(error.contains(says), "{file}: {error}");
        }
    }
}
