//! Simulations of the whole system.

mod sample;
