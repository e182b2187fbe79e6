//! Tests of the compiler as its callers see it.

mod cases;
mod describe;
mod properties;
mod scale;
