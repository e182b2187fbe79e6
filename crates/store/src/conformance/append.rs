//! Appending: what commits, what conflicts, and what is written in either case.

use super::Subject;
use super::catalog::whole;
use super::fixtures::{AWAY, COMMITTED, Chain, HOME, T0, key};
use crate::{AppendOutcome, ConflictKind, Head, StoreResult, StreamAppend, verify_chain};

const HEAD: AppendOutcome = AppendOutcome::Conflict(ConflictKind::Head);

/// The segments and the head are what was appended.
pub async fn a_first_segment_is_read_back(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let append = chain.append();
    let written = append.segments.clone();
    assert_eq!(t.append(append).await?, COMMITTED);
    assert_eq!(t.segments(&chain).await?, written);
    assert_eq!(t.head(chain.stream).await?, chain.head);
    Ok(())
}

/// A second append continues the first.
pub async fn a_segment_follows_its_predecessor(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append()).await?;
    t.commit(chain.append()).await?;
    assert_eq!(t.head(chain.stream).await?, chain.head);
    assert_eq!(t.segments(&chain).await?.len(), 2);
    Ok(())
}

/// Consecutive segments of one append are written together, in order.
pub async fn several_segments_go_in_together(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append()).await?;
    let segments: Vec<_> = (1..=3).map(|count| chain.segment(count)).collect();
    assert_eq!(t.append(chain.append_of(segments.clone())).await?, COMMITTED);
    assert_eq!(t.segments(&chain).await?[1..], segments);
    assert_eq!(t.head(chain.stream).await?, chain.head);
    Ok(())
}

/// Where the first of several has no place, none is written.
pub async fn several_segments_are_all_or_nothing(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let mut stale = chain.clone();
    t.commit(chain.append()).await?;
    stale.at_ms += 1;
    let segments = vec![stale.segment(1), stale.segment(1)];
    assert_eq!(t.append(stale.append_of(segments)).await?, HEAD);
    assert_eq!(t.head(chain.stream).await?, chain.head);
    Ok(())
}

/// A batch of many streams commits each.
pub async fn many_streams_go_in_together(t: &Subject) -> StoreResult<()> {
    let mut chains: Vec<Chain> = (1..=200).rev().map(Chain::new).collect();
    let batch = chains.iter_mut().map(Chain::append).collect();
    assert_eq!(t.append_all(batch).await?, vec![COMMITTED; 200]);
    let streams: Vec<_> = chains.iter().map(|chain| chain.stream).collect();
    let heads: Vec<Head> = chains.iter().map(|chain| chain.head).collect();
    assert_eq!(t.store.heads(&streams).await?, heads);
    Ok(())
}

/// Nothing in, nothing out.
pub async fn an_empty_batch_has_no_outcomes(t: &Subject) -> StoreResult<()> {
    assert_eq!(t.append_all(Vec::new()).await?, Vec::new());
    Ok(())
}

/// An append without segments has no place.
pub async fn no_segments_is_a_conflict(t: &Subject) -> StoreResult<()> {
    let mut append = Chain::new(1).append_of(Vec::new());
    append.keys = vec![key("k", 1)];
    append.rows.outbox = vec![1];
    assert_eq!(t.append(append).await?, HEAD);
    assert_eq!(t.store.outbox_due(T0 + 1, 10).await?, Vec::new());
    Ok(())
}

/// Segments that do not name each other are refused whole.
pub async fn a_list_that_does_not_chain_is_a_conflict(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let (one, mut two, three) = (chain.segment(1), chain.segment(1), chain.segment(1));
    assert_eq!(t.append(chain.append_of(vec![one.clone(), three])).await?, HEAD);
    assert_eq!(t.append(chain.append_of(vec![one.clone(), one.clone()])).await?, HEAD);
    two.prev_hash = [7; 32];
    assert_eq!(t.append(chain.append_of(vec![one, two])).await?, HEAD);
    assert_eq!(t.head(chain.stream).await?, Head::EMPTY);
    Ok(())
}

/// The first segment's predecessor is thirty-two zero bytes.
pub async fn a_first_segment_has_no_predecessor(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    chain.head.hash = [9; 32];
    assert_eq!(t.append(chain.append()).await?, HEAD);
    assert_eq!(t.head(chain.stream).await?, Head::EMPTY);
    Ok(())
}

/// Ordinals start at one.
pub async fn ordinal_zero_is_a_conflict(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let mut append = chain.append();
    append.segments[0].ordinal = 0;
    assert_eq!(t.append(append).await?, HEAD);
    assert_eq!(t.head(chain.stream).await?, Head::EMPTY);
    Ok(())
}

/// A segment whose predecessor was not written is refused.
pub async fn a_gap_is_a_conflict(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append()).await?;
    let lost = chain.append();
    assert_eq!(t.append(chain.append()).await?, HEAD);
    assert_eq!(t.append(lost).await?, COMMITTED);
    Ok(())
}

