//! Names of things: runs, commands, instances, scopes, tickets, actors, and points in time.

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use siphasher::sip128::SipHasher24;
use smallvec::SmallVec;
use uuid::Uuid;

use crate::event::BudgetOf;

/// Milliseconds since the Unix epoch on the database's clock. JSON form: RFC 3339 in UTC with
/// three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The last time that is written down, in the year 9999; later ones are this one.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// This time plus `ms` milliseconds, at most [`Timestamp::MAX`].
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX))).min(Self::MAX)
    }

    /// Milliseconds from `earlier` to `self`; 0 if `earlier` is later.
    pub fn since_ms(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse::<jiff::Timestamp>()
            .map(|time| Self(time.as_millisecond()))
            .map_err(|_| InvalidId { kind: "time", text: text.into() })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            aob_ir::from_text(deserializer)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// A text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidId {
    /// What was expected.
    pub kind: &'static str,
    /// What was given.
    pub text: Box<str>,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a valid {}", self.text, self.kind)
    }
}

impl std::error::Error for InvalidId {}

/// A run: a UUIDv7, so ids sort by creation. Also the id of the run's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

impl RunId {
    /// The id of the child run that `instance` opens in its `generation`: the time is that of the
    /// opening, the rest a hash, so every replay and every redelivery names the same child.
    pub fn child(self, instance: &InstanceId, generation: u32, now: Timestamp) -> Self {
        let mut text = HashInput::default();
        text.0.extend_from_slice(b"aob.child.1");
        text.0.extend_from_slice(self.0.as_bytes());
        text.instance(instance);
        text.0.extend_from_slice(&generation.to_be_bytes());
        let digest = Sha256::digest(&text.0);
        let mut random = [0_u8; 10];
        random.copy_from_slice(&digest[..10]);
        let millis = u64::try_from(now.0).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for RunId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_| InvalidId { kind: "run id (a UUID)", text: text.into() })
    }
}

/// A tenant: every row, message and cache entry belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkspaceId(pub Uuid);

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Names the command that caused an event. A command id causes at most one commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(pub Arc<str>);

/// What the ids of runners' answers begin with.
const RESULT: &str = "result:";

impl CommandId {
    /// The id of a runner's answer to an attempt: the same for every repetition of it.
    pub fn of_result(instance: &InstanceId, attempt: u32) -> Self {
        Self(format!("{RESULT}{instance}:{attempt}").into())
    }

    /// True for the id of a runner's answer.
    pub(crate) fn is_result(&self) -> bool {
        self.0.starts_with(RESULT)
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who asked: `user:<name>`, `key:<id>`, `agent:<id>`, `runner:<id>`, `policy:<id>` or `system`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(pub Arc<str>);

impl Actor {
    /// The product itself: timers, relays, coordinators.
    pub fn system() -> Self {
        Self("system".into())
    }

    /// True for the key of an agent or a runner: an author that nobody trusts, and who decides
    /// nothing that a person has to.
    pub fn is_machine(&self) -> bool {
        self.0.starts_with("agent:") || self.0.starts_with("runner:")
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One step of a [`Scope`]: which item of a map (from 0) or iteration of a loop (from 1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeStep {
    /// The map or loop node.
    pub node: Arc<str>,
    /// Map index from 0, or loop iteration from 1.
    pub index: u32,
}

/// The path of map indices and loop iterations around an instance; empty at the top.
/// Text form: `crawl[3]/poll[2]`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Scope(pub SmallVec<[ScopeStep; 1]>);

impl Clone for Scope {
    fn clone(&self) -> Self {
        // Nearly all are empty, and copying nothing is dear where it is done element by element.
        if self.0.is_empty() { Self::default() } else { Self(self.0.clone()) }
    }
}

impl Scope {
    /// True at the top of the run.
    pub fn is_top(&self) -> bool {
        self.0.is_empty()
    }

    /// The first `steps` steps of this scope.
    pub(crate) fn cut(&self, steps: usize) -> Self {
        match self.0.get(..steps) {
            Some([]) => Self::default(),
            Some(steps) => Self(steps.iter().cloned().collect()),
            None => self.clone(),
        }
    }

    /// This scope with one more step.
    pub fn child(&self, node: Arc<str>, index: u32) -> Self {
        let mut steps = self.0.clone();
        steps.push(ScopeStep { node, index });
        Self(steps)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "/" };
            write!(f, "{separator}{}[{}]", step.node, step.index)?;
        }
        Ok(())
    }
}

impl FromStr for Scope {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId { kind: "scope (like `crawl[3]`)", text: text.into() };
        let mut steps = SmallVec::new();
        for part in text.split('/').filter(|_| !text.is_empty()) {
            let (node, rest) = part.split_once('[').ok_or_else(invalid)?;
            let index = rest.strip_suffix(']').ok_or_else(invalid)?;
            if node.is_empty() {
                return Err(invalid());
            }
            steps.push(ScopeStep {
                node: node.into(),
                index: index.parse().map_err(|_| invalid())?,
            });
        }
        Ok(Self(steps))
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        aob_ir::from_text(deserializer)
    }
}

/// A node instance: node and scope. Text and JSON form: `fetch`, `crawl[3]/fetch`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId {
    /// Node id. Bodies of `map` with a workflow end in `.item`, compensations in `.compensate`.
    pub node: Arc<str>,
    /// Map indices and loop iterations around it.
    pub scope: Scope,
}

impl Serialize for InstanceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.scope.is_top() {
            serializer.serialize_str(&self.node)
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for InstanceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        aob_ir::from_text(deserializer)
    }
}

