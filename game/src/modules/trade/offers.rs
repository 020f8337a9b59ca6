//! What the two sides of a trade offer, and who has accepted it. An offer never says more than its owner has: what
//! leaves an inventory leaves the offer.

use protocol::v1::{OfferTrade, Refusal, TradeItem, TradeSide, TradeState};
use serde::{Deserialize, Serialize};

use super::Apart;
use crate::ctx::Ctx;
use crate::ids::{ItemId, PlayerId, SessionId};
use crate::module::Refuse;
use crate::player::Player;

/// Items that one side can offer: a bag full, and far below what a frame holds.
pub(super) const MAX_OFFERED: usize = 24;

/// Both sides of a trade.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Offers {
    sides: [Offer; 2],
    revision: u32,
    /// Why the trade couldn't be closed; gone with the next change.
    obstacle: String,
}

/// One side.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Offer {
    player: PlayerId,
    /// Who sees the trade. Another session of the same player has never seen what it would accept.
    session: Option<SessionId>,
    items: Vec<Offered>,
    gold: u64,
    accepted: bool,
}

/// An item as the other side has been shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Offered {
    item: ItemId,
    template: String,
    quantity: u32,
}

impl Offer {
    pub(super) fn nothing(ctx: &Ctx<'_>, player: PlayerId) -> Self {
        let session = ctx.player(player).and_then(Player::session);
        Self { player, session, items: Vec::new(), gold: 0, accepted: false }
    }

    /// What of `items` and `gold` the player has now.
    fn available(
        &self,
        ctx: &Ctx<'_>,
        items: impl Iterator<Item = ItemId>,
        gold: u64,
    ) -> (Vec<Offered>, u64) {
        let Some(player) = ctx.player(self.player) else {
            return (Vec::new(), 0);
        };
        let inventory = player.inventory();
        let held = items.filter_map(|item| inventory.get(item)).map(|held| Offered {
            item: held.id,
            template: held.template.clone(),
            quantity: held.quantity,
        });
        (held.collect(), gold.min(inventory.gold()))
    }

    fn ids(&self) -> Vec<ItemId> {
        self.items.iter().map(|offered| offered.item).collect()
    }

    fn to_message(&self) -> TradeSide {
        let items = self.items.iter().map(|offered| TradeItem {
            id: offered.item.0,
            template: offered.template.clone(),
            quantity: offered.quantity,
        });
        TradeSide { items: items.collect(), gold: self.gold, accepted: self.accepted }
    }
}

impl Offers {
    pub(super) fn new(sides: [Offer; 2]) -> Self {
        Self { sides, revision: 1, obstacle: String::new() }
    }

    pub(super) const fn revision(&self) -> u32 {
        self.revision
    }

    pub(super) fn players(&self) -> [PlayerId; 2] {
        self.sides.each_ref().map(|side| side.player)
    }

    /// Both are still played by the sessions that see the trade.
    pub(super) fn check_sessions(&self, ctx: &Ctx<'_>) -> Result<(), Apart> {
        let same = |side: &Offer| ctx.player(side.player).and_then(Player::session) == side.session;
        self.sides.iter().all(same).then_some(()).ok_or(Apart::Gone)
    }

    /// A player offers something else.
    pub(super) fn replace(
        &mut self,
        ctx: &Ctx<'_>,
        player: PlayerId,
        wish: &OfferTrade,
    ) -> Result<(), Refuse> {
        // The decoder's bound counts a packed run of numbers as one.
        if wish.items.len() > MAX_OFFERED {
            let message = format!("at most {MAX_OFFERED} items can be offered");
            return Err(Refuse::new(Refusal::BadRequest, message));
        }
        let mut ids = wish.items.clone();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() < wish.items.len() {
            return Err(Refuse::new(Refusal::BadRequest, "an item can be offered once"));
        }
        let Some(side) = self.side(player) else {
            return Ok(());
        };
        let (items, gold) = side.available(ctx, wish.items.iter().map(|id| ItemId(*id)), wish.gold);
        if items.len() < wish.items.len() {
            return Err(Refuse::new(Refusal::NoSuchItem, "you don't have that"));
        }
        if gold < wish.gold {
            return Err(Refuse::new(Refusal::NotEnoughGold, "you don't have so much gold"));
        }
        if (&side.items, side.gold) != (&items, gold) {
            (side.items, side.gold) = (items, gold);
            self.changed();
        }
        Ok(())
    }

    /// Takes out of the offers what their owners don't have any more. True if that is a change.
    pub(super) fn refresh(&mut self, ctx: &Ctx<'_>) -> bool {
        let mut changed = false;
        for side in &mut self.sides {
            let (items, gold) = side.available(ctx, side.ids().into_iter(), side.gold);
            changed |= (&side.items, side.gold) != (&items, gold);
            (side.items, side.gold) = (items, gold);
        }
        if changed {
            self.changed();
        }
        changed
    }

    fn changed(&mut self) {
        self.revision += 1;
        self.obstacle.clear();
        self.sides.iter_mut().for_each(|side| side.accepted = false);
    }

    /// True when both have accepted now.
    pub(super) fn accept(&mut self, player: PlayerId) -> bool {
        self.mark(player, true);
        self.sides.iter().all(|side| side.accepted)
    }

    /// As if the player hadn't accepted.
    pub(super) fn take_back(&mut self, player: PlayerId) {
        self.mark(player, false);
    }

    fn mark(&mut self, player: PlayerId, accepted: bool) {
        if let Some(side) = self.side(player) {
            side.accepted = accepted;
        }
    }

    /// Both have to think again, because the trade can't be closed as it is.
    pub(super) fn hindered(&mut self, obstacle: &str) {
        self.changed();
        obstacle.clone_into(&mut self.obstacle);
    }

    /// Everything that is offered changes hands, or nothing does.
    pub(super) fn close(&self, ctx: &mut Ctx<'_>, actor: PlayerId) -> Result<(), Refuse> {
        let [one, other] = &self.sides;
        let gold = [one.gold, other.gold].into_iter().filter(|gold| *gold > 0);
        ctx.spend_rows(actor, one.items.len() + other.items.len() + gold.count())?;
        let mut deal = ctx.deal("trade", actor)?;
        deal.exchange((one.player, &one.ids()), (other.player, &other.ids()))?;
        deal.pay(Some(one.player), Some(other.player), one.gold)?;
        deal.pay(Some(other.player), Some(one.player), other.gold)?;
        deal.close()
    }

    /// Both see how the trade stands; the actor as the answer to its request.
    pub(super) fn show(&self, ctx: &mut Ctx<'_>, actor: PlayerId) {
        let request = ctx.request();
        self.show_as(ctx, |player| if player == actor { request } else { 0 });
    }

    /// Both see how the trade stands, though neither has asked.
    pub(super) fn show_both(&self, ctx: &mut Ctx<'_>) {
        self.show_as(ctx, |_| 0);
    }

    fn show_as(&self, ctx: &mut Ctx<'_>, request: impl Fn(PlayerId) -> u32) {
        let [one, other] = &self.sides;
        for (mine, theirs) in [(one, other), (other, one)] {
            let state = TradeState {
                partner: theirs.player.entity().0,
                revision: self.revision,
                mine: Some(mine.to_message()),
                theirs: Some(theirs.to_message()),
                obstacle: self.obstacle.clone(),
            };
            ctx.reply_to(mine.player, request(mine.player), &state);
        }
    }

    fn side(&mut self, player: PlayerId) -> Option<&mut Offer> {
        self.sides.iter_mut().find(|side| side.player == player)
    }
}
