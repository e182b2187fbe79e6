//! Rows of instances and of edges: those at the top of a run by number, the others in order.

use std::ops::RangeFrom;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::table::{JOURNAL_KEPT_MAX, note};
use super::{Key, NameId, ScopeKey, Table};

/// Rows of a chunk. Chunks never move, so a graph of any size grows at the same cost per node.
const CHUNK_ROWS: usize = 128;
/// Names of a run, at most: what a document of the greatest length could hold many times over.
const NAMES_MAX: NameId = 1 << 24;

/// A [`Table`] by [`Key`]. Most rows are at the top of their run: they stand in order of their
/// making and are found by the number of their name, without comparing keys.
#[derive(Debug, Clone)]
pub(crate) struct Rows<V> {
    /// By name: the place of its row plus one; 0 where it has none.
    places: Vec<u32>,
    chunks: Vec<Vec<Row<V>>>,
    /// What is inside maps and loops.
    nested: Table<Key, V>,
    /// Rows at the top that the decision made.
    made: Vec<NameId>,
    /// What rows at the top were before the decision first touched them.
    before: Vec<(NameId, V)>,
    /// Number of the decision that is being recorded; 0 between decisions.
    recording: u64,
    /// Number of the last decision.
    decisions: u64,
}

#[derive(Debug, Clone)]
struct Row<V> {
    value: V,
    /// The decision whose journal knows what was here before it; 0: none.
    touched_in: u64,
    node: NameId,
}

impl<V: Clone> Rows<V> {
    /// Starts the journal.
    pub(crate) fn begin(&mut self) {
        self.nested.begin();
        self.decisions += 1;
        self.recording = self.decisions;
    }

    /// Keeps every change since [`Rows::begin`].
    pub(crate) fn keep(&mut self) {
        self.nested.keep();
        self.recording = 0;
        self.made.clear();
        self.made.shrink_to(JOURNAL_KEPT_MAX);
        self.before.clear();
        self.before.shrink_to(JOURNAL_KEPT_MAX);
    }

    /// Takes back every change since [`Rows::begin`].
    pub(crate) fn undo(&mut self) {
        self.nested.undo();
        self.recording = 0;
        for node in std::mem::take(&mut self.made).into_iter().rev() {
            self.take(node);
        }
        for (node, value) in std::mem::take(&mut self.before) {
            self.put(node, value);
        }
        self.keep();
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&V> {
        if key.scope.is_empty() {
            Some(&self.row(self.place(key.node)?).value)
        } else {
            self.nested.get(key)
        }
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.get(key).is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.top_len() + self.nested.len()
    }

    /// All rows, in the order of their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &V)> {
        self.top().chain(self.nested.iter().map(|(key, value)| (key.clone(), value)))
    }

    /// The rows from a key inside a scope on.
    pub(crate) fn range(&self, from: RangeFrom<Key>) -> impl Iterator<Item = (&Key, &V)> {
        debug_assert!(!from.start.scope.is_empty(), "the top is no range");
        self.nested.range(from)
    }

    pub(crate) fn insert(&mut self, key: Key, value: V) {
        if key.scope.is_empty() {
            self.put(key.node, value);
        } else {
            self.nested.insert(key, value);
        }
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        if !key.scope.is_empty() {
            return self.nested.remove(key);
        }
        if let Some(row) = self.take(key.node)
            && self.recording != 0
            && row.touched_in != self.recording
        {
            self.before.push((key.node, row.value));
        }
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut V> {
        if !key.scope.is_empty() {
            return self.nested.get_mut(key);
        }
        let place = self.place(key.node)?;
        Some(&mut self.touch(place).value)
    }

    /// The row at `key`, made by `default` where there is none, and true where it was.
    pub(crate) fn entry_new(&mut self, key: Key, default: impl FnOnce() -> V) -> (&mut V, bool) {
        if !key.scope.is_empty() {
            return self.nested.entry_new(key, default);
        }
        let (row, new) = self.top_entry(key.node, default);
        (&mut row.value, new)
    }

    fn put(&mut self, node: NameId, value: V) {
        if let Some(place) = self.place(node) {
            self.touch(place).value = value;
        } else {
            self.top_entry(node, || value);
        }
    }

    fn top_entry(&mut self, node: NameId, default: impl FnOnce() -> V) -> (&mut Row<V>, bool) {
        match self.place(node) {
            Some(place) => (self.touch(place), false),
            None => {
                if self.recording != 0 {
                    note(&mut self.made, node);
                }
                let row = Row { value: default(), touched_in: self.recording, node };
                (self.push(row), true)
            }
        }
    }

    /// The row at `place`, about to change.
    fn touch(&mut self, place: usize) -> &mut Row<V> {
        let row = &mut self.chunks[place / CHUNK_ROWS][place % CHUNK_ROWS];
        if row.touched_in != self.recording {
            if self.recording != 0 {
                self.before.push((row.node, row.value.clone()));
            }
            row.touched_in = self.recording;
        }
        row
    }
}

impl<V> Rows<V> {
    fn place(&self, node: NameId) -> Option<usize> {
        self.places.get(node as usize).and_then(|&place| (place as usize).checked_sub(1))
    }

