//! What game masters and operators do: teleport, kick, announce, redirect, shut down. Every line they type is kept in
//! the audit log.

use protocol::PublicAddress;
use protocol::v1::{Announcement, CommandResult};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::ids::{CharacterId, PlayerId, Rank, ZoneName};
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

/// The author of a command that another zone has to carry out: it is told what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Author {
    /// `None` for the operator, who reads the log.
    character: Option<CharacterId>,
    rank: Rank,
}

/// The zone with this player is to end its session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KickWanted {
    name: String,
    message: String,
    author: Author,
}

impl Letter for KickWanted {
    const KIND: &'static str = "gm.kick";
}

/// The zone with this player is to send it to another address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RedirectWanted {
    name: String,
    address: Option<String>,
    author: Author,
}

impl Letter for RedirectWanted {
    const KIND: &'static str = "gm.redirect";
}

/// What came of a command in another zone, on its way to the author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    text: String,
}

impl Letter for Told {
    const KIND: &'static str = "gm.told";
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
        routes.on_player_letter(Self::told);
    }
}

type Outcome = Result<String, CommandError>;

impl Gm {
    fn help(&mut self, ctx: &mut Ctx<'_>, caller: Caller, _: &[&str]) -> Outcome {
        let rank = author(ctx, caller).rank;
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
        Ok("sent to all zones".into())
    }

    fn announced(&mut self, ctx: &mut Ctx<'_>, letter: Announced) {
        ctx.send_to_zone(&Announcement { text: letter.text });
    }

    fn kick(&mut self, ctx: &mut Ctx<'_>, caller: Caller, words: &[&str]) -> Outcome {
        let [name, reason @ ..] = words else {
            return Err(CommandError::Usage("kick NAME [REASON]".into()));
        };
        let message = if reason.is_empty() { "kicked".to_owned() } else { reason.join(" ") };
        let author = author(ctx, caller);
        if let Some(player) = ctx.find_player(name) {
            return kick(ctx, player, &message, author);
        }
        let name = (*name).to_owned();
        ctx.post(Address::Everyone, &KickWanted { name: name.clone(), message, author });
        Ok(format!("{name} isn't in this zone; sent to all others"))
    }

    fn kick_wanted(&mut self, ctx: &mut Ctx<'_>, letter: KickWanted) {
        let KickWanted { name, message, author } = letter;
        if let Some(player) = ctx.find_player(&name) {
            let outcome = kick(ctx, player, &message, author);
            tell(ctx, author, outcome);
        }
    }

    fn told(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, letter: Told) {
        ctx.send(player, &CommandResult { text: letter.text });
    }

