//! A layered layout: who comes first stands higher, and edges run downwards.
//!
//! Cycles are cut where a walk in document order closes them; layers are longest paths; edges over
//! several layers get a place in each; orders are improved by sweeps of means, places by relaxation.
//! Everything is bounded and the same for the same graph.

/// A graph to place. Nodes and edges by number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    pub(crate) nodes: usize,
    pub(crate) edges: Vec<(usize, usize)>,
}

/// Where everything is, in units of the picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Placed {
    pub(crate) width: i32,
    pub(crate) height: i32,
    /// Centre of each node.
    pub(crate) nodes: Vec<(i32, i32)>,
    /// Each edge: from the lower side of its source by way of points to the upper side of its target.
    /// Of an edge that runs back: from the right side of its source to that of its target.
    pub(crate) edges: Vec<Vec<(i32, i32)>>,
    /// Edges that run back.
    pub(crate) back: Vec<bool>,
}

/// Size of a node.
pub(crate) const NODE_WIDTH: i32 = 168;
pub(crate) const NODE_HEIGHT: i32 = 48;
/// Room of an edge on its way past a layer.
const LANE_WIDTH: i32 = 20;
const GAP: i32 = 28;
const LAYER_GAP: i32 = 58;
const MARGIN: i32 = 16;
/// Room at the right for edges that run back.
const BACK_ROOM: i32 = 34;
const SWEEPS: usize = 8;
const RELAXATIONS: usize = 12;

/// A node, or the place of an edge in a layer that it passes.
#[derive(Debug, Clone, Default)]
struct Item {
    layer: usize,
    width: i32,
    above: Vec<usize>,
    below: Vec<usize>,
    x: f64,
}

/// Places a graph.
pub(crate) fn place(shape: &Shape) -> Placed {
    if shape.nodes == 0 {
        return Placed::default();
    }
    let back = closing(shape);
    let layer = layers(shape, &back);
    let (mut items, lanes) = items(shape, &back, &layer);
    let mut order = order(&items);
    sweep(&items, &mut order);
    relax(&mut items, &order);
    finish(shape, &back, &items, &lanes, order.len())
}

/// Edges that close a cycle in a walk through the graph in its order.
fn closing(shape: &Shape) -> Vec<bool> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); shape.nodes];
    for (edge, (from, _)) in shape.edges.iter().enumerate() {
        out[*from].push(edge);
    }
    let mut back = vec![false; shape.edges.len()];
    // 0: not seen, 1: on the way, 2: done.
    let mut seen = vec![0_u8; shape.nodes];
    for start in 0..shape.nodes {
        if seen[start] != 0 {
            continue;
        }
        seen[start] = 1;
        let mut way = vec![(start, 0_usize)];
        while let Some((node, next)) = way.last_mut() {
            let Some(edge) = out[*node].get(*next).copied() else {
                seen[*node] = 2;
                way.pop();
                continue;
            };
            *next += 1;
            let to = shape.edges[edge].1;
            match seen[to] {
                0 => {
                    seen[to] = 1;
                    way.push((to, 0));
                }
                1 => back[edge] = true,
                _ => {}
            }
        }
    }
    back
}

