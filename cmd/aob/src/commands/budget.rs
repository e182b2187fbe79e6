//! `aob budget`: what runs may spend on models, and raising it.

use aob_api::{BudgetView, CommandOutcome, RaiseBudget, RunView, SpendView};
use aob_engine::Amounts;
use clap::{Args, Subcommand};
use http::HeaderValue;

use super::keys::idempotency_key;
use crate::client::{Api, Call, RunRef};
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{Cell, Format, Tint, table};

/// What runs may spend on models: calls, tokens, US dollars.
#[derive(Debug, Subcommand)]
pub(crate) enum Budget {
    #[command(visible_alias = "get")]
    Show(Show),
    Raise(Raise),
}

/// Show the budgets of a run: its own, then those of its agent nodes.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob budget show @latest"))]
pub(crate) struct Show {
    /// The run.
    run: RunRef,
}

/// Allow a run, or one of its agent nodes, to spend more. What is parked for it goes on.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob budget raise @latest --node research --usd 5"))]
pub(crate) struct Raise {
    /// The run.
    run: RunRef,
    /// The agent node whose budget it is; without it, the run's own.
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    #[command(flatten)]
    more: More,
    /// Repeating a call with the same key raises once.
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    idempotency_key: Option<HeaderValue>,
}

/// By how much.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct More {
    /// Calls more.
    #[arg(long, value_name = "COUNT")]
    calls: Option<u64>,
    /// Tokens more.
    #[arg(long, value_name = "COUNT")]
    tokens: Option<u64>,
    /// US dollars more.
    #[arg(long, value_name = "AMOUNT")]
    usd: Option<f64>,
}

impl Budget {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Show(show) => show.run(context),
            Self::Raise(raise) => raise.run(context),
        }
    }
}

impl Show {
    fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        block_on(async {
            let run = api.run_id(&self.run).await?;
            show(context, &api, &run).await
        })
    }
}

async fn show(context: &Context, api: &Api, run: &str) -> Result<Exit, Failure> {
    let budgets = api.fetch::<RunView>(Call::get(&["runs", run])).await?.view.budgets;
    let out = context.out;
    match out.format {
        Format::Json | Format::Jsonl => out.json(&budgets)?,
        Format::Name => {
            for budget in &budgets {
                out.line(budget.node.as_deref().unwrap_or("run"))?;
            }
        }
        Format::Table | Format::Wide if budgets.is_empty() => {
            out.note(&format!("nothing bounds what run {run} spends"));
        }
        Format::Table | Format::Wide => out.data(&shown(&budgets))?,
    }
    let ticket = budgets.iter().find_map(|budget| budget.ticket.as_ref());
    if let Some(ticket) = ticket.filter(|_| matches!(out.format, Format::Table | Format::Wide)) {
        out.todo(&format!("aob approve {ticket}"));
    }
    Ok(Exit::Ok)
}

/// Budgets, one line each.
pub(crate) fn shown(budgets: &[BudgetView]) -> String {
    let titles = ["BUDGET OF", "LIMIT", "SPENT", "SET ASIDE", "LEFT", "TICKET"];
    table(&titles, budgets.iter().map(row))
}

fn row(budget: &BudgetView) -> Vec<Cell> {
    let (limit, left) = (budget.limit.caps(), budget.left.caps());
    let amounts = |view: SpendView| Amounts::from(view).bounded_by(&limit).to_string();
    let tint = if budget.ticket.is_some() { Tint::Waiting } else { Tint::None };
    vec![
        Cell::new(budget.node.as_deref().unwrap_or("(the run)")),
        Cell::new(limit.to_string()),
        Cell::new(amounts(budget.spent)),
        Cell::new(amounts(budget.reserved)),
        Cell::new(left.to_string()).tinted(tint),
        Cell::new(budget.ticket.as_ref().map_or("", |ticket| &*ticket.0)),
    ]
}

impl Raise {
    fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let Self { run, node, more: More { calls, tokens, usd }, idempotency_key } = self;
        block_on(async {
            let run = api.run_id(&run).await?;
            let body = RaiseBudget { node, calls, tokens, usd };
            let call =
                Call::post(&["runs", &run, "budget"]).body(&body).idempotent(idempotency_key);
            let answer = api.fetch::<CommandOutcome>(call).await;
            let answer = answer.map_err(|failure| explained(failure, &run))?;
            match context.out.format {
                Format::Json | Format::Jsonl => context.out.json(&answer.raw)?,
                Format::Name => context.out.line(&run)?,
                Format::Table | Format::Wide => return show(context, &api, &run).await,
            }
            Ok(Exit::Ok)
        })
    }
}

/// What has no budget is found in the list of those that there are.
fn explained(failure: Failure, run: &str) -> Failure {
    match failure.code() {
        "unknown_budget" => failure.with_todo(format!("aob budget show {run}")),
        _ => failure,
    }
}
