//! Endpoints, and deliveries to them.

use super::Subject;
use super::fixtures::{AWAY, HOME, T0, stream};
use crate::{
    DeliveryClaim, DeliveryFilter, DeliveryMove, DeliveryRow, EndpointRow, StoreResult, TimeMs,
};

fn endpoint(id: &str) -> EndpointRow {
    EndpointRow {
        id: id.to_owned(),
        name: String::from("ops \u{0}room"),
        kind: String::from("webhook"),
        target: String::from("https://hooks.example.com/x?key=1"),
        events: vec![String::from("approval.requested")],
        approvers: vec![String::from("finance"), String::from("ada")],
        disabled: None,
        actor: String::from("user:ada"),
        created_ms: T0,
    }
}

fn delivery(id: &str, endpoint: &str, due_ms: TimeMs) -> DeliveryRow {
    DeliveryRow {
        id: id.to_owned(),
        endpoint: endpoint.to_owned(),
        ticket: String::from("tk_1"),
        run: stream(1),
        event: String::from("approval.requested"),
        facts: String::from("{}"),
        at_ms: T0,
        status: String::from("pending"),
        due_ms,
        attempts: 0,
        error: None,
        settled_ms: None,
    }
}

fn claim(now_ms: TimeMs) -> DeliveryClaim {
    DeliveryClaim {
        now_ms,
        until_ms: now_ms + 100,
        per_endpoint: 10,
        limit: 10,
        except: Vec::new(),
    }
}

fn all() -> DeliveryFilter {
    DeliveryFilter { limit: 10, ..DeliveryFilter::default() }
}

fn delivered(at_ms: TimeMs) -> DeliveryMove {
    DeliveryMove::Settled { status: "delivered", at_ms, error: None }
}

async fn claimed(t: &Subject, claim: &DeliveryClaim) -> StoreResult<Vec<String>> {
    let claimed = t.store.deliveries_claim(claim).await?;
    Ok(claimed.into_iter().map(|(_, row)| row.id).collect())
}

/// All columns come back; one of the same id is left alone.
pub async fn an_endpoint_is_read_back(t: &Subject) -> StoreResult<()> {
    let bare = EndpointRow {
        events: Vec::new(),
        approvers: Vec::new(),
        disabled: Some(String::from("gone")),
        ..endpoint("ep_b")
    };
    for row in [endpoint("ep_a"), bare] {
        t.store.endpoint_put(HOME, &row).await?;
        let other = EndpointRow { name: String::from("other"), ..row.clone() };
        t.store.endpoint_put(HOME, &other).await?;
        assert_eq!(t.store.endpoint(HOME, &row.id).await?, Some(row));
    }
    assert_eq!(t.store.endpoint(HOME, "ep_c").await?, None);
    Ok(())
}

/// Each as often as one likes.
pub async fn an_endpoint_is_disabled_enabled_and_removed(t: &Subject) -> StoreResult<()> {
    t.store.endpoint_put(HOME, &endpoint("ep_a")).await?;
    for why in [Some("gone"), Some("again"), None, None] {
        let row = EndpointRow { disabled: why.map(str::to_owned), ..endpoint("ep_a") };
        assert_eq!(t.store.endpoint_disable(HOME, "ep_a", why).await?, Some(row.clone()));
        assert_eq!(t.store.endpoint(HOME, "ep_a").await?, Some(row));
    }
    assert_eq!(t.store.endpoint_disable(HOME, "ep_b", None).await?, None);
    assert!(t.store.endpoint_remove(HOME, "ep_a").await?);
    assert!(!t.store.endpoint_remove(HOME, "ep_a").await?);
    assert_eq!(t.store.endpoint(HOME, "ep_a").await?, None);
    Ok(())
}

