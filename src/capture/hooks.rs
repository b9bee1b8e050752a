//! Logs of an app's own encryption: keys, initial values and texts of its AES calls, as hooks in the app wrote them down
//! (`aes_info.json` of a PiRogue experiment folder).
//!
//! Read leniently: JSON values one behind the other, or lists of them, nested or not. An entry is an object with a key of
//! 16, 24 or 32 bytes, by any of the names in use, in hex, base64 or as a list of bytes; initial value, algorithm and texts
//! may stand beside it or one level below. Built against descriptions of what such hooks log, not against a file of a
//! real experiment; the files in the tests are made up (`stand_in_*`).
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::open::{OpenError, regular};
use crate::model::budget::{HOOK_BYTES, HOOK_TEXTS, HOOKS};
use crate::model::hook::Hook;
use crate::model::secret::SecretBytes;
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

const KEYS: &[&str] =
    &["key", "secret", "secretkey", "aeskey", "keybytes", "keyvalue", "keydata", "keyhex", "keybase64", "rawkey"];
const IVS: &[&str] =
    &["iv", "nonce", "initializationvector", "initialvector", "initvector", "ivbytes", "ivhex", "ivbase64"];
const ALGORITHMS: &[&str] = &["algorithm", "alg", "algo", "transformation", "cipher", "mode"];
const TEXTS: &[&str] = &[
    "data",
    "in",
    "input",
    "indata",
    "out",
    "output",
    "outdata",
    "result",
    "plaintext",
    "plain",
    "cleartext",
    "message",
    "ciphertext",
    "encrypted",
    "decrypted",
    "before",
    "after",
];

/// What a log holds.
#[derive(Debug, Default)]
pub struct Log {
    /// Its keys, each once with each of its initial values, in file order.
    pub hooks: Vec<Hook>,
    /// What could not be used, one sentence each.
    pub problems: Vec<String>,
}

