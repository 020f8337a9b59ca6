//! A bot's stay in a zone: what it sees, what it has asked for, whether it lives.

use std::time::Duration;

use prost::Message as _;
use protocol::v1::{Entered, InventoryChanged, Mail, Refusal, ShopOffers, View};
use protocol::{ViewHeader, ViewStates};

use super::oracle::Oracle;
use super::sight::Sight;
use super::steps::Steps;

/// How long a bot waits for the confirmation of a request for an item: far longer than any commit takes.
pub(crate) const CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);

/// A bot that only glances looks where everybody is in one of so many views: twice a second at ten ticks.
const GLANCE_EVERY: u64 = 5;

/// How much a bot makes of the views it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watch {
    /// Counts them and reads which moves they acknowledge.
    Count,
    /// Decodes what happens in each, and who is where in some of them: a crowd's motion would take more of the swarm's
    /// time than everything else, and one who moves about in it need not know it exactly.
    Glance,
    /// Decodes them and keeps a picture of its surroundings.
    See,
    /// Asks for digests as well and proves that the picture is right.
    Prove,
}

/// From one `Entered` to the next or to the end of the connection.
pub(crate) struct World {
    pub(crate) character: u64,
    /// Width and height of the zone's map, in centimetres.
    pub(crate) map_size: (u32, u32),
    pub(crate) sight: Option<Sight>,
    /// For a bot that glances: the views so far, from a number of its own on, so that not all look in the same tick.
    glance: Option<u64>,
    oracle: Option<Oracle>,
    pub(crate) steps: Steps,
    pub(crate) pending: Option<Pending>,
    /// What the shopkeeper said who was asked last.
    pub(crate) offers: Option<ShopOffers>,
    /// The letters that are there, as the last list has them, until the bot has dealt with them.
    pub(crate) mailbox: Option<Vec<Mail>>,
    pub(crate) dead_since: Option<Duration>,
    /// The request to live again that may still be refused.
    pub(crate) respawn: Option<u32>,
    /// When the next turn is due.
    pub(crate) turn_due: Duration,
}

/// A request for something of value that the server hasn't confirmed or refused yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    pub(crate) request: u32,
    pub(crate) due: Duration,
    pub(crate) asked: Asked,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Something more, by picking up, buying or opening a letter.
    Gain,
    /// That the item goes, by dropping, selling or sending.
    Loss { item: u64 },
}

/// What a view told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) findings: Vec<String>,
    pub(crate) digests: u32,
    /// In sight, if digests were compared.
    pub(crate) entities: u32,
    pub(crate) ack: u32,
}

impl World {
    pub(crate) fn new(entered: &Entered, watch: Watch, turn_due: Duration) -> Self {
        Self {
            character: entered.character,
            map_size: (entered.width, entered.height),
            sight: (watch != Watch::Count).then(|| Sight::new(entered)),
            glance: (watch == Watch::Glance).then_some(entered.character % GLANCE_EVERY),
            oracle: (watch == Watch::Prove).then(Oracle::default),
            steps: Steps::default(),
            pending: None,
            offers: None,
            mailbox: None,
            dead_since: None,
            respawn: None,
            turn_due,
        }
    }

    /// Takes a view in, as far as this bot looks at views.
    pub(crate) fn view(&mut self, payload: &[u8]) -> Result<Told, prost::DecodeError> {
        let mut told = Told::default();
        let Some(sight) = &mut self.sight else {
            told.ack = ViewHeader::decode(payload)?.ack;
            return Ok(told);
        };
        let looks = self.glance.is_none_or(|views| views.is_multiple_of(GLANCE_EVERY));
        self.glance = self.glance.map(|views| views + 1);
        let view = match looks {
            true => View::decode(payload)?,
            false => ViewStates::decode(payload)?.into(),
        };
        told.ack = view.ack;
        match &mut self.oracle {
            Some(oracle) => {
                told.digests = oracle.apply(sight, &view, |finding| told.findings.push(finding));
                told.entities = sight.cells().map(|(_, sum)| sum.entities).sum();
            }
            None => sight.apply(&view, &mut ()),
        }
        Ok(told)
    }

