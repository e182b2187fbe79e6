//! Ordered tables that can take back what a decision changed.

use std::collections::{BTreeMap, btree_map};
use std::ops::RangeBounds;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An ordered map with an undo journal. `decide` applies its own events to the state as it goes;
/// where it must ask for a payload or refuse, everything since [`Table::begin`] is taken back.
#[derive(Debug, Clone)]
pub(crate) struct Table<K, V> {
    rows: BTreeMap<K, Row<V>>,
    /// Rows that the decision made.
    made: Vec<K>,
    /// What rows were before the decision first touched them.
    before: Vec<(K, V)>,
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
}

/// A journal of at most this many entries keeps its memory for the next decision.
pub(super) const JOURNAL_KEPT_MAX: usize = 16;
/// Room that a journal has from its first entry on: growing step by step costs more than it saves.
const JOURNAL_ROOM: usize = 8;

/// Takes a key down in a journal.
pub(super) fn note<T>(journal: &mut Vec<T>, entry: T) {
    if journal.capacity() == 0 {
        journal.reserve_exact(JOURNAL_ROOM);
    }
    journal.push(entry);
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    /// Starts the journal.
    pub(crate) fn begin(&mut self) {
        self.decisions += 1;
        self.recording = self.decisions;
    }

    /// Keeps every change since [`Table::begin`].
    pub(crate) fn keep(&mut self) {
        self.recording = 0;
        self.made.clear();
        self.made.shrink_to(JOURNAL_KEPT_MAX);
        self.before.clear();
        self.before.shrink_to(JOURNAL_KEPT_MAX);
    }

    /// Takes back every change since [`Table::begin`].
    pub(crate) fn undo(&mut self) {
        for key in self.made.drain(..) {
            self.rows.remove(&key);
        }
        for (key, value) in self.before.drain(..) {
            self.rows.insert(key, Row { value, touched_in: 0 });
        }
        self.keep();
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key).map(|row| &row.value)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.iter().map(|(key, row)| (key, &row.value))
    }

    pub(crate) fn range<R: RangeBounds<K>>(&self, range: R) -> impl Iterator<Item = (&K, &V)> {
        self.rows.range(range).map(|(key, row)| (key, &row.value))
    }

    pub(crate) fn first(&self) -> Option<(&K, &V)> {
        self.rows.first_key_value().map(|(key, row)| (key, &row.value))
    }

    pub(crate) fn last(&self) -> Option<(&K, &V)> {
        self.rows.last_key_value().map(|(key, row)| (key, &row.value))
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let recording = self.recording;
        match self.rows.entry(key) {
            btree_map::Entry::Occupied(mut entry) => {
                let before = entry.insert(Row { value, touched_in: recording });
                if recording != 0 && before.touched_in != recording {
                    self.before.push((entry.key().clone(), before.value));
                }
            }
            btree_map::Entry::Vacant(vacant) => {
                if recording != 0 {
                    note(&mut self.made, vacant.key().clone());
                }
                vacant.insert(Row { value, touched_in: recording });
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K) {
        let Some(before) = self.rows.remove(key) else { return };
        if self.recording != 0 && before.touched_in != self.recording {
            self.before.push((key.clone(), before.value));
        }
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        if row.touched_in != self.recording {
            if self.recording != 0 {
                self.before.push((key.clone(), row.value.clone()));
            }
            row.touched_in = self.recording;
        }
        Some(&mut row.value)
    }

    /// The row at `key`, made by `default` where there is none.
    pub(crate) fn entry(&mut self, key: K, default: impl FnOnce() -> V) -> &mut V {
        self.entry_new(key, default).0
    }

    /// As [`Table::entry`], with true where there was none.
    pub(crate) fn entry_new(&mut self, key: K, default: impl FnOnce() -> V) -> (&mut V, bool) {
        let recording = self.recording;
        let (row, new) = match self.rows.entry(key) {
            btree_map::Entry::Occupied(entry) => {
                if recording != 0 && entry.get().touched_in != recording {
                    self.before.push((entry.key().clone(), entry.get().value.clone()));
                }
                (entry.into_mut(), false)
            }
            btree_map::Entry::Vacant(vacant) => {
                if recording != 0 {
                    note(&mut self.made, vacant.key().clone());
                }
                (vacant.insert(Row { value: default(), touched_in: recording }), true)
            }
        };
        row.touched_in = recording;
        (&mut row.value, new)
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self::of(BTreeMap::new())
    }
}

impl<K, V> Table<K, V> {
    fn of(rows: BTreeMap<K, Row<V>>) -> Self {
        Self { rows, made: Vec::new(), before: Vec::new(), recording: 0, decisions: 0 }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        let (left, right) = (self.rows.iter(), other.rows.iter());
        self.rows.len() == other.rows.len()
            && left.zip(right).all(|((a, x), (b, y))| a == b && x.value == y.value)
    }
}

impl<K: Serialize, V: Serialize> Serialize for Table<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.iter().map(|(key, row)| (key, &row.value)))
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for Table<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Vec::<(K, V)>::deserialize(deserializer)?;
        let rows = rows.into_iter().map(|(key, value)| (key, Row { value, touched_in: 0 }));
        Ok(Self::of(rows.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn undo_restores_every_change_in_reverse() {
        let mut table = Table::default();
        table.insert(1, 'a');
        table.insert(2, 'b');
        table.insert(4, 'd');
        let before = table.clone();
        for _ in 0..2 {
            table.begin();
            table.insert(1, 'x');
            table.remove(&2);
            *table.entry(3, || 'c') = 'd';
            *table.entry(1, || 'q') = 'y';
            if let Some(row) = table.get_mut(&3) {
                *row = 'e';
            }
            table.remove(&3);
            *table.entry(2, || 'n') = 'm';
            table.insert(2, 'o');
            if let Some(row) = table.get_mut(&4) {
                *row = 'f';
            }
            table.remove(&4);
            table.undo();
            assert_eq!(table, before);
        }
    }

    #[test]
    fn what_is_kept_is_where_the_next_decision_goes_back_to() {
        let mut table = Table::default();
        table.begin();
        table.insert(1, 'a');
        table.keep();
        if let Some(row) = table.get_mut(&1) {
            *row = 'b';
        }
        table.begin();
        table.insert(1, 'c');
        table.undo();
        assert_eq!(table.get(&1), Some(&'b'));
    }
}
