//! The pages over memory, asked the way a browser asks.

mod browser;
mod budgets;
mod decisions;
mod edits;
mod forms;
mod hostile;
mod inbox;
mod markup;
mod notifications;
mod patches;
mod sessions;
mod stack;
