//! One consumer group of a topic: who owns which partition, and how far it got.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::Notify;

use super::log::Log;
use crate::CommitError;

/// Names a member within its bus. Later members have higher ids.
pub(super) type MemberId = u64;

/// How far the group is in one partition. `committed <= position <= delivered`, all exclusive.
#[derive(Debug)]
pub(super) struct Cursor {
    owner: Option<MemberId>,
    /// Everything before it is dealt with.
    pub(super) committed: u64,
    /// The next message for the owner.
    position: u64,
    /// Everything before it has been delivered to some member at some time.
    delivered: u64,
}

impl Cursor {
    /// The next message for the owner becomes this one.
    fn advance(&mut self, position: u64) {
        self.position = position;
        self.delivered = self.delivered.max(position);
    }

    fn assign(&mut self, owner: Option<MemberId>) {
        self.owner = owner;
        self.position = self.committed;
    }
}

#[derive(Debug)]
pub(super) struct Group {
    /// By partition.
    pub(super) cursors: Vec<Cursor>,
    members: BTreeMap<MemberId, Member>,
}

#[derive(Debug)]
struct Member {
    wake: Arc<Notify>,
    /// The partition to look at first, so that none starves behind a busy one.
    turn: usize,
}

impl Group {
    /// A group without members that begins at these offsets, one per partition.
    pub(super) fn starting_at(offsets: impl Iterator<Item = u64>) -> Self {
        let cursor = |at| Cursor { owner: None, committed: at, position: at, delivered: at };
        Self { cursors: offsets.map(cursor).collect(), members: BTreeMap::new() }
    }

    pub(super) fn has_members(&self) -> bool {
        !self.members.is_empty()
    }

    pub(super) fn join(&mut self, id: MemberId, wake: Arc<Notify>) {
        self.members.insert(id, Member { wake, turn: 0 });
        self.rebalance();
    }

    pub(super) fn leave(&mut self, id: MemberId) {
        self.members.remove(&id);
        self.rebalance();
    }

    /// Wakes the member that owns a partition.
    pub(super) fn wake_owner(&self, partition: usize) {
        let owner = self.cursors.get(partition).and_then(|cursor| cursor.owner);
        if let Some(member) = owner.and_then(|id| self.members.get(&id)) {
            member.wake.notify_one();
        }
    }

    /// Hands a member the next messages of its partitions: which offsets of which partition, at
    /// most `max` in all.
    pub(super) fn take(
        &mut self,
        id: MemberId,
        logs: &[Log],
        max: usize,
    ) -> Vec<(usize, Range<u64>)> {
        let mut taken = Vec::new();
        let Some(member) = self.members.get_mut(&id) else { return taken };
        let mut room = max as u64;
        let first = member.turn;
        for step in 0..self.cursors.len() {
            let partition = (first + step) % self.cursors.len();
            let cursor = &mut self.cursors[partition];
            let from = cursor.position;
            let to = logs[partition].end().min(from.saturating_add(room));
            if cursor.owner != Some(id) || from >= to {
                continue;
            }
            cursor.advance(to);
            member.turn = partition + 1;
            taken.push((partition, from..to));
            room -= to - from;
            if room == 0 {
                // For another receiver on the same member, as there may be more.
                member.wake.notify_one();
                break;
            }
        }
        taken
    }

    /// Records a member's commit.
    pub(super) fn commit(
        &mut self,
        id: MemberId,
        partition: u32,
        offset: u64,
    ) -> Result<(), CommitError> {
        let cursor = usize::try_from(partition).ok().and_then(|at| self.cursors.get_mut(at));
        let Some(cursor) = cursor.filter(|cursor| cursor.owner == Some(id)) else {
            return Err(CommitError::NotAssigned { partition });
        };
        if offset >= cursor.delivered {
            return Err(CommitError::NotDelivered { partition, offset });
        }
        cursor.committed = cursor.committed.max(offset + 1);
        cursor.position = cursor.position.max(cursor.committed);
        Ok(())
    }

    /// Spreads the partitions evenly and wakes everybody. As few move as possible, for each move
    /// repeats what its old owner has not committed.
    fn rebalance(&mut self) {
        self.spread();
        for member in self.members.values() {
            member.wake.notify_one();
        }
    }

