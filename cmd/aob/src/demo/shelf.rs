//! Where the demo keeps what it has created: the newest few thousand things.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Things of a kind that are remembered.
const THINGS_MAX: usize = 10_000;

/// Things by id. Clones share them.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    inner: Arc<Mutex<Inner<T>>>,
}

impl<T> Clone for Shelf<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

#[derive(Debug)]
struct Inner<T> {
    things: BTreeMap<String, T>,
    order: VecDeque<String>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        let inner = Inner { things: BTreeMap::new(), order: VecDeque::new() };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }
}

impl<T> Shelf<T> {
    /// Works on the thing called `id`, which is made first if it is not there.
    pub(super) fn make<R>(
        &self,
        id: &str,
        new: impl FnOnce() -> T,
        work: impl FnOnce(&mut T) -> R,
    ) -> R {
        // No code that can panic runs under the lock, so its content is whole.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if !inner.things.contains_key(id) {
            if inner.order.len() == THINGS_MAX
                && let Some(oldest) = inner.order.pop_front()
            {
                inner.things.remove(&oldest);
            }
            inner.order.push_back(id.to_owned());
        }
        work(inner.things.entry(id.to_owned()).or_insert_with(new))
    }

    /// Works on the thing called `id`; `None`: there is none.
    pub(super) fn with<R>(&self, id: &str, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.things.get_mut(id).map(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let shelf = Shelf::default();
        for n in 0..=THINGS_MAX {
            assert_eq!(shelf.make(&n.to_string(), || n, |n| *n), n);
        }
        assert_eq!(shelf.with("0", |n| *n), None);
        assert_eq!(shelf.with("1", |n| *n), Some(1));
        assert_eq!(shelf.make("1", || 7, |n| *n), 1, "what is there is not made again");
    }
}
