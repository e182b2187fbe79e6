//! The model as a workflow document.

use serde_json::{Map, Value, json};

use super::model::{
    Body, Effect, Flow, Guard, ItemTest, Items, Join, Kind, Mode, Node, On, OnError, Transform,
};

impl Flow {
    /// The workflow document.
    pub fn to_document(&self) -> Value {
        let mut document = Map::new();
        document.insert("metadata".into(), json!({"name": self.name}));
        let nodes: Vec<Value> = self.nodes.iter().map(|node| self.node(node)).collect();
        document.insert("nodes".into(), nodes.into());
        let edges = self.edges.iter().map(|edge| {
            let mut object = Map::new();
            object.insert("from".into(), self.id(edge.from));
            object.insert("to".into(), self.id(edge.to));
            if let Some(id) = &edge.id {
                object.insert("id".into(), id.as_str().into());
            }
            if edge.on != On::Success {
                object.insert("on".into(), on_name(edge.on).into());
            }
            if let Some(guard) = &edge.guard {
                object.insert("condition".into(), guard.to_cel().into());
            }
            Value::Object(object)
        });
        document.insert("edges".into(), edges.collect::<Vec<_>>().into());
        if self.compensates {
            document.insert("policies".into(), json!({"on_failure": "compensate"}));
        }
        if self.parks_unknown {
            document.insert("on_unknown".into(), "park".into());
        }
        if let Some(ms) = self.run_timeout_ms {
            document.insert("limits".into(), json!({"run_timeout_ms": ms}));
        }
        Value::Object(document)
    }

    fn id(&self, ix: usize) -> Value {
        self.nodes.get(ix).map_or(Value::Null, |node| node.id.as_str().into())
    }

    fn node(&self, node: &Node) -> Value {
        let mut object = common(node);
        if node.join != Join::default() && !matches!(node.kind, Kind::Join) {
            object.insert("join".into(), join(node.join));
        }
        if let OnError::Route(to) = node.on_error {
            object.insert("on_error".into(), json!({"route": self.id(to)}));
        }
        if let Kind::Loop { head, max_iterations, condition, break_to, timeout_to } = &node.kind {
            let mut config = json!({
                "loop_back_to": self.id(*head),
                "max_iterations": max_iterations,
                "condition": condition.to_cel(),
            });
            for (key, to) in [("break_path", break_to), ("timeout_path", timeout_to)] {
                if let Some(to) = to {
                    config[key] = self.id(*to);
                }
            }
            object.insert("config".into(), config);
        }
        Value::Object(object)
    }
}

/// What a node of the graph and a map's body have in common.
fn common(node: &Node) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("id".into(), node.id.as_str().into());
    object.insert("type".into(), node.type_name().into());
    if let Some(config) = config(node) {
        object.insert("config".into(), config);
    }
    for (key, ms) in [("timeout_ms", node.timeout_ms), ("queue_timeout_ms", node.queue_timeout_ms)]
    {
        object.extend(ms.map(|ms| (key.to_owned(), ms.into())));
    }
    if let Some(retry) = node.retry {
        let retry = json!({"max_attempts": retry.max_attempts, "backoff_ms": retry.backoff_ms});
        object.insert("retry".into(), retry);
    }
    if let Some(effect) = node.effect {
        let effect = match effect {
            Effect::None => "none",
            Effect::Idempotent => "idempotent",
            Effect::Compensable => "compensable",
            Effect::Irreversible => "irreversible",
        };
        object.insert("effect".into(), effect.into());
    }
    if node.compensate {
        let undo = json!({"type": "function", "config": {"name": "undo", "args": {"of": node.id}}});
        object.insert("compensate".into(), undo);
    }
    match node.on_error {
        OnError::Skip => drop(object.insert("on_error".into(), "skip".into())),
        OnError::Park => drop(object.insert("on_error".into(), "park".into())),
        OnError::Fail | OnError::Route(_) => {}
    }
    if let Some(guard) = &node.pre {
        let check = json!({"expression": guard.to_cel(), "message": "the run does not allow it"});
        object.insert("checks".into(), json!({"pre": [check]}));
    }
    object
}

