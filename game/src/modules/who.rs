//! Who is online, on all servers of the world: a zone asks the realm, which keeps the directory.

use protocol::v1::{self, WhoEntry, WhoList};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::ids::{CharacterId, PlayerId, ZoneName};
use crate::module::{Module, Rate, Refuse, Routes};
use crate::player::Player;
use crate::post::{Letter, is_name};

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

/// A question that the bus had no room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lost(Asked);

impl Letter for Lost {
    const KIND: &'static str = "who.asked lost";
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
        routes.on_letter(Self::lost);
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

    fn lost(&mut self, ctx: &mut Ctx<'_>, Lost(asked): Lost) {
        if let Some(player) = ctx.find_character(asked.from) {
            ctx.refuse_to(player, asked.request, Refuse::bus_is_full());
        }
    }

    fn answered(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, letter: Answered) {
        let names = |(name, zone): &(String, String)| is_name(name) && is_name(zone);
        let sound = letter.names.len() <= MAX_NAMES && letter.names.iter().all(names);
        if !sound || !ctx.may_be_of_realm() {
            return ctx.drop_letter(Answered::KIND);
        }
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
        // Another server asks for the characters that it has announced.
        let sender = ctx.directory().get(asked.from);
        if !ctx.is_own_letter() && sender.is_none_or(|entry| entry.node == ctx.node()) {
            return ctx.drop_letter(Asked::KIND);
        }
        let entries = ctx.directory().iter().take(MAX_NAMES);
        let names = entries.map(|entry| (entry.name.clone(), entry.zone.clone())).collect();
        let online = u32::try_from(ctx.directory().len()).unwrap_or(u32::MAX);
        ctx.post_to_character(asked.from, &Answered { names, online, request: asked.request });
    }
}

#[cfg(test)]
mod tests {
    use protocol::v1::Refusal;

    use super::*;
    use crate::testing::GameTest;

    #[test]
    fn a_question_that_the_bus_has_no_room_for_is_refused_with_its_request() {
        let mut test = GameTest::new();
        test.player("Ada").tick(1).fill_bus(true).request(7, v1::Who {}).tick(3);
        assert_eq!(test.refusals_by_request(), [(7, Refusal::Busy)]);
    }

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
