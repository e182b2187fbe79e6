//! The markup of pages. Everything that is put into it is escaped; nothing here writes markup from a
//! text.

mod form;
mod graph;
mod inbox;
mod layout;
mod ticket;

use maud::{Markup, html};

pub(crate) use self::inbox::inbox;
pub(crate) use self::layout::{login, notice};
pub(crate) use self::ticket::ticket;
use crate::words::Time;

/// A time: exact, with how far that is.
fn exactly(at: &Time) -> Markup {
    html! { time datetime=(at.machine) { (at.exact) } " (" (at.about) ")" }
}

/// A time: how far it is, exact for who asks.
fn about(at: &Time) -> Markup {
    html! { time datetime=(at.machine) title=(at.exact) { (at.about) } }
}

/// A name with its value.
fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}
