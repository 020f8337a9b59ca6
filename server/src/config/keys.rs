//! THE LIST: every key of the configuration with its meaning, type, default, range, and whether it can change while the
//! server runs.
//!
//! A new key is one entry here, and `config/server.toml` written anew with `--print-default-config`. Everything else
//! (the struct's field, the checks, `--print-config`, reloading) follows from the entry.

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "texts of the TOML reference: [::] is an address"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use game::ZoneName;
use protocol::PublicAddress;

use super::schema::{Applies, Key, Reader, Section, configuration, expected_within};
use super::setting::{Setting, Text};
use super::values::{BusUrl, LogFilter, LogFormat, Names, Secret, StoreUrl, Subject, Wait};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

const fn mins(mins: u64) -> Duration {
    Duration::from_mins(mins)
}

const RESERVED_NAMES: &[&str] = &[
    "admin",
    "administrator",
    "announcement",
    "gamemaster",
    "moderator",
    "operator",
    "realmbeat",
    "server",
    "support",
    "system",
];

/// A default that isn't a constant. The tests read every default, so a wrong one can't get out.
fn text<T: Text>(text: &str) -> T {
    T::parse(text).expect("the default is valid")
}

configuration! {
    /// Who this process is among the servers of its world.
    [server] Server {
        /// The server's name in logs and in its greeting.
        Restart name: String = text("realmbeat");

        /// Number of this process, different for each server of a world: the high bits of the ids that it gives out.
        Restart node: u16 = 1, in 1..=1023;

        /// Directory of everything that the server writes. It is made if it isn't there.
        Restart data_dir: PathBuf = text("data");
    }

    /// Sockets and sessions: the limits that keep one client, or many, from harming the others.
    [network] Network {
        /// Where clients connect. Port 0 takes a free one; the ready line names it. 0.0.0.0 or [::] is every interface.
        Restart listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 7777));

        /// What clients are told to connect to when they are sent here, a host name or an IP address; "" is the listen address.
        /// With 0.0.0.0 or [::] there and "" here, no client is sent here.
        Restart advertise: Option<PublicAddress> = None;

        /// "tick" sleeps until a socket is ready or a tick is due. "busy" never sleeps and takes a whole core for the
        /// lowest latency.
        Live wait: Wait = Wait::Tick;

        /// Threads that read and write the sockets, beside the loop that runs the world. 0: the loop does it itself, which
        /// costs least as long as one core can do all.
        Restart io_threads: u8 = 0, in 0..=32;

        /// Sessions at once. Each takes a file descriptor; the start raises the limit of descriptors or says that it can't.
        Restart max_sessions: usize = 10_000, in 1..=1_000_000;

        /// Sessions at once from one IP address. Households, cafes and mobile carriers share one; botnets don't.
        Live sessions_per_address: u32 = 64, in 1..=1_000_000;

        /// Whether sessions_per_address counts loopback too. Swarms of bots, proxies and tunnels come from there.
        Live limit_loopback: bool = false;

        /// Connections that the system keeps for us until we accept them. Its own limit is net.core.somaxconn.
        Restart backlog: u16 = 4096, in 1..=65_535;

        /// Socket events taken from the system per pass of the loop. More wait for the next pass, which is at once.
        Restart events_per_poll: usize = 1024, in 16..=65_536;

        /// Connections accepted per pass, so that a burst of logins doesn't hold up those who play.
        Live accepts_per_pass: usize = 256, in 1..=65_536;

        /// Bytes read from one session per pass, so that a loud client doesn't hold up the others.
        Restart read_budget_bytes: usize = 16 * KIB, in KIB..=MIB;

        /// Largest frame that a client may send. Larger ones end its session.
        Restart max_frame_bytes: usize = 4 * KIB, in 256..=64 * KIB;

        /// The same before it has logged in, when nobody vouches for it. A login token of an account service with roles and
        /// the like has 2 KiB.
        Restart max_frame_before_login_bytes: usize = 4 * KIB, in 256..=64 * KIB;

        /// A session that has sent nothing for so long is closed. Clients that have nothing to say send a heartbeat.
        Live heartbeat_timeout: Duration = secs(30), in secs(1)..=mins(60);

        /// From the connection to the end of the login, however slowly the bytes drip in.
        Live login_deadline: Duration = secs(10), in secs(1)..=mins(10);

        /// Packets that a session may send per second, on average. A client that steers with every tick sends 10 to 30.
        Live packets_per_second: u32 = 60, in 1..=100_000;

        /// Packets that it may send at once after a pause. More end its session.
        Live packet_burst: u32 = 120, in 1..=1_000_000;

        /// Bytes that a session may send per second, on average.
        Live bytes_per_second: usize = 32 * KIB, in KIB..=64 * MIB;

        /// Bytes that it may send at once after a pause. More end its session.
        Live byte_burst: usize = 64 * KIB, in KIB..=64 * MIB;

        /// Bytes per second that a client is shown of the world. In a crowd, where more moves than that, what is far is told in
        /// turns; who enters, leaves and is hurt is always told, and counts too. What somebody sees for the first time is told
        /// over as many ticks as that takes. 0 is no limit.
        Restart client_budget: u32 = 64 * 1024, in 0..=64 * 1024 * 1024;

        /// With so many unsent bytes a session gets no more motion; it gets fresh positions when it has caught up.
        Live output_soft_limit_bytes: usize = 64 * KIB, in 4 * KIB..=64 * MIB;

        /// With so many unsent bytes, of those that it had a tenth of a second to take, it is closed: it would hold the memory of
        /// those who keep up.
        Live output_hard_limit_bytes: usize = 256 * KIB, in 8 * KIB..=256 * MIB;

        /// How long a session that is being closed may take to read why.
        Live goodbye_timeout: Duration = secs(2), in millis(100)..=secs(30);
    }

    /// Accounts and logins.
    [auth] Auth {
        /// Threads that hash passwords, which is slow on purpose; the loop never does it.
        Restart workers: usize = 1, in 1..=64;

        /// Passwords that wait for a worker at most; no more than this machine hashes within half of network.login_deadline,
        /// which is measured at the start. Addresses take turns, and so do the accounts of one. When it is full, who has most
        /// waiting is told "busy".
        Restart queue: usize = 256, in 1..=65_536;

        /// Memory per password hash, in KiB. OWASP's advice for Argon2id is 19456 with 2 iterations; less is for tests.
        Restart argon2_memory_kib: u32 = 19_456, in 8..=1_048_576;

        /// Passes over that memory.
        Restart argon2_iterations: u32 = 2, in 1..=100;

        /// Secret that signs login tokens (HS256), shared with the account service. "": nobody logs in with tokens.
        /// Better set by the environment than in a file: REALMBEAT__AUTH__TOKEN_SECRET.
        Restart token_secret: Option<Secret> = None;

        /// Audience that a login token must name, so that another service's tokens are worth nothing here.
        Restart token_audience: String = text("realmbeat");

        /// How long a character stays in the world after its connection broke, for the player to come back to.
        Live grace: Duration = secs(30), in secs(0)..=mins(60);

        /// Characters that an account may have.
        Live characters_per_account: u32 = 8, in 1..=1000;

        /// Wrong passwords on one connection until it is closed.
        Live failed_logins_before_close: u32 = 5, in 1..=1000;

        /// Wrong passwords for one account from one address (IPv6: /64) until that address has to wait, and may try once a
        /// minute. Others, and the owner elsewhere, don't wait.
        Live guesses_per_account: u32 = 10, in 1..=10_000;

        /// Wrong passwords for all accounts from one address until it has to wait, and may try once in 6 seconds. Loopback
        /// counts if network.limit_loopback is set.
        Live guesses_per_address: u32 = 100, in 1..=1_000_000;

        /// Names that no character is made with and no player registers: those that players take for the staff or the
        /// server. Capitals, look-alike letters and digits, '_' and '-' make no difference. Who has one keeps it.
        Live reserved_names: Names = Names::from(RESERVED_NAMES);

        /// Whether players may register by themselves.
        Live new_accounts: bool = true;
    }

    /// What happens in the game, and how often.
    [world] World {
        /// Directory of the content files: zones, monsters, items.
        Restart content: PathBuf = text("config/content");

        /// Zones that run in this process. Empty: all of the content.
        Restart zones: Vec<ZoneName> = Vec::new();

        /// Whether the realm zone (whispers, who is online) runs in this process. Exactly one server of a world has it.
        Restart realm: bool = true;

        /// Ticks per second: how often the world moves and clients hear of it.
        Restart tick_rate: u32 = 10, in 1..=30;

        /// Late ticks that are simulated in a row before their outcome is published; the rest is dropped and counted.
        Restart max_catch_up: u32 = 5, in 1..=100;

        /// Seed of the world's randomness, beside a secret that the database keeps and the number of the start: no two starts
        /// throw the same dice.
        Restart seed: u64 = 1, in 0..=i64::MAX.unsigned_abs();

        /// Side of a cell of the grid, in centimetres. Players see the 3 x 3 cells around them.
        Restart cell_size_cm: i32 = 3200, in 500..=100_000;

        /// How far, in centimetres, players leave a cell before their view follows: it doesn't flicker at the border.
        Restart cell_margin_cm: i32 = 400, in 0..=50_000;
    }

    /// What is given up while ticks run late, so that they don't any more. docs/operations.md has the steps.
    [overload] Overload {
        /// Steps that may be taken, in their order: 1 motion in crowds is told in more turns, 2 monsters with nobody near
        /// them sleep, 3 who wants in waits in a queue. 0 gives up nothing.
        Live steps: u32 = 3, in 0..=3;

        /// Ticks take nearly their whole length, or come late, for so much longer than they don't until the next step
        /// is taken.
        Live climb_after: Duration = secs(3), in millis(100)..=mins(10);

        /// Ticks come in time and take little more than half of their length for so long until the last step is taken
        /// back. One that doesn't costs four that do.
        Live descend_after: Duration = secs(10), in secs(1)..=mins(60);
    }

    /// The database.
    [store] Store {
        /// Which database. "sqlite:FILE" is embedded; a relative file lies in server.data_dir.
        /// "postgres://USER:PASSWORD@HOST/DATABASE" is a database of a PostgreSQL server; better set by the environment
        /// than in a file when it has a password: REALMBEAT__STORE__URL.
        Restart url: StoreUrl = text("sqlite:realmbeat.sqlite3");

        /// Writes that may wait for the database, and as many reads. When it is behind, value operations are refused.
        Restart queue: usize = 1024, in 16..=65_536;

        /// A player's place and health are saved so often: what a crash may cost at most. Items and gold are saved at once.
        Restart save_interval: Duration = secs(5), in secs(1)..=mins(10);

        /// How long the ledger keeps each change to items and gold. Older ones are folded into balances, which keeps
        /// conservation provable and the database small. An hour at least; "0s" keeps everything for ever.
        Restart ledger_retention: Duration = days(90), in days(0)..=days(36_500);

        /// Rows of the ledger that an account may write per second, on average, with what costs it nothing: parting and
        /// joining stacks (2 rows each), dropping, picking up what was dropped, trades, letters. A row takes some 300 bytes.
        Restart account_rows_per_second: u32 = 1, in 1..=10_000;

        /// Rows that it may write at once after a pause.
        Restart account_row_burst: u32 = 20, in 2..=100_000;

        /// Value operations are refused while the disk of a SQLite database has less room than this, in MiB, so that what was
        /// confirmed can still be put in order. The log warns from ten times as much on. 0 looks at nothing.
        Restart disk_reserve_mib: u64 = 64, in 0..=1_048_576;
    }

    /// Messages between the servers of a world.
    [bus] Bus {
        /// "local" for a single server, or "nats://host:port".
        Restart url: BusUrl = BusUrl::Local;

        /// First part of the subjects on NATS. Servers with the same one are one world.
        Restart world: Subject = text("realmbeat");

        /// Addresses, such as ["game2.example.org:7777"], to which other servers may send players of this one. A redirect takes a
        /// session token along, so list only servers of this world.
        Restart redirect_to: Vec<PublicAddress> = Vec::new();

        /// Messages that may wait in each direction. When it is full, new ones are dropped and counted.
        Restart queue: usize = 4096, in 16..=1_048_576;
    }

    /// What the server tells its operator.
    [log] Log {
        /// Least level that is logged, or levels by part of the server: "info,server::net=debug".
        Live level: LogFilter = text("info");

        /// "text" for people, "json" for log collectors.
        Restart format: LogFormat = LogFormat::Text;

        /// How often a line with sessions, tick times and traffic is logged; "0s" is never.
        Live stats_interval: Duration = secs(10), in secs(0)..=mins(60);
    }

    /// The orderly end: the last tick, all saves, goodbyes.
    [shutdown] Shutdown {
        /// After so long the process ends even if something is unsaved, with an exit code that says so, or unsent.
        Live deadline: Duration = secs(20), in secs(1)..=mins(10);
    }
}
