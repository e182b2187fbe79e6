//! Tests of the validator through its public interface.

mod agents;
mod case;
mod corpus;
mod details;
mod registry;