/// By id, a page at a time.
pub async fn endpoints_are_listed(t: &Subject) -> StoreResult<()> {
    assert_eq!(t.store.endpoints(HOME, None, 10).await?, Vec::new());
    for id in ["ep_b", "ep_a"] {
        t.store.endpoint_put(HOME, &endpoint(id)).await?;
    }
    let listed = vec![endpoint("ep_a"), endpoint("ep_b")];
    assert_eq!(t.store.endpoints(HOME, None, 10).await?, listed);
    assert_eq!(t.store.endpoints(HOME, None, 1).await?, listed[..1]);
    assert_eq!(t.store.endpoints(HOME, Some("ep_a"), 10).await?, listed[1..]);
    Ok(())
}

/// Nobody sees or touches another workspace's.
pub async fn endpoints_are_per_workspace(t: &Subject) -> StoreResult<()> {
    t.store.endpoint_put(HOME, &endpoint("ep_a")).await?;
    assert_eq!(t.store.endpoint(AWAY, "ep_a").await?, None);
    assert_eq!(t.store.endpoints(AWAY, None, 10).await?, Vec::new());
    assert_eq!(t.store.endpoint_disable(AWAY, "ep_a", Some("gone")).await?, None);
    assert!(!t.store.endpoint_remove(AWAY, "ep_a").await?);
    assert_eq!(t.store.endpoint(HOME, "ep_a").await?, Some(endpoint("ep_a")));
    Ok(())
}

/// What is there already stays as it is, tried or settled.
pub async fn a_delivery_is_put_once(t: &Subject) -> StoreResult<()> {
    let row = DeliveryRow {
        facts: String::from("{\"by\":\"\u{0}\"}"),
        error: Some(String::from("no")),
        ..delivery("msg_a", "ep_a", T0)
    };
    t.store.deliveries_put(HOME, &[]).await?;
    t.store.deliveries_put(HOME, std::slice::from_ref(&row)).await?;
    assert_eq!(t.store.deliveries(HOME, &all()).await?, vec![row.clone()]);
    assert_eq!(claimed(t, &claim(T0)).await?, ["msg_a"]);
    assert!(t.store.delivery_move(HOME, ("msg_a", 1), &delivered(T0 + 1)).await?);
    let fresh = delivery("msg_b", "ep_a", T0 + 50);
    t.store.deliveries_put(HOME, &[row.clone(), fresh.clone()]).await?;
    let settled = DeliveryRow {
        status: String::from("delivered"),
        attempts: 1,
        due_ms: T0 + 100,
        error: None,
        settled_ms: Some(T0 + 1),
        ..row
    };
    assert_eq!(t.store.deliveries(HOME, &all()).await?, vec![fresh, settled]);
    Ok(())
}

/// By time, then id; filtered and paged.
pub async fn deliveries_are_listed_newest_first(t: &Subject) -> StoreResult<()> {
    let old = delivery("msg_c", "ep_a", T0);
    let one = DeliveryRow { at_ms: T0 + 1, ..delivery("msg_a", "ep_b", T0) };
    let other = DeliveryRow {
        at_ms: T0 + 1,
        ticket: String::from("tk_2"),
        run: stream(2),
        status: String::from("failed"),
        settled_ms: Some(T0 + 3),
        ..delivery("msg_b", "ep_a", T0)
    };
    t.store.deliveries_put(HOME, &[old.clone(), one.clone(), other.clone()]).await?;
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (all(), vec![&other, &one, &old]),
        (DeliveryFilter { limit: 2, ..all() }, vec![&other, &one]),
        (DeliveryFilter { before: Some((T0 + 1, "msg_b".to_owned())), ..all() }, vec![&one, &old]),
        (DeliveryFilter { before: Some((T0 + 1, "msg_a".to_owned())), ..all() }, vec![&old]),
        (DeliveryFilter { endpoint: text("ep_a"), ..all() }, vec![&other, &old]),
        (DeliveryFilter { ticket: text("tk_2"), ..all() }, vec![&other]),
        (DeliveryFilter { run: Some(stream(1)), ..all() }, vec![&one, &old]),
        (DeliveryFilter { status: text("pending"), ..all() }, vec![&one, &old]),
    ];
    for (filter, expected) in cases {
        let listed = t.store.deliveries(HOME, &filter).await?;
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
    Ok(())
}