    fn teleport(&mut self, ctx: &mut Ctx<'_>, caller: Caller, words: &[&str]) -> Outcome {
        let usage = || CommandError::Usage("teleport [NAME] X Y | [NAME] ZONE".into());
        let myself = |ctx: &Ctx<'_>| match caller {
            Caller::Player(player) => ctx.player(player).map(Player::id).ok_or_else(usage),
            Caller::Operator => Err(usage()),
        };
        let rank = author(ctx, caller).rank;
        let named = |ctx: &Ctx<'_>, name: &str| {
            let absent = || CommandError::Failed(format!("no {name} in this zone"));
            let player = ctx.find_player(name).ok_or_else(absent)?;
            check_rank(ctx, player, rank).map(|()| player)
        };
        match words {
            [zone] => Self::to_zone(ctx, myself(ctx)?, zone),
            [x, y] if is_number(x) => Self::to_place(ctx, myself(ctx)?, x, y),
            [name, zone] => Self::to_zone(ctx, named(ctx, name)?, zone),
            [name, x, y] => Self::to_place(ctx, named(ctx, name)?, x, y),
            _ => Err(usage()),
        }
    }

    fn to_zone(ctx: &mut Ctx<'_>, player: PlayerId, name: &str) -> Outcome {
        let zone = ZoneName::new(name);
        if ctx.content().zone(&zone).is_none() {
            return Err(CommandError::Failed(format!("there is no zone {name:?}")));
        }
        if !ctx.runs_here(&zone) {
            let message = format!("zone {name} doesn't run on this server");
            return Err(CommandError::Failed(message));
        }
        ctx.travel(player, zone, None);
        Ok(format!("sent to {name}"))
    }

    fn to_place(ctx: &mut Ctx<'_>, player: PlayerId, x: &str, y: &str) -> Outcome {
        let number = |text: &str| {
            text.parse().map_err(|_| CommandError::Failed(format!("{text:?} is no number")))
        };
        let position = Position { x: number(x)?, y: number(y)? };
        if !ctx.map().walkable(position) {
            return Err(CommandError::Failed("nobody can stand there".into()));
        }
        ctx.cancel_travel(player);
        ctx.set_position(player.entity(), position);
        Ok(format!("at {x} {y}"))
    }

    fn redirect(&mut self, ctx: &mut Ctx<'_>, caller: Caller, words: &[&str]) -> Outcome {
        let (name, address) = match words {
            [name] => (*name, None),
            [name, address] => {
                let address: Result<PublicAddress, _> = address.parse();
                let address = address.map_err(|error| CommandError::Failed(error.to_string()))?;
                (*name, Some(address.to_string()))
            }
            _ => return Err(CommandError::Usage("redirect NAME [HOST:PORT]".into())),
        };
        let author = author(ctx, caller);
        if let Some(player) = ctx.find_player(name) {
            return redirect(ctx, player, address, author);
        }
        let wanted = RedirectWanted { name: name.to_owned(), address, author };
        ctx.post(Address::Everyone, &wanted);
        Ok(format!("{name} isn't in this zone; sent to all others"))
    }

    fn redirect_wanted(&mut self, ctx: &mut Ctx<'_>, letter: RedirectWanted) {
        let RedirectWanted { name, address, author } = letter;
        if let Some(player) = ctx.find_player(&name) {
            let outcome = redirect(ctx, player, address, author);
            tell(ctx, author, outcome);
        }
    }

    fn shut_down(&mut self, ctx: &mut Ctx<'_>, _: Caller, _: &[&str]) -> Outcome {
        ctx.shut_down();
        Ok("shutting down".into())
    }
}

fn kick(ctx: &mut Ctx<'_>, player: PlayerId, message: &str, author: Author) -> Outcome {
    check_rank(ctx, player, author.rank)?;
    check_connected(ctx, player)?;
    ctx.kick(player, message);
    Ok(format!("{} is being disconnected", name_of(ctx, player)))
}

fn redirect(
    ctx: &mut Ctx<'_>,
    player: PlayerId,
    address: Option<String>,
    author: Author,
) -> Outcome {
    check_rank(ctx, player, author.rank)?;
    check_connected(ctx, player)?;
    ctx.redirect(player, address);
    Ok(format!("{} is being redirected", name_of(ctx, player)))
}

fn tell(ctx: &mut Ctx<'_>, author: Author, outcome: Outcome) {
    let text = outcome.unwrap_or_else(|error| error.to_string());
    match author.character {
        Some(character) => ctx.post_to_character(character, &Told { text }),
        None => tracing::info!(text, "a command of the operator was carried out"),
    }
}

fn author(ctx: &Ctx<'_>, caller: Caller) -> Author {
    match caller {
        Caller::Player(player) => {
            let player = ctx.player(player);
            let rank = player.map(Player::rank).unwrap_or_default();
            Author { character: player.map(Player::character), rank }
        }
        Caller::Operator => Author { character: None, rank: Rank::Admin },
    }
}

/// Commands act on characters of the same rank and of lower ones.
fn check_rank(ctx: &Ctx<'_>, player: PlayerId, rank: Rank) -> Result<(), CommandError> {
    let higher = ctx.player(player).is_some_and(|player| player.rank() > rank);
    let message = || format!("{} has a higher rank than yours", name_of(ctx, player));
    if higher { Err(CommandError::Failed(message())) } else { Ok(()) }
}

