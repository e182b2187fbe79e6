//! `aob dev`: the whole product in one process.

use std::path::PathBuf;

use aob_egress::Allow;
use aob_notify::MailServer;
use aob_optimizer::PublicKey;
use clap::Args;

use crate::config::DEV_PORT;
use crate::context::Context;
use crate::dev;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;

/// Run the whole product in this process: API, approval pages, timers, runner, over files in one
/// directory.
///
/// Writes the profile `local`, so that the next `aob` in another terminal finds it. The first
/// Ctrl-C lets running jobs end, the second does not.
#[derive(Debug, Args)]
#[command(after_long_help = example!("aob dev --demo", "aob dev --data ./data --port 0 --allow-host 127.0.0.1:9000"))]
pub(crate) struct Dev {
    /// Data directory; AOB_DATA names another default.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Start the demo service, allow calls to it, and store the examples.
    #[arg(long)]
    pub(crate) demo: bool,
    /// Port to listen on; 0: any that is free.
    #[arg(long, default_value_t = DEV_PORT)]
    pub(crate) port: u16,
    /// Port of the approval pages; 0: any that is free. Left out: the one after the API's, or any.
    #[arg(long, value_name = "PORT")]
    pub(crate) pages_port: Option<u16>,
    /// Port of the demo service; 0: any that is free.
    #[arg(long, default_value_t = crate::demo::DEFAULT_ADDRESS.port(), requires = "demo", value_name = "PORT")]
    pub(crate) demo_port: u16,
    /// Let `http` nodes and notifications reach this private address: HOST:PORT or an origin such as
    /// https://10.0.0.5:8443. May be repeated.
    #[arg(long, value_name = "HOST:PORT", value_parser = allowed)]
    pub(crate) allow_host: Vec<Allow>,
    /// Delete runs that have been over for this long, such as 30d; left out: keep them.
    #[arg(long, value_name = "SPAN", value_parser = crate::input::span)]
    pub(crate) retention: Option<std::time::Duration>,
    /// Public ed25519 key (64 hex digits) of somebody who may sign modules of the optimizer. May be
    /// repeated.
    #[arg(long, value_name = "HEX")]
    pub(crate) optimizer_key: Vec<PublicKey>,
    /// SMTP server for notifications by mail: smtp[s]://[USER@]HOST[:PORT], over TLS, or
    /// smtp+plain://HOST[:PORT]. Its password is in AOB_SMTP_PASSWORD.
    #[arg(long, value_name = "URL", requires = "mail_from")]
    pub(crate) smtp: Option<MailServer>,
    /// The sender of mails.
    #[arg(long, value_name = "ADDRESS", requires = "smtp")]
    pub(crate) mail_from: Option<String>,
    /// In the environment only, so that no list of processes has it.
    #[arg(long, env = "AOB_SMTP_PASSWORD", hide = true, hide_env_values = true)]
    pub(crate) smtp_password: Option<String>,
    /// TOML file with the secrets that nodes may use.
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,
}

impl Dev {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        dev::run(context, &self)
    }
}

fn allowed(text: &str) -> Result<Allow, String> {
    let origin = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    origin.parse::<Allow>().map(Allow::private).map_err(|error| error.to_string())
}
