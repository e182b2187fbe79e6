//! A graph with everything in it: bodies of maps, compensating nodes, sub-workflows.
//!
//! A *unit* is one document: the whole one, one given inline, or one that a tag leads to. An *item*
//! is anything that is executed: a node of a unit, the body of its map, or what compensates it.
//! Items have a path (`onboard/charge`, `onboard/charge.compensate`) that names them across
//! versions of the graph.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_ir::{ChildWorkflow, Digest, Ir, NodeIr, NodeIx, NodeKind};
use serde_json::Value;

use crate::{Code, Problem};

/// Uses of sub-workflows that are looked into, so that documents that use each other twice and
/// twice again end somewhere.
const UNITS_MAX: usize = 4096;

/// Sub-workflows by tag.
pub(crate) type Children = BTreeMap<Arc<str>, Arc<Ir>>;

/// A graph and what it contains.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) units: Vec<Unit<'a>>,
    pub(crate) items: Vec<Item>,
    /// Items by path.
    index: BTreeMap<Arc<str>, usize>,
    /// Units by path.
    unit_index: BTreeMap<String, usize>,
    /// Items by unit and node: the node itself, then its bodies and compensations.
    owned: Vec<Vec<Vec<usize>>>,
    /// Tags that lead nowhere, with the places that name them.
    pub(crate) unresolved: Vec<(String, Arc<str>)>,
    /// There were more units than are looked into.
    pub(crate) is_cut: bool,
}

/// One document.
#[derive(Debug)]
pub(crate) struct Unit<'a> {
    ir: Source<'a>,
    /// The document as JSON, as `pointer`s of its nodes lead into.
    pub(crate) document: Value,
    /// Prefix of the paths of its items.
    pub(crate) path: String,
    /// Where it stands in the whole document; of a tagged one, what names it.
    pub(crate) pointer: String,
    /// The item that runs it.
    pub(crate) host: Option<usize>,
}

#[derive(Debug)]
enum Source<'a> {
    Borrowed(&'a Ir),
    Shared(Arc<Ir>),
}

impl Unit<'_> {
    /// Its compiled form.
    pub(crate) fn ir(&self) -> &Ir {
        match &self.ir {
            Source::Borrowed(ir) => ir,
            Source::Shared(ir) => ir,
        }
    }
}

/// Something that is executed.
#[derive(Debug)]
pub(crate) struct Item {
    /// Index of its unit.
    pub(crate) unit: usize,
    /// The node of the unit that it is or belongs to.
    pub(crate) owner: NodeIx,
    /// How to get from there to it.
    steps: Vec<Step>,
    /// Names it across versions.
    pub(crate) path: Arc<str>,
    /// Where it stands in the whole document, nodes by id.
    pub(crate) pointer: String,
    /// It lies in a map, at any level.
    pub(crate) is_mapped: bool,
    /// How often loops around it, at any level, may repeat it.
    pub(crate) repeats: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Body,
    Compensation,
}

impl Item {
    /// It is a node of a graph, not a body and not a compensation.
    pub(crate) fn is_graph_node(&self) -> bool {
        self.steps.is_empty()
    }

    /// It compensates another.
    pub(crate) fn is_compensation(&self) -> bool {
        self.steps.contains(&Step::Compensation)
    }
}

impl<'a> World<'a> {
    /// Everything in `ir`.
    pub(crate) fn of(ir: &'a Ir, children: &Children) -> Self {
        Self::with(ir, document_of(ir), children)
    }

    /// Everything in `ir`, whose document is at hand.
    pub(crate) fn with(ir: &'a Ir, document: Value, children: &Children) -> Self {
        let mut builder = Builder {
            world: Self {
                units: Vec::new(),
                items: Vec::new(),
                index: BTreeMap::new(),
                unit_index: BTreeMap::new(),
                owned: Vec::new(),
                unresolved: Vec::new(),
                is_cut: false,
            },
            children,
            around: Vec::new(),
        };
        let root = Unit {
            ir: Source::Borrowed(ir),
            document,
            path: String::new(),
            pointer: String::new(),
            host: None,
        };
        builder.unit(root, false, 1);
        builder.world
    }

    /// The whole document.
    pub(crate) fn document(&self) -> &Value {
        &self.units[0].document
    }

    /// The whole document, and nothing else any more.
    pub(crate) fn into_document(mut self) -> Value {
        self.units.swap_remove(0).document
    }

    /// The node that an item is.
    pub(crate) fn node(&self, item: &Item) -> &NodeIr {
        let mut node = self.units[item.unit].ir().node(item.owner);
        for step in &item.steps {
            node = match (step, &node.kind) {
                (Step::Body, NodeKind::Map(map)) => &map.body,
                (Step::Compensation, _) => node.compensate.as_deref().unwrap_or(node),
                (Step::Body, _) => node,
            };
        }
        node
    }

    /// An item as its document has it; null for what a map's `workflow` stands for.
    pub(crate) fn spec(&self, item: &Item) -> &Value {
        let document = &self.units[item.unit].document;
        let found = if item.is_graph_node() {
            // The compiled nodes stand in the order of the document.
            document.get("nodes").and_then(|nodes| nodes.get(item.owner as usize))
        } else {
            document.pointer(&self.node(item).pointer)
        };
        found.unwrap_or(&Value::Null)
    }

    /// The unit of this path.
    pub(crate) fn find_unit(&self, path: &str) -> Option<usize> {
        self.unit_index.get(path).copied()
    }

    /// Indices of the items of a node of a unit.
    pub(crate) fn owned(&self, unit: usize, owner: NodeIx) -> &[usize] {
        &self.owned[unit][owner as usize]
    }

