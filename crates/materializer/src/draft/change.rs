//! The changes themselves, and what the indices are told of them.

use serde_json::Value;

use super::{Draft, Undo};
use crate::ids::Ids;
use crate::place::{ItemId, Place};
use crate::resolve::{Step, value_at_mut};

impl Draft {
    pub(super) fn take_back(&mut self, undo: Undo) {
        match undo {
            Undo::Restore { steps, old } => drop(self.exchange(&steps, old)),
            Undo::Remove { steps } => drop(self.take(&steps)),
            Undo::Insert { steps, old } => self.insert(&steps, old),
        }
    }

    /// Puts `value` where nothing is, or before an item.
    pub(super) fn insert(&mut self, steps: &[Step], value: Value) {
        let Some((last, above)) = steps.split_last() else { return };
        let before = self.identity(steps);
        match (value_at_mut(&mut self.document, above), last) {
            (Some(Value::Object(map)), Step::Key(key)) => drop(map.insert(key.clone(), value)),
            (Some(Value::Array(items)), Step::Index(at)) if *at <= items.len() => {
                items.insert(*at, value);
                let is_last = at + 1 == items.len();
                if let Some((place, at)) = item_of(steps) {
                    if let Some(id) = self.id_of(place, at) {
                        self.ids.came(place, &id, at);
                    }
                    if !is_last {
                        self.ids.shifted(place);
                    }
                }
                return;
            }
            (_, _) => return,
        }
        self.renamed(steps, before);
    }

    /// Takes out what is there.
    pub(super) fn take(&mut self, steps: &[Step]) -> Value {
        let Some((last, above)) = steps.split_last() else { return Value::Null };
        let before = self.identity(steps);
        let taken = match (value_at_mut(&mut self.document, above), last) {
            (Some(Value::Object(map)), Step::Key(key)) => map.remove(key).unwrap_or_default(),
            (Some(Value::Array(items)), Step::Index(at)) if *at < items.len() => {
                let taken = items.remove(*at);
                let was_last = *at == items.len();
                if let Some((place, _)) = item_of(steps) {
                    if let Some(id) = ItemId::of(place, &taken) {
                        self.ids.went(place, &id.to_text());
                    }
                    if !was_last {
                        self.ids.shifted(place);
                    }
                }
                return taken;
            }
            (_, _) => return Value::Null,
        };
        self.renamed(steps, before);
        taken
    }

    /// Puts `value` in the place of what is there.
    pub(super) fn exchange(&mut self, steps: &[Step], value: Value) -> Value {
        let before = self.identity(steps);
        let old = match value_at_mut(&mut self.document, steps) {
            Some(at) => std::mem::replace(at, value),
            None => return Value::Null,
        };
        self.renamed(steps, before);
        old
    }

    /// The item of a large list whose id a change at `steps` may change, with its id.
    fn identity(&self, steps: &[Step]) -> Option<(Place, usize, Option<String>)> {
        let (place, at) = item_of(steps)?;
        let changes = match steps.get(2..)? {
            [] => true,
            [Step::Key(key)] => place.is_identity(key),
            _ => false,
        };
        changes.then(|| (place, at, self.id_of(place, at)))
    }

    fn id_of(&self, place: Place, at: usize) -> Option<String> {
        let list = self.document.get(if place == Place::Nodes { "nodes" } else { "edges" })?;
        Some(ItemId::of(place, list.get(at)?)?.to_text())
    }

    /// Tells the index what a change at `steps` did to ids.
    fn renamed(&mut self, steps: &[Step], before: Option<(Place, usize, Option<String>)>) {
        match steps {
            [] => self.ids = Ids::default(),
            [Step::Key(key)] => self.ids.forget(Place::Graph.below(key)),
            _ => {}
        }
        let Some((place, at, before)) = before else { return };
        let after = self.id_of(place, at);
        if before == after {
            return;
        }
        if let Some(id) = before {
            self.ids.went(place, &id);
        }
        if let Some(id) = after {
            self.ids.came(place, &id, at);
        }
    }

    /// Notes that aliases may have come in at or below `steps`.
    pub(super) fn mark(&mut self, steps: &[Step]) {
        let everywhere = match steps {
            [] => true,
            [Step::Key(key)] => key == "nodes",
            _ => false,
        };
        if everywhere {
            self.dirty.everything = true;
        } else if let Some((Place::Nodes, at)) = item_of(steps) {
            match self.id_of(Place::Nodes, at) {
                Some(id) => drop(self.dirty.nodes.insert(id)),
                None => self.dirty.everything = true,
            }
        }
    }
}

/// The item of `/nodes` or `/edges` that steps lead to or into.
fn item_of(steps: &[Step]) -> Option<(Place, usize)> {
    let [Step::Key(key), Step::Index(at), ..] = steps else { return None };
    let place = Place::Graph.below(key);
    place.has_ids().then_some((place, *at))
}
