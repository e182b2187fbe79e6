//! What templates and predicates need of the values they work on.

use aob_ir::{
    NodeIr, NodeKind, OnError, Reads, ReferenceUse, Root, Template, Tolerate, TransformIr,
};
use aob_passes::{Body, Filter};
use serde_json::Value;

/// Evaluating the node cannot fail, whatever it reads.
pub(crate) fn is_total(node: &NodeIr) -> bool {
    let NodeKind::Transform(TransformIr::Template(template)) = &node.kind else { return false };
    template.references().iter().all(|reference| reference.optional || is_whole(reference))
}

/// A root that is always there, without a path.
fn is_whole(reference: &ReferenceUse<'_>) -> bool {
    matches!(reference.text, "$input" | "$inputs" | "$run" | "input" | "inputs" | "run")
}

/// The predicate of a filter.
pub(crate) fn predicate(node: &NodeIr) -> Option<Filter> {
    let NodeKind::Filter { expression, .. } = &node.kind else { return None };
    let needs = expression.needs();
    let keys = expression.item_keys();
    Some(Filter {
        keys: keys.map(|keys| keys.into_iter().map(str::to_owned).collect()),
        strict: expression.reads_everything(),
        reads_input: needs.input,
        reads: needs.nodes.iter().map(ToString::to_string).collect(),
    })
}

/// The body of a map that builds an object for each item with a template, and nothing else.
pub(crate) fn body(node: &NodeIr) -> Option<Body> {
    let NodeKind::Map(map) = &node.kind else { return None };
    let body = &map.body;
    let tolerates = match map.tolerate {
        Tolerate::Count(count) => count > 0,
        Tolerate::Percent(share) => share > 0,
    };
    let plain = body.on_error == OnError::Fail
        && body.compensate.is_none()
        && body.checks.pre.is_empty()
        && body.checks.post.is_empty();
    let NodeKind::Transform(TransformIr::Template(template)) = &body.kind else { return None };
    if plain && !tolerates { object_of_item(template) } else { None }
}

fn object_of_item(template: &Template) -> Option<Body> {
    let Value::Object(_) = template.source() else { return None };
    let mut body =
        Body { passes: Vec::new(), needs: Vec::new(), total_otherwise: true, reads_index: false };
    for reference in template.references() {
        let of_item = match reference.reads {
            Reads::Root(Root::Item | Root::Input) => true,
            Reads::Root(Root::Index) => {
                body.reads_index = true;
                continue;
            }
            Reads::Root(Root::Node(_) | Root::Inputs | Root::Run | Root::Iteration) => false,
            Reads::Secret(_) => return None,
        };
        if reference.optional || is_whole(&reference) || is_item(reference.text) {
            continue;
        }
        match reference.key.filter(|key| of_item && is_one_step(reference.text, key)) {
            Some(key) => {
                let unchanged = template.source().get(key).and_then(Value::as_str);
                let at_its_place = reference.pointer.strip_prefix('/') == Some(key);
                if at_its_place && unchanged == Some(reference.text) {
                    body.passes.push(key.to_owned());
                }
                body.needs.push(key.to_owned());
            }
            None => body.total_otherwise = false,
        }
    }
    Some(body)
}

fn is_item(text: &str) -> bool {
    matches!(text, "$item" | "item")
}

/// The reference is one key of the item, and no more.
fn is_one_step(text: &str, key: &str) -> bool {
    let path = text.strip_prefix('$').unwrap_or(text);
    let rest = path.strip_prefix("item.").or_else(|| path.strip_prefix("input."));
    rest == Some(key)
}