/// Why a file is no log of an app's encryption.
#[derive(Debug, thiserror::Error)]
pub enum HooksError {
    /// It cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is larger than any log.
    #[error("{name}: not a log of AES calls: more than {HOOK_BYTES} bytes")]
    TooLarge {
        /// The file.
        name: String,
    },
    /// Nothing in it is a key.
    #[error("{name}: not a log of AES calls: {why}")]
    NotALog {
        /// The file.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads a log of AES calls.
pub fn read(path: &Path) -> Result<Log, HooksError> {
    let mut text = Vec::new();
    let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
    regular(path)?.take(HOOK_BYTES.saturating_add(1)).read_to_end(&mut text).map_err(unreadable)?;
    let name = path.display().to_string();
    if text.len() as u64 > HOOK_BYTES {
        return Err(HooksError::TooLarge { name });
    }
    parse(&text, &name)
}

/// Reads the entries of a log; `name` is for errors. Where it breaks off, what stands before is used.
pub fn parse(text: &[u8], name: &str) -> Result<Log, HooksError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut desk = Desk::default();
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    let mut broken = None;
    while let Some(value) = values.next() {
        let Ok(value) = value else {
            // Without its text: that may be part of a key.
            broken = Some(format!("it breaks off at byte {}: no JSON there", values.byte_offset()));
            break;
        };
        desk.look(&value, "");
    }
    let mut problems: Vec<String> = broken.into_iter().collect();
    if desk.others > 0 {
        problems.push(format!("{} of its entries are of other algorithms than AES", desk.others));
    }
    if desk.hooks.is_empty() {
        let why = problems.into_iter().next().unwrap_or_else(|| "none of its entries has a key of AES".to_owned());
        return Err(HooksError::NotALog { name: name.to_owned(), why });
    }
    if desk.is_full {
        problems.push(format!("only its first {HOOKS} keys and initial values are used"));
    }
    Ok(Log { hooks: desk.hooks, problems })
}

#[derive(Default)]
struct Desk {
    hooks: Vec<Hook>,
    /// Where key and initial value are in the list.
    at: BTreeMap<(Vec<u8>, Option<Vec<u8>>), usize>,
    /// Entries of other algorithms.
    others: usize,
    is_full: bool,
}

impl Desk {
    fn look(&mut self, value: &Value, around: &str) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.look(item, around)),
            Value::Object(map) => {
                let own = field(map, ALGORITHMS, &|value| value.as_str().filter(|name| !name.is_empty()));
                let algorithm = own.unwrap_or(around);
                match field(map, KEYS, &key) {
                    Some(key) => self.add(key, algorithm, map),
                    None => map.values().for_each(|inner| self.look(inner, algorithm)),
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, key: Vec<u8>, algorithm: &str, map: &Map<String, Value>) {
        let below = || map.values().filter_map(Value::as_object);
        let said = below().find_map(|map| field(map, ALGORITHMS, &Value::as_str));
        let algorithm = if algorithm.is_empty() { said.unwrap_or_default() } else { algorithm };
        let is_aes = algorithm.get(..3).is_none_or(|name| name.eq_ignore_ascii_case("aes"));
        if !is_aes && algorithm.contains(|c: char| c.is_ascii_alphabetic()) {
            self.others = self.others.saturating_add(1);
            return;
        }
        let fits = |value: &Value| bytes(value).filter(|iv| (8..=16).contains(&iv.len()));
        let iv = field(map, IVS, &fits).or_else(|| below().find_map(|map| field(map, IVS, &fits)));
        let id = (key, iv);
        let index = match self.at.get(&id) {
            Some(index) => *index,
            None if self.hooks.len() >= HOOKS => {
                self.is_full = true;
                return;
            }
            None => {
                let index = self.hooks.len();
                let (key, iv) = id.clone();
                let shown = algorithm.chars().filter(|c| !c.is_control()).take(60).collect();
                self.hooks.push(Hook {
                    key: SecretBytes(key),
                    iv: iv.map(SecretBytes),
                    algorithm: shown,
                    texts: Vec::new(),
                });
                self.at.insert(id, index);
                index
            }
        };
        let Some(hook) = self.hooks.get_mut(index) else { return };
        for map in std::iter::once(map).chain(below()) {
            for (_, value) in map.iter().filter(|(name, _)| TEXTS.contains(&&*plain(name))) {
                for text in readings(value).into_iter().map(SecretBytes) {
                    if hook.texts.len() < HOOK_TEXTS && !hook.texts.contains(&text) {
                        hook.texts.push(text);
                    }
                }
            }
        }
    }
}

/// A name without case and marks: `secretKey`, `secret_key` and `secret-key` are one.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The first field by one of the names of which `read` makes something.
fn field<'a, T>(map: &'a Map<String, Value>, names: &[&str], read: &dyn Fn(&'a Value) -> Option<T>) -> Option<T> {
    map.iter().filter(|(name, _)| names.contains(&&*plain(name))).find_map(|(_, value)| read(value))
}

fn key(value: &Value) -> Option<Vec<u8>> {
    bytes(value).filter(|key| matches!(key.len(), 16 | 24 | 32))
}

/// Bytes as a list (Java's are signed), in hex or in base64. What both could be is hex.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Array(items) => {
            let byte = |item: &Value| {
                let number = item.as_i64()?;
                u8::try_from(number).ok().or_else(|| Some(i8::try_from(number).ok()?.cast_unsigned()))
            };
            items.iter().map(byte).collect::<Option<Vec<u8>>>().filter(|bytes| !bytes.is_empty())
        }
        Value::String(text) => {
            let text = text.trim();
            let bare: String = text.chars().filter(|c| !matches!(c, ' ' | ':' | '\n' | '\r')).collect();
            let digits = bare.strip_prefix("0x").unwrap_or(&bare);
            let hex = || HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok();
            let codings = [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD];
            let base64 = || codings.iter().find_map(|coding| coding.decode(bare.as_bytes()).ok());
            hex().or_else(base64).filter(|bytes| !bytes.is_empty())
        }
        _ => None,
    }
}

