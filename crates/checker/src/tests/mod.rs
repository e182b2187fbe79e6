//! Small logs written by hand: the good ones are clean, and each rule catches logs that break it.

mod budgeted;
mod build;
mod edit;
mod logs;
mod mutations;
mod patched;
mod stops;

use std::collections::BTreeSet;

use aob_engine::EventKind;

use crate::{ELSEWHERE, RULES, check};

#[test]
fn good_logs_are_clean() {
    for log in logs::all() {
        let report = log.check();
        assert!(report.is_clean(), "log `{}`:\n{report}", log.name);
        assert!(report.graph_checked, "log `{}` is checked with its graph", log.name);
    }
}

#[test]
fn every_prefix_of_a_good_log_is_clean() {
    for log in logs::all() {
        let find = |_: &aob_ir::Digest| Some(log.ir.clone());
        for len in 0..log.events.len() {
            let report = check(&log.events[..len], &find);
            assert!(report.is_clean(), "first {len} events of log `{}`:\n{report}", log.name);
        }
    }
}

#[test]
fn good_logs_are_clean_without_their_graph() {
    for log in logs::all() {
        let report = check(&log.events, &|_| None);
        assert!(report.is_clean() && !report.graph_checked, "log `{}`:\n{report}", log.name);
    }
}

#[test]
fn every_kind_of_event_occurs() {
    let seen: BTreeSet<&str> =
        logs::all().iter().flat_map(|log| log.events.iter().map(|e| e.kind.name())).collect();
    let missing: Vec<_> = EventKind::NAMES.iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "no log has {missing:?}");
}

#[test]
fn every_mutation_breaks_its_rule() {
    let mut missed = Vec::new();
    for mutation in mutations::ALL {
        let mut log = (mutation.log)();
        (mutation.change)(&mut log);
        let report = log.check();
        if !report.violations.iter().any(|found| found.invariant == mutation.rule) {
            missed.push(format!(
                "`{}` must break {}, found:\n{report}",
                mutation.name, mutation.rule
            ));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn every_rule_has_a_mutation() {
    let covered: BTreeSet<&str> = mutations::ALL.iter().map(|mutation| mutation.rule).collect();
    let missing: Vec<_> = RULES.iter().filter(|rule| !covered.contains(rule.id)).collect();
    assert!(missing.is_empty(), "nothing breaks {missing:#?}");
}

#[test]
fn every_invariant_is_checked_or_said_to_be_shown_elsewhere() {
    let checked = RULES.iter().map(|rule| rule.id).filter(|id| id.starts_with("I-"));
    let mut ids: Vec<&str> = checked.chain(ELSEWHERE.iter().map(|other| other.id)).collect();
    ids.sort_unstable();
    let all: Vec<String> = (1..=56).map(|number| format!("I-{number:02}")).collect();
    assert_eq!(ids, all);
}

#[test]
fn what_needs_an_approval_is_looked_at() {
    assert_eq!(logs::guarded().check().count("gate_checked"), 1);
}

#[test]
fn nothing_panics_on_a_log_in_disorder() {
    for log in logs::all() {
        let find = |_: &aob_ir::Digest| Some(log.ir.clone());
        let len = log.events.len();
        for first in 0..len {
            // From the middle, backwards, and with one event moved to the end.
            check(&log.events[first..], &find);
            let mut events = log.events.clone();
            events.reverse();
            events.rotate_left(first);
            check(&events, &find);
            let mut events = log.events.clone();
            let moved = events.remove(first);
            events.push(moved);
            let report = check(&events, &find);
            assert!(!report.is_clean() || first + 1 == len, "log `{}`, event {first}", log.name);
        }
    }
}
