//! Simulations of the whole system.

#[cfg(feature = "seeded-bugs")]
mod bugs;
mod sample;
