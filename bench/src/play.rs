//! One run: a world, the players in it, and what came of both.

use std::time::Duration;

use crate::bots::{BotReport, Bots, Plan};
use crate::cores::Cores;
use crate::world::{Setup, Stretch, World};

/// What a run showed while everybody played.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    players: usize,
    pub(crate) server: Stretch,
    pub(crate) bots: BotReport,
    /// Bytes that the server's memory grew by from the first player to the last.
    pub(crate) grown: u64,
}

/// Starts a world as `setup` says, sends players into it as `plan` says, and watches for `time` what the server does.
///
/// # Errors
/// When not all of them get in, or one of them sees what can't be, or the server doesn't end in order.
pub(crate) fn play(
    cores: Cores,
    setup: Setup,
    plan: Plan,
    time: Duration,
) -> anyhow::Result<Played> {
    let players = plan.bots;
    let world = World::start(cores, setup)?;
    let empty = world.memory()?;
    let bots = Bots::send(cores.load, plan, &world)?;
    bots.arrive(&world)?;
    let server = world.watch(time)?;
    let grown = world.memory()?.saturating_sub(empty);
    let bots = bots.finish()?;
    world.stop()?;
    Ok(Played { players, server, bots, grown })
}

impl Played {
    /// CPU time of the whole server, in microseconds for each client and tick.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.server.spent.cpu.as_secs_f64() * 1e6 / self.ticks() / self.clients()
    }

    /// CPU time of the whole server in a second, as a share of one core.
    pub(crate) fn cpu_share(&self) -> f64 {
        self.server.spent.busy()
    }

    /// Bytes that each client got for each tick.
    pub(crate) fn bytes_per_tick(&self) -> f64 {
        self.server.stats.bytes_out_s * self.server.stats.seconds / self.ticks() / self.clients()
    }

    /// Bytes that each client got in a second.
    pub(crate) fn bytes_per_second(&self) -> f64 {
        self.server.stats.bytes_out_s / self.clients()
    }

    /// Packets that each client sent in a second.
    pub(crate) fn packets_per_second(&self) -> f64 {
        self.server.stats.packets_in_s / self.clients()
    }

    /// Bytes of a packet of a client, mean.
    pub(crate) fn packet_bytes(&self) -> f64 {
        self.server.stats.bytes_in_s / self.server.stats.packets_in_s.max(1.0)
    }

    /// Bytes of the server's memory for each client.
    pub(crate) fn memory(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let grown = self.grown as f64;
        grown / self.clients()
    }

    /// Of the stretch that was watched, or at least one so that nothing is divided by none.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn ticks(&self) -> f64 {
        self.server.stats.ticks.max(1) as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn clients(&self) -> f64 {
        self.players as f64
    }
}
