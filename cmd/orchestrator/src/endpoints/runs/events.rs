//! `GET /v1/runs/{id}/events`.

use aob_api::{ErrorCode, EventPage, Problem, RawText};
use aob_edge::{Answer, Caller, PageSize, Query, log_page};
use axum::Json;
use axum::extract::State;
use http::header::ACCEPT;
use http::{HeaderMap, Uri};

use crate::api::Api;
use crate::input::{RunPath, limit};

/// Bytes of a page.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Pages through the log of a run. With `Accept: text/event-stream`, follows it.
#[utoipa::path(
    get, path = "/v1/runs/{run}/events", tag = "runs", operation_id = "runs_events",
    params(
        ("run" = String, Path),
        ("after" = Option<u64>, Query, description = "Only events behind this seq"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
    ),
    responses(
        (status = 200, body = EventPage),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    RunPath(run): RunPath,
    uri: Uri,
    headers: HeaderMap,
) -> Answer<Json<EventPage>> {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    let takes_json = ["*/*", "application/*", "application/json"];
    if !takes_json.iter().any(|media| accept.contains(media)) {
        let detail = format!("this process answers pages of JSON, not `{accept}`");
        return Err(Problem::new(ErrorCode::NotAcceptable, detail)
            .with_hint("the fan-out service streams events; ask it, or `Accept: application/json`")
            .into());
    }
    let query = Query::of(&uri, &["after", "limit"])?;
    let after = query.number("after", 0..=u64::MAX)?.unwrap_or(0);
    let size = PageSize { events: limit(&query)?, bytes: PAGE_BYTES };
    // The row before the page: what it promises is in the log by then.
    let row = api.reads.run_row(&caller, run).await?;
    let page = log_page(&*api.store, caller.workspace(), run, after, size).await?;
    let next_after = page.events.last().map_or(after, |event| event.seq);
    let items = page.events.into_iter().map(|event| RawText(event.text)).collect();
    let ended = row.is_terminal();
    Ok(Json(EventPage { items, next_after, head_seq: row.seq.max(next_after), ended }))
}
