//! What is not trusted does not decide what leaves.
//!
//! *Untrusted* is what an agent, a foreign server (`http`), a signal or a handoff answers, a
//! sub-workflow or node that is not known here, and whatever is computed from these; approvals and
//! the run's inputs are trusted. A flow counts where the patch brings it in: the place read nothing
//! untrusted before, or its node changed.
//!
//! * Untrusted data in a computed host or method: somebody has to approve it.
//! * Untrusted data anywhere in a request, a function or an agent that also gets a secret: somebody
//!   has to approve it (of untrusted input, secrets and outward effect a path holds two at most).
//! * Untrusted data elsewhere in a request: something to know.
//!
//! Behind an approval of the base that was not asked for yet, the first two are only to be known.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_ir::{
    EdgeIr, Expr, Ir, NodeIr, NodeIx, NodeKind, Reads, Root, Template, TimerIr, TransformIr,
};

use crate::dominance::topological;
use crate::power::{Destination, secrets};
use crate::world::{Item, World};
use crate::{Code, Problem};

/// Untrusted places of a world: configs by item, with the places that read something untrusted.
pub(crate) type Tainted = BTreeMap<Arc<str>, Vec<String>>;

/// Finds what reads something untrusted.
pub(crate) fn tainted(world: &World<'_>) -> Tainted {
    Flow::of(world, &Sources::Untrusted).places()
}

/// Where what is followed starts.
pub(crate) enum Sources<'s> {
    /// What is not trusted.
    Untrusted,
    /// What these nodes give, and what flows into the others.
    Nodes {
        /// Whether an item changed.
        changed: &'s dyn Fn(&Item) -> bool,
        /// Whether what flows into a node of the unit may be something else than before.
        rewired: &'s dyn Fn(usize, NodeIx) -> bool,
    },
}

impl<'w, 'a, 's> Flow<'w, 'a, 's> {
    /// Follows everything to its end.
    pub(crate) fn of(world: &'w World<'a>, sources: &'s Sources<'s>) -> Self {
        let mut flow = Flow {
            world,
            sources,
            outputs: world.units.iter().map(|unit| vec![false; unit.ir().nodes.len()]).collect(),
            inputs: vec![false; world.units.len()],
            items: vec![false; world.items.len()],
        };
        let orders: Vec<Vec<NodeIx>> =
            world.units.iter().map(|unit| topological(unit.ir())).collect();
        // Units stand after what runs them, so results of inner ones reach outer ones a round later.
        while flow.round(&orders) {}
        flow
    }
}

/// Where it has come so far; it only ever grows.
pub(crate) struct Flow<'w, 'a, 's> {
    world: &'w World<'a>,
    sources: &'s Sources<'s>,
    /// Outputs by unit and node.
    outputs: Vec<Vec<bool>>,
    /// Inputs by unit.
    inputs: Vec<bool>,
    /// What a map hands to its body, by the item that is the body.
    items: Vec<bool>,
}

/// What a config is read in.
#[derive(Debug, Clone, Copy)]
struct Scope {
    unit: usize,
    /// `$input`.
    input: bool,
    /// `$item`.
    item: bool,
    /// `output`, of checks and compensations.
    output: bool,
}

