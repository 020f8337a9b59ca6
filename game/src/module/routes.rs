//! What a module handles, by type: the signature of a handler says which packet, letter or event it is for.

use std::any::{Any, TypeId};

use protocol::{ClientInfo, ClientMessage, DecodeError, decode_client};
use serde::{Deserialize, Serialize};

use super::{Event, Module, Refuse};
use crate::ctx::Ctx;
use crate::ids::{PlayerId, Rank};
use crate::post::Letter;

type PacketHandler<M> = Box<
    dyn Fn(&mut M, &mut Ctx<'_>, PlayerId, &[u8]) -> Result<Result<(), Refuse>, DecodeError>
        + Send
        + Sync,
>;
type LetterHandler<M> = Box<
    dyn Fn(&mut M, &mut Ctx<'_>, Option<PlayerId>, &[u8]) -> Result<(), postcard::Error>
        + Send
        + Sync,
>;
type EventHandler<M> = Box<dyn Fn(&mut M, &mut Ctx<'_>, &dyn Any) + Send + Sync>;
type CommandHandler<M> = fn(&mut M, &mut Ctx<'_>, Caller, &[&str]) -> Result<String, CommandError>;

/// The handlers of one kind of module.
pub struct Routes<M> {
    pub(crate) packets: Vec<PacketRoute<M>>,
    pub(crate) letters: Vec<LetterRoute<M>>,
    pub(crate) events: Vec<(TypeId, EventHandler<M>)>,
    pub(crate) commands: Vec<(Command, CommandHandler<M>)>,
}

pub(crate) struct PacketRoute<M> {
    pub(crate) info: ClientInfo,
    pub(crate) rate: Rate,
    pub(crate) handle: PacketHandler<M>,
}

pub(crate) struct LetterRoute<M> {
    pub(crate) kind: &'static str,
    pub(crate) handle: LetterHandler<M>,
}

/// How often one player may send one kind of packet: a bucket of `burst` that fills with `per_second`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Packets per second in the long run; at least 1.
    pub per_second: u32,
    /// Packets at once; at least 1.
    pub burst: u32,
}

impl Rate {
    /// More than any client of ours sends; the session's own limits are usually below it.
    pub const DEFAULT: Self = Self { per_second: 20, burst: 40 };
}

/// Who typed a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A character in this zone.
    Player(PlayerId),
    /// The operator at the server: has every permission and stands nowhere.
    Operator,
}

/// A command as its help shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// The first word of the line.
    pub name: &'static str,
    /// The arguments, as a person would write them: `NAME [X Y]`.
    pub usage: &'static str,
    /// The lowest rank that may use it.
    pub rank: Rank,
}

/// Why a command did nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The arguments aren't as the usage says.
    #[error("usage: {0}")]
    Usage(String),
    /// Understood, but it can't be done.
    #[error("{0}")]
    Failed(String),
}

impl<M: Module> Routes<M> {
    pub(crate) fn of_module() -> Self {
        let mut routes = Self {
            packets: Vec::new(),
            letters: Vec::new(),
            events: Vec::new(),
            commands: Vec::new(),
        };
        M::routes(&mut routes);
        routes
    }

    /// Packets of type `P` go to `handler`, at [`Rate::DEFAULT`].
    pub fn on<P: ClientMessage + 'static>(
        &mut self,
        handler: fn(&mut M, &mut Ctx<'_>, PlayerId, P) -> Result<(), Refuse>,
    ) {
        self.on_limited(Rate::DEFAULT, handler);
    }

    /// Packets of type `P` go to `handler`; a player who sends more of them than `rate` is refused.
    pub fn on_limited<P: ClientMessage + 'static>(
        &mut self,
        rate: Rate,
        handler: fn(&mut M, &mut Ctx<'_>, PlayerId, P) -> Result<(), Refuse>,
    ) {
        let handle: PacketHandler<M> = Box::new(move |module, ctx, player, payload| {
            decode_client::<P>(payload).map(|packet| handler(module, ctx, player, packet))
        });
        self.packets.push(PacketRoute { info: P::INFO, rate, handle });
    }

    /// Letters of type `L` to this zone or to everyone go to `handler`.
    pub fn on_letter<L: Letter>(&mut self, handler: fn(&mut M, &mut Ctx<'_>, L)) {
        let handle: LetterHandler<M> = Box::new(move |module, ctx, _, body| {
            postcard::from_bytes(body).map(|letter| handler(module, ctx, letter))
        });
        self.letters.push(LetterRoute { kind: L::KIND, handle });
    }

    /// Letters of type `L` to a character in this zone go to `handler`.
    pub fn on_player_letter<L: Letter>(&mut self, handler: fn(&mut M, &mut Ctx<'_>, PlayerId, L)) {
        let handle: LetterHandler<M> = Box::new(move |module, ctx, player, body| {
            let letter = postcard::from_bytes(body)?;
            if let Some(player) = player {
                handler(module, ctx, player, letter);
            }
            Ok(())
        });
        self.letters.push(LetterRoute { kind: L::KIND, handle });
    }

    /// Events of type `E` that any module of the zone emits go to `handler`, in the same tick.
    pub fn on_event<E: Event>(&mut self, handler: fn(&mut M, &mut Ctx<'_>, &E)) {
        let handle: EventHandler<M> = Box::new(move |module, ctx, event| {
            if let Some(event) = event.downcast_ref::<E>() {
                handler(module, ctx, event);
            }
        });
        self.events.push((TypeId::of::<E>(), handle));
    }

    /// A command for game masters. `usage` names its arguments.
    pub fn command(
        &mut self,
        name: &'static str,
        usage: &'static str,
        rank: Rank,
        handler: CommandHandler<M>,
    ) {
        self.commands.push((Command { name, usage, rank }, handler));
    }
}
