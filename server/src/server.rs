//! From a configuration to a running world: opens the parts in the order in which they need each other, and says in
//! one line what is wrong with the one that doesn't open.

mod settings;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use game::content::{Checked, ContentErrors, ZoneContent};
use game::zone::Grid;
use game::{Content, Game, Input, ModuleList, ModuleTable, TableError, ZoneName};
use protocol::{FIRST_MODULE_ID, PublicAddress};

use crate::auth::{self, AuthError, AuthPool};
use crate::bus::{self, Bus};
use crate::config::{Config, ConfigError, Loaded, Origin, Sources};
use crate::content_files::{ContentFilesError, read_content_files};
use crate::event_loop::{ByPhase, EventLoop, RunError};
use crate::lobby::{self, Lobby, system_tokens};
use crate::net::{
    BindError, Clients, DescriptorError, Framing, Limits, Rate, raise_descriptor_limit,
};
use crate::overload;
use crate::signals::Signals;
use crate::store::{self, Bounds, Location, Store, StoreSettings};
use crate::suspects::{Suspects, SuspectsError};
use crate::telemetry::LogLevels;
use crate::tick_clock::TickClock;
use settings::{bus_settings, game_settings};

/// One in so many of `network.max_sessions` may wait in the queue before the world, so that those who wait don't leave
/// the house full for a player who has lost the connection and comes back.
const QUEUE_SHARE: usize = 10;

