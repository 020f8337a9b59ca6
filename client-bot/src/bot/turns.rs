//! What a bot does by itself when its time comes: its turns in the world, and its heartbeat.

use std::net::SocketAddr;
use std::time::Duration;

use protocol::v1::Ping;
use rand::RngExt as _;
use rand_pcg::Pcg32;

use super::event::{BotError, Close, Event, Metric};
use super::pulse::{Beat, MAX_UNANSWERED, Pulse};
use super::state::Next;
use super::world::CONFIRM_TIMEOUT;
use super::{Bot, Common, MAX_BEHIND, names};
use crate::scenario::{Turn, Wish};

impl Bot {
    pub(super) fn take_turns(&mut self, now: Duration) {
        let Some(world) = &mut self.world else {
            return;
        };
        if let Some(due) = world.give_up(now) {
            let seconds = CONFIRM_TIMEOUT.as_secs();
            self.sample(Metric::Confirm, due, now);
            self.error(BotError::Unconfirmed { seconds });
        }
        let mut skipped = 0;
        while let Some(world) = &mut self.world
            && world.turn_due <= now
        {
            if now - world.turn_due > MAX_BEHIND {
                world.turn_due += self.common.script.walk.period();
                skipped += 1;
                continue;
            }
            let (common, number) = (&self.common, self.number);
            let due = world.turn_due;
            let mut turn = Turn {
                due,
                script: &common.script,
                rng: &mut self.rng,
                world,
                holdings: &self.holdings,
                out: &mut self.out,
                events: &mut self.events,
                now,
                wish: None,
                friend: &|rng| common.friend_of(number, rng),
            };
            let pause = self.behaviour.act(&mut turn);
            let wish = turn.wish;
            world.turn_due = due + pause.max(Duration::from_millis(1));
            if let Some(Wish::Cut { reset, pause }) = wish {
                self.next = Next::Again(pause);
                self.close_now(now, if reset { Close::Reset } else { Close::Abruptly });
                break;
            }
        }
        if skipped > 0 {
            self.events.push_back(Event::TurnsSkipped(skipped));
        }
    }

    pub(super) fn beat(&mut self, now: Duration) {
        match self.pulse.as_mut().map(Pulse::beat) {
            Some(Beat::Ping(nonce)) => {
                self.out.request(&Ping { nonce });
            }
            Some(Beat::Silent) => self.fail(now, BotError::Silent { pings: MAX_UNANSWERED }),
            None => {}
        }
    }
}

impl Common {
    /// The server's address with this number, counted round and round.
    pub(super) fn server(&self, number: usize) -> SocketAddr {
        self.servers[number % self.servers.len()]
    }

    /// The name of a bot that isn't `number`, if there is another.
    fn friend_of(&self, number: usize, rng: &mut Pcg32) -> String {
        let other = rng.random_range(1..self.bots.max(2));
        names::character(&self.prefix, self.seed, (number + other) % self.bots.max(1), 0)
    }
}
