//! How many wrong passwords an address may try, for one account and for all. Attempts beyond that are refused before
//! they cost a hash. The bound is per address and account, so that guessing doesn't lock the owner out, who comes from
//! another address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// After its guesses are used up, an address may guess an account once in so much time: 1,440 a day, which no password
/// of 8 random characters notices.
const ACCOUNT_INTERVAL: Duration = Duration::from_secs(60);
/// The same for all accounts together. Ten times as often, as a school or a mobile carrier shares one address.
const ADDRESS_INTERVAL: Duration = Duration::from_secs(6);
/// Counts that are kept before the older half is forgotten. Each costs at least one hash, of which a worker makes some
/// forty a second: at that rate a count is remembered for 27 minutes.
const COUNTS_MAX: usize = 1 << 16;

/// Account that is guessed, `None` for all of them together, and the household that guesses.
type Key = (Option<String>, IpAddr);

/// Guesses that may be made at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Of one account from one address.
    pub(super) account: u32,
    /// Of all accounts from one address; `None` for an address that isn't counted.
    pub(super) address: Option<u32>,
}

/// The counts: wrong passwords, and those that are being checked. Each is kept as the moment at which it will be zero
/// again (the generic cell rate algorithm, as for packets).
#[derive(Debug, Default)]
pub(super) struct Guesses {
    /// Counts that were changed since the last halving, and those that weren't.
    recent: HashMap<Key, Instant>,
    older: HashMap<Key, Instant>,
}

impl Guesses {
    /// Counts an attempt on `account` from `address`.
    ///
    /// # Errors
    /// How long to wait for the next attempt; then nothing was counted.
    pub(super) fn begin(
        &mut self,
        account: &str,
        address: IpAddr,
        bounds: Bounds,
        now: Instant,
    ) -> Result<(), Duration> {
        let of_account = (Some(account.to_owned()), address);
        let of_address = (None, address);
        let account_until = self.after_one(&of_account, ACCOUNT_INTERVAL, bounds.account, now)?;
        if let Some(most) = bounds.address {
            let until = self.after_one(&of_address, ADDRESS_INTERVAL, most, now)?;
            self.set(of_address, until);
        }
        self.set(of_account, account_until);
        Ok(())
    }

    /// The attempt was no guess: the password was right, or wasn't looked at.
    pub(super) fn take_back(&mut self, account: &str, address: IpAddr) {
        let keys = [(Some(account.to_owned()), ACCOUNT_INTERVAL), (None, ADDRESS_INTERVAL)];
        for (account, interval) in keys {
            let key = (account, address);
            let until = self.recent.get(&key).or_else(|| self.older.get(&key));
            if let Some(until) = until.and_then(|until| until.checked_sub(interval)) {
                self.set(key, until);
            }
        }
    }

    /// When the count will be zero if one more is added.
    fn after_one(
        &self,
        key: &Key,
        interval: Duration,
        most: u32,
        now: Instant,
    ) -> Result<Instant, Duration> {
        let until = self.recent.get(key).or_else(|| self.older.get(key));
        let until = until.map_or(now, |until| (*until).max(now)) + interval;
        match (until - now).checked_sub(interval * most.max(1)) {
            None | Some(Duration::ZERO) => Ok(until),
            Some(wait) => Err(wait),
        }
    }

    fn set(&mut self, key: Key, until: Instant) {
        if self.recent.len() >= COUNTS_MAX / 2 && !self.recent.contains_key(&key) {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(key, until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { account: 3, address: Some(5) };

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn guesses_at_an_account_are_bounded_per_address_and_come_back_one_by_one() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        for _ in 0..3 {
            assert_eq!(guesses.begin("anna", address(1), BOUNDS, now), Ok(()));
        }
        let later = now + Duration::from_secs(20);
        let wait = guesses.begin("anna", address(1), BOUNDS, later);
        assert_eq!(wait, Err(Duration::from_secs(40)));
        assert_eq!(guesses.begin("anna", address(2), BOUNDS, later), Ok(()), "her own address");
        assert_eq!(guesses.begin("bert", address(1), BOUNDS, later), Ok(()), "another account");
        let minute = now + ACCOUNT_INTERVAL;
        assert_eq!(guesses.begin("anna", address(1), BOUNDS, minute), Ok(()));
        assert!(guesses.begin("anna", address(1), BOUNDS, minute).is_err());
    }

    #[test]
    fn guesses_from_one_address_are_bounded_over_all_accounts_if_it_counts() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        let accounts: Vec<String> = (0..9).map(|number| format!("account-{number}")).collect();
        let mut admitted = |address, bounds| {
            let tries = accounts.iter().map(|name| guesses.begin(name, address, bounds, now));
            tries.filter(Result::is_ok).count()
        };
        assert_eq!(admitted(address(1), BOUNDS), 5);
        assert_eq!(admitted(address(2), Bounds { address: None, ..BOUNDS }), 9);
    }

    #[test]
    fn an_attempt_that_was_no_guess_is_not_counted() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        for _ in 0..50 {
            assert_eq!(guesses.begin("anna", address(1), BOUNDS, now), Ok(()));
            guesses.take_back("anna", address(1));
        }
        guesses.take_back("nobody", address(1));
    }

    #[test]
    fn counts_have_a_bound_and_the_oldest_are_forgotten_first() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        let bounds = Bounds { account: 1, address: None };
        let last = COUNTS_MAX;
        for number in 0..=last {
            guesses.begin(&format!("account-{number}"), address(1), bounds, now).unwrap();
        }
        assert!(guesses.recent.len() + guesses.older.len() <= COUNTS_MAX);
        assert!(guesses.begin(&format!("account-{last}"), address(1), bounds, now).is_err());
        assert!(guesses.begin("account-0", address(1), bounds, now).is_ok());
    }
}
