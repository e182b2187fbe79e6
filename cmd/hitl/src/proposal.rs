//! A change of a run's graph as the page of its ticket shows it.

use aob_answers::PatchChange;
use aob_api::{Change, DiffView, FieldDiff};
use aob_engine::{PatchOrigin, PatchView};
use aob_ir::Fields;
use serde_json::Value;

use crate::form::Edits;
use crate::picture::{Pictures, pictures};
use crate::shown::VALUE_CHARS_MAX;
use crate::words::{actor, cut, plain};

/// Characters of what an agent says about its patch.
const WORDS_CHARS: usize = 4_000;

/// A change of a run's graph.
pub(crate) struct Proposal {
    pub(crate) by: String,
    pub(crate) by_machine: bool,
    pub(crate) words: String,
    pub(crate) why: String,
    pub(crate) growth: Vec<Growth>,
    pub(crate) pictures: Option<Pictures>,
    pub(crate) changes: Vec<ChangeShown>,
    pub(crate) truncated: bool,
    pub(crate) reordered: bool,
    pub(crate) operations: String,
}

/// Something that the graph may do newly.
pub(crate) struct Growth {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) granted: bool,
}

/// A node, an edge or a section that changes.
pub(crate) struct ChangeShown {
    pub(crate) what: String,
    pub(crate) name: String,
    pub(crate) class: &'static str,
    pub(crate) verb: &'static str,
    pub(crate) fields: Vec<FieldShown>,
}

/// A key that changes.
pub(crate) struct FieldShown {
    pub(crate) pointer: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// Shows a patch; `change` is absent where it was refused before it gave a graph.
pub(crate) fn proposal(view: &PatchView, change: Option<&PatchChange>) -> Proposal {
    let diff = change.map(PatchChange::diff);
    let pictures = change.zip(diff.as_ref());
    let pictures = pictures.and_then(|(change, diff)| pictures_of(change, diff));
    let operations: Option<Value> =
        change.and_then(|change| serde_json::from_str(change.operations.text()).ok());
    let operations = operations.and_then(|value| serde_json::to_string_pretty(&value).ok());
    Proposal {
        by: actor(&view.by),
        by_machine: view.origin != PatchOrigin::Person || view.by.is_machine(),
        words: cut(&view.description, WORDS_CHARS),
        why: view.approval.as_deref().map(plain).unwrap_or_default(),
        growth: view.growth.iter().map(Growth::of).collect(),
        pictures,
        truncated: diff.as_ref().is_some_and(|diff| diff.truncated),
        reordered: diff.as_ref().is_some_and(|diff| diff.reordered),
        changes: diff.as_ref().map(changes).unwrap_or_default(),
        operations: operations.as_deref().map(plain).unwrap_or_default(),
    }
}

/// The fields of what a patch adds or changes that may be edited.
pub(crate) fn editable(change: &PatchChange, allowed: &Fields) -> Edits {
    let diff = change.diff();
    let made = |change: Change| match change {
        Change::Added | Change::Changed => true,
        Change::Removed => false,
    };
    let nodes = diff.nodes.iter().filter(|node| made(node.change)).map(|node| &*node.id);
    let edges = diff.edges.iter().filter(|edge| made(edge.change)).map(|edge| &*edge.id);
    let document: Value = serde_json::from_str(&change.result.canonical).unwrap_or_default();
    let places = nodes.map(|id| ("nodes", id)).chain(edges.map(|id| ("edges", id)));
    let mut found = Vec::new();
    for (list, id) in places {
        let items = document.get(list).and_then(Value::as_array).into_iter().flatten();
        let own = items.filter(|item| id_of(item) == id);
        let keys = own.filter_map(Value::as_object).flatten();
        let keys = keys.filter(|(key, _)| !["id", "type", "from", "to"].contains(&key.as_str()));
        found.extend(keys.map(|(key, value)| (format!("/{list}/{id}/{key}"), value)));
    }
    Edits::of(allowed, found.into_iter())
}

/// The id of a node, or of an edge that may name none.
fn id_of(item: &Value) -> String {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    let ends = || format!("{}->{}", text("from").unwrap_or(""), text("to").unwrap_or(""));
    text("id").map_or_else(ends, str::to_owned)
}

fn pictures_of(change: &PatchChange, diff: &DiffView) -> Option<Pictures> {
    pictures(&change.base, &change.result, diff)
}

impl Growth {
    fn of(grown: &aob_engine::GrownPower) -> Self {
        Self {
            kind: grown.power.kind().as_str().replace('_', " "),
            name: plain(grown.power.name()),
            granted: grown.granted,
        }
    }
}

fn changes(diff: &DiffView) -> Vec<ChangeShown> {
    let change = |what: String, name: &str, change: Change, fields: &[FieldDiff]| {
        let (class, verb) = match change {
            Change::Added => ("added", "+ new"),
            Change::Removed => ("removed", "− gone"),
            Change::Changed => ("changed", "± changed"),
        };
        let fields = fields.iter().map(field).collect();
        ChangeShown { what, name: plain(name), class, verb, fields }
    };
    let nodes = diff.nodes.iter().map(|node| {
        change(format!("{} node", plain(&node.kind)), &node.id, node.change, &node.fields)
    });
    let edges = diff.edges.iter().map(|edge| {
        let condition = edge.condition.as_deref().map(|text| format!(" if {text}"));
        let name = format!("{} → {}{}", edge.from, edge.to, condition.unwrap_or_default());
        change("edge".to_owned(), &name, edge.change, &[])
    });
    let sections = diff.sections.iter().map(|section| {
        let name = section.pointer.clone();
        change("setting".to_owned(), &name, section.change, std::slice::from_ref(section))
    });
    nodes.chain(edges).chain(sections).collect()
}

fn field(field: &FieldDiff) -> FieldShown {
    let text = |value: &Option<aob_api::RawText>| {
        value.as_ref().map(|text| cut(text.0.get(), VALUE_CHARS_MAX / 10))
    };
    FieldShown {
        pointer: plain(&field.pointer),
        before: text(&field.before),
        after: text(&field.after),
    }
}