    /// The pending request that `change` confirms, with the answer's own `request` number if it carries one.
    pub(crate) fn confirmed(&mut self, request: u32, change: &InventoryChanged) -> Option<Pending> {
        let pending = self.pending?;
        let confirms = match pending.asked {
            Asked::Gain => {
                request == pending.request || (request == 0 && !change.changed.is_empty())
            }
            Asked::Loss { item } => request == pending.request || change.removed.contains(&item),
        };
        if confirms { self.pending.take() } else { None }
    }

    /// A request was refused: it won't be confirmed, acknowledged or done.
    pub(crate) fn refused(&mut self, request: u32, reason: Refusal, now: Duration) {
        self.steps.refused(request);
        if self.pending.is_some_and(|pending| pending.request == request) {
            self.pending = None;
        }
        let still_dead = self.respawn == Some(request)
            && matches!(reason, Refusal::Cooldown | Refusal::TooFast | Refusal::Busy);
        if reason == Refusal::Dead || still_dead {
            self.died(now);
        }
    }

    /// The character is dead: it does nothing until it has respawned.
    pub(crate) fn died(&mut self, now: Duration) {
        self.dead_since.get_or_insert(now);
        self.respawn = None;
        self.steps.clear();
    }

    /// The item that is being dropped, sold or sent, whose loss may have been confirmed unheard.
    pub(crate) fn dropping(&self) -> Option<u64> {
        match self.pending?.asked {
            Asked::Loss { item } => Some(item),
            Asked::Gain => None,
        }
    }

    /// Gives up waiting for a confirmation that is overdue. Returns when the request was due, if there was one.
    pub(crate) fn give_up(&mut self, now: Duration) -> Option<Duration> {
        let overdue = |pending: &mut Pending| now >= pending.due + CONFIRM_TIMEOUT;
        self.pending.take_if(overdue).map(|pending| pending.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::v1::{Cell, CellMotion, CellState, Entity, Motion, Vitals};

    /// Entity 7 goes a centimetre east in each view, and loses a hit point.
    fn view(tick: u32) -> Vec<u8> {
        let state = if tick == 1 {
            let enters = vec![Entity { id: 7, x: 1, hp: 100, ..Entity::default() }];
            CellState { snapshot: true, enters, ..CellState::default() }
        } else {
            let vitals = vec![Vitals { entity: 7, hp: 101 - tick, max_hp: 100 }];
            CellState { vitals, ..CellState::default() }
        };
        let motions = vec![Motion { entity: 7, x: tick, ..Motion::default() }];
        let view = View {
            tick: tick.into(),
            anchor: (tick == 1).then(Cell::default),
            states: vec![state],
            motions: vec![CellMotion { motions, ..CellMotion::default() }],
            ..View::default()
        };
        view.encode_to_vec()
    }

    #[test]
    fn a_glance_takes_what_happens_from_every_view_and_where_all_are_from_every_fifth() {
        let entered = Entered { character: 2, entity: 7, cell_size: 3200, ..Entered::default() };
        let mut world = World::new(&entered, Watch::Glance, Duration::ZERO);
        let seen = (1..=9).map(|tick| {
            world.view(&view(tick)).unwrap();
            let own = world.sight.as_ref().unwrap().own().unwrap();
            (own.at.x, own.hp)
        });
        let seen: Vec<_> = seen.collect();
        assert_eq!(seen.iter().map(|(x, _)| *x).collect::<Vec<_>>(), [1, 1, 1, 4, 4, 4, 4, 4, 9]);
        assert_eq!(
            seen.iter().map(|(_, hp)| *hp).collect::<Vec<_>>(),
            [100, 99, 98, 97, 96, 95, 94, 93, 92]
        );
    }
}
