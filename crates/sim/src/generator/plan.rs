//! What the world does: outcomes of attempts, answers of people, signals, decisions, commands.
//!
//! Everything is a pure function of the seed and the name of what it is about, so the simulator,
//! the oracle and a replay agree without talking to each other. A *path* names a run: the empty
//! text for the root, and for a child the path of its parent, `>`, and the instance that opened it.

use serde_json::{Value, json};

use super::dice::Dice;
use super::model::{Kind, Node};
use super::nodes::LONG_MS;

/// Answers to generated waits arrive within this time, faults and pauses aside.
pub const ANSWER_WITHIN_MS: u64 = 600_000;

/// How one run of the simulator goes, as far as the world outside decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    seed: u64,
    moods: Moods,
    /// What is asked of the root run, in order.
    pub commands: Vec<Planned>,
}

/// How often things go wrong, in percent; drawn per seed, so that some runs are all calm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moods {
    fails: u32,
    flaky: u32,
    hangs: u32,
    rejects: u32,
}

/// A command of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// When it is sent.
    pub when: When,
    /// What is asked.
    pub ask: Ask,
}

/// When a command is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Once the root's log has this many events.
    AfterEvents(u64),
    /// As soon as the root has opened a child run, which may not have begun yet.
    ChildOpened,
}

impl When {
    /// True where the root's log has `events` events and has `opened` a child run.
    pub fn is_now(self, events: u64, opened: bool) -> bool {
        match self {
            Self::AfterEvents(after) => events >= after,
            Self::ChildOpened => opened,
        }
    }
}

/// What is asked of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Stop.
    Cancel,
    /// Start nothing more, and go on after this time.
    Pause {
        /// Milliseconds until it is resumed.
        for_ms: u64,
    },
}

/// What an attempt does.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptPlan {
    /// How it ends.
    pub ends: AttemptEnd,
    /// How long it takes.
    pub takes_ms: u64,
    /// How it ends where it hangs and, holding no lease that is lost, is sent again; otherwise the
    /// same as `ends`.
    pub again: AttemptEnd,
}

/// How an attempt ends.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptEnd {
    /// With this output.
    Succeeds(Value),
    /// With a failure of this code; its message is `planned`.
    Fails {
        /// Code of the failure.
        code: &'static str,
        /// True where another attempt may help.
        retryable: bool,
    },
    /// Not: its runner stays silent until it is given up.
    Hangs,
}

/// What a person decides about a parked instance.
#[derive(Debug, Clone, PartialEq)]
pub enum ParkedDecision {
    /// More attempts.
    Retry,
    /// Pass over it.
    Skip,
    /// Let it fail.
    Fail,
    /// Say that it returned this.
    Succeed(Value),
}

/// A vote on a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedVote {
    /// Who.
    pub user: &'static str,
    /// Yes or no.
    pub approves: bool,
    /// Milliseconds after the ticket was opened.
    pub after_ms: u64,
}

/// Message of every planned failure.
pub const PLANNED_MESSAGE: &str = "planned";

impl Plan {
    /// The plan of `seed`. Without `failures` nothing fails; without `commands` nobody interferes.
    pub fn new(seed: u64, failures: bool, commands: bool) -> Self {
        let mut dice = Dice::of(seed, &["moods"]);
        let moods = if failures {
            Moods {
                fails: dice.pick(&[0, 0, 0, 1, 3, 8]),
                flaky: dice.pick(&[0, 5, 15, 40]),
                hangs: dice.pick(&[0, 0, 0, 2, 8]),
                rejects: dice.pick(&[0, 10, 40]),
            }
        } else {
            Moods { fails: 0, flaky: 0, hangs: 0, rejects: 0 }
        };
        let mut planned = Vec::new();
        if commands && dice.percent(15) {
            let ask = Ask::Pause { for_ms: dice.within(1_000..=300_000) };
            planned.push(Planned { when: When::AfterEvents(dice.within(1..=60)), ask });
        }
        if commands && dice.percent(10) {
            let when = When::AfterEvents(dice.within(1..=120));
            planned.push(Planned { when, ask: Ask::Cancel });
        } else if commands && dice.percent(15) {
            planned.push(Planned { when: When::ChildOpened, ask: Ask::Cancel });
        }
        Self { seed, moods, commands: planned }
    }

