//! Trade between two players who stand together. Each sees what both offer, every change takes back both acceptances,
//! and when both have accepted the same offers all of it changes hands in one operation.
//!
//! A trade ends without a change when one of the two cancels it, goes away, dies, leaves the zone or loses its
//! connection. It stays open when it can't be closed: while nothing can be saved the acceptance is refused and the
//! offers stand; without room or gold both acceptances are taken back and both are told why.

mod offers;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use protocol::v1::{
    AcceptTrade, AnswerTrade, AskTrade, CancelTrade, OfferTrade, Refusal, TradeAsked, TradeEnded,
    TradeOutcome,
};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::entity_map::EntityMap;
use crate::ids::{EntityId, PlayerId, ZoneName};
use crate::module::{Module, Rate, Refuse, Routes};
use crate::modules::movement::in_reach;
use crate::player::Player;
use offers::{Offer, Offers};

/// How far apart two can stand who trade, in centimetres: they should see each other's faces.
pub const TRADE_REACH_CM: u32 = 500;
/// How long a question can be answered, and how long the same one isn't asked again, in milliseconds.
const ASK_MS: u32 = 15_000;
/// Questions of one player: each of them opens a window on somebody's screen.
const ASKS: Rate = Rate { per_second: 1, burst: 3 };
/// Offers and acceptances: faster than anybody moves items about.
const CHANGES: Rate = Rate { per_second: 5, burst: 15 };

/// Trades in a zone.
#[derive(Debug, Serialize, Deserialize)]
pub struct Trades {
    /// The last question of each player.
    asks: EntityMap<Ask>,
    /// Which trade a player is in.
    seats: EntityMap<u64>,
    open: BTreeMap<u64, Offers>,
    next: u64,
}

/// Somebody was asked to trade.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Ask {
    other: PlayerId,
    /// The tick from which on it is forgotten.
    until: u64,
    /// It is kept after it was answered, so that no is an answer.
    answered: bool,
}

/// Why two players can't trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Apart {
    Gone,
    Dead,
    Far,
}

impl Module for Trades {
    const NAME: &'static str = "trade";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self { asks: EntityMap::new(), seats: EntityMap::new(), open: BTreeMap::new(), next: 1 }
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_limited(ASKS, Self::ask);
        routes.on_limited(CHANGES, Self::answer);
        routes.on_limited(CHANGES, Self::offer);
        routes.on_limited(CHANGES, Self::accept);
        routes.on_limited(CHANGES, Self::cancel);
    }

    fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
        for trade in self.open.keys().copied().collect::<Vec<_>>() {
            self.review(ctx, trade);
        }
    }

    fn on_leave(&mut self, ctx: &mut Ctx<'_>, player: PlayerId) {
        self.asks.remove(player.entity());
        if let Some(trade) = self.seats.get(player.entity()).copied() {
            self.end(ctx, trade, TradeOutcome::Left);
        }
    }
}

impl Trades {
    fn ask(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, wish: AskTrade) -> Result<(), Refuse> {
        let other = other_player(ctx, player, wish.entity)?;
        self.check_free(player, other)?;
        together(ctx, player, other).map_err(Apart::refuse)?;
        let (id, tick) = (player.entity(), ctx.tick());
        let asked = self.asks.get(id).filter(|ask| ask.other == other && tick < ask.until);
        if let Some(ask) = asked {
            let ticks = u32::try_from(ask.until - tick).unwrap_or(u32::MAX);
            let refuse = Refuse::new(Refusal::Cooldown, "you have just asked that");
            return Err(refuse.for_ms(ticks.saturating_mul(ctx.tick_ms())));
        }
        let until = tick + ctx.ticks(ASK_MS);
        self.asks.insert(id, Ask { other, until, answered: false });
        let name = ctx.player(player).map(Player::name).unwrap_or_default().to_owned();
        ctx.send(other, &TradeAsked { entity: id.0, name });
        Ok(())
    }

    fn answer(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        wish: AnswerTrade,
    ) -> Result<(), Refuse> {
        let asker = other_player(ctx, player, wish.entity)?;
        let tick = ctx.tick();
        let ask = self.asks.get_mut(asker.entity());
        let mine = |ask: &&mut Ask| ask.other == player && tick < ask.until && !ask.answered;
        let unasked = || Refuse::new(Refusal::NoSuchTarget, "that player asks nothing of you");
        let ask = ask.filter(mine).ok_or_else(unasked)?;
        if !wish.accept {
            ask.answered = true;
            ctx.send(asker, &ended(TradeOutcome::Declined, player));
            return Ok(());
        }
        together(ctx, player, asker).map_err(Apart::refuse)?;
        self.check_free(player, asker)?;
        let offers = Offers::new([asker, player].map(|side| Offer::nothing(ctx, side)));
        offers.show(ctx, player);
        for side in [asker, player] {
            // Also what this one had asked a third: who trades has no question open.
            self.asks.remove(side.entity());
            self.seats.insert(side.entity(), self.next);
        }
        self.open.insert(self.next, offers);
        self.next += 1;
        Ok(())
    }

    fn offer(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        wish: OfferTrade,
    ) -> Result<(), Refuse> {
        let trade = self.trade_of(ctx, player)?;
        let offers = self.open.get_mut(&trade).ok_or_else(no_trade)?;
        offers.replace(ctx, player, &wish)?;
        offers.show(ctx, player);
        Ok(())
    }

