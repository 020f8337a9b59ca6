//! The lobby's numbers: how long, how many, how often.

use std::time::Duration;

use protocol::PublicAddress;

/// What a lobby is told at its start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name and version of the server, for [`Welcome`](protocol::v1::Welcome).
    pub server: String,
    /// Where clients reach this server; what a redirect without an address names. `None` when that isn't known.
    pub address: Option<PublicAddress>,
    /// Silence after which the net layer closes a session; clients are told.
    pub heartbeat_timeout: Duration,
    /// From connect to login, kept by the net layer; clients are told.
    pub login_deadline: Duration,
    /// How long a character stays in the world, and a session token good, after a connection is lost. Long enough to
    /// restart a router, short enough that the character isn't everybody's prey.
    pub grace: Duration,
    /// How long a redirected session may take to close by itself, once its redirect is out.
    pub redirect_linger: Duration,
    /// Characters per account.
    pub characters_per_account: u32,
    /// Whether players may register by themselves.
    pub new_accounts: bool,
    /// Names that nobody may take.
    pub reserved_names: Vec<String>,
    /// Wrong phases, unknown messages and the like between two entries into the world. An honest client makes none,
    /// but one that is a version ahead may probe a few.
    pub errors_max: u32,
    /// Wrong passwords and tokens per session: what a person mistypes, too few to guess.
    pub failed_logins_max: u32,
    /// Wrong passwords for one account from one address until that address has to wait.
    pub guesses_per_account: u32,
    /// Wrong passwords for any accounts from one address until it has to wait.
    pub guesses_per_address: u32,
    /// Whether loopback addresses are counted there; proxies come from them.
    pub count_loopback: bool,
    /// Questions to the store and the auth pool that are under way, of all sessions. Above it clients are told to
    /// come back: at 1,000 logins a second, 4,096 are four seconds.
    pub questions_max: usize,
    /// Accounts logged in at once, those in their grace time included.
    pub logins_max: usize,
    /// Characters that may be in the world however overloaded the server is. Where so few are too many it isn't they
    /// who make ticks heavy, and an entry that closed on an empty world would never open for anybody.
    pub entry_floor: usize,
    /// Wishes to enter that wait for their turn at most. Each holds a connection, and so takes it from players who have
    /// lost theirs and come back.
    pub queue_max: usize,
    /// What a client is told to wait when something is full.
    pub retry_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: concat!("realmbeat ", env!("CARGO_PKG_VERSION")).to_owned(),
            address: "127.0.0.1:7777".parse().ok(),
            heartbeat_timeout: Duration::from_secs(30),
            login_deadline: Duration::from_secs(30),
            grace: Duration::from_secs(60),
            redirect_linger: Duration::from_secs(5),
            characters_per_account: 8,
            new_accounts: true,
            reserved_names: Vec::new(),
            errors_max: 16,
            failed_logins_max: 5,
            guesses_per_account: 10,
            guesses_per_address: 100,
            count_loopback: false,
            questions_max: 4096,
            logins_max: 20_000,
            entry_floor: 100,
            queue_max: 1_000,
            retry_after: Duration::from_secs(1),
        }
    }
}
