//! A module of your own: it counts kills, tells who asks, and pays for every tenth. See docs/first-module.md.

use game::modules::combat::Killed;
use game::{BlankPage, Caller, CommandError, Content, Ctx, EntityMap, Kept, Module, PlayerId};
use game::{Rank, Refuse, Routes, Saved, ZoneName};
use protocol::{ClientInfo, ClientMessage, Lane, ServerInfo, ServerMessage};
use serde::{Deserialize, Serialize};

/// "How many have I killed?"
#[derive(Clone, PartialEq, prost::Message)]
struct AskKills {}

impl ClientMessage for AskKills {
    const INFO: ClientInfo = ClientInfo::of_module(1000, "AskKills");
}

/// The answer.
#[derive(Clone, PartialEq, prost::Message)]
struct Kills {
    #[prost(uint32, tag = "1")]
    count: u32,
}

impl ServerMessage for Kills {
    const INFO: ServerInfo = ServerInfo::of_module(1000, "Kills", Lane::World);
}

/// What this module remembers in one zone: kills by player.
#[derive(Serialize, Deserialize)]
struct KillCounter(EntityMap<Kept<u32>>);

/// Version of what is saved of a character: its kills, a `u32`.
const SAVE_VERSION: u32 = 1;

impl Module for KillCounter {
    const NAME: &'static str = "kill counter";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self(EntityMap::new())
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on(Self::asked);
        routes.on_event(Self::killed);
        routes.command("kills", "NAME", Rank::Guide, Self::look_up);
    }

    fn on_enter(&mut self, _ctx: &mut Ctx<'_>, player: PlayerId, saved: Option<&Saved>) {
        self.0.insert(player.entity(), Kept::load(saved, SAVE_VERSION));
    }

    fn save(&self, _ctx: &Ctx<'_>, player: PlayerId, page: BlankPage<'_>) {
        if let Some(kept) = self.0.get(player.entity()) {
            kept.save(SAVE_VERSION, page);
        }
    }
}

type Outcome = Result<String, CommandError>;

impl KillCounter {
    fn asked(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, _: AskKills) -> Result<(), Refuse> {
        let kept = self.0.get(player.entity());
        let count = kept.and_then(Kept::get).copied().unwrap_or(0);
        ctx.reply(player, &Kills { count });
        Ok(())
    }

    fn killed(&mut self, ctx: &mut Ctx<'_>, event: &Killed) {
        let (player, kept) = (ctx.player_of(event.killer), self.0.get_mut(event.killer));
        if let (Some(player), Some(count)) = (player, kept.and_then(Kept::get_mut)) {
            // A reward that can't be given now stays due: the next kill tries again.
            let due = (*count + 1) % 10 == 0;
            if !due || ctx.give_new(player, "bounty", "copper_coin", 25).is_ok() {
                *count += 1;
            }
        }
    }

    fn look_up(&mut self, ctx: &mut Ctx<'_>, _: Caller, words: &[&str]) -> Outcome {
        let name = words.first().copied().unwrap_or_default();
        let player = ctx.find_player(name).map(PlayerId::entity);
        let count = player.and_then(|player| self.0.get(player)?.get());
        let absent = || CommandError::Failed(format!("there is no {name:?} in this zone"));
        count.map(u32::to_string).ok_or_else(absent)
    }
}

fn main() -> std::process::ExitCode {
    server::launch(server::Server::builder().module::<KillCounter>())
}

#[test]
fn every_tenth_kill_is_paid() {
    let modules = game::modules::all().zone::<KillCounter>();
    let mut test = game::testing::GameTest::with_modules(modules);
    let killer = test.player("Ada").entity("Ada").id();
    (0..10).for_each(|_| _ = test.emit(Killed { killer, victim: killer }));
    test.tick(1);
    assert_eq!(test.inventory("Ada"), [("copper_coin".to_owned(), 25)]);
}