/// Of two writers on one head, the second conflicts, and keeps conflicting.
pub async fn a_stale_writer_conflicts(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append()).await?;
    let mut stale = chain.clone();
    t.commit(chain.append()).await?;
    stale.at_ms += 1;
    assert_eq!(t.append(stale.append()).await?, HEAD);
    assert_eq!(t.append(stale.append()).await?, HEAD);
    assert_eq!(t.head(chain.stream).await?, chain.head);
    Ok(())
}

/// The right ordinal on another history is refused.
pub async fn another_hash_before_is_a_conflict(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append()).await?;
    let mut forked = chain.clone();
    forked.head.hash = [3; 32];
    assert_eq!(t.append(forked.append()).await?, HEAD);
    assert_eq!(t.head(chain.stream).await?, chain.head);
    Ok(())
}

/// After an unknown commit the identical bytes are appended again: the row is ours.
pub async fn the_same_bytes_again_are_committed(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let first = chain.append();
    assert_eq!(t.append(first.clone()).await?, COMMITTED);
    assert_eq!(t.append(first).await?, COMMITTED);
    let several = chain.append_of(vec![chain.clone().segment(1)]);
    assert_eq!(t.append(several.clone()).await?, COMMITTED);
    assert_eq!(t.append(several).await?, COMMITTED);
    Ok(())
}

/// They are ours even when another writer has continued them.
pub async fn the_same_bytes_are_committed_after_others_followed(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let segments = vec![chain.segment(1), chain.segment(2)];
    let again = chain.append_of(segments);
    t.commit(again.clone()).await?;
    t.commit(chain.append()).await?;
    assert_eq!(t.append(again).await?, COMMITTED);
    assert_eq!(t.head(chain.stream).await?, chain.head);
    Ok(())
}

/// Rows that derive from segments derive from them once.
pub async fn the_same_bytes_write_nothing_twice(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let mut first = chain.append_run("running");
    first.rows.outbox = vec![1];
    first.rows.leases_put = vec![chain.lease("a", 1)];
    first.rows.wakeup_due = Some(T0 + 10);
    t.commit(first.clone()).await?;
    let mut second = chain.append_run("completed");
    second.rows.leases_drop = vec![chain.lease("a", 1).key];
    let done = vec![crate::OutboxKey { stream: chain.stream, ordinal: 1 }];
    let batch = crate::AppendBatch { streams: vec![second], outbox_done: done };
    t.store.append(batch.into()).await?;
    assert_eq!(t.append(first).await?, COMMITTED);
    assert_eq!(t.store.outbox_due(i64::MAX, 10).await?, Vec::new());
    assert_eq!(t.store.leases_of(chain.stream).await?, Vec::new());
    assert_eq!(t.store.wakeups_next().await?, None);
    let run = t.store.run(chain.workspace, chain.stream).await?;
    assert_eq!(run.map(|run| run.status), Some(String::from("completed")));
    Ok(())
}

/// Other bytes at a place that is taken are refused.
pub async fn other_bytes_in_the_same_place_conflict(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let mut other = chain.clone();
    t.commit(chain.append()).await?;
    let segment = other.segment_of(r#"["other"]"#, 1);
    assert_eq!(t.append(other.append_of(vec![segment])).await?, HEAD);
    Ok(())
}

/// A list of which only the beginning is written is not the one that was appended.
pub async fn a_partly_written_list_conflicts(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let (one, two) = (chain.segment(1), chain.segment(1));
    t.commit(chain.append_of(vec![one.clone()])).await?;
    assert_eq!(t.append(chain.append_of(vec![one, two])).await?, HEAD);
    assert_eq!(t.segments(&chain).await?.len(), 1);
    Ok(())
}

/// A batch names each stream once; a second one is refused, the first is not.
pub async fn a_stream_named_twice_conflicts_once(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let batch = vec![chain.append(), chain.append()];
    assert_eq!(t.append_all(batch).await?, vec![COMMITTED, HEAD]);
    assert_eq!(t.segments(&chain).await?.len(), 1);
    Ok(())
}

/// Each outcome belongs to the stream at its place; one conflict does not disturb the others.
pub async fn outcomes_stand_in_the_order_given(t: &Subject) -> StoreResult<()> {
    let mut stale = Chain::new(2);
    t.commit(stale.clone().append()).await?;
    stale.at_ms += 1;
    let batch = vec![Chain::new(3).append(), stale.append(), Chain::new(1).append()];
    assert_eq!(t.append_all(batch).await?, vec![COMMITTED, HEAD, COMMITTED]);
    Ok(())
}

/// A stream that conflicts leaves no row of any kind.
pub async fn a_conflict_writes_nothing(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append()).await?;
    let mut stale = Chain::new(1);
    stale.at_ms += 1;
    let mut append = stale.append_run("running");
    append.rows.outbox = vec![1];
    append.rows.wakeup_due = Some(T0);
    append.rows.leases_put = vec![stale.lease("a", 1)];
    append.rows.tickets = vec![stale.ticket("t1", "pending")];
    append.rows.documents = vec![(String::from("d1"), String::from("{}"))];
    assert_eq!(t.append(append).await?, HEAD);
    assert_eq!(t.store.run(chain.workspace, chain.stream).await?, None);
    assert_eq!(t.store.outbox_due(i64::MAX, 10).await?, Vec::new());
    assert_eq!(t.store.wakeups_next().await?, None);
    assert_eq!(t.store.leases_of(chain.stream).await?, Vec::new());
    assert_eq!(t.store.ticket(chain.workspace, "t1").await?, None);
    assert_eq!(t.store.document(chain.workspace, "d1").await?, None);
    Ok(())
}