/// Earliest first, and what is not due is left.
pub async fn a_claim_takes_what_is_due(t: &Subject) -> StoreResult<()> {
    assert_eq!(t.store.deliveries_next().await?, None);
    let late = delivery("msg_a", "ep_a", T0 + 2);
    let (early, later) = (delivery("msg_c", "ep_a", T0), delivery("msg_b", "ep_a", T0 + 1));
    let done = DeliveryRow { status: "dropped".to_owned(), ..delivery("msg_d", "ep_a", T0 - 9) };
    t.store.deliveries_put(HOME, &[late, later, early.clone(), done]).await?;
    assert_eq!(t.store.deliveries_next().await?, Some(T0));
    assert_eq!(claimed(t, &claim(T0 - 1)).await?, Vec::<String>::new());
    let one = DeliveryClaim { limit: 1, ..claim(T0 + 1) };
    let taken = DeliveryRow { due_ms: T0 + 101, attempts: 1, ..early };
    assert_eq!(t.store.deliveries_claim(&one).await?, vec![(HOME, taken.clone())]);
    assert_eq!(claimed(t, &claim(T0 + 1)).await?, ["msg_b"]);
    assert_eq!(t.store.deliveries_next().await?, Some(T0 + 2));
    let listed = t.store.deliveries(HOME, &all()).await?;
    assert!(listed.contains(&taken), "{listed:?}");
    Ok(())
}

/// One with many leaves room for others, and some can be passed over.
pub async fn a_claim_is_fair_to_endpoints(t: &Subject) -> StoreResult<()> {
    let row = |n: i64, endpoint: &str| delivery(&format!("msg_{endpoint}{n}"), endpoint, T0 + n);
    let rows = [row(0, "a"), row(1, "a"), row(2, "a"), row(3, "b"), row(4, "c")];
    t.store.deliveries_put(HOME, &rows).await?;
    let fair = DeliveryClaim { per_endpoint: 2, limit: 3, ..claim(T0 + 9) };
    let passing = DeliveryClaim { except: vec![String::from("b")], ..fair.clone() };
    assert_eq!(claimed(t, &passing).await?, ["msg_a0", "msg_a1", "msg_c4"]);
    assert_eq!(claimed(t, &fair).await?, ["msg_a2", "msg_b3"]);
    assert_eq!(claimed(t, &fair).await?, Vec::<String>::new());
    Ok(())
}

/// What somebody took and never said a word about is due again when the claim ends.
pub async fn an_abandoned_claim_comes_back(t: &Subject) -> StoreResult<()> {
    t.store.deliveries_put(HOME, &[delivery("msg_a", "ep_a", T0)]).await?;
    assert_eq!(claimed(t, &claim(T0)).await?, ["msg_a"]);
    assert_eq!(claimed(t, &claim(T0 + 99)).await?, Vec::<String>::new());
    let again = t.store.deliveries_claim(&claim(T0 + 100)).await?;
    assert_eq!(again[0].1.attempts, 2);
    Ok(())
}