    fn row(&self, place: usize) -> &Row<V> {
        &self.chunks[place / CHUNK_ROWS][place % CHUNK_ROWS]
    }

    fn top_len(&self) -> usize {
        let full = self.chunks.len().saturating_sub(1) * CHUNK_ROWS;
        full + self.chunks.last().map_or(0, Vec::len)
    }

    fn top(&self) -> impl Iterator<Item = (Key, &V)> {
        self.places.iter().filter_map(|&place| {
            let row = self.row((place as usize).checked_sub(1)?);
            Some((Key { scope: ScopeKey::new(), node: row.node }, &row.value))
        })
    }

    fn push(&mut self, row: Row<V>) -> &mut Row<V> {
        let name = row.node as usize;
        if self.places.len() <= name {
            self.places.resize(name + 1, 0);
        }
        match self.chunks.last() {
            Some(last) if last.len() < CHUNK_ROWS => {}
            Some(_) => self.chunks.push(Vec::with_capacity(CHUNK_ROWS)),
            None => self.chunks.push(Vec::new()),
        }
        let place = self.top_len() + 1;
        self.places[name] = u32::try_from(place).expect("a run has fewer than 2^32 rows");
        let last = self.chunks.last_mut().expect("one was made where there was none");
        last.push(row);
        last.last_mut().expect("it was just pushed")
    }

    /// Takes the row of `node` out; the last row takes its place.
    fn take(&mut self, node: NameId) -> Option<Row<V>> {
        let place = self.place(node)?;
        self.places[node as usize] = 0;
        let last = self.chunks.last_mut()?.pop()?;
        if self.chunks.last().is_some_and(Vec::is_empty) {
            self.chunks.pop();
        }
        if last.node == node {
            return Some(last);
        }
        self.places[last.node as usize] = u32::try_from(place + 1).unwrap_or(0);
        Some(std::mem::replace(&mut self.chunks[place / CHUNK_ROWS][place % CHUNK_ROWS], last))
    }
}

impl<V> Default for Rows<V> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            chunks: Vec::new(),
            nested: Table::default(),
            made: Vec::new(),
            before: Vec::new(),
            recording: 0,
            decisions: 0,
        }
    }
}

impl<V: PartialEq> PartialEq for Rows<V> {
    fn eq(&self, other: &Self) -> bool {
        self.top_len() == other.top_len()
            && self.top().eq(other.top())
            && self.nested == other.nested
    }
}

impl<V: Serialize + Clone> Serialize for Rows<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq as _;
        let mut seq = serializer.serialize_seq(Some(self.len()))?;
        for row in self.iter() {
            seq.serialize_element(&row)?;
        }
        seq.end()
    }
}

