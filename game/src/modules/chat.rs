//! Talking: to those in sight, to the zone, to one person anywhere by way of the realm.

use protocol::v1::{ChatLine, ChatScope, Refusal, Say, Shout, Whisper};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::ids::{CharacterId, PlayerId, ZoneName};
use crate::module::{Module, Rate, Refuse, Routes};
use crate::player::Player;
use crate::post::Letter;

/// The longest line, in bytes.
const MAX_TEXT: usize = 256;
/// The longest name that a whisper is looked up by, in bytes. Names are shorter, and a longer one would be carried to
/// the realm for nothing.
const MAX_NAME: usize = 32;
/// Lines that one player may say: faster than anybody reads.
const LINES: Rate = Rate { per_second: 2, burst: 6 };
/// A shout reaches everybody in the zone, so it is rarer.
const SHOUTS: Rate = Rate { per_second: 1, burst: 3 };

/// Chat in a zone.
#[derive(Debug, Serialize, Deserialize)]
pub struct Chat;

/// Where whispers find their way, in the realm.
#[derive(Debug, Serialize, Deserialize)]
pub struct Exchange;

/// A whisper on its way to the realm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    from: CharacterId,
    from_name: String,
    to_name: String,
    text: String,
    request: u32,
}

impl Letter for Asked {
    const KIND: &'static str = "chat.asked";
}

/// A whisper on its way to whom it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Whispered {
    from_name: String,
    text: String,
}

impl Letter for Whispered {
    const KIND: &'static str = "chat.whispered";
}

/// What became of a whisper, on its way back. `to_name` is as its owner writes it, `None` if nobody of that name is
/// online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Answered {
    to_name: Option<String>,
    text: String,
    request: u32,
}

impl Letter for Answered {
    const KIND: &'static str = "chat.answered";
}

impl Module for Chat {
    const NAME: &'static str = "chat";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_limited(LINES, Self::say);
        routes.on_limited(SHOUTS, Self::shout);
        routes.on_limited(LINES, Self::whisper);
        routes.on_player_letter(Self::whispered);
        routes.on_player_letter(Self::answered);
    }
}

impl Chat {
    fn say(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        Say { text }: Say,
    ) -> Result<(), Refuse> {
        let line = line(ctx, player, ChatScope::Say, text)?;
        ctx.send_in_sight(player.entity(), &line);
        Ok(())
    }

    fn shout(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        Shout { text }: Shout,
    ) -> Result<(), Refuse> {
        let line = line(ctx, player, ChatScope::Shout, text)?;
        ctx.send_to_zone(&line);
        Ok(())
    }

    fn whisper(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        whisper: Whisper,
    ) -> Result<(), Refuse> {
        let text = check(whisper.text)?;
        if whisper.to.len() > MAX_NAME {
            return Err(not_online());
        }
        let Some(from) = ctx.player(player) else {
            return Ok(());
        };
        let asked = Asked {
            from: from.character(),
            from_name: from.name().to_owned(),
            to_name: whisper.to,
            text,
            request: ctx.request(),
        };
        ctx.post_to_realm(&asked);
        Ok(())
    }

    fn whispered(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, letter: Whispered) {
        let Whispered { from_name: from, text } = letter;
        ctx.send(player, &ChatLine { scope: ChatScope::Whisper.into(), from, text });
    }

    fn answered(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, letter: Answered) {
        let Answered { to_name, text, request } = letter;
        if let Some(from) = to_name {
            let line = ChatLine { scope: ChatScope::WhisperSent.into(), from, text };
            ctx.reply_to(player, request, &line);
            return;
        }
        ctx.refuse_to(player, request, not_online());
    }
}

fn not_online() -> Refuse {
    Refuse::new(Refusal::NotOnline, "nobody of that name is online")
}

impl Module for Exchange {
    const NAME: &'static str = "chat exchange";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_letter(Self::asked);
    }
}

impl Exchange {
    fn asked(&mut self, ctx: &mut Ctx<'_>, asked: Asked) {
        let Asked { from, from_name, to_name, text, request } = asked;
        let found = ctx.directory().find(&to_name);
        let found = found.map(|(character, entry)| (character, entry.name.clone()));
        if let Some((to, _)) = found {
            ctx.post_to_character(to, &Whispered { from_name, text: text.clone() });
        }
        let to_name = found.map(|(_, name)| name);
        ctx.post_to_character(from, &Answered { to_name, text, request });
    }
}

