//! Every endpoint, over a real connection.

mod examples;
mod play;

use aob_egress::{Client, ClientConfig, Policy, Request};
use axum::http::{HeaderMap, Method};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::serve;

/// A running service.
struct Demo {
    base: String,
    client: Client,
    shutdown: CancellationToken,
}

impl Demo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let client = Client::new(ClientConfig::new(Policy::only(base.parse().unwrap())));
        let shutdown = CancellationToken::new();
        tokio::spawn(serve(listener, shutdown.clone()));
        Self { base, client, shutdown }
    }

    /// Sends a request with an idempotency key; returns status and body.
    async fn send(&self, line: &str, key: &str, body: &Value) -> (u16, Value) {
        let (method, path) = line.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let mut request = Request::new(method, format!("{}{path}", self.base));
        request.headers = HeaderMap::from_iter([
            ("idempotency-key".parse().unwrap(), key.parse().unwrap()),
            ("content-type".parse().unwrap(), "application/json".parse().unwrap()),
        ]);
        if !body.is_null() {
            request.body = body.to_string().into();
        }
        let response = self.client.send([0; 16], request).await.unwrap();
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        (response.status.as_u16(), body)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(&format!("GET {path}"), "k", &Value::Null).await
    }
}

#[tokio::test]
async fn onboarding() {
    let demo = Demo::start().await;
    for (document, status) in
        [("A1", "passed"), ("A1R", "review"), ("A1X", "failed"), ("", "failed")]
    {
        let (code, body) =
            demo.send("POST /kyc", "k", &json!({"name": "Ada", "document": document})).await;
        assert_eq!((code, &body["status"]), (200, &json!(status)), "{document}");
    }
    assert_eq!(demo.send("POST /kyc", "k", &json!({"name": " "})).await.0, 422);
    let (_, credit) = demo.get("/credit/c-1005").await;
    assert_eq!(demo.get("/credit/c-1005").await.1, credit, "the same customer, the same score");
    let score = credit["score"].as_u64().unwrap();
    assert!((580..=850).contains(&score), "the example's customer is accepted: {credit}");
    let wish = json!({"customer": "c-1005", "score": score});
    let (_, offer) = demo.send("POST /offers", "k1", &wish).await;
    assert_eq!(demo.send("POST /offers", "k1", &wish).await.1["id"], offer["id"]);
    assert_ne!(demo.send("POST /offers", "k2", &wish).await.1["id"], offer["id"]);
    assert!(offer["limit"].as_u64() >= Some(6_000), "{offer}");
    assert_eq!(demo.send("POST /offers", "k", &json!({"score": 1})).await.0, 422);
    assert_eq!(demo.send("POST /accounts", "k", &json!({"offer": offer["id"]})).await.0, 201);
}

#[tokio::test]
async fn support() {
    let demo = Demo::start().await;
    for (subject, text, category, urgency) in [
        ("Charged twice", "Please refund my card", "billing", "normal"),
        ("URGENT", "The site is down, error 500", "technical", "high"),
        ("Help", "I was hacked, and there is a charge on my card", "security", "high"),
        ("Hello", "What are your opening hours?", "other", "normal"),
    ] {
        let message = json!({"subject": subject, "text": text});
        let (_, body) = demo.send("POST /tickets/classify", "k", &message).await;
        assert_eq!((&body["category"], &body["urgency"]), (&json!(category), &json!(urgency)));
    }
    let (code, ticket) = demo.send("POST /tickets", "k", &json!({"queue": "billing"})).await;
    assert_eq!((code, &ticket["queue"]), (201, &json!("billing")));
    assert_eq!(demo.send("POST /tickets", "k", &json!({})).await.0, 422);
}

