//! The bots of a swarm before it starts, each with its place in the loop.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::link::Link;
use crate::bot::credentials::{Credentials, Signer};
use crate::bot::world::Watch;
use crate::bot::{Bot, Common};
use crate::settings::{Method, Settings};

/// A bot and its place in the loop.
pub(super) struct Seat {
    pub(super) bot: Bot,
    pub(super) link: Option<Link>,
    /// Counts the bot's connections, so that an event of an earlier one finds nothing.
    pub(super) generation: u32,
    /// The time for which the timer is set; any other entry of the timers is stale.
    pub(super) armed: Option<Duration>,
    /// Since the start, over all of its connections.
    pub(super) bytes_in: u64,
    /// Already among the seats that are written to in this pass.
    pub(super) touched: bool,
}

/// All bots that the settings ask for; none has connected.
pub(super) fn seats(settings: &Settings) -> Vec<Seat> {
    let common = Arc::new(Common {
        servers: settings.servers(),
        credentials: credentials(settings),
        prefix: settings.prefix.clone(),
        seed: settings.seed,
        bots: settings.bots,
        script: settings.script.clone(),
    });
    (0..settings.bots).map(|number| seat(&common, number, settings)).collect()
}

fn seat(common: &Arc<Common>, number: usize, settings: &Settings) -> Seat {
    let watch = if settings.is_oracle(number) { Watch::Prove } else { Watch::Count };
    Seat {
        bot: Bot::new(common.clone(), number, settings.scenario, watch),
        link: None,
        generation: 0,
        armed: None,
        bytes_in: 0,
        touched: false,
    }
}

fn credentials(settings: &Settings) -> Credentials {
    let login = &settings.login;
    match login.method {
        Method::Password => Credentials::Password(login.password.clone()),
        Method::Token => {
            let epoch =
                SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            Credentials::Token(Signer::new(login.token_secret.as_bytes(), &login.audience, epoch))
        }
    }
}
