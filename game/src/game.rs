//! The game: all zones of a process and the tick that moves them. Inputs in, a publication out, nothing else.

mod commit;
mod decisions;
mod letters;
mod players;
mod snapshot;
mod travel;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::ClientMessage;
use protocol::v1::{self, CommandResult, Refusal, WatchDigest};

use crate::content::Content;
use crate::desk::{Desk, Origin, Whereabouts};
use crate::directory::{ANNOUNCE_MS, Directory};
use crate::ids::{AccountId, CharacterId, CommitSeq, ItemId, Rank, SessionId, ZoneName};
use crate::input::Input;
use crate::load::LoadLevel;
use crate::lookup::Lookup;
use crate::module::{Caller, Event, ModuleTable, PacketFault, Rate, Refuse};
use crate::player::Player;
use crate::publication::{Order, Publication, PublicationBuilder};
use crate::rate_clock::RateClock;
use crate::rates::AbsentRates;
use crate::record::{GmEntry, ItemRecord, Owner, Sheet};
use crate::rota::Rota;
use crate::saves::Saves;
use crate::settings::Settings;
use crate::space::Position;
use crate::value::Kernel;
use crate::watch::{Part, Watch};
use crate::zone::{Entities, Entity, Packet, Zone, ZoneState};
use travel::Traveler;

use commit::PROGRESS_MS;
pub use snapshot::RestoreError;

/// Commands are typed by people, and each of a game master's is a line in the audit log.
const COMMANDS: Rate = Rate { per_second: 5, burst: 20 };

/// Under load a view has this part of its budget: a crowd costs a quarter of the bytes and of the time to send them, and
/// everybody still sees all who are near, in every tick.
const LOADED_SHARE: u32 = 4;

/// All zones of one process.
pub struct Game {
    desk: Desk,
    zones: Vec<Zone>,
    sessions: Lookup<SessionId, CharacterId>,
    travelers: BTreeMap<CharacterId, Traveler>,
    last_commit: CommitSeq,
    /// Paper for the save at hand.
    sheet: Sheet,
    /// Not part of the world: what is being handled right now, for whoever has to explain a panic.
    serving: Option<Serving>,
}

/// A packet that is being handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serving {
    /// Its message id.
    pub packet: u32,
    /// Who sent it.
    pub account: AccountId,
}

/// Why a game can't start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// A zone is to be hosted that the content doesn't have.
    #[error("zone {0} is to run here, but the content has no zone of that name")]
    UnknownZone(ZoneName),
    /// The zone's map can't be cut into cells.
    #[error("zone {zone}: {error}")]
    Grid {
        /// Which zone.
        zone: ZoneName,
        /// Why.
        error: crate::zone::GridError,
    },
}

impl Game {
    /// A world at tick 0, with nobody in it.
    ///
    /// # Errors
    /// When `settings` name a zone that `content` doesn't have.
    pub fn new(
        settings: Settings,
        content: Arc<Content>,
        table: Arc<ModuleTable>,
    ) -> Result<Self, StartError> {
        let mut names = settings.zones.clone();
        names.extend(settings.realm.then(ZoneName::realm));
        let mut zones = Vec::with_capacity(names.len());
        for name in names {
            let state = ZoneState::new(name, &settings, &content)?;
            let modules = table.create(&state.name, &content, &settings);
            zones.push(Zone { state, modules });
        }
        let mut game = Self {
            desk: Desk::new(settings, content, table),
            zones,
            sessions: Lookup::default(),
            travelers: BTreeMap::new(),
            last_commit: CommitSeq(0),
            sheet: Sheet::default(),
            serving: None,
        };
        for zone in &mut game.zones {
            zone.start(&mut game.desk);
        }
        Ok(game)
    }

    /// Applies `inputs`, then moves the world by `steps` ticks, at least one, and publishes once. More than one step
    /// catches up after a late tick. A caller who drains a vector keeps its memory for the next tick.
    pub fn tick(&mut self, inputs: impl IntoIterator<Item = Input>, steps: u32) -> Publication {
        self.tick_watched(inputs, steps, &mut ())
    }

