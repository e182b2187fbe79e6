//! What holds of every patch and of every two documents.

use aob_ir::canonical_json;
use proptest::prelude::*;
use serde_json::Value;

use super::generate::{anything, choices, has_ids, realise, workflow};
use crate::{Budget, Draft, GraphDiff, Operation, Patch, Pointer, apply, diff, inverse, touched};

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
    let same = text(before) == text(after);
    prop_assert_eq!(GraphDiff::between(before, after).is_empty(), same);
    Ok(())
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
        let diff = GraphDiff::between(&before, &after);
        let nodes = diff.nodes.added.iter().chain(&diff.nodes.removed);
        for item in nodes {
            prop_assert!(touched.nodes.get(&item.id).is_some_and(|node| node.whole), "{}", item.id);
        }
        for item in diff.nodes.changed {
            let node = &touched.nodes[&item.id];
            for change in item.changes {
                let key = change.pointer.split('/').nth(1).unwrap().to_owned();
                prop_assert!(node.whole || node.keys.contains(&key), "{key}");
            }
        }
        for item in diff.edges.added.iter().chain(&diff.edges.removed) {
            prop_assert!(touched.edges.contains(&item.id), "{}", item.id);
        }
        for item in diff.edges.changed {
            prop_assert!(touched.edges.contains(&item.id), "{}", item.id);
        }
        for change in diff.sections {
            let key = change.pointer.split('/').nth(1).unwrap_or_default();
            prop_assert!(touched.document || touched.sections.contains(key), "{key}");
        }
    }
}