    fn spread(&mut self) {
        let mut shares: BTreeMap<MemberId, usize> =
            self.members.keys().map(|id| (*id, 0)).collect();
        let mut orphans = Vec::new();
        for (partition, cursor) in self.cursors.iter_mut().enumerate() {
            match cursor.owner.and_then(|id| shares.get_mut(&id)) {
                Some(share) => *share += 1,
                None => {
                    cursor.assign(None);
                    orphans.push(partition);
                }
            }
        }
        for partition in orphans {
            let Some(poorest) = poorest(&shares) else { return };
            self.cursors[partition].assign(Some(poorest));
            *shares.entry(poorest).or_default() += 1;
        }
        while let Some((rich, poor)) = imbalance(&shares) {
            let cursor = self.cursors.iter_mut().rfind(|cursor| cursor.owner == Some(rich));
            let Some(cursor) = cursor else { return };
            cursor.assign(Some(poor));
            *shares.entry(rich).or_default() -= 1;
            *shares.entry(poor).or_default() += 1;
        }
    }
}

/// The member with the fewest partitions; of several the oldest.
fn poorest(shares: &BTreeMap<MemberId, usize>) -> Option<MemberId> {
    shares.iter().min_by_key(|(_, share)| **share).map(|(id, _)| *id)
}

/// A member that owns at least two partitions more than another, and that other one.
fn imbalance(shares: &BTreeMap<MemberId, usize>) -> Option<(MemberId, MemberId)> {
    let (rich, most) = shares.iter().max_by_key(|(_, share)| **share)?;
    let (poor, least) = shares.iter().min_by_key(|(_, share)| **share)?;
    (most - least >= 2).then_some((*rich, *poor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group_of(partitions: usize) -> Group {
        Group::starting_at(std::iter::repeat_n(0, partitions))
    }

    fn owners(group: &Group) -> Vec<Option<MemberId>> {
        group.cursors.iter().map(|cursor| cursor.owner).collect()
    }

    #[test]
    fn partitions_are_spread_evenly_and_move_rarely() {
        let mut group = group_of(4);
        group.join(1, Arc::default());
        assert_eq!(owners(&group), [Some(1); 4]);
        group.join(2, Arc::default());
        assert_eq!(owners(&group), [Some(1), Some(1), Some(2), Some(2)]);
        group.join(3, Arc::default());
        assert_eq!(owners(&group), [Some(1), Some(1), Some(2), Some(3)]);
        group.leave(1);
        assert_eq!(owners(&group), [Some(2), Some(3), Some(2), Some(3)]);
        group.leave(2);
        group.leave(3);
        assert_eq!(owners(&group), [None; 4]);
    }

    #[test]
    fn members_beyond_the_partitions_wait_for_one() {
        let mut group = group_of(2);
        for id in 1..=3 {
            group.join(id, Arc::default());
        }
        assert_eq!(owners(&group), [Some(1), Some(2)]);
        group.leave(1);
        assert_eq!(owners(&group), [Some(3), Some(2)]);
    }

    #[test]
    fn only_partitions_that_move_are_repeated() {
        let mut group = group_of(2);
        group.join(1, Arc::default());
        for cursor in &mut group.cursors {
            cursor.advance(10);
        }
        group.commit(1, 1, 3).unwrap();
        group.join(2, Arc::default());
        let positions: Vec<_> = group.cursors.iter().map(|cursor| cursor.position).collect();
        assert_eq!(positions, [10, 4]);
    }

    #[test]
    fn commits_are_checked_and_never_go_back() {
        let mut group = group_of(1);
        group.join(1, Arc::default());
        group.cursors[0].advance(5);
        let not_assigned = |result| matches!(result, Err(CommitError::NotAssigned { .. }));
        assert!(not_assigned(group.commit(2, 0, 0)));
        assert!(not_assigned(group.commit(1, 1, 0)));
        assert!(not_assigned(group.commit(1, u32::MAX, 0)));
        for ahead in [5, u64::MAX] {
            let refused = group.commit(1, 0, ahead);
            assert!(matches!(refused, Err(CommitError::NotDelivered { .. })));
        }
        group.commit(1, 0, 4).unwrap();
        group.commit(1, 0, 1).unwrap();
        assert_eq!(group.cursors[0].committed, 5);
    }

    #[test]
    fn a_late_commit_of_the_same_owner_spares_the_repetition() {
        let mut group = group_of(1);
        group.join(1, Arc::default());
        group.cursors[0].advance(8);
        group.leave(1);
        group.join(1, Arc::default());
        assert_eq!(group.cursors[0].position, 0);
        group.commit(1, 0, 5).unwrap();
        assert_eq!((group.cursors[0].committed, group.cursors[0].position), (6, 6));
    }
}
