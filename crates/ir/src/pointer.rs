//! JSON pointers (RFC 6901), built while walking.

use std::fmt::Write as _;

/// Appends an object key; returns the length before, for `String::truncate`.
pub(crate) fn push_key(pointer: &mut String, key: &str) -> usize {
    let length = pointer.len();
    pointer.push('/');
    if !key.contains(['~', '/']) {
        pointer.push_str(key);
        return length;
    }
    for c in key.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
    length
}

/// Appends a list index; returns the length before.
pub(crate) fn push_index(pointer: &mut String, index: usize) -> usize {
    let length = pointer.len();
    // Writing to a string cannot fail.
    let _ = write!(pointer, "/{index}");
    length
}
