//! A document while it is patched.

mod change;
mod refuse;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::error::{PatchCode, PatchError};
use crate::ids::{Found, Ids};
use crate::place::{ItemId, Place, names_an_id};
use crate::resolve::{Fault, Slot, Spot, Step, address, existing, place_of, slot, value_at};
use crate::size::{Measure, measure, nodes, patch_bytes, text_bytes};
use crate::{Budget, Operation, Patch, Pointer, equal, parse};
use refuse::{admit, explained, has_id, test_failed, too_large};

/// A document that patches are applied to, one after the other. What an operation costs depends on
/// what it touches, not on the document.
#[derive(Debug)]
pub struct Draft {
    document: Value,
    ids: Ids,
    bytes: usize,
    nodes: usize,
    dirty: Dirty,
}

/// Where aliases may have come in.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    /// Anywhere.
    pub(crate) everything: bool,
    /// In these nodes.
    pub(crate) nodes: BTreeSet<String>,
}

/// How one change is taken back.
#[derive(Debug)]
pub(crate) enum Undo {
    /// Puts back what was there.
    Restore { steps: Vec<Step>, old: Value },
    /// Takes out what was inserted.
    Remove { steps: Vec<Step> },
    /// Inserts what was removed.
    Insert { steps: Vec<Step>, old: Value },
}

/// What applying one patch goes by.
pub(crate) struct Work<'b> {
    budget: &'b Budget,
    /// Bytes that were copied or moved.
    carried: usize,
}

impl<'b> Work<'b> {
    /// Before the first operation of `patch`.
    pub(crate) fn of(patch: &Patch, budget: &'b Budget) -> Result<Self, PatchError> {
        parse::within(patch, budget)?;
        let bytes = patch_bytes(patch);
        if bytes > budget.patch_bytes {
            return Err(parse::too_large(bytes, budget));
        }
        Ok(Self { budget, carried: 0 })
    }
}

impl Draft {
    /// A draft of `document`.
    pub fn new(document: Value) -> Self {
        let bytes = measure(&document).bytes;
        let nodes = nodes(Place::Graph, &document);
        Self { document, ids: Ids::default(), bytes, nodes, dirty: Dirty::default() }
    }

    /// The document as it is.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The document.
    pub fn into_document(self) -> Value {
        self.document
    }

    /// Applies a patch: all of it, or nothing.
    ///
    /// # Errors
    /// The first operation that cannot be done, or goes over `budget`.
    pub fn apply(&mut self, patch: &Patch, budget: &Budget) -> Result<(), PatchError> {
        let (bytes, nodes) = (self.bytes, self.nodes);
        let mut journal = Vec::new();
        let applied = self.run(patch, budget, |_, undo| journal.push(undo));
        if applied.is_err() {
            for undo in journal.into_iter().rev() {
                self.take_back(undo);
            }
            (self.bytes, self.nodes) = (bytes, nodes);
        }
        applied
    }

    /// Applies a patch, and hands over how each change is taken back right after it was made. On
    /// an error what was done stays done.
    pub(crate) fn run(
        &mut self,
        patch: &Patch,
        budget: &Budget,
        mut done: impl FnMut(&mut Self, Undo),
    ) -> Result<(), PatchError> {
        let mut work = Work::of(patch, budget)?;
        for (op_index, operation) in patch.operations.iter().enumerate() {
            self.step(op_index, operation, &mut work, &mut done)?;
        }
        Ok(())
    }

    /// One operation of [`Draft::run`].
    pub(crate) fn step(
        &mut self,
        op_index: usize,
        operation: &Operation,
        work: &mut Work<'_>,
        done: &mut impl FnMut(&mut Self, Undo),
    ) -> Result<(), PatchError> {
        self.operation(operation, work, done).map_err(|fault| explained(fault, op_index, operation))
    }

    /// What may hold aliases since the draft was made.
    pub(crate) fn take_dirty(&mut self) -> Dirty {
        std::mem::take(&mut self.dirty)
    }