    /// As [`Self::tick`], under the eyes of `watch`, which changes nothing.
    pub fn tick_watched(
        &mut self,
        inputs: impl IntoIterator<Item = Input>,
        steps: u32,
        watch: &mut dyn Watch,
    ) -> Publication {
        let mut inputs = inputs.into_iter().fuse();
        for step in 0..steps.max(1) {
            watch.enter(Part::Inputs);
            self.desk.tick += 1;
            for zone in &mut self.zones {
                zone.begin_tick(step > 0);
            }
            for input in inputs.by_ref() {
                self.apply(input);
            }
            for zone in &mut self.zones {
                zone.tick(&mut self.desk, watch);
            }
            watch.enter(Part::Travel);
            self.carry_travelers();
            self.keep_presence();
            watch.enter(Part::Saves);
            self.save_due();
        }
        self.publish(watch)
    }

    /// The packet that is being handled: after a panic in [`Self::tick`], the one that set it off, if one did.
    #[must_use]
    pub fn serving(&self) -> Option<Serving> {
        self.serving
    }

    /// Ticks since the world began.
    #[must_use]
    pub fn tick_count(&self) -> u64 {
        self.desk.tick
    }

    /// Characters in the world, those between zones included.
    #[must_use]
    pub fn population(&self) -> usize {
        self.desk.here.len() + self.travelers.len()
    }

    /// Requests that were refused since the start, by reason.
    #[must_use]
    pub const fn refusals(&self) -> &BTreeMap<Refusal, u64> {
        &self.desk.refusals
    }

