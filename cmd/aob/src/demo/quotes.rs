//! Carriers that quote a price: one quick, one slow, one very slow.

use std::time::Duration;

use axum::extract::{Path, Query};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Problem, not_found};

/// Carriers, what a kilogram costs with them, and how long they think.
const CARRIERS: [(&str, u64, u64); 3] =
    [("swift", 900, 20), ("steady", 550, 200), ("tortoise", 300, 5_000)];

pub(super) fn router() -> Router {
    Router::new().route("/quotes/{carrier}", get(quote))
}

#[derive(Deserialize)]
struct Parcel {
    #[serde(default = "one")]
    weight_kg: u64,
}

fn one() -> u64 {
    1
}

async fn quote(
    Path(name): Path<String>,
    Query(Parcel { weight_kg }): Query<Parcel>,
) -> Result<Json<Value>, Problem> {
    let known = CARRIERS.iter().find(|(carrier, ..)| *carrier == name);
    let (carrier, cents_per_kg, thinks_ms) = known.ok_or_else(|| not_found("carrier", &name))?;
    tokio::time::sleep(Duration::from_millis(*thinks_ms)).await;
    let price_cents = 400 + weight_kg.saturating_mul(*cents_per_kg);
    Ok(Json(json!({"carrier": carrier, "price_cents": price_cents})))
}
