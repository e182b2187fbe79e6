//! Graphs as pictures: the graph before a patch and after it, with what changes marked by more than
//! colour. Both sides are drawn from one layout, so that what stays the same stands where it stood.

mod layout;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_api::{Change, DiffView};
use aob_ir::{EdgeOn, Ir};

use self::layout::{NODE_HEIGHT, NODE_WIDTH, Placed, Shape, place};
use crate::words::{count, cut};

/// Nodes drawn at most. Of a larger graph, what changes is drawn with what is next to it.
const NODES_MAX: usize = 60;
/// Characters of a label in a box, and beside an edge.
const LABEL_CHARS: usize = 19;
const EDGE_CHARS: usize = 22;

/// One picture.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// Tells its ids from those of others on the page.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// What it shows, for who does not see it.
    pub(crate) description: String,
    pub(crate) width: i32,
    pub(crate) height: i32,
    pub(crate) boxes: Vec<NodeBox>,
    pub(crate) lines: Vec<Line>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeBox {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) label: String,
    pub(crate) kind: String,
    pub(crate) full: String,
    pub(crate) mark: Mark,
}

/// An edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) label: String,
    pub(crate) label_x: i32,
    pub(crate) label_y: i32,
    pub(crate) full: String,
    pub(crate) mark: Mark,
}

/// What becomes of a node or an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mark {
    #[default]
    Same,
    Added,
    Removed,
    Changed,
}

impl Mark {
    fn of(change: Change) -> Self {
        match change {
            Change::Added => Self::Added,
            Change::Removed => Self::Removed,
            Change::Changed => Self::Changed,
        }
    }

    /// The class in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }

    /// What stands on the box; empty: nothing.
    pub(crate) fn badge(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Added => "+ new",
            Self::Removed => "− gone",
            Self::Changed => "± changed",
        }
    }
}

/// Both sides of a patch.
#[derive(Debug, Clone)]
pub(crate) struct Pictures {
    pub(crate) before: Picture,
    pub(crate) after: Picture,
    /// Nodes that do not change and are not drawn.
    pub(crate) left_out: usize,
}

/// A node of either side.
struct Node<'a> {
    id: &'a str,
    kind: &'a str,
    mark: Mark,
}

/// An edge of either side. Of a changed one there are two with the same id.
struct Edge<'a> {
    ends: (usize, usize),
    on: EdgeOn,
    condition: Option<&'a str>,
    mark: Mark,
    before: bool,
    after: bool,
}

/// Draws both sides; `None`: more changes than a picture can show.
pub(crate) fn pictures(base: &Ir, result: &Ir, diff: &DiffView) -> Option<Pictures> {
    let (nodes, edges) = union(base, result, diff);
    let drawn = drawn(&nodes, &edges)?;
    let left_out = nodes.len() - drawn.len();
    let number: BTreeMap<usize, usize> =
        drawn.iter().enumerate().map(|(number, node)| (*node, number)).collect();
    let edges: Vec<(Edge<'_>, (usize, usize))> = edges
        .into_iter()
        .filter_map(|edge| {
            let ends = (*number.get(&edge.ends.0)?, *number.get(&edge.ends.1)?);
            Some((edge, ends))
        })
        .collect();
    let shape = Shape { nodes: drawn.len(), edges: edges.iter().map(|(_, ends)| *ends).collect() };
    let placed = place(&shape);
    let nodes: Vec<&Node<'_>> = drawn.iter().map(|node| &nodes[*node]).collect();
    let side = |id, title: &str, without: Mark| {
        let boxes = nodes.iter().zip(&placed.nodes).filter(|(node, _)| node.mark != without);
        let boxes: Vec<NodeBox> = boxes.map(|(node, at)| node_box(node, *at)).collect();
        let of_side =
            |edge: &Edge<'_>| if without == Mark::Added { edge.before } else { edge.after };
        let lines = edges.iter().enumerate().filter(|(_, (edge, _))| of_side(edge));
        let lines: Vec<Line> = lines
            .map(|(at, (edge, ends))| line(edge, (nodes[ends.0], nodes[ends.1]), &placed, at))
            .collect();
        Picture {
            id,
            title: title.to_owned(),
            description: description(&boxes, &lines, left_out),
            width: placed.width,
            height: placed.height,
            boxes,
            lines,
        }
    };
    let before = side("before", "The graph before", Mark::Added);
    let after = side("after", "The graph after", Mark::Removed);
    Some(Pictures { before, after, left_out })
}

/// Nodes and edges of both sides, those of the result first.
fn union<'a>(base: &'a Ir, result: &'a Ir, diff: &DiffView) -> (Vec<Node<'a>>, Vec<Edge<'a>>) {
    let marks: BTreeMap<&str, Mark> =
        diff.nodes.iter().map(|node| (&*node.id, Mark::of(node.change))).collect();
    let mark = |id: &str| marks.get(id).copied().unwrap_or_default();
    let known: BTreeSet<&Arc<str>> = result.nodes.iter().map(|node| &node.id).collect();
    let gone = base.nodes.iter().filter(|node| !known.contains(&node.id));
    let nodes: Vec<Node<'a>> = result
        .nodes
        .iter()
        .chain(gone)
        .map(|node| Node { id: &node.id, kind: &node.type_name, mark: mark(&node.id) })
        .collect();
    let number: BTreeMap<&str, usize> =
        nodes.iter().enumerate().map(|(number, node)| (node.id, number)).collect();
    let marks: BTreeMap<&str, Mark> =
        diff.edges.iter().map(|edge| (&*edge.id, Mark::of(edge.change))).collect();
    let edges_of = |ir: &'a Ir, before: bool| {
        let marks = &marks;
        let number = &number;
        ir.edges.iter().filter_map(move |edge| {
            let mark = marks.get(&*edge.id).copied().unwrap_or_default();
            // What stays is drawn once, for both sides.
            if before && mark == Mark::Same {
                return None;
            }
            let end = |ix| number.get(&*ir.node(ix).id).copied();
            Some(Edge {
                ends: (end(edge.from)?, end(edge.to)?),
                on: edge.on,
                condition: edge.condition.as_ref().map(|condition| condition.source()),
                mark,
                before: before || mark == Mark::Same,
                after: !before,
            })
        })
    };
    let edges = edges_of(result, false).chain(edges_of(base, true)).collect();
    (nodes, edges)
}