    /// The node with an id, to be changed in ways that leave it its id.
    pub(crate) fn node_mut(&mut self, id: &str) -> Option<&mut Value> {
        let list = self.document.get_mut("nodes")?.as_array_mut()?;
        match self.ids.find(Place::Nodes, 1, list, id) {
            Found::At(at) => list.get_mut(at),
            Found::Nothing | Found::Several(_) => None,
        }
    }

    /// The document, to be changed in ways that the draft need not know of.
    pub(crate) fn document_mut(&mut self) -> &mut Value {
        &mut self.document
    }

    /// Whether the document is within its bytes still: other words may be longer.
    pub(crate) fn within(&self, budget: &Budget) -> Result<(), PatchError> {
        if self.bytes <= budget.document_bytes {
            return Ok(());
        }
        let fault = too_large(self.bytes, budget);
        let error = PatchError::of_patch(fault.code, fault.message);
        Err(PatchError { hint: fault.hint, ..error })
    }

    /// A part of the document was rewritten in other words; nodes and ids are what they were.
    pub(crate) fn reworded(&mut self, bytes_before: usize, bytes_after: usize) {
        self.bytes = self.bytes.saturating_sub(bytes_before).saturating_add(bytes_after);
    }

    /// The steps to what is at `pointer`, if something is.
    pub(crate) fn locate(&mut self, pointer: &Pointer) -> Option<Vec<Step>> {
        existing(&self.document, &mut self.ids, pointer).ok().map(|spot| spot.steps)
    }

    /// What is at `pointer`, if something is.
    pub(crate) fn get(&mut self, pointer: &Pointer) -> Option<&Value> {
        let steps = self.locate(pointer)?;
        value_at(&self.document, &steps)
    }

    /// How many items of a list have an id.
    pub(crate) fn count(&mut self, list: &[Step], id: &str) -> usize {
        let place = place_of(list);
        let items = value_at(&self.document, list).and_then(Value::as_array);
        match self.ids.find(place, list.len(), items.map_or(&[][..], Vec::as_slice), id) {
            Found::Nothing => 0,
            Found::At(_) => 1,
            Found::Several(count) => count,
        }
    }

    /// The pointer of what is at `pointer`, by ids where they are unique.
    pub(crate) fn stable(&mut self, pointer: &Pointer) -> Option<Pointer> {
        let steps = self.locate(pointer)?;
        Some(self.address(&steps))
    }

    /// The pointer of what steps lead to, by ids where they are unique.
    pub(crate) fn address(&mut self, steps: &[Step]) -> Pointer {
        address(&self.document, &mut self.ids, steps)
    }

    /// The pointer that adds an item with this value where steps lead to.
    pub(crate) fn address_of_new(&mut self, steps: &[Step], value: &Value) -> Pointer {
        let Some((last, above)) = steps.split_last() else { return Pointer::root() };
        let parent = self.address(above);
        let at = match last {
            Step::Key(key) => return parent.child(key.as_str()),
            Step::Index(at) => *at,
        };
        let place = place_of(above);
        let list = value_at(&self.document, above).and_then(Value::as_array);
        let list = list.map_or(&[][..], Vec::as_slice);
        let id = ItemId::of(place, value).map(ItemId::to_text).filter(|id| names_an_id(id));
        let is_free = |id: &String| {
            at == list.len() && self.ids.find(place, above.len(), list, id) == Found::Nothing
        };
        parent.child(id.filter(is_free).unwrap_or_else(|| at.to_string()))
    }

    fn operation(
        &mut self,
        operation: &Operation,
        work: &mut Work<'_>,
        done: &mut impl FnMut(&mut Self, Undo),
    ) -> Result<(), Fault> {
        match operation {
            Operation::Add { path, value } => {
                let slot = slot(&self.document, &mut self.ids, path)?;
                self.add(slot, value.clone(), measure(value), work, done)
            }
            Operation::Replace { path, value } => {
                let spot = existing(&self.document, &mut self.ids, path)?;
                self.replace(spot, value.clone(), measure(value), work, done)
            }
            Operation::Remove { path } => {
                let spot = existing(&self.document, &mut self.ids, path)?;
                self.remove(spot, done)
            }
            Operation::Move { from, path } => self.relocate(from, path, work, done),
            Operation::Copy { from, path } => self.copy(from, path, work, done),
            Operation::Test { path, value } => {
                let spot = existing(&self.document, &mut self.ids, path)?;
                let found = value_at(&self.document, &spot.steps).unwrap_or(&Value::Null);
                if equal(found, value) { Ok(()) } else { Err(test_failed(found, value, path)) }
            }
        }
    }

