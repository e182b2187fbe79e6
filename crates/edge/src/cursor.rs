//! Cursors of lists: opaque to clients, checked when they come back.

use aob_api::{ErrorCode, Problem};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Refusal;

/// A place in one kind of list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Which list it is of; a cursor of one list is no cursor of another.
    pub list: &'static str,
}

impl Cursor {
    /// The text that clients get for the place `at`.
    pub fn write(self, at: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{at}", self.list))
    }

    /// The place that a client's text stands for.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidCursor`] where this list did not give it out.
    pub fn read(self, text: &str) -> Result<String, Refusal> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let plain = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let at = plain.as_deref().and_then(|plain| plain.split_once(':'));
        match at {
            Some((list, at)) if list == self.list => Ok(at.to_owned()),
            Some(_) | None => Err(self.invalid()),
        }
    }

    /// The refusal of a cursor.
    pub fn invalid(self) -> Refusal {
        Problem::new(ErrorCode::InvalidCursor, "the cursor is not one that this list gave out")
            .with_hint("take `next_cursor` of the page before, or start again without `cursor`")
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn a_cursor_is_of_one_list() {
        let runs = Cursor { list: "runs" };
        let text = runs.write("a:b c");
        assert_eq!(runs.read(&text).unwrap(), "a:b c");
        assert!(Cursor { list: "tags" }.read(&text).is_err());
        for text in ["", "x", "cnVucw", "%%%", "_____", "\u{e9}"] {
            assert!(runs.read(text).is_err(), "{text}");
        }
    }
}
