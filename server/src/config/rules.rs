//! What must hold between values that are each fine alone.

use std::time::Duration;

use super::problem::{Fault, Problem};
use super::values::{BusUrl, StoreUrl};
use super::{Config, Loaded, keys};

/// How long a ledger is kept at least, so that an operator can still look up what a player asks about.
const SHORTEST_RETENTION: Duration = Duration::from_hours(1);

/// Whether it holds, the keys it is about, and why it must hold.
type Rule = (bool, [&'static str; 2], &'static str);

/// The rules that this configuration breaks.
pub(super) fn broken(loaded: &Loaded) -> Vec<Problem> {
    let rules = limits(&loaded.config).into_iter().chain(servers(&loaded.config));
    rules
        .filter(|(holds, _, _)| !holds)
        .map(|(_, [first, second], why)| contradiction(loaded, first, second, why))
        .collect()
}

/// Limits that would make others pointless.
fn limits(config: &Config) -> [Rule; 10] {
    let (network, world) = (&config.network, &config.world);
    let view = usize::try_from(network.client_budget / world.tick_rate.max(1));
    [
        (
            network.output_soft_limit_bytes < network.output_hard_limit_bytes,
            ["network.output_soft_limit_bytes", "network.output_hard_limit_bytes"],
            "the first must be below the second: motion is thinned out before a slow client is closed",
        ),
        (
            view.is_ok_and(|bytes| bytes <= network.output_soft_limit_bytes),
            ["network.client_budget", "network.output_soft_limit_bytes"],
            "the first, divided by world.tick_rate, must not exceed the second: a client would be slow with each full view",
        ),
        (
            network.max_frame_before_login_bytes <= network.max_frame_bytes,
            ["network.max_frame_before_login_bytes", "network.max_frame_bytes"],
            "the first must not exceed the second: a stranger may not send more than a player",
        ),
        (
            network.max_frame_bytes <= network.read_budget_bytes,
            ["network.max_frame_bytes", "network.read_budget_bytes"],
            "the first must not exceed the second: one pass must be able to read a whole frame",
        ),
        (
            network.max_frame_bytes <= network.byte_burst,
            ["network.max_frame_bytes", "network.byte_burst"],
            "the first must not exceed the second: the largest frame could never be sent",
        ),
        (
            network.packets_per_second <= network.packet_burst,
            ["network.packets_per_second", "network.packet_burst"],
            "the first must not exceed the second: the rate could never be reached",
        ),
        (
            network.bytes_per_second <= network.byte_burst,
            ["network.bytes_per_second", "network.byte_burst"],
            "the first must not exceed the second: the rate could never be reached",
        ),
        (
            network.goodbye_timeout <= config.shutdown.deadline,
            ["network.goodbye_timeout", "shutdown.deadline"],
            "the first must not exceed the second: goodbyes are part of the shutdown",
        ),
        (
            world.cell_margin_cm <= world.cell_size_cm / 2,
            ["world.cell_margin_cm", "world.cell_size_cm"],
            "the first may be half of the second at most: players see at least half a cell in each direction",
        ),
        (
            config.store.ledger_retention.is_zero()
                || config.store.ledger_retention >= SHORTEST_RETENTION,
            ["store.ledger_retention", "store.url"],
            "the history of what players own must reach back an hour at least; 0s keeps all of it",
        ),
    ]
}

/// What one server needs to know of the others.
fn servers(config: &Config) -> [Rule; 4] {
    let (network, world) = (&config.network, &config.world);
    let on_nats = config.bus.url != BusUrl::Local;
    [
        (
            world.realm || on_nats,
            ["world.realm", "bus.url"],
            "without a realm zone here it must be on another server: set bus.url to a NATS server",
        ),
        (
            !on_nats || network.advertise.is_some() || !network.listen.ip().is_unspecified(),
            ["network.listen", "network.advertise"],
            "with several servers clients must be told where this one is: set network.advertise",
        ),
        (
            !on_nats || cfg!(feature = "nats"),
            ["bus.url", "bus.world"],
            "this server was built without the `nats` feature",
        ),
        (
            !matches!(config.store.url, StoreUrl::Postgres(_)) || cfg!(feature = "postgres"),
            ["store.url", "server.data_dir"],
            "this server was built without the `postgres` feature",
        ),
    ]
}

fn contradiction(loaded: &Loaded, first: &str, second: &str, why: &str) -> Problem {
    let first = as_written(loaded, first);
    let second = as_written(loaded, second);
    Problem::overall(Fault::Contradiction(format!("{first} and {second}: {why}")))
}

/// A key with its value and the place to change it.
fn as_written(loaded: &Loaded, path: &str) -> String {
    let value = keys().zip(loaded.config.shown()).find(|(key, _)| key.path == path);
    let value = value.map(|(_, value)| value).unwrap_or_default();
    format!("`{path}` = {value} ({})", loaded.origin(path))
}
