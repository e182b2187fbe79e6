//! The OpenAPI document of all services in one, as clients are generated from it.

use serde_json::Value;

/// The document, indented, with keys in order: the same code gives the same bytes.
pub(super) fn document() -> String {
    let mut whole = serde_json::to_value(aob_orchestrator::openapi()).unwrap_or_default();
    let streams = serde_json::to_value(aob_fanout::openapi()).unwrap_or_default();
    for part in ["/paths", "/components/schemas"] {
        let more = streams.pointer(part).and_then(Value::as_object).cloned();
        let all = whole.pointer_mut(part).and_then(Value::as_object_mut);
        let (Some(all), Some(more)) = (all, more) else { continue };
        for (name, said) in more {
            all.entry(name).or_insert(said);
        }
    }
    // Where keys keep the order of insertion, they are sorted here.
    whole.sort_all_objects();
    format!("{whole:#}\n")
}
