//! The guided run of `aob demo`: the onboarding example on a whole stack in this process, with the
//! approvals that people would give and a change of the graph while it goes on.

use std::net::{Ipv4Addr, SocketAddr};

use aob_api::{
    Decide, Decided, PlanView, RawText, RunPatch, RunView, StartRun, StartedRun, TicketView,
};
use aob_engine::Vote;
use owo_colors::OwoColorize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::client::{Api, Call, Delivery, EventStream};
use crate::commands::{report, with_sources};
use crate::context::{self, Context};
use crate::dev::{EXAMPLES, Example, allow_demo};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::EventView;
use crate::output::{Format, Out, changes};
use crate::stack::{Adapters, Options, Server};
use crate::{data_dir, demo, logging};

/// Runs it.
pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    logging::start(&context.global, "error")?;
    let dir = tempfile::tempdir().map_err(|error| failed("a temporary directory", &error))?;
    let dir = data_dir::DataDir::open(dir.path(), "aob demo").map(|owned| (dir, owned))?;
    let exit = context::multi_thread()?.block_on(walk(context, &dir.1));
    drop(dir);
    exit
}

async fn walk(context: &Context, dir: &data_dir::DataDir) -> Result<Exit, Failure> {
    let stop = CancellationToken::new();
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
    let listener = listener.map_err(|error| failed("the demo service", &error))?;
    let address = listener.local_addr().map_err(|error| failed("the demo service", &error))?;
    let service = tokio::spawn(demo::serve(listener, stop.clone()));
    let adapters = Adapters::open(dir.path())?;
    let allow = vec![allow_demo(address)?];
    let options = Options { allow, ..Options::default() };
    let stack = Server::start(adapters, dir.path(), options, CancellationToken::new()).await?;
    let exit = guide(context, &stack.api(), address).await;
    stack.stop().await;
    stop.cancel();
    // The service has nothing to lose.
    let _ = service.await;
    exit
}

async fn guide(context: &Context, api: &Api, service: SocketAddr) -> Result<Exit, Failure> {
    let out = context.out;
    let Some(example) = EXAMPLES.iter().find(|example| example.tag == "onboarding") else {
        return Err(Failure::usage("the onboarding example is missing", "report this as a bug"));
    };
    let tag = example.tag;
    say(out, "A whole stack runs in this process, in a directory that is removed afterwards.")?;
    say(out, &format!("The demo service is at http://{service}, and the runner may call it."))?;
    command(out, &format!("aob workflow create examples/{tag}.json --tag {tag}"))?;
    api.send(example.store(&format!("http://{service}"))).await?;
    command(out, &format!("aob run start {tag} --inputs examples/{tag}.inputs.json --follow"))?;
    let run = start(api, example).await?;
    Walk { out, api, run: &run, service }.follow().await?;
    let result = api.fetch::<RunView>(Call::get(&["runs", &run])).await?;
    command(out, &format!("aob run status {run}"))?;
    report::run(out, &result)?;
    if !out.is_json() {
        out.data(&next_steps(tag))?;
    }
    Ok(report::exit(&result.view.status))
}

async fn start(api: &Api, example: &Example) -> Result<String, Failure> {
    let inputs: Value = serde_json::from_str(example.inputs()).map_err(|error| {
        Failure::usage(format!("the example's inputs: {error}"), "report this as a bug")
    })?;
    let body = StartRun { inputs: Some(RawText::of(&inputs)), ..StartRun::named(example.tag) };
    let started = api.fetch::<StartedRun>(Call::post(&["runs"]).body(&body)).await?;
    Ok(started.view.id.to_string())
}

/// A run that is watched, and what the people around it do.
struct Walk<'w> {
    out: Out,
    api: &'w Api,
    run: &'w str,
    service: SocketAddr,
}

