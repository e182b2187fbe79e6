//! What a message says: the same for every channel, in words for people and in fields for programs.

use aob_api::NotificationEvent;
use aob_engine::{Actor, ApprovalOutcome, Approver, Timestamp};
use aob_store::TimeMs;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::brief::Brief;
use crate::text::{line, plain};

/// Characters of a question in a title.
const TITLE_CHARS: usize = 120;

/// What an event says besides that it happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Who may decide from now on, too.
    pub to: Option<Approver>,
    /// How it was decided.
    pub outcome: Option<ApprovalOutcome>,
    /// Who cast the deciding vote.
    pub by: Option<Actor>,
}

/// A message about a ticket, or a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What receivers know it by.
    pub id: String,
    /// What happened.
    pub event: NotificationEvent,
    /// When.
    pub at_ms: TimeMs,
    /// What it says besides.
    pub facts: Facts,
    /// The ticket; `None` in a test.
    pub brief: Option<Brief>,
}

impl Message {
    /// What it is about, in one line.
    pub fn title(&self) -> String {
        match &self.brief {
            None => "Notifications of approvals arrive here".to_owned(),
            Some(brief) => format!("{}: {}", self.what(), line(&brief.question, TITLE_CHARS)),
        }
    }

    /// What happened, in two words.
    fn what(&self) -> &'static str {
        match (self.event, self.facts.outcome) {
            (NotificationEvent::Requested, _) => "Approval wanted",
            (NotificationEvent::Escalated, _) => "Approval still wanted",
            (NotificationEvent::Expiring, _) => "Approval expires soon",
            (NotificationEvent::Decided, Some(ApprovalOutcome::Approved)) => "Approved",
            (NotificationEvent::Decided, Some(ApprovalOutcome::Rejected)) => "Rejected",
            (NotificationEvent::Decided, Some(ApprovalOutcome::Expired)) => "Expired",
            (NotificationEvent::Decided, Some(ApprovalOutcome::Cancelled)) => "Withdrawn",
            (NotificationEvent::Decided, None) => "Decided",
            (NotificationEvent::Test, _) => "Test",
        }
    }

    /// What people want to know, by name. Empty in a test.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let Some(brief) = &self.brief else { return Vec::new() };
        let mut lines = vec![("Workflow", brief.workflow.clone()), ("Run", brief.run.clone())];
        let mut say = |name, value: Option<String>| lines.extend(value.map(|value| (name, value)));
        say("Step", brief.node.clone());
        let asker = if brief.patch.is_some() { "Proposed by" } else { "Started by" };
        say(asker, brief.asked_by.clone());
        say("Why", brief.why.clone());
        say("May decide", Some(may_decide(brief)));
        say("Now also", self.facts.to.as_ref().map(approver));
        let votes = format!("{} approvals", brief.quorum);
        say("Needed", (brief.quorum > 1).then_some(votes));
        say("Asked", Some(Timestamp(brief.asked_ms).to_string()));
        let open = brief.status == "pending";
        let expires = brief.expires_ms.filter(|_| open).map(|at| Timestamp(at).to_string());
        say("Expires", expires);
        say("Decided by", self.facts.by.as_ref().map(actor));
        // What happened since: the message may be late.
        let late = !open && self.event != NotificationEvent::Decided;
        say("Meanwhile", late.then(|| plain(&brief.status)));
        lines
    }

    /// The same for programs: `type`, `timestamp` and `data`, as the Standard Webhooks
    /// specification recommends.
    pub fn json(&self) -> Value {
        let mut data = match &self.brief {
            None => json!({}),
            Some(brief) => json!({
                "ticket": brief.ticket,
                "status": brief.status,
                "question": brief.question,
                "run": brief.run,
                "workflow": brief.workflow,
                "node": brief.node,
                "patch": brief.patch,
                "asked_by": brief.asked_by,
                "why": brief.why,
                "approvers": brief.approvers,
                "quorum": brief.quorum,
                "asked_at": Timestamp(brief.asked_ms).to_string(),
                "expires_at": brief.expires_ms.map(|at| Timestamp(at).to_string()),
                "escalated_to": self.facts.to.as_ref().map(approver),
                "outcome": self.facts.outcome,
                "decided_by": self.facts.by.as_ref().map(actor),
                "link": brief.link,
            }),
        };
        if let Value::Object(fields) = &mut data {
            fields.retain(|_, value| !value.is_null());
        }
        json!({
            "type": self.event,
            "timestamp": Timestamp(self.at_ms).to_string(),
            "data": data,
        })
    }
}

fn may_decide(brief: &Brief) -> String {
    match &brief.approvers[..] {
        [] => "anybody with the permission".to_owned(),
        names => names.join(", "),
    }
}

/// Who somebody is: `ada`, `agent planner`, `the system`.
fn actor(actor: &Actor) -> String {
    match actor.0.split_once(':') {
        Some(("user", name)) => plain(name),
        Some((kind, name)) => format!("{} {}", plain(kind), plain(name)),
        None if *actor == Actor::system() => "the system".to_owned(),
        None => plain(&actor.0),
    }
}

