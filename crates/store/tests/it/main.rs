//! The store's adapters against the port's suite.

mod mem;
mod sqlite;
