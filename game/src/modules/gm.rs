//! What game masters and operators do: teleport, kick, announce, redirect, shut down. Every line they type is kept in
//! the audit log.

use protocol::v1::Announcement;
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::ids::{PlayerId, Rank, ZoneName};
use crate::module::{Caller, Command, CommandError, Module, Routes};
use crate::player::Player;
use crate::post::{Address, Letter};
use crate::space::Position;

/// Commands that concern the whole server.
#[derive(Debug, Serialize, Deserialize)]
pub struct Gm;

/// Everybody is to read this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Announced {
    text: String,
}

impl Letter for Announced {
    const KIND: &'static str = "gm.announced";
}

/// Whoever has this player is to end its session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KickWanted {
    name: String,
    message: String,
}

impl Letter for KickWanted {
    const KIND: &'static str = "gm.kick";
}

/// Whoever has this player is to send it to another address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RedirectWanted {
    name: String,
    address: Option<String>,
}

impl Letter for RedirectWanted {
    const KIND: &'static str = "gm.redirect";
}

impl Module for Gm {
    const NAME: &'static str = "gm";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.command("help", "", Rank::Player, Self::help);
        routes.command("announce", "TEXT", Rank::Guide, Self::announce);
        routes.command("kick", "NAME [REASON]", Rank::Guide, Self::kick);
        routes.command("teleport", "[NAME] X Y | [NAME] ZONE", Rank::Guide, Self::teleport);
        routes.command("redirect", "NAME [HOST:PORT]", Rank::Admin, Self::redirect);
        routes.command("shutdown", "", Rank::Admin, Self::shut_down);
        routes.on_letter(Self::announced);
        routes.on_letter(Self::kick_wanted);
        routes.on_letter(Self::redirect_wanted);
    }
}

type Outcome = Result<String, CommandError>;

impl Gm {
    fn help(&mut self, ctx: &mut Ctx<'_>, caller: Caller, _: &[&str]) -> Outcome {
        let rank = match caller {
            Caller::Player(player) => ctx.player(player).map(Player::rank).unwrap_or_default(),
            Caller::Operator => Rank::Admin,
        };
        let allowed = ctx.commands().filter(|command| command.rank <= rank);
        let line =
            |command: &Command| format!("{} {}", command.name, command.usage).trim_end().to_owned();
        Ok(allowed.map(line).collect::<Vec<_>>().join("\n"))
    }

    fn announce(&mut self, ctx: &mut Ctx<'_>, _: Caller, words: &[&str]) -> Outcome {
        if words.is_empty() {
            return Err(CommandError::Usage("announce TEXT".into()));
        }
        ctx.post(Address::Everyone, &Announced { text: words.join(" ") });
        Ok("announced".into())
    }

    fn announced(&mut self, ctx: &mut Ctx<'_>, letter: Announced) {
        ctx.send_to_zone(&Announcement { text: letter.text });
    }

    fn kick(&mut self, ctx: &mut Ctx<'_>, _: Caller, words: &[&str]) -> Outcome {
        let [name, reason @ ..] = words else {
            return Err(CommandError::Usage("kick NAME [REASON]".into()));
        };
        let message = if reason.is_empty() { "kicked".to_owned() } else { reason.join(" ") };
        ctx.post(Address::Everyone, &KickWanted { name: (*name).to_owned(), message });
        Ok(format!("{name} is kicked, if online"))
    }

    fn kick_wanted(&mut self, ctx: &mut Ctx<'_>, letter: KickWanted) {
        if let Some(player) = ctx.find_player(&letter.name) {
            ctx.kick(player, &letter.message);
        }
    }

    fn teleport(&mut self, ctx: &mut Ctx<'_>, caller: Caller, words: &[&str]) -> Outcome {
        let usage = || CommandError::Usage("teleport [NAME] X Y | [NAME] ZONE".into());
        let myself = |ctx: &Ctx<'_>| match caller {
            Caller::Player(player) => ctx.player(player).map(Player::id).ok_or_else(usage),
            Caller::Operator => Err(usage()),
        };
        let named = |ctx: &Ctx<'_>, name: &str| {
            let absent = || CommandError::Failed(format!("no {name} in this zone"));
            ctx.find_player(name).ok_or_else(absent)
        };
        match words {
            [zone] => Self::to_zone(ctx, myself(ctx)?, zone),
            [x, y] if is_number(x) => Self::to_place(ctx, myself(ctx)?, x, y),
            [name, zone] => Self::to_zone(ctx, named(ctx, name)?, zone),
            [name, x, y] => Self::to_place(ctx, named(ctx, name)?, x, y),
            _ => Err(usage()),
        }
    }

    fn to_zone(ctx: &mut Ctx<'_>, player: PlayerId, zone: &str) -> Outcome {
        ctx.travel(player, ZoneName::new(zone), None);
        Ok(format!("on the way to {zone}"))
    }

    fn to_place(ctx: &mut Ctx<'_>, player: PlayerId, x: &str, y: &str) -> Outcome {
        let number = |text: &str| {
            text.parse().map_err(|_| CommandError::Failed(format!("{text:?} is no number")))
        };
        let position = Position { x: number(x)?, y: number(y)? };
        if !ctx.map().walkable(position) {
            return Err(CommandError::Failed("nobody can stand there".into()));
        }
        ctx.set_position(player.entity(), position);
        Ok(format!("at {x} {y}"))
    }

    fn redirect(&mut self, ctx: &mut Ctx<'_>, _: Caller, words: &[&str]) -> Outcome {
        let (name, address) = match words {
            [name] => (name, None),
            [name, address] => (name, Some((*address).to_owned())),
            _ => return Err(CommandError::Usage("redirect NAME [HOST:PORT]".into())),
        };
        ctx.post(Address::Everyone, &RedirectWanted { name: (*name).to_owned(), address });
        Ok(format!("{name} is redirected, if online"))
    }

    fn redirect_wanted(&mut self, ctx: &mut Ctx<'_>, letter: RedirectWanted) {
        if let Some(player) = ctx.find_player(&letter.name) {
            ctx.redirect(player, letter.address);
        }
    }

    fn shut_down(&mut self, ctx: &mut Ctx<'_>, _: Caller, _: &[&str]) -> Outcome {
        ctx.shut_down();
        Ok("shutting down".into())
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<i32>().is_ok()
}

