//! A catalogue of numbered items, for pipelines over many of them.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Problem, not_found, number_of};

/// Items in the catalogue.
const ITEMS: u64 = 100_000;
/// Items on one page.
const PAGE_MAX: u64 = 1_000;
const CATEGORIES: [&str; 5] = ["books", "garden", "kitchen", "music", "toys"];

pub(super) fn router() -> Router {
    Router::new().route("/items", get(list)).route("/items/{id}", get(item))
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: u64,
    #[serde(default = "page_max")]
    limit: u64,
}

fn page_max() -> u64 {
    PAGE_MAX
}

/// Ids from 1 on, in order.
async fn list(Query(Page { after, limit }): Query<Page>) -> Json<Value> {
    let last = after.saturating_add(limit.min(PAGE_MAX)).min(ITEMS);
    let items: Vec<Value> = (after.saturating_add(1)..=last).map(|id| json!({"id": id})).collect();
    let next = (last < ITEMS && !items.is_empty()).then_some(last);
    Json(json!({"items": items, "next": next}))
}

/// Every 250th item, from the 13th on, was withdrawn.
async fn item(Path(id): Path<u64>) -> Result<Json<Value>, Problem> {
    if !(1..=ITEMS).contains(&id) {
        return Err(not_found("item", &id.to_string()));
    }
    if id % 250 == 13 {
        return Err(Problem(StatusCode::GONE, format!("item `{id}` was withdrawn")));
    }
    let number = number_of(&format!("item {id}"));
    let category = CATEGORIES[(number % CATEGORIES.len() as u64) as usize];
    Ok(Json(json!({
        "id": id,
        "name": format!("{category} item {id}"),
        "category": category,
        "price_cents": 100 + number / 7 % 9_900,
        "in_stock": !(number / 11).is_multiple_of(4),
    })))
}
