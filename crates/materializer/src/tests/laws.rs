//! What holds of every patch and of every two documents.

use std::collections::{BTreeMap, BTreeSet};

use aob_ir::canonical_json;
use proptest::prelude::*;
use serde_json::Value;

use super::generate::{anything, choices, has_ids, realise, workflow};
use crate::{Budget, Draft, Operation, Patch, Pointer, apply, diff, equal, inverse, touched};

fn text(value: &Value) -> String {
    canonical_json(value).expect("it has a canonical form")
}

fn diff_leads_there(before: &Value, after: &Value) -> Result<(), TestCaseError> {
    let patch = diff(before, after);
    let found = apply(before.clone(), &patch, &Budget::DOCUMENT);
    let found = found.map_err(|error| TestCaseError::fail(format!("{error} in {patch:?}")))?;
    prop_assert_eq!(text(&found), text(after), "{:?}", patch);
    prop_assert_eq!(diff(before, after), patch);
    prop_assert!(diff(after, after).operations.is_empty());
    Ok(())
}

/// Nodes or edges by id.
fn items<'a>(document: &'a Value, list: &str) -> BTreeMap<String, &'a Value> {
    let id_of = |item: &Value| match (&item["id"], &item["from"], &item["to"]) {
        (Value::String(id), _, _) => id.clone(),
        (_, Value::String(from), Value::String(to)) => format!("{from}->{to}"),
        (_, _, _) => unreachable!("items have ids"),
    };
    document[list].as_array().into_iter().flatten().map(|item| (id_of(item), item)).collect()
}

/// Keys whose values are not the same in both.
fn changed_keys<'a>(before: Option<&&'a Value>, after: Option<&&'a Value>) -> BTreeSet<&'a str> {
    let value = |side: Option<&&'a Value>, key: &str| side.and_then(|side| side.get(key));
    let sides = [before, after].into_iter().flatten();
    let keys = sides.filter_map(|side| side.as_object()).flat_map(|map| map.keys());
    keys.map(String::as_str)
        .filter(|key| match (value(before, key), value(after, key)) {
            (Some(before), Some(after)) => !equal(before, after),
            (_, _) => true,
        })
        .collect()
}

/// More than usual; `PROPTEST_CASES` asks for more still.
fn more_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(600), ..usual }
}

proptest! {
    #![proptest_config(more_cases())]

    #[test]
    fn diff_of_any_values(before in anything(), after in anything()) {
        diff_leads_there(&before, &after)?;
    }

    #[test]
    fn diff_of_documents(before in workflow(1), after in workflow(1)) {
        diff_leads_there(&before, &after)?;
    }

    #[test]
    fn diff_of_patched_documents(before in workflow(1), choices in choices(8)) {
        let patch = realise(&before, &choices);
        let after = apply(before.clone(), &patch, &Budget::DOCUMENT).unwrap();
        diff_leads_there(&before, &after)?;
        diff_leads_there(&after, &before)?;
    }

    #[test]
    fn a_patch_can_be_taken_back(before in workflow(1), choices in choices(10)) {
        let patch = realise(&before, &choices);
        let mut draft = Draft::new(before.clone());
        draft.apply(&patch, &Budget::PERSON).unwrap();
        draft.assert_consistent();
        let back = inverse(before.clone(), &patch, &Budget::PERSON).unwrap();
        draft.apply(&back, &Budget::DOCUMENT).unwrap();
        draft.assert_consistent();
        prop_assert_eq!(text(draft.document()), text(&before));
    }

    #[test]
    fn a_patch_is_applied_as_a_whole_or_not_at_all(
        before in workflow(1), choices in choices(10),
    ) {
        let mut patch = realise(&before, &choices);
        let path: Pointer = "/nodes/nobody/x".parse().unwrap();
        patch.operations.push(Operation::Remove { path });
        let mut draft = Draft::new(before.clone());
        prop_assert!(draft.apply(&patch, &Budget::PERSON).is_err());
        prop_assert_eq!(text(draft.document()), text(&before));
        draft.assert_consistent();
    }

    #[test]
    fn what_is_written_reads_back(before in workflow(1), choices in choices(10)) {
        let mut patch = realise(&before, &choices);
        for operation in &mut patch.operations {
            if let Operation::Add { value, .. } | Operation::Replace { value, .. }
                | Operation::Test { value, .. } = operation
            {
                crate::parse::normalize(value);
            }
        }
        let written = patch.canonical().unwrap();
        let read = Patch::parse(&written, &Budget::PERSON).unwrap();
        prop_assert_eq!(read.canonical().unwrap(), written);
        prop_assert_eq!(read, patch);
    }

    /// What differs is touched.
    #[test]
    fn nothing_changes_untouched(before in workflow(1), choices in choices(6)) {
        let patch = realise(&before, &choices);
        let after = crate::materialize(&before, &patch, &Budget::PERSON).unwrap().document;
        let touched = touched(&patch, &before).unwrap();
        if !(has_ids(&before) && has_ids(&after)) {
            return Ok(());
        }
        let (old, new) = (items(&before, "nodes"), items(&after, "nodes"));
        for id in old.keys().chain(new.keys()) {
            let node = touched.nodes.get(id);
            let changed = changed_keys(old.get(id), new.get(id));
            let whole = node.is_some_and(|node| node.whole);
            let whole_needed = old.contains_key(id) != new.contains_key(id);
            prop_assert!(whole || !whole_needed, "{id}");
            let known = |key: &&str| node.is_some_and(|node| node.keys.contains(*key));
            prop_assert!(whole || changed.iter().all(known), "{id}: {changed:?}");
        }
        let (old, new) = (items(&before, "edges"), items(&after, "edges"));
        for id in old.keys().chain(new.keys()) {
            let same = changed_keys(old.get(id), new.get(id)).is_empty()
                && old.contains_key(id) == new.contains_key(id);
            prop_assert!(same || touched.edges.contains(id), "{id}");
        }
        for key in changed_keys(Some(&&before), Some(&&after)) {
            let listed = matches!(key, "nodes" | "edges");
            prop_assert!(listed || touched.document || touched.sections.contains(key), "{key}");
        }
    }
}
