//! Node and edge ids as small numbers, given in order of first appearance in the log.

use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Number of a name in [`Names`].
pub(crate) type NameId = u32;

/// The names that a log has mentioned. Only `apply` adds to it, so every fold numbers alike.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    names: IndexSet<Arc<str>, FxBuildHasher>,
    mark: usize,
}

impl Names {
    pub(crate) fn get(&self, name: &str) -> Option<NameId> {
        self.names.get_index_of(name).and_then(|index| u32::try_from(index).ok())
    }

    /// As [`Names::get`], of a name that is probably the very one that is here: then its letters
    /// are not compared.
    pub(crate) fn find(&self, name: &Arc<str>) -> Option<NameId> {
        self.names.get_index_of(name).and_then(|index| u32::try_from(index).ok())
    }

    pub(crate) fn intern(&mut self, name: &Arc<str>) -> NameId {
        self.find(name).unwrap_or_else(|| self.intern_new(name).0)
    }

    /// As [`Names::intern`] of a name that is probably new; true where it is.
    pub(crate) fn intern_new(&mut self, name: &Arc<str>) -> (NameId, bool) {
        let (index, new) = self.names.insert_full(Arc::clone(name));
        (u32::try_from(index).expect("a run mentions fewer than 2^32 names"), new)
    }

    /// Makes room for this many more.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.names.reserve(more);
    }

    pub(crate) fn name(&self, id: NameId) -> Arc<str> {
        self.names.get_index(id as usize).cloned().unwrap_or_default()
    }

    pub(crate) fn begin(&mut self) {
        self.mark = self.names.len();
    }

    pub(crate) fn undo(&mut self) {
        self.names.truncate(self.mark);
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.names.iter().eq(other.names.iter())
    }
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names.iter())
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<Arc<str>>::deserialize(deserializer)?;
        Ok(Self { names: names.into_iter().collect(), mark: 0 })
    }
}