/// Who may decide: `anybody with the role finance`, `ada`.
fn approver(approver: &Approver) -> String {
    match approver {
        Approver::Role(role) => format!("anybody with the role {}", plain(role)),
        Approver::User(user) => plain(user),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn brief(question: &str) -> Brief {
        Brief {
            ticket: "tk_1".to_owned(),
            status: "pending".to_owned(),
            question: plain(question),
            run: "0190".to_owned(),
            workflow: "orders".to_owned(),
            node: Some("sign".to_owned()),
            patch: None,
            asked_by: Some("ada".to_owned()),
            why: None,
            approvers: vec!["anybody with the role finance".to_owned()],
            quorum: 2,
            asked_ms: 1_700_000_000_000,
            expires_ms: Some(1_700_000_060_000),
            link: "https://approvals.example.com/l/x".to_owned(),
        }
    }

    pub(crate) fn message(question: &str) -> Message {
        Message {
            id: "msg_1".to_owned(),
            event: NotificationEvent::Requested,
            at_ms: 1_700_000_000_000,
            facts: Facts::default(),
            brief: Some(brief(question)),
        }
    }

    #[test]
    fn it_says_what_is_asked_by_whom_and_until_when() {
        let message = message("Pay 400 €?\nIt is due.");
        assert_eq!(message.title(), "Approval wanted: Pay 400 €? It is due.");
        let expected = [
            ("Workflow", "orders"),
            ("Run", "0190"),
            ("Step", "sign"),
            ("Started by", "ada"),
            ("May decide", "anybody with the role finance"),
            ("Needed", "2 approvals"),
            ("Asked", "2023-11-14T22:13:20.000Z"),
            ("Expires", "2023-11-14T22:14:20.000Z"),
        ];
        let lines = message.lines();
        let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, &**value)).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn every_event_has_its_words() {
        let by = Some(Actor("user:eve".into()));
        let decided = |outcome| Facts { outcome: Some(outcome), by: by.clone(), to: None };
        let to = Some(Approver::Role("cfo".into()));
        let escalated = Facts { to, ..Facts::default() };
        let cases = [
            (
                NotificationEvent::Escalated,
                escalated,
                "pending",
                "Approval still wanted",
                "Now also",
            ),
            (NotificationEvent::Expiring, Facts::default(), "pending", "Approval expires soon", ""),
            (
                NotificationEvent::Requested,
                Facts::default(),
                "approved",
                "Approval wanted",
                "Meanwhile",
            ),
            (
                NotificationEvent::Decided,
                decided(ApprovalOutcome::Approved),
                "approved",
                "Approved",
                "Decided by",
            ),
            (
                NotificationEvent::Decided,
                decided(ApprovalOutcome::Rejected),
                "rejected",
                "Rejected",
                "Decided by",
            ),
            (
                NotificationEvent::Decided,
                decided(ApprovalOutcome::Expired),
                "expired",
                "Expired",
                "Decided by",
            ),
            (
                NotificationEvent::Decided,
                decided(ApprovalOutcome::Cancelled),
                "cancelled",
                "Withdrawn",
                "Decided by",
            ),
        ];
        for (event, facts, status, what, last) in cases {
            let brief = Brief { status: status.to_owned(), ..brief("?") };
            let message = Message { event, facts, brief: Some(brief), ..message("?") };
            assert_eq!(message.title(), format!("{what}: ?"));
            let named = |name| message.lines().iter().any(|(line, _)| *line == name);
            assert!(last.is_empty() || named(last), "{event:?}");
            assert_eq!(named("Expires"), status == "pending", "{event:?}");
        }
    }

    #[test]
    fn programs_get_fields() {
        let facts = r#"{"outcome": "rejected", "by": "agent:x", "to": {"user": "eve"}}"#;
        let facts: Facts = serde_json::from_str(facts).unwrap();
        let message = Message { event: NotificationEvent::Decided, facts, ..message("?") };
        let expected = json!({
            "type": "approval.decided",
            "timestamp": "2023-11-14T22:13:20.000Z",
            "data": {
                "ticket": "tk_1", "status": "pending", "question": "?", "run": "0190",
                "workflow": "orders", "node": "sign", "asked_by": "ada",
                "approvers": ["anybody with the role finance"], "quorum": 2,
                "asked_at": "2023-11-14T22:13:20.000Z", "expires_at": "2023-11-14T22:14:20.000Z",
                "escalated_to": "eve", "outcome": "rejected", "decided_by": "agent x",
                "link": "https://approvals.example.com/l/x",
            },
        });
        assert_eq!(message.json(), expected);
        let test = Message { event: NotificationEvent::Test, brief: None, ..message.clone() };
        assert_eq!(test.json()["data"], json!({}));
        assert_eq!(test.json()["type"], "test");
    }
}
