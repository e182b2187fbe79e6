//! Runs as lists show them.

use std::collections::BTreeMap;

use super::Subject;
use super::fixtures::{Chain, HOME, stream};
use crate::{RunFilter, RunRow, StoreResult, StreamId};

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn filter() -> RunFilter {
    RunFilter { limit: 100, ..RunFilter::default() }
}

fn statuses(statuses: &[&str]) -> RunFilter {
    RunFilter { statuses: statuses.iter().map(|status| (*status).to_owned()).collect(), ..filter() }
}

/// Numbers of the streams that a filter finds, in the order found.
async fn found(t: &Subject, filter: &RunFilter) -> StoreResult<Vec<u128>> {
    let first = stream(0).0.as_u128();
    let runs = t.store.runs(HOME, filter).await?;
    Ok(runs.into_iter().map(|row| row.run.0.as_u128() - first).collect())
}

/// Starts runs 1.. whose rows are changed by `change`.
async fn start(t: &Subject, count: u64, change: impl Fn(u64, &mut RunRow)) -> StoreResult<()> {
    let row = |n| {
        let mut chain = Chain::new(n);
        let mut append = chain.append_run("running");
        if let Some(run) = &mut append.rows.run {
            change(n, run);
        }
        append
    };
    t.append_all((1..=count).map(row).collect()).await?;
    Ok(())
}

