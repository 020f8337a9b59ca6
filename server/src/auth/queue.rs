//! The passwords that wait for a worker. Addresses take turns, and so do the accounts of one address: somebody who asks
//! for a thousand hashes delays others by one hash each turn, and not by a thousand.
//!
//! Fair queueing as in RFC 970 (Nagle), with the longest queue paying for lack of room: a full queue drops the newest
//! job of the address that has most waiting, so that an address with few waiting is always heard.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::ops::Bound;

use super::Job;
use crate::store::Ticket;

/// Lanes that are served in turn, in the order of their keys.
#[derive(Debug)]
struct Rotation<K, L> {
    lanes: BTreeMap<K, L>,
    /// Key of the lane that was served last.
    last: Option<K>,
}

impl<K, L> Default for Rotation<K, L> {
    fn default() -> Self {
        Self { lanes: BTreeMap::new(), last: None }
    }
}

impl<K: Ord + Clone, L> Rotation<K, L> {
    /// Key of the lane whose turn it is.
    fn next(&mut self) -> Option<K> {
        let after = self.last.take().and_then(|last| {
            let mut later = self.lanes.range((Bound::Excluded(last), Bound::Unbounded));
            later.next().map(|(key, _)| key.clone())
        });
        let next = after.or_else(|| self.lanes.keys().next().cloned());
        self.last.clone_from(&next);
        next
    }
}

/// Jobs of one account, oldest first. Never empty.
type Account = VecDeque<Job>;

/// Jobs of one address. Never empty.
#[derive(Debug, Default)]
struct Address {
    accounts: Rotation<String, Account>,
    jobs: usize,
}

impl Address {
    fn push(&mut self, job: Job) {
        self.jobs += 1;
        self.accounts.lanes.entry(job.account.clone()).or_default().push_back(job);
    }

    fn take(&mut self) -> Option<Job> {
        let account = self.accounts.next()?;
        self.remove(&account, VecDeque::pop_front)
    }

    fn remove(
        &mut self,
        account: &str,
        which: impl FnOnce(&mut Account) -> Option<Job>,
    ) -> Option<Job> {
        let jobs = self.accounts.lanes.get_mut(account)?;
        let job = which(jobs)?;
        if jobs.is_empty() {
            self.accounts.lanes.remove(account);
        }
        self.jobs -= 1;
        Some(job)
    }

    /// Jobs of the account that has most waiting, and its name.
    fn longest(&self) -> Option<(usize, String)> {
        let lengths = self.accounts.lanes.iter().map(|(name, jobs)| (jobs.len(), name));
        lengths.max().map(|(jobs, name)| (jobs, name.clone()))
    }

    fn waiting_for(&self, account: &str) -> usize {
        self.accounts.lanes.get(account).map_or(0, VecDeque::len)
    }
}

/// All waiting jobs.
#[derive(Debug)]
pub(super) struct FairQueue {
    addresses: Rotation<IpAddr, Address>,
    /// Address and account of each waiting job.
    places: BTreeMap<Ticket, (IpAddr, String)>,
    /// Jobs that may wait, at least 1.
    room: usize,
}

impl FairQueue {
    pub(super) fn new(room: usize) -> Self {
        Self { addresses: Rotation::default(), places: BTreeMap::new(), room: room.max(1) }
    }

    pub(super) const fn room(&self) -> usize {
        self.room
    }

    /// Jobs that wait already stay, also those beyond the new room.
    pub(super) fn set_room(&mut self, room: usize) {
        self.room = room.max(1);
    }

    /// Adds a job. In a full queue a job of whoever has most waiting makes room.
    ///
    /// # Errors
    /// The job that isn't done for lack of room: an earlier one, or this one.
    pub(super) fn push(&mut self, job: Job) -> Result<(), Ticket> {
        let mut dropped = Ok(());
        if self.places.len() >= self.room {
            match self.drop_for(&job) {
                Some(earlier) => dropped = Err(earlier),
                None => return Err(job.ticket),
            }
        }
        self.places.insert(job.ticket, (job.address, job.account.clone()));
        self.addresses.lanes.entry(job.address).or_default().push(job);
        dropped
    }

    /// The job whose turn it is.
    pub(super) fn take(&mut self) -> Option<Job> {
        let key = self.addresses.next()?;
        self.remove(key, Address::take)
    }

    /// Nobody waits for this job any more.
    pub(super) fn cancel(&mut self, ticket: Ticket) {
        if let Some((address, account)) = self.places.get(&ticket).cloned() {
            self.remove(address, |lane| {
                lane.remove(&account, |jobs| {
                    let place = jobs.iter().position(|job| job.ticket == ticket)?;
                    jobs.remove(place)
                })
            });
        }
    }

