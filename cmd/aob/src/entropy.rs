//! The one place where this process makes up ids.

use aob_engine::Timestamp;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use uuid::{Builder, Uuid};

/// A fresh id: a UUIDv7 of this time.
pub(crate) fn uuid(now: Timestamp) -> Uuid {
    let mut random = [0; 10];
    StdRng::from_os_rng().fill_bytes(&mut random);
    Builder::from_unix_timestamp_millis(u64::try_from(now.0).unwrap_or(0), &random).into_uuid()
}
