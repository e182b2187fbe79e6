//! Points in time and spans, as people read them.

use aob_engine::Timestamp;

/// The time of day in UTC with milliseconds: `06:39:57.123`.
pub(crate) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('T') {
        Some((_, time)) => time.trim_end_matches('Z').to_owned(),
        None => text,
    }
}

/// How long ago it was: `12s ago`.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", rough(now.since_ms(at)))
}

/// A span of time, exact below a minute: `7ms`, `1.25s`, `3m12s`, `2h05m`, `4d3h`.
pub(crate) fn duration(span_ms: u64) -> String {
    match span_ms {
        0..1_000 => format!("{span_ms}ms"),
        1_000..60_000 => format!("{}.{:02}s", span_ms / 1_000, span_ms % 1_000 / 10),
        60_000.. => rough(span_ms),
    }
}

fn rough(span_ms: u64) -> String {
    let seconds = span_ms / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{minutes}m{:02}s", seconds % 60),
        3_600..86_400 => format!("{hours}h{:02}m", minutes % 60),
        86_400.. => format!("{days}d{}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        let cases = [
            (0, "0ms"),
            (999, "999ms"),
            (1_000, "1.00s"),
            (1_259, "1.25s"),
            (59_999, "59.99s"),
            (60_000, "1m00s"),
            (192_000, "3m12s"),
            (7_500_000, "2h05m"),
            (356_400_000, "4d3h"),
        ];
        for (span_ms, text) in cases {
            assert_eq!(duration(span_ms), text);
        }
    }

    #[test]
    fn the_past_is_rough_and_never_negative() {
        let now = Timestamp(100_000);
        assert_eq!(ago(Timestamp(88_500), now), "11s ago");
        assert_eq!(ago(Timestamp(100_001), now), "0s ago");
        assert_eq!(moment(Timestamp(1_763_620_797_123)), "06:39:57.123");
    }
}
