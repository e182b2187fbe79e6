//! Operations and patches.

use aob_ir::Digest;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::Pointer;

/// One operation of RFC 6902.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Adds a member, replaces one, or inserts an item into a list. At the id of an item, appends
    /// the item, which must have that id and not be there yet.
    Add {
        /// Where.
        path: Pointer,
        /// What.
        value: Value,
    },
    /// Removes what is there.
    Remove {
        /// Where.
        path: Pointer,
    },
    /// Replaces what is there.
    Replace {
        /// Where.
        path: Pointer,
        /// By what.
        value: Value,
    },
    /// Removes what is at `from` and adds it at `path`.
    Move {
        /// From where; not above `path`.
        from: Pointer,
        /// To where, as it is after the removal.
        path: Pointer,
    },
    /// Adds what is at `from` at `path` too.
    Copy {
        /// From where.
        from: Pointer,
        /// To where.
        path: Pointer,
    },
    /// Refuses the patch where something else is there.
    Test {
        /// Where.
        path: Pointer,
        /// What; numbers are equal by value, however written.
        value: Value,
    },
}

impl Operation {
    /// Names of the operations, in the order of the RFC.
    pub const NAMES: [&'static str; 6] = ["add", "remove", "replace", "move", "copy", "test"];

    /// The name in `op`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Remove { .. } => "remove",
            Self::Replace { .. } => "replace",
            Self::Move { .. } => "move",
            Self::Copy { .. } => "copy",
            Self::Test { .. } => "test",
        }
    }

    /// Where it acts.
    pub fn path(&self) -> &Pointer {
        match self {
            Self::Add { path, .. }
            | Self::Remove { path }
            | Self::Replace { path, .. }
            | Self::Move { path, .. }
            | Self::Copy { path, .. }
            | Self::Test { path, .. } => path,
        }
    }

    /// Where `move` and `copy` take from.
    pub fn from(&self) -> Option<&Pointer> {
        match self {
            Self::Move { from, .. } | Self::Copy { from, .. } => Some(from),
            Self::Add { .. } | Self::Remove { .. } | Self::Replace { .. } | Self::Test { .. } => {
                None
            }
        }
    }

    /// What `add`, `replace` and `test` carry.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Add { value, .. } | Self::Replace { value, .. } | Self::Test { value, .. } => {
                Some(value)
            }
            Self::Remove { .. } | Self::Move { .. } | Self::Copy { .. } => None,
        }
    }
}

/// Writes the keys in the order of canonical JSON.
impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys = 2 + usize::from(self.from().is_some()) + usize::from(self.value().is_some());
        let mut map = serializer.serialize_map(Some(keys))?;
        if let Some(from) = self.from() {
            map.serialize_entry("from", from)?;
        }
        map.serialize_entry("op", self.name())?;
        map.serialize_entry("path", self.path())?;
        if let Some(value) = self.value() {
            map.serialize_entry("value", value)?;
        }
        map.end()
    }
}

/// Operations, applied in order, all or none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Patch {
    /// The operations; there may be none.
    pub operations: Vec<Operation>,
}

impl Patch {
    /// The canonical text (RFC 8785): what is stored, and what [`Patch::digest`] is taken over.
    ///
    /// # Errors
    /// If a value holds a number that JSON has no canonical form for.
    pub fn canonical(&self) -> Result<String, serde_json::Error> {
        aob_ir::canonical_json(&serde_json::to_value(self)?)
    }

    /// The digest of the canonical text.
    ///
    /// # Errors
    /// As [`Patch::canonical`].
    pub fn digest(&self) -> Result<Digest, serde_json::Error> {
        Ok(Digest::of(self.canonical()?.as_bytes()))
    }
}

impl Serialize for Patch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.operations.serialize(serializer)
    }
}

/// As strict as [`Patch::from_value`]. A parser that knows no duplicate keys has lost them already.
impl<'de> Deserialize<'de> for Patch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
