//! Orders, payments and shipments: three systems that a saga keeps in step.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::shelf::Shelf;
use super::{Problem, id_of, not_found};

#[derive(Debug, Clone, Default)]
struct Books {
    orders: Shelf<Value>,
    payments: Shelf<Value>,
}

pub(super) fn router() -> Router {
    Router::new()
        .route("/orders", post(place))
        .route("/orders/{id}", get(order).delete(cancel))
        .route("/payments", post(pay))
        .route("/payments/{id}", get(payment))
        .route("/payments/{id}/refund", post(refund))
        .route("/shipments", post(ship))
        .with_state(Books::default())
}

type Answer = Result<(StatusCode, Json<Value>), Problem>;

async fn place(State(books): State<Books>, headers: HeaderMap, Json(body): Json<Value>) -> Answer {
    let id = id_of("order", &headers, &body);
    let new = || json!({"id": id, "status": "placed", "items": body.get("items")});
    Ok((StatusCode::CREATED, Json(books.orders.make(&id, new, |order| order.clone()))))
}

async fn order(State(books): State<Books>, Path(id): Path<String>) -> Answer {
    let order = books.orders.with(&id, |order| order.clone());
    order.map(|order| (StatusCode::OK, Json(order))).ok_or_else(|| not_found("order", &id))
}

/// Cancelling twice is no error.
async fn cancel(State(books): State<Books>, Path(id): Path<String>) -> Answer {
    set_status(&books.orders, "order", &id, "cancelled")
}

#[derive(Deserialize)]
struct Payment {
    order: String,
    amount_cents: u64,
}

/// Cards take up to 1,000.00.
async fn pay(State(books): State<Books>, headers: HeaderMap, Json(body): Json<Value>) -> Answer {
    let request = Payment::deserialize(&body).map_err(unprocessable)?;
    if request.amount_cents > 100_000 {
        let detail = "the card was declined".to_owned();
        return Err(Problem(StatusCode::PAYMENT_REQUIRED, detail));
    }
    let id = id_of("payment", &headers, &body);
    let Payment { order, amount_cents } = request;
    let new = || json!({"id": id, "status": "paid", "order": order, "amount_cents": amount_cents});
    Ok((StatusCode::CREATED, Json(books.payments.make(&id, new, |payment| payment.clone()))))
}

async fn payment(State(books): State<Books>, Path(id): Path<String>) -> Answer {
    let payment = books.payments.with(&id, |payment| payment.clone());
    payment.map(|payment| (StatusCode::OK, Json(payment))).ok_or_else(|| not_found("payment", &id))
}

/// Refunding twice is no error.
async fn refund(State(books): State<Books>, Path(id): Path<String>) -> Answer {
    set_status(&books.payments, "payment", &id, "refunded")
}

#[derive(Deserialize)]
struct Shipment {
    order: String,
    address: String,
}

/// Nobody delivers to an address that holds the word `moon`.
async fn ship(headers: HeaderMap, Json(body): Json<Value>) -> Answer {
    let request = Shipment::deserialize(&body).map_err(unprocessable)?;
    if request.address.to_lowercase().contains("moon") {
        let detail = format!("no carrier delivers to `{}`", request.address);
        return Err(Problem(StatusCode::CONFLICT, detail));
    }
    let id = id_of("shipment", &headers, &body);
    let shipment = json!({"id": id, "status": "on its way", "order": request.order});
    Ok((StatusCode::CREATED, Json(shipment)))
}

fn set_status(shelf: &Shelf<Value>, what: &str, id: &str, status: &str) -> Answer {
    let changed = shelf.with(id, |thing| {
        thing["status"] = json!(status);
        thing.clone()
    });
    changed.map(|thing| (StatusCode::OK, Json(thing))).ok_or_else(|| not_found(what, id))
}

fn unprocessable(error: serde_json::Error) -> Problem {
    Problem(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
}
