//! Where the items of a document's two large lists are, by their ids.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::place::{ItemId, Place};

/// Shorter lists are looked through.
const SHORT: usize = 32;
/// Items that may have come or gone since an index was built.
const DRIFT_MAX: usize = 512;

/// What the search for an id found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    At(usize),
    /// So many items have the id.
    Several(usize),
}

/// Indices of `/nodes` and `/edges`, built when first needed and kept up as items come and go.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    nodes: Option<Index>,
    edges: Option<Index>,
}

#[derive(Debug)]
struct Index {
    seats: BTreeMap<String, Seat>,
    /// How far items may have moved from their seats.
    drift: usize,
}

#[derive(Debug, Clone, Copy)]
enum Seat {
    At(usize),
    /// So many items, wherever they are.
    Several(usize),
}

impl Ids {
    /// The item with `id` in a list at `place`; `depth` is the number of steps to the list.
    pub(crate) fn find(&mut self, place: Place, depth: usize, list: &[Value], id: &str) -> Found {
        if depth != 1 || list.len() < SHORT {
            return scan(place, list, id);
        }
        let Some(index) = self.of(place) else { return scan(place, list, id) };
        if index.as_ref().is_none_or(|index| index.drift > DRIFT_MAX) {
            *index = Some(Index::build(place, list));
        }
        index.as_ref().map_or(Found::Nothing, |index| index.find(place, list, id))
    }

    /// An item with `id` was inserted at `at`, or stands there by another name.
    pub(crate) fn came(&mut self, place: Place, id: &str, at: usize) {
        let Some(Some(index)) = self.of(place) else { return };
        match index.seats.get_mut(id) {
            None => {
                index.seats.insert(id.to_owned(), Seat::At(at));
            }
            Some(Seat::Several(count)) => *count += 1,
            Some(seat @ Seat::At(_)) => *seat = Seat::Several(2),
        }
    }

    /// An item with `id` was removed, or goes by another name.
    pub(crate) fn went(&mut self, place: Place, id: &str) {
        let Some(Some(index)) = self.of(place) else { return };
        if let Some(Seat::Several(count @ 2..)) = index.seats.get_mut(id) {
            *count -= 1;
        } else {
            index.seats.remove(id);
        }
    }

    /// Items behind an inserted or a removed one moved by one.
    pub(crate) fn shifted(&mut self, place: Place) {
        if let Some(Some(index)) = self.of(place) {
            index.drift += 1;
        }
    }

    /// The list at `place` is another one.
    pub(crate) fn forget(&mut self, place: Place) {
        if let Some(index) = self.of(place) {
            *index = None;
        }
    }

    fn of(&mut self, place: Place) -> Option<&mut Option<Index>> {
        match place {
            Place::Nodes => Some(&mut self.nodes),
            Place::Edges => Some(&mut self.edges),
            Place::Graph | Place::Node | Place::Edge | Place::Config | Place::Other => None,
        }
    }
}

impl Index {
    fn build(place: Place, list: &[Value]) -> Self {
        let mut seats = BTreeMap::new();
        for (at, item) in list.iter().enumerate() {
            let Some(id) = ItemId::of(place, item) else { continue };
            seats
                .entry(id.to_text())
                .and_modify(|seat| {
                    *seat = match seat {
                        Seat::At(_) => Seat::Several(2),
                        Seat::Several(count) => Seat::Several(*count + 1),
                    };
                })
                .or_insert(Seat::At(at));
        }
        Self { seats, drift: 0 }
    }

    fn find(&self, place: Place, list: &[Value], id: &str) -> Found {
        let at = match self.seats.get(id) {
            None => return Found::Nothing,
            Some(Seat::Several(count @ 2..)) => return Found::Several(*count),
            Some(Seat::Several(_)) => return scan(place, list, id),
            Some(Seat::At(at)) => *at,
        };
        let is_here = |at: &usize| {
            list.get(*at).and_then(|item| ItemId::of(place, item)).is_some_and(|it| it.is(id))
        };
        let near = (0..=self.drift).flat_map(|far| [at.checked_sub(far), at.checked_add(far)]);
        near.flatten().find(is_here).map_or(Found::Nothing, Found::At)
    }
}

/// Looks through the whole list.
fn scan(place: Place, list: &[Value], id: &str) -> Found {
    let has_id = |item: &Value| ItemId::of(place, item).is_some_and(|it| it.is(id));
    let mut found = list.iter().enumerate().filter(|(_, item)| has_id(item));
    match (found.next(), found.count()) {
        (None, _) => Found::Nothing,
        (Some((at, _)), 0) => Found::At(at),
        (Some(_), others) => Found::Several(others + 1),
    }
}
