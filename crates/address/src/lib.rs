//! Which hosts are public: the table of addresses, and the names that stand for something local.
//!
//! What connects (`aob-egress`) and what judges documents (`aob-validator`) use the same table,
//! so that a patch is refused for exactly the hosts that a request would be.
#![warn(missing_docs)]

mod names;
mod table;

pub use names::is_local_name;
pub use table::{AddressKind, classify, same_prefix};