impl Flow<'_, '_, '_> {
    fn round(&mut self, orders: &[Vec<NodeIx>]) -> bool {
        let mut has_grown = false;
        for (unit, order) in orders.iter().enumerate() {
            for node in order {
                let output = self.output(unit, *node);
                let known = &mut self.outputs[unit][*node as usize];
                has_grown |= output && !*known;
                *known |= output;
            }
        }
        for (ix, item) in self.world.items.iter().enumerate() {
            let scope = self.scope(item);
            if let NodeKind::Map(map) = &self.world.node(item).kind {
                let is_changed = match self.sources {
                    Sources::Untrusted => false,
                    Sources::Nodes { changed, .. } => changed(item),
                };
                let items = is_changed || self.template(&map.items, scope);
                // The body comes right after its map.
                has_grown |= items && !self.items[ix + 1];
                self.items[ix + 1] |= items;
            }
        }
        for unit in 0..self.world.units.len() {
            let Some(host) = self.world.units[unit].host else { continue };
            let item = &self.world.items[host];
            let scope = self.scope(item);
            if let Sources::Nodes { changed, .. } = self.sources
                && changed(item)
            {
                has_grown |= !self.inputs[unit];
                self.inputs[unit] = true;
                continue;
            }
            // The body of a map with a `workflow` has no inputs of its own.
            let inputs = if let NodeKind::Composite { inputs: Some(inputs), .. } =
                &self.world.node(item).kind
            {
                self.template(inputs, scope)
            } else {
                scope.input
            };
            has_grown |= inputs && !self.inputs[unit];
            self.inputs[unit] |= inputs;
        }
        has_grown
    }

    fn ir(&self, unit: usize) -> &Ir {
        self.world.units[unit].ir()
    }

    /// What an item reads as its input and item.
    fn scope(&self, item: &Item) -> Scope {
        let unit = item.unit;
        let own = self.input(unit, item.owner);
        let mapped = self.world.owned(unit, item.owner).iter().any(|ix| self.items[*ix]);
        let output = self.outputs[unit][item.owner as usize];
        if item.is_graph_node() {
            return Scope { unit, input: own, item: false, output };
        }
        if item.is_compensation() {
            return Scope { unit, input: own || output || mapped, item: mapped, output };
        }
        Scope { unit, input: mapped, item: mapped, output }
    }

    /// What flows into a node of a graph.
    fn input(&self, unit: usize, node: NodeIx) -> bool {
        let ir = self.ir(unit);
        let own = ir.node(node);
        let sources = own.incoming.iter().map(|edge| ir.edge(*edge).from);
        let again = own.loops.iter().map(|ix| ir.loop_at(*ix)).filter(|inner| inner.head == node);
        let back = again.map(|inner| inner.node);
        let is_rewired = match self.sources {
            Sources::Untrusted => false,
            Sources::Nodes { rewired, .. } => rewired(unit, node),
        };
        is_rewired
            || (own.incoming.is_empty() && self.inputs[unit])
            || sources.chain(back).any(|source| self.outputs[unit][source as usize])
    }

    /// Whether what a node of a graph gives is untrusted.
    fn output(&self, unit: usize, node: NodeIx) -> bool {
        let owned = self.world.owned(unit, node).iter().map(|ix| &self.world.items[*ix]);
        // A map is as trusted as its innermost body.
        let mut bodies = owned.filter(|item| !item.is_compensation());
        bodies.next_back().is_some_and(|item| {
            let scope = self.scope(item);
            match self.sources {
                Sources::Untrusted => {
                    is_untrusted(self.world.node(item))
                        || self.gives(item, self.world.node(item), scope)
                }
                Sources::Nodes { changed, .. } => {
                    changed(item) || self.gives(item, self.world.node(item), scope)
                }
            }
        })
    }

    fn gives(&self, item: &Item, node: &NodeIr, scope: Scope) -> bool {
        match &node.kind {
            NodeKind::Agent { config, .. } | NodeKind::Http { config } => {
                self.template(config, scope)
            }
            NodeKind::Signal { .. } => false,
            NodeKind::Function { config, .. } => {
                let has_args = config.source().get("args").is_some();
                self.template(config, scope) || (!has_args && scope.input)
            }
            NodeKind::Transform(TransformIr::Expression(expr)) => self.expression(expr, scope),
            NodeKind::Transform(TransformIr::Template(template)) => self.template(template, scope),
            NodeKind::Filter { items, expression } => {
                self.template(items, scope) || self.expression(expression, scope)
            }
            NodeKind::Aggregate { items, .. } => self.template(items, scope),
            NodeKind::Conditional
            | NodeKind::Parallel
            | NodeKind::Join
            | NodeKind::Loop { .. }
            | NodeKind::Handoff
            | NodeKind::Unknown(_)
            | NodeKind::Timer(TimerIr::ForMs(_) | TimerIr::Until(_)) => scope.input,
            NodeKind::Hitl { .. } => false,
            NodeKind::Map(map) => self.template(&map.items, scope),
            NodeKind::Composite { .. } => self.child(item),
        }
    }

    /// Whether what a sub-workflow gives is untrusted; one that is not at hand is.
    fn child(&self, item: &Item) -> bool {
        let path = format!("{}/", item.path);
        let Some(unit) = self.world.find_unit(&path) else {
            return matches!(self.sources, Sources::Untrusted);
        };
        let mut ends = self.ir(unit).terminals.iter();
        ends.any(|node| self.outputs[unit][*node as usize])
    }

    fn template(&self, template: &Template, scope: Scope) -> bool {
        template.references().iter().any(|read| self.reads(read.reads, scope))
    }

    fn reads(&self, reads: Reads<'_>, scope: Scope) -> bool {
        match reads {
            Reads::Root(Root::Node(id)) => self.node_output(scope.unit, id),
            Reads::Root(Root::Inputs) => self.inputs[scope.unit],
            Reads::Root(Root::Input) => scope.input,
            Reads::Root(Root::Item) => scope.item,
            Reads::Root(Root::Run | Root::Index | Root::Iteration) | Reads::Secret(_) => false,
        }
    }

    fn expression(&self, expr: &Expr, scope: Scope) -> bool {
        let needs = expr.needs();
        needs.input && scope.input
            || needs.output && scope.output
            || needs.inputs && self.inputs[scope.unit]
            || needs.item && scope.item
            || needs.nodes.iter().any(|id| self.node_output(scope.unit, id))
    }

    fn node_output(&self, unit: usize, id: &str) -> bool {
        let ir = self.ir(unit);
        let node = ir.node_ix(id).or_else(|| ir.map_of_body(id));
        node.is_some_and(|node| self.outputs[unit][node as usize])
    }

    /// Whether a guard of an edge reads it.
    pub(crate) fn decides(&self, unit: usize, edge: &EdgeIr) -> bool {
        let Some(condition) = &edge.condition else { return false };
        let output = self.outputs[unit][edge.from as usize];
        let scope = Scope { unit, input: false, item: false, output };
        self.expression(condition, scope)
    }

    /// Whether the config of an item, which acts outside, reads it.
    pub(crate) fn reaches(&self, item: &Item) -> bool {
        let scope = self.scope(item);
        outward_config(self.world.node(item)).is_some_and(|config| self.template(config, scope))
    }

    fn places(&self) -> Tainted {
        let mut found = Tainted::new();
        for item in &self.world.items {
            let Some(config) = outward_config(self.world.node(item)) else { continue };
            let scope = self.scope(item);
            let references = config.references().into_iter();
            let untrusted = references.filter(|read| self.reads(read.reads, scope));
            let mut places: Vec<String> = untrusted.map(|read| read.pointer).collect();
            places.dedup();
            if !places.is_empty() {
                found.insert(Arc::clone(&item.path), places);
            }
        }
        found
    }
}