impl Walk<'_> {
    /// Shows the run's events as they happen, changes the run on the way, and answers what people
    /// are asked.
    async fn follow(&self) -> Result<(), Failure> {
        let mut events = EventStream::new(self.api, self.run, 0);
        let mut asked: Option<String> = None;
        let mut changed = false;
        while let Some(delivery) = events.next().await? {
            let Delivery::Event(text) = delivery else { continue };
            let event = EventView::parse(&text);
            if self.out.format == Format::Jsonl {
                self.out.line(&text)?
            } else {
                say(self.out, &event.line())?
            }
            if event.end().is_some() {
                break;
            }
            let ticket = event.text("ticket");
            match &*event.kind {
                "approval_requested" if !event.text("patch").is_empty() => {
                    self.approve(ticket, "they are right").await?;
                }
                "approval_requested" if !changed => {
                    changed = true;
                    asked = Some(ticket.to_owned());
                    self.change().await?;
                }
                "approval_requested" => self.approve(ticket, "figures checked").await?,
                "patch_applied" => {
                    if let Some(ticket) = asked.take() {
                        self.approve(&ticket, "figures checked").await?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Has the run keep a record of the offer before it opens the account.
    async fn change(&self) -> Result<(), Failure> {
        let (out, api, run) = (self.out, self.api, self.run);
        say(out, "\nWhile the run waits, it is changed: compliance wants a record of each offer.")?;
        let node = format!(
            "{{\"id\": \"record\", \"type\": \"http\", ... \"http://{}/echo\"}}",
            self.service
        );
        let edit = format!("@latest --add-node '{node}' --between approve_offer open_account");
        command(out, &format!("aob patch plan {edit}"))?;
        let body = record(self.service);
        let plan = Call::post(&["runs", run, "patches"]).query("dry_run", true).body(&body);
        let plan = api.fetch::<PlanView>(plan).await?;
        say(out, changes::plan(&plan.view).trim_end())?;
        command(out, &format!("aob patch apply {edit} --reason 'compliance asked for it'"))?;
        api.fetch::<RunPatch>(Call::post(&["runs", run, "patches"]).body(&body)).await?;
        Ok(())
    }

    /// Decides a ticket through the API, as a person would.
    async fn approve(&self, ticket: &str, reason: &str) -> Result<(), Failure> {
        let (out, api) = (self.out, self.api);
        let shown = api.fetch::<TicketView>(Call::get(&["approvals", ticket])).await?.view;
        say(out, &format!("A person is asked: {}", shown.message.bold()))?;
        say(
            out,
            "In another terminal, with `aob dev`, you would type this; the demo does it for you:",
        )?;
        command(out, &format!("aob approve {ticket} approve --reason '{reason}'"))?;
        let body = Decide {
            decision: Vote::Approve,
            reason: Some(reason.to_owned()),
            data: None,
            subject_hash: Some(shown.subject_hash),
        };
        let call = Call::post(&["approvals", ticket, "decision"]).body(&body);
        api.fetch::<Decided>(call).await?;
        Ok(())
    }
}

/// The patch of the demo: one node more, on the edge from the approval to the account.
fn record(service: SocketAddr) -> Value {
    let body = json!({"customer": "$inputs.customer", "offer": "$nodes.offer.body.id"});
    let url = format!("http://{service}/echo");
    let node = json!({"id": "record", "type": "http",
        "config": {"method": "PUT", "url": url, "body": body}});
    json!({
        "description": "compliance asked for it",
        "operations": [
            {"op": "add", "path": "/nodes/-", "value": node},
            {"op": "remove", "path": "/edges/approve_offer->open_account"},
            {"op": "add", "path": "/edges/-",
             "value": {"from": "approve_offer", "to": "record", "on": "approved"}},
            {"op": "add", "path": "/edges/-", "value": {"from": "record", "to": "open_account"}},
        ],
    })
}

/// Words to the watcher, which are not data for programs.
fn say(out: Out, text: &str) -> Result<(), Failure> {
    match out.format {
        Format::Table | Format::Wide => out.line(text),
        Format::Json | Format::Jsonl | Format::Name => {
            out.note(text);
            Ok(())
        }
    }
}

fn command(out: Out, text: &str) -> Result<(), Failure> {
    say(out, &format!("\n{} {}", "$".dimmed(), text.cyan()))
}

fn next_steps(tag: &str) -> String {
    let commands = [
        ("aob dev --demo".to_owned(), "the same as a server, with all examples"),
        (
            format!("aob run start {tag} --inputs examples/{tag}.review.inputs.json --follow"),
            "in another terminal",
        ),
        ("aob approve".to_owned(), "what waits for you, and how to answer"),
        ("aob run explain @latest".to_owned(), "why a run is where it is"),
        ("aob patch plan --help".to_owned(), "changing a run while it goes on"),
    ];
    let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    let mut text = format!("\n{}\n", "Next, type:".bold());
    for (command, why) in commands {
        text.push_str(&format!("  {:<width$}  {}\n", command.cyan(), why.dimmed()));
    }
    text
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    let message = format!("{what} cannot be made: {}", with_sources(error));
    Failure::new(
        Exit::Failed,
        "demo",
        message,
        "free some space and file descriptors, then try again",
    )
}
