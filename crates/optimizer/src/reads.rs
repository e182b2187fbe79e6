//! What a node reads: its configuration, its checks, and what undoes it.

use std::collections::BTreeSet;

use aob_ir::{
    CheckRule, Expr, Ir, NodeIr, NodeKind, Reads as TemplateReads, Root, Template, TimerIr,
    TransformIr,
};

/// What one node reads.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    pub(crate) input: bool,
    pub(crate) iteration: bool,
    pub(crate) run: bool,
    pub(crate) secrets: bool,
    /// Nodes, of the body of a map the map; sorted.
    pub(crate) nodes: Vec<String>,
}

impl Reads {
    /// What `node` reads.
    pub(crate) fn of(ir: &Ir, node: &NodeIr) -> Self {
        let mut collector = Collector { ir, reads: Self::default(), nodes: BTreeSet::new() };
        collector.node(node, false);
        let owner = |id: String| match ir.map_of_body(&id) {
            Some(map) if ir.node_ix(&id).is_none() => ir.node(map).id.to_string(),
            Some(_) | None => id,
        };
        let mut nodes: Vec<String> = collector.nodes.into_iter().map(owner).collect();
        nodes.sort();
        nodes.dedup();
        Self { nodes, ..collector.reads }
    }
}

struct Collector<'a> {
    ir: &'a Ir,
    reads: Reads,
    nodes: BTreeSet<String>,
}

impl Collector<'_> {
    /// `inside`: a body of a map, whose input is its item, or what undoes a node, whose input is
    /// that node's.
    fn node(&mut self, node: &NodeIr, inside: bool) {
        let input = self.reads.input;
        match &node.kind {
            NodeKind::Function { config, .. }
            | NodeKind::Http { config }
            | NodeKind::Agent { config, .. }
            | NodeKind::Hitl { config } => self.template(config),
            NodeKind::Transform(TransformIr::Template(template)) => self.template(template),
            NodeKind::Transform(TransformIr::Expression(expr)) => self.expression(expr),
            NodeKind::Filter { items, expression } => {
                self.template(items);
                self.expression(expression);
            }
            NodeKind::Aggregate { items, .. } => self.template(items),
            NodeKind::Map(map) => {
                self.template(&map.items);
                self.node(&map.body, true);
            }
            NodeKind::Composite { inputs, .. } => inputs.iter().for_each(|t| self.template(t)),
            NodeKind::Timer(TimerIr::ForMs(template) | TimerIr::Until(template)) => {
                self.template(template);
            }
            NodeKind::Signal { name, .. } => self.template(name),
            NodeKind::Loop { loop_ix } => self.expression(&self.ir.loop_at(*loop_ix).condition),
            NodeKind::Conditional
            | NodeKind::Parallel
            | NodeKind::Join
            | NodeKind::Handoff
            | NodeKind::Unknown(_) => {}
        }
        for check in node.checks.pre.iter().chain(&node.checks.post) {
            match &check.rule {
                CheckRule::Expression(expr) => self.expression(expr),
                // Before the node it is the input that is checked.
                CheckRule::Schema(_) => self.reads.input = true,
            }
        }
        if inside {
            self.reads.input = input;
        }
        if let Some(undo) = &node.compensate {
            // It is given the input of what it undoes.
            self.node(undo, true);
            self.reads.input |= !inside;
        }
    }

    fn template(&mut self, template: &Template) {
        for reference in template.references() {
            match reference.reads {
                TemplateReads::Root(Root::Node(id)) => {
                    self.nodes.insert(id.to_owned());
                }
                TemplateReads::Root(Root::Input) => self.reads.input = true,
                TemplateReads::Root(Root::Run) => self.reads.run = true,
                TemplateReads::Root(Root::Iteration) => self.reads.iteration = true,
                TemplateReads::Root(Root::Inputs | Root::Item | Root::Index) => {}
                TemplateReads::Secret(_) => self.reads.secrets = true,
            }
        }
    }

    fn expression(&mut self, expr: &Expr) {
        let needs = expr.needs();
        self.reads.input |= needs.input;
        self.reads.run |= needs.run;
        self.nodes.extend(needs.nodes.iter().map(ToString::to_string));
    }
}
