//! Commands that an explanation suggests, as they can be typed.

use aob_ir::usd_text;

use super::Why;
use crate::event::{Amounts, Approver, BudgetOf};
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

/// Raises a budget.
pub(super) fn raise(run: &str, of: &BudgetOf, by: Amounts) -> String {
    let mut command = format!("aob budget raise {run}");
    if let BudgetOf::Node(node) = of {
        command.push_str(&format!(" --node {}", word(node)));
    }
    let usd = usd_text(by.usd_micros);
    let options = [
        ("calls", by.calls.to_string(), by.calls),
        ("tokens", by.tokens.to_string(), by.tokens),
        ("usd", usd.trim_end_matches(" USD").to_owned(), by.usd_micros),
    ];
    for (name, value, _) in options.iter().filter(|(.., amount)| *amount > 0) {
        command.push_str(&format!(" --{name} {value}"));
    }
    command
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
    fn a_budget_is_raised_by_what_is_asked_for() {
        let by = Amounts { calls: 3, tokens: 0, usd_micros: 1_500_000 };
        let node = BudgetOf::Node("research".into());
        assert_eq!(
            raise("r1", &node, by),
            "aob budget raise r1 --node research --calls 3 --usd 1.5"
        );
        let by = Amounts { calls: 0, tokens: 9, usd_micros: 0 };
        assert_eq!(raise("r1", &BudgetOf::Run, by), "aob budget raise r1 --tokens 9");
    }

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
