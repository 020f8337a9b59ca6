//! What bots do once they are in the world: the scenarios, their settings, and what a behaviour can do in a turn.

use std::time::Duration;

use rand::RngExt as _;
use rand_pcg::Pcg32;
use serde::{Deserialize, Serialize};

use crate::bot::world::Watch;
use crate::span;
pub use turn::{Turn, Wish};

mod chat;
mod connect;
mod crowd;
mod fight;
mod mail;
mod reconnect;
mod shop;
mod turn;
mod wander;

/// What a swarm, or one bot of it, does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Scenario {
    /// Connect, greet, close, again and again; no login.
    Connect,
    /// Wander, lose the connection at random moments, and resume.
    Reconnect,
    /// Walk about.
    Wander,
    /// Say, shout and whisper.
    Chat,
    /// Seek monsters, fight them, and pick up what they drop.
    Fight,
    /// Meet in one spot, move about there and strike what comes near.
    Crowd,
    /// Fight for loot, sell it to shopkeepers, and spend the gold.
    Shop,
    /// Fight for loot, send it to each other, and take what others have sent.
    Mail,
    /// Each bot one of the others, by the weights of `[mixed]`.
    Mixed,
}

impl Scenario {
    /// As settings and reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Reconnect => "reconnect",
            Self::Wander => "wander",
            Self::Chat => "chat",
            Self::Fight => "fight",
            Self::Crowd => "crowd",
            Self::Shop => "shop",
            Self::Mail => "mail",
            Self::Mixed => "mixed",
        }
    }

    /// How much bots of this scenario must make of the views that they get, at least.
    #[must_use]
    pub fn watch(self) -> Watch {
        match self {
            Self::Fight | Self::Shop | Self::Mail => Watch::See,
            Self::Crowd => Watch::Glance,
            Self::Connect | Self::Reconnect | Self::Wander | Self::Chat | Self::Mixed => {
                Watch::Count
            }
        }
    }

    /// Whether bots of this scenario log in at all.
    #[must_use]
    pub fn logs_in(self) -> bool {
        self != Self::Connect
    }

    /// The scenario of one bot: itself, or one of the others if it is mixed.
    #[must_use]
    pub fn of_one(self, mixed: &Mixed, rng: &mut Pcg32) -> Self {
        if self != Self::Mixed {
            return self;
        }
        let shares = [
            (Self::Wander, mixed.wander),
            (Self::Chat, mixed.chat),
            (Self::Fight, mixed.fight),
            (Self::Shop, mixed.shop),
            (Self::Mail, mixed.mail),
            (Self::Reconnect, mixed.reconnect),
        ];
        let total: u32 = shares.iter().map(|(_, weight)| weight).sum();
        let mut at = rng.random_range(0..total.max(1));
        for (scenario, weight) in shares {
            if at < weight {
                return scenario;
            }
            at -= weight;
        }
        Self::Wander
    }

    /// What a bot of this scenario does in its turns.
    #[must_use]
    pub fn behaviour(self) -> Box<dyn Behaviour> {
        match self {
            Self::Connect => Box::new(connect::Connect),
            Self::Reconnect => Box::<reconnect::Reconnect>::default(),
            Self::Wander | Self::Mixed => Box::<wander::Wander>::default(),
            Self::Chat => Box::new(chat::Chat),
            Self::Fight => Box::<fight::Fight>::default(),
            Self::Crowd => Box::<crowd::Crowd>::default(),
            Self::Shop => Box::<shop::Shop>::default(),
            Self::Mail => Box::<mail::Mail>::default(),
        }
    }
}

/// What a bot does in the world, one turn after another.
pub trait Behaviour: Send {
    /// Takes the turn that is due and returns how long after it the next one is due.
    fn act(&mut self, turn: &mut Turn<'_>) -> Duration;
}

/// The settings of all scenarios. `config/swarm.toml` explains each.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Shares of the mixed scenario.
    pub mixed: Mixed,
    /// The connect scenario.
    pub connect: Connecting,
    /// The reconnect scenario.
    pub reconnect: Reconnecting,
    /// Walking, in all scenarios that walk.
    pub walk: Walking,
    /// The chat scenario.
    pub chat: Chatting,
    /// The fight scenario.
    pub fight: Fighting,
    /// The crowd scenario.
    pub crowd: Crowding,
}

/// How many bots of a mixed swarm do what, as weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mixed {
    /// Of walkers.
    pub wander: u32,
    /// Of talkers.
    pub chat: u32,
    /// Of fighters.
    pub fight: u32,
    /// Of those who fight and trade with shops.
    pub shop: u32,
    /// Of those who fight and send each other what they find.
    pub mail: u32,
    /// Of those who lose their connection.
    pub reconnect: u32,
}

