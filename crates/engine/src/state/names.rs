//! Node and edge ids as small numbers, given in order of first appearance in the log.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Number of a name in [`Names`].
pub(crate) type NameId = u32;

/// From so many expected names on, room is made for them at once.
const MANY: usize = 1_000;

/// The names that a log has mentioned. Only `apply` adds to it, so every fold numbers alike.
///
/// The table holds numbers of four bytes, since in large graphs it is what a decision waits for:
/// a name is somewhere in it, and the smaller it is, the nearer to the processor it stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    names: Vec<Name>,
    numbers: HashTable<NameId>,
    mark: usize,
}

#[derive(Debug, Clone)]
struct Name {
    text: Arc<str>,
    hash: u32,
}

impl Names {
    pub(crate) fn get(&self, name: &str) -> Option<NameId> {
        let here = |&id: &NameId| *self.names[id as usize].text == *name;
        self.numbers.find(spread(hash_of(name)), here).copied()
    }

    /// As [`Names::get`], of a name that is probably the very one that is here: then its letters
    /// are not compared.
    pub(crate) fn find(&self, name: &Arc<str>) -> Option<NameId> {
        self.find_hashed(name, hash_of(name))
    }

    pub(crate) fn intern(&mut self, name: &Arc<str>) -> NameId {
        self.intern_new(name).0
    }

    /// As [`Names::intern`]; true where the name is new.
    pub(crate) fn intern_new(&mut self, name: &Arc<str>) -> (NameId, bool) {
        let hash = hash_of(name);
        match self.find_hashed(name, hash) {
            Some(id) => (id, false),
            None => (self.add(Arc::clone(name), hash), true),
        }
    }

    /// Makes room for the names of a graph that a run is about to go through.
    pub(crate) fn expect(&mut self, count: usize) {
        if count >= MANY {
            self.reserve(count.saturating_sub(self.names.len()));
        }
    }

    /// Makes room for this many more.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.names.reserve(more);
        let names = &self.names;
        self.numbers.reserve(more, |&id| spread(names[id as usize].hash));
    }

    pub(crate) fn name(&self, id: NameId) -> Arc<str> {
        self.names.get(id as usize).map(|name| Arc::clone(&name.text)).unwrap_or_default()
    }

    pub(crate) fn begin(&mut self) {
        self.mark = self.names.len();
    }

    pub(crate) fn undo(&mut self) {
        for (id, name) in self.names.iter().enumerate().skip(self.mark) {
            let entry = self.numbers.find_entry(spread(name.hash), |&at| at as usize == id);
            if let Ok(entry) = entry {
                entry.remove();
            }
        }
        self.names.truncate(self.mark);
    }

    fn find_hashed(&self, name: &Arc<str>, hash: u32) -> Option<NameId> {
        let here = |&id: &NameId| {
            let known = &self.names[id as usize].text;
            Arc::ptr_eq(known, name) || known == name
        };
        self.numbers.find(spread(hash), here).copied()
    }

    fn add(&mut self, text: Arc<str>, hash: u32) -> NameId {
        let id = NameId::try_from(self.names.len()).expect("a run mentions fewer than 2^32 names");
        self.names.push(Name { text, hash });
        let names = &self.names;
        self.numbers.insert_unique(spread(hash), id, |&id| spread(names[id as usize].hash));
        id
    }
}

fn hash_of(name: &str) -> u32 {
    let hash = FxBuildHasher.hash_one(name);
    (hash ^ (hash >> 32)) as u32
}

/// A hash for the table, which takes the place of a name from the low bits and tells neighbours
/// apart by the high ones.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        let texts = self.names.iter().map(|name| &name.text);
        texts.eq(other.names.iter().map(|name| &name.text))
    }
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names.iter().map(|name| &name.text))
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<Arc<str>>::deserialize(deserializer)?;
        let mut names = Self::default();
        names.reserve(texts.len());
        for text in &texts {
            names.intern(text);
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::Names;

    proptest! {
        /// Numbers are those of first appearance, and what a decision added can be taken back.
        #[test]
        fn names_are_numbered_in_order_of_appearance(
            kept in prop::collection::vec("[a-d]{1,3}", 0..40),
            undone in prop::collection::vec("[a-d]{1,3}", 0..40),
        ) {
            let mut names = Names::default();
            let mut model: Vec<String> = Vec::new();
            for text in &kept {
                let known = model.iter().position(|known| known == text);
                let number = known.unwrap_or_else(|| {
                    model.push(text.clone());
                    model.len() - 1
                });
                let found = names.intern_new(&Arc::from(text.as_str()));
                prop_assert_eq!(found, (number as u32, known.is_none()));
            }
            let before = names.clone();
            names.begin();
            for text in &undone {
                names.intern(&Arc::from(text.as_str()));
            }
            names.undo();
            prop_assert!(names == before);
            for text in undone.iter().chain(&kept) {
                let number = model.iter().position(|known| known == text);
                prop_assert_eq!(names.get(text), number.map(|number| number as u32));
                prop_assert_eq!(names.find(&Arc::from(text.as_str())), names.get(text));
            }
            let bytes = postcard::to_stdvec(&names).expect("names are serializable");
            let read: Names = postcard::from_bytes(&bytes).expect("they were just written");
            prop_assert!(read == names);
        }
    }
}
