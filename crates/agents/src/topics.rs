//! Which pools have topics, and what these are called.

use std::collections::BTreeSet;
use std::str::FromStr;

use aob_bus::Topic;
use aob_coordinator::{AGENT_JOBS_TOPIC, AGENT_RESULTS_TOPIC};
use thiserror::Error;

/// Letters of a topic's name that a broker takes.
const TOPIC_LETTERS_MAX: usize = 249;
/// Stands for all pools that have no topics of their own.
const ALL: &str = "*";

/// Why a list of pools cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AgentTopicsError {
    /// Neither `*` nor a pool of a workspace.
    #[error("`{0}` is neither `*` nor WORKSPACE/POOL")]
    Form(String),
    /// A name that no topic can have.
    #[error(
        "`{0}` cannot be part of a topic's name: give letters, digits, `_` and `-`, not too many"
    )]
    Name(String),
}

/// The topics of a pool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolTopics {
    /// Where its jobs are offered.
    pub jobs: Topic,
    /// Where their results come in.
    pub results: Topic,
}

impl PoolTopics {
    fn named(suffix: &str) -> Self {
        Self {
            jobs: Topic::new(&format!("{AGENT_JOBS_TOPIC}{suffix}")),
            results: Topic::new(&format!("{AGENT_RESULTS_TOPIC}{suffix}")),
        }
    }
}

/// The pools whose jobs are offered on topics: `WORKSPACE/POOL` each, on topics of its own, or `*`
/// for all others on one that they share. Without any, runners find all jobs by long poll.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentTopics {
    shared: bool,
    own: BTreeSet<(String, String)>,
}

impl AgentTopics {
    /// True where no pool has topics.
    pub fn is_empty(&self) -> bool {
        !self.shared && self.own.is_empty()
    }

    /// True where it depends on a workspace's name which topics its pools have.
    pub(crate) fn names_workspaces(&self) -> bool {
        !self.own.is_empty()
    }

    /// All topics.
    pub fn all(&self) -> Vec<PoolTopics> {
        let shared = self.shared.then(|| PoolTopics::named(""));
        let own = self.own.iter().map(|(workspace, pool)| own(workspace, pool));
        shared.into_iter().chain(own).collect()
    }

    /// The topics of a pool of the workspace of this name.
    pub fn of(&self, workspace: &str, pool: &str) -> Option<PoolTopics> {
        if self.own.contains(&(workspace.to_owned(), pool.to_owned())) {
            return Some(own(workspace, pool));
        }
        self.shared.then(|| PoolTopics::named(""))
    }
}

fn own(workspace: &str, pool: &str) -> PoolTopics {
    PoolTopics::named(&format!(".{workspace}.{pool}"))
}

impl FromStr for AgentTopics {
    type Err = AgentTopicsError;

    fn from_str(text: &str) -> Result<Self, AgentTopicsError> {
        let mut topics = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            if part == ALL {
                topics.shared = true;
                continue;
            }
            let both = part.split_once('/');
            let (workspace, pool) = both.ok_or_else(|| AgentTopicsError::Form(part.to_owned()))?;
            for name in [workspace, pool] {
                let letter = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
                if name.is_empty() || !name.chars().all(letter) {
                    return Err(AgentTopicsError::Name(name.to_owned()));
                }
            }
            if own(workspace, pool).results.as_str().len() > TOPIC_LETTERS_MAX {
                return Err(AgentTopicsError::Name(part.to_owned()));
            }
            topics.own.insert((workspace.to_owned(), pool.to_owned()));
        }
        Ok(topics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_have_topics_of_their_own_or_share_them() {
        let topics: AgentTopics = "acme/research, *,acme/risk".parse().unwrap();
        let jobs = |workspace: &str, pool: &str| {
            topics.of(workspace, pool).map(|topics| topics.jobs.to_string())
        };
        assert_eq!(jobs("acme", "research").as_deref(), Some("agent.jobs.acme.research"));
        assert_eq!(jobs("acme", "default").as_deref(), Some("agent.jobs"));
        assert_eq!(jobs("other", "research").as_deref(), Some("agent.jobs"));
        let results = topics.all().into_iter().map(|pair| pair.results.to_string());
        let expected = ["agent.results", "agent.results.acme.research", "agent.results.acme.risk"];
        assert_eq!(results.collect::<Vec<_>>(), expected);
        let own: AgentTopics = "acme/research".parse().unwrap();
        assert_eq!(own.of("acme", "default"), None);
        assert!("".parse::<AgentTopics>().unwrap().is_empty());
    }

    #[test]
    fn what_is_no_pool_or_would_be_ambiguous_is_refused() {
        for text in ["acme", "acme.eu/research", "acme/", "/research", "a/b/c", "a/ü"] {
            assert!(text.parse::<AgentTopics>().is_err(), "{text}");
        }
        assert!(format!("acme/{}", "p".repeat(240)).parse::<AgentTopics>().is_err());
    }
}
