//! Leases: granted at most once, renewed by their holder, ended by the log.

use super::Subject;
use super::fixtures::{AWAY, Chain, HOME, T0};
use crate::{
    Claim, LeaseKey, LeaseRow, LeaseState, PoolClaim, Renewal, RenewalOutcome, StoreResult,
};

fn claim(key: &LeaseKey, holder: &str, at: i64) -> Claim {
    let (now_ms, until_ms) = (T0 + at, T0 + at + 15_000);
    Claim { key: key.clone(), holder: holder.to_owned(), now_ms, until_ms }
}

fn renewal(key: &LeaseKey, holder: &str, at: i64, progress: Option<&str>) -> Renewal {
    Renewal {
        key: key.clone(),
        holder: holder.to_owned(),
        now_ms: T0 + at,
        until_ms: T0 + at + 15_000,
        progress: progress.map(str::to_owned),
    }
}

fn pool_claim(names: &[&str], limit: u32) -> PoolClaim {
    PoolClaim {
        workspace: HOME,
        pool: String::from("default"),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        holder: String::from("r1"),
        limit,
        now_ms: T0 + 5,
        until_ms: T0 + 15_005,
    }
}

fn unheld(row: LeaseRow) -> LeaseState {
    LeaseState {
        row,
        workspace: HOME,
        holder: None,
        granted_ms: None,
        until_ms: None,
        progress_ms: None,
        progress: None,
        cancelling: false,
    }
}

fn held(row: LeaseRow, holder: &str, at: i64) -> LeaseState {
    LeaseState {
        holder: Some(holder.to_owned()),
        granted_ms: Some(T0 + at),
        until_ms: Some(T0 + at + 15_000),
        ..unheld(row)
    }
}

/// Commits a run that owes these leases.
async fn put(t: &Subject, chain: &mut Chain, leases: &[LeaseRow]) -> StoreResult<()> {
    let mut append = chain.append();
    append.rows.leases_put = leases.to_vec();
    t.commit(append).await
}

async fn one(t: &Subject) -> StoreResult<(Chain, LeaseRow)> {
    let mut chain = Chain::new(1);
    let lease = chain.lease("score", 1);
    put(t, &mut chain, std::slice::from_ref(&lease)).await?;
    Ok((chain, lease))
}

/// The append that schedules an attempt makes its lease.
pub async fn a_lease_is_born_unheld(t: &Subject) -> StoreResult<()> {
    let (chain, lease) = one(t).await?;
    assert_eq!(t.store.leases_of(chain.stream).await?, vec![unheld(lease)]);
    Ok(())
}

/// Of several claimants one gets it.
pub async fn a_claim_is_granted_once(t: &Subject) -> StoreResult<()> {
    let (chain, lease) = one(t).await?;
    let claims = [claim(&lease.key, "r1", 1), claim(&lease.key, "r2", 2)];
    assert_eq!(t.store.lease_claim(&claims).await?, vec![true, false]);
    assert_eq!(t.store.lease_claim(&claims[1..]).await?, vec![false]);
    assert_eq!(t.store.leases_of(chain.stream).await?, vec![held(lease, "r1", 1)]);
    Ok(())
}

/// A claim whose answer was lost is repeated: still granted, since the first time.
pub async fn the_holder_may_claim_again(t: &Subject) -> StoreResult<()> {
    let (chain, lease) = one(t).await?;
    assert_eq!(t.store.lease_claim(&[claim(&lease.key, "r1", 1)]).await?, vec![true]);
    assert_eq!(t.store.lease_claim(&[claim(&lease.key, "r1", 9)]).await?, vec![true]);
    let expected = LeaseState { granted_ms: Some(T0 + 1), ..held(lease, "r1", 9) };
    assert_eq!(t.store.leases_of(chain.stream).await?, vec![expected]);
    Ok(())
}

/// No row means refused.
pub async fn an_absent_lease_is_refused(t: &Subject) -> StoreResult<()> {
    let (_, lease) = one(t).await?;
    let other = LeaseKey { attempt: 2, ..lease.key.clone() };
    let claims = [claim(&other, "r1", 1), claim(&lease.key, "r1", 1)];
    assert_eq!(t.store.lease_claim(&claims).await?, vec![false, true]);
    assert_eq!(t.store.lease_claim(&[]).await?, Vec::<bool>::new());
    Ok(())
}

/// A long poll gets attempts of its pool and its functions, and no other.
pub async fn a_claim_by_pool_takes_what_it_serves(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let wanted = chain.lease("a", 1);
    let other_name = LeaseRow { name: String::from("rank"), ..chain.lease("b", 1) };
    let other_pool = LeaseRow { pool: String::from("gpu"), ..chain.lease("c", 1) };
    put(t, &mut chain, &[wanted.clone(), other_name, other_pool]).await?;
    assert_eq!(t.store.lease_claim_pool(&pool_claim(&["none"], 10)).await?, Vec::new());
    assert_eq!(t.store.lease_claim_pool(&pool_claim(&[], 10)).await?, Vec::new());
    let claimed = t.store.lease_claim_pool(&pool_claim(&["score", "score"], 10)).await?;
    assert_eq!(claimed, vec![held(wanted.clone(), "r1", 5)]);
    assert_eq!(t.store.lease_claim_pool(&pool_claim(&["score"], 10)).await?, Vec::new());
    assert_eq!(t.store.lease_claim(&[claim(&wanted.key, "r2", 6)]).await?, vec![false]);
    Ok(())
}

