//! `GET /v1/runs`.

use std::collections::BTreeMap;

use aob_api::{Page, Problem, RunSummary, WorkflowUsed};
use aob_coordinator::{run_of, stream};
use aob_edge::{Answer, Caller, Cursor, Query, Refusal, nearest};
use aob_engine::{RunId, RunStatus, Timestamp};
use aob_ir::Digest;
use aob_store::{RunFilter, RunRow};
use axum::Json;
use axum::extract::State;
use http::Uri;

use crate::api::{Api, tenant};
use crate::input::{follows, limit, page, rows_wanted};

const CURSOR: Cursor = Cursor { list: "runs" };
const KNOWN: [&str; 7] = ["status", "tag", "digest", "label", "parent", "limit", "cursor"];

/// The states of a run.
const STATUSES: [RunStatus; 9] = [
    RunStatus::Queued,
    RunStatus::Running,
    RunStatus::Waiting,
    RunStatus::Paused,
    RunStatus::Cancelling,
    RunStatus::Completed,
    RunStatus::Failed,
    RunStatus::Cancelled,
    RunStatus::RolledBack,
];

/// Lists runs, newest first.
#[utoipa::path(
    get, path = "/v1/runs", tag = "runs", operation_id = "runs_list",
    params(
        ("status" = Option<String>, Query, description = "Only these states; repeated, or with commas"),
        ("tag" = Option<String>, Query, description = "Only those started by this tag"),
        ("digest" = Option<String>, Query, description = "Only those of this document"),
        ("label" = Option<String>, Query, description = "`key:value`; repeated: all of them"),
        ("parent" = Option<String>, Query, description = "Only children of this run"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = Page<RunSummary>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
) -> Answer<Json<Page<RunSummary>>> {
    let query = Query::of(&uri, &KNOWN)?;
    let run = |text: &str| text.parse::<RunId>().ok().map(stream);
    let before = follows(&query, CURSOR, run)?;
    let digest = |text: &str| text.parse::<Digest>().ok();
    let limit = limit(&query)?;
    let filter = RunFilter {
        statuses: statuses(&query)?,
        tag: query.one("tag")?.map(str::to_owned),
        digest: query
            .parsed("digest", "give `sha256:` and 64 hex digits", digest)?
            .map(|digest| digest.to_string()),
        parent: query.parsed("parent", "give the id of a run", run)?,
        labels: labels(&query)?,
        before,
        limit: rows_wanted(limit),
    };
    let (rows, more) = page(api.store.runs(tenant(&caller), &filter).await?, limit);
    let last = rows.last().filter(|_| more).map(|row| CURSOR.write(&run_of(row.run).to_string()));
    let items = rows.into_iter().map(summary).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor: last }))
}

fn statuses(query: &Query) -> Result<Vec<String>, Refusal> {
    let known = STATUSES.map(RunStatus::as_str);
    let given = query.all("status").flat_map(|text| text.split(',')).map(str::trim);
    let given: Vec<String> = given.map(str::to_owned).collect();
    match given.iter().find(|status| !known.contains(&status.as_str())) {
        None => Ok(given),
        Some(unknown) => {
            let hint = match nearest(unknown, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of {}", known.join(", ")),
            };
            Err(Query::refuse("status", &format!("is `{unknown}`"), &hint))
        }
    }
}

/// Labels as `key:value`, or `key=value`.
fn labels(query: &Query) -> Result<BTreeMap<String, String>, Refusal> {
    let pairs = query.all("label").map(|text| {
        let pair = text.split_once([':', '=']).filter(|(key, _)| !key.is_empty());
        pair.map(|(key, value)| (key.to_owned(), value.to_owned()))
            .ok_or_else(|| Query::refuse("label", &format!("is `{text}`"), "give `key:value`"))
    });
    pairs.collect()
}

fn summary(row: RunRow) -> Result<RunSummary, Refusal> {
    let digest = row.digest.parse().map_err(|_| {
        tracing::error!(run = %row.run.0, digest = row.digest, "a run's row cannot be read");
        Refusal::internal()
    })?;
    Ok(RunSummary {
        id: run_of(row.run),
        status: row.status,
        name: row.name,
        workflow: WorkflowUsed::labelled(row.tag, digest, |name| {
            row.labels.get(name).map(String::as_str)
        }),
        parent: row.parent.map(run_of),
        labels: row.labels,
        created_at: Timestamp(row.created_ms),
        updated_at: Timestamp(row.updated_ms),
        finished_at: row.finished_ms.map(Timestamp),
        seq: row.seq,
        error: row.error,
    })
}
