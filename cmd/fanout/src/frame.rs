//! The text of server-sent events.

use std::fmt::Write as _;

use serde_json::Value;

/// What proxies and clients must see now and then, so that they keep the connection.
pub(crate) const HEARTBEAT: &str = ": \n\n";

/// How clients are told to wait before they connect again.
pub(crate) const RETRY: &str = "retry: 2000\n\n";

/// Appends one event. Line ends in `data` (white space of a payload) are those of the format.
pub(crate) fn push_event(text: &mut String, id: Option<&str>, kind: &str, data: &str) {
    if let Some(id) = id {
        push_field(text, "id", id);
    }
    push_field(text, "event", kind);
    for line in data.split('\n') {
        push_field(text, "data", line.strip_suffix('\r').unwrap_or(line));
    }
    text.push('\n');
}

/// Appends a block that only says how far the client is.
pub(crate) fn push_id(text: &mut String, id: &str) {
    push_field(text, "id", id);
    text.push('\n');
}

/// Appends an event about the stream itself.
pub(crate) fn push_record(text: &mut String, id: Option<&str>, kind: &str, data: &Value) {
    push_event(text, id, kind, &data.to_string());
}

fn push_field(text: &mut String, name: &str, value: &str) {
    // Writing to a string cannot fail. A lone carriage return would end the line, too.
    let _ = writeln!(text, "{name}: {}", value.replace('\r', " "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_block_whatever_its_white_space() {
        let mut text = String::new();
        push_event(&mut text, Some("7"), "node_completed", "{\"a\":\r\n 1,\r\"b\":2}");
        assert_eq!(text, "id: 7\nevent: node_completed\ndata: {\"a\":\ndata:  1, \"b\":2}\n\n");
        let mut text = String::new();
        push_id(&mut text, "8");
        push_record(&mut text, None, "end", &serde_json::json!({"seq": 8}));
        assert_eq!(text, "id: 8\n\nevent: end\ndata: {\"seq\":8}\n\n");
    }
}
