//! The whole game as bytes, and back: for replays, for tests that compare two runs, for a restart without a farewell.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::Game;
use super::travel::Traveler;
use crate::content::Content;
use crate::desk::{Desk, Travel, Whereabouts};
use crate::directory::Directory;
use crate::ids::{CharacterId, CommitSeq, SessionId};
use crate::load::LoadLevel;
use crate::lookup::Lookup;
use crate::module::{ModuleTable, SlotSnapshot};
use crate::rate_clock::RateClock;
use crate::rates::AbsentRates;
use crate::record::Sheet;
use crate::rota::Rota;
use crate::settings::Settings;
use crate::value::Kernel;
use crate::zone::{Zone, ZoneState};

/// Why a snapshot can't be restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The bytes aren't a snapshot of this version.
    #[error("not a snapshot of this version: {0}")]
    Malformed(String),
    /// The content has changed since.
    #[error("the snapshot was taken with other content: start with the content files of that time")]
    OtherContent,
    /// The modules have changed since.
    #[error("{0}")]
    OtherModules(String),
}

#[derive(Serialize)]
struct GameRef<'a> {
    content: u64,
    settings: &'a Settings,
    tick: u64,
    last_commit: CommitSeq,
    kernel: &'a Kernel,
    directory: &'a Directory,
    travelers: &'a BTreeMap<CharacterId, Traveler>,
    travels: &'a [Travel],
    absent_rates: &'a AbsentRates,
    soon: &'a Rota,
    load: LoadLevel,
    rate_clock: RateClock,
    zones: Vec<(&'a ZoneState, Vec<SlotSnapshot>)>,
}

#[derive(Deserialize)]
struct GameOwned {
    content: u64,
    settings: Settings,
    tick: u64,
    last_commit: CommitSeq,
    kernel: Kernel,
    directory: Directory,
    travelers: BTreeMap<CharacterId, Traveler>,
    travels: Vec<Travel>,
    absent_rates: AbsentRates,
    soon: Rota,
    load: LoadLevel,
    rate_clock: RateClock,
    zones: Vec<(ZoneState, Vec<SlotSnapshot>)>,
}

impl Game {
    /// Everything that the game remembers. Taken between two ticks.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let zones = self.zones.iter().map(|zone| (&zone.state, slots(zone))).collect();
        to_bytes(&GameRef {
            content: self.desk.content.hash(),
            settings: &self.desk.settings,
            tick: self.desk.tick,
            last_commit: self.last_commit,
            kernel: &self.desk.kernel,
            directory: &self.desk.directory,
            travelers: &self.travelers,
            travels: &self.desk.travels,
            absent_rates: &self.desk.absent_rates,
            soon: &self.desk.soon,
            load: self.desk.load,
            rate_clock: self.desk.rate_clock,
            zones,
        })
    }

    /// The game that `snapshot` was taken of: from here on the same inputs give the same publications.
    ///
    /// # Errors
    /// When the bytes are of another version, or content or modules have changed.
    pub fn restore(
        snapshot: &[u8],
        content: Arc<Content>,
        table: Arc<ModuleTable>,
    ) -> Result<Self, RestoreError> {
        let saved: GameOwned = postcard::from_bytes(snapshot)
            .map_err(|error| RestoreError::Malformed(error.to_string()))?;
        if saved.content != content.hash() {
            return Err(RestoreError::OtherContent);
        }
        let mut zones = Vec::with_capacity(saved.zones.len());
        for (mut state, slots) in saved.zones {
            state.map = content.shared_map(&state.name);
            let modules = table.restore(&state.name, slots).map_err(RestoreError::OtherModules)?;
            zones.push(Zone { state, modules });
        }
        let mut desk = Desk::new(saved.settings, content, table);
        desk.tick = saved.tick;
        desk.kernel = saved.kernel;
        desk.directory = saved.directory;
        desk.travels = saved.travels;
        desk.absent_rates = saved.absent_rates;
        desk.soon = saved.soon;
        desk.load = saved.load;
        desk.rate_clock = saved.rate_clock;
        let mut sessions = sessions_of(&saved.travelers);
        for (index, zone) in zones.iter().enumerate() {
            for player in zone.state.players.iter() {
                let at = Whereabouts { zone: index, player: player.id, session: player.session };
                desk.arrived(player.character, at);
                sessions.extend(player.session.map(|session| (session, player.character)));
            }
        }
        let (travelers, last_commit) = (saved.travelers, saved.last_commit);
        let sheet = Sheet::default();
        Ok(Self { desk, zones, sessions, travelers, last_commit, sheet, serving: None })
    }

    /// Equal for two games that remember the same.
    #[must_use]
    pub fn hash(&self) -> u64 {
        xxh3_64(&self.snapshot())
    }

    /// Equal for two zones that remember the same, by zone name: says where two runs part.
    #[must_use]
    pub fn zone_hashes(&self) -> BTreeMap<String, u64> {
        let hash = |zone: &Zone| xxh3_64(&to_bytes(&(&zone.state, slots(zone))));
        self.zones.iter().map(|zone| (zone.state.name.to_string(), hash(zone))).collect()
    }
}

fn slots(zone: &Zone) -> Vec<SlotSnapshot> {
    zone.modules.iter().map(|module| module.snapshot()).collect()
}

fn sessions_of(travelers: &BTreeMap<CharacterId, Traveler>) -> Lookup<SessionId, CharacterId> {
    let with_session = |(character, traveler): (&CharacterId, &Traveler)| {
        traveler.session.map(|session| (session, *character))
    };
    let mut sessions = Lookup::default();
    sessions.extend(travelers.iter().filter_map(with_session));
    sessions
}

fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "plain data of ours always serialises")]
    let bytes = postcard::to_stdvec(value).expect("the game's state is plain data");
    bytes
}
