//! The pure core of a run: events, commands, and the functions between them.
#![warn(missing_docs)]

mod command;
mod effect;
mod event;
mod ids;
mod value;

pub use command::*;
pub use effect::*;
pub use event::*;
pub use ids::*;
pub use value::*;
