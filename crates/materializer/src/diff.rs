//! What leads from one document to another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::place::{ItemId, Place, names_an_id};
use crate::size::operation_bytes;
use crate::{Operation, Patch, Pointer, equal};

/// The patch that makes `after` of `before`: any two JSON values. The same values give the same
/// patch. Items of `nodes` and `edges` are named by their ids and changed key by key, so that what
/// did not change is not named; their order is restored with `move`, of as few as possible.
///
/// Numbers that are written differently are equal, as they are in canonical JSON.
pub fn diff(before: &Value, after: &Value) -> Patch {
    let mut differ = Differ { path: Pointer::root(), operations: Vec::new() };
    differ.value(Place::Graph, before, after);
    Patch { operations: differ.operations }
}

/// The ids of a list's items, if each has one and no other has it.
pub(crate) fn ids_of(place: Place, list: &[Value]) -> Option<Vec<String>> {
    if !place.has_ids() {
        return None;
    }
    let ids: Vec<String> = list
        .iter()
        .map(|item| ItemId::of(place, item).map(ItemId::to_text).filter(|id| names_an_id(id)))
        .collect::<Option<_>>()?;
    let distinct: BTreeSet<&String> = ids.iter().collect();
    (distinct.len() == ids.len()).then_some(ids)
}

struct Differ {
    path: Pointer,
    operations: Vec<Operation>,
}

impl Differ {
    fn value(&mut self, place: Place, before: &Value, after: &Value) {
        let first = self.operations.len();
        match (before, after) {
            (Value::Object(before), Value::Object(after)) => self.object(place, before, after),
            (Value::Array(before), Value::Array(after)) => self.list(place, before, after),
            (before, after) if equal(before, after) => {}
            (_, _) => self.replace(after),
        }
        // Where nobody looks for single keys, the shorter way is the better one.
        if place == Place::Other && self.operations.len() > first + 1 {
            let whole = Operation::Replace { path: self.path.clone(), value: after.clone() };
            let parts: usize = self.operations[first..].iter().map(operation_bytes).sum();
            if operation_bytes(&whole) < parts {
                self.operations.truncate(first);
                self.operations.push(whole);
            }
        }
    }

    fn object(&mut self, place: Place, before: &Map<String, Value>, after: &Map<String, Value>) {
        for key in before.keys().filter(|key| !after.contains_key(*key)) {
            self.operations.push(Operation::Remove { path: self.path.child(key.as_str()) });
        }
        for (key, after) in after {
            match before.get(key) {
                Some(before) => {
                    self.below(key, |differ| differ.value(place.below(key), before, after));
                }
                None => self.add(key.as_str(), after),
            }
        }
    }

    fn list(&mut self, place: Place, before: &[Value], after: &[Value]) {
        match (ids_of(place, before), ids_of(place, after)) {
            (Some(old), Some(new)) => self.items(place, (before, &old), (after, &new)),
            (_, _) => self.array(place, before, after),
        }
    }

    /// Items by their ids: first what goes, then what changes, then what comes and the order.
    fn items(&mut self, place: Place, before: (&[Value], &[String]), after: (&[Value], &[String])) {
        let seats: BTreeMap<&String, usize> = after.1.iter().zip(0..).collect();
        for id in before.1.iter().filter(|id| !seats.contains_key(id)) {
            self.operations.push(Operation::Remove { path: self.path.child(id.as_str()) });
        }
        let mut kept = Vec::new();
        for (old, id) in before.0.iter().zip(before.1) {
            let Some(seat) = seats.get(id).copied() else { continue };
            let new = &after.0[seat];
            self.below(id, |differ| differ.item(place, old, new));
            kept.push(seat);
        }
        self.arrange(kept, after.0, after.1);
    }

    fn item(&mut self, place: Place, before: &Value, after: &Value) {
        // Whether an edge names its id decides whether its ends do: key by key, it might go by
        // another id in between.
        let is_named = |edge: &Value| edge.get("id").is_some();
        if place == Place::Edges && is_named(before) != is_named(after) {
            return self.replace(after);
        }
        self.value(place.below(""), before, after);
    }

    /// Adds and moves items until the list, of which `current` is left, is `items`. Numbers stand
    /// for their seats in `items`.
    fn arrange(&mut self, mut current: Vec<usize>, items: &[Value], ids: &[String]) {
        let old: BTreeSet<usize> = current.iter().copied().collect();
        let stays = longest_increasing(&current);
        let mut at = 0; // Behind the item that was put in its place last.
        for seat in 0..items.len() {
            if stays.contains(&seat) {
                // What stands between is moved when its turn comes.
                while current.get(at).is_some_and(|other| *other != seat) {
                    at += 1;
                }
            } else if old.contains(&seat) {
                let from = current.iter().position(|other| *other == seat).unwrap_or(at);
                current.remove(from);
                at -= usize::from(from < at);
                let to = if at == current.len() { "-".to_owned() } else { at.to_string() };
                current.insert(at, seat);
                let from = self.path.child(ids[seat].as_str());
                self.operations.push(Operation::Move { from, path: self.path.child(to) });
            } else if at == current.len() {
                current.push(seat);
                self.add(ids[seat].as_str(), &items[seat]);
            } else {
                current.insert(at, seat);
                self.add(at.to_string(), &items[seat]);
            }
            at += 1;
        }
    }

    /// A list without ids, by indices: what is the same at both ends stays.
    fn array(&mut self, place: Place, before: &[Value], after: &[Value]) {
        let same = |(a, b): &(&Value, &Value)| equal(a, b);
        let start = before.iter().zip(after).take_while(same).count();
        let (old, new) = (&before[start..], &after[start..]);
        let end = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
        let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
        for (at, (before, after)) in (start..).zip(old.iter().zip(new)) {
            let token = at.to_string();
            self.below(&token, |differ| differ.value(place.below(&token), before, after));
        }
        for at in (start + new.len()..start + old.len()).rev() {
            self.operations.push(Operation::Remove { path: self.path.child(at.to_string()) });
        }
        for (at, value) in (start..).zip(new).skip(old.len()) {
            self.add(at.to_string(), value);
        }
    }

    fn add(&mut self, token: impl Into<String>, value: &Value) {
        let path = self.path.child(token);
        self.operations.push(Operation::Add { path, value: value.clone() });
    }

    fn replace(&mut self, after: &Value) {
        let (path, value) = (self.path.clone(), after.clone());
        self.operations.push(Operation::Replace { path, value });
    }

    fn below(&mut self, token: &str, work: impl FnOnce(&mut Self)) {
        self.path.push(token);
        work(self);
        self.path.pop();
    }
}

/// The members of a longest increasing subsequence of distinct numbers.
fn longest_increasing(numbers: &[usize]) -> BTreeSet<usize> {
    // Of each length, the place of the least number that ends such a subsequence.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(numbers.len());
    for (place, number) in numbers.iter().enumerate() {
        let length = ends.partition_point(|end| numbers[*end] < *number);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() { ends.push(place) } else { ends[length] = place }
    }
    let mut members = BTreeSet::new();
    let mut next = ends.last().copied();
    while let Some(place) = next {
        members.insert(numbers[place]);
        next = before[place];
    }
    members
}
