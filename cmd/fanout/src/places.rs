//! How many streams may be open.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_api::{ErrorCode, Problem};
use aob_edge::Refusal;
use parking_lot::Mutex;

/// Streams at once.
#[derive(Debug, Clone, Copy)]
pub struct StreamLimits {
    /// Of one API key.
    pub per_key: u32,
    /// Of one API key on one run.
    pub per_run: u32,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self { per_key: 200, per_run: 20 }
    }
}

/// Counts open streams. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    limits: StreamLimits,
    open: Arc<Mutex<BTreeMap<String, u32>>>,
}

/// A stream's place; dropping it frees it.
#[derive(Debug)]
pub(crate) struct Place {
    names: Vec<String>,
    open: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Places {
    pub(crate) fn new(limits: StreamLimits) -> Self {
        Self { limits, open: Arc::default() }
    }

    /// A place for a stream of `key`, on `run` if it is of one run.
    pub(crate) fn take(&self, key: &str, run: Option<&str>) -> Result<Place, Refusal> {
        let of_run = run.map(|run| (format!("{key}/{run}"), self.limits.per_run, "on this run"));
        let of_key = (key.to_owned(), self.limits.per_key, "with this API key");
        let wanted: Vec<(String, u32, &str)> = of_run.into_iter().chain([of_key]).collect();
        let mut open = self.open.lock();
        for (name, most, what) in &wanted {
            if open.get(name).copied().unwrap_or(0) >= *most {
                let detail = format!("{most} streams are open {what}");
                return Err(Problem::new(ErrorCode::TooManyStreams, detail)
                    .with_hint("close some; one stream of the workspace can stand for many")
                    .with_retry_after_ms(5_000)
                    .into());
            }
        }
        let names: Vec<String> = wanted.into_iter().map(|(name, ..)| name).collect();
        for name in &names {
            *open.entry(name.clone()).or_default() += 1;
        }
        drop(open);
        Ok(Place { names, open: Arc::clone(&self.open) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        for name in &self.names {
            let left = open.get_mut(name).map(|count| {
                *count = count.saturating_sub(1);
                *count
            });
            if left == Some(0) {
                open.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_given_back() {
        let places = Places::new(StreamLimits { per_key: 2, per_run: 1 });
        let first = places.take("k", Some("r")).unwrap();
        assert_eq!(places.take("k", Some("r")).unwrap_err().0.status, 429);
        let second = places.take("k", None).unwrap();
        assert!(places.take("k", Some("q")).is_err());
        let other = places.take("other", Some("r")).unwrap();
        drop(first);
        let again = places.take("k", Some("r")).unwrap();
        drop((again, second, other));
        assert!(places.open.lock().is_empty());
    }
}
