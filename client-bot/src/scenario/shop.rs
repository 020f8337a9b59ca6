//! Fights for loot and carries it to shopkeepers: sells what they buy, and now and then buys something with the gold.

use std::time::Duration;

use protocol::v1::EntityKind;
use rand::RngExt as _;

use super::fight::{Fight, respawn_in_time};
use super::{Behaviour, Turn};

/// How long a customer leaves shops alone after a visit: enough to find something more to sell.
const AWAY: Duration = Duration::from_secs(20);
/// How long one visit takes at most, the way there included; a keeper behind a wall is never reached.
const VISIT: Duration = Duration::from_secs(30);
/// How near a customer goes to a keeper, in centimetres; keepers talk further than that.
const TALK_CM: f64 = 400.0;

/// A fighter who trades.
#[derive(Default)]
pub(super) struct Shop {
    fight: Fight,
    visit: Option<Visit>,
    /// No visit before this.
    next_visit: Duration,
}

/// On the way to a keeper, or there.
struct Visit {
    keeper: u64,
    until: Duration,
    /// The prices have been asked for.
    asked: bool,
    bought: bool,
}

impl Behaviour for Shop {
    fn act(&mut self, turn: &mut Turn<'_>) -> Duration {
        let period = turn.script.walk.period();
        if turn.dead_since().is_some() {
            self.visit = None;
            respawn_in_time(turn);
            return period;
        }
        if self.visit.is_none() && turn.due >= self.next_visit && has_errand(turn) {
            let until = turn.due + VISIT;
            let keeper = nearest_keeper(turn);
            self.visit = keeper.map(|keeper| Visit { keeper, until, asked: false, bought: false });
        }
        let goes_on = self.visit.as_mut().is_some_and(|visit| visit.act(turn));
        if goes_on {
            return period;
        }
        if self.visit.take().is_some() {
            self.next_visit = turn.due + AWAY;
        }
        self.fight.act(turn)
    }
}

impl Visit {
    /// One turn of it; false when it is over.
    fn act(&mut self, turn: &mut Turn<'_>) -> bool {
        let sight = turn.sight();
        let here = sight.and_then(|sight| sight.own()).map(|own| own.at);
        let there = sight.and_then(|sight| sight.entity(self.keeper)).map(|keeper| keeper.at);
        let (Some(here), Some(there), true) = (here, there, turn.due < self.until) else {
            return false;
        };
        if here.distance(there) > TALK_CM {
            turn.walk(here.heading_to(there));
            return true;
        }
        if turn.waits() {
            return true;
        }
        if !self.asked {
            self.asked = true;
            turn.stand(here.heading_to(there));
            turn.list_shop(self.keeper);
            return true;
        }
        let Some(offers) = turn.offers().filter(|offers| offers.entity == self.keeper) else {
            return true;
        };
        let buys = |template: &str| offers.buys.iter().any(|price| price.template == template);
        if let Some(item) = turn.holdings().find(buys) {
            turn.sell(self.keeper, item);
            return true;
        }
        let gold = turn.holdings().gold();
        let affordable = offers.sells.iter().filter(|good| good.price <= gold);
        let affordable: Vec<String> = affordable.map(|good| good.template.clone()).collect();
        if self.bought || affordable.is_empty() {
            return false;
        }
        self.bought = true;
        let choice = turn.rng.random_range(0..affordable.len());
        turn.buy(self.keeper, affordable[choice].clone());
        true
    }
}

/// Something to sell or to spend.
fn has_errand(turn: &Turn<'_>) -> bool {
    !turn.holdings().is_empty() || turn.holdings().gold() > 0
}

fn nearest_keeper(turn: &Turn<'_>) -> Option<u64> {
    let sight = turn.sight()?;
    let here = sight.own()?.at;
    let keepers = sight.entities().filter(|(_, seen)| seen.kind == EntityKind::Npc);
    let nearest = keepers.min_by(|(one, a), (other, b)| {
        here.distance(a.at).total_cmp(&here.distance(b.at)).then(one.cmp(other))
    });
    nearest.map(|(id, _)| id)
}