#[cfg(test)]
mod tests {
    use protocol::v1::{CommandResult, Refusal};

    use super::*;
    use crate::publication::Order;
    use crate::testing::GameTest;

    fn said(test: &GameTest) -> String {
        test.received::<CommandResult>().last().map(|result| result.text.clone()).unwrap()
    }

    #[test]
    fn a_player_may_do_nothing_of_a_game_masters() {
        let mut test = GameTest::new();
        for line in ["announce hi", "kick Ada", "teleport 100 100", "shutdown", "give Ada sword"] {
            test.player("Ada").command(line).tick(1);
            assert!(said(&test).ends_with("is not for you"), "{line}");
        }
        assert!(!test.orders().contains(&Order::Shutdown));
    }

    #[test]
    fn the_realm_is_no_place_to_go_to() {
        let mut test = GameTest::new();
        test.master("Ada").command("teleport realm").tick(2);
        assert_eq!(test.zone_of("Ada"), Some("field".to_owned()));
        assert_eq!(test.refusals(), [Refusal::ZoneUnavailable]);
        assert!(test.saved("Ada").is_none_or(|save| save.place.zone != ZoneName::realm()));
    }

    #[test]
    fn who_types_too_fast_is_refused_and_a_player_fills_no_audit_log() {
        let mut test = GameTest::new();
        test.player("Ada");
        for _ in 0..100 {
            test.command("help");
        }
        test.tick(1);
        let answers = test.received::<CommandResult>().len();
        assert!((1..50).contains(&answers), "{answers} answers");
        assert!(test.refusals().contains(&Refusal::TooFast));
        assert_eq!(test.gm_log(), []);
    }

    #[test]
    fn an_announcement_reaches_every_zone() {
        let mut test = GameTest::new();
        test.player("Bob").tick(1).travel("Bob", "cellar").master("Ada").tick(1);
        test.command("announce server restarts at noon").tick(3);
        for name in ["Ada", "Bob"] {
            assert_eq!(test.received_by::<Announcement>(name)[0].text, "server restarts at noon");
        }
    }

    #[test]
    fn a_command_that_is_no_printable_text_does_nothing_and_is_not_kept() {
        let mut test = GameTest::new();
        test.master("Ada").command("announce \u{202e}won trats").command("kick Ada a\u{2028}b");
        test.operator("announce \u{1b}[2J").tick(3);
        assert_eq!(test.refusals(), [Refusal::BadRequest; 2]);
        assert_eq!(test.received::<Announcement>(), []);
        assert_eq!(test.orders(), []);
        let outcomes: Vec<_> = test.gm_log().iter().map(|entry| entry.outcome.as_str()).collect();
        assert_eq!(outcomes, ["the character U+001B can't be shown; leave it out"]);
    }

    #[test]
    fn every_command_is_kept_in_the_audit_log_with_its_outcome() {
        let mut test = GameTest::new();
        test.master("Ada").command("teleport nowhere at all").command("teleport -5 -5").tick(1);
        let outcomes: Vec<_> = test.gm_log().iter().map(|entry| entry.outcome.clone()).collect();
        assert_eq!(outcomes, ["no nowhere in this zone", "nobody can stand there"]);
    }

    #[test]
    fn a_master_gives_what_the_content_knows_in_quantities_it_allows() {
        let mut test = GameTest::new();
        test.master("Ada").command("give Ada sword").tick(1);
        assert_eq!(test.inventory("Ada"), [("sword".to_owned(), 1)]);
        for line in [
            "give Ada nonsense",
            "give Ada sword 0",
            "give Ada sword 4294967295",
            "give Ada sword -1",
        ] {
            test.command(line).tick(1);
            assert_eq!(test.inventory("Ada").len(), 1, "{line}");
        }
    }
}
