//! JSON values in messages: inline while they are short, by digest beyond.

use aob_engine::{Blob, INLINE_BYTES_MAX, Payload, Place, is_inline};
use aob_ir::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::number;

/// A JSON value in a message: itself up to 16 KiB, else its digest, to be read from the
/// workspace's CAS. JSON: `{"value": ...}` or `{"digest": "sha256:...", "len": 70000}`.
#[derive(Debug, Clone)]
pub enum PayloadMessage {
    /// The value itself.
    Inline(Box<RawValue>),
    /// Where the value is.
    Stored {
        /// `sha256` of the JSON text.
        digest: Digest,
        /// Length of the JSON text in bytes.
        len: u64,
    },
}

/// A payload that points to an event of its run; whoever sends the message has to load it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unresolved {
    /// The event that has the value.
    pub seq: u64,
}

impl std::fmt::Display for Unresolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the payload is a reference to event {}", self.seq)
    }
}

impl std::error::Error for Unresolved {}

impl PayloadMessage {
    /// The JSON null.
    pub fn null() -> Self {
        Self::Inline(RawValue::NULL.to_owned())
    }

    /// The message for `blob`. What is not inline must be in the CAS before the message is sent.
    pub fn of(blob: &Blob) -> Self {
        match RawValue::from_string(blob.text().to_owned()) {
            Ok(text) if is_inline(blob) => Self::Inline(text),
            Ok(_) | Err(_) => Self::Stored { digest: blob.digest(), len: blob.len() },
        }
    }

    /// The message for `text`, if it is short enough to be inline.
    ///
    /// # Errors
    /// The text itself, where it has to be stored first.
    pub fn inline(text: Box<RawValue>) -> Result<Self, Box<RawValue>> {
        if text.get().len() <= INLINE_BYTES_MAX { Ok(Self::Inline(text)) } else { Err(text) }
    }

    /// The value's text, where the message carries it.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Inline(text) => Some(text.get()),
            Self::Stored { .. } => None,
        }
    }
}

impl TryFrom<&Payload> for PayloadMessage {
    type Error = Unresolved;

    fn try_from(payload: &Payload) -> Result<Self, Unresolved> {
        match &payload.place {
            Place::Here(blob) => Ok(Self::of(blob)),
            Place::Event(seq) => Err(Unresolved { seq: *seq }),
            Place::Cas => Ok(Self::Stored { digest: payload.digest, len: payload.len }),
        }
    }
}

impl PartialEq for PayloadMessage {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Inline(a), Self::Inline(b)) => a.get() == b.get(),
            (Self::Stored { digest: a, len: x }, Self::Stored { digest: b, len: y }) => {
                a == b && x == y
            }
            (Self::Inline(_) | Self::Stored { .. }, _) => false,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct PayloadWire<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    value: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    len: Option<u64>,
}

impl Serialize for PayloadMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = match self {
            Self::Inline(text) => PayloadWire { value: Some(text), digest: None, len: None },
            Self::Stored { digest, len } => {
                PayloadWire { value: None, digest: Some(*digest), len: Some(*len) }
            }
        };
        wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PayloadMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(default, deserialize_with = "present")]
            value: Option<Box<RawValue>>,
            digest: Option<Digest>,
            #[serde(default, deserialize_with = "number::option")]
            len: Option<u64>,
        }
        let wire = Wire::deserialize(deserializer)?;
        match (wire.value, wire.digest, wire.len) {
            (Some(text), _, _) => Ok(Self::Inline(text)),
            (None, Some(digest), Some(len)) => Ok(Self::Stored { digest, len }),
            (None, _, _) => Err(de::Error::custom("a payload is `{value}` or `{digest, len}`")),
        }
    }
}

impl utoipa::PartialSchema for PayloadMessage {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        PayloadWire::schema()
    }
}

impl ToSchema for PayloadMessage {
    fn name() -> std::borrow::Cow<'static, str> {
        "Payload".into()
    }
}

/// Any JSON, kept as text; compares by its text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawText(pub Box<RawValue>);

impl RawText {
    /// The JSON null.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    /// The text of `value`.
    pub fn of(value: &serde_json::Value) -> Self {
        // Serializing a tree of JSON values cannot fail: its keys are strings.
        Self(serde_json::value::to_raw_value(value).unwrap_or_default())
    }

    /// This JSON text; what is none becomes a string.
    pub fn of_json(text: String) -> Self {
        match RawValue::from_string(text.clone()) {
            Ok(raw) => Self(raw),
            Err(_) => Self::of(&serde_json::Value::String(text)),
        }
    }
}

impl PartialEq for RawText {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// Reads a key that may hold `null`: absent is `None`, null is `Some(null)`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}
