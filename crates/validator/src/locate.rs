//! From a pointer of the compiler to one that people write, and to the operation it comes from.

use aob_materializer::{Operation, Patch};
use serde_json::Value;

use crate::{Code, Problem, Severity, node_example};

/// A problem of the compiler, as a problem of the patch.
pub(crate) fn of_compiler(problem: &aob_ir::Diagnostic) -> Problem {
    Problem {
        code: problem.code.as_str(),
        severity: match problem.severity {
            aob_ir::Severity::Error => Severity::Error,
            aob_ir::Severity::Warning => Severity::Warning,
        },
        op: None,
        pointer: problem.pointer.clone(),
        message: problem.message.clone(),
        hint: problem.hint.clone(),
        example: problem.example.clone(),
    }
}

/// Completes problems: nodes and edges by id, the operation, and an example where there is none.
pub(crate) fn complete(problems: &mut [Problem], document: &Value, patch: &Patch) {
    for problem in problems {
        problem.pointer = by_id(document, &problem.pointer);
        if problem.op.is_none() {
            problem.op = operation_of(document, patch, &problem.pointer);
        }
        // What only patches get wrong is not shown by a node of the type.
        let is_ours = Code::ALL.iter().any(|code| code.as_str() == problem.code);
        if problem.example.is_none() && problem.severity == Severity::Error && !is_ours {
            problem.example = node_at(document, &problem.pointer);
        }
    }
}

/// The pointer with the index of a node or edge replaced by its id.
fn by_id(document: &Value, pointer: &str) -> String {
    let mut tokens: Vec<String> = pointer.split('/').map(str::to_owned).collect();
    if let [_, list, item, ..] = tokens.as_mut_slice()
        && let Some(id) = id_at(document, list, item)
    {
        *item = id;
    }
    tokens.join("/")
}

/// The id of the item at an index of `nodes` or `edges`.
fn id_at(document: &Value, list: &str, index: &str) -> Option<String> {
    let index: usize = index.parse().ok()?;
    let item = document.get(list)?.get(index)?;
    id_of(list, item)
}

/// A valid node of the type that the pointer leads into; of a node without a known type, any.
fn node_at(document: &Value, pointer: &str) -> Option<String> {
    let mut tokens = pointer.split('/').skip(1);
    let id = tokens.next().filter(|list| *list == "nodes").and(tokens.next())?;
    let nodes = document.get("nodes").and_then(Value::as_array)?;
    let node = nodes.iter().find(|node| id_of("nodes", node).as_deref() == Some(id))?;
    let type_name = node.get("type").and_then(Value::as_str).unwrap_or("function");
    node_example(type_name).map(str::to_owned)
}

/// The id of an item of `nodes` or `edges`.
fn id_of(list: &str, item: &Value) -> Option<String> {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    match list {
        "nodes" => text("id").map(str::to_owned),
        "edges" => match text("id") {
            Some(id) => Some(id.to_owned()),
            None => Some(format!("{}->{}", text("from")?, text("to")?)),
        },
        _ => None,
    }
}

/// The last operation that touches what `pointer` points at, or something in it or around it.
fn operation_of(document: &Value, patch: &Patch, pointer: &str) -> Option<usize> {
    let wanted: Vec<&str> = pointer.split('/').skip(1).collect();
    let touches = |operation: &Operation| {
        if matches!(operation, Operation::Test { .. }) {
            return false;
        }
        let tokens = place_of(document, operation);
        let shared = tokens.iter().zip(&wanted).take_while(|(a, b)| a == *b).count();
        // A problem of the whole document comes from no operation by itself.
        shared > 0 && (shared == tokens.len() || shared == wanted.len())
    };
    patch.operations.iter().rposition(touches)
}

/// The tokens of the path of an operation, with ids for indices.
fn place_of(document: &Value, operation: &Operation) -> Vec<String> {
    let mut tokens = operation.path().tokens().to_vec();
    if let [list, item, ..] = tokens.as_mut_slice() {
        let added = operation.value().filter(|_| item == "-");
        let id = added.and_then(|value| id_of(list, value)).or_else(|| id_at(document, list, item));
        if let Some(id) = id {
            *item = id;
        }
    }
    tokens
}