/// The nodes to draw, in their order: all, or those that change with their neighbours.
fn drawn(nodes: &[Node<'_>], edges: &[Edge<'_>]) -> Option<Vec<usize>> {
    if nodes.len() <= NODES_MAX {
        return Some((0..nodes.len()).collect());
    }
    let changed = nodes.iter().enumerate().filter(|(_, node)| node.mark != Mark::Same);
    let mut wanted: BTreeSet<usize> = changed.map(|(at, _)| at).collect();
    let moved = edges.iter().filter(|edge| edge.mark != Mark::Same);
    wanted.extend(moved.flat_map(|edge| [edge.ends.0, edge.ends.1]));
    let near = edges.iter().filter(|e| wanted.contains(&e.ends.0) || wanted.contains(&e.ends.1));
    let near: BTreeSet<usize> = near.flat_map(|edge| [edge.ends.0, edge.ends.1]).collect();
    let with_near: BTreeSet<usize> = wanted.union(&near).copied().collect();
    let chosen = if with_near.len() <= NODES_MAX { with_near } else { wanted };
    (chosen.len() <= NODES_MAX).then(|| chosen.into_iter().collect())
}

fn node_box(node: &Node<'_>, (x, y): (i32, i32)) -> NodeBox {
    let (label, kind) = (cut(node.id, LABEL_CHARS), cut(node.kind, LABEL_CHARS));
    let full = format!("{} ({})", cut(node.id, 200), cut(node.kind, 200));
    let badge = node.mark.badge();
    let full = if badge.is_empty() { full } else { format!("{full}: {badge}") };
    NodeBox { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2, label, kind, full, mark: node.mark }
}

fn line(edge: &Edge<'_>, (from, to): (&Node<'_>, &Node<'_>), placed: &Placed, at: usize) -> Line {
    let points = &placed.edges[at];
    let route = serde_json::to_value(edge.on).ok();
    let route = route.as_ref().and_then(serde_json::Value::as_str);
    let route = route.filter(|_| edge.on != EdgeOn::Success);
    let label = match (route, edge.condition) {
        (Some(route), Some(condition)) => format!("{route}, {condition}"),
        (Some(route), None) => route.to_owned(),
        (None, Some(condition)) => condition.to_owned(),
        (None, None) => String::new(),
    };
    let ends = format!("{} to {}", cut(from.id, 200), cut(to.id, 200));
    let full = match (&*label, edge.mark.badge()) {
        ("", "") => ends,
        ("", badge) => format!("{ends}: {badge}"),
        (label, "") => format!("{ends}, {}", cut(label, 500)),
        (label, badge) => format!("{ends}, {}: {badge}", cut(label, 500)),
    };
    let (path, head) = if placed.back[at] { back_path(points) } else { path(points) };
    let (label_x, label_y) = match points.get(..2) {
        Some([(_, _), second]) if placed.back[at] => (second.0 - 4, second.1),
        Some([first, second]) => ((first.0 + second.0) / 2, (first.1 + second.1) / 2 + 4),
        Some(_) | None => (0, 0),
    };
    let label = cut(&label, EDGE_CHARS);
    Line { path, head, label, label_x, label_y, full, mark: edge.mark }
}

