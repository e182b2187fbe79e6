//! The names of node types, and what unknown ones were probably meant to be.

/// Types that this server knows, as the schema lists them.
pub(crate) const KNOWN_TYPES: [&str; 17] = [
    "function",
    "task",
    "http",
    "transform",
    "filter",
    "aggregate",
    "conditional",
    "parallel",
    "map",
    "join",
    "loop",
    "composite",
    "agent",
    "hitl",
    "timer",
    "signal",
    "handoff",
];

/// Words that other tools have for what we call otherwise.
const SYNONYMS: [(&str, &str); 60] = [
    ("approval", "hitl"),
    ("approve", "hitl"),
    ("human", "hitl"),
    ("human_in_the_loop", "hitl"),
    ("human_approval", "hitl"),
    ("manual", "hitl"),
    ("review", "hitl"),
    ("user_task", "hitl"),
    ("activity", "function"),
    ("call", "function"),
    ("code", "function"),
    ("func", "function"),
    ("lambda", "function"),
    ("script", "function"),
    ("python", "function"),
    ("javascript", "function"),
    ("service_task", "function"),
    ("branch", "conditional"),
    ("choice", "conditional"),
    ("condition", "conditional"),
    ("decision", "conditional"),
    ("if", "conditional"),
    ("router", "conditional"),
    ("switch", "conditional"),
    ("for_each", "map"),
    ("foreach", "map"),
    ("for", "map"),
    ("iterate", "map"),
    ("iterator", "map"),
    ("do_while", "loop"),
    ("repeat", "loop"),
    ("until", "loop"),
    ("while", "loop"),
    ("delay", "timer"),
    ("pause", "timer"),
    ("sleep", "timer"),
    ("wait", "timer"),
    ("api", "http"),
    ("fetch", "http"),
    ("http_request", "http"),
    ("request", "http"),
    ("rest", "http"),
    ("child_workflow", "composite"),
    ("sub_workflow", "composite"),
    ("subworkflow", "composite"),
    ("subflow", "composite"),
    ("workflow", "composite"),
    ("fan_out", "parallel"),
    ("fork", "parallel"),
    ("split", "parallel"),
    ("fan_in", "join"),
    ("gather", "join"),
    ("merge", "join"),
    ("ai", "agent"),
    ("llm", "agent"),
    ("prompt", "agent"),
    ("event", "signal"),
    ("wait_for_event", "signal"),
    ("reduce", "aggregate"),
    ("set", "transform"),
];

/// The known type that `name` was probably meant to be; `None` for what is simply unknown.
pub(crate) fn meant(name: &str) -> Option<&'static str> {
    let normal = name.to_lowercase().replace(['-', ' '], "_");
    let words = KNOWN_TYPES.into_iter().chain(SYNONYMS.into_iter().map(|(word, _)| word));
    let word = crate::names::nearest(&normal, words)?;
    let synonym = SYNONYMS.into_iter().find(|(known, _)| *known == word);
    KNOWN_TYPES.into_iter().find(|known| *known == synonym.map_or(word, |(_, meant)| meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_and_synonyms_are_recognised() {
        let cases = [
            ("aproval", "hitl"),
            ("hilt", "hitl"),
            ("Approval", "hitl"),
            ("fucntion", "function"),
            ("script", "function"),
            ("if", "conditional"),
            ("condtional", "conditional"),
            ("for-each", "map"),
            ("maps", "map"),
            ("HTTP", "http"),
            ("htpp", "http"),
            ("while", "loop"),
            ("sleep", "timer"),
            ("sub-workflow", "composite"),
            ("llm", "agent"),
            ("joins", "join"),
            ("paralel", "parallel"),
            ("signl", "signal"),
        ];
        for (name, expected) in cases {
            assert_eq!(meant(name), Some(expected), "{name}");
        }
        for name in ["quantum_solver", "vector_search", "x", "", "kafka_consume", "ocr"] {
            assert_eq!(meant(name), None, "{name}");
        }
        for (_, target) in SYNONYMS {
            assert!(KNOWN_TYPES.contains(&target), "{target}");
        }
    }
}
