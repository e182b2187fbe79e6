//! `GET /v1/runs/{id}/timeline`.

use aob_api::{Page, Problem, Span};
use aob_edge::{Answer, Caller, Cursor, Query};
use aob_engine::{InstanceId, SpanView, Timestamp};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::get::error_view;
use crate::api::Api;
use crate::input::{RunPath, follows, limit, page};

const CURSOR: Cursor = Cursor { list: "timeline" };

/// Lists the instances of a run over time, by when they were opened.
#[utoipa::path(
    get, path = "/v1/runs/{run}/timeline", tag = "runs", operation_id = "runs_timeline",
    params(
        ("run" = String, Path),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<Span>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    RunPath(run): RunPath,
    uri: Uri,
) -> Answer<Json<Page<Span>>> {
    let query = Query::of(&uri, &["limit", "cursor"])?;
    let after = follows(&query, CURSOR, place)?;
    let limit = limit(&query)?;
    let loaded = api.reads.loaded(&caller, run).await?;
    let (spans, more) = page(loaded.state.spans(after.as_ref(), limit + 1), limit);
    let last = spans.last().filter(|_| more);
    let next_cursor =
        last.map(|span| CURSOR.write(&format!("{} {}", span.opened_at.0, span.instance)));
    Ok(Json(Page { items: spans.into_iter().map(view).collect(), next_cursor }))
}

fn place(text: &str) -> Option<(Timestamp, InstanceId)> {
    let (at, instance) = text.split_once(' ')?;
    Some((Timestamp(at.parse().ok()?), instance.parse().ok()?))
}

fn view(span: SpanView) -> Span {
    Span {
        node: span.instance.node.to_string(),
        instance: span.instance,
        status: span.status.to_owned(),
        attempts: span.attempts,
        opened_at: span.opened_at,
        started_at: span.started_at,
        since: span.since,
        finished_at: span.finished_at,
        error: span.error.map(error_view),
        late_attempt: span.late_attempt,
        child: span.child,
    }
}