/// Whether what a node gives is not to be trusted, whatever it reads.
fn is_untrusted(node: &NodeIr) -> bool {
    match &node.kind {
        NodeKind::Agent { .. }
        | NodeKind::Http { .. }
        | NodeKind::Signal { .. }
        | NodeKind::Handoff
        | NodeKind::Unknown(_) => true,
        NodeKind::Function { .. }
        | NodeKind::Transform(_)
        | NodeKind::Filter { .. }
        | NodeKind::Aggregate { .. }
        | NodeKind::Conditional
        | NodeKind::Parallel
        | NodeKind::Join
        | NodeKind::Map(_)
        | NodeKind::Loop { .. }
        | NodeKind::Composite { .. }
        | NodeKind::Hitl { .. }
        | NodeKind::Timer(_) => false,
    }
}

/// The config of what acts outside.
fn outward_config(node: &NodeIr) -> Option<&Template> {
    match &node.kind {
        NodeKind::Http { config }
        | NodeKind::Agent { config, .. }
        | NodeKind::Function { config, builtin: false, .. } => Some(config),
        NodeKind::Function { builtin: true, .. }
        | NodeKind::Transform(_)
        | NodeKind::Filter { .. }
        | NodeKind::Aggregate { .. }
        | NodeKind::Conditional
        | NodeKind::Parallel
        | NodeKind::Join
        | NodeKind::Map(_)
        | NodeKind::Loop { .. }
        | NodeKind::Composite { .. }
        | NodeKind::Hitl { .. }
        | NodeKind::Timer(_)
        | NodeKind::Signal { .. }
        | NodeKind::Handoff
        | NodeKind::Unknown(_) => None,
    }
}

/// Judges the flows that a patch brings in. `is_reviewed`: the item is behind an approval of the
/// base that was not asked for yet.
pub(crate) fn check(
    base: &World<'_>,
    result: &World<'_>,
    is_reviewed: &dyn Fn(&Item) -> bool,
) -> Vec<Problem> {
    let before = tainted(base);
    let mut problems = Vec::new();
    for (path, places) in tainted(result) {
        let Some(item) = result.find(&path) else { continue };
        let is_same = base.find(&path).is_some_and(|was| base.spec(was) == result.spec(item));
        let known = before.get(&path).filter(|_| is_same);
        for place in places {
            if known.is_some_and(|known| known.contains(&place)) {
                continue;
            }
            problems.extend(judge(result, item, &place, is_reviewed));
        }
    }
    problems
}

fn judge(
    world: &World<'_>,
    item: &Item,
    place: &str,
    is_reviewed: &dyn Fn(&Item) -> bool,
) -> Option<Problem> {
    let node = world.node(item);
    let config = outward_config(node)?;
    let is_http = matches!(node.kind, NodeKind::Http { .. });
    let decides = is_http
        && (place == "/method"
            || place == "/url" && Destination::of(config, &item.path).is_computed);
    let secret = secrets(config).into_iter().next();
    let pointer = format!("{}/config{place}", item.pointer);
    let message = match (&secret, decides) {
        (_, true) => {
            "what an agent or a foreign server answers decides where the request goes".to_owned()
        }
        (Some(secret), false) => format!(
            "what an agent or a foreign server answers goes out together with the secret `{}`",
            secret.name
        ),
        (None, false) if is_http => {
            "what an agent or a foreign server answers goes out with the request".to_owned()
        }
        (None, false) => return None,
    };
    let is_grave = secret.is_some() || decides;
    let problem = if is_grave && !is_reviewed(item) {
        Problem::approval(Code::UntrustedFlow, pointer, message)
            .with_hint("read the value from the run's inputs, or put an approval before the node")
    } else {
        Problem::warning(Code::UntrustedFlow, pointer, message)
    };
    Some(problem)
}
