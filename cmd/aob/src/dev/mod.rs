//! `aob dev`: adapters, coordinator, API, streams, approval pages and runner, over one directory.

mod banner;
mod examples;
mod profile;
mod view;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use aob_egress::Allow;
use aob_notify::Mailer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) use self::examples::EXAMPLES;
use crate::client::Api;
use crate::commands::Dev;
use crate::context::Context;
use crate::data_dir::DataDir;
use crate::demo;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::shutdown::Signals;
use crate::stack::{Adapters, Options, Server, secrets};
use crate::{context, logging};

/// How long stopping may take: a runner lets its jobs go on for 30 s, then stops them.
const DRAIN: Duration = Duration::from_secs(45);

/// Runs until it is told to stop.
pub(crate) fn run(context: &Context, args: &Dev) -> Result<Exit, Failure> {
    logging::start(&context.global, "warn")?;
    context::multi_thread()?.block_on(serve(context, args))
}

async fn serve(context: &Context, args: &Dev) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let secrets = args.secrets.as_deref().map(secrets::read).transpose()?.unwrap_or_default();
    let path = match &args.data {
        Some(path) => path.clone(),
        None => context.global.places().data_dir()?,
    };
    let mut dir = DataDir::open(&path, "aob dev")?;
    let listener = bind(args.port, "--port").await?;
    let address = local_address(&listener)?;
    let pages = bind_pages(args).await?;
    let pages_address = local_address(&pages)?;
    let demo = match args.demo {
        true => Some(bind(args.demo_port, "--demo-port").await?),
        false => None,
    };
    let demo_address = demo.as_ref().map(local_address).transpose()?;

    let mut allow = args.allow_host.clone();
    allow.extend(demo_address.map(allow_demo).transpose()?);
    let adapters = Adapters::open(dir.path())?;
    let (stop, stop_demo) = (CancellationToken::new(), CancellationToken::new());
    let options = Options {
        allow,
        secrets,
        retention: args.retention,
        optimizer_keys: args.optimizer_key.clone(),
        mail: mailer(args)?,
    };
    let stack = Server::start(adapters, dir.path(), options, stop.clone()).await?;
    stack.take_over().await?;
    let demo = demo.map(|listener| tokio::spawn(demo::serve(listener, stop_demo.clone())));
    let api = stack.api();
    if let Some(address) = demo_address {
        store_examples(&api, address).await?;
    }
    let server = format!("http://{address}");
    dir.sign(Some(&server))?;
    let approvals = format!("http://{pages_address}");
    let profile = profile::write(context, (&server, &approvals), stack.token())?;
    let serving = tokio::spawn(stack.serve(listener, (pages, pages_address)));
    let (server, approvals) = (&*server, &*approvals);
    let facts = banner::Facts { server, approvals, data: dir.path(), profile, demo_address };
    banner::ready(context, &facts)?;

    tokio::select! {
        () = signals.next() => {}
        () = view::show(context, &api) => {}
    }
    stop.cancel();
    let drained = async {
        // A task that panicked has said so on stderr.
        let _ = serving.await;
        // Jobs that were let end may have called it.
        stop_demo.cancel();
        if let Some(demo) = demo {
            let _ = demo.await;
        }
    };
    Ok(stopped(context, drained, &mut signals).await)
}

/// Waits until everything has ended, or until that takes too long or is cut short.
async fn stopped(
    context: &Context,
    drained: impl Future<Output = ()>,
    signals: &mut Signals,
) -> Exit {
    context.out.note("stopping: running jobs may end; Ctrl-C again stops at once");
    tokio::select! {
        ended = tokio::time::timeout(DRAIN, drained) => match ended {
            Ok(()) => Exit::Ok,
            Err(_) => {
                context.out.note("some jobs did not end in time; they go on at the next start");
                Exit::Timeout
            }
        },
        () = signals.next() => Exit::Interrupted,
    }
}

/// What sends mail, if a server is named.
fn mailer(args: &Dev) -> Result<Option<Mailer>, Failure> {
    let (from, password) = (args.mail_from.clone(), args.smtp_password.clone());
    Mailer::of_settings(args.smtp.clone(), from, password)
        .map_err(|error| Failure::usage(error.to_string(), "correct --smtp or --mail-from"))
}

/// A listener on this machine only.
async fn bind(port: u16, option: &str) -> Result<TcpListener, Failure> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).await.map_err(|error| {
        let message = format!("{address} cannot be listened on: {error}");
        let todo = format!("stop what listens there, or choose another one: {option} 0 takes any");
        Failure::new(Exit::Conflict, "port_taken", message, todo)
    })
}

/// A listener for the pages: on the port that was asked for, or beside the API, or anywhere.
async fn bind_pages(args: &Dev) -> Result<TcpListener, Failure> {
    if let Some(port) = args.pages_port {
        return bind(port, "--pages-port").await;
    }
    let beside = args.port.checked_add(1).filter(|port| *port > 1);
    match bind(beside.unwrap_or(0), "--pages-port").await {
        Ok(listener) => Ok(listener),
        Err(_) => bind(0, "--pages-port").await,
    }
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener.local_addr().map_err(|error| {
        let message = format!("the listener has no address: {error}");
        Failure::new(Exit::Failed, "listener", message, "try again")
    })
}

/// The rule that lets `http` nodes call the demo service.
pub(crate) fn allow_demo(address: SocketAddr) -> Result<Allow, Failure> {
    let origin = format!("http://{address}");
    origin.parse::<Allow>().map(Allow::private).map_err(|error| {
        let message = format!("the demo service cannot be allowed: {error}");
        Failure::usage(message, "choose another port with --demo-port")
    })
}

/// Stores the examples under their tags; what is there already stays as it is.
pub(crate) async fn store_examples(api: &Api, address: SocketAddr) -> Result<(), Failure> {
    let service = format!("http://{address}");
    for example in EXAMPLES {
        api.send(example.store(&service)).await?;
    }
    Ok(())
}
