//! `aob approve`: what waits for a person, and the answer to it.

use std::collections::BTreeMap;

use aob_api::{Decide, Decided, RawText, TicketSummary, TicketView};
use aob_engine::{BudgetOf, InstanceId, PatchId, Vote};
use clap::{Args, ValueEnum};
use owo_colors::OwoColorize;
use serde_json::{Value, json};

use crate::client::{Api, Call, Got, RunRef};
use crate::clock;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::input::Source;
use crate::output::{self, Cell, Format, ago, facts, plain};

/// Decide approvals. Without a ticket: list those that are pending. Without a decision: show one.
///
/// A decision counts for exactly what was shown: if the request has changed since, it is refused.
#[derive(Debug, Args)]
#[command(after_long_help = example!(
    "aob approve",
    "aob approve tk_0123456789abcdef01234567 approve --reason 'checked by phone'",
    "aob approve tk_0123456789abcdef01234567 approve --edit '{\"/amount\": 400}'",
))]
pub(crate) struct Approve {
    /// The ticket.
    ticket: Option<String>,
    /// The decision.
    #[arg(value_enum)]
    decision: Option<Decision>,
    /// Why, for the log.
    #[arg(long, requires = "decision")]
    reason: Option<String>,
    /// Answer to the form: JSON, a file with it, or - for standard input.
    #[arg(long, requires = "decision", value_name = "JSON|FILE|-", value_parser = Source::json_or_file)]
    data: Option<Source>,
    /// Change what is to be approved, and approve that: an object of new values by JSON pointers.
    #[arg(long, requires = "decision", value_name = "JSON|FILE|-", value_parser = Source::json_or_file)]
    edit: Option<Source>,
    /// List the tickets of this run only.
    #[arg(long, conflicts_with = "ticket", value_name = "RUN")]
    run: Option<RunRef>,
    /// List those that are decided too.
    #[arg(long, conflicts_with = "ticket")]
    all: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Decision {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

impl Approve {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        block_on(async {
            match (&self.ticket, self.decision) {
                (None, _) => self.list(context, &api).await,
                (Some(ticket), None) => show(context, &api, ticket).await,
                (Some(ticket), Some(decision)) => {
                    self.decide(context, &api, ticket, decision).await
                }
            }
        })
    }

    async fn list(&self, context: &Context, api: &Api) -> Result<Exit, Failure> {
        let mut call = Call::get(&["approvals"]);
        if !self.all {
            call = call.query("status", "pending");
        }
        if let Some(run) = &self.run {
            call = call.query("run", api.run_id(run).await?);
        }
        let listing = api.pages::<TicketSummary>(call, TICKETS_MAX).await?;
        let now = clock::now();
        let list = output::List {
            titles: &["TICKET", "STATUS", "ASKED", "NODE", "MESSAGE", "RUN"],
            narrow: 5,
            cells: &|ticket: &TicketSummary| {
                vec![
                    Cell::new(ticket.ticket.to_string()),
                    Cell::status(&ticket.status),
                    Cell::new(ago(ticket.created_at, now)),
                    Cell::new(asker(ticket)),
                    Cell::new(ticket.message.lines().next().unwrap_or_default()),
                    Cell::new(ticket.run.to_string()),
                ]
            },
            name: &|ticket| ticket.ticket.to_string(),
            empty: "nothing waits for an approval",
        };
        context.out.list(&list, &listing)?;
        let pending = listing.items.iter().find(|ticket| ticket.view.status == "pending");
        if let Some(first) = pending.filter(|_| context.out.format == Format::Table) {
            context.out.todo(&format!("aob approve {} approve --reason '...'", first.view.ticket));
            if let Some(approvals) = context.settings()?.approvals {
                context.out.note(&format!("or on its page: {approvals}/"));
            }
        }
        Ok(Exit::Ok)
    }

    async fn decide(
        &self,
        context: &Context,
        api: &Api,
        ticket: &str,
        decision: Decision,
    ) -> Result<Exit, Failure> {
        let data = self.data.as_ref().map(Source::json).transpose()?;
        let edits = self.edit.as_ref().map(Source::json).transpose()?.map(|edits| fields(&edits));
        let shown = api.fetch::<TicketView>(Call::get(&["approvals", ticket])).await?.view;
        let body = Decide {
            decision: match decision {
                Decision::Approve => Vote::Approve,
                Decision::Reject => Vote::Reject,
            },
            reason: self.reason.clone(),
            data: data.as_ref().map(RawText::of),
            edits: edits.transpose()?,
            subject_hash: Some(shown.subject_hash),
        };
        let call = Call::post(&["approvals", ticket, "decision"]).body(&body);
        let answer = api.fetch::<Decided>(call).await?;
        let out = context.out;
        match out.format {
            Format::Json | Format::Jsonl => out.json(&answer.raw)?,
            Format::Name => out.line(&answer.view.ticket.0)?,
            Format::Table | Format::Wide => {
                out.line(&format!("{}  {}", answer.view.ticket, answer.view.status))?;
                out.todo(&format!("aob logs stream {}", shown.run));
            }
        }
        Ok(Exit::Ok)
    }
}

/// Values by JSON pointers.
fn fields(edits: &Value) -> Result<BTreeMap<String, Value>, Failure> {
    let Some(edits) = edits.as_object() else {
        return Err(Failure::usage(
            "--edit takes an object of new values by JSON pointers",
            "give it as in --edit '{\"/amount\": 400}'",
        ));
    };
    Ok(edits.iter().map(|(at, value)| (at.clone(), value.clone())).collect())
}

/// Tickets listed at most.
const TICKETS_MAX: usize = 1_000;

async fn show(context: &Context, api: &Api, ticket: &str) -> Result<Exit, Failure> {
    let answer = api.fetch::<TicketView>(Call::get(&["approvals", ticket])).await?;
    let out = context.out;
    match out.format {
        Format::Json | Format::Jsonl => out.json(&answer.raw)?,
        Format::Name => out.line(ticket)?,
        Format::Table | Format::Wide => {
            out.data(&text(&answer))?;
            if let Some(page) = page_of(context, ticket)? {
                out.data(&format!("\npage  {page}\n"))?;
            }
            if answer.view.status == "pending" {
                out.todo(&format!("aob approve {ticket} approve --reason '...'   (or reject)"));
            }
        }
    }
    Ok(Exit::Ok)
}

/// Where people decide it, if the profile says where the pages are.
fn page_of(context: &Context, ticket: &str) -> Result<Option<String>, Failure> {
    let approvals = context.settings()?.approvals;
    Ok(approvals.map(|approvals| format!("{approvals}/tickets/{ticket}")))
}

/// What a ticket is about: a node's instance, a patch, or a budget.
fn about(
    instance: Option<&InstanceId>,
    patch: Option<&PatchId>,
    budget: Option<&BudgetOf>,
) -> (&'static str, String) {
    match (instance, patch, budget) {
        (Some(instance), ..) => ("node", instance.to_string()),
        (None, Some(patch), _) => ("patch", patch.to_string()),
        (None, None, Some(BudgetOf::Run)) => ("budget of", "the run".to_owned()),
        (None, None, Some(BudgetOf::Node(node))) => ("budget of", node.to_string()),
        (None, None, None) => ("node", String::new()),
    }
}

fn asker(ticket: &TicketSummary) -> String {
    let TicketSummary { instance, patch, budget, .. } = ticket;
    match about(instance.as_ref(), patch.as_ref(), budget.as_ref()) {
        ("budget of", whose) => format!("budget of {whose}"),
        (_, name) => name,
    }
}

/// A ticket in full, for people.
pub(crate) fn text(answer: &Got<TicketView>) -> String {
    let TicketView { ticket, run, instance, patch, budget, status, message, .. } = &answer.view;
    let row = |name: &str, value: String| vec![Cell::new(name), Cell::new(value)];
    let mut rows = vec![
        row("ticket", ticket.to_string()),
        vec![Cell::new("status"), Cell::status(status)],
        row("run", run.to_string()),
    ];
    let (what, name) = about(instance.as_ref(), patch.as_ref(), budget.as_ref());
    rows.push(row(what, name));
    rows.extend(answer.view.expires_at.map(|at| row("expires", at.to_string())));
    let view = &answer.view;
    rows.extend(view.replaced_by.iter().map(|next| row("asked again", next.to_string())));
    if !view.editable.is_empty() {
        rows.push(row("editable", view.editable.join(", ")));
    }
    if !view.barred.is_empty() {
        let barred: Vec<String> = view.barred.iter().map(ToString::to_string).collect();
        rows.push(row("not by", barred.join(", ")));
    }
    if let Some(proposal) = &answer.view.proposal {
        rows.push(row("by", proposal.by.to_string()));
        rows.extend(proposal.why.iter().map(|why| row("why", why.clone())));
        let grown = proposal.growth.iter().filter(|grown| !grown.granted);
        rows.extend(grown.map(|grown| row("grows", format!("{} {}", grown.kind, grown.name))));
    }
    let mut text = format!("{}\n{}", plain(message).bold(), facts(rows));
    let diff = answer.view.proposal.as_ref().and_then(|proposal| proposal.diff.as_ref());
    if let Some(diff) = diff {
        text.push_str(&format!("\n{}\n{}", "changes".bold(), output::changes::diff(diff)));
    }
    let mut part = |name: &str, value: &Value| {
        let shown = serde_json::to_string_pretty(value).unwrap_or_default();
        text.push_str(&format!("\n{}\n{}\n", name.bold(), plain(&shown)));
    };
    // The changes say what the operations of a patch come to.
    if let Some(subject) = &answer.view.subject_ref {
        part("subject", &json!(format!("aob api GET {}", subject.href)));
    } else if diff.is_none() {
        part("subject", &answer.raw["subject"]);
    }
    if answer.view.form.is_some() {
        part("form", &answer.raw["form"]);
    }
    text
}
