//! What two documents differ in, to be shown.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::diff::ids_of;
use crate::place::Place;
use crate::{Pointer, equal};

/// What two workflow documents differ in, as data: for people to read, and to decide by.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct GraphDiff {
    /// Nodes of the document; those of inline sub-workflows are parts of their node.
    pub nodes: ListDiff,
    /// Edges of the document.
    pub edges: ListDiff,
    /// Everything else: `metadata`, `inputs`, `limits`, `defaults`, `policies`, `on_unknown`; and
    /// `nodes` or `edges` as a whole where their items have no ids to go by.
    pub sections: Vec<Change>,
}

/// What two lists of nodes or edges differ in. An item with another id is another item.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ListDiff {
    /// In the order of the new list.
    pub added: Vec<Item>,
    /// In the order of the old list.
    pub removed: Vec<Item>,
    /// In the order of the new list.
    pub changed: Vec<ItemDiff>,
    /// Items that are in both stand in another order. Among the edges of one `conditional` the
    /// order has a meaning: the first that matches is taken.
    pub reordered: bool,
}

/// One node or edge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// Its id; of an edge that names none `from->to`.
    pub id: String,
    /// All of it.
    pub value: Value,
}

/// What became of one node or edge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemDiff {
    /// Its id.
    pub id: String,
    /// Type of the node, as it is after the change; of edges nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_type: Option<String>,
    /// Never empty.
    pub changes: Vec<Change>,
}

/// One value that was added, removed or replaced.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// JSON pointer from the item, or from the document where it is about a section.
    pub pointer: String,
    /// What was there; `None`: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What is there; `None`: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl GraphDiff {
    /// What `before` and `after` differ in. Lists without ids are shown whole.
    pub fn between(before: &Value, after: &Value) -> Self {
        let mut graph = Self::default();
        let (Value::Object(old), Value::Object(new)) = (before, after) else {
            graph.sections = changes(Place::Other, before, after);
            return graph;
        };
        graph.nodes = graph.list(Place::Nodes, "nodes", old, new);
        graph.edges = graph.list(Place::Edges, "edges", old, new);
        let mut walk = Walk::default();
        let rest = |map: &Map<String, Value>| -> Map<String, Value> {
            let others = map.iter().filter(|(key, _)| !matches!(key.as_str(), "nodes" | "edges"));
            others.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        walk.object(Place::Other, &rest(old), &rest(new));
        graph.sections.extend(walk.changes);
        graph
    }

    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.edges.is_empty() && self.sections.is_empty()
    }

    fn list(
        &mut self,
        place: Place,
        key: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> ListDiff {
        let (before, after) = (before.get(key), after.get(key));
        let items = |list: Option<&Value>| match list {
            None => Some((Vec::new(), Vec::new())),
            Some(Value::Array(list)) => Some((list.clone(), ids_of(place, list)?)),
            Some(_) => None,
        };
        if let (Some(old), Some(new)) = (items(before), items(after)) {
            let list = ListDiff::between(place, (&old.0, &old.1), (&new.0, &new.1));
            // An empty list that comes or goes has no item to show it by.
            if !list.is_empty() || before.is_some() == after.is_some() {
                return list;
            }
        }
        if !before.zip(after).is_some_and(|(before, after)| equal(before, after)) {
            let (before, after) = (before.cloned(), after.cloned());
            self.sections.push(Change { pointer: format!("/{key}"), before, after });
        }
        ListDiff::default()
    }
}

impl ListDiff {
    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        let Self { added, removed, changed, reordered } = self;
        added.is_empty() && removed.is_empty() && changed.is_empty() && !reordered
    }

    fn between(place: Place, old: (&[Value], &[String]), new: (&[Value], &[String])) -> Self {
        let mut list = Self::default();
        let places: BTreeMap<&String, usize> = old.1.iter().zip(0..).collect();
        let names: BTreeMap<&String, usize> = new.1.iter().zip(0..).collect();
        let item = |id: &String, value: &Value| Item { id: id.clone(), value: value.clone() };
        let gone = old.0.iter().zip(old.1).filter(|(_, id)| !names.contains_key(id));
        list.removed = gone.map(|(value, id)| item(id, value)).collect();
        let mut last = None;
        for (value, id) in new.0.iter().zip(new.1) {
            let Some(at) = places.get(id).copied() else {
                list.added.push(item(id, value));
                continue;
            };
            list.reordered |= last.is_some_and(|last| at < last);
            last = Some(at);
            let changes = changes(place.below(""), &old.0[at], value);
            if !changes.is_empty() {
                let node_type = value.get("type").and_then(Value::as_str).map(str::to_owned);
                list.changed.push(ItemDiff { id: id.clone(), node_type, changes });
            }
        }
        list
    }
}

fn changes(place: Place, before: &Value, after: &Value) -> Vec<Change> {
    let mut walk = Walk::default();
    walk.value(place, before, after);
    walk.changes
}

#[derive(Default)]
struct Walk {
    path: Pointer,
    changes: Vec<Change>,
}

impl Walk {
    fn value(&mut self, place: Place, before: &Value, after: &Value) {
        match (before, after) {
            (Value::Object(before), Value::Object(after)) => self.object(place, before, after),
            (before, after) if equal(before, after) => {}
            (Value::Array(old), Value::Array(new)) => {
                match (ids_of(place, old), ids_of(place, new)) {
                    (Some(old_ids), Some(new_ids)) => {
                        let list = ListDiff::between(place, (old, &old_ids), (new, &new_ids));
                        self.list(list, before, after);
                    }
                    (_, _) => self.change(Some(before), Some(after)),
                }
            }
            (_, _) => self.change(Some(before), Some(after)),
        }
    }

    fn object(&mut self, place: Place, before: &Map<String, Value>, after: &Map<String, Value>) {
        for (key, old) in before {
            self.path.push(key);
            match after.get(key) {
                Some(new) => self.value(place.below(key), old, new),
                None => self.change(Some(old), None),
            }
            self.path.pop();
        }
        for (key, new) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
            self.path.push(key);
            self.change(None, Some(new));
            self.path.pop();
        }
    }

    /// A list within a node: of an inline sub-workflow.
    fn list(&mut self, list: ListDiff, before: &Value, after: &Value) {
        if list.reordered {
            return self.change(Some(before), Some(after));
        }
        for Item { id, value } in list.removed {
            self.path.push(&id);
            self.change(Some(&value), None);
            self.path.pop();
        }
        for ItemDiff { id, changes, .. } in list.changed {
            let item = self.path.child(id).to_string();
            self.changes.extend(
                changes.into_iter().map(|change| Change {
                    pointer: format!("{item}{}", change.pointer),
                    ..change
                }),
            );
        }
        for Item { id, value } in list.added {
            self.path.push(&id);
            self.change(None, Some(&value));
            self.path.pop();
        }
    }

    fn change(&mut self, before: Option<&Value>, after: Option<&Value>) {
        let (pointer, before, after) = (self.path.to_string(), before.cloned(), after.cloned());
        self.changes.push(Change { pointer, before, after });
    }
}
