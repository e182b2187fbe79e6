//! `GET /v1/runs/{id}/verify`.

use std::sync::Arc;

use aob_api::{Problem, Verification, ViolationView};
use aob_checker::Checker;
use aob_coordinator::{parse, stream};
use aob_edge::{Answer, Caller, Query, Refusal};
use aob_engine::RunId;
use aob_ir::{Digest, Ir};
use aob_store::{Head, Segment, StreamId, verify_chain};
use axum::Json;
use axum::extract::State;
use http::Uri;
use tokio::sync::mpsc;

use crate::api::{Api, tenant};
use crate::input::RunPath;

/// Segments read at once, and held before they are checked.
const PAGE_SEGMENTS: u32 = 16;

/// Checks the log of a run from its first byte to its last: the hash chain, and every invariant
/// that a log alone can prove.
#[utoipa::path(
    get, path = "/v1/runs/{run}/verify", tag = "runs", operation_id = "runs_verify",
    params(("run" = String, Path)),
    responses(
        (status = 200, body = Verification),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    RunPath(run): RunPath,
    uri: Uri,
) -> Answer<Json<Verification>> {
    Query::of(&uri, &[])?;
    let row = api.reads.run_row(&caller, run).await?;
    let digest: Option<Digest> = row.digest.parse().ok();
    let ir = match digest {
        Some(digest) => api.coordinator.workflows.ir(caller.workspace(), digest).await.ok(),
        None => None,
    };
    // The semaphore is never closed.
    let _place = api.verifying.acquire().await;
    let (sender, receiver) = mpsc::channel(1);
    let checking = tokio::task::spawn_blocking(move || check(run, ir, receiver));
    let mut after = 0;
    loop {
        let page = api.store.segments_after(tenant(&caller), stream(run), after, PAGE_SEGMENTS);
        let page = page.await?;
        let Some(last) = page.last().map(|segment| segment.ordinal) else { break };
        after = last;
        if sender.send(page).await.is_err() {
            break; // The chain is broken; what follows proves nothing.
        }
    }
    drop(sender);
    let verification = checking.await.map_err(|error| {
        tracing::error!(%error, %run, "a log could not be checked");
        Refusal::internal()
    })?;
    Ok(Json(verification))
}

/// Checks pages of segments as they come. Not on a thread that serves others: it computes.
fn check(run: RunId, ir: Option<Arc<Ir>>, mut pages: mpsc::Receiver<Vec<Segment>>) -> Verification {
    let known = |digest: &Digest| ir.as_ref().filter(|ir| ir.digest == *digest).cloned();
    let mut checker = Checker::new(&known);
    let (mut head, mut events, mut segments) = (Head::EMPTY, 0, 0);
    let mut broken_chain = None;
    'pages: while let Some(page) = pages.blocking_recv() {
        for segment in &page {
            match verify_chain(StreamId(run.0), head, std::slice::from_ref(segment)) {
                Ok(next) => head = next,
                Err(broken) => {
                    broken_chain = Some(broken.to_string());
                    break 'pages;
                }
            }
            match parse(run, segment) {
                Ok(parsed) => {
                    parsed.iter().for_each(|event| checker.push(event));
                    events += parsed.len() as u64;
                    segments += 1;
                }
                Err(error) => {
                    broken_chain = Some(error.to_string());
                    break 'pages;
                }
            }
        }
    }
    let report = checker.finish();
    let violations = report.violations.iter().map(|violation| ViolationView {
        invariant: violation.invariant.to_owned(),
        seq: violation.seq,
        message: violation.message.clone(),
    });
    let counters = report.counters.iter().map(|(name, count)| ((*name).to_owned(), *count));
    Verification {
        run,
        ok: broken_chain.is_none() && report.is_clean(),
        events,
        segments,
        head_hash: hex::encode(head.hash),
        broken_chain,
        violations: violations.collect(),
        suppressed: report.suppressed,
        graph_checked: report.graph_checked,
        counters: counters.collect(),
    }
}
