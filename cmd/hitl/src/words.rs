//! Words for people: times, and names. Texts from elsewhere are made harmless by `plain` and `cut`.

use std::fmt::Write as _;

use aob_engine::{Actor, Approver, Timestamp};
pub(crate) use aob_notify::{cut, plain};

/// A point in time on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Time {
    /// For programs: RFC 3339.
    pub(crate) machine: String,
    /// The same for people, in UTC.
    pub(crate) exact: String,
    /// How far from now: `in 3 h`, `5 min ago`.
    pub(crate) about: String,
}

impl Time {
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Self {
        let exact = jiff::Timestamp::from_millisecond(at.0);
        let exact = exact.map_or_else(
            |_| at.to_string(),
            |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        );
        let about = match at.0.saturating_sub(now.0) {
            ahead @ 1.. => format!("in {}", span(ahead.unsigned_abs())),
            0 => "now".to_owned(),
            past => format!("{} ago", span(past.unsigned_abs())),
        };
        Self { machine: at.to_string(), exact, about }
    }
}

/// A length of time in its greatest unit, rounded down.
fn span(ms: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let (size, unit) = units.into_iter().find(|(size, _)| ms >= *size).unwrap_or((1_000, "s"));
    format!("{} {unit}", ms / size)
}

/// Who somebody is: `ada`, `agent planner`, `the system`.
pub(crate) fn actor(actor: &Actor) -> String {
    match actor.0.split_once(':') {
        Some(("user", name)) => plain(name),
        Some((kind, name)) => format!("{} {}", plain(kind), plain(name)),
        None if *actor == Actor::system() => "the system".to_owned(),
        None => plain(&actor.0),
    }
}

/// Who may decide: `anybody with the role finance`, `ada`.
pub(crate) fn approver(approver: &Approver) -> String {
    match approver {
        Approver::Role(role) => format!("anybody with the role {}", plain(role)),
        Approver::User(user) => plain(user),
    }
}

/// `1 vote`, `2 votes`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    let mut text = n.to_string();
    // Writing to a string cannot fail.
    let _ = write!(text, " {}", if n == 1 { one } else { many });
    text
}

/// A size in bytes for people.
pub(crate) fn bytes(len: u64) -> String {
    match len {
        0..1_024 => count(len, "byte", "bytes"),
        1_024..1_048_576 => format!("{} KiB", len / 1_024),
        _ => format!("{} MiB", len / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact_and_near() {
        let now = Timestamp(1_700_000_000_000);
        let cases: [(i64, &str); 7] = [
            (0, "now"),
            (999, "in 0 s"),
            (61_000, "in 1 min"),
            (-3_600_000, "1 h ago"),
            (86_400_000 * 3, "in 3 d"),
            (-59_999, "59 s ago"),
            (i64::MAX, "in 106751991167 d"),
        ];
        for (from_now, about) in cases {
            let at = Timestamp(now.0.saturating_add(from_now));
            let shown = Time::new(at, now);
            if from_now < i64::MAX {
                assert_eq!(shown.about, about);
            }
        }
        assert_eq!(Time::new(now, now).exact, "2023-11-14 22:13 UTC");
        assert_eq!(Time::new(now, now).machine, "2023-11-14T22:13:20.000Z");
    }

    #[test]
    fn people_are_called_by_their_names() {
        let cases = [
            ("user:ada", "ada"),
            ("agent:planner", "agent planner"),
            ("runner:r1", "runner r1"),
            ("system", "the system"),
        ];
        for (name, shown) in cases {
            assert_eq!(actor(&Actor(name.into())), shown);
        }
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(20_000), "19 KiB");
        assert_eq!(bytes(5 << 20), "5 MiB");
    }
}
