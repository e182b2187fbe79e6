//! What `aob dev` shows on a terminal while it runs: the newest runs, and what waits for a person.

use std::time::Duration;

use aob_api::{RunSummary, TicketSummary};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::OwoColorize;

use crate::client::views::{took_ms, workflow_name};
use crate::client::{Api, Call};
use crate::clock;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Cell, ago, duration, table};

/// How often it is drawn.
const PERIOD: Duration = Duration::from_millis(500);
/// Runs shown.
const RUNS: usize = 8;
/// Tickets counted.
const TICKETS: usize = 100;

/// Shows it for ever; in a pipe, nothing.
pub(super) async fn show(context: &Context, api: &Api) {
    if !context.out.is_live() {
        std::future::pending::<()>().await;
    }
    let color = context.out.stderr_has_color();
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    let mut period = tokio::time::interval(PERIOD);
    loop {
        period.tick().await;
        // Where the picture cannot be had, the old one stands.
        if let Ok(text) = picture(api).await {
            let text = if color { text } else { anstream::adapter::strip_str(&text).to_string() };
            bar.set_message(text);
        }
        bar.tick();
    }
}

async fn picture(api: &Api) -> Result<String, Failure> {
    let now = clock::now();
    let runs = api.pages::<RunSummary>(Call::get(&["runs"]), RUNS).await?;
    let pending = Call::get(&["approvals"]).query("status", "pending");
    let tickets = api.pages::<TicketSummary>(pending, TICKETS).await?.items.len();
    let head = match tickets {
        0 => "running; Ctrl-C stops".to_owned(),
        1 => format!("running; {}", "one approval is pending: aob approve".yellow()),
        _ => {
            format!("running; {}", format!("{tickets} approvals are pending: aob approve").yellow())
        }
    };
    if runs.items.is_empty() {
        return Ok(format!("{head}\n  no runs yet"));
    }
    let rows = runs.items.iter().map(|run| {
        let run = &run.view;
        vec![
            Cell::new(run.id.to_string()),
            Cell::status(&run.status),
            Cell::new(workflow_name(&run.name, &run.workflow)),
            Cell::new(ago(run.created_at, now)),
            Cell::new(duration(took_ms(run, now))),
        ]
    });
    let rows = table(&["RUN", "STATUS", "WORKFLOW", "STARTED", "TOOK"], rows);
    let rows: String = rows.lines().map(|line| format!("\n  {line}")).collect();
    Ok(format!("{head}{rows}"))
}