    fn add(
        &mut self,
        slot: Slot,
        value: Value,
        size: Measure,
        work: &Work<'_>,
        done: &mut impl FnMut(&mut Self, Undo),
    ) -> Result<(), Fault> {
        let (parent, step) = match slot {
            Slot::Whole => {
                let whole = Spot { steps: Vec::new(), place: Place::Graph };
                return self.replace(whole, value, size, work, done);
            }
            Slot::Member(parent, key) => {
                let there = value_at(&self.document, &parent.steps).and_then(|at| at.get(&key));
                if there.is_some() {
                    let place = parent.place.below(&key);
                    let mut steps = parent.steps;
                    steps.push(Step::Key(key));
                    return self.replace(Spot { steps, place }, value, size, work, done);
                }
                (parent, Step::Key(key))
            }
            Slot::Item(parent, index) => (parent, Step::Index(index)),
            Slot::Named(parent, id) => {
                has_id(&parent, &id, &value)?;
                let list = value_at(&self.document, &parent.steps).and_then(Value::as_array);
                (parent, Step::Index(list.map_or(0, Vec::len)))
            }
        };
        let around = value_at(&self.document, &parent.steps).map_or(0, length);
        let key = match &step {
            Step::Key(key) => text_bytes(key) + 1,
            Step::Index(_) => 0,
        };
        let place = parent.place.below(if let Step::Key(key) = &step { key } else { "" });
        let bytes = self.bytes + key + size.bytes + usize::from(around > 0);
        let nodes = self.nodes + nodes(place, &value);
        admit(work.budget, bytes, nodes, parent.steps.len() + 1 + size.depth)?;
        (self.bytes, self.nodes) = (bytes, nodes);
        let mut steps = parent.steps;
        steps.push(step);
        self.insert(&steps, value);
        self.mark(&steps);
        done(self, Undo::Remove { steps });
        Ok(())
    }

    fn replace(
        &mut self,
        spot: Spot,
        value: Value,
        size: Measure,
        work: &Work<'_>,
        done: &mut impl FnMut(&mut Self, Undo),
    ) -> Result<(), Fault> {
        let old = value_at(&self.document, &spot.steps).unwrap_or(&Value::Null);
        let (gone, fewer) = (measure(old).bytes, nodes(spot.place, old));
        let bytes = self.bytes.saturating_sub(gone) + size.bytes;
        let nodes = self.nodes.saturating_sub(fewer) + nodes(spot.place, &value);
        admit(work.budget, bytes, nodes, spot.steps.len() + size.depth)?;
        (self.bytes, self.nodes) = (bytes, nodes);
        let old = self.exchange(&spot.steps, value);
        self.mark(&spot.steps);
        done(self, Undo::Restore { steps: spot.steps, old });
        Ok(())
    }

    /// Takes out what is at `spot`; the journal keeps it.
    fn remove(&mut self, spot: Spot, done: &mut impl FnMut(&mut Self, Undo)) -> Result<(), Fault> {
        let old = self.detach(&spot)?;
        done(self, Undo::Insert { steps: spot.steps, old });
        Ok(())
    }

    fn detach(&mut self, spot: &Spot) -> Result<Value, Fault> {
        let Some((last, above)) = spot.steps.split_last() else {
            return Err(Fault::new(PatchCode::RemovesDocument, "the whole document cannot go")
                .with_hint("`replace` it, or remove its parts"));
        };
        let around = value_at(&self.document, above).map_or(0, length);
        let value = self.take(&spot.steps);
        let key = if let Step::Key(key) = last { text_bytes(key) + 1 } else { 0 };
        let gone = key + measure(&value).bytes + usize::from(around > 1);
        self.bytes = self.bytes.saturating_sub(gone);
        self.nodes = self.nodes.saturating_sub(nodes(spot.place, &value));
        if above.len() > 1 {
            self.mark(above);
        }
        Ok(value)
    }