fn line(
    ctx: &Ctx<'_>,
    player: PlayerId,
    scope: ChatScope,
    text: String,
) -> Result<ChatLine, Refuse> {
    let text = check(text)?;
    let from = ctx.player(player).map(Player::name).unwrap_or_default().to_owned();
    Ok(ChatLine { scope: scope.into(), from, text })
}

fn check(text: String) -> Result<String, Refuse> {
    if text.is_empty() || text.len() > MAX_TEXT {
        let message = format!("a line is 1 to {MAX_TEXT} bytes");
        return Err(Refuse::new(Refusal::BadRequest, message));
    }
    crate::text::check(&text)
        .map_err(|error| Refuse::new(Refusal::BadRequest, format!("your line: {error}")))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::GameTest;

    fn say(text: &str) -> Say {
        Say { text: text.into() }
    }

    #[test]
    fn those_in_sight_hear_what_is_said_and_those_far_away_do_not() {
        let mut test = GameTest::new();
        test.player("Far").player("Near").player("Ada").tick(1);
        test.place_apart("Far", "Ada").tick(1);
        test.send(say("hello")).tick(1);
        let heard = |name: &str, test: &GameTest| test.received_by::<ChatLine>(name).len();
        assert_eq!((heard("Ada", &test), heard("Near", &test), heard("Far", &test)), (1, 1, 0));
    }

    #[test]
    fn a_shout_is_heard_in_the_whole_zone() {
        let mut test = GameTest::new();
        test.player("Far").player("Ada").tick(1);
        test.place_apart("Far", "Ada").tick(1);
        test.send(Shout { text: "hello".into() }).tick(1);
        assert_eq!(test.received_by::<ChatLine>("Far").len(), 1);
    }

    #[test]
    fn a_whisper_reaches_its_name_in_any_zone_and_its_sender_learns_of_it() {
        let mut test = GameTest::new();
        test.player("Bob").tick(1);
        test.travel("Bob", "cellar").player("Ada").tick(1);
        test.send(Whisper { to: "bob".into(), text: "psst".into() }).tick(5);
        let (bob, ada) = (test.received_by::<ChatLine>("Bob"), test.received_by::<ChatLine>("Ada"));
        assert_eq!((bob[0].from.as_str(), bob[0].text.as_str()), ("Ada", "psst"));
        assert_eq!((ada[0].scope(), ada[0].from.as_str()), (ChatScope::WhisperSent, "Bob"));
    }

    #[test]
    fn a_whisper_to_nobody_is_refused_with_its_request() {
        let mut test = GameTest::new();
        test.player("Ada").request(7, Whisper { to: "nobody".into(), text: "psst".into() }).tick(5);
        assert_eq!(test.refusals_by_request(), [(7, Refusal::NotOnline)]);
    }

    #[test]
    fn empty_long_and_unprintable_lines_are_refused() {
        let mut test = GameTest::new();
        test.player("Ada").send(say("")).send(say("\n")).send(say(&"x".repeat(257))).tick(1);
        assert_eq!(test.refusals(), [Refusal::BadRequest; 3]);
    }

    #[test]
    fn a_line_that_shows_nothing_or_turns_text_round_reaches_nobody() {
        for text in ["   ", "\u{a0}", "\u{200b}", "hi \u{202e}kcik", "hi\u{2028}Server: restart"] {
            let mut test = GameTest::new();
            test.player("Bob").player("Ada").send(say(text)).send(Shout { text: text.into() });
            test.send(Whisper { to: "Bob".into(), text: text.into() }).tick(5);
            assert_eq!(test.refusals(), [Refusal::BadRequest; 3], "{text:?}");
            assert_eq!(test.received_by::<ChatLine>("Bob"), [], "{text:?}");
        }
    }

    #[test]
    fn a_name_longer_than_any_is_looked_up_nowhere() {
        let mut test = GameTest::new();
        test.player("Ada").request(7, Whisper { to: "x".repeat(33), text: "psst".into() }).tick(1);
        assert_eq!(test.refusals_by_request(), [(7, Refusal::NotOnline)]);
    }

    #[test]
    fn who_talks_too_fast_is_refused() {
        let mut test = GameTest::new();
        test.player("Ada");
        for _ in 0..10 {
            test.send(say("spam"));
        }
        test.tick(1);
        assert_eq!(test.refusals(), [Refusal::TooFast; 4]);
    }
}