/// Pace of the connect scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Connecting {
    /// From the end of a connection to the next.
    #[serde(with = "span::time")]
    pub pause: Duration,
}

/// Pace of the reconnect scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reconnecting {
    /// Mean time in the world until the connection is cut.
    #[serde(with = "span::time")]
    pub every: Duration,
    /// From the cut to the next connect.
    #[serde(with = "span::time")]
    pub pause: Duration,
}

/// How bots walk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Walking {
    /// Moves per second and walking bot; 0 stands still.
    pub inputs: f64,
    /// Mean time that a walker keeps its direction.
    #[serde(with = "span::time")]
    pub straight: Duration,
}

/// How bots talk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chatting {
    /// From one line to the next.
    #[serde(with = "span::time")]
    pub every: Duration,
    /// Share of the lines that the whole zone hears.
    #[serde(with = "span::share")]
    pub shout: f64,
    /// Share of the lines that are whispered to another bot of the swarm.
    #[serde(with = "span::share")]
    pub whisper: f64,
}

/// How bots fight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fighting {
    /// Distance in centimetres from which they strike and pick up.
    pub reach: u32,
    /// From one attack to the next.
    #[serde(with = "span::time")]
    pub cooldown: Duration,
    /// Distance in centimetres from which an item on the ground is worth a detour.
    pub detour: u32,
    /// From the death to the request to respawn.
    #[serde(with = "span::time")]
    pub mourning: Duration,
    /// Share of the turns in which a bot that owns something drops it.
    #[serde(with = "span::share")]
    pub drop: f64,
}

/// Where a crowd meets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crowding {
    /// The middle of the spot, as a share of the map's width from its west edge.
    #[serde(with = "span::share")]
    pub east: f64,
    /// The middle of the spot, as a share of the map's height from its north edge.
    #[serde(with = "span::share")]
    pub south: f64,
    /// From the middle of the spot to its edge, in centimetres.
    pub radius: u32,
}

impl Default for Mixed {
    fn default() -> Self {
        Self { wander: 50, chat: 15, fight: 20, shop: 5, mail: 5, reconnect: 5 }
    }
}

impl Default for Connecting {
    fn default() -> Self {
        Self { pause: Duration::from_secs(1) }
    }
}

impl Default for Reconnecting {
    fn default() -> Self {
        Self { every: Duration::from_secs(20), pause: Duration::from_millis(500) }
    }
}

impl Default for Walking {
    fn default() -> Self {
        Self { inputs: 5.0, straight: Duration::from_secs(6) }
    }
}

impl Default for Chatting {
    fn default() -> Self {
        Self { every: Duration::from_secs(8), shout: 0.01, whisper: 0.2 }
    }
}

impl Default for Fighting {
    fn default() -> Self {
        Self {
            reach: 250,
            cooldown: Duration::from_millis(1100),
            detour: 1500,
            mourning: Duration::from_secs(2),
            drop: 0.002,
        }
    }
}

impl Default for Crowding {
    fn default() -> Self {
        Self { east: 0.5, south: 0.5, radius: 1500 }
    }
}

impl Walking {
    /// The time between two moves; a second for those who stand still.
    #[must_use]
    pub fn period(&self) -> Duration {
        if self.inputs > 0.0 {
            Duration::from_secs_f64(1.0 / self.inputs)
        } else {
            Duration::from_secs(1)
        }
    }
}

/// A time around `mean`, exponentially distributed as chance events are, at most four times the mean.
pub(crate) fn around(mean: Duration, rng: &mut Pcg32) -> Duration {
    const MOST: f64 = 4.0;
    let chance: f64 = rng.random_range(f64::EPSILON..1.0);
    mean.mul_f64((-chance.ln()).min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixed_swarm_divides_by_its_weights() {
        let mixed = Mixed { wander: 1, chat: 0, fight: 3, shop: 0, mail: 0, reconnect: 0 };
        let mut rng = Pcg32::new(7, 1);
        let fighters = (0..4000)
            .map(|_| Scenario::Mixed.of_one(&mixed, &mut rng))
            .filter(|scenario| *scenario == Scenario::Fight)
            .count();
        assert!((2900..3100).contains(&fighters), "{fighters} of 4000");
        assert_eq!(Scenario::Chat.of_one(&mixed, &mut rng), Scenario::Chat);
    }

    #[test]
    fn chance_times_have_their_mean() {
        let mut rng = Pcg32::new(7, 1);
        let total: Duration = (0..10_000).map(|_| around(Duration::from_secs(1), &mut rng)).sum();
        let mean = total.as_secs_f64() / 10_000.0;
        assert!((0.9..1.1).contains(&mean), "{mean}");
    }
}
