//! A zone: its map, its entities, the players in it and one instance of each module.

pub mod entities;
pub mod grid;
pub mod map;
mod players;
pub mod visibility;

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use protocol::v1::{Refusal, Refused};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Scene;
use crate::desk::Desk;
use crate::game::StartError;
use crate::ids::{EntityId, PlayerId, SessionId, ZoneName};
use crate::module::{Caller, Event, Instance, PacketFault, Rate, Refuse};
use crate::player::Player;
use crate::record::{ItemRecord, Place, Saved, Sheet};
use crate::settings::Settings;
use crate::space::Position;
use crate::watch::{Part, Watch};
use map::Map;
use players::Players;

pub use entities::{Entities, Entity, EntityKind, MAX_ENTITIES, Spawn, ZoneFull};
pub use grid::{Cell, Grid, GridError};
pub use visibility::Visibility;

/// Events that may come of one call of a module: its own, and those that are set off by them. A cycle of modules that
/// answer each other's events would otherwise never end; a busy fight makes a few hundred.
const MAX_EVENTS: usize = 100_000;

/// One zone with its modules.
pub(crate) struct Zone {
    pub(crate) state: ZoneState,
    pub(crate) modules: Vec<Box<dyn Instance>>,
}

/// What a zone's modules share.
#[derive(Serialize, Deserialize)]
pub(crate) struct ZoneState {
    pub(crate) name: ZoneName,
    /// Read from the content, which is the same after a restore.
    #[serde(skip)]
    pub(crate) map: Option<Arc<Map>>,
    pub(crate) entities: Entities,
    pub(crate) grid: Grid,
    pub(crate) visibility: Visibility,
    pub(crate) players: Players,
    /// Items on the ground that have an owner in the database: the zone.
    pub(crate) ground: BTreeMap<EntityId, ItemRecord>,
    /// Items of unknown templates that lie on this ground; kept and not shown.
    pub(crate) quarantined: Vec<ItemRecord>,
    #[serde(skip)]
    pub(crate) events: VecDeque<Box<dyn Any + Send>>,
    #[serde(skip)]
    /// Events since the queue was last empty.
    pub(crate) cascade: usize,
}

/// A packet as a zone gets it.
pub(crate) struct Packet<'a> {
    pub(crate) session: SessionId,
    pub(crate) request: u32,
    pub(crate) id: u32,
    pub(crate) payload: &'a [u8],
}