    /// Drops the newest job of the address that has most waiting; of the newcomer's own address when no other has more,
    /// and then only a job of an account that has more waiting than the newcomer's. `None`: there is no such job.
    fn drop_for(&mut self, newcomer: &Job) -> Option<Ticket> {
        let lanes = &self.addresses.lanes;
        let own = lanes.get(&newcomer.address);
        let (most, busiest) = lanes.iter().map(|(key, lane)| (lane.jobs, *key)).max()?;
        let is_other = most > own.map_or(0, |lane| lane.jobs) + 1;
        let address = if is_other { busiest } else { newcomer.address };
        let (most, account) = lanes.get(&address)?.longest()?;
        if !is_other && most <= own.map_or(0, |lane| lane.waiting_for(&newcomer.account)) + 1 {
            return None;
        }
        let dropped = self.remove(address, |lane| lane.remove(&account, VecDeque::pop_back));
        dropped.map(|job| job.ticket)
    }

    fn remove(
        &mut self,
        key: IpAddr,
        which: impl FnOnce(&mut Address) -> Option<Job>,
    ) -> Option<Job> {
        let lane = self.addresses.lanes.get_mut(&key)?;
        let job = which(lane)?;
        if lane.jobs == 0 {
            self.addresses.lanes.remove(&key);
        }
        self.places.remove(&job.ticket);
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Secret, Task};

    fn job(ticket: u64, address: u8, account: &str) -> Job {
        Job {
            ticket: Ticket(ticket),
            address: IpAddr::from([192, 0, 2, address]),
            account: account.to_owned(),
            task: Task::Hash { password: Secret::new("correct horse".into()) },
        }
    }

    fn drain(queue: &mut FairQueue) -> Vec<u64> {
        std::iter::from_fn(|| queue.take()).map(|job| job.ticket.0).collect()
    }

    #[test]
    fn an_address_that_asks_for_much_delays_another_by_one_job() {
        let mut queue = FairQueue::new(100);
        for ticket in 0..50 {
            queue.push(job(ticket, 1, "mallory")).unwrap();
        }
        queue.push(job(50, 2, "anna")).unwrap();
        queue.push(job(51, 3, "bert")).unwrap();
        assert_eq!(drain(&mut queue)[..4], [0, 50, 51, 1]);
        assert!(queue.places.is_empty() && queue.addresses.lanes.is_empty());
    }

    #[test]
    fn accounts_of_one_address_take_turns() {
        let mut queue = FairQueue::new(100);
        for ticket in 0..5 {
            queue.push(job(ticket, 1, "mallory")).unwrap();
        }
        queue.push(job(5, 1, "anna")).unwrap();
        assert_eq!(drain(&mut queue), [5, 0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_cancelled_job_is_never_taken_and_leaves_its_place() {
        let mut queue = FairQueue::new(2);
        queue.push(job(1, 1, "anna")).unwrap();
        queue.push(job(2, 1, "bert")).unwrap();
        queue.cancel(Ticket(1));
        queue.cancel(Ticket(7));
        queue.push(job(3, 1, "carl")).unwrap();
        assert_eq!(drain(&mut queue), [2, 3]);
    }

    #[test]
    fn a_full_queue_drops_the_newest_of_the_address_that_has_most_waiting() {
        let mut queue = FairQueue::new(4);
        for ticket in 0..4 {
            queue.push(job(ticket, 1, "mallory")).unwrap();
        }
        assert_eq!(queue.push(job(4, 1, "mallory")), Err(Ticket(4)), "none has more than it");
        assert_eq!(queue.push(job(5, 2, "anna")), Err(Ticket(3)));
        assert_eq!(queue.push(job(6, 3, "bert")), Err(Ticket(2)));
        assert_eq!(queue.push(job(7, 4, "carl")), Err(Ticket(1)));
        assert_eq!(queue.push(job(8, 5, "dora")), Err(Ticket(8)), "all have as many");
        assert_eq!(drain(&mut queue), [0, 5, 6, 7]);
    }

    #[test]
    fn in_a_full_queue_of_one_address_the_account_that_has_most_waiting_makes_room() {
        let mut queue = FairQueue::new(3);
        for ticket in 0..3 {
            queue.push(job(ticket, 1, "mallory")).unwrap();
        }
        assert_eq!(queue.push(job(3, 1, "anna")), Err(Ticket(2)));
        assert_eq!(queue.push(job(4, 1, "bert")), Err(Ticket(1)));
        assert_eq!(queue.push(job(5, 1, "carl")), Err(Ticket(5)), "all have as many");
        assert_eq!(drain(&mut queue), [3, 4, 0]);
    }
}
