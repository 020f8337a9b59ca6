//! How often an account may send each kind of packet. What is used up stays with the account when its character goes to
//! another zone or leaves the world, so nobody gets a fresh allowance by a portal or a new login.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::AccountId;
use crate::player::Buckets;

/// How long the buckets of an absent account are kept, in milliseconds. Any bucket whose burst is at most a minute's worth
/// of its rate is full again by then.
const KEEP_MS: u32 = 60_000;
/// Absent accounts whose buckets are kept: far more than can leave in [`KEEP_MS`]. Nothing is kept of one more.
const MAX_ABSENT: usize = 100_000;

/// Buckets of accounts whose character is in no zone: between two, or outside the world.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AbsentRates(BTreeMap<AccountId, Absent>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Absent {
    buckets: Buckets,
    /// The tick from which on nothing needs to be remembered.
    until: u64,
}

impl AbsentRates {
    /// Keeps the buckets of an account whose character leaves its zone at `tick`.
    pub(crate) fn keep(&mut self, account: AccountId, buckets: Buckets, tick: u64, tick_ms: u32) {
        let until = tick + u64::from(KEEP_MS / tick_ms.max(1));
        if self.0.len() < MAX_ABSENT {
            self.0.insert(account, Absent { buckets, until });
        }
    }

    /// Gives back the buckets of an account whose character enters a zone.
    pub(crate) fn take(&mut self, account: AccountId) -> Buckets {
        self.0.remove(&account).map(|absent| absent.buckets).unwrap_or_default()
    }

    /// Forgets the accounts that have been away long enough. Called once a second or so.
    pub(crate) fn sweep(&mut self, tick: u64) {
        self.0.retain(|_, absent| tick < absent.until);
    }
}

#[cfg(test)]
mod tests {
    use protocol::v1::{ChatLine, Refusal, Say, Shout};

    use super::*;
    use crate::ids::{CharacterId, Rank};
    use crate::input::Input;
    use crate::record::CharacterRecord;
    use crate::testing::GameTest;

    fn shout() -> Shout {
        Shout { text: "spam".into() }
    }

    fn heard(test: &GameTest) -> usize {
        test.received_by::<ChatLine>("Bob").len()
    }

    /// Bob listens, and Ada has used up her shouts.
    fn out_of_breath() -> GameTest {
        let mut test = GameTest::new();
        test.player("Bob").player("Ada").tick(1);
        test.send(shout()).send(shout()).send(shout()).tick(1);
        assert_eq!(heard(&test), 3);
        test
    }

    #[test]
    fn leaving_and_entering_the_world_does_not_refill_a_bucket() {
        let mut test = out_of_breath();
        for _ in 0..3 {
            test.leave("Ada").tick(1).player("Ada").send(shout()).tick(1);
        }
        assert_eq!((heard(&test), test.refusals()), (3, vec![Refusal::TooFast]));
        test.tick(20).send(shout()).tick(1);
        assert_eq!(heard(&test), 4, "it refills with time");
    }

    #[test]
    fn a_portal_does_not_refill_a_bucket() {
        let mut test = GameTest::new();
        test.player("Ada").tick(1);
        for zone in ["cellar", "field", "cellar", "field"] {
            for _ in 0..8 {
                test.send(Say { text: "spam".into() });
            }
            // Half a second.
            test.tick(1).travel("Ada", zone);
        }
        let said = test.received::<ChatLine>().len();
        assert!((6..=6 + 4).contains(&said), "{said} lines in 2 s at 2 a second and 6 at once");
    }

    #[test]
    fn another_character_of_the_account_finds_the_same_buckets() {
        let mut test = out_of_breath();
        let account = AccountId(test.character("Ada").0);
        let session = test.session("Ada");
        let sister = CharacterRecord {
            id: CharacterId(77),
            account,
            name: "Eve".to_owned(),
            rank: Rank::Player,
            place: None,
            modules: BTreeMap::new(),
            items: Vec::new(),
            gold: 0,
        };
        test.leave("Ada").tick(1);
        test.input(Input::Enter { session, character: Box::new(sister) }).tick(1);
        test.send(shout()).tick(1);
        assert_eq!((heard(&test), test.refusals()), (3, vec![Refusal::TooFast]));
    }

    #[test]
    fn a_restored_world_remembers_the_buckets_of_those_who_left() {
        let mut test = out_of_breath();
        test.leave("Ada").tick(1).restore().player("Ada").send(shout()).tick(1);
        assert_eq!((heard(&test), test.refusals()), (3, vec![Refusal::TooFast]));
    }

    #[test]
    fn an_account_that_stays_away_is_forgotten_after_a_minute() {
        let mut absent = AbsentRates::default();
        absent.keep(AccountId(1), Buckets::default(), 5, 100);
        absent.sweep(604);
        assert_eq!(absent.0.len(), 1);
        absent.sweep(605);
        assert_eq!(absent, AbsentRates::default());
    }

    #[test]
    fn no_more_accounts_are_kept_than_the_bound_says() {
        let mut absent = AbsentRates::default();
        let accounts = (0..).take(MAX_ABSENT + 1).map(AccountId);
        accounts.for_each(|account| absent.keep(account, Buckets::default(), 5, 100));
        assert_eq!(absent.0.len(), MAX_ABSENT);
    }
}
