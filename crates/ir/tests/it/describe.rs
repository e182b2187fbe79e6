//! A compiled document in words, for snapshots.

use std::fmt::Write as _;

use aob_ir::{
    CheckIr, CheckRule, ChildWorkflow, Compiled, EdgeIr, Expr, Ir, NodeIr, NodeKind, Template,
    TimerIr, TransformIr,
};

/// Everything that the engine reads of a compiled document.
pub(crate) fn describe(compiled: &Compiled) -> String {
    let ir = &compiled.ir;
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("{} {:?}", ir.digest, ir.name));
    line(format!("entries {}, terminals {}", ids(ir, &ir.entries), ids(ir, &ir.terminals)));
    line(format!("{:?}, on failure {:?}", ir.limits, ir.on_failure));
    if !ir.budget.is_unbounded() {
        line(format!("budget {}", ir.budget));
    }
    line(format!(
        "agents {}, tier {:?}, inputs schema {}",
        ir.agents,
        ir.tier,
        ir.inputs_schema.is_some()
    ));
    for capability in &ir.capabilities {
        line(format!("may {capability:?}"));
    }
    for (digest, text) in &ir.inline_children {
        line(format!("child {digest} {text}"));
    }
    line(format!("tags {:?}", ir.child_tags));
    for node in &ir.nodes {
        line(describe_node(ir, node, ""));
    }
    for edge in &ir.edges {
        line(describe_edge(ir, edge));
    }
    for (ix, the_loop) in ir.loops.iter().enumerate() {
        let routes: Vec<&str> = the_loop.routes.iter().map(|edge| &*ir.edge(*edge).id).collect();
        line(format!(
            "loop {ix} node {} head {} parent {:?} body {} max {} while {:?} routes {routes:?}",
            ir.node(the_loop.node).id,
            ir.node(the_loop.head).id,
            the_loop.parent,
            ids(ir, &the_loop.body),
            the_loop.max_iterations,
            the_loop.condition.source(),
        ));
    }
    for warning in &compiled.warnings {
        line(format!("warning {warning}"));
    }
    out
}

fn ids(ir: &Ir, nodes: &[u32]) -> String {
    let ids: Vec<&str> = nodes.iter().map(|ix| &*ir.node(*ix).id).collect();
    format!("[{}]", ids.join(" "))
}

fn describe_node(ir: &Ir, node: &NodeIr, indent: &str) -> String {
    let mut out = String::new();
    let edges = |edges: &[u32]| {
        let ids: Vec<&str> = edges.iter().map(|edge| &*ir.edge(*edge).id).collect();
        format!("[{}]", ids.join(" "))
    };
    let retry = &node.retry;
    let _ = write!(
        out,
        "{indent}node {} ({}) at {}\n{indent}  {}\n{indent}  in {} out {} loops {:?} join {:?}\n{indent}  \
         timeout {:?} queue {:?} idle {:?} retry {} x {} *{} <{} on {:?}\n{indent}  \
         effect {:?} on error {:?} priority {:?} pool {:?}",
        node.id,
        node.type_name,
        node.pointer,
        kind(ir, &node.kind, indent),
        edges(&node.incoming),
        edges(&node.outgoing),
        node.loops,
        node.join,
        node.timeout_ms,
        node.queue_timeout_ms,
        node.idle_timeout_ms,
        retry.max_attempts,
        retry.backoff_ms,
        retry.backoff_multiplier,
        retry.max_backoff_ms,
        retry.retry_on,
        node.effect,
        node.on_error,
        node.priority,
        node.pool,
    );
    for (when, checks) in [("pre", &node.checks.pre), ("post", &node.checks.post)] {
        for CheckIr { rule, message } in checks {
            let rule = match rule {
                CheckRule::Expression(expr) => format!("{:?}", expr.source()),
                CheckRule::Schema(_) => "a schema".to_owned(),
            };
            let _ = write!(out, "\n{indent}  check {when} {rule} {message:?}");
        }
    }
    if let Some(undo) = &node.compensate {
        let _ = write!(
            out,
            "\n{indent}  undone by\n{}",
            describe_node(ir, undo, &format!("{indent}    "))
        );
    }
    out
}

fn template(template: &Template) -> String {
    let kind = if template.constant().is_some() { "constant" } else { "template" };
    format!("{kind} {}", template.source())
}

fn expression(expr: &Expr) -> String {
    format!("expression {:?} reads {:?}", expr.source(), expr.needs())
}

fn workflow(workflow: &ChildWorkflow) -> String {
    match workflow {
        ChildWorkflow::Inline(digest) => format!("inline {digest}"),
        ChildWorkflow::Tag(tag) => format!("tag {tag}"),
    }
}

fn kind(ir: &Ir, kind: &NodeKind, indent: &str) -> String {
    match kind {
        NodeKind::Function { name, builtin, config } => {
            format!("function {name} builtin {builtin} {}", template(config))
        }
        NodeKind::Http { config } => format!("http {}", template(config)),
        NodeKind::Agent { config, .. } => format!("agent {}", template(config)),
        NodeKind::Hitl { config } => format!("hitl {}", template(config)),
        NodeKind::Transform(TransformIr::Expression(expr)) => expression(expr),
        NodeKind::Transform(TransformIr::Template(value)) => template(value),
        NodeKind::Filter { items, expression: expr } => {
            format!("filter {} by {}", template(items), expression(expr))
        }
        NodeKind::Aggregate { items, operation, field, by } => {
            format!("{operation:?} of {} field {field:?} by {by:?}", template(items))
        }
        NodeKind::Map(map) => format!(
            "map {} {} at once, tolerates {:?}, over\n{}",
            template(&map.items),
            map.max_parallel,
            map.tolerate,
            describe_node(ir, &map.body, &format!("{indent}    "))
        ),
        NodeKind::Composite { workflow: child, inputs } => {
            format!("composite {} inputs {:?}", workflow(child), inputs.as_ref().map(template))
        }
        NodeKind::Timer(TimerIr::ForMs(value)) => format!("timer for {}", template(value)),
        NodeKind::Timer(TimerIr::Until(value)) => format!("timer until {}", template(value)),
        NodeKind::Signal { name, webhook } => {
            format!("signal {} webhook {webhook}", template(name))
        }
        NodeKind::Conditional
        | NodeKind::Parallel
        | NodeKind::Join
        | NodeKind::Loop { .. }
        | NodeKind::Handoff
        | NodeKind::Unknown(_) => format!("{kind:?}"),
    }
}

fn describe_edge(ir: &Ir, edge: &EdgeIr) -> String {
    let condition = edge.condition.as_ref().map(Expr::source);
    let (from, to) = (&ir.node(edge.from).id, &ir.node(edge.to).id);
    format!(
        "edge {} {from} -> {to} on {:?} if {condition:?} common {}",
        edge.id, edge.on, edge.common_loops
    )
}
