//! The inbox: what waits for whoever is signed in, and everything else on request.

use std::collections::BTreeMap;

use aob_answers::{TicketDetail, ticket_detail};
use aob_coordinator::store_workspace;
use aob_edge::{Caller, Cursor, Query, Refusal};
use aob_engine::{Timestamp, Vote};
use aob_store::{StreamId, TicketRow};
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};

use super::{Chrome, page, ticket_path};
use crate::app::{App, Parts};
use crate::around::SignedIn;
use crate::html;
use crate::shown::{Standing, change_of, standing};
use crate::words::{Time, cut, plain};

/// Tickets on a page.
const ROWS_MAX: usize = 50;
/// Tickets looked through for those that wait for somebody.
const SCANNED_MAX: u32 = 1_000;
const MESSAGE_CHARS: usize = 240;
const CURSOR: Cursor = Cursor { list: "inbox" };

/// What may be listed: its name in the address, its name for people, and the status of its tickets.
const LISTS: [(&str, &str, &str); 6] = [
    ("mine", "For you", "pending"),
    ("waiting", "All that wait", "pending"),
    ("approved", "Approved", "approved"),
    ("rejected", "Rejected", "rejected"),
    ("expired", "Expired", "expired"),
    ("cancelled", "Withdrawn", "cancelled"),
];

/// A list that may be looked at.
pub(crate) struct InboxList {
    pub(crate) path: String,
    pub(crate) title: &'static str,
    pub(crate) chosen: bool,
}

/// A ticket in a list.
pub(crate) struct InboxRow {
    pub(crate) path: String,
    pub(crate) message: String,
    /// A change of a run's graph.
    pub(crate) is_patch: bool,
    pub(crate) is_budget: bool,
    /// The workflow's name, or the run.
    pub(crate) run: String,
    pub(crate) asker: String,
    pub(crate) asked: Time,
    pub(crate) expires: Option<Time>,
    pub(crate) decided: Option<Time>,
    pub(crate) votes: String,
    pub(crate) status: String,
    pub(crate) standing: &'static str,
}

/// Shows a list.
pub(crate) async fn show(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
) -> Result<Response, Refusal> {
    let query = Query::of(&uri, &["show", "after"])?;
    let wanted = query.one("show")?.unwrap_or(LISTS[0].0);
    let known = LISTS.iter().find(|(name, ..)| *name == wanted);
    let &(list, _, status) = known.unwrap_or(&LISTS[0]);
    let after = query.one("after")?.map(|text| CURSOR.read(text)).transpose()?;
    let found = match list {
        "mine" => app.waiting_for(&signed_in.caller, after).await?,
        _ => app.page_of(&signed_in.caller, status, after).await?,
    };
    let now = app.now();
    let mut names = BTreeMap::new();
    let mut rows = Vec::with_capacity(found.rows.len());
    for (row, detail) in found.rows {
        let run = match names.get(&row.run) {
            Some(name) => String::clone(name),
            None => {
                let name = app.name_of(&signed_in.caller, row.run).await?;
                names.insert(row.run, name.clone());
                name
            }
        };
        rows.push(InboxRow::new(&row, &detail, run, &signed_in.caller, now));
    }
    let lists = LISTS.iter().map(|(name, title, _)| InboxList {
        path: format!("/?show={name}"),
        title,
        chosen: *name == list,
    });
    let next = found.next.map(|at| format!("/?show={list}&after={}", CURSOR.write(&at)));
    let (chrome, lists) = (Chrome::of(Some(&signed_in)), lists.collect::<Vec<_>>());
    let empty = if list == "mine" { "Nothing waits for you." } else { "There is nothing here." };
    Ok(page(StatusCode::OK, html::inbox(&chrome, &lists, &rows, empty, next.as_deref())))
}

/// Tickets, and where the next page begins.
struct Found {
    rows: Vec<(TicketRow, TicketDetail)>,
    next: Option<String>,
}

impl Parts {
    async fn page_of(
        &self,
        caller: &Caller,
        status: &str,
        after: Option<String>,
    ) -> Result<Found, Refusal> {
        let mut rows = self.tickets(caller, status, after.as_deref(), ROWS_MAX as u32 + 1).await?;
        let more = rows.len() > ROWS_MAX;
        rows.truncate(ROWS_MAX);
        let next = rows.last().filter(|_| more).map(|(row, _)| row.ticket.clone());
        Ok(Found { rows, next })
    }

    /// Pending tickets that the caller may decide and has not voted on.
    async fn waiting_for(
        &self,
        caller: &Caller,
        mut after: Option<String>,
    ) -> Result<Found, Refusal> {
        let mut found = Found { rows: Vec::new(), next: None };
        let mut scanned = 0;
        while found.rows.len() < ROWS_MAX {
            let page = self.tickets(caller, "pending", after.as_deref(), ROWS_MAX as u32).await?;
            let last = page.len() < ROWS_MAX;
            scanned += ROWS_MAX as u32;
            after = page.last().map(|(row, _)| row.ticket.clone());
            found.rows.extend(
                page.into_iter()
                    .filter(|(row, detail)| standing(caller, row, detail) == Standing::Open),
            );
            if last {
                return Ok(found);
            }
            if scanned >= SCANNED_MAX {
                break;
            }
        }
        found.next = after;
        Ok(found)
    }

    async fn tickets(
        &self,
        caller: &Caller,
        status: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(TicketRow, TicketDetail)>, Refusal> {
        let workspace = store_workspace(caller.workspace());
        let rows = self.reads.store.tickets(workspace, Some(status), None, after, limit).await?;
        rows.into_iter().map(|row| ticket_detail(&row).map(|detail| (row, detail))).collect()
    }

    /// What a run is called: its workflow's name, or its tag.
    pub(crate) async fn name_of(&self, caller: &Caller, run: StreamId) -> Result<String, Refusal> {
        let row = self.reads.store.run(store_workspace(caller.workspace()), run).await?;
        let row = row.as_ref();
        let name = row.map(|row| &*row.name).filter(|name| !name.is_empty());
        let name = name.or_else(|| row.and_then(|row| row.tag.as_deref()));
        Ok(name.map_or_else(|| format!("run {}", aob_engine::RunId(run.0)), |name| cut(name, 80)))
    }
}

impl InboxRow {
    fn new(
        row: &TicketRow,
        detail: &TicketDetail,
        run: String,
        caller: &Caller,
        now: Timestamp,
    ) -> Self {
        let approvals = detail.votes.iter().filter(|cast| cast.vote == Vote::Approve).count();
        let asker = match (&detail.instance, &detail.patch, &detail.budget) {
            (Some(instance), ..) => plain(&instance.to_string()),
            (None, Some(_), _) => "change of the graph".to_owned(),
            (None, None, Some(of)) => plain(&of.to_string()),
            (None, None, None) => String::new(),
        };
        Self {
            path: ticket_path(&row.ticket),
            // What a patch is for is said by its author, and stands on its page only.
            message: match detail.patch {
                Some(_) => change_of(&run),
                None => cut(row.message.lines().next().unwrap_or_default(), MESSAGE_CHARS),
            },
            is_patch: detail.patch.is_some(),
            is_budget: detail.budget.is_some(),
            run,
            asker,
            asked: Time::new(Timestamp(row.created_ms), now),
            expires: row.expires_ms.map(|at| Time::new(Timestamp(at), now)),
            decided: row.decided_ms.map(|at| Time::new(Timestamp(at), now)),
            votes: format!("{approvals} of {}", detail.quorum),
            status: row.status.clone(),
            standing: standing(caller, row, detail).tag(),
        }
    }
}