/// A try that was given up says nothing any more; a settled delivery stays settled.
pub async fn only_the_last_try_settles(t: &Subject) -> StoreResult<()> {
    t.store.deliveries_put(HOME, &[delivery("msg_a", "ep_a", T0)]).await?;
    claimed(t, &claim(T0)).await?;
    claimed(t, &claim(T0 + 100)).await?;
    assert!(!t.store.delivery_move(HOME, ("msg_a", 1), &delivered(T0)).await?);
    let again = DeliveryMove::Again { due_ms: T0 + 150, error: String::from("503\u{0}") };
    assert!(t.store.delivery_move(HOME, ("msg_a", 2), &again).await?);
    let waits = DeliveryRow {
        attempts: 2,
        error: Some(String::from("503\u{0}")),
        ..delivery("msg_a", "ep_a", T0 + 150)
    };
    assert_eq!(t.store.deliveries(HOME, &all()).await?, vec![waits.clone()]);
    claimed(t, &claim(T0 + 150)).await?;
    let why = Some(String::from("gone"));
    let failed = DeliveryMove::Settled { status: "failed", at_ms: T0 + 160, error: why.clone() };
    assert!(t.store.delivery_move(HOME, ("msg_a", 3), &failed).await?);
    for late in [&again, &failed] {
        assert!(!t.store.delivery_move(HOME, ("msg_a", 3), late).await?);
    }
    assert!(!t.store.delivery_move(HOME, ("msg_b", 1), &failed).await?);
    assert_eq!(claimed(t, &claim(T0 + 900)).await?, Vec::<String>::new());
    assert_eq!(t.store.deliveries_next().await?, None);
    let settled = &t.store.deliveries(HOME, &all()).await?[0];
    let told = (settled.status.as_str(), settled.error.clone(), settled.settled_ms);
    assert_eq!(told, ("failed", why, Some(T0 + 160)));
    Ok(())
}

/// At the same time, too.
pub async fn of_two_claims_one_gets_it(t: &Subject) -> StoreResult<()> {
    let rows: Vec<_> = (0..20).map(|n| delivery(&format!("msg_{n:02}"), "ep_a", T0)).collect();
    t.store.deliveries_put(HOME, &rows).await?;
    let wide = DeliveryClaim { per_endpoint: 20, limit: 20, ..claim(T0) };
    let (one, other) = tokio::join!(claimed(t, &wide), claimed(t, &wide));
    let mut both = [one?, other?].concat();
    // A rival's rows are passed over, so what neither got may be left.
    both.extend(claimed(t, &wide).await?);
    both.sort();
    let ids: Vec<_> = rows.into_iter().map(|row| row.id).collect();
    assert_eq!(both, ids);
    Ok(())
}

/// Those that are pending never.
pub async fn settled_deliveries_expire(t: &Subject) -> StoreResult<()> {
    let settled = |id: &str, at_ms| DeliveryRow {
        status: String::from("delivered"),
        settled_ms: Some(at_ms),
        ..delivery(id, "ep_a", T0)
    };
    let rows = [settled("msg_a", T0), settled("msg_b", T0 + 1), delivery("msg_c", "ep_a", T0)];
    t.store.deliveries_put(HOME, &rows).await?;
    assert_eq!(t.store.deliveries_expire(T0).await?, 0);
    assert_eq!(t.store.deliveries_expire(T0 + 1).await?, 1);
    let left = t.store.deliveries(HOME, &all()).await?;
    assert_eq!(left, vec![rows[2].clone(), rows[1].clone()]);
    Ok(())
}

/// The same id in two workspaces is two deliveries.
pub async fn deliveries_are_per_workspace(t: &Subject) -> StoreResult<()> {
    let (home, away) = (delivery("msg_a", "ep_a", T0), delivery("msg_a", "ep_b", T0 + 1));
    t.store.deliveries_put(HOME, std::slice::from_ref(&home)).await?;
    assert_eq!(t.store.deliveries(AWAY, &all()).await?, Vec::new());
    t.store.deliveries_put(AWAY, std::slice::from_ref(&away)).await?;
    assert_eq!(t.store.deliveries(AWAY, &all()).await?, vec![away]);
    let taken = t.store.deliveries_claim(&claim(T0)).await?;
    assert_eq!(taken, vec![(HOME, DeliveryRow { due_ms: T0 + 100, attempts: 1, ..home })]);
    assert!(!t.store.delivery_move(AWAY, ("msg_a", 1), &delivered(T0)).await?);
    assert!(t.store.delivery_move(HOME, ("msg_a", 1), &delivered(T0)).await?);
    Ok(())
}
