//! Talking: to those in sight, to the zone, to one person anywhere by way of the realm.

use protocol::v1::{ChatLine, ChatScope, Refusal, Say, Shout, Whisper};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::entity_map::EntityMap;
use crate::ids::{CharacterId, PlayerId, ZoneName};
use crate::module::{Module, Rate, Refuse, Routes};
use crate::player::Player;
use crate::post::{Letter, is_name};

/// The longest line, in bytes.
const MAX_TEXT: usize = 256;
/// The longest name that a whisper is looked up by, in bytes. Names are shorter, and a longer one would be carried to
/// the realm for nothing.
const MAX_NAME: usize = 32;
/// Lines that one player may say: faster than anybody reads.
const LINES: Rate = Rate { per_second: 2, burst: 6 };
/// A shout reaches everybody in the zone, so it is rarer.
const SHOUTS: Rate = Rate { per_second: 1, burst: 3 };

/// How long a whisper waits for its answer, in milliseconds: far longer than letters are on the way. A letter may be lost.
const ANSWER_MS: u32 = 5_000;
/// Whispers of one player that wait for an answer: as many as [`LINES`] allows in [`ANSWER_MS`].
const MAX_WAITING: usize = 16;

/// Chat in a zone.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Chat {
    /// Whispers without an answer so far, by the player who wrote them; the oldest first.
    waiting: EntityMap<Vec<Waiting>>,
}

/// A whisper without an answer so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    request: u32,
    /// The tick from which on it counts as lost.
    until: u64,
}

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

/// A whisper that the bus had no room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lost(Asked);

impl Letter for Lost {
    const KIND: &'static str = "chat.asked lost";
}

/// A whisper on its way to whom it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Whispered {
    from: CharacterId,
    from_name: String,
    text: String,
    request: u32,
}

impl Letter for Whispered {
    const KIND: &'static str = "chat.whispered";
}

