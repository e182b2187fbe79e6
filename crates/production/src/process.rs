//! How a process begins and ends.

use std::io::Write as _;
use std::net::SocketAddr;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{Admin, CommonArgs, Metrics, OpenError, Ports, Settings, SettingsError};

/// Why a process does not begin, or did not end in order.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A port.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Health and metrics cannot be served.
    #[error("admin.listen: {address} cannot be listened on")]
    Admin {
        /// What was asked for.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The signals that end the process cannot be had.
    #[error("SIGTERM and SIGINT cannot be listened to")]
    Signals(#[source] std::io::Error),
    /// What was asked for cannot be written.
    #[error("stdout cannot be written to")]
    Output(#[source] std::io::Error),
    /// A task of the process broke.
    #[error("a task of the process broke")]
    Broken(#[from] JoinError),
}

/// Arguments of a program that serves, and does nothing else but say what it would serve with.
#[derive(Debug, Clone, clap::Args)]
pub struct ServiceArgs {
    /// Where its settings are.
    #[command(flatten)]
    pub common: CommonArgs,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<ServiceCommand>,
}

/// What to do instead of serving.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum ServiceCommand {
    /// Print the settings in effect, with their sources and without secrets.
    Config,
}

impl ServiceArgs {
    /// The settings to serve with. `None`: they were asked for, and are on stdout.
    ///
    /// # Errors
    /// If the settings are wrong, or cannot be written.
    pub fn settings(&self) -> Result<Option<Settings>, ProcessError> {
        let settings = self.common.settings()?;
        match self.command {
            None => Ok(Some(settings)),
            Some(ServiceCommand::Config) => {
                write!(std::io::stdout(), "{settings}").map_err(ProcessError::Output)?;
                Ok(None)
            }
        }
    }
}

/// What a program of the production stack works with: its ports, what is said about it, its end.
#[derive(Debug)]
pub struct Process {
    /// Postgres, Kafka, Redis and S3.
    pub ports: Ports,
    /// Its numbers.
    pub metrics: Metrics,
    /// Cancelled when it is asked to stop.
    pub stopping: CancellationToken,
    /// Cancelled when its work has ended.
    closing: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Process {
    /// Writes logs, opens the ports, follows the database's clock, and serves health and metrics.
    ///
    /// # Errors
    /// See [`ProcessError`].
    pub async fn begin(
        name: &'static str,
        version: &'static str,
        settings: &Settings,
    ) -> Result<Self, ProcessError> {
        write_logs();
        let address = settings.need("admin.listen")?;
        let ports = Ports::open(settings).await?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| ProcessError::Admin { address, source })?;
        let stopping = stop_when_asked().map_err(ProcessError::Signals)?;
        let (metrics, closing) = (Metrics::new(name, version), CancellationToken::new());
        let admin =
            Admin { ports: ports.clone(), metrics: metrics.clone(), stopping: stopping.clone() };
        let clock = ports.clock.clone();
        let tasks = vec![
            tokio::spawn(admin.serve(listener, closing.clone())),
            tokio::spawn(clock.follow(ports.store.clone(), closing.clone())),
        ];
        Ok(Self { ports, metrics, stopping, closing, tasks })
    }

    /// Ends it, once its work has ended: messages that wait are sent before, and others take over at
    /// once what it gives up.
    ///
    /// # Errors
    /// If a task broke.
    pub async fn end(self) -> Result<(), ProcessError> {
        self.ports.bus.settled().await;
        self.closing.cancel();
        for task in self.tasks {
            task.await?;
        }
        Ok(())
    }
}

/// Writes logs to stderr; `RUST_LOG` says which, information of all parts if it does not.
pub fn write_logs() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Cancels the token at the first SIGTERM or SIGINT.
fn stop_when_asked() -> std::io::Result<CancellationToken> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let asked = CancellationToken::new();
    let cancelled = asked.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        tracing::info!("asked to stop");
        cancelled.cancel();
    });
    Ok(asked)
}
