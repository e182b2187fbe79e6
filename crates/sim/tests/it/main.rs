//! Simulations of the whole system.

mod budgets;
#[cfg(feature = "seeded-bugs")]
mod bugs;
mod sample;
