//! Cases as data: a base, a patch, a history, rules, and what is expected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_ir::{Digest, Ir};
use aob_materializer::{Patch, PatchErrors};
use aob_validator::{
    AgentKey, Author, Gated, Grant, History, NodeHistory, Problem, Proposal, Rejected, Rules,
    Severity, Validated, agents_of, validate,
};
use serde::Deserialize;
use serde_json::Value;

/// One case of the corpus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// For who reads the case.
    #[serde(default, rename = "why")]
    _why: Option<String>,
    pub(crate) base: String,
    author: String,
    #[serde(default)]
    history: CaseHistory,
    #[serde(default)]
    rules: CaseRules,
    pub(crate) patch: Value,
    /// None: applied.
    #[serde(default)]
    pub(crate) expect: Option<Expect>,
}

/// How a hostile patch ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Expect {
    /// Refused with this code.
    Rejected(String),
    /// Parked for an approval with this code.
    Approval(String),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CaseHistory {
    nodes: BTreeMap<String, String>,
    edges: BTreeSet<String>,
    /// Agents beside those of the base.
    agents_ever: BTreeSet<String>,
    allotment: Option<u32>,
    agent_patches: u32,
    /// The patch was made against another base.
    stale: bool,
    /// There is no run.
    workflow: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CaseRules {
    grants: Vec<Grant>,
    agents_may_patch: Option<bool>,
    gated: Option<Gated>,
    /// Bases by tag.
    children: BTreeMap<String, String>,
    open_origins: BTreeSet<Arc<str>>,
}

/// What a case says of a run.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    history: CaseHistory,
    agents: BTreeSet<AgentKey>,
}

impl History for Told {
    fn seq(&self) -> u64 {
        7
    }

    fn is_run(&self) -> bool {
        !self.history.workflow
    }

    fn node(&self, id: &str) -> NodeHistory {
        match self.history.nodes.get(id).map(String::as_str) {
            None => NodeHistory::Untouched,
            Some("started") => NodeHistory::Started { repairable: false },
            Some("repairable") => NodeHistory::Started { repairable: true },
            Some("skipped") => NodeHistory::Skipped,
            Some("expanded") => NodeHistory::Expanded,
            Some(other) => panic!("no such history: {other}"),
        }
    }

    fn is_edge_decided(&self, id: &str) -> bool {
        self.history.edges.contains(id)
    }

    fn agents_ever(&self) -> &BTreeSet<AgentKey> {
        &self.agents
    }

    fn allotment(&self) -> u32 {
        self.history.allotment.unwrap_or(5)
    }

    fn agent_patches(&self) -> u32 {
        self.history.agent_patches
    }
}

/// A compiled document of `tests/corpus/bases`.
pub(crate) fn base(name: &str) -> Arc<Ir> {
    let path = format!("{}/tests/corpus/bases/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    match aob_ir::compile_text(&text) {
        Ok(compiled) => compiled.ir,
        Err(problems) => panic!("{path}: {problems}"),
    }
}

/// The cases of `tests/corpus/<kind>` by file.
pub(crate) fn cases(kind: &str) -> Vec<(String, Case)> {
    let folder = format!("{}/tests/corpus/{kind}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(&folder).expect("the folder of the corpus");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a file of cases");
        let cases: Vec<Case> = match serde_json::from_str(&text) {
            Ok(cases) => cases,
            Err(error) => panic!("{}: {error}", path.display()),
        };
        let theme = path.file_stem().expect("a name").to_string_lossy().into_owned();
        all.extend(cases.into_iter().map(|case| (format!("{theme}/{}", case.name), case)));
    }
    all
}

/// Everything that a case is judged by.
pub(crate) struct Setting {
    pub(crate) base: Arc<Ir>,
    pub(crate) author: Author,
    pub(crate) rules: Rules,
    pub(crate) told: Told,
    pub(crate) against: Digest,
}

impl Case {
    pub(crate) fn setting(&self) -> Setting {
        let base = base(&self.base);
        let mut rules = Rules { open_origins: self.rules.open_origins.clone(), ..Rules::default() };
        rules.grants.extend(self.rules.grants.iter().cloned());
        rules.agents_may_patch = self.rules.agents_may_patch.unwrap_or(true);
        rules.gated = self.rules.gated.unwrap_or(Gated::Outward);
        // A run has resolved what its workflow names.
        for tag in &base.child_tags {
            rules.children.insert(Arc::clone(tag), self::base("child_plain"));
        }
        for (tag, name) in &self.rules.children {
            rules.children.insert(tag.as_str().into(), self::base(name));
        }
        let author = match self.author.as_str() {
            "person" => Author::Person,
            "agent" => Author::Agent { node: None },
            "optimizer" => Author::Optimizer,
            other => panic!("no such author: {other}"),
        };
        let gone = self.history.agents_ever.iter().map(|path| AgentKey {
            path: path.as_str().into(),
            config: Digest::of(path.as_bytes()),
        });
        let agents = agents_of(&base, &rules.children).into_iter().chain(gone).collect();
        let against = if self.history.stale { Digest::of(b"another") } else { base.digest };
        let told = Told { history: self.history.clone(), agents };
        Setting { base, author, rules, told, against }
    }

    /// Judges the case as the server would: from the text of the patch on.
    pub(crate) fn judge(&self) -> Result<Validated, Rejected> {
        self.setting().judge(&self.patch.to_string())
    }
}

impl Setting {
    pub(crate) fn judge(&self, patch: &str) -> Result<Validated, Rejected> {
        let patch = Patch::parse(patch, self.rules.budget_of(&self.author)).map_err(refused)?;
        self.validate(&patch)
    }

    pub(crate) fn validate(&self, patch: &Patch) -> Result<Validated, Rejected> {
        let (base, author) = (&*self.base, &self.author);
        let proposal = Proposal { base, against: self.against, patch, author };
        validate(&proposal, &self.told, &self.rules)
    }
}

fn refused(PatchErrors(errors): PatchErrors) -> Rejected {
    let problems = errors.into_iter().map(|error| Problem {
        code: error.code.as_str(),
        severity: Severity::Error,
        op: error.op_index,
        pointer: error.pointer,
        message: error.message,
        hint: error.hint,
        example: error.example,
    });
    Rejected { problems: problems.collect(), checks: Vec::new() }
}
