//! The targets of fuzzing, driven by mutations of everything we have.

mod inputs;

use std::panic::{AssertUnwindSafe, catch_unwind};

use aob_fuzz::{
    Dice, Mixtures, document, events, log_of, mangle_bytes, patch, run, seeds, snapshot, validation,
};
use aob_materializer::{Budget, Patch, materialize};

use crate::inputs::{a_log, a_patch, a_run, logs};

/// Feeds `bytes`, and says what they were where that panics.
fn feed(name: &str, seed: u64, target: fn(&[u8]), bytes: &[u8]) {
    let caught = catch_unwind(AssertUnwindSafe(|| target(bytes)));
    if let Err(panic) = caught {
        let path = std::env::temp_dir().join(format!("aob-fuzz-{name}-{seed}"));
        std::fs::write(&path, bytes).expect("a writable temporary folder");
        let message = panic.downcast_ref::<String>().map_or("it panics", String::as_str);
        panic!("{name}, seed {seed}, input in {}: {message}", path.display());
    }
}

fn many(first: u64, count: u64) {
    let seeds = seeds();
    for at in first..first + count {
        let bytes = a_run(&mut Dice::seeded(at), &seeds);
        feed("document", at, document, bytes.split(|byte| *byte == 0).next().unwrap_or_default());
        feed("run", at, run, &bytes);
    }
    for at in first..first + count {
        feed("patch", at, patch, &a_patch(&mut Dice::seeded(at), &seeds));
    }
    let logs = logs(&seeds);
    for at in first..first + count {
        feed("events", at, events, &a_log(&mut Dice::seeded(at), &logs));
    }
}

#[test]
fn seeds_run_as_they_are() {
    for (at, seed) in seeds().iter().enumerate() {
        feed("document", at as u64, document, seed.document.as_bytes());
        feed("run", at as u64, run, format!("{}\0{}", seed.document, seed.inputs).as_bytes());
    }
}

#[test]
fn mutations_of_documents_and_logs_break_nothing() {
    many(0, 2_500);
}

/// Patches that are all refused would show nothing.
#[test]
fn many_patches_fit_their_documents() {
    let seeds = seeds();
    let fits = |at: &u64| {
        let bytes = a_patch(&mut Dice::seeded(*at), &seeds);
        let mut parts = bytes.splitn(2, |byte| *byte == 0);
        let document = std::str::from_utf8(parts.next()?).ok()?;
        let base = aob_ir::parse_document(document).ok()?;
        let text = std::str::from_utf8(parts.next()?).ok()?;
        let patch = Patch::parse(text, &Budget::PERSON).ok()?;
        materialize(&base, &patch, &Budget::PERSON).ok()
    };
    let fitting = (0..1_000).filter(|at| fits(at).is_some()).count();
    assert!(fitting > 200, "only {fitting} of 1,000");
}

#[test]
fn any_bytes_are_a_snapshot_or_refused() {
    let mut dice = Dice::seeded(7);
    for seed in seeds().iter().take(60) {
        let input = format!("{}\0{}", seed.document, seed.inputs);
        let Some(log) = log_of(input.as_bytes()) else { continue };
        let mut state = aob_engine::RunState::default();
        for line in log.split(|byte| *byte == b'\n' || *byte == 0).skip(1) {
            if let Ok(event) = serde_json::from_slice(line) {
                aob_engine::apply(&mut state, &event);
            }
        }
        for at in 0..40 {
            let mut bytes = state.to_snapshot();
            mangle_bytes(&mut dice, &mut bytes);
            feed("snapshot", at, snapshot, &bytes);
        }
    }
}

fn validate_many(first: u64, count: u64) {
    let corpus = Mixtures::load();
    for at in first..first + count {
        feed("validation", at, validation, &corpus.a_patch(&mut Dice::seeded(at)));
    }
}

#[test]
fn mixtures_of_patches_grow_nothing_without_an_approval() {
    validate_many(0, 1_000);
}

/// `make fuzz-patches RUNS=1000000` runs as many as one likes.
#[test]
#[ignore = "some minutes"]
fn twenty_thousand_mixtures_of_patches_grow_nothing_without_an_approval() {
    validate_many(2_000_000, 20_000);
}

#[test]
#[ignore = "a quarter of an hour"]
fn a_hundred_thousand_mutations_break_nothing() {
    many(1_000_000, 100_000);
}
