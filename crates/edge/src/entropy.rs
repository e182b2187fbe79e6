//! Where fresh ids and secrets come from.

use std::sync::Arc;

use aob_engine::RunId;
use aob_store::TimeMs;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

/// Fills a buffer with random bytes that nobody can guess.
pub type Entropy = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// A generator that the operating system seeds.
pub fn system_entropy() -> Entropy {
    let generator = Mutex::new(StdRng::from_os_rng());
    Arc::new(move |bytes| generator.lock().fill_bytes(bytes))
}

/// This many random bytes in hexadecimal: part of a name that no other has or had.
pub fn random_hex<const BYTES: usize>(entropy: &Entropy) -> String {
    let mut random = [0_u8; BYTES];
    entropy(&mut random);
    hex::encode(random)
}

/// A fresh run id: a UUIDv7 of this time.
pub fn new_run_id(entropy: &Entropy, now_ms: TimeMs) -> RunId {
    let mut random = [0_u8; 10];
    entropy(&mut random);
    let millis = u64::try_from(now_ms).unwrap_or(0);
    RunId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}
