//! JSON values that travel as text.

use std::sync::{Arc, OnceLock};

use serde_json::Value;
use serde_json::value::RawValue;

use crate::Digest;

/// A JSON text with its digest. Parsed at most once.
#[derive(Debug)]
pub struct Blob {
    digest: Digest,
    text: Box<RawValue>,
    parsed: OnceLock<Arc<Value>>,
}

impl Blob {
    /// A blob of `text`.
    pub fn new(text: Box<RawValue>) -> Arc<Self> {
        let digest = Digest::of(text.get().as_bytes());
        Self::vouched(text, digest)
    }

    /// A blob of `value`'s compact text.
    pub fn of(value: Value) -> Arc<Self> {
        let text = serde_json::value::to_raw_value(&value).unwrap_or_default();
        let digest = Digest::of(text.get().as_bytes());
        Arc::new(Self { digest, text, parsed: OnceLock::from(Arc::new(value)) })
    }

    /// A blob of `text`, whose digest somebody else vouches for.
    pub fn vouched(text: Box<RawValue>, digest: Digest) -> Arc<Self> {
        Arc::new(Self { digest, text, parsed: OnceLock::new() })
    }

    /// A blob of text read from storage.
    ///
    /// # Errors
    /// If `text` is not one JSON value.
    pub fn parse(text: String) -> Result<Arc<Self>, serde_json::Error> {
        RawValue::from_string(text).map(Self::new)
    }

    /// `sha256` of the text.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The JSON text.
    pub fn text(&self) -> &str {
        self.text.get()
    }

    /// The JSON text, for serializers.
    pub fn raw(&self) -> &RawValue {
        &self.text
    }

    /// Length of the text in bytes.
    pub fn len(&self) -> u64 {
        self.text.get().len() as u64
    }

    /// Never true: the shortest JSON text has one byte.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The parsed value. A text nested too deeply to parse reads as null; the API refuses such
    /// payloads at the edge.
    pub fn value(&self) -> &Arc<Value> {
        self.parsed
            .get_or_init(|| Arc::new(serde_json::from_str(self.text.get()).unwrap_or(Value::Null)))
    }
}
