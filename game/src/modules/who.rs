//! Who is online, on all servers of the world: a zone asks the realm, which keeps the directory.

use protocol::v1::{self, WhoEntry, WhoList};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::ids::{CharacterId, PlayerId, ZoneName};
use crate::module::{Module, Rate, Refuse, Routes};
use crate::player::Player;
use crate::post::Letter;

/// Names in one answer; `online` says how many there are.
const MAX_NAMES: usize = 100;
/// A list is read by a person.
const ASKS: Rate = Rate { per_second: 1, burst: 3 };

/// Asks on behalf of players.
#[derive(Debug, Serialize, Deserialize)]
pub struct Who;

/// Answers, in the realm.
#[derive(Debug, Serialize, Deserialize)]
pub struct Roll;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    from: CharacterId,
    request: u32,
}

impl Letter for Asked {
    const KIND: &'static str = "who.asked";
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Answered {
    names: Vec<(String, String)>,
    online: u32,
    request: u32,
}

impl Letter for Answered {
    const KIND: &'static str = "who.answered";
}

impl Module for Who {
    const NAME: &'static str = "who";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_limited(ASKS, Self::ask);
        routes.on_player_letter(Self::answered);
    }
}

impl Who {
    fn ask(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, _: v1::Who) -> Result<(), Refuse> {
        if let Some(from) = ctx.player(player).map(Player::character) {
            let request = ctx.request();
            ctx.post_to_realm(&Asked { from, request });
        }
        Ok(())
    }

    fn answered(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, letter: Answered) {
        let entry = |(name, zone)| WhoEntry { name, zone };
        let characters = letter.names.into_iter().map(entry).collect();
        ctx.reply_to(player, letter.request, &WhoList { characters, online: letter.online });
    }
}

impl Module for Roll {
    const NAME: &'static str = "who roll";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_letter(Self::asked);
    }
}

impl Roll {
    fn asked(&mut self, ctx: &mut Ctx<'_>, asked: Asked) {
        let entries = ctx.directory().iter().take(MAX_NAMES);
        let names = entries.map(|entry| (entry.name.clone(), entry.zone.clone())).collect();
        let online = u32::try_from(ctx.directory().len()).unwrap_or(u32::MAX);
        ctx.post_to_character(asked.from, &Answered { names, online, request: asked.request });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::GameTest;

    #[test]
    fn who_lists_everybody_by_name_and_forgets_those_who_left() {
        let mut test = GameTest::new();
        test.player("Zoe").player("Bob").player("Ada").tick(1);
        test.leave("Bob").send(v1::Who {}).tick(5);
        let lists = test.received::<WhoList>();
        let names: Vec<_> = lists[0].characters.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!((names, lists[0].online), (vec!["Ada", "Zoe"], 2));
    }
}