#[tokio::test]
async fn items() {
    let demo = Demo::start().await;
    let (_, page) = demo.get("/items?limit=500").await;
    let ids: Vec<u64> =
        page["items"].as_array().unwrap().iter().map(|i| i["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=500).collect::<Vec<_>>());
    assert_eq!(page["next"], 500);
    let (_, last) = demo.get("/items?after=99999").await;
    assert_eq!(last, json!({"items": [{"id": 100_000}], "next": null}));
    assert_eq!(demo.get("/items?after=18446744073709551615").await.1["items"], json!([]));
    let mut gone = 0;
    for id in 1..=20 {
        let (code, item) = demo.get(&format!("/items/{id}")).await;
        match code {
            200 => assert_eq!(item["id"], id),
            410 => gone += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!(gone, 1);
    for path in ["/items/0", "/items/100001"] {
        assert_eq!(demo.get(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn exports() {
    let demo = Demo::start().await;
    let wish = json!({"rows": 2, "ready_after": 3});
    let (code, export) = demo.send("POST /exports", "k", &wish).await;
    assert_eq!(code, 202);
    assert_eq!(demo.send("POST /exports", "k", &wish).await.1["id"], export["id"]);
    let path = format!("/exports/{}", export["id"].as_str().unwrap());
    let mut percents = Vec::new();
    for expected in ["pending", "pending", "ready", "ready"] {
        assert_eq!(demo.get(&format!("{path}/rows")).await.0 == 200, percents.len() > 2);
        let (_, poll) = demo.get(&path).await;
        assert_eq!(poll["status"], expected);
        percents.push(poll["percent"].as_u64().unwrap());
    }
    assert_eq!(percents, [33, 66, 100, 100]);
    let (_, rows) = demo.get(&format!("{path}/rows")).await;
    assert_eq!(rows["rows"], json!([{"row": 1, "value": 1}, {"row": 2, "value": 4}]));
    assert_eq!(demo.get("/exports/nope").await.0, 404);
}

#[tokio::test]
async fn orders_payments_and_shipments() {
    let demo = Demo::start().await;
    let (_, order) = demo.send("POST /orders", "k", &json!({"items": [1]})).await;
    let id = order["id"].as_str().unwrap();
    let wish = json!({"order": id, "amount_cents": 500});
    let (code, payment) = demo.send("POST /payments", "k", &wish).await;
    assert_eq!((code, &payment["status"]), (201, &json!("paid")));
    let too_much = json!({"order": id, "amount_cents": 100_001});
    assert_eq!(demo.send("POST /payments", "k", &too_much).await.0, 402);
    for (address, code) in [("Hamburg", 201), ("Far side of the Moon", 409)] {
        let wish = json!({"order": id, "address": address});
        assert_eq!(demo.send("POST /shipments", "k", &wish).await.0, code, "{address}");
    }
    let payment = payment["id"].as_str().unwrap();
    for _ in 0..2 {
        let refunded =
            demo.send(&format!("POST /payments/{payment}/refund"), "k", &json!(null)).await;
        assert_eq!((refunded.0, &refunded.1["status"]), (200, &json!("refunded")));
        let cancelled = demo.send(&format!("DELETE /orders/{id}"), "k", &json!(null)).await;
        assert_eq!((cancelled.0, &cancelled.1["status"]), (200, &json!("cancelled")));
    }
    // Placing it again under the same key does not bring it back.
    demo.send("POST /orders", "k", &json!({"items": [1]})).await;
    assert_eq!(demo.get(&format!("/orders/{id}")).await.1["status"], "cancelled");
    assert_eq!(demo.get(&format!("/payments/{payment}")).await.1["status"], "refunded");
    for line in ["GET /orders/x", "DELETE /orders/x", "GET /payments/x", "POST /payments/x/refund"]
    {
        assert_eq!(demo.send(line, "k", &json!(null)).await.0, 404, "{line}");
    }
}

#[tokio::test]
async fn quotes() {
    let demo = Demo::start().await;
    for (carrier, price) in [("swift", 3_100), ("steady", 2_050)] {
        let (_, quote) = demo.get(&format!("/quotes/{carrier}?weight_kg=3")).await;
        assert_eq!(quote, json!({"carrier": carrier, "price_cents": price}));
    }
    assert_eq!(demo.get("/quotes/nobody").await.0, 404);
}

#[tokio::test]
async fn probes() {
    let demo = Demo::start().await;
    let (_, echo) = demo.send("PUT /echo?a=1&b=x", "k7", &json!({"n": [1]})).await;
    assert_eq!((&echo["method"], &echo["body"]), (&json!("PUT"), &json!({"n": [1]})));
    assert_eq!(echo["query"], json!({"a": "1", "b": "x"}));
    assert_eq!(echo["headers"]["idempotency-key"], "k7");
    for (path, code) in
        [("/status/204", 204), ("/status/503", 503), ("/status/99", 400), ("/status/x", 400)]
    {
        assert_eq!(demo.get(path).await.0, code, "{path}");
    }
    assert_eq!(demo.get("/slow/1").await.1, json!({"waited_ms": 1}));
    let codes = [
        demo.send("GET /flaky/2", "a", &json!(null)).await.0,
        demo.send("GET /flaky/2", "b", &json!(null)).await.0,
        demo.send("GET /flaky/2", "a", &json!(null)).await.0,
        demo.send("GET /flaky/2", "a", &json!(null)).await.0,
    ];
    assert_eq!(codes, [503, 503, 503, 200]);
}

#[tokio::test]
async fn the_index_names_every_endpoint_and_shutdown_ends_it() {
    let demo = Demo::start().await;
    let (_, index) = demo.get("/").await;
    for endpoint in index["endpoints"].as_array().unwrap() {
        let (method, path) = endpoint.as_str().unwrap().split_once(' ').unwrap();
        let method = if method == "ANY" { "GET" } else { method };
        let path = path.replace("{id}", "1").replace("{code}", "200").replace("{ms}", "0");
        let path = path.replace("{times}", "0").replace("{carrier}", "swift");
        let path = path.replace("{customer}", "c");
        // Without a body or with an unknown id it may well refuse, but not for lack of a route.
        let (code, body) = demo.send(&format!("{method} {path}"), "k", &json!(null)).await;
        assert!(code != 405 && (code != 404 || body["detail"].is_string()), "{endpoint}: {code}");
    }
    assert_eq!(demo.get("/nothing/here").await.0, 404);
    demo.shutdown.cancel();
    let gone = async {
        let request = || Request::new(Method::GET, format!("{}/", demo.base));
        while demo.client.send([1; 16], request()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), gone).await.unwrap();
}
