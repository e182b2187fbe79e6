//! What a patch touches.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::place::{ItemId, Place, names_an_id};
use crate::trace::follow;
use crate::{Draft, Patch, PatchError, Pointer};

/// Parts of a document that a patch adds, changes or removes, whether or not the value comes out
/// the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Touched {
    /// The document is replaced as a whole; then all its parts are named too.
    pub document: bool,
    /// Nodes of the document, by id. An inline sub-workflow is a part of its node.
    pub nodes: BTreeMap<String, NodeTouch>,
    /// Edges of the document, by id; of those without `id` it is `from->to`.
    pub edges: BTreeSet<String>,
    /// Other keys of the document; `nodes` and `edges` where an item without id is touched, or
    /// the list is replaced.
    pub sections: BTreeSet<String>,
}

/// How a node is touched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NodeTouch {
    /// It is added, removed, replaced, moved, or goes by another id.
    pub whole: bool,
    /// Keys of it that are touched, where not all of it is.
    pub keys: BTreeSet<String>,
}

/// What `patch` touches of `base`.
///
/// # Errors
/// If it cannot be applied.
pub fn touched(patch: &Patch, base: &Value) -> Result<Touched, PatchError> {
    let mut draft = Draft::new(base.clone());
    let traces = follow(&mut draft, patch)?;
    let mut touched = Touched::default();
    for written in traces.iter().flat_map(|trace| &trace.writes) {
        touched.note(written, [base, draft.document()]);
    }
    Ok(touched)
}

impl Touched {
    /// Nothing is touched.
    pub fn is_empty(&self) -> bool {
        let Self { document, nodes, edges, sections } = self;
        !document && nodes.is_empty() && edges.is_empty() && sections.is_empty()
    }

    fn note(&mut self, written: &Pointer, documents: [&Value; 2]) {
        match written.tokens() {
            [] => {
                self.document = true;
                for key in documents.iter().filter_map(|document| document.as_object()).flatten() {
                    self.section(key.0, documents);
                }
            }
            [list, id, rest @ ..] if list == "nodes" && names_an_id(id) => {
                let node = self.nodes.entry(id.clone()).or_default();
                match rest.first() {
                    Some(key) => drop(node.keys.insert(key.clone())),
                    None => node.whole = true,
                }
            }
            [list, id, ..] if list == "edges" && names_an_id(id) => {
                self.edges.insert(id.clone());
            }
            [key, ..] => self.section(key, documents),
        }
    }

    fn section(&mut self, key: &str, documents: [&Value; 2]) {
        self.sections.insert(key.to_owned());
        let place = Place::Graph.below(key);
        let lists = documents.iter().filter_map(|document| document.get(key)?.as_array());
        for id in lists.flatten().filter_map(|item| ItemId::of(place, item)) {
            if place == Place::Nodes {
                self.nodes.entry(id.to_text()).or_default().whole = true;
            } else {
                self.edges.insert(id.to_text());
            }
        }
    }
}
