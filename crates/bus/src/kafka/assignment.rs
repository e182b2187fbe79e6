//! Which partitions a member has, and how far it is in each.

use std::collections::{BTreeMap, BTreeSet};

use crate::CommitError;

/// Numbers the times at which a partition was assigned: what was fetched before it went away is
/// not delivered after it came back.
pub(super) type Epoch = u64;

/// The partitions of a member.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    next: Epoch,
    owned: BTreeMap<u32, Owned>,
}

#[derive(Debug)]
struct Owned {
    epoch: Epoch,
    /// The last offset handed out.
    delivered: Option<u64>,
    /// The last offset committed by this member, as far as it knows.
    committed: Option<u64>,
    /// Offsets behind the last commit that were handed out to nobody, because they went to the
    /// dead letters.
    buried: BTreeSet<u64>,
}

/// What a member has to do to commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commit {
    /// Nothing: that much is committed.
    Done,
    /// Commit this offset, which is the one asked for or a higher one.
    Upto(Epoch, u64),
}

impl Assignment {
    pub(super) fn assign(&mut self, partitions: impl IntoIterator<Item = u32>) {
        for partition in partitions {
            self.next += 1;
            let owned = Owned {
                epoch: self.next,
                delivered: None,
                committed: None,
                buried: BTreeSet::new(),
            };
            self.owned.insert(partition, owned);
        }
    }

    pub(super) fn revoke(&mut self, partitions: impl IntoIterator<Item = u32>) {
        for partition in partitions {
            self.owned.remove(&partition);
        }
    }

    pub(super) fn epoch(&self, partition: u32) -> Option<Epoch> {
        self.owned.get(&partition).map(|owned| owned.epoch)
    }

    /// A message is handed out; false where the partition has gone since it was fetched.
    pub(super) fn deliver(&mut self, partition: u32, epoch: Epoch, offset: u64) -> bool {
        let owned = self.owned.get_mut(&partition).filter(|owned| owned.epoch == epoch);
        if let Some(owned) = owned {
            owned.delivered = owned.delivered.max(Some(offset));
            return true;
        }
        false
    }

    /// A message has gone to the dead letters. The offset to commit where all before it is
    /// committed.
    pub(super) fn bury(&mut self, partition: u32, offset: u64) -> Option<Commit> {
        let owned = self.owned.get_mut(&partition)?;
        let nothing_before = owned.delivered == owned.committed;
        owned.buried.insert(offset);
        owned.delivered = owned.delivered.max(Some(offset));
        nothing_before.then_some(Commit::Upto(owned.epoch, offset))
    }

    /// What committing an offset comes to.
    pub(super) fn commit(&self, partition: u32, offset: u64) -> Result<Commit, CommitError> {
        let Some(owned) = self.owned.get(&partition) else {
            return Err(CommitError::NotAssigned { partition });
        };
        if owned.committed >= Some(offset) {
            return Ok(Commit::Done);
        }
        if owned.delivered < Some(offset) {
            return Err(CommitError::NotDelivered { partition, offset });
        }
        let mut upto = offset;
        while owned.buried.contains(&(upto + 1)) {
            upto += 1;
        }
        Ok(Commit::Upto(owned.epoch, upto))
    }

    /// The brokers have taken a commit.
    pub(super) fn committed(&mut self, partition: u32, epoch: Epoch, offset: u64) {
        if let Some(owned) = self.owned.get_mut(&partition).filter(|owned| owned.epoch == epoch) {
            owned.committed = owned.committed.max(Some(offset));
            owned.buried = owned.buried.split_off(&(offset + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned() -> (Assignment, Epoch) {
        let mut assignment = Assignment::default();
        assignment.assign([0, 1]);
        let epoch = assignment.epoch(1).unwrap();
        (assignment, epoch)
    }

    #[test]
    fn only_what_was_delivered_here_is_committed() {
        let (mut assignment, epoch) = assigned();
        assert!(matches!(assignment.commit(7, 0), Err(CommitError::NotAssigned { partition: 7 })));
        assert!(matches!(assignment.commit(1, 4), Err(CommitError::NotDelivered { .. })));
        assert!(assignment.deliver(1, epoch, 4));
        assert_eq!(assignment.commit(1, 4).unwrap(), Commit::Upto(epoch, 4));
        assignment.committed(1, epoch, 4);
        assert_eq!(assignment.commit(1, 3).unwrap(), Commit::Done);
    }

    #[test]
    fn what_was_fetched_before_a_partition_went_is_not_delivered_after_it_came_back() {
        let (mut assignment, before) = assigned();
        assert!(assignment.deliver(1, before, 4));
        assignment.revoke([1]);
        assert!(!assignment.deliver(1, before, 5));
        assignment.assign([1]);
        assert!(!assignment.deliver(1, before, 5));
        let after = assignment.epoch(1).unwrap();
        assignment.committed(1, before, 9);
        assert!(assignment.deliver(1, after, 5));
        assert_eq!(assignment.commit(1, 5).unwrap(), Commit::Upto(after, 5));
    }

    #[test]
    fn the_dead_are_committed_with_what_stands_before_them() {
        let (mut assignment, epoch) = assigned();
        assert_eq!(assignment.bury(1, 4), Some(Commit::Upto(epoch, 4)));
        assignment.committed(1, epoch, 4);
        assert!(assignment.deliver(1, epoch, 5));
        assert_eq!(assignment.bury(1, 6), None);
        assert_eq!(assignment.bury(1, 7), None);
        assert!(assignment.deliver(1, epoch, 8));
        assert_eq!(assignment.commit(1, 5).unwrap(), Commit::Upto(epoch, 7));
        assignment.committed(1, epoch, 7);
        assert_eq!(assignment.commit(1, 8).unwrap(), Commit::Upto(epoch, 8));
    }
}
