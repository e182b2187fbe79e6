//! From JSON pointers to places in the text they came from.

use std::collections::BTreeMap;
use std::ops::Range;

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its key, where it is in an object.
    pub(crate) key: Option<Range<usize>>,
    /// The value.
    pub(crate) value: Range<usize>,
}

/// Pointers that are looked for, by their steps.
#[derive(Default)]
struct Wanted {
    pointers: Vec<usize>,
    children: BTreeMap<String, Wanted>,
}

/// Finds all `pointers` in one pass over `text`. What is not there is found at the nearest value
/// around it that is; only a text that is not JSON gives `None`.
pub(crate) fn locate(text: &str, pointers: &[&str]) -> Vec<Option<Span>> {
    let mut root = Wanted::default();
    for (ix, pointer) in pointers.iter().enumerate() {
        let mut at = &mut root;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            at = at.children.entry(step).or_default();
        }
        at.pointers.push(ix);
    }
    let mut scanner = Scanner { text, at: 0, found: vec![None; pointers.len()] };
    scanner.skip_space();
    // A text that is broken somewhere behind is found as far as it goes.
    let _ = scanner.value(&root, None);
    scanner.found
}

/// Not JSON.
struct Broken;

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    found: Vec<Option<Span>>,
}

impl Scanner<'_> {
    fn value(&mut self, wanted: &Wanted, key: Option<Range<usize>>) -> Result<(), Broken> {
        let start = self.at;
        if !wanted.children.is_empty() {
            match self.peek() {
                Some(b'{') => self.object(wanted)?,
                Some(b'[') => self.list(wanted)?,
                _ => self.skip()?,
            }
        } else {
            self.skip()?;
        }
        let span = Span { key, value: start..self.at };
        self.record(wanted, &span);
        Ok(())
    }

    /// Notes the place of what is wanted here, and of what is wanted below and was not there.
    fn record(&mut self, wanted: &Wanted, span: &Span) {
        for ix in &wanted.pointers {
            self.found[*ix] = Some(span.clone());
        }
        for child in wanted.children.values() {
            self.record_missing(child, span);
        }
    }

    fn record_missing(&mut self, wanted: &Wanted, span: &Span) {
        for ix in &wanted.pointers {
            self.found[*ix].get_or_insert_with(|| span.clone());
        }
        for child in wanted.children.values() {
            self.record_missing(child, span);
        }
    }

    fn object(&mut self, wanted: &Wanted) -> Result<(), Broken> {
        self.at += 1;
        loop {
            self.skip_space();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b',') => self.at += 1,
                Some(b'"') => {
                    let start = self.at;
                    self.skip_string()?;
                    let key = start..self.at;
                    self.skip_space();
                    self.expect(b':')?;
                    self.skip_space();
                    let name: String =
                        serde_json::from_str(&self.text[key.clone()]).map_err(|_| Broken)?;
                    match wanted.children.get(&name) {
                        Some(child) => self.value(child, Some(key))?,
                        None => self.skip()?,
                    }
                }
                _ => return Err(Broken),
            }
        }
    }

    fn list(&mut self, wanted: &Wanted) -> Result<(), Broken> {
        self.at += 1;
        let mut index = 0_usize;
        loop {
            self.skip_space();
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b',') => self.at += 1,
                Some(_) => {
                    match wanted.children.get(&index.to_string()) {
                        Some(child) => self.value(child, None)?,
                        None => self.skip()?,
                    }
                    index += 1;
                }
                None => return Err(Broken),
            }
        }
    }

    /// Skips a value without looking into it.
    fn skip(&mut self) -> Result<(), Broken> {
        let mut depth = 0_usize;
        loop {
            self.skip_space();
            match self.peek().ok_or(Broken)? {
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1).ok_or(Broken)?;
                    self.at += 1;
                }
                b'"' => self.skip_string()?,
                b',' | b':' if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                _ => self.skip_word()?,
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn skip_string(&mut self) -> Result<(), Broken> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            match bytes.get(at).ok_or(Broken)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Ok(())
    }

    fn skip_word(&mut self) -> Result<(), Broken> {
        let rest = &self.text.as_bytes()[self.at..];
        let is_end = |b: &u8| b",:]}{[\"".contains(b) || b.is_ascii_whitespace();
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        self.at += length;
        if length == 0 { Err(Broken) } else { Ok(()) }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Broken> {
        if self.peek() != Some(byte) {
            return Err(Broken);
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown<'t>(text: &'t str, pointer: &str) -> (Option<&'t str>, &'t str) {
        let span = locate(text, &[pointer]).remove(0).unwrap();
        (span.key.map(|key| &text[key]), &text[span.value])
    }

    #[test]
    fn values_and_keys_are_found() {
        let text = r#" {"a": [1, {"b/c": "x\"y", "~": null}], "é\n": {}} "#;
        assert_eq!(shown(text, ""), (None, text.trim()));
        assert_eq!(shown(text, "/a/0"), (None, "1"));
        assert_eq!(shown(text, "/a/1/b~1c"), (Some(r#""b/c""#), r#""x\"y""#));
        assert_eq!(shown(text, "/a/1/~0"), (Some(r#""~""#), "null"));
        assert_eq!(shown(text, "/é\n"), (Some(r#""é\n""#), "{}"));
        // What is not there is found where it would be.
        assert_eq!(shown(text, "/a/1/x/y"), (None, r#"{"b/c": "x\"y", "~": null}"#));
        assert_eq!(shown(text, "/a/0/x"), (None, "1"));
        assert_eq!(shown(r#"{"a": 1, "a": 2}"#, "/a").1, "2");
    }

    #[test]
    fn texts_that_are_not_json_are_found_as_far_as_they_go() {
        for text in ["", "{", "[1, 2", "{\"a\"", "{\"a\": \"", "}", "[1 2]]", "{\"a\\", "\"\\"] {
            locate(text, &["/a", "/1", ""]);
        }
        assert_eq!(locate("[1, 2", &["/1"])[0].as_ref().map(|span| span.value.clone()), Some(4..5));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*", pointer in "(/[a-z0-9~]{0,3}){0,4}") {
            locate(&text, &[&pointer]);
        }
    }
}
