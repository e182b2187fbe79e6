//! The inbox.

use maud::{Markup, html};

use super::layout::layout;
use super::{about, fact};
use crate::pages::{Chrome, InboxList, InboxRow};

/// A list of tickets.
pub(crate) fn inbox(
    chrome: &Chrome,
    lists: &[InboxList],
    rows: &[InboxRow],
    empty: &str,
    next: Option<&str>,
) -> Markup {
    let main = html! {
        h1 { "Inbox" }
        nav aria-label="Lists" {
            ul.tabs {
                @for list in lists {
                    li { a href=(list.path) aria-current=[list.chosen.then_some("page")] { (list.title) } }
                }
            }
        }
        @if rows.is_empty() {
            p.card.empty { (empty) }
        } @else {
            ul.rows { @for one in rows { (row(one)) } }
        }
        @if let Some(next) = next {
            p { a.button href=(next) { "More" } }
        }
    };
    layout(chrome, "Inbox", &main)
}

fn row(row: &InboxRow) -> Markup {
    html! {
        li.card.row {
            h2 { a href=(row.path) { (row.message) } }
            p.tags {
                @if row.is_patch { span.tag.patch { "graph change" } }
                @if row.is_budget { span.tag.patch { "budget" } }
                @if row.status != "pending" { span class={ "tag " (row.status) } { (row.status) } }
                @if !row.standing.is_empty() { span.tag.own { (row.standing) } }
            }
            dl.inline {
                (fact("Workflow", &html! { (row.run) }))
                @if row.is_budget { (fact("Budget of", &html! { (row.asker) })) }
                @else if !row.is_patch { (fact("Step", &html! { (row.asker) })) }
                (fact("Asked", &about(&row.asked)))
                @if let Some(decided) = &row.decided {
                    (fact("Decided", &about(decided)))
                } @else if let Some(expires) = &row.expires {
                    (fact("Expires", &about(expires)))
                }
                (fact("Approvals", &html! { (row.votes) }))
            }
        }
    }
}