/// The longest path to each node.
fn layers(shape: &Shape, back: &[bool]) -> Vec<usize> {
    let forward =
        || shape.edges.iter().zip(back).filter(|(_, back)| !**back).map(|(edge, _)| *edge);
    let mut waiting = vec![0_usize; shape.nodes];
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); shape.nodes];
    for (from, to) in forward() {
        waiting[to] += 1;
        out[from].push(to);
    }
    let mut layer = vec![0; shape.nodes];
    let mut ready: Vec<usize> = (0..shape.nodes).filter(|node| waiting[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        for to in &out[node] {
            layer[*to] = layer[*to].max(layer[node] + 1);
            waiting[*to] -= 1;
            if waiting[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    layer
}

/// Nodes, and a lane for each layer that an edge passes; and the lanes of each edge.
fn items(shape: &Shape, back: &[bool], layer: &[usize]) -> (Vec<Item>, Vec<Vec<usize>>) {
    let node = |layer: &usize| Item { layer: *layer, width: NODE_WIDTH, ..Item::default() };
    let mut items: Vec<Item> = layer.iter().map(node).collect();
    let mut lanes = vec![Vec::new(); shape.edges.len()];
    for (edge, &(from, to)) in shape.edges.iter().enumerate() {
        if back[edge] {
            continue;
        }
        let mut last = from;
        for passed in layer[from] + 1..layer[to] {
            let lane = items.len();
            items.push(Item { layer: passed, width: LANE_WIDTH, ..Item::default() });
            join(&mut items, last, lane);
            lanes[edge].push(lane);
            last = lane;
        }
        join(&mut items, last, to);
    }
    (items, lanes)
}

fn join(items: &mut [Item], above: usize, below: usize) {
    items[above].below.push(below);
    items[below].above.push(above);
}

/// The items of each layer, in their order.
fn order(items: &[Item]) -> Vec<Vec<usize>> {
    let layers = items.iter().map(|item| item.layer + 1).max().unwrap_or(0);
    let mut order = vec![Vec::new(); layers];
    for (at, item) in items.iter().enumerate() {
        order[item.layer].push(at);
    }
    order
}

/// Orders each layer by the mean place of what it is joined to, down and up again.
fn sweep(items: &[Item], order: &mut [Vec<usize>]) {
    let mut place = vec![0.0_f64; items.len()];
    let note = |row: &[usize], place: &mut [f64]| {
        for (at, item) in row.iter().enumerate() {
            place[*item] = at as f64;
        }
    };
    for row in order.iter() {
        note(row, &mut place);
    }
    for turn in 0..SWEEPS {
        let down = turn % 2 == 0;
        for step in 0..order.len() {
            let at = if down { step } else { order.len() - 1 - step };
            let row = &mut order[at];
            let mean = |item: usize| {
                let joined = if down { &items[item].above } else { &items[item].below };
                mean(joined, &place).unwrap_or(place[item])
            };
            let mut keyed: Vec<(f64, usize)> =
                row.iter().map(|item| (mean(*item), *item)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            *row = keyed.into_iter().map(|(_, item)| item).collect();
            note(&row.clone(), &mut place);
        }
    }
}

fn mean(joined: &[usize], place: &[f64]) -> Option<f64> {
    let sum: f64 = joined.iter().map(|item| place[*item]).sum();
    (!joined.is_empty()).then(|| sum / joined.len() as f64)
}

/// Moves items towards what they are joined to, without changing the order of a layer.
fn relax(items: &mut [Item], order: &[Vec<usize>]) {
    for row in order {
        let mut x = 0.0;
        for item in row {
            let half = f64::from(items[*item].width) / 2.0;
            items[*item].x = x + half;
            x += 2.0 * half + f64::from(GAP);
        }
    }
    for turn in 0..RELAXATIONS {
        for step in 0..order.len() {
            let row = if turn % 2 == 0 { step } else { order.len() - 1 - step };
            settle(items, &order[row]);
        }
    }
}

fn settle(items: &mut [Item], row: &[usize]) {
    let wanted: Vec<f64> = row
        .iter()
        .map(|item| {
            let Item { above, below, x, .. } = &items[*item];
            let places: Vec<f64> = above.iter().chain(below).map(|other| items[*other].x).collect();
            if places.is_empty() { *x } else { places.iter().sum::<f64>() / places.len() as f64 }
        })
        .collect();
    let mut placed: Vec<f64> = Vec::with_capacity(row.len());
    for (at, item) in row.iter().enumerate() {
        let least = match at {
            0 => f64::MIN,
            _ => {
                let widths = items[row[at - 1]].width + items[*item].width;
                placed[at - 1] + f64::from(widths) / 2.0 + f64::from(GAP)
            }
        };
        placed.push(wanted[at].max(least));
    }
    // What was pushed to the right is shared among all.
    let off: f64 = wanted.iter().zip(&placed).map(|(wanted, placed)| wanted - placed).sum();
    let off = off / row.len().max(1) as f64;
    for (item, x) in row.iter().zip(placed) {
        items[*item].x = x + off;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a picture is far smaller than that")]
fn rounded(x: f64) -> i32 {
    x.round() as i32
}

fn finish(
    shape: &Shape,
    back: &[bool],
    items: &[Item],
    lanes: &[Vec<usize>],
    layers: usize,
) -> Placed {
    let left = items.iter().map(|item| item.x - f64::from(item.width) / 2.0);
    let left = left.fold(f64::MAX, f64::min);
    let right = items.iter().map(|item| item.x + f64::from(item.width) / 2.0);
    let right = rounded(right.fold(f64::MIN, f64::max) - left) + MARGIN;
    let at = |item: usize| {
        let x = rounded(items[item].x - left) + MARGIN;
        let layer = i32::try_from(items[item].layer).unwrap_or(0);
        (x, MARGIN + NODE_HEIGHT / 2 + layer * (NODE_HEIGHT + LAYER_GAP))
    };
    let half = NODE_HEIGHT / 2;
    let way = |(edge, &(from, to)): (usize, &(usize, usize))| {
        let ((from_x, from_y), (to_x, to_y)) = (at(from), at(to));
        if back[edge] {
            let side = NODE_WIDTH / 2;
            return vec![
                (from_x + side, from_y),
                (right + BACK_ROOM / 2, (from_y + to_y) / 2),
                (to_x + side, to_y),
            ];
        }
        let mut points = vec![(from_x, from_y + half)];
        for lane in &lanes[edge] {
            // Straight past the nodes of the layer.
            let (x, y) = at(*lane);
            points.extend([(x, y - half), (x, y + half)]);
        }
        points.push((to_x, to_y - half));
        points
    };
    let any_back = back.contains(&true);
    let layers = i32::try_from(layers).unwrap_or(0);
    Placed {
        width: right + MARGIN + if any_back { BACK_ROOM } else { 0 },
        height: 2 * MARGIN + layers * NODE_HEIGHT + (layers - 1) * LAYER_GAP,
        nodes: (0..shape.nodes).map(at).collect(),
        edges: shape.edges.iter().enumerate().map(way).collect(),
        back: back.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(nodes: usize, edges: &[(usize, usize)]) -> Shape {
        Shape { nodes, edges: edges.to_vec() }
    }

    #[test]
    fn a_diamond_is_symmetric() {
        let placed = place(&shape(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]));
        let [top, left, right, bottom] = placed.nodes[..] else { panic!("{placed:?}") };
        assert_eq!((top.0, left.1), (bottom.0, right.1));
        assert_eq!(top.0 - left.0, right.0 - top.0);
        assert!(top.1 < left.1 && left.1 < bottom.1);
        assert_eq!(placed.width, 2 * NODE_WIDTH + GAP + 2 * MARGIN);
    }

    #[test]
    fn cycles_are_cut_once_and_run_back() {
        let placed = place(&shape(3, &[(0, 1), (1, 2), (2, 1), (1, 1)]));
        assert_eq!(placed.back, [false, false, true, true]);
        assert!(placed.nodes[1].1 < placed.nodes[2].1);
        assert_eq!(place(&Shape::default()), Placed::default());
    }

    proptest::proptest! {
        /// Nothing overlaps, every edge that does not run back runs down, and everything is inside.
        #[test]
        fn every_graph_has_a_place(
            nodes in 1..40_usize,
            pairs in proptest::collection::vec((0..40_usize, 0..40_usize), 0..90),
        ) {
            let edges: Vec<_> = pairs.into_iter().map(|(a, b)| (a % nodes, b % nodes)).collect();
            let shape = shape(nodes, &edges);
            let placed = place(&shape);
            for (at, (x, y)) in placed.nodes.iter().enumerate() {
                for (other_x, other_y) in &placed.nodes[..at] {
                    let apart = (x - other_x).abs() >= NODE_WIDTH || (y - other_y).abs() >= NODE_HEIGHT;
                    proptest::prop_assert!(apart, "{:?}", placed.nodes);
                }
                proptest::prop_assert!((0..=placed.width - NODE_WIDTH / 2).contains(&(x - NODE_WIDTH / 2)));
                proptest::prop_assert!((0..=placed.height).contains(&(y + NODE_HEIGHT / 2)));
            }
            for (edge, points) in placed.edges.iter().enumerate() {
                proptest::prop_assert!(points.len() >= 2);
                if !placed.back[edge] {
                    proptest::prop_assert!(points.windows(2).all(|pair| pair[0].1 < pair[1].1));
                }
            }
            proptest::prop_assert_eq!(&placed, &place(&shape));
        }
    }
}