impl InstanceId {
    /// The instance of `node` outside every map and loop.
    pub fn top(node: impl Into<Arc<str>>) -> Self {
        Self { node: node.into(), scope: Scope::default() }
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scope.is_top() {
            f.write_str(&self.node)
        } else {
            write!(f, "{}/{}", self.scope, self.node)
        }
    }
}

impl FromStr for InstanceId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (scope, node) = text.rsplit_once('/').unwrap_or(("", text));
        if node.is_empty() || node.contains('[') {
            return Err(InvalidId { kind: "instance (like `crawl[3]/fetch`)", text: text.into() });
        }
        Ok(Self { node: node.into(), scope: scope.parse()? })
    }
}

/// An approval ticket; derived from (run, instance, generation), so replays name the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(pub Arc<str>);

impl TicketId {
    /// The ticket that `instance` of `run` opens in its `generation`.
    pub fn of(run: RunId, instance: &InstanceId, generation: u32) -> Self {
        let key = derived_key("aob.ticket.1", run, instance, generation);
        Self(format!("tk_{}", &hex::encode(key)[..24]).into())
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TicketId {
    /// The ticket that `instance` of `run` opens after the `count`th edit, from 1.
    pub fn of_edited(run: RunId, instance: &InstanceId, count: u32) -> Self {
        let key = derived_key("aob.edited-ticket.1", run, instance, count);
        Self(format!("tk_{}", &hex::encode(key)[..24]).into())
    }

    /// The ticket that `patch` of `run` opens for the `count`th time, from 0.
    pub fn of_patch(run: RunId, patch: &PatchId, count: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"aob.patch-ticket.1");
        hash.update(run.0.as_bytes());
        hash.update(patch.0.as_bytes());
        hash.update(b"\0");
        hash.update(count.to_be_bytes());
        Self(format!("tk_{}", &hex::encode(hash.finalize())[..24]).into())
    }

    /// The ticket that a budget of `run` opens for the `count`th time, from 0.
    pub fn of_budget(run: RunId, of: &BudgetOf, count: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"aob.budget-ticket.1");
        hash.update(run.0.as_bytes());
        match of {
            BudgetOf::Run => hash.update(b"\0"),
            BudgetOf::Node(node) => hash.update(node.as_bytes()),
        }
        hash.update(b"\0");
        hash.update(count.to_be_bytes());
        Self(format!("tk_{}", &hex::encode(hash.finalize())[..24]).into())
    }
}

/// A patch of a run: given by whoever proposes it, used once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PatchId(pub Arc<str>);

