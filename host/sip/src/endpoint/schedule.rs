//! When which transaction has a timer due.
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::transaction::{ClientTransactionId, ServerTransactionId};

/// A transaction of either side. The order only breaks ties, the same way in every run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum TransactionId {
    /// Ours.
    Client(ClientTransactionId),
    /// Theirs.
    Server(ServerTransactionId),
}

/// When a transaction wants to be looked at.
#[derive(Debug)]
pub(crate) struct Due<'a> {
    /// The instant of its entry in the schedule that counts.
    pub(crate) scheduled: &'a mut Option<Instant>,
    /// Its earliest running timer.
    pub(crate) next: Option<Instant>,
}

/// A heap with at most one valid entry per transaction.
///
/// Cancelling costs nothing: the transaction remembers in `scheduled` which entry is its own, and an entry that no
/// transaction calls its own is dropped when it comes to the top.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    heap: BinaryHeap<Reverse<(Instant, TransactionId)>>,
}

impl Schedule {
    /// Makes sure that `id` is looked at no later than it is due; that it is due later than before is noticed when its
    /// entry comes up.
    pub(crate) fn note(&mut self, id: TransactionId, due: Due<'_>) {
        if let Some(next) = due.next
            && due.scheduled.is_none_or(|entry| next < entry)
        {
            *due.scheduled = Some(next);
            self.heap.push(Reverse((next, id)));
        }
    }

    /// The earliest entry, valid or not.
    pub(crate) fn first(&self) -> Option<(Instant, TransactionId)> {
        self.heap.peek().map(|Reverse(entry)| *entry)
    }

    /// Drops the earliest entry.
    pub(crate) fn drop_first(&mut self) {
        self.heap.pop();
    }
}