impl Zone {
    /// Calls `act` on each module in order, and after each delivers the events that it set off.
    fn each_module(
        &mut self,
        desk: &mut Desk,
        mut act: impl FnMut(&mut dyn Instance, &mut Scene<'_>),
    ) {
        for index in 0..self.modules.len() {
            let mut scene = Scene { zone: &mut self.state, desk, request: 0 };
            act(self.modules[index].as_mut(), &mut scene);
            self.deliver_events(desk);
        }
    }

    /// First in, first out, until none is left.
    fn deliver_events(&mut self, desk: &mut Desk) {
        while let Some(event) = self.state.events.pop_front() {
            for module in &mut self.modules {
                let mut scene = Scene { zone: &mut self.state, desk, request: 0 };
                module.event(&mut scene, event.as_ref());
            }
        }
        self.state.cascade = 0;
    }

    pub(crate) fn start(&mut self, desk: &mut Desk) {
        self.each_module(desk, |module, scene| module.on_start(scene));
    }

    /// Before anything of a tick happens. In a tick that `catches_up` nothing was published since the one before, so
    /// who walked in that one is looked for where it is now.
    pub(crate) fn begin_tick(&mut self, catches_up: bool) {
        if catches_up {
            self.state.grid.rebuild(&self.state.entities);
        }
    }

    pub(crate) fn tick(&mut self, desk: &mut Desk, watch: &mut dyn Watch) {
        self.each_module(desk, |module, scene| {
            watch.enter(Part::Module(module.name()));
            module.on_tick(scene);
        });
    }

    pub(crate) fn enter(
        &mut self,
        desk: &mut Desk,
        player: PlayerId,
        saved: &BTreeMap<String, Saved>,
    ) {
        let names: Vec<_> = desk.table.names(self.state.is_realm()).collect();
        let mut names = names.into_iter();
        self.each_module(desk, |module, scene| {
            let blob = names.next().and_then(|name| saved.get(name));
            module.on_enter(scene, player, blob);
        });
    }

    /// Lets the modules know, at once, of something that came from outside the zone.
    pub(crate) fn tell<E: Event>(&mut self, desk: &mut Desk, event: E) {
        self.state.emit(event);
        self.deliver_events(desk);
    }

    pub(crate) fn leave(&mut self, desk: &mut Desk, player: PlayerId) {
        self.each_module(desk, |module, scene| module.on_leave(scene, player));
    }

    /// Writes down what is saved of `player` now, and gives its place; `None` if there is no such player.
    pub(crate) fn save(
        &mut self,
        desk: &mut Desk,
        player: PlayerId,
        sheet: &mut Sheet,
    ) -> Option<Place> {
        let place = self.state.place(player)?;
        sheet.begin(&place);
        for module in &mut self.modules {
            let page = sheet.page(module.name());
            let mut scene = Scene { zone: &mut self.state, desk, request: 0 };
            module.save(&mut scene, player, page);
        }
        Some(place)
    }

    /// Brings a packet to the module that owns it, and the events that it sets off to all.
    pub(crate) fn packet(
        &mut self,
        desk: &mut Desk,
        player: PlayerId,
        packet: &Packet<'_>,
    ) -> Result<(), PacketFault> {
        let outcome = self.handle_packet(desk, player, packet);
        self.deliver_events(desk);
        outcome
    }

    fn handle_packet(
        &mut self,
        desk: &mut Desk,
        player: PlayerId,
        packet: &Packet<'_>,
    ) -> Result<(), PacketFault> {
        let Some(target) = desk.table.packet(packet.id) else {
            let message = format!("there is no message {}", packet.id);
            return Err(PacketFault::Refused(Refuse::new(Refusal::UnknownMessage, message)));
        };
        let rate = self.modules[target.module].rate(target.route);
        self.check_packet(desk, player, packet.id, rate).map_err(PacketFault::Refused)?;
        let module = self.modules[target.module].as_mut();
        let mut scene = Scene { zone: &mut self.state, desk, request: packet.request };
        module.packet(&mut scene, target.route, player, packet.payload)
    }

    /// Refuses a kind of packet that the operator has switched off, and those beyond `rate` of one player.
    pub(crate) fn check_packet(
        &mut self,
        desk: &Desk,
        player: PlayerId,
        id: u32,
        rate: Rate,
    ) -> Result<(), Refuse> {
        if desk.settings.switched_off.contains(&id) {
            let message = "the operator has switched this off for now";
            return Err(Refuse::new(Refusal::SwitchedOff, message));
        }
        let Some(sender) = self.state.players.get_mut(player.entity()) else {
            return Ok(());
        };
        let taken = sender.buckets.take(id, rate, desk.rate_time());
        taken.map_err(|wait| {
            let message = format!("at most {} of these a second", rate.per_second);
            Refuse::new(Refusal::TooFast, message).for_ms(wait)
        })
    }

    /// Brings a letter to every module that handles its kind. False if its body isn't what its kind says.
    pub(crate) fn letter(
        &mut self,
        desk: &mut Desk,
        kind: &str,
        player: Option<PlayerId>,
        body: &[u8],
    ) -> bool {
        let mut sound = true;
        self.each_module(desk, |module, scene| {
            sound &= module.letter(scene, kind, player, body);
        });
        sound
    }

    /// Runs a line that a game master or the operator typed, and says what came of it.
    pub(crate) fn command(&mut self, desk: &mut Desk, caller: Caller, line: &str) -> String {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let arguments: Vec<&str> = words.collect();
        let Some((command, target)) = desk.table.command(name) else {
            return format!("there is no command {name:?}; try \"help\"");
        };
        let rank = match caller {
            Caller::Operator => crate::ids::Rank::Admin,
            Caller::Player(player) => {
                self.state.players.get(player.entity()).map(Player::rank).unwrap_or_default()
            }
        };
        if rank < command.rank {
            return format!("{name:?} is not for you");
        }
        let mut scene = Scene { zone: &mut self.state, desk, request: 0 };
        let module = self.modules[target.module].as_mut();
        let outcome = module.command(&mut scene, target.route, caller, &arguments);
        self.deliver_events(desk);
        outcome.unwrap_or_else(|error| error.to_string())
    }
}

impl ZoneState {
    /// An empty zone; without a map if it is the realm.
    pub(crate) fn new(
        name: ZoneName,
        settings: &Settings,
        content: &Content,
    ) -> Result<Self, StartError> {
        let map = content.shared_map(&name);
        if map.is_none() && name != ZoneName::realm() {
            return Err(StartError::UnknownZone(name));
        }
        let size = |side: i32| side.unsigned_abs();
        let (width, height) =
            map.as_ref().map_or((1, 1), |map| (size(map.width_cm()), size(map.height_cm())));
        let grid = Grid::new(width, height, settings.cell_size)
            .map_err(|error| StartError::Grid { zone: name.clone(), error })?;
        Ok(Self {
            name,
            map,
            entities: Entities::new(),
            grid,
            visibility: Visibility::new(settings.cell_margin, settings.view_budget()),
            players: Players::default(),
            ground: BTreeMap::new(),
            quarantined: Vec::new(),
            events: VecDeque::new(),
            cascade: 0,
        })
    }

    pub(crate) fn is_realm(&self) -> bool {
        self.map.is_none()
    }