    /// What attempt `attempt` of `instance` in the run at `path` does; `http`: the shape of its output.
    pub fn attempt(&self, path: &str, instance: &str, attempt: u32, http: bool) -> AttemptPlan {
        let mut fate = Dice::of(self.seed, &["job", path, instance]);
        let n = fate.within(0..=9);
        let fails = fate.percent(self.moods.fails);
        let failures_first = if fate.percent(self.moods.flaky) {
            fate.weighted(&[(20, 1_u32), (10, 2), (1, u32::MAX)])
        } else {
            0
        };
        let hangs_at = fate.percent(self.moods.hangs).then(|| fate.within(1..=2));
        let mut detail = Dice::of(self.seed, &["attempt", path, instance, &attempt.to_string()]);
        let takes_ms = detail.weighted(&[(3, 0_u64), (5, 40), (3, 900), (1, 4_000)]);
        let takes_ms = detail.within(takes_ms / 2..=takes_ms + 5);
        let again = if attempt <= failures_first {
            AttemptEnd::Fails { code: "boom", retryable: true }
        } else if fails {
            AttemptEnd::Fails { code: "bad_input", retryable: false }
        } else if http {
            AttemptEnd::Succeeds(json!({"status": 200, "headers": {}, "body": {"n": n}}))
        } else {
            AttemptEnd::Succeeds(json!({"n": n, "of": instance}))
        };
        let hangs = hangs_at == Some(u64::from(attempt));
        let ends = if hangs { AttemptEnd::Hangs } else { again.clone() };
        AttemptPlan { ends, takes_ms, again }
    }

    /// True if waits of `node` get their answer; else they end with their (short) timeout.
    pub fn answers(&self, node: &Node) -> bool {
        node.timeout_ms.is_none_or(|ms| ms >= LONG_MS)
    }

    /// When a signal for a waiting instance of `node` arrives, and what it carries.
    pub fn signal(&self, path: &str, node: &Node) -> Option<(u64, Value)> {
        let Kind::Signal { name } = &node.kind else { return None };
        let mut dice = Dice::of(self.seed, &["signal", path, &node.id]);
        self.answers(node).then(|| (dice.within(0..=ANSWER_WITHIN_MS / 4), json!({"signal": name})))
    }

    /// The votes on the ticket of `instance`, in order. They decide it, unless it is to expire.
    pub fn votes(&self, path: &str, instance: &str, node: &Node) -> Vec<PlannedVote> {
        let Kind::Hitl { approvers, quorum, .. } = &node.kind else { return Vec::new() };
        let mut dice = Dice::of(self.seed, &["vote", path, instance]);
        let rejects = dice.percent(self.moods.rejects);
        let answers = self.answers(node);
        let quorum = *quorum as usize;
        let count = if answers && !rejects { quorum } else { dice.count(0..=quorum - 1) };
        let mut after_ms = 0;
        let mut votes: Vec<PlannedVote> = Vec::new();
        let rejection = usize::from(rejects && answers);
        for (position, user) in approvers.iter().copied().enumerate().take(count + rejection) {
            after_ms += dice.within(1..=ANSWER_WITHIN_MS / 6);
            votes.push(PlannedVote { user, approves: position < count, after_ms });
        }
        votes
    }

    /// What a person decides about `instance` when it parks for the `nth` time (from 1).
    pub fn parked(&self, path: &str, instance: &str, nth: u32, is_job: bool) -> ParkedDecision {
        let mut dice = Dice::of(self.seed, &["parked", path, instance, &nth.to_string()]);
        let retries = u32::from(is_job && nth < 3);
        match dice.weighted(&[(4 * retries, 0), (3, 1), (2, 2), (3, 3)]) {
            0 => ParkedDecision::Retry,
            1 => ParkedDecision::Skip,
            2 => ParkedDecision::Fail,
            _ => ParkedDecision::Succeed(json!({"n": 1, "by": "hand"})),
        }
    }
}
