//! The pass over the source before parsing: bounds, and the shorthand `$.x` for `output.x`.

use super::{ExprError, MAX_BRACKETS, MAX_SOURCE_BYTES};

/// What `$` stands for.
const SHORTHAND: &str = "output";

/// Source ready to be parsed.
#[derive(Debug)]
pub(super) struct Scanned {
    /// CEL without shorthands.
    pub(super) text: String,
    /// Where shorthands were, as (line from 1, column from 1) in `text`.
    shorthands: Vec<(isize, isize)>,
}

impl Scanned {
    /// The position in the source of a position in `text`, both from 1.
    pub(super) fn position(&self, (line, column): (isize, isize)) -> (isize, isize) {
        let grown = SHORTHAND.len() as isize - 1;
        let before = self.shorthands.iter().filter(|(l, c)| *l == line && *c < column).count();
        (line.max(1), (column - before as isize * grown).max(1))
    }
}

/// Checks the bounds that the parser must not be trusted with, and expands `$.`.
pub(super) fn scan(source: &str) -> Result<Scanned, ExprError> {
    if source.trim().is_empty() {
        return Err(ExprError::new("the expression is empty"));
    }
    if source.len() > MAX_SOURCE_BYTES {
        let length = source.len();
        return Err(ExprError::new(format!(
            "the expression has {length} bytes, more than {MAX_SOURCE_BYTES}"
        )));
    }
    Scanner { source, at: 0, text: String::new(), depth: 0, shorthands: Vec::new() }.run()
}

struct Scanner<'a> {
    source: &'a str,
    at: usize,
    text: String,
    depth: usize,
    shorthands: Vec<(isize, isize)>,
}

impl Scanner<'_> {
    fn run(mut self) -> Result<Scanned, ExprError> {
        while let Some(c) = self.rest().chars().next() {
            match c {
                '\'' | '"' => self.string(c)?,
                '/' if self.rest().starts_with("//") => {
                    let end = self.rest().find('\n').unwrap_or(self.rest().len());
                    self.copy(end);
                }
                '$' => self.shorthand()?,
                '(' | '[' | '{' => {
                    self.depth += 1;
                    if self.depth > MAX_BRACKETS {
                        return Err(ExprError::new(format!(
                            "brackets are nested deeper than {MAX_BRACKETS} levels"
                        )));
                    }
                    self.copy(1);
                }
                ')' | ']' | '}' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.copy(1);
                }
                other => self.copy(other.len_utf8()),
            }
        }
        Ok(Scanned { text: self.text, shorthands: self.shorthands })
    }

    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn copy(&mut self, bytes: usize) {
        self.text.push_str(&self.source[self.at..self.at + bytes]);
        self.at += bytes;
    }

    fn shorthand(&mut self) -> Result<(), ExprError> {
        if !self.rest().starts_with("$.") {
            let error = ExprError::new("`$` is only known as `$.name`, short for `output.name`");
            return Err(match self.rest() {
                rest if rest.starts_with("$nodes") => {
                    error.with_hint("in an expression, the output of a node is `ctx.<node>`")
                }
                rest if rest.starts_with("$inputs") => {
                    error.with_hint("in an expression, inputs are `inputs.<name>`")
                }
                rest if rest.starts_with("${") => {
                    error.with_hint("an expression is CEL already: leave `${` and `}` out")
                }
                _ => error,
            });
        }
        let line_start = self.text.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text.matches('\n').count() as isize + 1;
        let column = self.text[line_start..].chars().count() as isize + 1;
        self.shorthands.push((line, column));
        self.text.push_str(SHORTHAND);
        self.at += 1;
        Ok(())
    }

    /// Copies a string literal, quotes included; a prefix (`r`, `b`) is copied already.
    fn string(&mut self, quote: char) -> Result<(), ExprError> {
        let raw = self.is_raw();
        let triple: String = [quote; 3].iter().collect();
        let end = if self.rest().starts_with(&triple) { triple } else { quote.to_string() };
        self.copy(end.len());
        loop {
            let rest = self.rest();
            if rest.starts_with(&end) {
                self.copy(end.len());
                return Ok(());
            }
            let mut chars = rest.chars();
            match chars.next() {
                None => return Err(ExprError::new("a text in quotes is never closed")),
                Some('\\') if !raw => {
                    self.copy(1 + chars.next().map_or(0, char::len_utf8));
                }
                Some(c) => self.copy(c.len_utf8()),
            }
        }
    }

    /// Whether the quote at hand follows `r`, `rb` or `br`, in any case, that is a word of its own.
    fn is_raw(&self) -> bool {
        let word_start = self.text.rfind(|c: char| !(c.is_alphanumeric() || c == '_'));
        let word = &self.text[word_start
            .map_or(0, |i| i + self.text[i..].chars().next().map_or(0, char::len_utf8))..];
        matches!(word.to_ascii_lowercase().as_str(), "r" | "rb" | "br")
    }
}
