//! The page of a ticket.

use maud::{Markup, html};

use super::form::{answers, edits, errors};
use super::graph::picture;
use super::layout::layout;
use super::{exactly, fact};
use crate::pages::{Banner, TicketPage};
use crate::proposal::{ChangeShown, Growth, Proposal};
use crate::shown::{BudgetRow, Shown, Standing, TicketShown};

/// The page.
pub(crate) fn ticket(it: &TicketPage) -> Markup {
    let shown = &it.shown;
    let main = html! {
        @if let Some(said) = &it.banner { (banner(said, shown)) }
        article.ticket {
            (question(shown))
            @match &shown.proposal {
                Some(proposal) => { (growth(&proposal.growth)) (graph(proposal)) }
                None => { (subject(shown)) }
            }
            @if shown.is_pending() { (decision(it)) }
            (votes(shown))
            (history(shown))
        }
    };
    layout(&it.chrome, &shown.title(), &main)
}

fn banner(it: &Banner, shown: &TicketShown) -> Markup {
    html! {
        div class={ "banner " (it.class) } role=(if it.class == "bad" { "alert" } else { "status" }) {
            h2 { (it.title) }
            p { (it.text) }
            @let wrong = || shown.wrong();
            @if wrong().next().is_some() { (errors(wrong())) }
        }
    }
}

fn question(shown: &TicketShown) -> Markup {
    html! {
        header.card.question {
            p.tags {
                span class={ "tag " (shown.status) } { (shown.status_text()) }
                @if shown.proposal.is_some() { " " span.tag.patch { "graph change" } }
                @if shown.is_budget { " " span.tag.patch { "budget" } }
            }
            h1 { (shown.title()) }
            @if let Some(next) = &shown.replaced_by {
                p { a.button href={ "/tickets/" (next) } { "It was asked again: look at the newer ticket" } }
            }
            @match &shown.proposal {
                Some(proposal) => { (words(proposal)) }
                None => { @if let Some(message) = &shown.message { p.lines { (message) } } }
            }
            dl.inline {
                (fact("Workflow", &html! { (shown.run_name) }))
                @if let Some(node) = &shown.node { (fact("Step", &html! { (node) })) }
                (fact("Asked", &exactly(&shown.asked)))
                @if let Some(decided) = &shown.decided {
                    (fact("Decided", &exactly(decided)))
                } @else if let Some(expires) = &shown.expires {
                    (fact("Expires", &exactly(expires)))
                }
            }
        }
    }
}

/// What the author of a patch says, marked as that.
fn words(proposal: &Proposal) -> Markup {
    html! {
        figure.words {
            figcaption {
                (proposal.by) " says, in "
                (if proposal.by_machine { "its" } else { "their" }) " own words:"
            }
            blockquote {
                @if proposal.words.is_empty() { "(nothing)" } @else { (proposal.words) }
            }
        }
        @if !proposal.why.is_empty() {
            p { strong { "Why this needs an approval:" } " " (proposal.why) }
        }
    }
}

