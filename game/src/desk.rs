//! What all zones of a game share during a tick: the time, the content, and everything that is on its way out.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use protocol::DecodeError;
use protocol::v1::{Farewell, Refusal};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::directory::Directory;
use crate::ids::{CharacterId, PlayerId, SessionId, ZoneName};
use crate::load::LoadLevel;
use crate::lookup::Lookup;
use crate::module::{ModuleTable, Refuse};
use crate::post::{Address, Envelope, Letter, Route};
use crate::publication::{Order, PublicationBuilder};
use crate::rate_clock::{RateClock, RateTime};
use crate::rates::AbsentRates;
use crate::record::GmEntry;
use crate::rota::Rota;
use crate::saves::Saves;
use crate::settings::Settings;
use crate::space::Position;
use crate::value::Kernel;
use crate::zone::refused;

/// The one desk of a game, lent to each zone in turn.
pub(crate) struct Desk {
    pub(crate) tick: u64,
    pub(crate) settings: Settings,
    pub(crate) content: Arc<Content>,
    pub(crate) table: Arc<ModuleTable>,
    /// Which zone each character of this process is in.
    pub(crate) here: Lookup<CharacterId, Whereabouts>,
    /// When each of those here is saved if it moved.
    pub(crate) saving: Rota,
    /// When each of those here is announced to the realm.
    pub(crate) presence: Rota,
    /// Those here whose progress has changed and isn't saved yet. Each is saved in its turn.
    pub(crate) soon: Rota,
    pub(crate) directory: Directory,
    pub(crate) kernel: Kernel,
    pub(crate) out: PublicationBuilder,
    pub(crate) letters: Vec<Envelope>,
    pub(crate) orders: Vec<Order>,
    pub(crate) saves: Saves,
    pub(crate) gm_log: Vec<GmEntry>,
    /// Of accounts whose character is in no zone now.
    pub(crate) absent_rates: AbsentRates,
    /// What is given up now.
    pub(crate) load: LoadLevel,
    /// Ticks that were dropped.
    pub(crate) rate_clock: RateClock,
    /// Players who go to another zone at the end of the tick; of the next one if they came here at the end of this.
    pub(crate) travels: Vec<Travel>,
    /// Where the letter at hand comes from.
    pub(crate) origin: Origin,
    /// Letters since the start that were dropped because they aren't what they say; no part of the world.
    pub(crate) unsound: u64,
    /// Requests refused since the start, for the operator; no part of the world.
    pub(crate) refusals: BTreeMap<Refusal, u64>,
}

/// Where a character of this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whereabouts {
    /// Index of its zone.
    pub(crate) zone: usize,
    pub(crate) player: PlayerId,
    pub(crate) session: Option<SessionId>,
}

/// Where a letter comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// A zone of this process.
    Here,
    /// Whoever can publish on the bus.
    Outside,
}

/// A wish to be in another zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Travel {
    pub(crate) character: CharacterId,
    pub(crate) zone: ZoneName,
    /// `None` for the zone's start.
    pub(crate) position: Option<Position>,
}

impl Desk {
    /// The time that players' rates are measured by.
    pub(crate) fn rate_time(&self) -> RateTime {
        self.rate_clock.at(self.tick, self.settings.tick_ms())
    }

    /// A character of this process is in a zone from now on.
    pub(crate) fn arrived(&mut self, character: CharacterId, at: Whereabouts) {
        self.here.insert(character, at);
        self.saving.add(character);
        self.presence.add(character);
    }

    /// It is in none any more.
    pub(crate) fn departed(&mut self, character: CharacterId) {
        self.here.remove(character);
        self.saving.remove(character);
        self.presence.remove(character);
        self.soon.remove(character);
    }

    /// Refuses a request of a client, and counts that.
    pub(crate) fn refuse(&mut self, session: SessionId, request: u32, refuse: Refuse) {
        *self.refusals.entry(refuse.reason).or_default() += 1;
        self.out.frame(session, request, &refused(refuse));
    }

    /// Ends a session whose packet wasn't what its id says.
    pub(crate) fn undecodable(&mut self, session: SessionId, error: &DecodeError) {
        self.orders.push(Order::Kick {
            session,
            reason: Farewell::Undecodable,
            message: error.to_string(),
        });
    }

    /// A letter isn't what it says. Told at each power of two, so that a flood of letters isn't a flood of lines.
    pub(crate) fn note_unsound(&mut self, kind: &str) {
        self.unsound += 1;
        if self.unsound.is_power_of_two() {
            let kind = kind.get(..kind.len().min(64)).unwrap_or("?");
            tracing::warn!(
                kind,
                total = self.unsound,
                "a letter is not what its kind says; dropped"
            );
        }
    }

    /// Puts a letter into the post.
    pub(crate) fn post<L: Letter>(&mut self, to: Address, letter: &L) {
        #[expect(clippy::expect_used, reason = "plain data of ours always serialises")]
        let body = postcard::to_stdvec(letter).expect("a letter is plain data");
        let route = self.route(&to);
        let (kind, body) = (L::KIND.to_owned(), Bytes::from(body));
        self.letters.push(Envelope { route, to, kind, body });
    }

    /// How a letter gets to `to`: a character that isn't here is found by way of the realm zone.
    fn route(&self, to: &Address) -> Route {
        match to {
            Address::Zone(zone) => Route::Zone(zone.clone()),
            Address::Everyone => Route::Everyone,
            Address::Character(character) if self.here.contains(*character) => {
                Route::Node(self.settings.node.clone())
            }
            Address::Character(_) => Route::Zone(ZoneName::realm()),
        }
    }
}
