//! Payloads: JSON texts that travel by reference and are parsed only where a rule needs them.

use std::sync::Arc;

pub use aob_ir::Blob;
use aob_ir::Digest;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

/// Values up to this many bytes travel inside the event; longer ones live in the CAS.
pub const INLINE_BYTES_MAX: usize = 16 * 1024;

/// True where a value of this many bytes travels inside its event.
pub fn is_inline(blob: &Blob) -> bool {
    blob.text().len() <= INLINE_BYTES_MAX
}

/// A reference to a payload, as state holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PayloadRef {
    /// `sha256` of the JSON text.
    pub digest: Digest,
    /// Length of the JSON text in bytes.
    pub len: u64,
    /// The event that carries the value; `None`: it is in the CAS.
    pub seq: Option<u64>,
}

/// A payload as an event carries it: the value itself, a pointer to the event that has it, or
/// (neither) a digest to be read from the CAS. JSON: `{"digest", "len", "value" | "seq"}`.
#[derive(Debug, Clone)]
pub struct Payload {
    /// `sha256` of the JSON text.
    pub digest: Digest,
    /// Length of the JSON text in bytes.
    pub len: u64,
    /// Where the text is.
    pub place: Place,
}

/// Where a payload's text is.
#[derive(Debug, Clone)]
pub enum Place {
    /// In this event.
    Here(Arc<Blob>),
    /// In the event with this seq of the same run.
    Event(u64),
    /// In the CAS.
    Cas,
}

impl Payload {
    /// The payload of a new value: inline if it is short enough, else in the CAS.
    pub fn new(blob: &Arc<Blob>) -> Self {
        let place = if is_inline(blob) { Place::Here(Arc::clone(blob)) } else { Place::Cas };
        Self { digest: blob.digest(), len: blob.len(), place }
    }

    /// The payload that points to what `reference` points to.
    pub fn by_ref(reference: PayloadRef) -> Self {
        let place = reference.seq.map_or(Place::Cas, Place::Event);
        Self { digest: reference.digest, len: reference.len, place }
    }

    /// What state keeps of this payload when it stands in the event `seq`.
    pub fn reference(&self, seq: u64) -> PayloadRef {
        let seq = match self.place {
            Place::Here(_) => Some(seq),
            Place::Event(other) => Some(other),
            Place::Cas => None,
        };
        PayloadRef { digest: self.digest, len: self.len, seq }
    }

    /// The value, where this event carries it.
    pub fn inline(&self) -> Option<&Arc<Blob>> {
        match &self.place {
            Place::Here(blob) => Some(blob),
            Place::Event(_) | Place::Cas => None,
        }
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        let place = match (&self.place, &other.place) {
            (Place::Here(a), Place::Here(b)) => a.text() == b.text(),
            (Place::Event(a), Place::Event(b)) => a == b,
            (Place::Cas, Place::Cas) => true,
            (Place::Here(_) | Place::Event(_) | Place::Cas, _) => false,
        };
        place && self.digest == other.digest && self.len == other.len
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("digest", &self.digest)?;
        map.serialize_entry("len", &self.len)?;
        match &self.place {
            Place::Here(blob) => map.serialize_entry("value", blob.raw())?,
            Place::Event(seq) => map.serialize_entry("seq", seq)?,
            Place::Cas => {}
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wire {
            digest: Digest,
            len: u64,
            #[serde(default, deserialize_with = "present")]
            value: Option<Box<RawValue>>,
            seq: Option<u64>,
        }
        let wire = Wire::deserialize(deserializer)?;
        let place = match (wire.value, wire.seq) {
            (Some(_), Some(_)) => return Err(de::Error::custom("both `value` and `seq`")),
            // The digest was computed by the writer and is covered by the segment's hash.
            (Some(text), None) => Place::Here(Blob::vouched(text, wire.digest)),
            (None, Some(seq)) => Place::Event(seq),
            (None, None) => Place::Cas,
        };
        Ok(Self { digest: wire.digest, len: wire.len, place })
    }
}

/// A member that is there, `null` included.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// What is at hand while a command is decided.
pub trait Blobs {
    /// The blob with this digest, if it is loaded.
    fn get(&self, digest: &Digest) -> Option<Arc<Blob>>;

    /// What patches are judged by; `None`: the default rules, which are the strictest.
    fn rules(&self) -> Option<&aob_validator::Rules> {
        None
    }
}

impl Blobs for std::collections::BTreeMap<Digest, Arc<Blob>> {
    fn get(&self, digest: &Digest) -> Option<Arc<Blob>> {
        Self::get(self, digest).cloned()
    }
}
