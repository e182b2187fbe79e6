//! What a patch is written as: operations in a file, or options for the common edits.

use aob_api::{GraphEdge, GraphView};
use aob_ir::{EdgeOn, Ir};
use clap::Args;
use serde_json::{Value, json};

use crate::client::{Api, Call};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{Source, json_pair};

/// An edge of the graph that is edited.
#[derive(Debug)]
pub(crate) struct Edge {
    id: String,
    from: String,
    to: String,
    on: EdgeOn,
    condition: Option<String>,
}

impl Edge {
    fn of_graph(edge: &GraphEdge) -> Self {
        Self {
            id: edge.id.clone(),
            from: edge.from.clone(),
            to: edge.to.clone(),
            on: edge.on,
            condition: edge.condition.clone(),
        }
    }

    /// All those of a document.
    pub(crate) fn of_document(ir: &Ir) -> Vec<Self> {
        let edges = ir.edges.iter().map(|edge| Self {
            id: edge.id.to_string(),
            from: ir.node(edge.from).id.to_string(),
            to: ir.node(edge.to).id.to_string(),
            on: edge.on,
            condition: edge.condition.as_ref().map(|condition| condition.source().to_owned()),
        });
        edges.collect()
    }
}

/// The operations, and what goes with them.
#[derive(Debug, Args)]
pub(crate) struct Edits {
    /// Operations as JSON: a list, or an object with `operations`; a file, or - for standard input.
    #[arg(value_name = "JSON|FILE|-", value_parser = Source::json_or_file)]
    operations: Option<Source>,
    /// Set a key of a node: fetch/config/url=https://example.org. May be repeated.
    #[arg(long, value_name = "NODE/KEY=VALUE", value_parser = json_pair)]
    set: Vec<(String, Value)>,
    /// Add a node: JSON, a file with it, or - for standard input.
    #[arg(long, value_name = "JSON|FILE|-", value_parser = Source::json_or_file)]
    add_node: Option<Source>,
    /// Put the new node on the edge between these two.
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"], requires = "add_node")]
    between: Option<Vec<String>>,
    /// Draw an edge from this node to the new one. May be repeated.
    #[arg(long, value_name = "NODE", requires = "add_node", conflicts_with = "between")]
    after: Vec<String>,
    /// Draw an edge from the new node to this one. May be repeated.
    #[arg(long, value_name = "NODE", requires = "add_node", conflicts_with = "between")]
    before: Vec<String>,
    /// Remove the edge with this id, such as `a->b`. May be repeated.
    #[arg(long, value_name = "EDGE")]
    remove_edge: Vec<String>,
    /// Remove a node and the edges around it. May be repeated.
    #[arg(long, value_name = "NODE")]
    remove_node: Vec<String>,
    /// What it is for; approvers and histories show it.
    #[arg(long, visible_alias = "description", value_name = "TEXT")]
    reason: Option<String>,
    /// The document that it was made against; without: the one that holds.
    #[arg(long, value_name = "DIGEST")]
    base: Option<String>,
}

impl Edits {
    /// Whether the edges of the graph have to be known.
    pub(crate) fn needs_graph(&self) -> bool {
        self.between.is_some() || !self.remove_node.is_empty()
    }

    /// The body of the request that patches a run.
    pub(crate) async fn body(
        &self,
        api: &Api,
        run: &str,
        as_node: Option<&str>,
    ) -> Result<Value, Failure> {
        let graph = match self.needs_graph() {
            true => Some(api.fetch::<GraphView>(Call::get(&["runs", run, "graph"])).await?.view),
            false => None,
        };
        let edges = graph.iter().flat_map(|graph| &graph.edges).map(Edge::of_graph).collect();
        let mut body = self.written(edges)?;
        // What was made from a graph was made against it.
        if let Some(graph) = graph
            && body.get("base").is_none()
        {
            body["base"] = json!(graph.digest);
        }
        if let Some(node) = as_node {
            body["node_id"] = json!(node);
        }
        Ok(body)
    }