/// Why a server can't start. One line for the operator each, but for lists of mistakes.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something that the configuration names can't be used.
    #[error("{0}")]
    Settings(#[from] ConfigError),
    /// The content files can't be read.
    #[error("{0}")]
    ContentFiles(#[from] ContentFilesError),
    /// The content files have mistakes.
    #[error("{0}")]
    Content(#[from] ContentErrors),
    /// Two modules want the same, or nobody wants something.
    #[error("{0}")]
    Modules(#[from] TableError),
    /// The game can't start with this content and these zones.
    #[error("{0}")]
    Game(#[from] game::StartError),
    /// The address can't be listened on.
    #[error("{0}")]
    Bind(#[from] BindError),
    /// More sessions than the system has descriptors for.
    #[error("{0}")]
    Descriptors(#[from] DescriptorError),
    /// The database can't be opened.
    #[error("{0}")]
    Store(#[from] store::OpenError),
    /// Logins can't be checked.
    #[error("{0}")]
    Auth(#[from] AuthError),
    /// The bus can't be opened.
    #[error("{0}")]
    Bus(#[from] bus::OpenError),
    /// The data directory can't be made.
    #[error("the data directory {path} can't be made: {source}")]
    DataDir {
        /// As configured.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The list of packets that are refused can't be read.
    #[error("{0}")]
    Suspects(#[from] SuspectsError),
    /// The system has no more threads, or no descriptors for their polls.
    #[error("the I/O threads can't be started: {0}")]
    IoThreads(std::io::Error),
    /// Signals can't be watched.
    #[error("signals can't be watched: {0}")]
    Signals(std::io::Error),
}

impl StartError {
    /// True if a file that an operator wrote is wrong, rather than the machine or another process.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Settings(_)
                | Self::ContentFiles(_)
                | Self::Content(_)
                | Self::Modules(_)
                | Self::Game(_)
                | Self::Auth(AuthError::HashParameters { .. } | AuthError::TooSlow { .. })
                | Self::Bus(
                    bus::OpenError::Url { .. }
                        | bus::OpenError::Name { .. }
                        | bus::OpenError::NotBuilt
                )
        )
    }
}

/// Puts a server together.
pub struct ServerBuilder {
    modules: ModuleList,
    levels: Option<LogLevels>,
    watches_signals: bool,
    /// Those that are watched already.
    signals: Option<Signals>,
}

/// A server that is ready: clients can connect, and are served once it runs.
pub struct Server {
    event_loop: EventLoop,
    address: SocketAddr,
}

impl Server {
    /// A server with the modules of [`game::modules::all`].
    #[must_use]
    pub fn builder() -> ServerBuilder {
        let modules = game::modules::all();
        ServerBuilder { modules, levels: None, watches_signals: true, signals: None }
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs the world on this thread until it is told to end.
    ///
    /// # Errors
    /// When it ends otherwise than in order.
    pub fn run(self) -> Result<(), RunError> {
        self.event_loop.run()
    }
}

impl ServerBuilder {
    /// Adds a module of your own to every zone, behind those of Realmbeat.
    #[must_use]
    pub fn module<M: game::Module>(mut self) -> Self {
        self.modules = self.modules.zone::<M>();
        self
    }

    /// Adds a module of your own to the realm zone.
    #[must_use]
    pub fn realm_module<M: game::Module>(mut self) -> Self {
        self.modules = self.modules.realm::<M>();
        self
    }

    /// Lets a reload of the configuration change the levels of the log.
    #[must_use]
    pub fn log_levels(mut self, levels: LogLevels) -> Self {
        self.levels = Some(levels);
        self
    }

    /// Leaves signals to the embedding program, which ends the server by an operator's command.
    #[must_use]
    pub fn without_signals(mut self) -> Self {
        self.watches_signals = false;
        self
    }

    /// Watches signals from here on, unless an embedding program does: one that comes during the start isn't lost.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn watch_signals(mut self) -> Result<Self, StartError> {
        if self.watches_signals && self.signals.is_none() {
            self.signals = Some(Signals::watch().map_err(StartError::Signals)?);
        }
        Ok(self)
    }

    /// Opens everything. Nothing is sent or served before [`Server::run`].
    ///
    /// # Errors
    /// When a part doesn't open.
    pub fn start(self, loaded: Loaded, sources: Sources) -> Result<Server, StartError> {
        let this = self.watch_signals()?;
        let config = &loaded.config;
        let table = Arc::new(this.modules.check()?);
        let Checked { content, warnings, .. } = usable_content(&loaded)?;
        for warning in warnings.iter() {
            tracing::warn!("content: {warning}");
        }
        let content = Arc::new(content);
        raise_descriptor_limit(config.network.max_sessions)?;
        let data_dir = &config.server.data_dir;
        std::fs::create_dir_all(data_dir)
            .map_err(|source| StartError::DataDir { path: data_dir.clone(), source })?;

        let suspects = Suspects::of(data_dir).ids()?;
        if !suspects.is_empty() {
            tracing::warn!(
                ?suspects,
                "these messages are refused since one of them brought the server down"
            );
        }

        let start = Instant::now();
        let network = &config.network;
        let clients = Clients::bind(network.listen, Framing::Delimited, limits(config), start)?
            .with_io_threads(network.io_threads, &ByPhase::new(foreign(&table)), &Instant::now)
            .map_err(StartError::IoThreads)?;
        let waker = clients.waker();
        // A waker that fails is a poll that is gone: nobody is left to be woken.
        let wake = move || drop(waker.wake());
        let game_settings = game_settings(config, &content, suspects);
        let bus = bus::open(bus_settings(config, &game_settings), wake.clone())?;
        let auth = AuthPool::start(&auth_settings(config), wake.clone())?;
        say_how_many_wait(&auth, &loaded);
        // Last of what may fail: it makes the database and counts the start.
        let (store, claim) = Store::open(store_settings(config), wake.clone())?;
        let game_settings =
            game::Settings { epoch: claim.epoch, secret: claim.secret, ..game_settings };
        let game = Game::new(game_settings, content, Arc::clone(&table))?;
        let address = clients.local_addr();
        let lobby = Lobby::new(lobby_settings(config, address), foreign(&table), system_tokens());
        let ground = Input::Ground { items: claim.ground };
        let period = Duration::from_millis(u64::from(game.tick_ms()));
        let clock = TickClock::new(Instant::now(), period, config.world.max_catch_up);
        tracing::info!(
            %address,
            database = %database(config),
            epoch = claim.epoch,
            node = config.server.node,
            zones = game.entities_by_zone().count(),
            "started"
        );
        if let Some(signals) = &this.signals {
            signals.serve(wake, config.shutdown.deadline);
        }
        let parts = Parts { clients, lobby, auth, store, bus, game, signals: this.signals };
        let event_loop = EventLoop::new(parts, loaded, sources, this.levels, clock, ground);
        Ok(Server { event_loop, address })
    }
}

/// For the operator who has set a longer queue than this machine is good for.
fn say_how_many_wait(auth: &AuthPool, loaded: &Loaded) {
    let (room, configured) = (auth.room(), loaded.config.auth.queue);
    let hash_ms = auth.hash_time().as_millis();
    if room < configured && *loaded.origin("auth.queue") != Origin::Default {
        tracing::warn!(
            "auth.queue is {configured}, and {room} passwords wait at most: a hash takes {hash_ms} ms here, and more \
             weren't done within half of network.login_deadline; raise auth.workers if cores are left over"
        );
    } else {
        tracing::info!(hash_ms, passwords_waiting_max = room, "passwords are hashed here");
    }
}

/// The parts of a server that were opened.
pub(crate) struct Parts {
    pub(crate) clients: Clients,
    pub(crate) lobby: Lobby,
    pub(crate) auth: AuthPool,
    pub(crate) store: Store,
    pub(crate) bus: Box<dyn Bus>,
    pub(crate) game: Game,
    pub(crate) signals: Option<Signals>,
}

pub(crate) fn read_content(config: &Config) -> Result<Checked, StartError> {
    let files = read_content_files(&config.world.content)?;
    Ok(Content::check(&files)?)
}

/// Ids of messages that modules outside this repository brought.
fn foreign(table: &ModuleTable) -> Vec<u32> {
    table.packet_ids().filter(|id| *id >= FIRST_MODULE_ID).collect()
}

/// The content, once it is sure that it has what the configuration names. Before anything is opened or made.
fn usable_content(loaded: &Loaded) -> Result<Checked, StartError> {
    let config = &loaded.config;
    let checked = read_content(config).map_err(|problem| {
        if let StartError::ContentFiles(missing) = &problem
            && missing.is_about(&config.world.content)
        {
            return loaded.unusable("world.content", missing).into();
        }
        problem
    })?;
    let content = &checked.content;
    let unknown = config.world.zones.iter().filter(|zone| content.zone(zone).is_none());
    let unknown: Vec<_> = unknown.map(ZoneName::as_str).collect();
    if !unknown.is_empty() {
        let zones: Vec<_> = content.zones().iter().map(|zone| zone.key.as_str()).collect();
        let (unknown, zones) = (unknown.join(" and no zone "), zones.join(", "));
        let detail = format!("the content has no zone {unknown}; it has {zones}");
        return Err(loaded.unusable("world.zones", detail).into());
    }
    check_cells(loaded, content)?;
    check_shops(loaded, content)?;
    check_database(loaded)?;
    Ok(checked)
}

fn runs_here(loaded: &Loaded, zone: &ZoneContent) -> bool {
    let zones = &loaded.config.world.zones;
    zones.is_empty() || zones.contains(&zone.key)
}

/// Whether the maps of the zones that run here can be cut into cells of this size.
fn check_cells(loaded: &Loaded, content: &Content) -> Result<(), ConfigError> {
    let world = &loaded.config.world;
    let runs_here = |zone: &&ZoneContent| runs_here(loaded, zone);
    let cell_size = world.cell_size_cm.unsigned_abs();
    content.zones().iter().filter(runs_here).try_for_each(|zone| {
        let sides = [zone.map.width_cm(), zone.map.height_cm()].map(i32::unsigned_abs);
        match Grid::new(sides[0], sides[1], cell_size) {
            Ok(_) => Ok(()),
            Err(problem) => {
                let detail = format!("zone {}: {problem}", zone.key);
                Err(loaded.unusable("world.cell_size_cm", detail))
            }
        }
    })
}

/// Whether a client can be sent the list of each shop, which is one message: beyond the hard limit it would be closed.
fn check_shops(loaded: &Loaded, content: &Content) -> Result<(), ConfigError> {
    let limit = loaded.config.network.output_hard_limit_bytes;
    let longest = content.shops().iter().max_by_key(|shop| content.shop_list_bytes(shop));
    match longest.map(|shop| (shop, content.shop_list_bytes(shop))) {
        Some((shop, bytes)) if bytes > limit => {
            let detail = format!(
                "the list of the shop {} takes up to {bytes} bytes; let it sell less, or allow more",
                shop.key
            );
            Err(loaded.unusable("network.output_hard_limit_bytes", detail))
        }
        _ => Ok(()),
    }
}

/// Whether `store.url` can be the address of a database, without going there.
pub(crate) fn check_database(loaded: &Loaded) -> Result<(), ConfigError> {
    let outcome = store::check(&database(&loaded.config));
    outcome.map_err(|problem| loaded.unusable("store.url", problem))
}

/// Looks at the content, and whether it has what the configuration names, as a start does: for `--check-config`. Returns
/// how each zone was read, the portals that are closed here, and the warnings, in lines for a person.
///
/// # Errors
/// As a start.
pub fn check_content(loaded: &Loaded) -> Result<String, StartError> {
    let Checked { content, zones, warnings } = usable_content(loaded)?;
    let mut lines = String::new();
    for (report, zone) in zones.iter().zip(content.zones()) {
        lines += &report.to_string();
        if !runs_here(loaded, zone) {
            lines += "  doesn't run here\n";
            continue;
        }
        for to in zone.portals.iter().map(|portal| &content[portal.to]) {
            if !runs_here(loaded, to) {
                lines += &format!("  the portal to {} is closed: it doesn't run here\n", to.key);
            }
        }
    }
    for warning in warnings.to_string().lines() {
        lines += &format!("warning: {warning}\n");
    }
    Ok(lines)
}

/// Where the database is.
#[must_use]
pub fn database(config: &Config) -> Location {
    config.store.url.place(&config.server.data_dir)
}

pub(crate) fn limits(config: &Config) -> Limits {
    let network = &config.network;
    let rate = |per_second: u32, burst: u32| Some(Rate { per_second, burst });
    let bytes = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    Limits {
        max_sessions: network.max_sessions,
        sessions_per_address: network.sessions_per_address,
        count_loopback: network.limit_loopback,
        backlog: i32::from(network.backlog),
        events_per_poll: network.events_per_poll,
        accepts_per_pass: network.accepts_per_pass,
        read_budget: network.read_budget_bytes,
        frame_limit_before_login: network.max_frame_before_login_bytes,
        frame_limit: network.max_frame_bytes,
        soft_output_limit: network.output_soft_limit_bytes,
        hard_output_limit: network.output_hard_limit_bytes,
        login_deadline: Some(network.login_deadline),
        heartbeat_timeout: Some(network.heartbeat_timeout),
        goodbye_deadline: network.goodbye_timeout,
        packet_rate: rate(network.packets_per_second, network.packet_burst),
        send_buffer: Limits::default().send_buffer,
        byte_rate: rate(bytes(network.bytes_per_second), bytes(network.byte_burst)),
    }
}

pub(crate) fn overload_rules(config: &Config) -> overload::Rules {
    let overload = &config.overload;
    overload::Rules {
        steps: overload.steps as usize,
        climb_after: overload.climb_after,
        descend_after: overload.descend_after,
    }
}

pub(crate) fn lobby_settings(config: &Config, address: SocketAddr) -> lobby::Settings {
    let (network, auth) = (&config.network, &config.auth);
    let listening = || PublicAddress::try_from(address).ok();
    lobby::Settings {
        server: format!("{} {}", config.server.name, env!("CARGO_PKG_VERSION")),
        address: network.advertise.clone().or_else(listening),
        heartbeat_timeout: network.heartbeat_timeout,
        login_deadline: network.login_deadline,
        grace: auth.grace,
        characters_per_account: auth.characters_per_account,
        failed_logins_max: auth.failed_logins_before_close,
        guesses_per_account: auth.guesses_per_account,
        guesses_per_address: auth.guesses_per_address,
        count_loopback: network.limit_loopback,
        new_accounts: auth.new_accounts,
        reserved_names: auth.reserved_names.as_slice().to_vec(),
        logins_max: network.max_sessions.saturating_mul(2),
        queue_max: network.max_sessions.div_ceil(QUEUE_SHARE),
        ..lobby::Settings::default()
    }
}

fn auth_settings(config: &Config) -> auth::Settings {
    let auth = &config.auth;
    let secret = auth.token_secret.as_ref();
    auth::Settings {
        password_workers: auth.workers,
        password_queue: auth.queue,
        login_deadline: config.network.login_deadline,
        memory_kib: auth.argon2_memory_kib,
        passes: auth.argon2_iterations,
        token_secret: secret.map(|secret| auth::Secret::new(secret.expose().to_owned())),
        audience: auth.token_audience.clone(),
        ..auth::Settings::default()
    }
}

fn store_settings(config: &Config) -> StoreSettings {
    let queue = config.store.queue;
    StoreSettings {
        bounds: Bounds { requests: queue, reads: queue, ..Bounds::default() },
        close_patience: config.shutdown.deadline,
        ledger_retention: config.store.ledger_retention,
        disk_reserve: config.store.disk_reserve_mib << 20,
        ..StoreSettings::new(database(config), config.server.node)
    }
}