    pub(crate) fn has_player_called(&self, name: &str) -> bool {
        let mut players = self.players.iter();
        players.any(|player| player.name.eq_ignore_ascii_case(name))
    }

    /// Where a player stands, in the shape that is saved.
    pub(crate) fn place(&self, player: PlayerId) -> Option<Place> {
        let entity = self.entities.get(player.entity())?;
        let position = entity.position();
        Some(Place {
            zone: self.name.clone(),
            x: position.x,
            y: position.y,
            heading: entity.heading().0,
        })
    }

    /// The sessions that see what happens at `position`: those whose anchor is a neighbour of its cell.
    pub(crate) fn watchers(&self, position: Position) -> impl Iterator<Item = SessionId> + '_ {
        let cell = self.grid.cell_of(position);
        // An anchor lies at most a margin away from its viewer, so nobody farther than two cells and that sees it.
        let reach = 2 * self.grid.cell_size() + self.visibility.margin();
        let near = self.grid.around(&self.entities, position, reach * 3 / 2);
        near.filter_map(|entity| self.players.get(entity.id())?.session)
            .filter(move |session| self.visibility.sees(*session, cell))
    }

    /// Puts an item that the zone owns on its ground; one of an unknown template is set aside.
    pub(crate) fn lay_out(&mut self, content: &Content, at: Position, item: ItemRecord) {
        let Some(kind) = content.item_kind(&item.template) else {
            tracing::warn!(zone = %self.name, item = %item.id, template = item.template, "set aside");
            self.quarantined.push(item);
            return;
        };
        let spawn = Spawn::item(&item.template, &kind.name, item.quantity, at);
        match self.entities.spawn(spawn) {
            Ok(entity) => drop(self.ground.insert(entity, item)),
            Err(error) => {
                tracing::warn!(zone = %self.name, item = %item.id, "{error}; set aside");
                self.quarantined.push(item);
            }
        }
    }

    pub(crate) fn emit<E: Event>(&mut self, event: E) {
        self.cascade += 1;
        if self.cascade > MAX_EVENTS {
            if self.cascade == MAX_EVENTS + 1 {
                tracing::error!(zone = %self.name, ?event, "more than {MAX_EVENTS} events in a row; dropped");
            }
            return;
        }
        self.events.push_back(Box::new(event));
    }
}

pub(crate) fn refused(refuse: Refuse) -> Refused {
    Refused {
        reason: refuse.reason.into(),
        message: refuse.message,
        retry_after_ms: refuse.retry_after_ms,
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::MAX_EVENTS;
    use crate::content::Content;
    use crate::ctx::Ctx;
    use crate::ids::{Rank, ZoneName};
    use crate::module::{Caller, CommandError, Event, Module, Routes};
    use crate::testing::GameTest;

    /// Counts events, and answers one kind with another of it.
    #[derive(Debug, Serialize, Deserialize)]
    struct Chain(usize);

    #[derive(Debug)]
    struct Endless;

    #[derive(Debug)]
    struct Single;

    impl Event for Endless {}
    impl Event for Single {}

    impl Module for Chain {
        const NAME: &'static str = "chain";

        fn new(_: &ZoneName, _: &Content) -> Self {
            Self(0)
        }

        fn routes(routes: &mut Routes<Self>) {
            routes.on_event(Self::endless);
            routes.on_event(Self::single);
            routes.command("endless", "", Rank::Guide, Self::begin);
            routes.command("single", "", Rank::Guide, Self::once);
            routes.command("counted", "", Rank::Guide, Self::counted);
        }
    }

    type Outcome = Result<String, CommandError>;

    impl Chain {
        fn endless(&mut self, ctx: &mut Ctx<'_>, _: &Endless) {
            self.0 += 1;
            ctx.emit(Endless);
        }

        fn single(&mut self, _: &mut Ctx<'_>, _: &Single) {
            self.0 += 1;
        }

        fn begin(&mut self, ctx: &mut Ctx<'_>, _: Caller, _: &[&str]) -> Outcome {
            ctx.emit(Endless);
            Ok(String::new())
        }

        fn once(&mut self, ctx: &mut Ctx<'_>, _: Caller, _: &[&str]) -> Outcome {
            ctx.emit(Single);
            Ok(String::new())
        }

        fn counted(&mut self, _: &mut Ctx<'_>, _: Caller, _: &[&str]) -> Outcome {
            Ok(self.0.to_string())
        }
    }

    #[test]
    fn events_that_answer_each_other_end_and_the_next_input_of_the_tick_is_heard() {
        let mut test = GameTest::with_modules(crate::modules::all().zone::<Chain>());
        test.player("Ada").operator("endless").operator("single").operator("counted").tick(1);
        assert_eq!(test.gm_log().last().unwrap().outcome, (MAX_EVENTS + 1).to_string());
    }
}