/// What became of a whisper, on its way back: from the recipient's zone, or from the realm if it knows nobody of that
/// name. `to_name` is as its owner writes it, `None` if nobody of that name is connected.
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
        Self::default()
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_limited(LINES, Self::say);
        routes.on_limited(SHOUTS, Self::shout);
        routes.on_limited(LINES, Self::whisper);
        routes.on_player_letter(Self::whispered);
        routes.on_player_letter(Self::answered);
        routes.on_letter(Self::lost);
    }

    fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
        if ctx.tick().is_multiple_of(ctx.ticks(1000)) {
            self.give_up_on_lost(ctx);
        }
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
        let (request, until) = (ctx.request(), ctx.tick() + ctx.ticks(ANSWER_MS));
        if let Some(waiting) = self.waiting.get_or_insert_with(player.entity(), Vec::new) {
            if waiting.len() >= MAX_WAITING {
                let message = "your last whispers aren't answered yet";
                return Err(Refuse::new(Refusal::Busy, message).for_ms(ANSWER_MS));
            }
            waiting.push(Waiting { request, until });
        }
        let asked = Asked {
            from: from.character(),
            from_name: from.name().to_owned(),
            to_name: whisper.to,
            text,
            request,
        };
        ctx.post_to_realm(&asked);
        Ok(())
    }

    fn lost(&mut self, ctx: &mut Ctx<'_>, Lost(asked): Lost) {
        if let Some(player) = ctx.find_character(asked.from) {
            self.is_waiting(player, asked.request);
            ctx.refuse_to(player, asked.request, Refuse::bus_is_full());
        }
    }

    /// The writer is told only now that its line has been delivered, or that nobody is connected to read it.
    fn whispered(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, letter: Whispered) {
        let Whispered { from, from_name, text, request } = letter;
        let sound = is_name(&from_name) && check(text.clone()).is_ok();
        if !sound || !ctx.may_be_of_realm() {
            return ctx.drop_letter(Whispered::KIND);
        }
        let reader = ctx.player(player).filter(|reader| reader.is_connected());
        let to_name = reader.map(|reader| reader.name().to_owned());
        ctx.post_to_character(from, &Answered { to_name, text: text.clone(), request });
        let line = ChatLine { scope: ChatScope::Whisper.into(), from: from_name, text };
        ctx.send(player, &line);
    }

    fn answered(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, letter: Answered) {
        let Answered { to_name, text, request } = letter;
        let sound = to_name.as_deref().is_none_or(is_name) && check(text.clone()).is_ok();
        // Nothing waits here for a whisper that was written in another zone of this process.
        let is_waiting = self.is_waiting(player, request);
        if !sound || !(is_waiting || ctx.is_own_letter()) {
            return ctx.drop_letter(Answered::KIND);
        }
        if let Some(from) = to_name {
            let line = ChatLine { scope: ChatScope::WhisperSent.into(), from, text };
            ctx.reply_to(player, request, &line);
            return;
        }
        ctx.refuse_to(player, request, not_online());
    }

    /// Whether a whisper of the player waits for an answer to this request. From now on it doesn't.
    fn is_waiting(&mut self, player: PlayerId, request: u32) -> bool {
        let Some(waiting) = self.waiting.get_mut(player.entity()) else {
            return false;
        };
        let found = waiting.iter().position(|waiting| waiting.request == request);
        found.map(|index| waiting.remove(index)).is_some()
    }

    /// A whisper, or its answer, was lost on the way between zones.
    fn give_up_on_lost(&mut self, ctx: &mut Ctx<'_>) {
        let tick = ctx.tick();
        let mut lost = Vec::new();
        for (id, waiting) in self.waiting.iter_mut(ctx.entities()) {
            let over = waiting.iter().take_while(|waiting| waiting.until <= tick).count();
            lost.extend(waiting.drain(..over).map(|waiting| (id, waiting.request)));
        }
        for (id, request) in lost {
            if let Some(player) = ctx.player_of(id) {
                let message = "your whisper was not answered and may be lost; try again";
                ctx.refuse_to(player, request, Refuse::new(Refusal::Busy, message));
            }
        }
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
        // Another server speaks for the characters that it has announced.
        let sender = ctx.directory().get(from).filter(|entry| entry.name == from_name);
        let sent_there = sender.is_some_and(|entry| entry.node != ctx.node());
        let sound = sent_there && check(text.clone()).is_ok();
        if !sound && !ctx.is_own_letter() {
            return ctx.drop_letter(Asked::KIND);
        }
        match ctx.directory().find(&to_name).map(|(character, _)| character) {
            Some(to) => ctx.post_to_character(to, &Whispered { from, from_name, text, request }),
            None => ctx.post_to_character(from, &Answered { to_name: None, text, request }),
        }
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
    use crate::directory::Online;
    use crate::input::Input;
    use crate::post::{Address, Envelope, Route};
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
    fn a_whisper_that_the_bus_has_no_room_for_is_refused_with_its_request() {
        let mut test = GameTest::new();
        test.player("Bob").player("Ada").tick(1).fill_bus(true);
        test.request(7, Whisper { to: "Bob".into(), text: "psst".into() }).tick(3);
        assert_eq!(test.refusals_by_request(), [(7, Refusal::Busy)]);
        test.fill_bus(false).request(8, Whisper { to: "Bob".into(), text: "psst".into() }).tick(5);
        assert_eq!(test.received_by::<ChatLine>("Bob").len(), 1);
    }

    /// A letter as whoever can publish on the bus writes it.
    fn from_outside<L: Letter>(to: Address, letter: &L) -> Input {
        let body = postcard::to_stdvec(letter).unwrap().into();
        let route = Route::Everyone;
        Input::Letter(Envelope { route, to, kind: L::KIND.to_owned(), body })
    }

    #[test]
    fn nobody_else_whispers_for_the_realm_that_runs_here_or_for_its_players() {
        let mut test = GameTest::new();
        test.player("Bob").player("Ada").tick(1);
        let (ada, realm) = (test.character("Ada"), Address::Zone(ZoneName::realm()));
        let text = || "your password, please".to_owned();
        let (from, from_name) = (CharacterId(999), "Gamemaster".to_owned());
        let whispered = Whispered { from, from_name, text: text(), request: 1 };
        test.input(from_outside(Address::Character(ada), &whispered));
        let answered = Answered { to_name: None, text: text(), request: 7 };
        test.input(from_outside(Address::Character(ada), &answered));
        let asked = |from, from_name: &str| {
            let (from_name, to_name) = (from_name.to_owned(), "Ada".to_owned());
            let asked = Asked { from, from_name, to_name, text: text(), request: 1 };
            from_outside(realm.clone(), &asked)
        };
        let bob = test.character("Bob");
        test.input(asked(bob, "Bob")).input(asked(CharacterId(999), "Gamemaster")).tick(4);
        assert_eq!((test.received::<ChatLine>(), test.refusals()), (vec![], vec![]));
    }

    #[test]
    fn a_player_of_another_server_is_heard_under_the_name_that_it_is_announced_with() {
        let mut test = GameTest::new();
        test.player("Ada").tick(1);
        let realm = || Address::Zone(ZoneName::realm());
        let (from, node) = (CharacterId(999), "2".to_owned());
        let (name, zone) = ("Eve".to_owned(), "field".to_owned());
        test.input(from_outside(realm(), &Online { character: from, name, zone, node }));
        for from_name in ["Eve", "Gamemaster"] {
            let (from_name, to_name) = (from_name.to_owned(), "Ada".to_owned());
            let asked = Asked { from, from_name, to_name, text: "psst".into(), request: 1 };
            test.input(from_outside(realm(), &asked));
        }
        test.tick(4);
        let heard: Vec<_> = test.received::<ChatLine>().into_iter().map(|line| line.from).collect();
        assert_eq!(heard, ["Eve"]);
    }

    #[test]
    fn a_whisper_to_nobody_is_refused_with_its_request() {
        let mut test = GameTest::new();
        test.player("Ada").request(7, Whisper { to: "nobody".into(), text: "psst".into() }).tick(5);
        assert_eq!(test.refusals_by_request(), [(7, Refusal::NotOnline)]);
    }

    #[test]
    fn a_whisper_to_a_character_without_a_connection_is_refused_and_not_confirmed() {
        let mut test = GameTest::new();
        test.player("Bob").player("Ada").tick(1).lose_session("Bob").tick(1);
        test.act_as("Ada").request(7, Whisper { to: "Bob".into(), text: "psst".into() }).tick(5);
        assert_eq!(test.refusals_by_request(), [(7, Refusal::NotOnline)]);
        assert_eq!(test.count_of_answers("Ada", 7), 1);
    }

    #[test]
    fn a_whisper_that_is_lost_on_the_way_is_answered_as_lost() {
        let mut test = GameTest::new();
        test.player("Bob").player("Ada").tick(1).lose_letters(true);
        test.request(7, Whisper { to: "Bob".into(), text: "psst".into() }).tick(70);
        assert_eq!(test.refusals_by_request(), [(7, Refusal::Busy)]);
        test.lose_letters(false);
        test.request(8, Whisper { to: "Bob".into(), text: "psst".into() }).tick(70);
        assert_eq!((test.count_of_answers("Ada", 7), test.count_of_answers("Ada", 8)), (1, 1));
        assert_eq!(test.received_by::<ChatLine>("Bob").len(), 1);
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
