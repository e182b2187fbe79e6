//! `?types=`: which events a client wants.

use aob_edge::{Query, Refusal, nearest};
use aob_engine::EventKind;

/// What log lines are called.
pub(crate) const LOG: &str = "log";

/// Names and prefixes of types; empty: all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    patterns: Vec<String>,
}

impl Filter {
    /// `types=node_completed,run_*`, all of which must name something.
    pub(crate) fn of(query: &Query) -> Result<Self, Refusal> {
        let given = query.all("types").flat_map(|text| text.split(',')).map(str::trim);
        let patterns: Vec<String> =
            given.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        for pattern in &patterns {
            let names = || EventKind::NAMES.iter().copied().chain([LOG]);
            if !names().any(|name| matches(pattern, name)) {
                let hint = match nearest(pattern, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "give names of events, or prefixes such as `node_*`".to_owned(),
                };
                let what = format!("names `{pattern}`, which no event is called");
                return Err(Query::refuse("types", &what, &hint));
            }
        }
        Ok(Self { patterns })
    }

    /// True where events of this type are wanted.
    pub(crate) fn wants(&self, kind: &str) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| matches(pattern, kind))
    }
}

fn matches(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => kind.starts_with(prefix),
        None => kind == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(query: &str) -> Result<Filter, Refusal> {
        let uri = format!("/stream?{query}").parse().unwrap_or_default();
        Filter::of(&Query::of(&uri, &["types"])?)
    }

    #[test]
    fn names_and_prefixes_are_wanted() {
        let all = filter("").unwrap();
        assert!(all.wants("run_created") && all.wants("anything_newer"));
        let some = filter("types=node_*,run_failed&types=signal_received").unwrap();
        assert!(some.wants("node_completed") && some.wants("signal_received"));
        assert!(!some.wants("run_created"));
    }

    #[test]
    fn what_no_event_is_called_is_refused() {
        let refusal = filter("types=node_completd").unwrap_err().0;
        assert_eq!(refusal.hint.as_deref(), Some("did you mean `node_completed`?"));
        assert!(filter("types=token_*").is_err());
    }
}
