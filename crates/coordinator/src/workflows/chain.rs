//! From what is stored of a document to its text.

use aob_ir::Digest;
use aob_materializer::{Budget, Draft, Patch};
use aob_store::StoredDocument;

/// The canonical text of the document, which is of this digest and no other.
///
/// # Errors
/// In words, if its patches do not make it.
pub(crate) fn text(stored: StoredDocument, digest: Digest) -> Result<String, String> {
    let StoredDocument { base, patches } = stored;
    if patches.is_empty() {
        return Ok(base);
    }
    let document = serde_json::from_str(&base).map_err(|error| format!("its base: {error}"))?;
    let mut draft = Draft::new(document);
    for (index, patch) in patches.iter().enumerate() {
        let wrong = |error: &dyn std::fmt::Display| format!("patch {index}: {error}");
        let operations = Patch::parse(&patch.operations, &Budget::DOCUMENT);
        let operations = operations.map_err(|error| wrong(&error))?;
        draft.apply(&operations, &Budget::DOCUMENT).map_err(|error| wrong(&error))?;
        draft.respell();
    }
    let made = draft.finish().map_err(|error| error.to_string())?;
    match made.digest == digest {
        true => Ok(made.canonical.to_string()),
        false => Err(format!("its patches make {}", made.digest)),
    }
}

#[cfg(test)]
mod tests {
    use aob_store::PatchedDocument;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_chain_makes_the_document_of_the_digest_and_no_other() {
        let node = |id: &str| json!({"id": id, "type": "function", "config": {"name": "echo"}});
        let base = json!({"nodes": [node("a")], "edges": []});
        let base = aob_ir::compile(&base).unwrap().ir;
        let last = json!({"nodes": [node("a"), node("b")], "edges": [{"from": "a", "to": "b"}]});
        let last = aob_ir::compile(&last).unwrap().ir;
        let patch = |operations: serde_json::Value| PatchedDocument {
            digest: String::new(),
            parent: String::new(),
            operations: operations.to_string(),
        };
        // The second patch is written with an alias, which the chain takes out again.
        let function = json!({"id": "b", "type": "function", "config": {"function_name": "echo"}});
        let stored = StoredDocument {
            base: base.canonical.to_string(),
            patches: vec![
                patch(json!([{"op": "add", "path": "/nodes/-", "value": function}])),
                patch(
                    json!([{"op": "add", "path": "/edges/-", "value": {"from": "a", "to": "b"}}]),
                ),
            ],
        };
        assert_eq!(text(stored.clone(), last.digest).as_deref(), Ok(&*last.canonical));
        assert!(text(stored.clone(), base.digest).unwrap_err().contains(&last.digest.to_string()));
        let mut broken = stored;
        broken.patches[1] = patch(json!([{"op": "remove", "path": "/nodes/nobody"}]));
        assert!(text(broken, last.digest).unwrap_err().starts_with("patch 1"));
    }
}
