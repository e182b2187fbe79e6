//! Support triage: a classifier by keywords, and queues.

use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Problem, id_of};

pub(super) fn router() -> Router {
    Router::new().route("/tickets/classify", post(classify)).route("/tickets", post(open))
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    text: String,
}

/// Categories with their keywords; the first that matches counts.
const CATEGORIES: [(&str, &[&str]); 3] = [
    ("security", &["hacked", "phishing", "password", "breach"]),
    ("billing", &["invoice", "charge", "refund", "payment", "card"]),
    ("technical", &["error", "crash", "bug", "down", "slow", "broken"]),
];
const URGENT: [&str; 5] = ["urgent", "immediately", "down", "hacked", "asap"];

async fn classify(Json(message): Json<Message>) -> Json<Value> {
    let text = format!("{} {}", message.subject, message.text).to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
    let count = |keywords: &[&str]| words.iter().filter(|word| keywords.contains(word)).count();
    let mut found = CATEGORIES.iter().map(|(name, keywords)| (*name, count(keywords)));
    let (category, hits) = found.find(|(_, hits)| *hits > 0).unwrap_or(("other", 0));
    let urgency = if count(&URGENT) > 0 { "high" } else { "normal" };
    let confidence = (50 + 20 * hits.min(2)) as f64 / 100.0;
    Json(json!({"category": category, "urgency": urgency, "confidence": confidence}))
}

#[derive(Deserialize)]
struct Ticket {
    queue: String,
}

async fn open(
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let ticket = Ticket::deserialize(&body)
        .map_err(|error| Problem(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    let id = id_of("ticket", &headers, &body);
    Ok((StatusCode::CREATED, Json(json!({"id": id, "queue": ticket.queue, "status": "open"}))))
}