fn full(run: StreamId) -> RunRow {
    RunRow {
        run,
        status: String::from("failed"),
        name: String::from("Kyc „Prüfung“"),
        tag: Some(String::from("kyc@prod")),
        digest: format!("sha256:{}", "0f".repeat(32)),
        parent: Some(stream(99)),
        labels: labels(&[("team", "risk"), ("a \"quoted\" $.name", "x'y")]),
        created_ms: 1,
        updated_ms: 2,
        finished_ms: Some(3),
        seq: 4,
        error: Some(String::from("node_failed: HTTP 503")),
        output: Some(String::from(r#"{"digest":"sha256:00","len":2}"#)),
    }
}

/// All columns come back.
pub async fn a_run_is_read_back(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let mut append = chain.append();
    append.rows.run = Some(full(chain.stream));
    t.commit(append).await?;
    assert_eq!(t.store.run(HOME, chain.stream).await?, Some(full(chain.stream)));
    assert_eq!(t.store.run(HOME, stream(2)).await?, None);
    Ok(())
}

/// The row is that of the last append that carried one.
pub async fn a_step_replaces_the_row(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append_run("running")).await?;
    chain.at_ms += 5;
    t.commit(chain.append_run("running")).await?;
    assert_eq!(t.store.run(HOME, chain.stream).await?, Some(chain.run("running")));
    let stepped = chain.run("running");
    t.commit(chain.append()).await?;
    assert_eq!(t.store.run(HOME, chain.stream).await?, Some(stepped));
    t.commit(chain.append_run("completed")).await?;
    assert_eq!(t.store.run(HOME, chain.stream).await?, Some(chain.run("completed")));
    Ok(())
}

/// Each column is replaced, there and back, alone.
pub async fn every_column_may_change(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let plain = chain.run("running");
    let other = full(chain.stream);
    let changes: Vec<fn(&mut RunRow, &RunRow)> = vec![
        |row, other| row.status.clone_from(&other.status),
        |row, other| row.name.clone_from(&other.name),
        |row, other| row.tag.clone_from(&other.tag),
        |row, other| row.digest.clone_from(&other.digest),
        |row, other| row.parent = other.parent,
        |row, other| row.labels.clone_from(&other.labels),
        |row, other| row.created_ms = other.created_ms,
        |row, other| row.updated_ms = other.updated_ms,
        |row, other| row.finished_ms = other.finished_ms,
        |row, other| row.seq = other.seq,
        |row, other| row.error.clone_from(&other.error),
        |row, other| row.output.clone_from(&other.output),
    ];
    for change in changes {
        for (from, to) in [(&plain, &other), (&other, &plain)] {
            let mut changed = from.clone();
            change(&mut changed, to);
            for row in [from.clone(), changed] {
                let mut append = chain.append();
                append.rows.run = Some(row.clone());
                t.commit(append).await?;
                assert_eq!(t.store.run(HOME, chain.stream).await?, Some(row));
            }
        }
    }
    Ok(())
}

/// Greater ids are newer, whatever the order of commit.
pub async fn runs_are_listed_newest_first(t: &Subject) -> StoreResult<()> {
    for n in [2, 3, 1] {
        t.commit(Chain::new(n).append_run("running")).await?;
    }
    assert_eq!(found(t, &filter()).await?, [3, 2, 1]);
    Ok(())
}

/// The cursor is the last run of the page before.
pub async fn runs_are_paged(t: &Subject) -> StoreResult<()> {
    start(t, 5, |_, _| ()).await?;
    let page = |before: Option<u64>| RunFilter { before: before.map(stream), limit: 2, ..filter() };
    assert_eq!(found(t, &page(None)).await?, [5, 4]);
    assert_eq!(found(t, &page(Some(4))).await?, [3, 2]);
    assert_eq!(found(t, &page(Some(2))).await?, [1]);
    assert_eq!(found(t, &page(Some(1))).await?, []);
    Ok(())
}

/// Any of several states; states of which most runs are, and others; unknown ones.
pub async fn runs_are_filtered_by_status(t: &Subject) -> StoreResult<()> {
    let order = ["running", "completed", "failed", "waiting", "completed", "odd 'state'"];
    let batch = order.iter().zip(1..).map(|(status, n)| Chain::new(n).append_run(status));
    t.append_all(batch.collect()).await?;
    assert_eq!(found(t, &statuses(&["completed"])).await?, [5, 2]);
    assert_eq!(found(t, &statuses(&["running", "waiting"])).await?, [4, 1]);
    assert_eq!(found(t, &statuses(&["failed", "completed"])).await?, [5, 3, 2]);
    assert_eq!(found(t, &statuses(&["odd 'state'"])).await?, [6]);
    assert_eq!(found(t, &statuses(&["none"])).await?, []);
    let second = RunFilter { before: Some(stream(4)), ..statuses(&["running", "waiting"]) };
    assert_eq!(found(t, &second).await?, [1]);
    Ok(())
}

/// Exact matches.
pub async fn runs_are_filtered_by_tag_and_digest(t: &Subject) -> StoreResult<()> {
    let digest = |n: u64| format!("sha256:{n:064x}");
    start(t, 4, |n, row| {
        row.tag = (n % 2 == 0).then(|| format!("t{}", n / 3));
        row.digest = digest(n / 3);
    })
    .await?;
    let tag = |tag: &str| RunFilter { tag: Some(tag.to_owned()), ..filter() };
    assert_eq!(found(t, &tag("t1")).await?, [4]);
    assert_eq!(found(t, &tag("t")).await?, []);
    let by_digest = |digest: String| RunFilter { digest: Some(digest), ..filter() };
    assert_eq!(found(t, &by_digest(digest(1))).await?, [4, 3]);
    assert_eq!(found(t, &by_digest(digest(7))).await?, []);
    assert_eq!(found(t, &by_digest(digest(1).to_uppercase())).await?, []);
    Ok(())
}

/// The children of one run.
pub async fn runs_are_filtered_by_parent(t: &Subject) -> StoreResult<()> {
    start(t, 4, |n, row| row.parent = (n > 1).then(|| stream(n % 2))).await?;
    let children = |n| RunFilter { parent: Some(stream(n)), ..filter() };
    assert_eq!(found(t, &children(1)).await?, [3]);
    assert_eq!(found(t, &children(0)).await?, [4, 2]);
    assert_eq!(found(t, &children(4)).await?, []);
    Ok(())
}

/// All of the labels, with exactly these values.
pub async fn runs_are_filtered_by_labels(t: &Subject) -> StoreResult<()> {
    start(t, 4, |n, row| {
        row.labels = match n {
            1 => labels(&[("team", "risk"), ("env", "prod")]),
            2 => labels(&[("team", "risk")]),
            3 => labels(&[("$.\"team\"", "risk"), ("team", "")]),
            _ => labels(&[]),
        };
    })
    .await?;
    let with = |pairs: &[(&str, &str)]| RunFilter { labels: labels(pairs), ..filter() };
    assert_eq!(found(t, &with(&[("team", "risk")])).await?, [2, 1]);
    assert_eq!(found(t, &with(&[("team", "risk"), ("env", "prod")])).await?, [1]);
    assert_eq!(found(t, &with(&[("$.\"team\"", "risk")])).await?, [3]);
    assert_eq!(found(t, &with(&[("team", "")])).await?, [3]);
    assert_eq!(found(t, &with(&[("team", "other")])).await?, []);
    let paged = RunFilter { limit: 1, ..with(&[("team", "risk")]) };
    assert_eq!(found(t, &paged).await?, [2]);
    Ok(())
}

/// Every filter at once.
pub async fn filters_combine(t: &Subject) -> StoreResult<()> {
    start(t, 6, |n, row| {
        row.parent = Some(stream(50));
        row.tag = Some(String::from("t"));
        row.labels = labels(&[("n", if n < 4 { "low" } else { "high" })]);
        if n % 2 == 0 {
            row.status = String::from("waiting");
        }
    })
    .await?;
    let all = RunFilter {
        statuses: vec![String::from("waiting"), String::from("completed")],
        tag: Some(String::from("t")),
        digest: Some(Chain::new(1).run("running").digest),
        parent: Some(stream(50)),
        labels: labels(&[("n", "high")]),
        before: Some(stream(6)),
        limit: 10,
    };
    assert_eq!(found(t, &all).await?, [4]);
    let waiting = RunFilter { statuses: vec![String::from("waiting")], ..all };
    assert_eq!(found(t, &waiting).await?, [4]);
    Ok(())
}

/// A digest is text, though most are SHA-256 in lower case.
pub async fn digests_of_any_form_survive(t: &Subject) -> StoreResult<()> {
    let forms = [
        format!("sha256:{}", "ab".repeat(32)),
        format!("sha256:{}", "AB".repeat(32)),
        format!("sha256:{}", "ab".repeat(31)),
        format!("sha256:{}zz", "ab".repeat(31)),
        String::from("sha512:00"),
        String::new(),
    ];
    let form = |n: u64| forms[usize::try_from(n - 1).unwrap_or_default()].clone();
    start(t, 6, |n, row| row.digest = form(n)).await?;
    for n in 1..=6 {
        let run = t.store.run(HOME, stream(n)).await?;
        assert_eq!(run.map(|row| row.digest), Some(form(n)));
        let by_digest = RunFilter { digest: Some(form(n)), ..filter() };
        assert_eq!(found(t, &by_digest).await?, [u128::from(n)]);
    }
    Ok(())
}
