//! Tests of game rules without sockets, database or time: a small world, players in it, packets in, packets out.
//!
//! ```
//! use game::testing::GameTest;
//! use protocol::v1::{ChatLine, Say};
//!
//! GameTest::new()
//!     .player("Ada")
//!     .send(Say { text: "hello".into() })
//!     .tick(1)
//!     .expect(|line: &ChatLine| line.text == "hello");
//! ```

mod conservation;
mod looking;
mod model;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
pub use conservation::Conservation;
pub use model::Model;

use protocol::v1;
use protocol::{ClientMessage, Envelope, split_frame};

use crate::content::{Content, ContentFiles};
use crate::game::Game;
use crate::ids::{AccountId, CharacterId, ItemId, Rank, SessionId, ZoneName};
use crate::input::Input;
use crate::module::{Event, ModuleList, ModuleTable, Rate};
use crate::publication::{Order, Publication};
use crate::record::{CharacterRecord, CharacterSave, GmEntry, Operation, Place};
use crate::settings::Settings;
use crate::space::Position;
use crate::zone::map::Map;

/// Frames are checked against this when they are read back; far above what a test makes.
const MAX_FRAME: usize = 1 << 24;

/// Tests move things about as fast as they like; those of the limit set it.
const PLENTY: Rate = Rate { per_second: 1_000, burst: 100_000 };

/// A game with a script: players enter, send, and what they got is looked at. Methods that name no player speak of the
/// one who entered or was chosen last.
pub struct GameTest {
    game: Game,
    content: Arc<Content>,
    table: Arc<ModuleTable>,
    inputs: Vec<Input>,
    players: BTreeMap<String, Actor>,
    current: String,
    next_id: u64,
    lose_letters: bool,
    bus_is_full: bool,
    /// What the database has decided and hasn't said, while it is slow.
    decisions: Vec<Input>,
    slow_database: bool,
    orders: Vec<Order>,
    gm_log: Vec<GmEntry>,
    operations: Vec<Operation>,
    model: Model,
    saves: BTreeMap<CharacterId, CharacterSave>,
}

struct Actor {
    character: CharacterId,
    session: SessionId,
    inbox: Vec<(u32, u32, Vec<u8>)>,
}

impl Default for GameTest {
    fn default() -> Self {
        Self::new()
    }
}

/// Settings of a test: what an account may write into the ledger ends no script.
fn settings() -> Settings {
    Settings { ledger_rows: PLENTY, ..Settings::default() }
}

/// A game in which all zones of the content run.
fn begin(content: &Arc<Content>, table: &Arc<ModuleTable>, settings: Settings) -> Game {
    let zones = content.zones().iter().map(|zone| zone.key.clone()).collect();
    let settings = Settings { zones, ..settings };
    let game = Game::new(settings, Arc::clone(content), Arc::clone(table));
    game.unwrap_or_else(|error| panic!("{error}"))
}

/// The world and who is in it.
impl GameTest {
    /// The modules of [`crate::modules::all`] in a small world: `field`, 200 m wide, with a hut, and `cellar`.
    #[must_use]
    pub fn new() -> Self {
        Self::with_modules(crate::modules::all())
    }

    /// The small world with other modules.
    ///
    /// # Panics
    /// When the list is no valid one; the message says why.
    #[must_use]
    pub fn with_modules(modules: ModuleList) -> Self {
        Self::with(small_world(), modules)
    }

    /// Any content and modules; all zones of the content run.
    ///
    /// # Panics
    /// When content or list aren't valid; the message says why.
    #[must_use]
    pub fn with(content: Content, modules: ModuleList) -> Self {
        let table = modules.check().unwrap_or_else(|error| panic!("{error}"));
        Self::of(Arc::new(content), Arc::new(table), settings())
    }

