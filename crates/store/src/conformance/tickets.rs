//! Tickets as inboxes show them.

use super::Subject;
use super::fixtures::{Chain, HOME, T0, stream};
use crate::{StoreError, StoreResult, StreamId, TicketRow};

async fn put(t: &Subject, chain: &mut Chain, tickets: Vec<TicketRow>) -> StoreResult<()> {
    let mut append = chain.append();
    append.rows.tickets = tickets;
    t.commit(append).await
}

async fn found(
    t: &Subject,
    status: Option<&str>,
    run: Option<StreamId>,
    after: Option<&str>,
) -> StoreResult<Vec<String>> {
    let rows = t.store.tickets(HOME, status, run, after, 100).await?;
    Ok(rows.into_iter().map(|row| row.ticket).collect())
}

/// Two runs with three tickets; `c` and `a` are of the same time.
async fn three(t: &Subject) -> StoreResult<()> {
    let (mut one, mut two) = (Chain::new(1), Chain::new(2));
    let old = TicketRow { created_ms: T0 - 1, ..one.ticket("x", "approved") };
    let same = one.ticket("c", "pending");
    put(t, &mut one, vec![same, old]).await?;
    let other = two.ticket("a", "pending");
    put(t, &mut two, vec![other]).await
}

/// All columns come back.
pub async fn a_ticket_is_read_back(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let ticket = TicketRow { decided_ms: Some(T0 + 1), ..chain.ticket("t1", "approved") };
    let bare = TicketRow { expires_ms: None, ..chain.ticket("t2", "pending") };
    put(t, &mut chain, vec![ticket.clone(), bare.clone()]).await?;
    assert_eq!(t.store.ticket(HOME, "t1").await?, Some(ticket));
    assert_eq!(t.store.ticket(HOME, "t2").await?, Some(bare));
    assert_eq!(t.store.ticket(HOME, "t3").await?, None);
    Ok(())
}

/// The row is that of the last append that carried it.
pub async fn a_ticket_is_replaced(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let pending = chain.ticket("t1", "pending");
    put(t, &mut chain, vec![pending.clone()]).await?;
    let decided = TicketRow {
        status: String::from("rejected"),
        message: String::from("No."),
        decided_ms: Some(T0 + 9),
        expires_ms: None,
        ..pending
    };
    put(t, &mut chain, vec![decided.clone()]).await?;
    assert_eq!(t.store.ticket(HOME, "t1").await?, Some(decided));
    assert_eq!(found(t, Some("pending"), None, None).await?, Vec::<String>::new());
    Ok(())
}

/// The oldest question first; of the same time by id.
pub async fn tickets_are_listed_oldest_first(t: &Subject) -> StoreResult<()> {
    three(t).await?;
    assert_eq!(found(t, None, None, None).await?, ["x", "a", "c"]);
    Ok(())
}

/// By state, by run, by both.
pub async fn tickets_are_filtered(t: &Subject) -> StoreResult<()> {
    three(t).await?;
    assert_eq!(found(t, Some("pending"), None, None).await?, ["a", "c"]);
    assert_eq!(found(t, None, Some(stream(1)), None).await?, ["x", "c"]);
    assert_eq!(found(t, Some("pending"), Some(stream(1)), None).await?, ["c"]);
    assert_eq!(found(t, Some("expired"), None, None).await?, Vec::<String>::new());
    Ok(())
}

/// The cursor is the last ticket of the page before, even where that no longer matches.
pub async fn tickets_are_paged(t: &Subject) -> StoreResult<()> {
    three(t).await?;
    assert_eq!(t.store.tickets(HOME, None, None, None, 2).await?.len(), 2);
    assert_eq!(found(t, None, None, Some("x")).await?, ["a", "c"]);
    assert_eq!(found(t, None, None, Some("a")).await?, ["c"]);
    assert_eq!(found(t, Some("pending"), None, Some("x")).await?, ["a", "c"]);
    assert_eq!(found(t, None, None, Some("c")).await?, Vec::<String>::new());
    Ok(())
}

/// A cursor that is no ticket is not silently the beginning or the end.
pub async fn an_unknown_cursor_is_an_error(t: &Subject) -> StoreResult<()> {
    three(t).await?;
    let answer = t.store.tickets(HOME, None, None, Some("zz"), 10).await;
    assert!(matches!(answer, Err(StoreError::Cursor(_))), "{answer:?}");
    Ok(())
}