fn config(node: &Node) -> Option<Value> {
    Some(match &node.kind {
        Kind::Function { name, alias, args } => {
            let (name_key, args_key) =
                if *alias { ("function_name", "params") } else { ("name", "args") };
            json!({name_key: name, args_key: args})
        }
        Kind::Http { method } => {
            json!({"url": "https://api.example.com/v1/things", "method": method})
        }
        Kind::Agent => json!({"task": "Summarise what came in."}),
        Kind::Transform(transform) => self::transform(transform),
        Kind::Filter { items, keeps } => {
            let expression = match keeps {
                ItemTest::Above(bound) => format!("item > {bound}"),
                ItemTest::EvenIndex => "index % 2 == 0".to_owned(),
            };
            json!({"items": items, "expression": expression})
        }
        Kind::Aggregate { items, operation, field } => {
            let mut config = json!({"items": items, "operation": operation});
            if *field {
                config[if *operation == "group" { "by" } else { "field" }] = "v".into();
            }
            config
        }
        Kind::Join => join(node.join),
        Kind::Map { items, body, max_parallel, tolerate } => {
            let items = match items {
                Items::Literal(items) => json!(items),
                Items::RunInput => "$inputs.items".into(),
            };
            let mut config =
                json!({"items": items, "max_parallel": max_parallel, "tolerate": tolerate});
            match body {
                Body::Node(body) => config["node"] = Value::Object(common(body)),
                Body::Workflow(flow) => config["workflow"] = flow.to_document(),
            }
            config
        }
        Kind::Composite { workflow, inputs } => {
            let mut config = json!({"workflow": workflow.to_document()});
            if let Some(inputs) = inputs {
                config["inputs"] = inputs.clone();
            }
            config
        }
        Kind::Hitl { .. } => hitl(&node.kind)?,
        Kind::Timer { for_ms } => json!({"for_ms": for_ms}),
        Kind::Signal { name } => json!({"name": name}),
        Kind::Handoff => json!({"to": "night-shift"}),
        Kind::Unknown { .. } => json!({"anything": [1, 2, 3]}),
        // A loop names other nodes: see `Flow::node`.
        Kind::Conditional | Kind::Parallel | Kind::Loop { .. } => return None,
    })
}

fn transform(transform: &Transform) -> Value {
    match transform {
        Transform::Constant(value) => json!({"template": value}),
        Transform::Input => json!({"template": "$input"}),
        Transform::RunInput(c) => json!({"template": {"n": "$inputs.k", "c": c}}),
        Transform::Iteration => json!({"template": {"n": "$iteration ?? 0"}}),
        Transform::Sum(c) => json!({"expression": format!("{{'n': inputs.k + {c}}}")}),
        Transform::Unresolvable => json!({"template": {"n": "$inputs.nothing_here.at_all"}}),
        Transform::Reads { node, n } => {
            json!({"template": {"n": n, "seen": format!("$nodes.{node} ?? null")}})
        }
    }
}

fn join(join: Join) -> Value {
    let mut object = Map::new();
    let (mode, k) = match join.mode {
        Mode::All => ("all", None),
        Mode::Any => ("any", None),
        Mode::KOfN(k) => ("k_of_n", Some(k)),
        Mode::Quorum => ("quorum", None),
    };
    object.insert("mode".into(), mode.into());
    object.extend(k.map(|k| ("k".to_owned(), k.into())));
    if join.cancel_losers {
        object.insert("cancel_losers".into(), true.into());
    }
    if join.tolerate > 0 {
        object.insert("tolerate".into(), join.tolerate.into());
    }
    Value::Object(object)
}

fn on_name(on: On) -> &'static str {
    match on {
        On::Success => "success",
        On::Failure => "failure",
        On::Always => "always",
        On::Approved => "approved",
        On::Rejected => "rejected",
        On::Timeout => "timeout",
        On::Break => "break",
    }
}

impl Guard {
    /// The condition as CEL.
    pub fn to_cel(&self) -> String {
        match self {
            Self::Constant(value) => value.to_string(),
            Self::Above(bound) => format!("output.n > {bound}"),
            Self::Even => "$.n % 2 == 0".to_owned(),
            Self::RunInput(bound) => format!("inputs.k > {bound}"),
            Self::Code(code) => format!("output.error.code == '{code}'"),
            Self::Not(inner) => format!("!({})", inner.to_cel()),
        }
    }
}

fn hitl(kind: &Kind) -> Option<Value> {
    let Kind::Hitl { approvers, quorum, escalate_after_ms, four_eyes } = kind else { return None };
    let users = approvers.iter().copied().chain(four_eyes.then_some("alice"));
    let users: Vec<Value> = users.map(|user| json!({"user": user})).collect();
    let mut config = json!({"message": "Go on?", "approvers": users, "quorum": quorum});
    if *four_eyes {
        config["four_eyes"] = json!(true);
    }
    if let Some(after_ms) = escalate_after_ms {
        config["escalate"] = json!([{"after_ms": after_ms, "to": {"user": "erin"}}]);
    }
    Some(config)
}
