//! Documents in `tests/cases`, each with a snapshot of what becomes of it beside it.

use std::path::{Path, PathBuf};

use aob_ir::{Code, Severity, compile_text, render_diagnostics};

use crate::describe::describe;

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(kind)
}

fn cases(kind: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = std::fs::read_dir(folder(kind))
        .expect("the folder of cases")
        .map(|entry| entry.expect("a case").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a readable case"))
        })
        .collect();
    found.sort();
    found
}

fn snapshot(kind: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder(kind));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name.to_owned(), text));
}

#[test]
fn bad_documents_get_the_errors_a_person_would_want() {
    let cases = cases("bad");
    assert!(cases.len() >= 60, "{} cases", cases.len());
    for (name, text) in cases {
        let problems = compile_text(&text).expect_err(&name).0;
        assert!(problems.iter().any(|p| p.severity == Severity::Error), "{name}");
        let file = format!("{name}.json");
        snapshot("bad", &name, &render_diagnostics(&file, &text, &problems));
    }
}

#[test]
fn good_documents_compile_to_what_they_say() {
    for (name, text) in cases("good") {
        let compiled = compile_text(&text).unwrap_or_else(|problems| panic!("{name}:\n{problems}"));
        snapshot("good", &name, &describe(&compiled));
    }
}

#[test]
fn every_code_is_shown_by_a_case() {
    let mut unseen: Vec<Code> = Code::ALL.to_vec();
    for (_, text) in cases("bad").into_iter().chain(cases("good")) {
        let problems = match compile_text(&text) {
            Ok(compiled) => compiled.warnings,
            Err(problems) => problems.0,
        };
        unseen.retain(|code| problems.iter().all(|problem| problem.code != *code));
    }
    // These two take more text than a case should have; tests of their own show them.
    unseen.retain(|code| !matches!(code, Code::TooLarge | Code::TooManyProblems));
    assert_eq!(unseen, []);
}

/// What the fuzz target asserts of any text, over its seeds.
#[test]
fn canonical_texts_of_cases_mean_the_same() {
    for (name, text) in cases("good") {
        let compiled = compile_text(&text).unwrap_or_else(|problems| panic!("{name}:\n{problems}"));
        let again = compile_text(&compiled.ir.canonical).expect(&name);
        assert_eq!(again.ir.digest, compiled.ir.digest, "{name}");
        assert_eq!(again.ir.canonical, compiled.ir.canonical, "{name}");
    }
}
