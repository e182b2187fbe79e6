//! Patches of documents, validated: whatever anybody proposes, the promises hold.

use std::collections::BTreeSet;

use aob_ir::{Capability, Ir, Tier};
use aob_materializer::{Budget, Patch};
use aob_validator::{
    AgentKey, Author, Grant, History, NodeHistory, Proposal, Rules, Severity, Unstarted, agents_of,
    check_offline, validate,
};
use serde_json::Value;

use crate::dice::Dice;
use crate::twice::has_key_twice;

/// What became of the judgements of one patch: one for each author, in a run and without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Judged {
    /// Refused.
    pub refused: u64,
    /// Waiting for an approval.
    pub parked: u64,
    /// Applied as they are.
    pub applied: u64,
}

/// As [`judged`], for whoever does not count.
///
/// # Panics
/// See there.
pub fn validation(bytes: &[u8]) {
    judged(bytes);
}

/// A document, a patch and a script, with a zero byte between them: the patch is validated as that
/// of each kind of author, against a history that the script invents.
///
/// # Panics
/// Where a promise is broken: growth without approval or grant, a changed node that has started, a
/// sixth agent, a budget that is exceeded, a key that stands twice, a refusal that says nothing, or an
/// answer that is not the same twice.
pub fn judged(bytes: &[u8]) -> Judged {
    let mut count = Judged::default();
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let document = std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    let patch = std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    let script = parts.next().unwrap_or_default();
    let agent = Author::Agent { node: None };
    for author in [&Author::Person, &agent] {
        if let Err(rejected) = check_offline(document, patch, author) {
            assert!(!rejected.problems.is_empty(), "a refusal says why");
        }
    }
    let Ok(base) = aob_ir::compile_text(document) else { return count };
    let is_twofold = has_key_twice(patch);
    let base = base.ir;
    for author in [Author::Person, agent, Author::Optimizer] {
        let budget = match author {
            Author::Agent { .. } => Budget::AGENT,
            Author::Person | Author::Optimizer => Budget::PERSON,
        };
        let Ok(patch) = Patch::parse(patch, &budget) else { continue };
        assert!(!is_twofold, "a key stands twice, and one of them counts");
        let mut dice = Dice::scripted(script);
        let invented = Invented::of(&base, &mut dice);
        judge(&base, &patch, &author, &invented, &mut count);
        judge(&base, &patch, &author, &Unstarted::default(), &mut count);
    }
    count
}

fn judge(base: &Ir, patch: &Patch, author: &Author, history: &dyn History, count: &mut Judged) {
    let rules = Rules::default();
    let proposal = Proposal { base, against: base.digest, patch, author };
    let again = validate(&proposal, history, &rules);
    match validate(&proposal, history, &rules) {
        Err(rejected) => {
            assert!(rejected.problems.iter().any(|p| p.severity == Severity::Error));
            let again = again.expect_err("the same answer twice");
            assert_eq!(rejected, again);
            count.refused += 1;
        }
        Ok(validated) => {
            let again = again.expect("the same answer twice");
            assert_eq!(validated.subject_hash, again.subject_hash);
            assert_eq!(validated.ir.digest, again.ir.digest);
            assert_eq!(validated.tier, Tier::of_agents(validated.agents));
            if history.is_run() {
                fixed(base, &validated.ir, author, history);
            }
            if matches!(author, Author::Agent { .. }) {
                assert!(validated.ir.nodes.len() <= Budget::AGENT.nodes);
            }
            assert!(validated.ir.canonical.len() <= Budget::PERSON.document_bytes);
            let needs_approval = validated.approval.is_some();
            if needs_approval {
                assert!(*author != Author::Optimizer, "nobody approves what an optimizer grows");
                count.parked += 1;
            } else {
                grows_nothing(base, &validated.ir, &rules.grants);
                count.applied += 1;
            }
            let subject = validated.subject_hash;
            let agents_max = usize::try_from(history.allotment()).unwrap_or(usize::MAX);
            let proof = match validated.authorise(None) {
                Ok(proof) => {
                    assert!(!needs_approval, "nothing is applied without its approval");
                    proof
                }
                Err(parked) => parked.authorise(Some(subject)).expect("it was approved"),
            };
            assert!(proof.agents_ever().len() <= agents_max);
            assert_eq!(proof.base(), base.digest);
        }
    }
}

