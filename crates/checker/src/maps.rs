//! Maps (I-17, D-09): items 0 to N-1, each once, so many at once, and their list in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_engine::{Blob, INLINE_BYTES_MAX, InstanceId, MapExpanded, NodeCompleted};
use aob_ir::{NodeKind, Tolerate};
use serde_json::Value;

use crate::graph::{Graph, NodeKey};
use crate::phase::Ending;
use crate::rules::{Cx, D_09, I_17};

/// A set of item indices; grows with what is in it.
#[derive(Debug, Default)]
struct Items {
    blocks: BTreeMap<u32, u64>,
    len: u32,
}

impl Items {
    /// Adds `index`; false if it is in already.
    fn insert(&mut self, index: u32) -> bool {
        let block = self.blocks.entry(index / 64).or_default();
        let bit = 1_u64 << (index % 64);
        let fresh = *block & bit == 0;
        *block |= bit;
        self.len += u32::from(fresh);
        fresh
    }

    fn contains(&self, index: u32) -> bool {
        self.blocks.get(&(index / 64)).is_some_and(|block| block & (1 << (index % 64)) != 0)
    }
}

/// A map that is not over.
#[derive(Debug)]
struct MapRun {
    count: u32,
    max_parallel: u32,
    tolerated: u32,
    started: Items,
    ended: Items,
    failed: u32,
    outputs: Outputs,
}

/// Outputs of completed items, kept only while the list of all may be inline: longer lists are in
/// the CAS, where this check cannot see them.
#[derive(Debug, Default)]
struct Outputs {
    by_index: BTreeMap<u32, Arc<Blob>>,
    bytes: usize,
}

impl Outputs {
    fn keep(&mut self, index: u32, output: Option<&Arc<Blob>>) {
        self.bytes += output.map_or(INLINE_BYTES_MAX, |blob| blob.text().len());
        match output {
            Some(blob) if self.bytes <= INLINE_BYTES_MAX => {
                self.by_index.insert(index, Arc::clone(blob));
            }
            Some(_) | None => self.by_index.clear(),
        }
    }
}

/// The maps of a run that are not over.
#[derive(Debug, Default)]
pub(crate) struct Maps {
    open: BTreeMap<InstanceId, MapRun>,
}

impl Maps {
    /// `map_expanded`.
    pub(crate) fn expanded(
        &mut self,
        graph: &Graph,
        key: NodeKey,
        data: &MapExpanded,
        cx: &mut Cx<'_>,
    ) {
        declared(graph, key, data, cx);
        let items = data.items.inline().map(|blob| Arc::clone(blob.value()));
        if let Some(items) = items {
            let len = items.as_array().map(Vec::len);
            cx.require(len == Some(data.count as usize), I_17, || {
                format!("map `{}` has {} items of {len:?}", data.instance, data.count)
            });
        }
        let run = MapRun {
            count: data.count,
            max_parallel: data.max_parallel,
            tolerated: data.tolerated,
            started: Items::default(),
            ended: Items::default(),
            failed: 0,
            outputs: Outputs::default(),
        };
        self.open.insert(data.instance.clone(), run);
    }

    /// Item `index` of `map` begins.
    pub(crate) fn item_started(&mut self, map: &InstanceId, index: u32, cx: &mut Cx<'_>) {
        let Some(run) = self.open.get_mut(map) else {
            cx.violation(I_17, format!("item {index} of map `{map}`, which is not open"));
            return;
        };
        cx.require(index < run.count, I_17, || {
            format!("item {index} of map `{map}`, which has {}", run.count)
        });
        let open = run.started.len - run.ended.len;
        cx.require(open < run.max_parallel, D_09, || {
            format!("item {index} of map `{map}` begins while {open} are open")
        });
        run.started.insert(index);
    }

    /// True if item `index` of `map` has ended, or the map has.
    pub(crate) fn is_over(&self, map: &InstanceId, index: u32) -> bool {
        self.open.get(map).is_some_and(|run| run.ended.contains(index))
    }

    /// An item of `map` ended.
    pub(crate) fn item_ended(
        &mut self,
        map: &InstanceId,
        index: u32,
        ending: Ending<'_>,
        cx: &mut Cx<'_>,
    ) {
        let Some(run) = self.open.get_mut(map) else { return };
        let fresh = run.ended.insert(index);
        cx.require(fresh, I_17, || format!("item {index} of map `{map}` ends twice"));
        match ending {
            Ending::Completed(data) => run.outputs.keep(index, data.output.inline()),
            Ending::Failed(_) | Ending::Cancelled(_) => run.failed += 1,
            Ending::Skipped(_) => {}
        }
    }

    /// A map completed: everything in it is over, and its list is that of its items.
    pub(crate) fn completed(&mut self, data: &NodeCompleted, cx: &mut Cx<'_>) {
        let map = &data.instance;
        let Some(run) = self.open.get(map) else { return };
        cx.require(run.ended.len == run.count, I_17, || {
            format!("map `{map}` completes after {} of {} items", run.ended.len, run.count)
        });
        cx.require(run.failed <= run.tolerated, D_09, || {
            format!("map `{map}` tolerates {} of {} failures", run.failed, run.tolerated)
        });
        let list = data.output.inline().map(|blob| Arc::clone(blob.value()));
        if let Some(list) = &list {
            let values = list.as_array().map_or(&[][..], Vec::as_slice);
            cx.require(list.is_array() && values.len() == run.count as usize, I_17, || {
                format!("map `{map}` returns {} values of {}", values.len(), run.count)
            });
            for (index, output) in &run.outputs.by_index {
                let same = values.get(*index as usize) == Some(&**output.value());
                cx.require(same, I_17, || format!("value {index} of map `{map}` is another's"));
            }
        }
    }

    /// A map is over, however it ended.
    pub(crate) fn ended(&mut self, map: &InstanceId) {
        self.open.remove(map);
    }
}

/// Checks an expansion against what the document declares.
fn declared(graph: &Graph, key: NodeKey, data: &MapExpanded, cx: &mut Cx<'_>) {
    let Some(NodeKind::Map(map)) = graph.node(key).map(|node| &node.kind) else { return };
    cx.require(map.body.id == data.body, I_17, || {
        format!("the body of `{}` is `{}`, not `{}`", data.instance, map.body.id, data.body)
    });
    cx.require(map.max_parallel == data.max_parallel, D_09, || {
        format!(
            "`{}` runs {} items at once, not {}",
            data.instance, map.max_parallel, data.max_parallel
        )
    });
    let tolerated = tolerated(map.tolerate, data.count);
    cx.require(tolerated == data.tolerated, D_09, || {
        format!("`{}` tolerates {tolerated} failures, not {}", data.instance, data.tolerated)
    });
}

/// How many of `count` may fail; a share is rounded down.
pub(crate) fn tolerated(tolerate: Tolerate, count: u32) -> u32 {
    match tolerate {
        Tolerate::Count(most) => most,
        Tolerate::Percent(percent) => {
            u32::try_from(u64::from(count) * u64::from(percent) / 100).unwrap_or(u32::MAX)
        }
    }
}

/// The keys of an object, if `value` is one.
pub(crate) fn keys(value: &Value) -> Option<Vec<&str>> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect())
}