/// A document is there from the commit on that names it, in its workspace, and one that was there
/// before stays as it is; many streams may name the same.
pub async fn documents_go_with_their_segment(t: &Subject) -> StoreResult<()> {
    let pair = |digest: &str, text: &str| (digest.to_owned(), text.to_owned());
    t.store.documents_put(HOME, &[pair("d1", "{}")], T0).await?;
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    let mut first = one.append();
    first.rows.documents =
        vec![pair("d1", "other"), pair("d2", "\"\\u0000\""), pair("d2", "again")];
    let mut second = two.append();
    second.rows.documents = vec![pair("d2", "\"\\u0000\""), pair("d3", "[]")];
    let again = first.clone();
    assert_eq!(t.append_all(vec![first, second]).await?, vec![COMMITTED, COMMITTED]);
    assert_eq!(t.append(again).await?, COMMITTED);
    assert_eq!(t.store.document(HOME, "d1").await?, whole("{}"));
    assert_eq!(t.store.document(HOME, "d2").await?, whole("\"\\u0000\""));
    assert_eq!(t.store.document(HOME, "d3").await?, whole("[]"));
    let mut third = one.append();
    third.rows.documents = vec![pair("d4", "4")];
    t.commit(third).await?;
    assert_eq!(t.store.document(HOME, "d4").await?, whole("4"));
    assert_eq!(t.store.document(AWAY, "d4").await?, None);
    Ok(())
}

/// Numbers that no column holds are a conflict like any other.
pub async fn ordinals_beyond_all_bounds_conflict(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    t.commit(chain.append()).await?;
    for ordinal in [u64::MAX, u64::MAX - 1, 1 << 63] {
        let mut append = chain.clone().append();
        append.segments[0].ordinal = ordinal;
        assert_eq!(t.append(append).await?, HEAD);
    }
    Ok(())
}

/// Text is stored as it is, byte by byte: `\u0000` written out, spaces, what is not ASCII.
pub async fn text_survives_as_it_is(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let texts =
        [r#"[{"text":"a\u0000b"}]"#, "[ 1.0 , 1e0,\n{\"b\":1, \"a\":2} ]", r#"["Grüße, 世界 🦀"]"#];
    let segments: Vec<_> = texts.iter().map(|text| chain.segment_of(text, 1)).collect();
    t.commit(chain.append_of(segments.clone())).await?;
    assert_eq!(t.segments(&chain).await?, segments);
    Ok(())
}

/// A segment of the largest size comes back byte by byte.
pub async fn a_mebibyte_survives(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let events = format!("[\"{}\"]", "x".repeat((1 << 20) - 4));
    assert_eq!(events.len(), 1 << 20);
    let segment = chain.segment_of(&events, 1);
    t.commit(chain.append_of(vec![segment.clone()])).await?;
    assert_eq!(t.segments(&chain).await?, vec![segment]);
    Ok(())
}

/// Writers that race for the same places: one wins each, and the chain holds.
pub async fn concurrent_writers_commit_one_of_each_pair(t: &Subject) -> StoreResult<()> {
    let mut head = Chain::new(1);
    for round in 0..20 {
        let contender = |n: i64| -> (Chain, StreamAppend) {
            let mut chain = head.clone();
            chain.at_ms += round * 10 + n;
            let append = chain.append();
            (chain, append)
        };
        let ((one, first), (two, second)) = (contender(1), contender(2));
        let (first, second) = tokio::join!(t.append(first), t.append(second));
        let outcomes = (first?, second?);
        head = if outcomes == (COMMITTED, HEAD) { one } else { two };
        assert!(outcomes == (COMMITTED, HEAD) || outcomes == (HEAD, COMMITTED), "{outcomes:?}");
    }
    let segments = t.segments(&head).await?;
    assert_eq!(verify_chain(head.stream, Head::EMPTY, &segments), Ok(head.head));
    Ok(())
}