/// High priority first, then the oldest, across functions and runs.
pub async fn a_claim_by_pool_orders_and_limits(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let lease = |instance: &str, name: &str, priority: u8, at: i64| LeaseRow {
        name: name.to_owned(),
        priority,
        scheduled_ms: T0 + at,
        ..chain.lease(instance, 1)
    };
    let leases = [
        lease("a", "score", 2, 0),
        lease("b", "rank", 1, 9),
        lease("c", "score", 1, 3),
        lease("d", "score", 0, 9),
        lease("e", "rank", 1, 3),
    ];
    put(t, &mut chain, &leases).await?;
    let both = ["score", "rank"];
    let order = |claimed: Vec<LeaseState>| -> Vec<String> {
        claimed.into_iter().map(|state| state.row.key.instance).collect()
    };
    assert_eq!(t.store.lease_claim_pool(&pool_claim(&both, 0)).await?, Vec::new());
    assert_eq!(order(t.store.lease_claim_pool(&pool_claim(&both, 3)).await?), ["d", "c", "e"]);
    assert_eq!(order(t.store.lease_claim_pool(&pool_claim(&both, 3)).await?), ["b", "a"]);
    Ok(())
}

/// What a topic carries is claimed by name only.
pub async fn a_topic_lease_is_not_found_by_pool(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let lease = LeaseRow { by_topic: true, ..chain.lease("a", 1) };
    put(t, &mut chain, std::slice::from_ref(&lease)).await?;
    assert_eq!(t.store.lease_claim_pool(&pool_claim(&["score"], 10)).await?, Vec::new());
    assert_eq!(t.store.lease_claim(&[claim(&lease.key, "r1", 1)]).await?, vec![true]);
    Ok(())
}

/// A heartbeat sets the time until which it is held, also after that time.
pub async fn a_renewal_keeps_it_held(t: &Subject) -> StoreResult<()> {
    let (chain, lease) = one(t).await?;
    t.store.lease_claim(&[claim(&lease.key, "r1", 0)]).await?;
    let late = renewal(&lease.key, "r1", 20_000, None);
    assert_eq!(t.store.lease_renew(&[late]).await?, vec![RenewalOutcome::Held]);
    let expected = LeaseState { until_ms: Some(T0 + 35_000), ..held(lease, "r1", 0) };
    assert_eq!(t.store.leases_of(chain.stream).await?, vec![expected]);
    Ok(())
}

