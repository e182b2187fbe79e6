//! JSON pointers (RFC 6901).

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A JSON pointer, in tokens without escapes.
///
/// In a list, a token of digits alone is an index and `-` is the place after the last item. In the
/// lists `nodes` and `edges` of a document, and of a sub-workflow given inline, any other token is
/// the id of an item; an edge that names none has the id `from->to`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Pointer {
    tokens: Vec<String>,
}

/// A text that is not a JSON pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPointer {
    /// It is neither empty nor starts with `/`.
    #[error("a JSON pointer is empty (the whole document) or starts with `/`")]
    NoSlash,
    /// It is written as the fragment of a URI.
    #[error("this is a URI fragment; a JSON pointer in a patch is written without `#`")]
    Fragment,
    /// A `~` that is not followed by `0` or `1`.
    #[error("in a JSON pointer `~` is written `~0`, and `/` within a key is written `~1`")]
    Escape,
}

impl Pointer {
    /// The pointer to the whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// A pointer from tokens without escapes.
    pub fn from_tokens(tokens: Vec<String>) -> Self {
        Self { tokens }
    }

    /// The tokens, without escapes.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// The pointer one token further.
    #[must_use]
    pub fn child(&self, token: impl Into<String>) -> Self {
        let mut tokens = self.tokens.clone();
        tokens.push(token.into());
        Self { tokens }
    }

    /// Whether `other` is at or below this one. Tokens are compared as they are written: an index
    /// and the id of the same item differ.
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        other.tokens.starts_with(&self.tokens)
    }

    pub(crate) fn push(&mut self, token: &str) {
        self.tokens.push(token.to_owned());
    }

    pub(crate) fn pop(&mut self) {
        self.tokens.pop();
    }

    /// The first `length` tokens.
    #[must_use]
    pub(crate) fn truncated(&self, length: usize) -> Self {
        Self { tokens: self.tokens.iter().take(length).cloned().collect() }
    }
}

impl FromStr for Pointer {
    type Err = InvalidPointer;

    fn from_str(text: &str) -> Result<Self, InvalidPointer> {
        if text.starts_with('#') {
            return Err(InvalidPointer::Fragment);
        }
        let Some(rest) = text.strip_prefix('/') else {
            return if text.is_empty() { Ok(Self::root()) } else { Err(InvalidPointer::NoSlash) };
        };
        let tokens = rest.split('/').map(unescape).collect::<Result<_, _>>()?;
        Ok(Self { tokens })
    }
}

/// `~1` first, then `~0`: `~01` is `~1`, not `/` (RFC 6901, section 4).
fn unescape(token: &str) -> Result<String, InvalidPointer> {
    if !token.contains('~') {
        return Ok(token.to_owned());
    }
    let mut text = String::with_capacity(token.len());
    let mut parts = token.split('~');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let mut chars = part.chars();
        text.push(match chars.next() {
            Some('0') => '~',
            Some('1') => '/',
            Some(_) | None => return Err(InvalidPointer::Escape),
        });
        text.push_str(chars.as_str());
    }
    Ok(text)
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for token in &self.tokens {
            f.write_str("/")?;
            for (at, part) in token.split('~').enumerate() {
                if at > 0 {
                    f.write_str("~0")?;
                }
                for (at, part) in part.split('/').enumerate() {
                    if at > 0 {
                        f.write_str("~1")?;
                    }
                    f.write_str(part)?;
                }
            }
        }
        Ok(())
    }
}

impl Serialize for Pointer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