    /// Entities of each zone, by zone name.
    pub fn entities_by_zone(&self) -> impl Iterator<Item = (&str, usize)> + '_ {
        self.zones.iter().map(|zone| (zone.state.name.as_str(), zone.state.entities.len()))
    }

    /// Length of a tick in milliseconds.
    #[must_use]
    pub fn tick_ms(&self) -> u32 {
        self.desk.settings.tick_ms()
    }

    /// Gives back the buffers of a publication that has been handed out, for the next one.
    pub fn recycle(&mut self, publication: Publication) {
        self.desk.out.recycle(publication);
    }

    fn apply(&mut self, input: Input) {
        match input {
            Input::Enter { session, character } => self.enter(session, *character),
            Input::Attach { character, session } => self.attach(character, session),
            Input::Detach { character } => self.detach(character),
            Input::Leave { character } => self.leave(character),
            Input::Packet { session, request, id, payload } => {
                self.packet(&Packet { session, request, id, payload: &payload });
            }
            Input::Stale { session } => self.stale(session),
            Input::Letter(letter) => self.letter(&letter, Origin::Outside),
            Input::OwnLetter(letter) => self.letter(&letter, Origin::Here),
            Input::Undelivered(letter) => self.undelivered(&letter),
            Input::Operator { line } => self.operator(&line),
            Input::ItemIds { first, count } => self.desk.kernel.add_ids(first, count),
            Input::Ground { items } => self.lay_out(items),
            Input::ValueOpen { open } => self.desk.kernel.set_open(open),
            Input::Decided(decision) => self.decided(decision),
            Input::Mailbox { character, request, mails } => {
                self.mailbox(character, request, mails);
            }
            Input::SaveFailed { character } => self.save_failed(character),
            Input::LoadLevel { level } => self.set_load(level),
            Input::TicksDropped { ticks } => {
                self.desk.rate_clock.drop_ticks(ticks, self.desk.tick);
            }
        }
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        let Some(at) = self.whereabouts(packet.session) else {
            return self.packet_of_traveler(packet);
        };
        let zone = &mut self.zones[at.zone];
        let sender = zone.state.players.get(at.player.entity());
        self.serving = sender.map(|player| Serving { packet: packet.id, account: player.account });
        let outcome = match packet.id {
            id if id == v1::Command::INFO.id => self.command(at, packet),
            id if id == WatchDigest::INFO.id => self.watch_digest(at, packet),
            _ => zone.packet(&mut self.desk, at.player, packet),
        };
        self.serving = None;
        match outcome {
            Ok(()) => {}
            Err(PacketFault::Refused(refuse)) => {
                self.desk.refuse(packet.session, packet.request, refuse);
            }
            Err(PacketFault::Undecodable(error)) => self.desk.undecodable(packet.session, &error),
        }
    }

    /// A client that waits for an answer is told why there is none; where its character is it learns by Entered.
    fn packet_of_traveler(&mut self, packet: &Packet<'_>) {
        if packet.request != 0 && self.sessions.contains(packet.session) {
            let refuse = self.on_the_way();
            self.desk.refuse(packet.session, packet.request, refuse);
        }
    }

    fn whereabouts(&self, session: SessionId) -> Option<Whereabouts> {
        let character = self.sessions.get(session)?;
        self.desk.here.get(*character).copied()
    }

    /// A message that belongs to no module: as often as `rate` says, and decoded as strictly as any other.
    fn decode<M: ClientMessage>(
        &mut self,
        at: Whereabouts,
        packet: &Packet<'_>,
        rate: Rate,
    ) -> Result<M, PacketFault> {
        let zone = &mut self.zones[at.zone];
        zone.check_packet(&self.desk, at.player, packet.id, rate).map_err(PacketFault::Refused)?;
        protocol::decode_client(packet.payload).map_err(PacketFault::Undecodable)
    }

    /// A line that a character typed: run, answered, and kept for the audit log if it is a game master's.
    fn command(&mut self, at: Whereabouts, packet: &Packet<'_>) -> Result<(), PacketFault> {
        const MAX_LINE: usize = 256;
        let v1::Command { line } = self.decode(at, packet, COMMANDS)?;
        if line.len() > MAX_LINE {
            let message = "a command is at most 256 bytes of text";
            return Err(PacketFault::Refused(Refuse::new(Refusal::BadRequest, message)));
        }
        // What a game master types is shown to players, and all of it stands in the audit log.
        crate::text::check(&line).map_err(|error| {
            PacketFault::Refused(Refuse::new(Refusal::BadRequest, format!("a command: {error}")))
        })?;
        let zone = &mut self.zones[at.zone];
        let text = zone.command(&mut self.desk, Caller::Player(at.player), &line);
        let typist = zone.state.players.get(at.player.entity());
        if let Some(master) = typist.filter(|player| player.rank > Rank::Player) {
            self.desk.gm_log.push(GmEntry { actor: master.character, line, outcome: text.clone() });
        }
        let answer = CommandResult { text };
        self.desk.out.frame(packet.session, packet.request, &answer);
        Ok(())
    }

    /// A line that the operator typed. It runs in the zone of a player whom it names, else in the first one; what
    /// concerns other zones goes by letter.
    fn operator(&mut self, line: &str) {
        let outcome = match crate::text::check(line) {
            Ok(()) => self.operator_command(line),
            Err(error) => error.to_string(),
        };
        tracing::info!(line, outcome, "operator command");
        let (actor, line) = (CharacterId(0), line.to_owned());
        self.desk.gm_log.push(GmEntry { actor, line, outcome });
    }

    fn operator_command(&mut self, line: &str) -> String {
        let named =
            |zone: &Zone| line.split_whitespace().any(|word| zone.state.has_player_called(word));
        let mut zones = self.zones.iter();
        let index = zones.position(named).or_else(|| {
            let mut zones = self.zones.iter();
            zones.position(|zone| !zone.state.is_realm())
        });
        match index {
            Some(index) => self.zones[index].command(&mut self.desk, Caller::Operator, line),
            None => "commands run in zones, and only the realm runs here".to_owned(),
        }
    }

    fn watch_digest(&mut self, at: Whereabouts, packet: &Packet<'_>) -> Result<(), PacketFault> {
        let watch: WatchDigest = self.decode(at, packet, Rate::DEFAULT)?;
        let visibility = &mut self.zones[at.zone].state.visibility;
        visibility.set_digest(packet.session, watch.on);
        Ok(())
    }

    fn set_load(&mut self, level: LoadLevel) {
        self.desk.load = level;
        let whole = self.desk.settings.view_budget();
        let budget = if level >= LoadLevel::Motion { whole / LOADED_SHARE } else { whole };
        for zone in &mut self.zones {
            zone.state.visibility.set_budget(budget);
        }
    }

    fn stale(&mut self, session: SessionId) {
        if let Some(at) = self.whereabouts(session) {
            self.zones[at.zone].state.visibility.mark_stale(session);
        }
    }

    /// Puts what the database says lies on the grounds there.
    fn lay_out(&mut self, items: Vec<ItemRecord>) {
        for item in items {
            let Owner::Ground { zone, x, y } = &item.owner else {
                continue;
            };
            let Some(index) = self.zone_index(zone) else {
                continue;
            };
            self.zones[index].state.lay_out(&self.desk.content, Position { x: *x, y: *y }, item);
        }
    }

    fn zone_index(&self, name: &ZoneName) -> Option<usize> {
        self.zones.iter().position(|zone| zone.state.name == *name)
    }

    fn publish(&mut self, watch: &mut dyn Watch) -> Publication {
        watch.enter(Part::Commit);
        let commit = self.make_commit();
        if self.desk.kernel.wants_ids() {
            self.desk.orders.push(Order::NeedItemIds);
        }
        watch.enter(Part::Visibility);
        for zone in &mut self.zones {
            let state = &mut zone.state;
            state.visibility.publish(
                self.desk.tick,
                &mut state.entities,
                &mut state.grid,
                &mut self.desk.out,
            );
        }
        watch.enter(Part::Publication);
        let mut publication = self.desk.out.finish(self.desk.tick);
        publication.commit = commit;
        publication.value_after = self.last_commit;
        publication.letters = std::mem::take(&mut self.desk.letters);
        publication.orders = std::mem::take(&mut self.desk.orders);
        publication
    }
}