    /// The small world with the settings that `change` makes.
    ///
    /// # Panics
    /// When its modules aren't valid; the message says why.
    #[must_use]
    pub fn with_settings(change: impl FnOnce(&mut Settings)) -> Self {
        let table = crate::modules::all().check().unwrap_or_else(|error| panic!("{error}"));
        let mut settings = settings();
        change(&mut settings);
        Self::of(Arc::new(small_world()), Arc::new(table), settings)
    }

    fn of(content: Arc<Content>, table: Arc<ModuleTable>, settings: Settings) -> Self {
        let game = begin(&content, &table, settings);
        let ids = Input::ItemIds { first: ItemId(1), count: 1_000_000 };
        Self {
            game,
            content,
            table,
            inputs: vec![ids],
            players: BTreeMap::new(),
            current: String::new(),
            next_id: 1,
            lose_letters: false,
            bus_is_full: false,
            decisions: Vec::new(),
            slow_database: false,
            orders: Vec::new(),
            gm_log: Vec::new(),
            operations: Vec::new(),
            model: Model::default(),
            saves: BTreeMap::new(),
        }
    }

    /// The game itself.
    #[must_use]
    pub fn game(&self) -> &Game {
        &self.game
    }

    /// The content that it plays.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The map of a zone.
    ///
    /// # Panics
    /// When there is no such zone.
    #[must_use]
    pub fn map(&self, zone: &str) -> &Map {
        let zone = self.content.zone_content(&ZoneName::new(zone));
        &zone.unwrap_or_else(|| panic!("the test's world has no such zone")).map
    }

    /// A player enters the world, or the one of this name acts from now on. Who was here before comes back with what
    /// it owned and where it was.
    pub fn player(&mut self, name: &str) -> &mut Self {
        self.ranked(name, Rank::Player)
    }

    /// As [`Self::player`], with the rank of a game master.
    pub fn master(&mut self, name: &str) -> &mut Self {
        self.ranked(name, Rank::Master)
    }

    /// As [`Self::player`], with any rank.
    pub fn ranked(&mut self, name: &str, rank: Rank) -> &mut Self {
        name.clone_into(&mut self.current);
        if self.players.get(name).is_some_and(|actor| self.game.find(actor.character).is_some()) {
            return self;
        }
        let known = self.players.get(name).map(|actor| actor.character);
        let character = known.unwrap_or(CharacterId(self.next_id));
        let session = self.new_session_id();
        self.players.insert(name.to_owned(), Actor { character, session, inbox: Vec::new() });
        self.model.introduce(character, name);
        let save = self.saves.get(&character);
        let record = CharacterRecord {
            id: character,
            account: AccountId(character.0),
            name: name.to_owned(),
            rank,
            place: save.map(|save| save.place.clone()).or_else(|| self.middle_of_start()),
            modules: save.map(|save| save.modules.to_map()).unwrap_or_default(),
            items: self.model.items_of(character),
            gold: self.model.gold_of(character),
        };
        self.inputs.push(Input::Enter { session, character: Box::new(record) });
        self.tick(1)
    }

    /// Everybody starts at one place, so that rules about distances read plainly.
    fn middle_of_start(&self) -> Option<Place> {
        let zone = &self.content[self.content.player().start_zone];
        let at = zone.map.nearest_walkable(zone.start.centre());
        Some(Place { zone: zone.key.clone(), x: at.x, y: at.y, heading: 0 })
    }

    /// The player acts from now on.
    pub fn act_as(&mut self, name: &str) -> &mut Self {
        name.clone_into(&mut self.current);
        self
    }

    /// The player leaves the world.
    pub fn leave(&mut self, name: &str) -> &mut Self {
        let character = self.actor(name).character;
        self.inputs.push(Input::Leave { character });
        self
    }

    /// An input as it is, for what no other method says.
    pub fn input(&mut self, input: Input) -> &mut Self {
        self.inputs.push(input);
        self
    }

    /// The session of a player.
    #[must_use]
    pub fn session(&self, name: &str) -> SessionId {
        self.actor(name).session
    }

    /// The character of a player.
    #[must_use]
    pub fn character(&self, name: &str) -> CharacterId {
        self.actor(name).character
    }