/// Curves that leave and arrive straight.
fn path(points: &[(i32, i32)]) -> (String, String) {
    let Some(((x, y), rest)) = points.split_first() else { return (String::new(), String::new()) };
    let mut path = format!("M{x} {y}");
    let (mut from_x, mut from_y) = (*x, *y);
    for (x, y) in rest {
        let middle = (from_y + y) / 2;
        path.push_str(&format!("C{from_x} {middle} {x} {middle} {x} {y}"));
        (from_x, from_y) = (*x, *y);
    }
    let (left, right, top) = (from_x - 4, from_x + 4, from_y - 8);
    (path, format!("M{left} {top}L{from_x} {from_y}L{right} {top}Z"))
}

/// Around the right side, and in from there.
fn back_path(points: &[(i32, i32)]) -> (String, String) {
    let [(x, y), (far, _), (to_x, to_y)] = points else { return (String::new(), String::new()) };
    let path = format!("M{x} {y}C{far} {y} {far} {to_y} {to_x} {to_y}");
    let (back, top, bottom) = (to_x + 8, to_y - 4, to_y + 4);
    (path, format!("M{back} {top}L{to_x} {to_y}L{back} {bottom}Z"))
}

/// The picture in words.
fn description(boxes: &[NodeBox], lines: &[Line], left_out: usize) -> String {
    let mut text = format!(
        "{} and {}.",
        count(boxes.len() as u64, "node", "nodes"),
        count(lines.len() as u64, "edge", "edges")
    );
    let marked = boxes.iter().filter(|one| one.mark != Mark::Same).map(|one| &one.full);
    let marked =
        marked.chain(lines.iter().filter(|one| one.mark != Mark::Same).map(|one| &one.full));
    for full in marked {
        text.push_str(&format!(" {full}."));
    }
    if left_out > 0 {
        let nodes = count(left_out as u64, "node", "nodes");
        text.push_str(&format!(" {nodes} further away, which do not change, are not drawn."));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn compiled(nodes: &[(&str, i64)], edges: &[(&str, &str)]) -> Arc<Ir> {
        let node = |(id, args): &(&str, i64)| json!({"id": id, "type": "function", "config": {"name": "echo", "args": args}});
        let nodes: Vec<Value> = nodes.iter().map(node).collect();
        let edges: Vec<Value> = edges.iter().map(|(f, t)| json!({"from": f, "to": t})).collect();
        aob_ir::compile(&json!({"nodes": nodes, "edges": edges})).expect("a workflow").ir
    }

    fn marks(picture: &Picture) -> Vec<String> {
        let boxes = picture.boxes.iter().map(|one| format!("{} {}", one.label, one.mark.class()));
        let lines = picture.lines.iter().map(|one| format!("{} {}", one.full, one.mark.class()));
        boxes.chain(lines).collect()
    }

    #[test]
    fn both_sides_show_what_is_theirs_and_nothing_moves() {
        let base = compiled(&[("a", 1), ("b", 1), ("c", 1)], &[("a", "b"), ("b", "c")]);
        let result =
            compiled(&[("a", 1), ("check", 1), ("c", 2)], &[("a", "check"), ("check", "c")]);
        let pictures = pictures(&base, &result, &DiffView::between(&base, &result)).unwrap();
        let before = [
            "a same",
            "c changed",
            "b removed",
            "a to b: − gone removed",
            "b to c: − gone removed",
        ];
        let after = [
            "a same",
            "check added",
            "c changed",
            "a to check: + new added",
            "check to c: + new added",
        ];
        assert_eq!(marks(&pictures.before), before);
        assert_eq!(marks(&pictures.after), after);
        let place = |picture: &Picture, id: &str| {
            let found = picture.boxes.iter().find(|one| one.label == id).unwrap();
            (found.x, found.y)
        };
        for id in ["a", "c"] {
            assert_eq!(place(&pictures.before, id), place(&pictures.after, id));
        }
        assert!(pictures.after.description.contains("3 nodes and 2 edges."));
        assert!(pictures.after.description.contains("check (function): + new."));
    }

    #[test]
    fn of_a_large_graph_the_surroundings_of_what_changes_are_drawn() {
        let names: Vec<String> = (0..200).map(|n| format!("n{n}")).collect();
        let nodes: Vec<(&str, i64)> = names.iter().map(|name| (&**name, 1)).collect();
        let edges: Vec<(&str, &str)> =
            names.windows(2).map(|pair| (&*pair[0], &*pair[1])).collect();
        let base = compiled(&nodes, &edges);
        let mut changed = nodes.clone();
        changed[100].1 = 2;
        let result = compiled(&changed, &edges);
        let drawn = pictures(&base, &result, &DiffView::between(&base, &result)).unwrap();
        assert_eq!(marks(&drawn.after)[..3], ["n99 same", "n100 changed", "n101 same"]);
        assert_eq!(drawn.left_out, 197);
        let all: Vec<(&str, i64)> = nodes.iter().map(|(name, _)| (*name, 2)).collect();
        let result = compiled(&all, &edges);
        assert!(pictures(&base, &result, &DiffView::between(&base, &result)).is_none());
    }
}
