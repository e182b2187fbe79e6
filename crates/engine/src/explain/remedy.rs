//! Commands that an explanation suggests, as they can be typed.

use super::Why;
use crate::event::Approver;
use crate::ids::InstanceId;

/// A word of a command line: quoted where a shell would read more than a word in it.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Runs and pools are served by programs of the user's own: `CMD` stands for one.
pub(super) fn runner(pool: &str, name: &str) -> String {
    format!("aob runner --pool {} --exec {}=CMD", word(pool), word(name))
}

/// Sends a signal.
pub(super) fn signal(run: &str, name: &str) -> String {
    let dashes = if name.starts_with('-') { "-- " } else { "" };
    format!("aob signal send {run} {dashes}{}", word(name))
}

/// Gives the run up.
pub(super) fn cancel(run: &str) -> String {
    format!("aob run cancel {run}")
}

/// What a person may decide about a parked instance: trying again first, where it was tried.
pub(super) fn decisions(run: &str, id: &InstanceId, tried: bool) -> (String, Vec<String>) {
    let id = word(&id.to_string());
    let verbs = ["retry", "skip", "fail", "succeed"].into_iter().skip(usize::from(!tried));
    let mut commands = verbs.map(|verb| {
        let result = if verb == "succeed" { " --result null" } else { "" };
        format!("aob run {verb} {run} {id}{result}")
    });
    (commands.next().unwrap_or_default(), commands.collect())
}

/// Who may decide.
pub(super) fn approver(approver: &Approver) -> String {
    match approver {
        Approver::Role(role) => format!("role {role}"),
        Approver::User(user) => format!("user {user}"),
    }
}

impl Why {
    /// What can be done instead.
    pub(super) fn or(mut self, alternatives: impl IntoIterator<Item = String>) -> Self {
        self.alternatives.extend(alternatives);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_not_take_them_as_they_are() {
        let cases = [
            ("charge", "charge"),
            ("items[3]/charge", "'items[3]/charge'"),
            ("two words", "'two words'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("$HOME", "'$HOME'"),
        ];
        for (text, expected) in cases {
            assert_eq!(word(text), expected);
        }
    }
}