    /// From now on the bus has no room for letters between zones, or has some again.
    pub fn fill_bus(&mut self, full: bool) -> &mut Self {
        self.bus_is_full = full;
        self
    }

    /// From now on letters between zones are lost, or aren't any more.
    pub fn lose_letters(&mut self, lose: bool) -> &mut Self {
        self.lose_letters = lose;
        self
    }

    /// From now on the database keeps to itself what it decides, or says it all in the next tick.
    pub fn slow_database(&mut self, slow: bool) -> &mut Self {
        self.slow_database = slow;
        self
    }

    /// From now on nothing can be made durable.
    pub fn close_store(&mut self) -> &mut Self {
        self.input(Input::ValueOpen { open: false })
    }

    /// What happens can be made durable again.
    pub fn open_store(&mut self) -> &mut Self {
        self.input(Input::ValueOpen { open: true })
    }

    /// The player's connection is lost; its character stays.
    pub fn lose_session(&mut self, name: &str) -> &mut Self {
        let character = self.actor(name).character;
        self.input(Input::Detach { character })
    }

    /// The player comes back to its character with another connection, or takes it over from the one that it has.
    pub fn new_session(&mut self, name: &str) -> &mut Self {
        let session = self.new_session_id();
        if let Some(actor) = self.players.get_mut(name) {
            actor.session = session;
        }
        let character = self.actor(name).character;
        self.input(Input::Attach { character, session })
    }

    /// The game goes on as one that was restored from its snapshot.
    ///
    /// # Panics
    /// When the snapshot can't be restored.
    pub fn restore(&mut self) -> &mut Self {
        let table = Arc::clone(&self.table);
        let game = Game::restore(&self.game.snapshot(), Arc::clone(&self.content), table);
        self.game = game.unwrap_or_else(|error| panic!("{error}"));
        self
    }

    fn new_session_id(&mut self) -> SessionId {
        self.next_id += 1;
        SessionId(1000 + self.next_id - 1)
    }

    fn actor(&self, name: &str) -> &Actor {
        self.players.get(name).unwrap_or_else(|| panic!("no player {name} in this test"))
    }
}

/// Acting.
impl GameTest {
    /// Sends a message at the next tick.
    pub fn send<M: ClientMessage>(&mut self, message: M) -> &mut Self {
        self.request(0, message)
    }

    /// Sends a message with a request number.
    pub fn request<M: ClientMessage>(&mut self, request: u32, message: M) -> &mut Self {
        let session = self.actor(&self.current).session;
        let payload = Bytes::from(message.encode_to_vec());
        self.inputs.push(Input::Packet { session, request, id: M::INFO.id, payload });
        self
    }

    /// Something happens in the zone of the current player, as if a module had emitted it; told at the next tick.
    pub fn emit<E: Event>(&mut self, event: E) -> &mut Self {
        let character = self.actor(&self.current).character;
        self.game.emit(character, event);
        self
    }

    /// Types a command.
    pub fn command(&mut self, line: &str) -> &mut Self {
        self.send(v1::Command { line: line.to_owned() })
    }

    /// The operator types a command.
    pub fn operator(&mut self, line: &str) -> &mut Self {
        self.input(Input::Operator { line: line.to_owned() })
    }

    /// The operator gives the current player an item.
    pub fn give(&mut self, item: &str, quantity: u32) -> &mut Self {
        let line = format!("give {} {item} {quantity}", self.current);
        self.operator(&line)
    }

    /// The operator gives the current player gold.
    pub fn give_gold(&mut self, amount: u64) -> &mut Self {
        let line = format!("give {} gold {amount}", self.current);
        self.operator(&line)
    }

    /// Moves the world on. What it says is durable at once; letters and decisions arrive in the next tick.
    pub fn tick(&mut self, ticks: u64) -> &mut Self {
        for _ in 0..ticks {
            let publication = self.game.tick(std::mem::take(&mut self.inputs), 1);
            self.collect(publication);
        }
        self
    }

