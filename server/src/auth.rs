//! Checks passwords and login tokens on threads of their own, so that a burst of logins never stops the world.
//!
//! Passwords and tokens have separate lanes: hashing a password takes tens of milliseconds on purpose, verifying a
//! token takes microseconds, and a token must not wait behind a queue of passwords.

mod hs256;
mod password;
mod pool;
mod queue;
mod secret;
mod token;

use std::net::IpAddr;
use std::time::Duration;

use crate::store::Ticket;

pub use pool::{AuthPool, Busy};
pub use secret::Secret;
pub use token::{Claims, TokenError, mint_token};

/// How logins are checked. All of it is fixed at start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Threads that hash passwords, at least 1. Each hash takes a core for tens of milliseconds; a second thread
    /// pays off only where cores are left over by the loop.
    pub password_workers: usize,
    /// Passwords that wait for a worker at most, at least 1. No more wait than are hashed within half of the login
    /// deadline: the others would be hashed for nobody.
    pub password_queue: usize,
    /// From a client's connection to the end of its login.
    pub login_deadline: Duration,
    /// Tokens that wait to be verified, at least 1. At 10 us each, 4,096 are 40 ms.
    pub token_queue: usize,
    /// Memory of one password hash in KiB, at least 8. 19 MiB with 2 passes is what OWASP's password storage cheat
    /// sheet asks of Argon2id.
    pub memory_kib: u32,
    /// Passes over that memory, at least 1.
    pub passes: u32,
    /// Signs login tokens, at least 32 bytes (RFC 7518, section 3.2); `None` refuses every token.
    pub token_secret: Option<Secret>,
    /// What a token's `aud` must name: this world.
    pub audience: String,
    /// The longest that a token may still be valid when it comes. Bounds how long spent ids are remembered.
    pub token_lifetime_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            password_workers: 1,
            password_queue: 256,
            login_deadline: Duration::from_secs(10),
            token_queue: 4096,
            memory_kib: 19 * 1024,
            passes: 2,
            token_secret: None,
            audience: "realmbeat".to_owned(),
            token_lifetime_max: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// Something to check.
#[derive(Debug)]
pub struct Job {
    /// Comes back with the answer.
    pub ticket: Ticket,
    /// Address of the client. Addresses take turns in the queue of passwords.
    pub address: IpAddr,
    /// Name of the account, empty when it isn't known before the check. The accounts of one address take turns too.
    pub account: String,
    /// What to do.
    pub task: Task,
}

/// The kinds of [`Job`].
#[derive(Debug)]
pub enum Task {
    /// Hash a new account's password. Answered by [`Outcome::Hashed`].
    Hash {
        /// As the client sent it.
        password: Secret,
    },
    /// Check a password. Answered by [`Outcome::Verified`].
    Verify {
        /// As the client sent it.
        password: Secret,
        /// Argon2id in PHC form. `None` when there is no such account: then a hash that fits no password is
        /// checked, so that the time taken doesn't tell which names exist.
        hash: Option<Secret>,
    },
    /// Check a login token. Answered by [`Outcome::Token`].
    Token {
        /// As the client sent it.
        token: Secret,
    },
}

/// What became of a [`Job`].
#[derive(Debug)]
pub struct Answer {
    /// Of the job.
    pub ticket: Ticket,
    /// What came out.
    pub outcome: Outcome,
}

/// The kinds of [`Answer`].
#[derive(Debug)]
pub enum Outcome {
    /// The password's hash in PHC form; `None` when hashing failed, which is the machine's fault and not the client's.
    Hashed(Option<Secret>),
    /// Whether the password is right.
    Verified(bool),
    /// What the token says, or why it isn't accepted.
    Token(Result<Claims, TokenError>),
}

/// Why the pool can't start, or a token not be made. Says what to change.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The secret can be guessed.
    #[error(
        "the token secret has {0} bytes; use at least {MIN_SECRET_BYTES}, such as the output of `openssl rand -hex 32`"
    )]
    ShortSecret(usize),
    /// Argon2 refuses its parameters.
    #[error("password hashing with {memory_kib} KiB and {passes} passes isn't possible: {reason}")]
    HashParameters {
        /// As configured.
        memory_kib: u32,
        /// As configured.
        passes: u32,
        /// What the library says.
        reason: String,
    },
    /// A login could never be in time.
    #[error(
        "one password takes {hash_time:?} to hash on this machine, and network.login_deadline is {deadline:?}: nobody \
         could log in with a password; lower auth.argon2_memory_kib or auth.argon2_iterations, or raise \
         network.login_deadline"
    )]
    TooSlow {
        /// As measured at the start.
        hash_time: Duration,
        /// As configured.
        deadline: Duration,
    },
    /// The system gives no thread.
    #[error("can't start a thread for password hashing: {0}")]
    Thread(#[from] std::io::Error),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] rand::rngs::SysError),
    /// The token can't be encoded.
    #[error("can't sign the token: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// Bytes of a token secret: HS256 wants a key as long as its hash.
pub const MIN_SECRET_BYTES: usize = 32;