impl<'de, V: Deserialize<'de> + Clone> Deserialize<'de> for Rows<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut rows = Self::default();
        for (key, value) in Vec::<(Key, V)>::deserialize(deserializer)? {
            if key.node >= NAMES_MAX {
                return Err(de::Error::custom("a name's number is out of range"));
            }
            rows.insert(key, value);
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CHUNK_ROWS, Key, Rows, ScopeKey};
    use crate::state::Table;

    #[derive(Debug, Clone)]
    enum Step {
        Insert(Key, u8),
        Remove(Key),
        Change(Key, u8),
        Entry(Key, u8),
        Begin,
        Keep,
        Undo,
    }

    fn key() -> impl Strategy<Value = Key> {
        let scope = prop_oneof![
            3 => Just(ScopeKey::new()),
            1 => (0_u32..3).prop_map(|index| ScopeKey::from_slice(&[(9, index)])),
        ];
        (scope, 0_u32..12).prop_map(|(scope, node)| Key { scope, node })
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (key(), any::<u8>()).prop_map(|(key, value)| Step::Insert(key, value)),
            2 => key().prop_map(Step::Remove),
            2 => (key(), any::<u8>()).prop_map(|(key, value)| Step::Change(key, value)),
            4 => (key(), any::<u8>()).prop_map(|(key, value)| Step::Entry(key, value)),
            1 => Just(Step::Begin),
            1 => Just(Step::Keep),
            1 => Just(Step::Undo),
        ]
    }

    proptest! {
        /// Rows behave as the plain table does, whatever is done to them.
        #[test]
        fn rows_are_a_table(steps in prop::collection::vec(step(), 0..80)) {
            let mut rows: Rows<u8> = Rows::default();
            let mut table: Table<Key, u8> = Table::default();
            let mut open = false;
            for step in steps {
                match step {
                    Step::Insert(key, value) => {
                        rows.insert(key.clone(), value);
                        table.insert(key, value);
                    }
                    Step::Remove(key) => {
                        rows.remove(&key);
                        table.remove(&key);
                    }
                    Step::Change(key, value) => {
                        let changed = (rows.get_mut(&key), table.get_mut(&key));
                        prop_assert_eq!(&changed.0, &changed.1);
                        if let (Some(row), Some(model)) = changed {
                            (*row, *model) = (value, value);
                        }
                    }
                    Step::Entry(key, value) => {
                        let (row, new) = rows.entry_new(key.clone(), || value);
                        let (model, expected) = table.entry_new(key, || value);
                        prop_assert_eq!((&*row, new), (&*model, expected));
                        (*row, *model) = (row.wrapping_add(1), model.wrapping_add(1));
                    }
                    Step::Begin if !open => {
                        rows.begin();
                        table.begin();
                        open = true;
                    }
                    Step::Keep if open => {
                        rows.keep();
                        table.keep();
                        open = false;
                    }
                    Step::Undo if open => {
                        rows.undo();
                        table.undo();
                        open = false;
                    }
                    Step::Begin | Step::Keep | Step::Undo => {}
                }
                let found: Vec<(Key, u8)> = rows.iter().map(|(key, row)| (key, *row)).collect();
                let model: Vec<(Key, u8)> = table.iter().map(|(k, v)| (k.clone(), *v)).collect();
                prop_assert_eq!(found, model);
                prop_assert_eq!(rows.len(), table.len());
            }
            let text = postcard::to_stdvec(&rows).expect("rows are serializable");
            prop_assert_eq!(&text, &postcard::to_stdvec(&table).expect("so is the model"));
            let read: Rows<u8> = postcard::from_bytes(&text).expect("it was just written");
            prop_assert!(read == rows);
        }
    }

    #[test]
    fn chunks_are_left_and_entered_again() {
        let mut rows: Rows<usize> = Rows::default();
        let key = |node: usize| Key { scope: ScopeKey::new(), node: node as u32 };
        let all = CHUNK_ROWS * 2 + 1;
        rows.begin();
        (0..all).for_each(|node| rows.insert(key(node), node));
        rows.undo();
        assert_eq!(rows.len(), 0);
        (0..all).for_each(|node| rows.insert(key(node), node));
        (0..CHUNK_ROWS).for_each(|node| rows.remove(&key(node)));
        (0..CHUNK_ROWS).for_each(|node| assert!(!rows.contains(&key(node))));
        (CHUNK_ROWS..all).for_each(|node| assert_eq!(rows.get(&key(node)), Some(&node)));
        assert_eq!(rows.len(), all - CHUNK_ROWS);
    }
}
