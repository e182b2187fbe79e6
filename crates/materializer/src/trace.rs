//! What the operations of a patch read and write, by addresses that outlast other patches.

use serde_json::{Map, Value};

use crate::draft::{Undo, Work};
use crate::place::{ItemId, Place, names_an_id};
use crate::resolve::{Step, place_of, value_at};
use crate::{Budget, Draft, Operation, Patch, PatchError, Pointer};

/// What one operation reads and writes. Items of `nodes` and `edges` are named by ids; lists
/// without ids are written as a whole where items come or go.
#[derive(Debug, Default, Clone)]
pub(crate) struct Trace {
    pub(crate) writes: Vec<Pointer>,
    /// What `copy` takes, and what `test` looks at.
    pub(crate) reads: Vec<Pointer>,
    /// Edges came or moved, or left another node than before: their list, and the node.
    pub(crate) orders: Vec<(Pointer, String)>,
}

/// Applies a patch as [`crate::materialize`] does, and follows it.
pub(crate) fn follow(draft: &mut Draft, patch: &Patch) -> Result<Vec<Trace>, PatchError> {
    let mut work = Work::of(patch, &Budget::DOCUMENT)?;
    let mut traces = Vec::with_capacity(patch.operations.len());
    for (op_index, operation) in patch.operations.iter().enumerate() {
        let mut trace = Trace::default();
        if let Some(read) = read_by(operation) {
            trace.reads.extend(draft.stable(read).map(lasting));
        }
        draft.step(op_index, operation, &mut work, &mut |draft, undo| trace.note(draft, undo))?;
        traces.push(trace);
    }
    for node in draft.respell() {
        let node = Pointer::from_tokens(vec!["nodes".to_owned(), node]);
        for trace in &mut traces {
            if trace.writes.iter().any(|written| node.is_prefix_of(written)) {
                trace.writes.push(node.clone());
            }
        }
    }
    Ok(traces)
}

/// What an operation needs without changing it.
fn read_by(operation: &Operation) -> Option<&Pointer> {
    match operation {
        Operation::Copy { from: read, .. } | Operation::Test { path: read, .. } => Some(read),
        Operation::Move { from, path } => (from == path).then_some(from),
        Operation::Add { .. } | Operation::Remove { .. } | Operation::Replace { .. } => None,
    }
}

impl Trace {
    /// Notes a change that was just made to `draft`.
    fn note(&mut self, draft: &mut Draft, undo: Undo) {
        match undo {
            Undo::Restore { steps, old } => {
                if let Some((last, list)) = steps.split_last()
                    && place_of(list).has_ids()
                    && matches!(last, Step::Index(_))
                {
                    let new = value_at(draft.document(), &steps).cloned().unwrap_or_default();
                    self.renamed(draft, list, &old, &new);
                }
                self.key(draft, &steps, Some(&old));
                self.writes.push(lasting(draft.address(&steps)));
            }
            Undo::Remove { steps } => {
                let value = value_at(draft.document(), &steps).cloned().unwrap_or_default();
                self.item(draft, &steps, &value, true);
                self.key(draft, &steps, None);
            }
            Undo::Insert { steps, old } => {
                self.item(draft, &steps, &old, false);
                self.key(draft, &steps, Some(&old));
            }
        }
    }

    /// Something came or went.
    fn item(&mut self, draft: &mut Draft, steps: &[Step], value: &Value, came: bool) {
        let Some((last, above)) = steps.split_last() else { return };
        let parent = draft.address(above);
        let place = place_of(above);
        let id = ItemId::of(place, value).map(ItemId::to_text);
        // What has a namesake cannot be told from it.
        let id = id.filter(|id| draft.count(above, id) == usize::from(came));
        let written = match (last, id) {
            (Step::Key(key), _) => parent.child(key.as_str()),
            (Step::Index(_), Some(id)) => parent.child(id),
            (Step::Index(_), None) => parent.clone(),
        };
        self.writes.push(lasting(written));
        if came {
            self.order(place, &parent, value);
        }
    }

    /// The member at `steps`, which was `old`, changed: the item that it is in may go by another
    /// id.
    fn key(&mut self, draft: &mut Draft, steps: &[Step], old: Option<&Value>) {
        let [list @ .., Step::Index(_), Step::Key(key)] = steps else { return };
        if !place_of(list).is_identity(key) {
            return;
        }
        let item = value_at(draft.document(), &steps[..steps.len() - 1]);
        let of = |key: &str| Some((key.to_owned(), item?.get(key)?.clone()));
        let new: Map<String, Value> = ["id", "from", "to"].into_iter().filter_map(of).collect();
        let mut was = new.clone();
        match old {
            Some(old) => drop(was.insert(key.clone(), old.clone())),
            None => drop(was.remove(key)),
        }
        self.renamed(draft, list, &Value::Object(was), &Value::Object(new));
    }

    fn renamed(&mut self, draft: &mut Draft, steps: &[Step], old: &Value, new: &Value) {
        let place = place_of(steps);
        let list = draft.address(steps);
        let ids = [old, new].map(|item| ItemId::of(place, item).map(ItemId::to_text));
        if ids[0] != ids[1] {
            for (id, count) in ids.into_iter().zip([0, 1]) {
                let id = id.filter(|id| draft.count(steps, id) == count);
                let written = id.map_or_else(|| list.clone(), |id| list.child(id));
                self.writes.push(lasting(written));
            }
        }
        if old.get("from") != new.get("from") {
            self.order(place, &list, new);
        }
    }

    fn order(&mut self, place: Place, list: &Pointer, edge: &Value) {
        if let (Place::Edges, Some(from)) = (place, edge.get("from").and_then(Value::as_str)) {
            self.orders.push((list.clone(), from.to_owned()));
        }
    }
}

/// The address, up to the first item that only an index names: it may be another one elsewhere.
fn lasting(address: Pointer) -> Pointer {
    let mut place = Place::Graph;
    for (depth, token) in address.tokens().iter().enumerate() {
        if place.has_ids() && !names_an_id(token) {
            return address.truncated(depth);
        }
        place = place.below(token);
    }
    address
}
