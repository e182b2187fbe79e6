//! `aob notify log`.

use std::collections::BTreeMap;

use aob_api::{DeliveryStatus, DeliveryView};
use aob_engine::Timestamp;
use clap::{Args, ValueEnum};

use super::{endpoints, id_of};
use crate::client::{Call, RunRef};
use crate::clock;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::output::{self, Cell, ago, duration};

/// Show what was sent, what waits to be sent, and what was given up; the newest first.
#[derive(Debug, Args)]
#[command(after_long_help = example!(
    "aob notify log --status failed",
    "aob notify log --ticket tk_0123456789abcdef01234567",
))]
pub(crate) struct Log {
    /// Only to this endpoint: its id or name.
    #[arg(long)]
    endpoint: Option<String>,
    /// Only about this ticket.
    #[arg(long)]
    ticket: Option<String>,
    /// Only about tickets of this run.
    #[arg(long, value_name = "RUN")]
    run: Option<RunRef>,
    /// Only in this status.
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Status {
    /// It is to be sent, or sent again.
    Pending,
    /// It arrived.
    Delivered,
    /// It was given up.
    Failed,
    /// There was no more reason to send it.
    Dropped,
}

impl From<Status> for DeliveryStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Delivered => Self::Delivered,
            Status::Failed => Self::Failed,
            Status::Dropped => Self::Dropped,
        }
    }
}

impl Log {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let api = context.api()?;
        let (listing, names) = block_on(async {
            let endpoint = match &self.endpoint {
                Some(named) => Some(id_of(&api, named).await?),
                None => None,
            };
            let run = match &self.run {
                Some(run) => Some(api.run_id(run).await?),
                None => None,
            };
            let status = self.status.map(DeliveryStatus::from);
            let call = Call::get(&["notifications", "deliveries"])
                .query_opt("endpoint", endpoint)
                .query_opt("ticket", self.ticket.as_ref())
                .query_opt("run", run)
                .query_opt("status", status.map(DeliveryStatus::as_str));
            let listing = api.pages::<DeliveryView>(call, self.limit).await?;
            let names = endpoints(&api).await?.into_iter();
            let names = names.map(|endpoint| (endpoint.id, endpoint.name));
            Ok::<_, Failure>((listing, names.collect::<BTreeMap<_, _>>()))
        })?;
        let now = clock::now();
        let list = output::List {
            titles: &["AT", "EVENT", "TO", "STATUS", "TRIES", "TICKET", "WHY", "NEXT", "ID"],
            narrow: 7,
            cells: &|delivery: &DeliveryView| {
                let to = names.get(&delivery.endpoint).unwrap_or(&delivery.endpoint);
                let ticket = delivery.ticket.as_ref().map(ToString::to_string).unwrap_or_default();
                let next = delivery.next_at.map(|at| when(at, now)).unwrap_or_default();
                vec![
                    Cell::new(when(delivery.at, now)),
                    Cell::new(delivery.event.as_str()),
                    Cell::new(to),
                    Cell::status(delivery.status.as_str()),
                    Cell::new(delivery.attempts.to_string()),
                    Cell::new(ticket),
                    Cell::new(delivery.error.as_deref().unwrap_or_default()),
                    Cell::new(next),
                    Cell::new(&delivery.id),
                ]
            },
            name: &|delivery| delivery.id.clone(),
            empty: "nothing was sent",
        };
        context.out.list(&list, &listing)?;
        Ok(Exit::Ok)
    }
}

/// How far from now something is, in either direction.
fn when(at: Timestamp, now: Timestamp) -> String {
    match u64::try_from(at.0.saturating_sub(now.0)) {
        Ok(ahead_ms @ 1..) => format!("in {}", duration(ahead_ms)),
        Ok(0) | Err(_) => ago(at, now),
    }
}
