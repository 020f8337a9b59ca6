//! The lines of the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::store::snapshot::Value;

/// The first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) realmbeat_export: u32,
    pub(super) schema: i32,
    /// Of the database; a new one has none.
    pub(super) node: Option<u16>,
    /// Unix milliseconds.
    pub(super) written_ms: u64,
}

/// Before the rows of a table.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableLine {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
}

/// The last line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    /// By table.
    pub(super) rows: BTreeMap<String, u64>,
    /// XXH3-64 of all bytes before this line, in hexadecimal.
    pub(super) xxh3: String,
}

/// Bytes, which JSON doesn't have.
const BYTES: &str = "hex";

pub(super) fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Bytes(bytes) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Json::Object([(BYTES.to_owned(), Json::String(hex))].into_iter().collect())
        }
    }
}

/// `None`: no value of a column.
pub(super) fn from_json(json: Json) -> Option<Value> {
    match json {
        Json::Null => Some(Value::Null),
        Json::Number(number) => number.as_i64().map(Value::Integer),
        Json::String(text) => Some(Value::Text(text)),
        Json::Object(bytes) => {
            let hex = bytes.get(BYTES)?.as_str()?.as_bytes();
            let pairs = hex.chunks(2).map(|pair| {
                let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
                u8::from_str_radix(pair, 16).ok()
            });
            pairs.collect::<Option<Vec<u8>>>().map(Value::Bytes)
        }
        Json::Bool(_) | Json::Array(_) => None,
    }
}
