//! Pointers of one document as they are to be written for another one.

use serde_json::Value;

use crate::place::{ItemId, Place, names_an_id};
use crate::resolve::{Step, place_of};
use crate::{Draft, Pointer};

/// The pointer to what `pointer` leads to in `ours`, for `new`.
pub(super) fn readdressed(ours: &mut Draft, new: &mut Draft, pointer: &Pointer) -> Pointer {
    match ours.stable(pointer) {
        Some(stable) if new.stable(pointer).as_ref() != Some(&stable) => stable,
        Some(_) | None => pointer.clone(),
    }
}

/// What is to be added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newcomer<'a> {
    /// Where it is in `new` still; it goes before it is added.
    pub(super) moved: Option<&'a Pointer>,
    /// The node that it leaves, if it is an edge.
    pub(super) source: Option<&'a str>,
}

/// The pointer that adds to `new` where `pointer` adds to `ours`.
pub(super) fn landing(
    ours: &mut Draft,
    new: &mut Draft,
    pointer: &Pointer,
    newcomer: Newcomer<'_>,
) -> Pointer {
    let Some((token, above)) = pointer.tokens().split_last() else { return pointer.clone() };
    let parent = Pointer::from_tokens(above.to_vec());
    let Some(stable) = ours.stable(&parent) else { return pointer.clone() };
    let same = newcomer.moved.is_none() && new.stable(&parent).as_ref() == Some(&stable);
    let list = if same { parent.clone() } else { stable.clone() };
    let index = match token.parse::<usize>() {
        Ok(index) if has_ids(ours, &parent) => index,
        Ok(_) | Err(_) => return list.child(token.as_str()),
    };
    let index = anchored(ours, new, (&parent, &stable), index, newcomer);
    list.child(index.map_or_else(|| token.clone(), |index| index.to_string()))
}

fn has_ids(ours: &mut Draft, list: &Pointer) -> bool {
    let steps = ours.locate(list);
    steps.is_some_and(|steps| place_of(&steps).has_ids())
        && ours.get(list).is_some_and(Value::is_array)
}

/// Where an item belongs in `new` that goes to `index` of `ours`: before the next item that both
/// have, or else behind the last one before it that both have. Among edges those of the same
/// source are looked for first: only their order can have a meaning.
fn anchored(
    ours: &mut Draft,
    new: &mut Draft,
    (here, there): (&Pointer, &Pointer),
    index: usize,
    newcomer: Newcomer<'_>,
) -> Option<usize> {
    let place = place_of(&ours.locate(here)?);
    let items = ours.get(here)?.as_array()?;
    let others = new.get(there)?.as_array()?;
    let length = others.len();
    let name = |list: &[Value], at: usize| {
        list.get(at).map(|item| ItemId::of(place, item).map(ItemId::to_text))
    };
    let around =
        |list: &[Value]| (index.checked_sub(1).map(|at| name(list, at)), name(list, index));
    if newcomer.moved.is_none() && around(items) == around(others) {
        return Some(index);
    }
    let gap = newcomer.moved.filter(|moved| there.is_prefix_of(moved));
    let gap = gap.filter(|moved| moved.tokens().len() == there.tokens().len() + 1);
    let gap = gap.and_then(|moved| position(new, moved));
    // As it is when what moves is gone.
    let mut seat = |item: &Value| {
        let id = ItemId::of(place, item)?.to_text();
        let at = position(new, &there.child(id).into_id()?)?;
        match gap {
            Some(gap) if gap == at => None,
            Some(gap) if gap < at => Some(at - 1),
            Some(_) | None => Some(at),
        }
    };
    if index >= items.len() {
        return Some(length - usize::from(gap.is_some()));
    }
    let mut near = |belongs: &dyn Fn(&&Value) -> bool| {
        if let Some(at) = items[index..].iter().filter(belongs).find_map(&mut seat) {
            return Some(at);
        }
        items[..index].iter().rev().filter(belongs).find_map(&mut seat).map(|at| at + 1)
    };
    let source = newcomer.source.filter(|_| place == Place::Edges);
    let beside = source
        .and_then(|source| near(&|edge| edge.get("from").and_then(Value::as_str) == Some(source)));
    beside.or_else(|| near(&|_| true)).or(Some(0))
}

fn position(draft: &mut Draft, item: &Pointer) -> Option<usize> {
    match draft.locate(item)?.last()? {
        Step::Index(at) => Some(*at),
        Step::Key(_) => None,
    }
}

impl Pointer {
    /// The pointer, if its last token is an id.
    fn into_id(self) -> Option<Self> {
        let is_id = self.tokens().last().is_some_and(|token| names_an_id(token));
        is_id.then_some(self)
    }
}
