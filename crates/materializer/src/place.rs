//! Which lists are addressed by ids: a grammar over pointers.

use serde_json::Value;

/// What stands at a pointer, judged by the keys that lead there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A document, or a sub-workflow given inline.
    Graph,
    /// `nodes` of a graph.
    Nodes,
    /// `edges` of a graph.
    Edges,
    /// A node: an item of `nodes`, the body of a map, or a compensation.
    Node,
    /// An item of `edges`.
    Edge,
    /// `config` of a node.
    Config,
    /// Anything else.
    Other,
}

impl Place {
    /// The place one token further.
    pub(crate) fn below(self, token: &str) -> Self {
        match (self, token) {
            (Self::Graph, "nodes") => Self::Nodes,
            (Self::Graph, "edges") => Self::Edges,
            (Self::Nodes, _) | (Self::Node, "compensate") | (Self::Config, "node") => Self::Node,
            (Self::Edges, _) => Self::Edge,
            (Self::Node, "config") => Self::Config,
            (Self::Config, "workflow") => Self::Graph,
            (Self::Graph | Self::Node | Self::Edge | Self::Config | Self::Other, _) => Self::Other,
        }
    }

    /// Items of a list here have ids.
    pub(crate) fn has_ids(self) -> bool {
        match self {
            Self::Nodes | Self::Edges => true,
            Self::Graph | Self::Node | Self::Edge | Self::Config | Self::Other => false,
        }
    }

    /// Whether `key` of an item of this list has a part in its id.
    pub(crate) fn is_identity(self, key: &str) -> bool {
        match self {
            Self::Nodes => key == "id",
            Self::Edges => matches!(key, "id" | "from" | "to"),
            Self::Graph | Self::Node | Self::Edge | Self::Config | Self::Other => false,
        }
    }
}

/// The id of an item, in parts so that nothing is allocated to look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemId<'v> {
    Named(&'v str),
    /// An edge without `id`.
    Pair(&'v str, &'v str),
}

impl<'v> ItemId<'v> {
    /// The id of an item of a list at `place`; `None`: it has none.
    pub(crate) fn of(place: Place, item: &'v Value) -> Option<Self> {
        match (place, item.get("id")) {
            (Place::Nodes | Place::Edges, Some(id)) => id.as_str().map(Self::Named),
            (Place::Edges, None) => {
                Some(Self::Pair(item.get("from")?.as_str()?, item.get("to")?.as_str()?))
            }
            (_, _) => None,
        }
    }

    /// Whether it is `id`.
    pub(crate) fn is(self, id: &str) -> bool {
        match self {
            Self::Named(name) => name == id,
            Self::Pair(from, to) => {
                let rest = id.strip_prefix(from).and_then(|rest| rest.strip_prefix("->"));
                rest == Some(to)
            }
        }
    }

    pub(crate) fn to_text(self) -> String {
        match self {
            Self::Named(name) => name.to_owned(),
            Self::Pair(from, to) => format!("{from}->{to}"),
        }
    }
}

/// Whether a token names an item by id: it is neither an index nor `-`.
pub(crate) fn names_an_id(token: &str) -> bool {
    token != "-" && !token.is_empty() && !token.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(pointer: &str) -> Place {
        pointer.split('/').skip(1).fold(Place::Graph, Place::below)
    }

    #[test]
    fn nodes_are_found_at_every_level() {
        let cases = [
            ("", Place::Graph),
            ("/nodes", Place::Nodes),
            ("/nodes/a", Place::Node),
            ("/nodes/0/config", Place::Config),
            ("/nodes/a/config/args", Place::Other),
            ("/nodes/a/config/args/nodes", Place::Other),
            ("/nodes/m/config/node", Place::Node),
            ("/nodes/m/config/node/config/workflow/nodes/x", Place::Node),
            ("/nodes/c/config/workflow/edges/a->b", Place::Edge),
            ("/nodes/c/compensate/config/workflow", Place::Graph),
            ("/edges/a->b/condition", Place::Other),
            ("/metadata/nodes", Place::Other),
        ];
        for (pointer, expected) in cases {
            assert_eq!(place(pointer), expected, "{pointer}");
        }
    }

    #[test]
    fn ids_of_edges_default_to_their_ends() {
        let edge = json!({"from": "a", "to": "b"});
        let id = ItemId::of(Place::Edges, &edge).unwrap();
        assert!(id.is("a->b") && !id.is("a->bc") && !id.is("b->a"));
        assert_eq!(id.to_text(), "a->b");
        let named = json!({"id": "e", "from": "a", "to": "b"});
        assert!(ItemId::of(Place::Edges, &named).unwrap().is("e"));
        assert_eq!(ItemId::of(Place::Nodes, &edge), None);
        assert_eq!(ItemId::of(Place::Edges, &json!({"id": 1, "from": "a", "to": "b"})), None);
        assert_eq!(ItemId::of(Place::Edges, &json!([])), None);
    }
}
