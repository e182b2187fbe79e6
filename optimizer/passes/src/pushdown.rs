//! Predicate pushdown: a filter behind a map goes before it, so that the map works on fewer items.
//!
//! The two trade places: the map's id names the filter then, and the filter's id the map, so that
//! whoever reads the result goes on reading it under the same name. Every edge stays as it is.
//!
//! Preconditions:
//! * *what the map does*: its body is a `transform` with a template, an object for each item, so it
//!   has no effect; it tolerates no failure, and has no timeout;
//! * *what the predicate reads*: of each item, only keys that the template passes through unchanged
//!   under the same name (`"amount": "$item.amount"`); neither the item as a whole nor the filter's
//!   input nor the map. `index` may be read: the map keeps the order. The template does not read
//!   `$index`, which would count differently;
//! * *failures*: an item that would make the map fail makes the filter fail. So the template needs
//!   only keys that the predicate reads on every evaluation (without `&&`, `||`, `? :` and macros),
//!   and everything else in it has a default;
//! * *edges*: the map leads to the filter alone, always on success, and the filter comes from the map
//!   alone; both fail the run, without routes, checks or compensation, and wait for all live edges;
//! * *references*: nothing but the filter's `items` reads the map or its body.

use serde_json::{Map, Value};

use crate::facts::{Kind, Node};
use crate::graph::Graph;
use crate::rewrite::{Metric, Patch, Per, Rewrite, Saving};

pub(crate) fn apply(graph: &Graph<'_>) -> Option<Rewrite> {
    let filters = graph.nodes().filter(|(_, node)| node.kind == Kind::Filter);
    filters.into_iter().find_map(|(ix, filter)| swap(graph, ix, filter))
}

fn swap(graph: &Graph<'_>, ix: usize, filter: &Node) -> Option<Rewrite> {
    let [incoming] = *filter.incoming.as_slice() else { return None };
    let edge = graph.edge(incoming);
    let map = graph.node(edge.from);
    let [_] = map.outgoing.as_slice() else { return None };
    let stands_well = edge.is_plain()
        && map.kind == Kind::Map
        && map.loops == filter.loops
        && !graph.is_head(ix)
        && !graph.is_head(edge.from)
        && [map, filter].iter().all(|node| node.plain && node.plain_join && !node.races);
    if !stands_well || !may_trade(graph, ix, map, filter) {
        return None;
    }
    let map_config = graph.config(map)?;
    let filter_config = graph.config(filter)?;
    let reads_map = format!("$nodes.{}", map.id);
    let items = filter_config.get("items")?.as_str()?;
    if items != "$input" && items != reads_map {
        return None;
    }
    let mut first_config = filter_config.clone();
    first_config.insert("items".to_owned(), map_config.get("items")?.clone());
    let mut second_config = map_config.clone();
    second_config.insert("items".to_owned(), items.into());
    let mut patch = Patch::of(graph);
    patch.replace_node(&map.id, retyped(graph.source(&map.id)?, "filter", first_config));
    patch.replace_node(&filter.id, retyped(graph.source(&filter.id)?, "map", second_config));
    let reason = format!(
        "the predicate of `{}` reads only what `{}` passes through: dropped items need not be mapped",
        filter.id, map.id
    );
    let nodes = vec![map.id.clone(), filter.id.clone()];
    let saving = Saving { metric: Metric::Instances, amount: 1, per: Per::DroppedItem };
    Some(patch.into_rewrite("predicate-pushdown/map", reason, nodes, saving))
}

/// The predicate sees the same in the items as in what the map makes of them.
fn may_trade(graph: &Graph<'_>, ix: usize, map: &Node, filter: &Node) -> bool {
    let (Some(body), Some(predicate)) = (&map.body, &filter.filter) else { return false };
    let Some(keys) = &predicate.keys else { return false };
    let readers = graph.readers(&map.id);
    predicate.strict
        && !predicate.reads_input
        && !predicate.reads.contains(&map.id)
        && !body.reads_index
        && body.total_otherwise
        && keys.iter().all(|key| body.passes.contains(key))
        && body.needs.iter().all(|key| keys.contains(key))
        && readers.into_iter().all(|reader| reader == ix)
}

/// A node with another type and configuration in its place.
fn retyped(
    node: &Map<String, Value>,
    type_name: &str,
    config: Map<String, Value>,
) -> Map<String, Value> {
    let mut node = node.clone();
    node.insert("type".to_owned(), type_name.into());
    node.insert("config".to_owned(), Value::Object(config));
    node
}
