//! Ordered tables that can take back what a decision changed.

use std::collections::{BTreeMap, btree_map};
use std::ops::RangeBounds;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An ordered map with an undo journal. `decide` applies its own events to the state as it goes;
/// where it must ask for a payload or refuse, everything since [`Table::begin`] is taken back.
#[derive(Debug, Clone)]
pub(crate) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    journal: Option<Vec<(K, Option<V>)>>,
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    /// Starts the journal.
    pub(crate) fn begin(&mut self) {
        self.journal = Some(Vec::new());
    }

    /// Keeps every change since [`Table::begin`].
    pub(crate) fn keep(&mut self) {
        self.journal = None;
    }

    /// Takes back every change since [`Table::begin`].
    pub(crate) fn undo(&mut self) {
        for (key, old) in self.journal.take().into_iter().flatten().rev() {
            match old {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
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

    pub(crate) fn iter(&self) -> btree_map::Iter<'_, K, V> {
        self.rows.iter()
    }

    pub(crate) fn range<R: RangeBounds<K>>(&self, range: R) -> btree_map::Range<'_, K, V> {
        self.rows.range(range)
    }

    pub(crate) fn first(&self) -> Option<(&K, &V)> {
        self.rows.first_key_value()
    }

    pub(crate) fn last(&self) -> Option<(&K, &V)> {
        self.rows.last_key_value()
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        match &mut self.journal {
            Some(journal) => {
                let old = self.rows.insert(key.clone(), value);
                journal.push((key, old));
            }
            None => {
                self.rows.insert(key, value);
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let old = self.rows.remove(key)?;
        if let Some(journal) = &mut self.journal {
            journal.push((key.clone(), Some(old.clone())));
        }
        Some(old)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        if let Some(journal) = &mut self.journal {
            journal.push((key.clone(), Some(row.clone())));
        }
        Some(row)
    }

    /// The row at `key`, made by `default` where there is none.
    pub(crate) fn entry(&mut self, key: K, default: impl FnOnce() -> V) -> &mut V {
        let vacant = match self.rows.entry(key) {
            btree_map::Entry::Occupied(entry) => {
                if let Some(journal) = &mut self.journal {
                    journal.push((entry.key().clone(), Some(entry.get().clone())));
                }
                return entry.into_mut();
            }
            btree_map::Entry::Vacant(vacant) => vacant,
        };
        if let Some(journal) = &mut self.journal {
            journal.push((vacant.key().clone(), None));
        }
        vacant.insert(default())
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), journal: None }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<K: Serialize, V: Serialize> Serialize for Table<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.iter())
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for Table<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Vec::<(K, V)>::deserialize(deserializer)?;
        Ok(Self { rows: rows.into_iter().collect(), journal: None })
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
        let before = table.clone();
        table.begin();
        table.insert(1, 'x');
        table.remove(&2);
        *table.entry(3, || 'c') = 'd';
        *table.entry(1, || 'q') = 'y';
        if let Some(row) = table.get_mut(&3) {
            *row = 'e';
        }
        table.undo();
        assert_eq!(table, before);
    }
}