    /// The same where the edges are at hand.
    pub(crate) fn written(&self, edges: Vec<Edge>) -> Result<Value, Failure> {
        let mut body = match &self.operations {
            None => json!({ "operations": [] }),
            Some(source) => match source.json()? {
                operations @ Value::Array(_) => json!({ "operations": operations }),
                body @ Value::Object(_) => body,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    return Err(no_operations(source));
                }
            },
        };
        let edits = self.operations(&edges)?;
        if let Some(operations) = body.get_mut("operations").and_then(Value::as_array_mut) {
            operations.extend(edits);
            if operations.is_empty() {
                return Err(Failure::usage("the patch changes nothing", EXAMPLE));
            }
        }
        if let (Some(body), Value::Object(about)) = (body.as_object_mut(), self.about()) {
            body.extend(about);
        }
        Ok(body)
    }

    /// What goes with the operations.
    pub(crate) fn about(&self) -> Value {
        let given =
            [("description", self.reason.as_ref()), ("base", self.base.as_ref())].into_iter();
        given.filter_map(|(key, value)| Some((key.to_owned(), json!(value?)))).collect()
    }

    fn operations(&self, edges: &[Edge]) -> Result<Vec<Value>, Failure> {
        let mut operations: Vec<Value> =
            self.set.iter().map(|(place, value)| set(place, value)).collect();
        if let Some(source) = &self.add_node {
            let node = source.json()?;
            let Some(id) = node.get("id").and_then(Value::as_str).map(str::to_owned) else {
                let message = format!("{} has no `id`", source.name());
                return Err(Failure::usage(
                    message,
                    "give the node an id: {\"id\": \"email\", ...}",
                ));
            };
            operations.push(json!({"op": "add", "path": "/nodes/-", "value": node}));
            if let Some([from, to]) = self.between.as_deref() {
                operations.extend(between(edges, from, &id, to)?);
            }
            operations.extend(self.after.iter().map(|from| edge(from, &id)));
            operations.extend(self.before.iter().map(|to| edge(&id, to)));
        }
        for id in &self.remove_node {
            let around = edges.iter().filter(|edge| edge.from == *id || edge.to == *id);
            operations.extend(around.map(|edge| remove("edges", &edge.id)));
            operations.push(remove("nodes", id));
        }
        operations.extend(self.remove_edge.iter().map(|id| remove("edges", id)));
        Ok(operations)
    }
}

const EXAMPLE: &str = "give operations, for example \
    '[{\"op\": \"replace\", \"path\": \"/nodes/fetch/config/url\", \"value\": \"https://example.org\"}]'";

fn no_operations(source: &Source) -> Failure {
    Failure::usage(format!("{} holds no operations", source.name()), EXAMPLE)
}

/// A patch as a list of operations, or as an object that has them.
pub(crate) fn operations(source: &Source) -> Result<Value, Failure> {
    let mut given = source.json()?;
    let operations = match &mut given {
        Value::Object(body) => body.remove("operations"),
        Value::Array(_) => Some(given),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    operations.filter(Value::is_array).ok_or_else(|| no_operations(source))
}

fn escaped(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// `fetch/config/url`: a member is set whether it is there or not, an item of a list is replaced.
fn set(place: &str, value: &Value) -> Value {
    let place = place.trim_start_matches('/');
    let last = place.rsplit('/').next().unwrap_or_default();
    let is_index = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    let op = if is_index { "replace" } else { "add" };
    json!({"op": op, "path": format!("/nodes/{place}"), "value": value})
}

fn edge(from: &str, to: &str) -> Value {
    json!({"op": "add", "path": "/edges/-", "value": {"from": from, "to": to}})
}

fn remove(list: &str, id: &str) -> Value {
    json!({"op": "remove", "path": format!("/{list}/{}", escaped(id))})
}

/// A node on an edge: what the edge asked for is asked on the way in.
fn between(edges: &[Edge], from: &str, id: &str, to: &str) -> Result<Vec<Value>, Failure> {
    let found: Vec<&Edge> =
        edges.iter().filter(|edge| edge.from == from && edge.to == to).collect();
    let edge_there = match &found[..] {
        [only] => only,
        [] => {
            let message = format!("there is no edge from `{from}` to `{to}`");
            let todo = "aob run graph RUN, or aob workflow show TAG, shows the edges";
            return Err(Failure::new(Exit::NotFound, "unknown_edge", message, todo));
        }
        [_, _, ..] => {
            let message = format!("there are {} edges from `{from}` to `{to}`", found.len());
            return Err(Failure::usage(message, "write the operations yourself"));
        }
    };
    let mut inward = json!({"from": from, "to": id});
    if edge_there.on != EdgeOn::Success {
        inward["on"] = json!(edge_there.on);
    }
    if let Some(condition) = &edge_there.condition {
        inward["condition"] = json!(condition);
    }
    Ok(vec![
        remove("edges", &edge_there.id),
        json!({"op": "add", "path": "/edges/-", "value": inward}),
        edge(id, to),
    ])
}