fn check_connected(ctx: &Ctx<'_>, player: PlayerId) -> Result<(), CommandError> {
    if ctx.player(player).is_some_and(Player::is_connected) {
        return Ok(());
    }
    let name = name_of(ctx, player);
    Err(CommandError::Failed(format!("{name} has lost its connection and will leave by itself")))
}

fn name_of(ctx: &Ctx<'_>, player: PlayerId) -> String {
    ctx.player(player).map(Player::name).unwrap_or_default().to_owned()
}

fn is_number(text: &str) -> bool {
    text.parse::<i32>().is_ok()
}

#[cfg(test)]
mod tests {
    use protocol::v1::Refusal;

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
        assert_eq!(said(&test), "there is no zone \"realm\"");
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

    /// A guide and an admin in the field, and Bob in `zone`.
    fn two_ranks(zone: &str) -> GameTest {
        let mut test = GameTest::new();
        test.player("Bob").tick(1).travel("Bob", zone);
        test.ranked("Zed", Rank::Admin).ranked("Gil", Rank::Guide).tick(1);
        test
    }

    fn is_kicked(test: &GameTest, name: &str) -> bool {
        let of = test.session(name);
        test.orders()
            .iter()
            .any(|order| matches!(order, Order::Kick { session, .. } if *session == of))
    }

    #[test]
    fn a_lower_rank_does_not_act_on_a_higher_one() {
        for line in ["kick Zed bye", "teleport Zed cellar", "teleport Zed 100 100"] {
            let mut test = two_ranks("field");
            let before = test.position("Zed");
            test.command(line).tick(3);
            assert_eq!(said(&test), "Zed has a higher rank than yours", "{line}");
            assert!(!is_kicked(&test, "Zed"), "{line}");
            assert_eq!(
                (test.zone_of("Zed").as_deref(), test.position("Zed")),
                (Some("field"), before)
            );
        }
        let mut test = two_ranks("field");
        test.act_as("Zed").command("kick Gil bye").tick(1);
        assert!(is_kicked(&test, "Gil"), "a higher one acts on a lower one");
    }

    #[test]
    fn a_lower_rank_does_not_kick_a_higher_one_in_another_zone_either() {
        let mut test = two_ranks("field");
        test.travel("Zed", "cellar").act_as("Gil").command("kick Zed bye").tick(5);
        assert!(!is_kicked(&test, "Zed"));
        assert_eq!(said(&test), "Zed has a higher rank than yours", "told by the other zone");
    }

    #[test]
    fn success_of_a_command_is_told_when_it_is_known_and_not_before() {
        let mut test = two_ranks("cellar");
        let first = test.act_as("Gil").command("kick Bob bye").tick(1).received::<CommandResult>();
        assert_eq!(first.last().unwrap().text, "Bob isn't in this zone; sent to all others");
        test.tick(5);
        assert_eq!(said(&test), "Bob is being disconnected");
        assert!(is_kicked(&test, "Bob"));
        test.command("kick Nobody bye").tick(5);
        assert_eq!(said(&test), "Nobody isn't in this zone; sent to all others");
    }

    #[test]
    fn a_character_without_a_connection_is_not_said_to_be_disconnected() {
        let mut test = two_ranks("field");
        test.lose_session("Bob").tick(1).act_as("Gil").command("kick Bob bye").tick(1);
        assert_eq!(said(&test), "Bob has lost its connection and will leave by itself");
    }

    #[test]
    fn a_journey_to_a_zone_that_is_not_there_is_refused_to_the_author_of_the_command() {
        let mut test = two_ranks("field");
        test.command("teleport Bob atlantis").tick(3);
        assert_eq!(said(&test), "there is no zone \"atlantis\"");
        assert_eq!(test.gm_log().last().unwrap().outcome, said(&test));
        assert_eq!(test.act_as("Bob").refusals(), [], "it has asked for nothing");
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
