//! Diagnostics as a compiler prints them.

use std::fmt::Write as _;
use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::span::{Span, locate};

/// Characters of a source line that are shown; documents may be one long line.
const MAX_LINE: usize = 100;

/// Renders `diagnostics` over the text they are about: each with file, line and column, the source
/// line, a caret, and help, then a summary. Plain text; the caller adds colour if it likes.
pub fn render_diagnostics(
    file_name: &str,
    source_text: &str,
    diagnostics: &[Diagnostic],
) -> String {
    let pointers: Vec<&str> = diagnostics.iter().map(|d| d.pointer.as_str()).collect();
    let spans = locate(source_text, &pointers);
    let source = Source::new(file_name, source_text);
    let mut out = String::new();
    let mut found: Vec<_> = diagnostics.iter().zip(spans).collect();
    found.sort_by_key(|(_, span)| span.as_ref().map(|span| span.value.start));
    for (diagnostic, span) in found {
        source.diagnostic(&mut out, diagnostic, span.as_ref());
        out.push('\n');
    }
    summary(&mut out, file_name, diagnostics);
    out
}

struct Source<'t> {
    file_name: &'t str,
    text: &'t str,
    /// Where each line starts.
    lines: Vec<usize>,
}

impl<'t> Source<'t> {
    fn new(file_name: &'t str, text: &'t str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { file_name, text, lines: [0].into_iter().chain(starts).collect() }
    }

    fn diagnostic(&self, out: &mut String, diagnostic: &Diagnostic, span: Option<&Span>) {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{severity}[{}]: {}", diagnostic.code, diagnostic.message);
        let place = match (diagnostic.position, span) {
            (Some(position), _) => self.offset(position.line, position.column),
            (None, Some(span)) => Some(place(diagnostic.code, span)),
            (None, None) => None,
        };
        let margin = match place {
            Some(place) => self.excerpt(out, place),
            None => {
                let _ = writeln!(out, " --> {}", self.file_name);
                1
            }
        };
        if !diagnostic.pointer.is_empty() {
            let _ = writeln!(out, "{:margin$} = at: {}", "", diagnostic.pointer);
        }
        if let Some(hint) = &diagnostic.hint {
            let _ = writeln!(out, "{:margin$} = help: {hint}", "");
        }
        if let Some(example) = &diagnostic.example {
            let _ = writeln!(out, "{:margin$} = example: {example}", "");
        }
    }

    /// Writes place, source line and caret; returns the width of the margin.
    fn excerpt(&self, out: &mut String, place: Range<usize>) -> usize {
        let line = self.lines.partition_point(|start| *start <= place.start);
        let start = self.lines[line - 1];
        let text = self.text[start..].split(['\n', '\r']).next().unwrap_or_default();
        let column = self.text[start..place.start].chars().count();
        let end = place.end.min(start + text.len()).max(place.start);
        let width = self.text[place.start..end].chars().count().max(1);
        let margin = line.to_string().len();
        let (shown, moved, width) = window(text, column, width);
        let _ = writeln!(out, "{:margin$}--> {}:{line}:{}", "", self.file_name, column + 1);
        let _ = writeln!(out, "{:margin$} |", "");
        let _ = writeln!(out, "{line} | {shown}");
        let _ = writeln!(out, "{:margin$} | {:moved$}{}", "", "", "^".repeat(width));
        margin
    }

    fn offset(&self, line: usize, column: usize) -> Option<Range<usize>> {
        let start = *self.lines.get(line.checked_sub(1)?)?;
        let line = self.text[start..].split('\n').next().unwrap_or_default();
        let offset =
            line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
        let at = start + offset;
        Some(at..at)
    }
}

/// What a problem is about: for some the key, for most the value.
fn place(code: Code, span: &Span) -> Range<usize> {
    let is_about_key = matches!(
        code,
        Code::UnknownKey
            | Code::DuplicateKey
            | Code::BothSpellings
            | Code::NotApplicable
            | Code::NotYetSupported
    );
    match &span.key {
        Some(key) if is_about_key => key.clone(),
        _ => span.value.clone(),
    }
}

/// The part of a line around what is marked, with everything that would move the caret replaced.
fn window(line: &str, column: usize, width: usize) -> (String, usize, usize) {
    let length = line.chars().count();
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    if length <= MAX_LINE {
        return (
            line.chars().map(plain).collect(),
            column,
            width.min(length.max(column + 1) - column),
        );
    }
    let before = MAX_LINE / 4;
    let first = column.saturating_sub(before).min(length - MAX_LINE);
    let mut shown: String = line.chars().skip(first).take(MAX_LINE).map(plain).collect();
    let mut moved = column - first;
    if first > 0 {
        shown.insert_str(0, "… ");
        moved += 2;
    }
    if first + MAX_LINE < length {
        shown.push_str(" …");
    }
    (shown, moved, width.min(MAX_LINE - (column - first)).max(1))
}

fn summary(out: &mut String, file_name: &str, diagnostics: &[Diagnostic]) {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let counted = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        count => format!("{count} {word}s"),
    };
    let line = match (errors, warnings) {
        (0, 0) => return,
        (errors, 0) => counted(errors, "error"),
        (0, warnings) => counted(warnings, "warning"),
        (errors, warnings) => {
            format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"))
        }
    };
    let _ = writeln!(out, "{file_name}: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile_text;

    fn render(text: &str) -> String {
        let diagnostics = match compile_text(text) {
            Ok(compiled) => compiled.warnings,
            Err(diagnostics) => diagnostics.0,
        };
        render_diagnostics("wf.json", text, &diagnostics)
    }

    #[test]
    fn looks_like_a_compiler() {
        let text = r#"{
  "nodes": [
    {"id": "a", "type": "aproval"},
	{"id": "b", "type": "http", "tiemout_ms": 5, "config": {"url": "https://é.example/${inputs.x"}}
  ],
  "edges": [{"from": "a", "to": "c"}]
}"#;
        insta::assert_snapshot!(render(text));
    }

    #[test]
    fn syntax_errors_are_shown_where_they_are() {
        insta::assert_snapshot!(render("{\n  \"nodes\": [,]\n}"));
        insta::assert_snapshot!(render(""));
    }

    #[test]
    fn long_lines_are_cut_around_the_problem() {
        let padding = format!("\"description\": \"{}\"", "x".repeat(500));
        let text = format!(
            r#"{{"metadata": {{{padding}}}, "nodes": [{{"id": "a", "type": "conditional", "retries": 3}}], "policies": {{}}, "defaults": {{}}}}"#
        );
        insta::assert_snapshot!(render(&text));
    }
}