/// Every way a logged text may be meant: as it stands, and decoded.
fn readings(value: &Value) -> Vec<Vec<u8>> {
    let own = value.as_str().filter(|text| !text.is_empty()).map(|text| text.as_bytes().to_vec());
    own.into_iter().chain(bytes(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 16] = [0, 17, 34, 51, 68, 85, 102, 119, 136, 153, 170, 187, 204, 221, 238, 255];

    #[test]
    fn stand_in_logs_of_every_shape_are_read() {
        let iv = BASE64.encode(&[7; 16]);
        let signed = "[0,17,34,51,68,85,102,119,-120,-103,-86,-69,-52,-35,-18,-1]";
        let nested = format!(
            r#"[{{"type":"aes_info","pid":7,"data":{{"alg":"AES/CBC/PKCS5Padding","secret_key":{signed},
               "parameters":{{"iv":"{iv}","plain_text":"aGVyb24="}}}}}}]"#
        );
        let table: [(&str, String, &str, Option<usize>, usize); 6] = [
            (
                "hex",
                r#"{"algorithm":"AES/GCM/NoPadding","key":"00112233445566778899AABBCCDDEEFF","nonce":"000102030405060708090a0b","in":"heron","out":[1,2]}"#.into(),
                "AES/GCM/NoPadding",
                Some(12),
                2,
            ),
            ("base64", format!(r#"{{"KEY":"{}"}}"#, BASE64.encode(&KEY)), "", None, 0),
            ("url base64", format!(r#"{{"aesKey":"{}"}}"#, BASE64URL_NOPAD.encode(&KEY)), "", None, 0),
            ("signed bytes", format!(r#"{{"key":{signed},"iv":null}}"#), "", None, 0),
            ("marked hex", r#"{"key":"0x00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"}"#.into(), "", None, 0),
            ("nested", nested, "AES/CBC/PKCS5Padding", Some(16), 2),
        ];
        for (what, text, algorithm, iv, texts) in table {
            let log = parse(text.as_bytes(), "aes_info.json").unwrap_or_else(|error| panic!("{what}: {error}"));
            let [hook] = log.hooks.as_slice() else { panic!("{what}: {log:?}") };
            assert_eq!(hook.key.0, KEY, "{what}");
            assert_eq!(hook.algorithm, algorithm, "{what}");
            assert_eq!(hook.iv.as_ref().map(|iv| iv.0.len()), iv, "{what}");
            assert_eq!(hook.texts.len(), texts, "{what}: a text is kept as it stands and decoded");
            assert!(log.problems.is_empty(), "{what}");
            let printed = format!("{log:?}").to_lowercase();
            assert!(!printed.contains("heron") && !printed.contains("221"), "keys and texts are never printed");
        }
        for len in [24, 32] {
            let text = format!(r#"{{"key":"{}"}}"#, HEXLOWER_PERMISSIVE.encode(&vec![9; len]));
            assert_eq!(parse(text.as_bytes(), "x").unwrap().hooks[0].key.0.len(), len);
        }
    }

    #[test]
    fn one_key_with_one_initial_value_is_one_entry_and_what_breaks_off_is_used() {
        let good = r#"{"key":"00112233445566778899aabbccddeeff","data":"one!"}"#;
        let more = good.replace("one!", "two!");
        let other =
            r#"{"algorithm":"DESede/CBC/PKCS5Padding","key":"00112233445566778899aabbccddeeff0011223344556677"}"#;
        let log = parse(format!("{good}\n{more}\n{other}\n{{\"key\":\"00").as_bytes(), "x").unwrap();
        assert_eq!((log.hooks.len(), log.hooks[0].texts.len()), (1, 2));
        assert!(log.problems[0].starts_with("it breaks off at byte"), "{:?}", log.problems);
        assert_eq!(log.problems[1], "1 of its entries are of other algorithms than AES");
    }

    #[test]
    fn what_is_no_log_says_so() {
        let told = |text: &[u8]| parse(text, "x.json").unwrap_err().to_string();
        let none = "x.json: not a log of AES calls: none of its entries has a key of AES";
        assert_eq!(told(br#"[{"local_port":1,"dest_ip":"192.0.2.7"}]"#), none);
        assert_eq!(told(br#"{"key":"0011","iv":[256],"secret":[1,2,"3"]}"#), none);
        assert_eq!(told(br#"{"key":"title"}"#), none);
        assert!(told(b"CLIENT_RANDOM 00").contains("breaks off at byte"));
        assert!(parse(&[b'['; 4096], "x").is_err());
        assert!(parse(b"", "x").is_err());
    }

    #[test]
    fn budgets_bite_and_say_so() {
        let entries: Vec<String> = (0..=HOOKS).map(|n| format!("{{\"key\":\"{n:032x}\"}}")).collect();
        let text = entries.join("\n");
        let log = parse(text.as_bytes(), "x").unwrap();
        assert_eq!(log.hooks.len(), HOOKS);
        assert!(log.problems[0].contains("only its first"), "{:?}", log.problems);
    }
}