    /// Puts a player somewhere, in the zone in which it is.
    pub fn place(&mut self, name: &str, at: Position) -> &mut Self {
        let character = self.actor(name).character;
        self.game.place(character, at);
        self.tick(1)
    }

    /// Puts a player where another one stands.
    pub fn place_beside(&mut self, name: &str, other: &str) -> &mut Self {
        let at = self.position(other);
        self.place(name, at)
    }

    /// Puts a player at the other end of the zone, out of sight.
    pub fn place_apart(&mut self, name: &str, other: &str) -> &mut Self {
        let zone = self.zone_of(other).unwrap_or_default();
        let (map, here) = (self.map(&zone), self.position(other));
        let far = |here: i32, size: i32| if here < size / 2 { size - 1 } else { 0 };
        let corner = Position { x: far(here.x, map.width_cm()), y: far(here.y, map.height_cm()) };
        let at = map.nearest_walkable(corner);
        self.place(name, at)
    }

    /// Sends a player to the start of another zone.
    pub fn travel(&mut self, name: &str, zone: &str) -> &mut Self {
        self.operator(&format!("teleport {name} {zone}")).tick(4)
    }

    fn collect(&mut self, publication: Publication) {
        for delivery in &publication.deliveries {
            let mut bytes = Vec::new();
            publication.frames(delivery).for_each(|frame| bytes.extend_from_slice(frame.bytes));
            publication.put_view(delivery, true, &mut bytes);
            let mut actors = self.players.values_mut();
            if let Some(actor) = actors.find(|actor| actor.session == delivery.session) {
                read_frames(&bytes, &mut actor.inbox);
            }
        }
        if !self.lose_letters {
            let arrive = if self.bus_is_full { Input::Undelivered } else { Input::OwnLetter };
            self.inputs.extend(publication.letters.iter().cloned().map(arrive));
        }
        for order in &publication.orders {
            if let Order::ReadMailbox { character, request } = *order {
                let mails = Some(self.model.mailbox(character));
                self.inputs.push(Input::Mailbox { character, request, mails });
            }
        }
        self.orders.extend(publication.orders.iter().cloned());
        if let Some(commit) = &publication.commit {
            self.gm_log.extend(commit.gm_log.iter().cloned());
            self.operations.extend(commit.operations.iter().cloned());
            self.decisions.extend(self.model.apply(commit).into_iter().map(Input::Decided));
            self.model.check_conservation();
            let saves = commit.characters.iter().map(|save| (save.character, save.clone()));
            self.saves.extend(saves);
        }
        if !self.slow_database {
            self.inputs.append(&mut self.decisions);
        }
        self.game.recycle(publication);
    }
}

/// Splits a stream of frames into `(id, request, payload)`.
fn read_frames(mut bytes: &[u8], inbox: &mut Vec<(u32, u32, Vec<u8>)>) {
    while let Some(frame) = split_frame(bytes, MAX_FRAME).unwrap_or_else(|error| panic!("{error}"))
    {
        let envelope = Envelope::parse(frame.packet).unwrap_or_else(|error| panic!("{error}"));
        inbox.push((envelope.id, envelope.request, envelope.payload.to_vec()));
        bytes = &bytes[frame.consumed..];
    }
    assert!(bytes.is_empty(), "a publication ends inside a frame");
}

/// The world of [`GameTest::new`].
///
/// # Panics
/// When it isn't valid content, which a test of this file would have found.
#[must_use]
pub fn small_world() -> Content {
    let files = ContentFiles::from_iter([
        ("player.toml", include_str!("testing/player.toml")),
        ("items.toml", include_str!("testing/items.toml")),
        ("monsters.toml", include_str!("testing/monsters.toml")),
        ("shops.toml", include_str!("testing/shops.toml")),
        ("zones/field.toml", include_str!("testing/field.toml")),
        ("zones/cellar.toml", include_str!("testing/cellar.toml")),
    ]);
    Content::parse(&files).unwrap_or_else(|errors| panic!("{errors:?}"))
}
