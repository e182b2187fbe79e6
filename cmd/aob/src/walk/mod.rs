//! The guided run of `aob demo`: an agent proposes a change of its own run, people decide, and the run
//! follows its new graph, on a whole stack in this process.

mod agent;
mod people;
mod script;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use aob_api::{RunView, StartedRun};
use owo_colors::OwoColorize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::people::People;
use crate::client::{Api, Call, Delivery, EventStream};
use crate::commands::{report, with_sources};
use crate::context::{self, Context};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::EventView;
use crate::output::{Format, Out};
use crate::stack::{Adapters, Options, Server};
use crate::{data_dir, logging};

/// The example that is walked through.
const DOCUMENT: &str = include_str!("../../../../examples/agents/onboarding.json");
const INPUTS: &str = include_str!("../../../../examples/agents/onboarding.inputs.json");
const SCRIPT: &str = include_str!("../../../../examples/agents/onboarding.script.json");

/// Runs it. With `decide`, the demo decides what people are asked, on a terminal too.
pub(crate) fn run(context: &Context, decide: bool) -> Result<Exit, Failure> {
    logging::start(&context.global, "error")?;
    let dir = tempfile::tempdir().map_err(|error| failed("a temporary directory", &error))?;
    let dir = data_dir::DataDir::open(dir.path(), "aob demo").map(|owned| (dir, owned))?;
    let exit = context::multi_thread()?.block_on(walk(context, &dir.1, decide));
    drop(dir);
    exit
}

/// Where the stack is while it is there.
struct Place {
    server: SocketAddr,
    pages: SocketAddr,
    /// The file with the key to sign in with.
    key: PathBuf,
}

async fn walk(context: &Context, dir: &data_dir::DataDir, decide: bool) -> Result<Exit, Failure> {
    let (api_listener, server) = listen().await?;
    let (pages_listener, pages) = listen().await?;
    let place = Place { server, pages, key: dir.path().join("key") };
    let adapters = Adapters::open(dir.path())?;
    let closing = CancellationToken::new();
    let stack = Server::start(adapters, dir.path(), Options::default(), closing.clone()).await?;
    let (api, token) = (stack.api(), stack.token().to_owned());
    let serving = tokio::spawn(stack.serve(api_listener, (pages_listener, pages)));
    let stop_agent = CancellationToken::new();
    let agent = agent::poller(context.out, api.clone(), server, token)?;
    let agent = tokio::spawn(agent.run(stop_agent.clone()));
    let exit = guide(context, &api, &place, decide).await;
    stop_agent.cancel();
    // A task that panicked has said so on stderr, and nothing is left to lose.
    let _ = agent.await;
    closing.cancel();
    let _ = serving.await;
    exit
}

async fn listen() -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
    let listener = listener.map_err(|error| failed("a listener", &error))?;
    let address = listener.local_addr().map_err(|error| failed("a listener", &error))?;
    Ok((listener, address))
}

async fn guide(context: &Context, api: &Api, place: &Place, decide: bool) -> Result<Exit, Failure> {
    let out = context.out;
    let Place { server, pages, key } = place;
    say(out, "A whole stack runs in this process, in a directory that is removed afterwards.")?;
    say(out, &format!("  API        http://{server}"))?;
    say(out, &format!("  approvals  http://{pages}/ (sign in with the key in {})", key.display()))?;
    say(out, "  agent      plays a script, so that no model has to be asked; the rest is real")?;
    command(
        out,
        "aob run start examples/agents/onboarding.json \
         --inputs examples/agents/onboarding.inputs.json --follow",
    )?;
    let run = start(api).await?;
    let people = People::new(out, api, place, out.can_ask() && !decide);
    follow(out, api, &run, people).await?;
    let result = api.fetch::<RunView>(Call::get(&["runs", &run])).await?;
    command(out, &format!("aob run status {run}"))?;
    report::run(out, &result)?;
    if !out.is_json() {
        out.data(&next_steps())?;
    }
    Ok(report::exit(&result.view.status))
}

async fn start(api: &Api) -> Result<String, Failure> {
    let inputs: Value = serde_json::from_str(INPUTS).map_err(broken_example)?;
    let document: Value = serde_json::from_str(DOCUMENT).map_err(broken_example)?;
    let body = serde_json::json!({ "workflow": document, "inputs": inputs });
    let started = api.fetch::<StartedRun>(Call::post(&["runs"]).body(&body)).await?;
    Ok(started.view.id.to_string())
}

/// Shows the run's events as they happen, and asks people on the way.
async fn follow(out: Out, api: &Api, run: &str, mut people: People<'_>) -> Result<(), Failure> {
    let mut events = EventStream::new(api, run, 0);
    loop {
        let delivery = tokio::select! {
            delivery = events.next() => delivery?,
            () = people.nod() => {
                people.approve().await?;
                continue;
            }
        };
        let Some(delivery) = delivery else { return Ok(()) };
        let Delivery::Event(text) = delivery else { continue };
        let event = EventView::parse(&text);
        if out.format == Format::Jsonl {
            out.line(&text)?
        } else {
            say(out, &event.line())?
        }
        if event.end().is_some() {
            return Ok(());
        }
        match &*event.kind {
            "approval_requested" => people.asked(event.text("ticket")).await?,
            "approval_decided" => people.decided(event.text("ticket")).await?,
            _ => {}
        }
    }
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

fn next_steps() -> String {
    let commands = [
        ("aob dev --demo", "the same as a server, with more examples"),
        (
            "aob run start onboarding --inputs examples/onboarding.review.inputs.json --follow",
            "in another terminal",
        ),
        ("aob approve", "what waits for you, and how to answer"),
        ("aob run explain @latest", "why a run is where it is"),
        ("aob patch plan --help", "changing a run while it goes on"),
    ];
    let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    let mut text = format!("\n{}\n", "Next, type:".bold());
    for (command, why) in commands {
        text.push_str(&format!("  {:<width$}  {}\n", command.cyan(), why.dimmed()));
    }
    text.push_str("Agents of your own, with a model of your choice: docs/agents.md\n");
    text
}

fn broken_example(error: serde_json::Error) -> Failure {
    Failure::usage(format!("the example is broken: {error}"), "report this as a bug")
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
