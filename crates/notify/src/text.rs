//! Texts from elsewhere, made harmless.

/// A text that a workflow, an agent or a person wrote, without what could make it look like
/// something else: control characters, changes of direction and what takes no room are shown as
/// escapes. Markup is no concern here: who writes markup escapes it.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if deceives(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// The same, cut to `chars_max` characters.
pub fn cut(text: &str, chars_max: usize) -> String {
    let text = plain(text);
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// The same in one line: what separates words is a space.
pub fn line(text: &str, chars_max: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    cut(&words.join(" "), chars_max)
}

fn deceives(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_pretend_to_be_others() {
        let cases = [
            ("plain, ünïcode, 日本\n\tlines", "plain, ünïcode, 日本\n\tlines"),
            ("pay 1\u{202e}000", "pay 1\\u{202e}000"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("\u{1b}[2J\r", "\\u{1b}[2J\\u{d}"),
            ("<b>\"&", "<b>\"&"),
        ];
        for (text, shown) in cases {
            assert_eq!(plain(text), shown);
        }
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äöü…");
    }

    #[test]
    fn a_line_is_one_line() {
        let cases = [
            ("pay?\r\nBcc: all@example.com", "pay? Bcc: all@example.com"),
            ("  a \n\n\t b\u{2028}c\u{85}d ", "a b c d"),
            ("a\u{0}b\u{b}c", "a\\u{0}b c"),
            ("", ""),
        ];
        for (text, shown) in cases {
            assert_eq!(line(text, 100), shown);
        }
        assert_eq!(line("abcdef", 3), "abc…");
    }
}
