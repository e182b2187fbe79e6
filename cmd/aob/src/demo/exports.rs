//! Exports: jobs that take a while, to be polled.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::shelf::Shelf;
use super::{Problem, id_of, not_found};

/// Rows in one export.
const ROWS_MAX: u64 = 10_000;

#[derive(Debug)]
struct Export {
    rows: u64,
    ready_after: u64,
    polls: u64,
}

pub(super) fn router() -> Router {
    Router::new()
        .route("/exports", post(create))
        .route("/exports/{id}", get(poll))
        .route("/exports/{id}/rows", get(rows))
        .with_state(Shelf::default())
}

#[derive(Deserialize)]
struct Wish {
    #[serde(default = "ten")]
    rows: u64,
    /// It becomes ready with this many polls.
    #[serde(default = "three")]
    ready_after: u64,
}

fn ten() -> u64 {
    10
}

fn three() -> u64 {
    3
}

async fn create(
    State(exports): State<Shelf<Export>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let wish = Wish::deserialize(&body)
        .map_err(|error| Problem(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    let id = id_of("export", &headers, &body);
    let (rows, ready_after) = (wish.rows.min(ROWS_MAX), wish.ready_after);
    exports.make(&id, || Export { rows, ready_after, polls: 0 }, |_| ());
    Ok((StatusCode::ACCEPTED, Json(json!({"id": id, "status": "pending"}))))
}

async fn poll(
    State(exports): State<Shelf<Export>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let answer = exports.with(&id, |export| {
        export.polls = export.polls.saturating_add(1);
        let ready = export.polls >= export.ready_after;
        let percent = if ready { 100 } else { 100 * export.polls / export.ready_after.max(1) };
        let status = if ready { "ready" } else { "pending" };
        json!({"id": id, "status": status, "percent": percent, "polls": export.polls})
    });
    answer.map(Json).ok_or_else(|| not_found("export", &id))
}

async fn rows(
    State(exports): State<Shelf<Export>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let export = exports.with(&id, |export| (export.polls >= export.ready_after, export.rows));
    match export {
        Some((true, rows)) => {
            let rows: Vec<Value> = (1..=rows).map(|n| json!({"row": n, "value": n * n})).collect();
            Ok(Json(json!({"id": id, "rows": rows})))
        }
        Some((false, _)) => {
            Err(Problem(StatusCode::CONFLICT, format!("export `{id}` is not ready")))
        }
        None => Err(not_found("export", &id)),
    }
}
