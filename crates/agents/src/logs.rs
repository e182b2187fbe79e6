//! Log lines that come with heartbeats and results: bounded, kept beside the run.

use aob_api::jobs::{LOG_LINE_BYTES_MAX, LOG_LINES_MAX, LogChunk};
use aob_store::{LeaseKey, NewLogChunk};

/// Bytes of one chunk; lines beyond it are missing.
const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// What a runner said about an attempt that it holds, as it is kept. `None`: it said nothing.
pub fn chunk(key: &LeaseKey, logs: LogChunk, at_ms: i64) -> Option<NewLogChunk> {
    let mut bytes = 0;
    let lines: Vec<&str> = logs
        .lines
        .iter()
        .take(LOG_LINES_MAX)
        .map(|line| cut(line))
        .take_while(|line| {
            bytes += line.len();
            bytes <= CHUNK_BYTES_MAX
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    Some(NewLogChunk {
        run: key.run,
        instance: key.instance.clone(),
        attempt: key.attempt,
        first: logs.first,
        lines: u32::try_from(lines.len()).unwrap_or(u32::MAX),
        text: serde_json::to_string(&lines).unwrap_or_default(),
        at_ms,
    })
}

fn cut(line: &str) -> &str {
    &line[..line.floor_char_boundary(LOG_LINE_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use aob_store::StreamId;
    use uuid::Uuid;

    use super::*;

    fn chunk_of(lines: Vec<String>) -> Option<NewLogChunk> {
        let run = StreamId(Uuid::nil());
        let key = LeaseKey { run, instance: "a".to_owned(), attempt: 1 };
        chunk(&key, LogChunk { first: 7, lines }, 1)
    }

    #[test]
    fn lines_are_cut_where_a_character_ends() {
        let line = format!("{}é", "x".repeat(LOG_LINE_BYTES_MAX - 1));
        let kept = chunk_of(vec![line]).expect("a line is kept");
        let lines: Vec<String> = serde_json::from_str(&kept.text).expect("strings");
        assert_eq!(lines, ["x".repeat(LOG_LINE_BYTES_MAX - 1)]);
    }

    #[test]
    fn a_chunk_is_bounded_in_lines_and_bytes() {
        let many = chunk_of(vec![String::from("x"); 1_000]).expect("lines are kept");
        assert_eq!((many.first, many.lines), (7, 200));
        let long = chunk_of(vec!["x".repeat(LOG_LINE_BYTES_MAX); 100]).expect("lines are kept");
        assert_eq!(long.lines, 32);
        assert_eq!(chunk_of(Vec::new()), None);
    }
}
