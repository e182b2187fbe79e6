//! Tests of the validator through its public interface.

mod case;
mod corpus;