    fn relocate(
        &mut self,
        from: &Pointer,
        path: &Pointer,
        work: &mut Work<'_>,
        done: &mut impl FnMut(&mut Self, Undo),
    ) -> Result<(), Fault> {
        let (spot, size) = self.source(from, work)?;
        if from == path {
            return Ok(());
        }
        if from.is_prefix_of(path) {
            let message = format!("`{path}` is within `{from}`, which is to move there");
            return Err(Fault::new(PatchCode::IntoItself, message)
                .with_hint("`copy` it, or move its parts"));
        }
        let value = self.detach(&spot).map_err(|fault| fault.at("/from"))?;
        done(self, Undo::Insert { steps: spot.steps, old: value.clone() });
        let slot = slot(&self.document, &mut self.ids, path)?;
        self.add(slot, value, size, work, done)
    }

    fn copy(
        &mut self,
        from: &Pointer,
        path: &Pointer,
        work: &mut Work<'_>,
        done: &mut impl FnMut(&mut Self, Undo),
    ) -> Result<(), Fault> {
        let (spot, size) = self.source(from, work)?;
        let slot = slot(&self.document, &mut self.ids, path)?;
        // Before the copy is made: afterwards there might be no memory left to refuse with.
        let bytes = self.bytes.saturating_add(size.bytes);
        if bytes > work.budget.document_bytes.saturating_add(self.replaced_bytes(&slot)) {
            return Err(too_large(bytes, work.budget));
        }
        let value = value_at(&self.document, &spot.steps).cloned().unwrap_or_default();
        self.add(slot, value, size, work, done)
    }

    /// What `copy` and `move` take, if they may.
    fn source(&mut self, from: &Pointer, work: &mut Work<'_>) -> Result<(Spot, Measure), Fault> {
        if !work.budget.may_copy {
            let message = "`copy` and `move` are not allowed here";
            return Err(Fault::new(PatchCode::OperationNotAllowed, message)
                .with_hint("`add` the value, and `remove` it where it was")
                .at("/op"));
        }
        let spot = existing(&self.document, &mut self.ids, from).map_err(|f| f.at("/from"))?;
        let size = measure(value_at(&self.document, &spot.steps).unwrap_or(&Value::Null));
        work.carried = work.carried.saturating_add(size.bytes);
        if work.carried > work.budget.document_bytes {
            let message = format!(
                "`copy` and `move` carry {} bytes in this patch, and {} are allowed",
                work.carried, work.budget.document_bytes
            );
            return Err(Fault::new(PatchCode::CopiesTooMuch, message).at("/from"));
        }
        Ok((spot, size))
    }

    /// Bytes of what something added at `slot` takes the place of.
    fn replaced_bytes(&self, slot: &Slot) -> usize {
        match slot {
            Slot::Whole => self.bytes,
            Slot::Member(parent, key) => {
                let parent = value_at(&self.document, &parent.steps);
                parent.and_then(|at| at.get(key)).map_or(0, |old| measure(old).bytes)
            }
            Slot::Item(..) | Slot::Named(..) => 0,
        }
    }
}

fn length(container: &Value) -> usize {
    match container {
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    impl Draft {
        /// What is kept up is what would be found by looking.
        pub(crate) fn assert_consistent(&self) {
            let fresh = Self::new(self.document.clone());
            assert_eq!((self.bytes, self.nodes), (fresh.bytes, fresh.nodes));
            let canonical = aob_ir::canonical_json(&self.document).expect("it is canonical");
            assert_eq!(self.bytes, canonical.len());
        }
    }

    #[test]
    fn the_size_of_a_patch_is_that_of_its_canonical_text() {
        let texts = [
            "[]",
            r#"[{"op":"add","path":"/a~1\"é","value":[1.5,"\n",{"b":null}]}]"#,
            r#"[{"op":"move","from":"/a","path":"/b"},{"op":"remove","path":""}]"#,
        ];
        for text in texts {
            let patch = Patch::parse(text, &Budget::PERSON).unwrap();
            assert_eq!(patch_bytes(&patch), patch.canonical().unwrap().len(), "{text}");
        }
    }
}
