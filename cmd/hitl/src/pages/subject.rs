//! What is being approved, as a file: for what is too long for a page.

use aob_answers::refusals::unreadable;
use aob_answers::ticket_detail;
use aob_edge::Refusal;
use aob_engine::RunId;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use crate::app::App;
use crate::around::SignedIn;

/// Gives it to be saved; no browser shows it.
pub(crate) async fn show(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(ticket): Path<String>,
) -> Result<Response, Refusal> {
    let row = app.reads.ticket_row(&signed_in.caller, &ticket).await?;
    let detail = ticket_detail(&row)?;
    let workspace = signed_in.caller.workspace();
    let value = app.reads.reader.value(workspace, RunId(row.run.0), detail.subject).await;
    let value = value.map_err(|error| unreadable(&error))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"subject.json\"")),
    ];
    Ok((headers, value.text().to_owned()).into_response())
}