impl PatchId {
    /// The `position`th patch, from 0, that the answer of an attempt carries: the same for every
    /// repetition of it.
    pub fn of_result(run: RunId, instance: &InstanceId, attempt: u32, position: usize) -> Self {
        let mut text = HashInput::default();
        text.0.extend_from_slice(b"aob.patch.1");
        text.0.extend_from_slice(run.0.as_bytes());
        text.instance(instance);
        text.0.push(0);
        text.0.extend_from_slice(&attempt.to_be_bytes());
        text.0.extend_from_slice(&(position as u64).to_be_bytes());
        Self(format!("pt_{}", &hex::encode(Sha256::digest(&text.0))[..24]).into())
    }
}

impl fmt::Display for PatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The idempotency key of an instance: f(run, instance, generation), the same for every attempt.
/// 32 hex digits.
pub fn idempotency_key(run: RunId, instance: &InstanceId, generation: u32) -> Arc<str> {
    RunKeys::of(run).key(instance, generation)
}

/// The idempotency keys of one run: 128 bits of SipHash-2-4 over the instance's text form, a zero
/// byte and the generation (4 bytes, most significant first), under a secret that is the first half
/// of a SHA-256 over `aob.idempotency.1` and the run's id. So the keys of different runs have
/// nothing in common, and a decision that hands out many jobs pays for one SHA-256.
#[derive(Debug)]
pub(crate) struct RunKeys(SipHasher24);

impl RunKeys {
    pub(crate) fn of(run: RunId) -> Self {
        let mut text = HashInput::default();
        text.0.extend_from_slice(b"aob.idempotency.1");
        text.0.extend_from_slice(run.0.as_bytes());
        Self(SipHasher24::new_with_key(&text.digest()))
    }

    pub(crate) fn key(&self, instance: &InstanceId, generation: u32) -> Arc<str> {
        let mut text = HashInput::default();
        text.instance(instance);
        text.0.push(0);
        text.0.extend_from_slice(&generation.to_be_bytes());
        let key = self.0.hash(&text.0).as_bytes();
        Arc::from(&*hex::Buffer::<16>::new().format(&key))
    }
}

/// The first half of a SHA-256 over what the key is for.
fn derived_key(domain: &str, run: RunId, instance: &InstanceId, generation: u32) -> [u8; 16] {
    let mut text = HashInput::default();
    text.0.extend_from_slice(domain.as_bytes());
    text.0.extend_from_slice(run.0.as_bytes());
    text.instance(instance);
    text.0.push(0);
    text.0.extend_from_slice(&generation.to_be_bytes());
    text.digest()
}

/// Collects what is formatted into it, to be hashed in one go.
#[derive(Default)]
struct HashInput(SmallVec<[u8; 128]>);

impl HashInput {
    /// The first half of its SHA-256.
    fn digest(&self) -> [u8; 16] {
        let mut half = [0; 16];
        half.copy_from_slice(&Sha256::digest(&self.0)[..16]);
        half
    }

    /// The instance's text form.
    fn instance(&mut self, instance: &InstanceId) {
        if instance.scope.is_top() {
            self.0.extend_from_slice(instance.node.as_bytes());
        } else if write!(self, "{instance}").is_err() {
            debug_assert!(false, "formatting into memory does not fail");
        }
    }
}

impl fmt::Write for HashInput {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{InstanceId, RunId, idempotency_key};

    /// Runners and the services they call remember keys: they must never change.
    #[test]
    fn idempotency_keys_stay_what_they_are() {
        let run = RunId(uuid::Uuid::from_u128(7));
        let key = |text: &str, generation| {
            let instance: InstanceId = text.parse().expect("an instance");
            idempotency_key(run, &instance, generation)
        };
        assert_eq!(&*key("pay", 0), "6e470c1852eff2c3378c0b842637f675");
        assert_eq!(&*key("crawl[3]/fetch", 1), "35871e6a1a726b4ba46520ee87ecb4f2");
    }

    #[test]
    fn idempotency_keys_differ_by_run_instance_and_generation() {
        let mut seen = BTreeSet::new();
        for run in 0..20 {
            let run = RunId(uuid::Uuid::from_u128(run));
            for node in ["a", "b", "m[0]/a", "m[1]/a", "m[1]/m[0]/a"] {
                let instance: InstanceId = node.parse().expect("an instance");
                for generation in 0..3 {
                    let key = idempotency_key(run, &instance, generation);
                    assert_eq!(key.len(), 32);
                    assert!(seen.insert(key), "{node} of {run}, generation {generation}");
                }
            }
        }
    }
}