/// What a game's memory says about who owns what, as [`Game::holdings`] gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Every item of a character that is here, and on the grounds.
    pub items: BTreeMap<ItemId, ItemRecord>,
    /// The purse of every character that is here.
    pub gold: BTreeMap<CharacterId, u64>,
}

impl Holdings {
    fn add<'a>(&mut self, items: impl IntoIterator<Item = &'a ItemRecord>) {
        self.items.extend(items.into_iter().map(|item| (item.id, item.clone())));
    }
}

impl Desk {
    fn new(settings: Settings, content: Arc<Content>, table: Arc<ModuleTable>) -> Self {
        Self {
            tick: 0,
            kernel: Kernel::new(settings.epoch),
            saving: Rota::new(settings.save_interval),
            presence: Rota::new(u64::from(ANNOUNCE_MS / settings.tick_ms())),
            soon: Rota::new(u64::from(PROGRESS_MS / settings.tick_ms())),
            settings,
            content,
            table,
            here: Lookup::default(),
            directory: Directory::default(),
            out: PublicationBuilder::default(),
            letters: Vec::new(),
            orders: Vec::new(),
            saves: Saves::default(),
            gm_log: Vec::new(),
            absent_rates: AbsentRates::default(),
            load: LoadLevel::default(),
            rate_clock: RateClock::default(),
            travels: Vec::new(),
            origin: Origin::Here,
            unsound: 0,
            refusals: BTreeMap::new(),
        }
    }
}

/// Looking from outside, for tests and reports.
impl Game {
    /// The zone and the entity of a character that is in a zone.
    #[must_use]
    pub fn find(&self, character: CharacterId) -> Option<(&ZoneName, &Entity)> {
        let at = self.desk.here.get(character)?;
        let state = &self.zones[at.zone].state;
        Some((&state.name, state.entities.get(at.player.entity())?))
    }

    /// A character that is in a zone, as a player.
    #[must_use]
    pub fn player(&self, character: CharacterId) -> Option<&Player> {
        let at = self.desk.here.get(character)?;
        self.zones[at.zone].state.players.get(at.player.entity())
    }

    /// All that is owned here: by the characters in the world, those between zones included, and by the zones.
    #[must_use]
    pub fn holdings(&self) -> Holdings {
        let mut holdings = Holdings::default();
        let states = || self.zones.iter().map(|zone| &zone.state);
        for player in states().flat_map(|state| state.players.iter()) {
            let inventory = player.inventory();
            holdings.gold.insert(player.character, inventory.gold());
            holdings.add(inventory.items().chain(inventory.quarantined()));
        }
        for state in states() {
            holdings.add(state.ground.values().chain(&state.quarantined));
        }
        for (character, traveler) in &self.travelers {
            holdings.gold.insert(*character, traveler.record.gold);
            holdings.add(&traveler.record.items);
        }
        holdings
    }

    /// The entities of a zone.
    #[must_use]
    pub fn entities(&self, zone: &ZoneName) -> Option<&Entities> {
        self.zone_index(zone).map(|index| &self.zones[index].state.entities)
    }

    /// Lets the modules of a character's zone know of something in the next tick: for tests.
    pub(crate) fn emit<E: Event>(&mut self, character: CharacterId, event: E) {
        if let Some(here) = self.desk.here.get(character) {
            self.zones[here.zone].state.emit(event);
        }
    }

    /// Puts a character somewhere else in its zone, as no input can: for tests.
    pub(crate) fn place(&mut self, character: CharacterId, at: Position) {
        let Some(here) = self.desk.here.get(character) else {
            return;
        };
        let entities = &mut self.zones[here.zone].state.entities;
        if let Some(entity) = entities.get_mut(here.player.entity()) {
            entity.set_position(at);
        }
    }
}
