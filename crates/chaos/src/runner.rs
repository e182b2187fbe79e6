//! A runner over the long poll that repeats what is cut off.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::api::Api;
use crate::chance::{Chance, pass};
use crate::ledger::Answered;

/// Takes jobs of the pool `ext` until the end.
pub fn work(api: &Api, name: &str, mut chance: Chance) {
    let ask = json!({"runner": name, "pool": "ext", "names": ["score", "charge"],
        "limit": 3, "wait_ms": 300});
    loop {
        // Polls carry no key: a job whose answer was cut off is lost with its lease.
        let Ok((status, answer)) = api.post("runners/lease", "poll", &ask) else { return };
        if status != 200 {
            api.ledger.fault(format!("lease: {status} {answer}"));
            return;
        }
        let jobs = answer["jobs"].as_array().cloned().unwrap_or_default();
        api.ledger.jobs.fetch_add(jobs.len(), Ordering::SeqCst);
        let mut held = jobs.len();
        for job in &jobs {
            pass(chance.moment(0, 4));
            if hand_in(api, name, job).is_none() {
                break;
            }
            held -= 1;
            api.ledger.jobs.fetch_sub(1, Ordering::SeqCst);
        }
        api.ledger.jobs.fetch_sub(held, Ordering::SeqCst);
    }
}

/// Hands a result in until that is acknowledged; `None` at the end.
fn hand_in(api: &Api, name: &str, job: &Value) -> Option<()> {
    let output = json!({"did": job["name"], "key": job["idempotency_key"]});
    let mut result =
        json!({"runner": name, "outcome": {"completed": {"output": {"value": output}}}});
    for field in ["workspace", "run", "instance", "attempt"] {
        result[field] = job[field].clone();
    }
    let (status, answer) = api
        .post("runners/result", "result", &json!({"result": result, "token": job["token"]}))
        .ok()?;
    if status != 200 {
        api.ledger.fault(format!("result of {}: {status} {answer}", job["run"]));
        return Some(());
    }
    let text = |field: &str| job[field].as_str().unwrap_or_default().to_owned();
    let attempt = job["attempt"].as_u64().unwrap_or_default();
    let answered = Answered { run: text("run"), instance: text("instance"), attempt, output };
    api.ledger.results.lock().expect("no panics").push(answered);
    Some(())
}