    /// The item of this path.
    pub(crate) fn find(&self, path: &str) -> Option<&Item> {
        self.index.get(path).map(|ix| &self.items[*ix])
    }

    /// What is wrong with its sub-workflows. `offline`: tags cannot be resolved.
    pub(crate) fn problems(&self, offline: bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.is_cut {
            let message = format!("sub-workflows are used more than {UNITS_MAX} times in all");
            problems.push(Problem::error(Code::TooManySubWorkflows, "", message));
        }
        for (pointer, tag) in self.unresolved.iter().filter(|_| !offline) {
            let message = format!("there is no workflow `{tag}`, or it runs itself");
            let problem = Problem::error(Code::UnresolvedWorkflow, pointer, message);
            problems
                .push(problem.with_hint("name a workflow of this workspace, or give it inline"));
        }
        problems
    }
}

/// The document of a graph, as JSON.
pub(crate) fn document_of(ir: &Ir) -> Value {
    serde_json::from_str(&ir.canonical).unwrap_or_default()
}

/// The pointer of something in `owner`, with the owner by its id.
fn by_id(owner: &NodeIr, pointer: &str) -> String {
    let rest = pointer.strip_prefix(&*owner.pointer).unwrap_or_default();
    format!("/nodes/{}{rest}", owner.id)
}

struct Builder<'a, 'c> {
    world: World<'a>,
    children: &'c Children,
    /// Documents around, so that one that contains itself is not followed for ever.
    around: Vec<Digest>,
}

impl<'a> Builder<'a, '_> {
    fn unit(&mut self, unit: Unit<'a>, is_mapped: bool, repeats: u64) {
        if self.world.units.len() == UNITS_MAX {
            self.world.is_cut = true;
            return;
        }
        let index = self.world.units.len();
        self.around.push(unit.ir().digest);
        let nodes = unit.ir().nodes.len();
        self.world.unit_index.insert(unit.path.clone(), index);
        self.world.owned.push(vec![Vec::new(); nodes]);
        self.world.units.push(unit);
        for owner in 0..nodes {
            let owner = owner as NodeIx;
            let ir = self.world.units[index].ir();
            let loops = ir.node(owner).loops.iter();
            let inner = loops.map(|ix| u64::from(ir.loop_at(*ix).max_iterations));
            let repeats = inner.fold(repeats, u64::saturating_mul);
            self.item(index, owner, Vec::new(), (is_mapped, repeats));
        }
        self.around.pop();
    }

    fn item(
        &mut self,
        unit: usize,
        owner: NodeIx,
        steps: Vec<Step>,
        (is_mapped, repeats): (bool, u64),
    ) {
        let mut item = Item {
            unit,
            owner,
            steps,
            path: Arc::default(),
            pointer: String::new(),
            is_mapped,
            repeats,
        };
        let node = self.world.node(&item);
        let home = &self.world.units[unit];
        item.path = format!("{}{}", home.path, node.id).into();
        item.pointer = format!("{}{}", home.pointer, by_id(home.ir().node(owner), &node.pointer));
        let compensated = node.compensate.is_some();
        let steps = item.steps.clone();
        let (body, workflow) = match &node.kind {
            NodeKind::Map(_) => (true, None),
            NodeKind::Composite { workflow, .. } => (false, Some(workflow.clone())),
            NodeKind::Function { .. }
            | NodeKind::Http { .. }
            | NodeKind::Agent { .. }
            | NodeKind::Transform(_)
            | NodeKind::Filter { .. }
            | NodeKind::Aggregate { .. }
            | NodeKind::Conditional
            | NodeKind::Parallel
            | NodeKind::Join
            | NodeKind::Loop { .. }
            | NodeKind::Hitl { .. }
            | NodeKind::Timer(_)
            | NodeKind::Signal { .. }
            | NodeKind::Handoff
            | NodeKind::Unknown(_) => (false, None),
        };
        let index = self.world.items.len();
        self.world.index.insert(Arc::clone(&item.path), index);
        self.world.owned[unit][owner as usize].push(index);
        self.world.items.push(item);
        let with = |step: Step| steps.iter().copied().chain([step]).collect::<Vec<_>>();
        if body {
            self.item(unit, owner, with(Step::Body), (true, repeats));
        }
        if compensated {
            self.item(unit, owner, with(Step::Compensation), (is_mapped, repeats));
        }
        if let Some(workflow) = workflow {
            self.child(index, &workflow, (is_mapped, repeats));
        }
    }

    fn child(&mut self, host: usize, workflow: &ChildWorkflow, (is_mapped, repeats): (bool, u64)) {
        let item = &self.world.items[host];
        let node = self.world.node(item);
        let is_short = node.pointer.ends_with("/config/workflow");
        let key = if is_short { "" } else { "/config/workflow" };
        let pointer = format!("{}{key}", item.pointer);
        let ir = match workflow {
            ChildWorkflow::Inline(digest) => {
                let text = self.world.units[item.unit].ir().inline_children.get(digest);
                text.and_then(|text| aob_ir::compile_text(text).ok()).map(|compiled| compiled.ir)
            }
            ChildWorkflow::Tag(tag) => self.children.get(tag).cloned(),
        };
        let Some(ir) = ir.filter(|ir| !self.around.contains(&ir.digest)) else {
            if let ChildWorkflow::Tag(tag) = workflow {
                self.world.unresolved.push((pointer, Arc::clone(tag)));
            }
            return;
        };
        let unit = Unit {
            document: document_of(&ir),
            path: format!("{}/", item.path),
            pointer,
            host: Some(host),
            ir: Source::Shared(ir),
        };
        self.unit(unit, is_mapped, repeats);
    }
}
