//! Fights for loot and shares it by mail: sends now and then something to another bot, and takes what others have sent.

use std::time::Duration;

use rand::RngExt as _;

use super::fight::{Fight, respawn_in_time};
use super::{Behaviour, Turn, around};

/// Mean time from a look into the mailbox to the next.
const EVERY: Duration = Duration::from_secs(15);
/// How long a bot waits for its list of letters before it goes on with something else.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);
/// The share of its gold that a letter takes: one part in so many.
const GIFT: u64 = 10;

/// A fighter who writes letters.
#[derive(Default)]
pub(super) struct Mail {
    fight: Fight,
    /// No look into the mailbox before this.
    next_look: Duration,
    /// The mailbox was asked for, and isn't waited for any longer than this.
    listing_until: Option<Duration>,
}

impl Behaviour for Mail {
    fn act(&mut self, turn: &mut Turn<'_>) -> Duration {
        if turn.dead_since().is_some() {
            respawn_in_time(turn);
            return turn.script.walk.period();
        }
        match self.listing_until {
            None if turn.due >= self.next_look && !turn.waits() => {
                self.next_look = turn.due + around(EVERY, turn.rng);
                self.listing_until = Some(turn.due + LIST_TIMEOUT);
                turn.list_mail();
            }
            Some(until) if turn.mailbox().is_some() || turn.due >= until => {
                self.listing_until = None;
                deal_with_mail(turn);
            }
            None | Some(_) => {}
        }
        self.fight.act(turn)
    }
}

/// Throws away letters that are empty, takes out what is in the first of the others, or else writes one.
fn deal_with_mail(turn: &mut Turn<'_>) {
    let letters = turn.take_mailbox();
    let (full, empty): (Vec<_>, Vec<_>) =
        letters.iter().partition(|letter| letter.gold > 0 || !letter.items.is_empty());
    if let Some(letter) = full.first() {
        turn.take_mail(letter.id);
    } else if let Some(letter) = empty.first() {
        turn.delete_mail(letter.id);
    } else if let draw = turn.rng.random_range(0..1_000)
        && let Some(item) = turn.holdings().pick(draw)
    {
        let (friend, gold) = (turn.friend(), turn.holdings().gold() / GIFT);
        turn.send_mail(friend, item, gold);
    }
}