/// Functions that are built in.
const HARMLESS: [&str; 3] = ["echo", "sleep", "fail"];

/// By the compiled form's own, coarser, list of what a graph may do.
fn grows_nothing(base: &Ir, result: &Ir, grants: &[Grant]) {
    for capability in &result.capabilities {
        let is_granted = match capability {
            Capability::NodeType(name) => {
                grants.iter().any(|grant| grant.name.as_deref() == Some(name))
            }
            // What it may do is looked at, not its name.
            Capability::SubWorkflow(name) => name.starts_with("sha256:"),
            // What is built in acts nowhere; with a pool of its own, that pool is listed too.
            Capability::Function(name) => HARMLESS.contains(&&**name),
            Capability::Egress(_) | Capability::Secret(_) | Capability::Pool(_) => false,
        };
        assert!(
            is_granted || base.capabilities.contains(capability),
            "{capability:?} came without an approval"
        );
    }
}

/// What has started is as it was, but for what a person may repair.
fn fixed(base: &Ir, result: &Ir, author: &Author, history: &dyn History) {
    let (before, after) = (document(base), document(result));
    for node in &base.nodes {
        let state = history.node(&node.id);
        let may_repair = state == NodeHistory::Started { repairable: true };
        if !state.is_fixed() || may_repair && *author == Author::Person {
            continue;
        }
        let new = result.node_ix(&node.id).expect("what has started stays");
        let new = result.node(new);
        assert_eq!(before.pointer(&node.pointer), after.pointer(&new.pointer), "{}", node.id);
        assert_eq!(node.retry, new.retry);
        assert_eq!(node.timeout_ms, new.timeout_ms);
        let sources = |ir: &Ir, node: &aob_ir::NodeIr| {
            let edges = node.incoming.iter().map(|edge| ir.edge(*edge));
            edges.map(|edge| (edge.id.clone(), edge.on)).collect::<BTreeSet<_>>()
        };
        assert_eq!(sources(base, node), sources(result, new), "edges into {}", node.id);
    }
}

fn document(ir: &Ir) -> Value {
    serde_json::from_str(&ir.canonical).expect("canonical text is JSON")
}

/// A history that dice made up: nodes have started in document order, as far as it goes.
struct Invented {
    states: Vec<(String, NodeHistory)>,
    edges: BTreeSet<String>,
    agents: BTreeSet<AgentKey>,
}

impl Invented {
    fn of(ir: &Ir, dice: &mut Dice<'_>) -> Self {
        let states = ir.nodes.iter().map(|node| {
            let state = match dice.below(6) {
                0 => NodeHistory::Started { repairable: false },
                1 => NodeHistory::Started { repairable: true },
                2 => NodeHistory::Skipped,
                3 => NodeHistory::Expanded,
                _ => NodeHistory::Untouched,
            };
            (node.id.to_string(), state)
        });
        let states: Vec<_> = states.collect();
        let edges = ir.edges.iter().filter(|_| dice.below(4) == 0);
        Self {
            states,
            edges: edges.map(|edge| edge.id.to_string()).collect(),
            agents: agents_of(ir, &Rules::default().children),
        }
    }
}

impl History for Invented {
    fn seq(&self) -> u64 {
        1
    }

    fn node(&self, id: &str) -> NodeHistory {
        let known = self.states.iter().find(|(known, _)| known == id);
        known.map_or(NodeHistory::Untouched, |(_, state)| *state)
    }

    fn is_edge_decided(&self, id: &str) -> bool {
        self.edges.contains(id)
    }

    fn agents_ever(&self) -> &BTreeSet<AgentKey> {
        &self.agents
    }

    fn allotment(&self) -> u32 {
        5
    }

    fn agent_patches(&self) -> u32 {
        0
    }
}
