//! Which fields of a JSON value an approver may edit.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Fields that may be edited, and exceptions from that. The default: none.
///
/// Each is a JSON pointer in which `*` stands for any one key or index; it names that field and
/// everything below it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fields {
    /// What may be edited.
    #[serde(default)]
    pub editable: Vec<Arc<str>>,
    /// What may not be edited, whatever `editable` says.
    #[serde(default)]
    pub fixed: Vec<Arc<str>>,
}

impl Fields {
    /// Whether nothing may be edited.
    pub fn is_empty(&self) -> bool {
        self.editable.is_empty()
    }

    /// Whether the field at `pointer` may be replaced: it is editable, and nothing fixed is at, above
    /// or below it.
    pub fn allow(&self, pointer: &str) -> bool {
        let covers = |pattern: &Arc<str>| agreement(pattern, pointer) == Agreement::Covers;
        let meets = |pattern: &Arc<str>| agreement(pattern, pointer) != Agreement::None;
        pointer.starts_with('/')
            && self.editable.iter().any(covers)
            && !self.fixed.iter().any(meets)
    }
}

/// How a pattern and a pointer go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreement {
    /// They part.
    None,
    /// The pointer is at what the pattern names, or below it.
    Covers,
    /// What the pattern names is below the pointer.
    Below,
}

fn agreement(pattern: &str, pointer: &str) -> Agreement {
    let (mut pattern, mut pointer) = (pattern.split('/').skip(1), pointer.split('/').skip(1));
    loop {
        match (pattern.next(), pointer.next()) {
            (None, _) => return Agreement::Covers,
            (Some(_), None) => return Agreement::Below,
            (Some(wanted), Some(token)) if wanted == "*" || wanted == token => {}
            (Some(_), Some(_)) => return Agreement::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_editable_and_not_fixed_may_be_edited() {
        let fields = Fields {
            editable: vec!["/amount".into(), "/lines/*/price".into(), "/to".into()],
            fixed: vec!["/to/iban".into(), "/lines/0".into()],
        };
        let cases = [
            ("/amount", true),
            ("/amount/net", true),
            ("/amounts", false),
            ("/lines/1/price", true),
            ("/lines/1/price/net", true),
            ("/lines/1", false),
            ("/lines/0/price", false),
            ("/lines/1/name", false),
            ("/to/name", true),
            ("/to/iban", false),
            ("/to/iban/country", false),
            // It would replace what is fixed below it.
            ("/to", false),
            ("", false),
            ("amount", false),
            ("/", false),
        ];
        for (pointer, may) in cases {
            assert_eq!(fields.allow(pointer), may, "{pointer}");
        }
        assert!(!Fields::default().allow("/amount"));
    }
}
