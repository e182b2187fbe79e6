//! House rules that no compiler checks: headers, sizes, purity by text, lints in every crate.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Lines of a file at most.
const FILE_LINES_MAX: usize = 800;
/// Lines of a function that should not be exceeded often.
const FUNCTION_LINES: usize = 60;
/// Share of functions that may exceed it, in percent.
const LONG_FUNCTIONS_PERCENT_MAX: usize = 2;
/// Crates without I/O and clock; their sources must not even mention these.
const PURE: &[&str] = &[
    "crates/address/src",
    "crates/ir/src",
    "crates/materializer/src",
    "crates/validator/src",
    "crates/engine/src",
    "crates/checker/src",
];
const IMPURE_WORDS: &[&str] =
    &["async fn", ".await", "std::time", "std::fs", "std::net", "std::env", "std::thread", "tokio"];

/// Checks the rules.
///
/// # Errors
/// If one is broken, with every place.
pub(crate) fn check() -> Result<()> {
    let mut files = Vec::new();
    for root in ["crates", "cmd", "bench", "xtask", "optimizer"] {
        collect(Path::new(root), &mut files)?;
    }
    let mut problems = Vec::new();
    let (mut functions, mut long) = (0, 0);
    for file in &files {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        if file.file_name().is_some_and(|name| name == "Cargo.toml") {
            manifest(file, &text, &mut problems);
            continue;
        }
        source(file, &text, &mut problems);
        for lines in function_lengths(&text) {
            functions += 1;
            long += usize::from(lines > FUNCTION_LINES);
        }
    }
    if long * 100 > functions * LONG_FUNCTIONS_PERCENT_MAX {
        problems.push(format!("{long} of {functions} functions are over {FUNCTION_LINES} lines"));
    }
    if problems.is_empty() {
        return Ok(());
    }
    bail!("house rules are broken:\n  {}", problems.join("\n  "));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target" && name != "generated") {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|e| e == "rs")
            || path.file_name().is_some_and(|name| name == "Cargo.toml")
        {
            files.push(path);
        }
    }
    Ok(())
}

fn manifest(file: &Path, text: &str, problems: &mut Vec<String>) {
    let is_workspace = text.contains("[workspace]");
    if !is_workspace && !text.contains("[lints]\nworkspace = true") {
        problems.push(format!("{}: no `[lints] workspace = true`", file.display()));
    }
}

fn source(file: &Path, text: &str, problems: &mut Vec<String>) {
    let name = file.display();
    if !text.starts_with("//!") {
        problems.push(format!("{name}: does not open with a `//!` line"));
    }
    let count = text.lines().count();
    if count > FILE_LINES_MAX {
        problems.push(format!("{name}: {count} lines"));
    }
    let of_tests =
        file.ends_with("tests.rs") || file.components().any(|c| c.as_os_str() == "tests");
    let pure = !of_tests && PURE.iter().any(|root| file.starts_with(root));
    for (index, line) in text.lines().enumerate() {
        let place = || format!("{name}:{}", index + 1);
        if line.ends_with([' ', '\t']) {
            problems.push(format!("{}: trailing space", place()));
        }
        let code = line.split("//").next().unwrap_or_default();
        if pure && let Some(word) = IMPURE_WORDS.iter().find(|word| code.contains(*word)) {
            problems.push(format!("{}: `{word}` in a pure crate", place()));
        }
    }
}

/// Lengths of the functions of a source that rustfmt has formatted: from the line of `fn` to the
/// closing brace in the same column.
fn function_lengths(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let mut lengths = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let is_function = trimmed.split(" fn ").count() > 1 || trimmed.starts_with("fn ");
        if !is_function || trimmed.starts_with("//") {
            continue;
        }
        let indent = line.len() - trimmed.len();
        let end = lines[start..].iter().position(|line| {
            line.len() - line.trim_start().len() == indent
                && (line.trim() == "}" || line.trim_end().ends_with(';') || line.ends_with(" }"))
        });
        if let Some(end) = end {
            lengths.push(end + 1);
        }
    }
    lengths
}
