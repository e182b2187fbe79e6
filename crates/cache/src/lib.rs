//! The cache: a port whose adapters may lose or age everything at any time, and three of them.
//!
//! Nothing rests on a cache. A miss, a failure and an eviction look the same; a value that can
//! change carries the seq it was taken at, and the reader compares that with the log's head.
#![warn(missing_docs)]

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod mem;
mod null;
mod port;
#[cfg(feature = "redis")]
mod redis;

#[cfg(feature = "redis")]
pub use crate::redis::{AddressError, RedisCache, RedisConfig};
pub use mem::MemCache;
pub use null::NullCache;
pub use port::{Cache, CacheKey, Cached};
