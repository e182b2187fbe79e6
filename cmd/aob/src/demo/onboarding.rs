//! Customer onboarding: identity check, credit score, offer, account.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Problem, id_of, number_of};

pub(super) fn router() -> Router {
    Router::new()
        .route("/kyc", post(kyc))
        .route("/credit/{customer}", get(credit))
        .route("/offers", post(offer))
        .route("/accounts", post(account))
}

#[derive(Deserialize)]
struct Person {
    name: String,
    #[serde(default)]
    document: String,
}

/// Documents that end in `X` fail, those that end in `R` need a second look, all others pass.
async fn kyc(Json(person): Json<Person>) -> Result<Json<Value>, Problem> {
    if person.name.trim().is_empty() {
        return Err(Problem(StatusCode::UNPROCESSABLE_ENTITY, "`name` is empty".to_owned()));
    }
    let (status, reasons): (_, &[&str]) = match person.document.chars().last() {
        Some('X' | 'x') => ("failed", &["the document was reported stolen"]),
        Some('R' | 'r') => ("review", &["the photo is hard to read"]),
        Some(_) => ("passed", &[]),
        None => ("failed", &["no document was given"]),
    };
    Ok(Json(json!({"name": person.name, "status": status, "reasons": reasons})))
}

/// 300 to 850, by the customer's id.
async fn credit(Path(customer): Path<String>) -> Json<Value> {
    let score = 300 + number_of(&format!("credit {customer}")) % 551;
    let grade = match score {
        740.. => "A",
        670..740 => "B",
        580..670 => "C",
        _ => "D",
    };
    Json(json!({"customer": customer, "score": score, "grade": grade}))
}

#[derive(Deserialize)]
struct OfferRequest {
    customer: String,
    score: u64,
}

/// The better the score, the higher the limit and the lower the rate.
async fn offer(headers: HeaderMap, Json(body): Json<Value>) -> Result<Json<Value>, Problem> {
    let request = OfferRequest::deserialize(&body)
        .map_err(|error| Problem(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    let score = request.score.clamp(300, 850);
    let limit = (score - 250) / 50 * 1_000;
    let rate_percent = 25 - (score - 300) / 30;
    let id = id_of("offer", &headers, &body);
    Ok(Json(json!({
        "id": id, "customer": request.customer, "limit": limit, "rate_percent": rate_percent,
    })))
}

async fn account(headers: HeaderMap, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let id = id_of("account", &headers, &body);
    (StatusCode::CREATED, Json(json!({"id": id, "status": "open", "request": body})))
}