/// A heartbeat without a report leaves the last report and its time.
pub async fn progress_moves_only_with_a_report(t: &Subject) -> StoreResult<()> {
    let (chain, lease) = one(t).await?;
    t.store.lease_claim(&[claim(&lease.key, "r1", 0)]).await?;
    let beats = [
        renewal(&lease.key, "r1", 100, None),
        renewal(&lease.key, "r1", 200, Some(r#"{"percent":40}"#)),
        renewal(&lease.key, "r1", 300, None),
    ];
    assert_eq!(t.store.lease_renew(&beats[..1]).await?, vec![RenewalOutcome::Held]);
    assert_eq!(t.store.leases_of(chain.stream).await?[0].progress_ms, None);
    for beat in &beats[1..] {
        let beat = std::slice::from_ref(beat);
        assert_eq!(t.store.lease_renew(beat).await?, vec![RenewalOutcome::Held]);
    }
    let expected = LeaseState {
        until_ms: Some(T0 + 15_300),
        progress_ms: Some(T0 + 200),
        progress: Some(String::from(r#"{"percent":40}"#)),
        ..held(lease, "r1", 0)
    };
    assert_eq!(t.store.leases_of(chain.stream).await?, vec![expected]);
    Ok(())
}

/// The holder of a cancelled lease hears of it at its next heartbeat; before it is held, the
/// claimant sees it.
pub async fn a_cancelled_lease_says_so(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let (one, two) = (chain.lease("a", 1), chain.lease("b", 1));
    put(t, &mut chain, &[one.clone(), two.clone()]).await?;
    t.store.lease_claim(&[claim(&one.key, "r1", 0)]).await?;
    let absent = LeaseKey { attempt: 9, ..one.key.clone() };
    t.store.lease_cancel(&[one.key.clone(), absent, two.key.clone()]).await?;
    let beat = renewal(&one.key, "r1", 10, None);
    assert_eq!(t.store.lease_renew(&[beat]).await?, vec![RenewalOutcome::Cancelling]);
    let claimed = t.store.lease_claim_pool(&pool_claim(&["score"], 10)).await?;
    assert_eq!(claimed, vec![LeaseState { cancelling: true, ..held(two, "r1", 5) }]);
    Ok(())
}

/// Who does not hold it renews nothing.
pub async fn another_holder_has_lost(t: &Subject) -> StoreResult<()> {
    let (chain, lease) = one(t).await?;
    let beat = |holder: &str| [renewal(&lease.key, holder, 50, Some("1"))];
    assert_eq!(t.store.lease_renew(&beat("r1")).await?, vec![RenewalOutcome::Lost]);
    t.store.lease_claim(&[claim(&lease.key, "r1", 0)]).await?;
    assert_eq!(t.store.lease_renew(&beat("r2")).await?, vec![RenewalOutcome::Lost]);
    assert_eq!(t.store.leases_of(chain.stream).await?, vec![held(lease, "r1", 0)]);
    Ok(())
}

/// The append that ends the attempt ends its lease, held or not.
pub async fn a_dropped_lease_is_lost(t: &Subject) -> StoreResult<()> {
    let (mut chain, lease) = one(t).await?;
    t.store.lease_claim(&[claim(&lease.key, "r1", 0)]).await?;
    let mut last = chain.append();
    last.rows.leases_drop = vec![LeaseKey { attempt: 7, ..lease.key.clone() }, lease.key.clone()];
    t.commit(last).await?;
    let beat = renewal(&lease.key, "r1", 10, None);
    assert_eq!(t.store.lease_renew(&[beat]).await?, vec![RenewalOutcome::Lost]);
    assert_eq!(t.store.lease_claim(&[claim(&lease.key, "r1", 0)]).await?, vec![false]);
    assert_eq!(t.store.leases_of(chain.stream).await?, Vec::new());
    Ok(())
}

/// An attempt that was scheduled and ended between two commits leaves no lease.
pub async fn put_and_drop_in_one_append_leaves_none(t: &Subject) -> StoreResult<()> {
    let mut chain = Chain::new(1);
    let mut append = chain.append();
    append.rows.leases_put = vec![chain.lease("a", 1), chain.lease("a", 2)];
    append.rows.leases_drop = vec![chain.lease("a", 1).key];
    t.commit(append).await?;
    assert_eq!(t.store.leases_of(chain.stream).await?, vec![unheld(chain.lease("a", 2))]);
    Ok(())
}

/// A lease that is held is not born again: the attempt was granted.
pub async fn an_existing_lease_is_left_alone(t: &Subject) -> StoreResult<()> {
    let (mut chain, lease) = one(t).await?;
    t.store.lease_claim(&[claim(&lease.key, "r1", 0)]).await?;
    put(t, &mut chain, &[LeaseRow { priority: 0, ..lease.clone() }]).await?;
    assert_eq!(t.store.leases_of(chain.stream).await?, vec![held(lease, "r1", 0)]);
    Ok(())
}

/// A run's leases come by instance and attempt, and no other run's.
pub async fn leases_of_a_run_are_ordered(t: &Subject) -> StoreResult<()> {
    let mut chains = [Chain::new(1), Chain::new(2), Chain::new(3)];
    for chain in &mut chains {
        let leases = [chain.lease("b", 1), chain.lease("a", 10), chain.lease("a", 2)];
        put(t, chain, &leases).await?;
    }
    let found = t.store.leases_of(chains[1].stream).await?;
    let names: Vec<_> = found
        .iter()
        .map(|state| (state.row.key.instance.as_str(), state.row.key.attempt))
        .collect();
    assert_eq!(names, [("a", 2), ("a", 10), ("b", 1)]);
    assert!(found.iter().all(|state| state.row.key.run == chains[1].stream));
    Ok(())
}

/// At a restart the leases of the process's own runners are over, and their runs are known.
pub async fn a_dead_holders_leases_expire(t: &Subject) -> StoreResult<()> {
    let mut chains = [Chain::new(1), Chain::new(2), Chain::new(3).of(AWAY)];
    for chain in &mut chains {
        let leases = [chain.lease("a", 1), chain.lease("b", 1)];
        put(t, chain, &leases).await?;
    }
    let [one, two, three] = &chains;
    let claims = [
        claim(&one.lease("a", 1).key, "dev-1/0", 0),
        claim(&one.lease("b", 1).key, "dev-1/1", 0),
        claim(&two.lease("a", 1).key, "dev-10", 0),
        claim(&two.lease("b", 1).key, "far/dev-1/", 0),
        claim(&three.lease("a", 1).key, "dev-1/0", -20_000),
    ];
    t.store.lease_claim(&claims).await?;
    let runs = t.store.lease_expire("dev-1/", T0 + 7).await?;
    assert_eq!(runs, vec![one.stream, three.stream]);
    let untils = |states: Vec<LeaseState>| -> Vec<_> {
        states.into_iter().map(|state| state.until_ms.map(|until| until - T0)).collect()
    };
    assert_eq!(untils(t.store.leases_of(one.stream).await?), [Some(7), Some(7)]);
    assert_eq!(untils(t.store.leases_of(two.stream).await?), [Some(15_000), Some(15_000)]);
    assert_eq!(untils(t.store.leases_of(three.stream).await?), [Some(-5_000), None]);
    Ok(())
}
