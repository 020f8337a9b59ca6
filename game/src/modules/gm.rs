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

/// The longest line that a letter shows to players, in bytes: a command has no more.
const MAX_LINE: usize = 256;

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
        if !is_line(&letter.text) {
            return ctx.drop_letter(Announced::KIND);
        }
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
        if !is_line(&letter.message) {
            return ctx.drop_letter(KickWanted::KIND);
        }
        let KickWanted { name, message, author } = letter;
        if let Some(player) = ctx.find_player(&name) {
            let outcome = kick(ctx, player, &message, author);
            tell(ctx, author, outcome);
        }
    }

    fn told(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, letter: Told) {
        if !ctx.is_own_letter() && !is_line(&letter.text) {
            return ctx.drop_letter(Told::KIND);
        }
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

    /// A redirect takes a client and a new session token along, so another server only sends players where the own
    /// configuration lets it.
    fn redirect_wanted(&mut self, ctx: &mut Ctx<'_>, letter: RedirectWanted) {
        let RedirectWanted { name, address, author } = letter;
        if let Some(player) = ctx.find_player(&name) {
            let allowed = address.as_deref().is_none_or(|to| ctx.may_redirect_to(to));
            if !ctx.is_own_letter() && !allowed {
                ctx.drop_letter("gm.redirect to an address that isn't in bus.redirect_to");
                let message = "the other server's bus.redirect_to doesn't list that address";
                return tell(ctx, author, Err(CommandError::Failed(message.into())));
            }
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

/// Whether people may be shown this: printable, and no longer than what a game master can type.
fn is_line(text: &str) -> bool {
    text.len() <= MAX_LINE && crate::text::check(text).is_ok()
}

fn is_number(text: &str) -> bool {
    text.parse::<i32>().is_ok()
}

#[cfg(test)]
mod tests;