    fn accept(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        wish: AcceptTrade,
    ) -> Result<(), Refuse> {
        let trade = self.trade_of(ctx, player)?;
        let offers = self.open.get_mut(&trade).ok_or_else(no_trade)?;
        if wish.revision != offers.revision() {
            let message = "what is offered has changed; look again";
            return Err(Refuse::new(Refusal::TradeChanged, message));
        }
        ctx.check_open()?;
        if !offers.accept(player) {
            offers.show(ctx, player);
            return Ok(());
        }
        match offers.close(ctx, player) {
            Ok(()) => {
                self.end_for(ctx, trade, TradeOutcome::Done, Some(player));
                Ok(())
            }
            // Passes by itself: the other's yes stands, this one has to be said again.
            Err(refuse) if refuse.retry_after_ms > 0 => {
                offers.take_back(player);
                Err(refuse)
            }
            Err(refuse) => {
                offers.hindered(&refuse.message);
                offers.show(ctx, player);
                Err(refuse)
            }
        }
    }

    fn cancel(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        _: CancelTrade,
    ) -> Result<(), Refuse> {
        let trade = self.trade_of(ctx, player)?;
        self.end_for(ctx, trade, TradeOutcome::Cancelled, Some(player));
        Ok(())
    }

    /// Ends a trade whose two have come apart, and tells them when something offered isn't as it was. False when the
    /// trade has ended.
    fn review(&mut self, ctx: &mut Ctx<'_>, trade: u64) -> bool {
        let Some(offers) = self.open.get_mut(&trade) else {
            return false;
        };
        let [one, other] = offers.players();
        let apart = together(ctx, one, other);
        if let Err(apart) = apart.and_then(|()| offers.check_sessions(ctx)) {
            self.end(ctx, trade, apart.outcome());
            return false;
        }
        if offers.refresh(ctx) {
            offers.show_both(ctx);
        }
        true
    }

    /// The trade that the player is in, as it is at this moment.
    fn trade_of(&mut self, ctx: &mut Ctx<'_>, player: PlayerId) -> Result<u64, Refuse> {
        let trade = self.seats.get(player.entity()).copied().ok_or_else(no_trade)?;
        self.review(ctx, trade).then_some(trade).ok_or_else(no_trade)
    }

    fn check_free(&self, player: PlayerId, other: PlayerId) -> Result<(), Refuse> {
        let not_allowed = |message| Err(Refuse::new(Refusal::NotAllowed, message));
        if self.seats.get(player.entity()).is_some() {
            return not_allowed("you are in a trade already");
        }
        if self.seats.get(other.entity()).is_some() {
            return not_allowed("that player is in another trade");
        }
        Ok(())
    }

    fn end(&mut self, ctx: &mut Ctx<'_>, trade: u64, outcome: TradeOutcome) {
        self.end_for(ctx, trade, outcome, None);
    }

    /// Both are told; `actor` as the answer to its request.
    fn end_for(
        &mut self,
        ctx: &mut Ctx<'_>,
        trade: u64,
        outcome: TradeOutcome,
        actor: Option<PlayerId>,
    ) {
        let Some(offers) = self.open.remove(&trade) else {
            return;
        };
        let [one, other] = offers.players();
        for (player, partner) in [(one, other), (other, one)] {
            self.seats.remove(player.entity());
            let request = if Some(player) == actor { ctx.request() } else { 0 };
            ctx.reply_to(player, request, &ended(outcome, partner));
        }
    }
}

impl Apart {
    const fn outcome(self) -> TradeOutcome {
        match self {
            Self::Gone => TradeOutcome::Left,
            Self::Dead => TradeOutcome::Dead,
            Self::Far => TradeOutcome::TooFar,
        }
    }

    fn refuse(self) -> Refuse {
        let reason = match self {
            Self::Gone => Refusal::NoSuchTarget,
            Self::Dead => Refusal::Dead,
            Self::Far => Refusal::OutOfRange,
        };
        Refuse::new(reason, message(self.outcome()))
    }
}

/// Both are here, connected, alive, and near each other.
fn together(ctx: &Ctx<'_>, one: PlayerId, other: PlayerId) -> Result<(), Apart> {
    let connected = |player| ctx.player(player).is_some_and(Player::is_connected);
    if !connected(one) || !connected(other) {
        return Err(Apart::Gone);
    }
    let body = |player: PlayerId| ctx.entity(player.entity()).ok_or(Apart::Gone);
    let (one, other) = (body(one)?, body(other)?);
    if one.hp() == 0 || other.hp() == 0 {
        return Err(Apart::Dead);
    }
    in_reach(ctx, one.position(), other.position(), TRADE_REACH_CM).then_some(()).ok_or(Apart::Far)
}

fn other_player(ctx: &Ctx<'_>, player: PlayerId, entity: u64) -> Result<PlayerId, Refuse> {
    let other = ctx.player_of(EntityId(entity)).filter(|other| *other != player);
    other.ok_or_else(|| Refuse::new(Refusal::NoSuchTarget, "there is no such player here"))
}

fn no_trade() -> Refuse {
    Refuse::new(Refusal::NoSuchTarget, "you are in no trade")
}

fn ended(outcome: TradeOutcome, partner: PlayerId) -> TradeEnded {
    let message = message(outcome).to_owned();
    TradeEnded { outcome: outcome.into(), message, partner: partner.entity().0 }
}

const fn message(outcome: TradeOutcome) -> &'static str {
    match outcome {
        TradeOutcome::Unspecified => "",
        TradeOutcome::Done => "the trade is done",
        TradeOutcome::Declined => "the other doesn't want to trade",
        TradeOutcome::Cancelled => "the trade is cancelled",
        TradeOutcome::TooFar => "you stand too far apart to trade",
        TradeOutcome::Dead => "the dead don't trade",
        TradeOutcome::Left => "the other isn't there any more",
    }
}
