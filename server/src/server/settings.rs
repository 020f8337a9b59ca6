//! From the configuration to what game and bus are told.

use std::time::Duration;

use game::{Content, ZoneName};

use crate::bus::{self, QueueBounds};
use crate::config::{BusUrl, Config};

pub(super) fn bus_settings(config: &Config, game: &game::Settings) -> bus::Settings {
    let bounds = QueueBounds { letters: config.bus.queue, ..QueueBounds::default() };
    let mut zones = game.zones.clone();
    zones.extend(game.realm.then(ZoneName::realm));
    bus::Settings {
        url: match &config.bus.url {
            BusUrl::Local => "local".to_owned(),
            BusUrl::Nats(url) => url.as_str().to_owned(),
        },
        world: config.bus.world.as_str().to_owned(),
        node: game.node.clone(),
        zones,
        outgoing: bounds,
        incoming: bounds,
    }
}

/// But for the epoch and the secret, which the store knows.
pub(super) fn game_settings(
    config: &Config,
    content: &Content,
    switched_off: Vec<u32>,
) -> game::Settings {
    let world = &config.world;
    let all = || content.zones().iter().map(|zone| zone.key.clone()).collect();
    let tick = Duration::from_millis(u64::from(1000 / world.tick_rate.max(1)));
    let interval = config.store.save_interval.as_millis() / tick.as_millis().max(1);
    game::Settings {
        node: config.server.node.to_string(),
        tick_rate: world.tick_rate,
        seed: world.seed,
        zones: if world.zones.is_empty() { all() } else { world.zones.clone() },
        realm: world.realm,
        save_interval: u64::try_from(interval).unwrap_or(u64::MAX).max(1),
        cell_size: world.cell_size_cm.unsigned_abs(),
        cell_margin: world.cell_margin_cm.unsigned_abs(),
        client_budget: config.network.client_budget,
        ledger_rows: game::Rate {
            per_second: config.store.account_rows_per_second,
            burst: config.store.account_row_burst,
        },
        redirect_to: config.bus.redirect_to.iter().map(ToString::to_string).collect(),
        switched_off,
        ..game::Settings::default()
    }
}
