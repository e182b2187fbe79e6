//! Texts from elsewhere, made harmless for terminals.

use std::borrow::Cow;

/// The text without characters that control a terminal; they are shown as escapes.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(controls) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if controls(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Control characters but newline and tab, and what changes the direction of text.
fn controls(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_would_control_a_terminal_is_shown_instead() {
        let cases = [
            ("plain text, ünïcode, 日本\n\tand lines", "plain text, ünïcode, 日本\n\tand lines"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\rb", "a\\u{d}b"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("x\u{202e}y", "x\\u{202e}y"),
        ];
        for (text, shown) in cases {
            assert_eq!(plain(text), shown);
        }
    }
}
