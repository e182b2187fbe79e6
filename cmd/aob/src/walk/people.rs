//! The people of the demo: whoever watches decides on the page or nods here; where nobody watches, the
//! demo decides.

use std::collections::VecDeque;
use std::io::BufRead as _;

use aob_api::{Decide, Decided, TicketView};
use aob_engine::Vote;
use tokio::sync::mpsc;

use super::{Place, command, say};
use crate::client::{Api, Call};
use crate::commands::ticket_text;
use crate::failure::Failure;
use crate::output::Out;

/// Who decides, and what.
pub(super) struct People<'w> {
    out: Out,
    api: &'w Api,
    place: &'w Place,
    /// Somebody's Enter key; `None`: nobody is there.
    nods: Option<mpsc::Receiver<()>>,
    /// What waits for a decision, the oldest first.
    open: VecDeque<String>,
}

impl<'w> People<'w> {
    /// With `watched`, somebody is asked; otherwise the demo decides.
    pub(super) fn new(out: Out, api: &'w Api, place: &'w Place, watched: bool) -> Self {
        let nods = watched.then(listen_to_enter);
        Self { out, api, place, nods, open: VecDeque::new() }
    }

    /// Shows what is asked.
    pub(super) async fn asked(&mut self, ticket: &str) -> Result<(), Failure> {
        self.open.push_back(ticket.to_owned());
        if self.open.len() == 1 { self.show().await } else { Ok(()) }
    }

    /// Goes on to the next question once one is answered, wherever that was.
    pub(super) async fn decided(&mut self, ticket: &str) -> Result<(), Failure> {
        let shown = self.open.front().is_some_and(|first| first == ticket);
        self.open.retain(|open| open != ticket);
        if shown && !self.open.is_empty() { self.show().await } else { Ok(()) }
    }

    /// Shows the oldest question, and answers it where nobody watches.
    async fn show(&mut self) -> Result<(), Failure> {
        let Some(ticket) = self.open.front() else { return Ok(()) };
        let (out, pages) = (self.out, self.place.pages);
        let shown = self.api.fetch::<TicketView>(Call::get(&["approvals", ticket])).await?;
        say(out, &format!("\n{}", ticket_text(&shown).trim_end()))?;
        let page = format!("http://{pages}/tickets/{ticket}");
        if self.nods.is_none() {
            say(
                out,
                &format!("\nA person would decide on {page}, or type what the demo does now:"),
            )?;
            command(out, &format!("aob approve {ticket} approve --reason 'all in order'"))?;
            return self.approve().await;
        }
        say(
            out,
            &format!("\nDecide on {page}\n(the key to sign in with: {})", self.place.key.display()),
        )?;
        say(out, "or press Enter here, and the demo approves it for you.")
    }

    /// Returns when somebody nods; never where nobody is there.
    pub(super) async fn nod(&mut self) {
        let nod = match &mut self.nods {
            Some(nods) => nods.recv().await,
            None => None,
        };
        if nod.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Approves the oldest question through the API, as a person would.
    pub(super) async fn approve(&self) -> Result<(), Failure> {
        let Some(ticket) = self.open.front() else { return Ok(()) };
        let shown = self.api.fetch::<TicketView>(Call::get(&["approvals", ticket])).await?.view;
        if shown.status != "pending" {
            return Ok(());
        }
        let body = Decide {
            decision: Vote::Approve,
            reason: Some("all in order".to_owned()),
            data: None,
            edits: None,
            subject_hash: Some(shown.subject_hash),
        };
        let call = Call::post(&["approvals", ticket, "decision"]).body(&body);
        self.api.fetch::<Decided>(call).await.map(drop)
    }
}

/// A message for each line on standard input. The thread that waits for them ends with the process:
/// a read of a terminal cannot be called off.
fn listen_to_enter() -> mpsc::Receiver<()> {
    let (nods, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if line.is_err() || nods.blocking_send(()).is_err() {
                return;
            }
        }
    });
    receiver
}
