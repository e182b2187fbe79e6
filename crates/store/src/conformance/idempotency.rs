//! Idempotency keys: who takes one, who is stopped by it, how long it holds.

use super::Subject;
use super::fixtures::{COMMITTED, Chain, HOME, T0, key};
use crate::{AppendOutcome, ConflictKind, Head, IdempotencyKey, IdempotencyRow, StoreResult};

const ENDPOINT: &str = "POST /v1/runs";
const HEAD: AppendOutcome = AppendOutcome::Conflict(ConflictKind::Head);

fn row(key: &IdempotencyKey) -> IdempotencyRow {
    let IdempotencyKey { body_hash, status, response, .. } = key.clone();
    IdempotencyRow { body_hash, status, response }
}

fn taken(key: &IdempotencyKey) -> AppendOutcome {
    AppendOutcome::Conflict(ConflictKind::Key(row(key)))
}

/// The answer is stored with the stream.
pub async fn a_key_is_read_back(t: &Subject) -> StoreResult<()> {
    let mut append = Chain::new(1).append();
    append.keys = vec![key("k", 1), key("l", 2)];
    t.commit(append).await?;
    assert_eq!(t.store.idempotency(HOME, ENDPOINT, "k").await?, Some(row(&key("k", 1))));
    assert_eq!(t.store.idempotency(HOME, ENDPOINT, "l").await?, Some(row(&key("l", 2))));
    assert_eq!(t.store.idempotency(HOME, ENDPOINT, "m").await?, None);
    Ok(())
}

/// A second stream with the same key is told the first one's answer.
pub async fn a_taken_key_stops_a_new_stream(t: &Subject) -> StoreResult<()> {
    let mut first = Chain::new(1).append();
    first.keys = vec![key("k", 1)];
    t.commit(first).await?;
    let mut chain = Chain::new(2);
    let mut second = chain.append_run("running");
    second.keys = vec![key("other", 3), key("k", 2)];
    assert_eq!(t.append(second).await?, taken(&key("k", 1)));
    assert_eq!(t.head(chain.stream).await?, Head::EMPTY);
    assert_eq!(t.store.run(HOME, chain.stream).await?, None);
    assert_eq!(t.store.idempotency(HOME, ENDPOINT, "other").await?, None);
    Ok(())
}

/// So is a command on a stream that exists.
pub async fn a_taken_key_stops_an_existing_stream(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    t.append_all(vec![one.append(), two.append()]).await?;
    let mut first = one.append();
    first.keys = vec![key("k", 1)];
    t.commit(first).await?;
    let mut second = two.clone().append();
    second.keys = vec![key("k", 2)];
    assert_eq!(t.append(second).await?, taken(&key("k", 1)));
    assert_eq!(t.head(two.stream).await?, two.head);
    Ok(())
}

/// A rival with the same key has moved the head: the writer reloads, and finds the key.
pub async fn the_head_comes_before_the_key_on_an_existing_stream(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append()).await?;
    let mut rival = chain.clone();
    let mut first = chain.append();
    first.keys = vec![key("k", 1)];
    t.commit(first).await?;
    rival.at_ms += 1;
    let mut second = rival.append();
    second.keys = vec![key("k", 1)];
    assert_eq!(t.append(second).await?, HEAD);
    Ok(())
}

/// A retried start may have drawn the same id: it is told the answer, not that the id is taken.
pub async fn the_key_comes_before_the_head_of_a_new_stream(t: &Subject) -> StoreResult<()> {
    let mut first = Chain::new(1).append();
    first.keys = vec![key("k", 1)];
    t.commit(first).await?;
    let mut again = Chain::new(1);
    again.at_ms += 1;
    let mut second = again.append();
    second.keys = vec![key("k", 1)];
    assert_eq!(t.append(second).await?, taken(&key("k", 1)));
    Ok(())
}

/// Two streams of one batch with one key: the first has it.
pub async fn the_first_of_a_batch_takes_the_key(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two) = (Chain::new(2).append(), Chain::new(1).append());
    one.keys = vec![key("k", 1)];
    two.keys = vec![key("k", 2)];
    assert_eq!(t.append_all(vec![one, two]).await?, vec![COMMITTED, taken(&key("k", 1))]);
    Ok(())
}

/// The same key on another endpoint is another key.
pub async fn endpoints_do_not_share_keys(t: &Subject) -> StoreResult<()> {
    let other = IdempotencyKey { endpoint: String::from("POST /v1/patches"), ..key("k", 2) };
    let (mut one, mut two) = (Chain::new(1).append(), Chain::new(2).append());
    one.keys = vec![key("k", 1)];
    two.keys = vec![other.clone()];
    assert_eq!(t.append_all(vec![one, two]).await?, vec![COMMITTED, COMMITTED]);
    let stored = t.store.idempotency(HOME, &other.endpoint, "k").await?;
    assert_eq!(stored, Some(row(&other)));
    Ok(())
}

/// One append that names a key twice does not stop itself; the first answer stays.
pub async fn a_key_named_twice_counts_once(t: &Subject) -> StoreResult<()> {
    let mut append = Chain::new(1).append();
    append.keys = vec![key("k", 1), key("k", 2)];
    assert_eq!(t.append(append).await?, COMMITTED);
    assert_eq!(t.store.idempotency(HOME, ENDPOINT, "k").await?, Some(row(&key("k", 1))));
    Ok(())
}

/// A command that lost its head has no answer.
pub async fn a_conflict_stores_no_key(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append()).await?;
    chain.head.hash = [1; 32];
    let mut append = chain.append();
    append.keys = vec![key("k", 1)];
    assert_eq!(t.append(append).await?, HEAD);
    assert_eq!(t.store.idempotency(HOME, ENDPOINT, "k").await?, None);
    Ok(())
}

/// After an unknown commit the key is found taken, by ourselves.
pub async fn the_same_bytes_are_not_stopped_by_their_own_key(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let mut first = chain.append();
    first.keys = vec![key("k", 1)];
    let mut second = chain.append();
    second.keys = vec![key("l", 2)];
    for append in [first, second] {
        t.commit(append.clone()).await?;
        assert_eq!(t.append(append).await?, COMMITTED);
    }
    Ok(())
}

/// A key is taken until it is deleted, and it is deleted when its time is over.
pub async fn keys_expire_when_told(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let mut first = chain.append();
    let brief = IdempotencyKey { expires_ms: T0 + 10, ..key("brief", 1) };
    first.keys = vec![brief.clone(), key("long", 2)];
    t.commit(first).await?;
    assert_eq!(t.store.idempotency_expire(T0 + 9).await?, 0);
    let mut late = Chain::new(2).append();
    late.keys = vec![key("brief", 3)];
    assert_eq!(t.append(late.clone()).await?, taken(&brief));
    assert_eq!(t.store.idempotency_expire(T0 + 10).await?, 1);
    assert_eq!(t.store.idempotency(HOME, ENDPOINT, "brief").await?, None);
    assert!(t.store.idempotency(HOME, ENDPOINT, "long").await?.is_some());
    assert_eq!(t.append(late).await?, COMMITTED);
    Ok(())
}