fn growth(grown: &[Growth]) -> Markup {
    html! {
        section.card aria-labelledby="growth-title" {
            h2 #growth-title { "What the run may do that it could not" }
            @if grown.is_empty() { p { "Nothing new." } } @else {
                table {
                    thead { tr { th scope="col" { "What" } th scope="col" { "Which" } th scope="col" { "Granted" } } }
                    tbody {
                        @for one in grown {
                            tr {
                                th scope="row" { (one.kind) }
                                td { code { (one.name) } }
                                td {
                                    @if one.granted { "by a policy" }
                                    @else { strong { "only by your approval" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn graph(proposal: &Proposal) -> Markup {
    html! {
        section.card aria-labelledby="graph-title" {
            h2 #graph-title { "The graph, before and after" }
            @if let Some(pictures) = &proposal.pictures {
                div.sides {
                    figure { figcaption { "Before" } (picture(&pictures.before)) }
                    figure { figcaption { "After" } (picture(&pictures.after)) }
                }
                p.legend {
                    span.key.added { "+ new" } " " span.key.removed { "− gone" } " "
                    span.key.changed { "± changed" }
                }
                @if pictures.left_out > 0 {
                    p.quiet { (pictures.left_out) " nodes further away do not change and are not drawn." }
                }
            } @else {
                p {
                    "There is no picture of this change: it is too large, or it was refused before it gave a \
                     graph. The list below is complete."
                }
            }
            h3 { "Changes" }
            @if proposal.changes.is_empty() { p { "None." } } @else {
                ul.changes { @for one in &proposal.changes { (change(one)) } }
            }
            @if proposal.reordered {
                p {
                    "Nodes or edges stand in another order. Of several conditions the first that holds is \
                     taken, so that may matter."
                }
            }
            @if proposal.truncated {
                p { strong { "There is more than is shown here." } " Read the operations." }
            }
            details {
                summary { "The operations, as they would be applied" }
                pre tabindex="0" role="region" aria-label="Operations" { (proposal.operations) }
            }
        }
    }
}

fn change(it: &ChangeShown) -> Markup {
    let not_set = html! { span.quiet { "not set, or too long" } };
    html! {
        li class=(it.class) {
            span.verb { (it.verb) } " " (it.what) " " code { (it.name) }
            @if !it.fields.is_empty() {
                div.scroll tabindex="0" role="region" aria-label={ "Settings of " (it.name) } {
                    table {
                        thead { tr { th scope="col" { "Setting" } th scope="col" { "Before" } th scope="col" { "After" } } }
                        tbody {
                            @for field in &it.fields {
                                tr {
                                    th scope="row" { code { (field.pointer) } }
                                    td {
                                        @if let Some(text) = &field.before { del { code { (text) } } }
                                        @else { (not_set) }
                                    }
                                    td {
                                        @if let Some(text) = &field.after { ins { code { (text) } } }
                                        @else { (not_set) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn subject(shown: &TicketShown) -> Markup {
    let path = format!("/tickets/{}/subject", shown.ticket);
    html! {
        section.card aria-labelledby="subject-title" {
            h2 #subject-title { "What this is about" }
            @match &shown.subject {
                Shown::Facts(facts) => {
                    dl.facts { @for (name, value) in facts { (fact(name, &html! { (value) })) } }
                }
                Shown::Budget(rows) => { (budget(rows)) }
                Shown::Text { text, cut } => {
                    pre tabindex="0" role="region" aria-label="Data" { (text) }
                    @if *cut {
                        p {
                            strong { "There is more than is shown here." } " "
                            a href=(path) { "Save all of it" } " and read it before you decide."
                        }
                    }
                }
                Shown::Long { len } => {
                    p {
                        strong { "It is too long to be shown" } " (" (len) "). "
                        a href=(path) { "Save it" } " and read it before you decide."
                    }
                }
            }
        }
    }
}

fn budget(rows: &[BudgetRow]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Budget" {
            table {
                thead {
                    tr {
                        th scope="col" { "Budget" }
                        th scope="col" { "Allowed" }
                        th scope="col" { "Spent" }
                        th scope="col" { "Set aside" }
                        th scope="col" { "The next call needs" }
                        th scope="col" { "Suggested raise" }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { (row.what) }
                            td { (row.allowed) }
                            td { (row.spent) }
                            td { (row.set_aside) }
                            td { (row.needed) }
                            td { strong { (row.suggested) } }
                        }
                    }
                }
            }
        }
    }
}

fn decision(it: &TicketPage) -> Markup {
    let shown = &it.shown;
    html! {
        section.card.decision aria-labelledby="decision-title" {
            h2 #decision-title { "Your decision" }
            @if shown.standing == Standing::Open {
                form method="post" action={ "/tickets/" (shown.ticket) "/decision" } {
                    input type="hidden" name="token" value=(it.token);
                    input type="hidden" name="subject_hash" value=(shown.subject_hash);
                    @if let Some(form) = &shown.form { (answers(form)) }
                    (edits(&shown.edits))
                    @if let Some(why) = it.only_rejects() { p { strong { (why) } } }
                    div.field {
                        label for="reason" { "Reason" }
                        p.help #reason-help { "It stands in the log with your name." }
                        textarea #reason name="reason" rows="2" maxlength="4000" aria-describedby="reason-help" {
                            "\n" (it.reason)
                        }
                    }
                    div.actions {
                        @if it.only_rejects().is_none() || !shown.edits.fields.is_empty() {
                            button.primary name="decision" value="approve" { "Approve" }
                        }
                        button.danger name="decision" value="reject" formnovalidate { "Reject" }
                    }
                }
            } @else {
                p { (it.why_not()) }
            }
        }
    }
}

fn votes(shown: &TicketShown) -> Markup {
    html! {
        section.card aria-labelledby="votes-title" {
            h2 #votes-title { "Votes" }
            p {
                (shown.approvals) " of " (shown.quorum) " approvals."
                @if shown.is_pending() { " One rejection rejects it." }
            }
            @if !shown.votes.is_empty() {
                ul { @for (name, vote) in &shown.votes { li { (name) " " (vote) } } }
            }
            h3 { "Who may decide" }
            @if shown.approvers.is_empty() {
                p { "Anybody in the workspace who may decide approvals." }
            } @else {
                ul { @for name in &shown.approvers { li { (name) } } }
            }
            @if !shown.barred.is_empty() {
                p {
                    "Four eyes: it is not approved by who started the run, proposed this or edited it ("
                    (shown.barred.join(", ")) ")."
                }
            }
            @if !shown.escalations.is_empty() {
                h3 { "If nobody decides" }
                ul {
                    @for (at, name) in &shown.escalations {
                        li { (exactly(at)) ": " (name) " may decide as well" }
                    }
                }
            }
        }
    }
}

fn history(shown: &TicketShown) -> Markup {
    html! {
        section.card aria-labelledby="history-title" {
            h2 #history-title { "History" }
            ol.history {
                @for moment in &shown.history.moments {
                    li {
                        time datetime=(moment.at.machine) { (moment.at.exact) } " " (moment.text)
                        @if let Some(reason) = &moment.reason { blockquote { (reason) } }
                    }
                }
            }
            @if shown.history.cut {
                p.quiet {
                    "The run's log goes on for longer than is read here: "
                    code { "aob run events " (shown.run) } "."
                }
            }
            dl.small {
                (fact("Ticket", &html! { code { (shown.ticket) } }))
                (fact("Run", &html! { code { (shown.run) } }))
                (fact("A decision counts for exactly", &html! { code { (shown.subject_hash) } }))
            }
        }
    }
}
