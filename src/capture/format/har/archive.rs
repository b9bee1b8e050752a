//! What an HTTP archive holds (HAR 1.2), as far as it is read, and what browsers add to it.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct Entry {
    pub(super) started_date_time: String,
    pub(super) request: Request,
    pub(super) response: Response,
    #[serde(rename = "serverIPAddress")]
    pub(super) server_ip_address: Option<String>,
    pub(super) connection: Option<Value>,
    #[serde(rename = "_webSocketMessages")]
    pub(super) web_socket_messages: Option<Vec<WebSocketMessage>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) http_version: String,
    pub(super) headers: Vec<Named>,
    pub(super) post_data: Option<PostData>,
    pub(super) body_size: i64,
    #[serde(deserialize_with = "pairs")]
    pub(super) cookies: Vec<Pair>,
    #[serde(deserialize_with = "pairs")]
    pub(super) query_string: Vec<Pair>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Response {
    pub(super) status: i64,
    pub(super) headers: Vec<Named>,
    pub(super) content: Content,
    /// Bytes on the wire; 0 for what came out of a cache.
    pub(super) body_size: Option<i64>,
    #[serde(deserialize_with = "pairs")]
    pub(super) cookies: Vec<Pair>,
    #[serde(rename = "redirectURL", deserialize_with = "words")]
    pub(super) redirect_url: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) value: String,
}

/// A cookie, a pair of a query or a field of a form: what an archive holds beside the headers, the URL and the text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) value: String,
    /// Of an uploaded file, whose content is the value.
    pub(super) file_name: String,
}

/// These lists repeat what stands elsewhere: no entry is given up for what is odd in them.
fn pairs<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Pair>, D::Error> {
    let Value::Array(all) = Value::deserialize(source)? else { return Ok(Vec::new()) };
    let member = |pair: &Value, name: &str| pair.get(name).map(said).unwrap_or_default();
    let read = |pair: &Value| Pair {
        name: member(pair, "name"),
        value: member(pair, "value"),
        file_name: member(pair, "fileName"),
    };
    Ok(all.iter().map(read).collect())
}

/// A text, whatever it was written as.
fn words<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    Value::deserialize(source).map(|value| said(&value))
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PostData {
    pub(super) mime_type: String,
    pub(super) text: Option<String>,
    pub(super) encoding: Option<String>,
    #[serde(deserialize_with = "pairs")]
    pub(super) params: Vec<Pair>,
    #[serde(deserialize_with = "words")]
    pub(super) comment: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Content {
    pub(super) size: i64,
    pub(super) mime_type: String,
    pub(super) text: Option<String>,
    pub(super) encoding: Option<String>,
    #[serde(deserialize_with = "words")]
    pub(super) comment: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WebSocketMessage {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) opcode: i64,
    pub(super) data: String,
}

impl Request {
    /// Whether its headers say that a body went with it, whatever else the archive says: browsers and proxies leave out
    /// what they could not keep, without a trace elsewhere.
    pub(super) fn declares_body(&self) -> bool {
        let typed = header(&self.headers, "content-type").is_some_and(|kind| !kind.trim().is_empty());
        let takes_one = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
        match content_length(&self.headers) {
            Some(len) => len > 0,
            None => header(&self.headers, "transfer-encoding").is_some() || (typed && takes_one),
        }
    }
}

impl Response {
    /// Whether it can have had a body at all (RFC 9110, section 6.4.1).
    pub(super) fn may_have_body(&self, method: &str) -> bool {
        self.status > 0 && !matches!(self.status, 204 | 304) && method != "HEAD"
    }

    /// Whether it had a body that the archive lacks. What came out of a cache did not go by.
    pub(super) fn lacks_body(&self, method: &str) -> bool {
        if !self.may_have_body(method) {
            return false;
        }
        let declared = self.content.size == 0 && content_length(&self.headers).is_some_and(|len| len > 0);
        declared || (self.content.size > 0 && self.body_size != Some(0))
    }
}

pub(super) fn header<'a>(headers: &'a [Named], name: &str) -> Option<&'a str> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
}

pub(super) fn content_length(headers: &[Named]) -> Option<u64> {
    header(headers, "content-length")?.trim().parse().ok()
}

/// Whether a content coding was applied (RFC 9110, section 8.4): lengths on the wire are then those of the coded body.
pub(super) fn is_coded(headers: &[Named]) -> bool {
    let codings = header(headers, "content-encoding").unwrap_or_default();
    codings.split(',').map(str::trim).any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
}
