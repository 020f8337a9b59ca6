//! The steps of which sequences are made. Each is what one player, the operator or fate does; numbers are often those
//! that make no sense.

use protocol::v1::{
    AcceptTrade, AnswerTrade, AskTrade, Buy, CancelTrade, DeleteMail, DropItem, ListMail,
    MergeStacks, OfferTrade, PickUp, Respawn, Sell, SendMail, SplitStack, TakeMail, TradeAsked,
    TradeState,
};
use rand::RngExt as _;
use rand_pcg::Pcg64Mcg;

use super::NAMES;
use crate::ids::{EntityId, ItemId};
use crate::modules::combat::Blow;
use crate::record::MAX_GOLD;
use crate::testing::GameTest;
use crate::zone::{Entity, EntityKind};

/// Ticks until what lies on the ground has decayed, at ten a second.
const DECAY_TICKS: u64 = 1_215;

/// The world and the dice.
pub(super) struct Stage {
    pub(super) test: GameTest,
    pub(super) rng: Pcg64Mcg,
    /// The steps so far that did something, and who took them.
    pub(super) taken: Vec<(&'static str, &'static str)>,
}

/// Something that can happen.
pub(super) struct Step {
    pub(super) name: &'static str,
    /// How often, against the others.
    pub(super) weight: u32,
    /// Lets it happen to a player; `None` when it can't.
    pub(super) take: fn(&mut Stage, &'static str) -> Option<()>,
}

const fn step(
    name: &'static str,
    weight: u32,
    take: fn(&mut Stage, &'static str) -> Option<()>,
) -> Step {
    Step { name, weight, take }
}

pub(super) const STEPS: &[Step] = &[
    step("give item", 60, Stage::give_item),
    step("give gold", 30, Stage::give_gold),
    step("drop", 60, Stage::drop_item),
    step("pick up", 90, Stage::pick_up),
    step("split", 80, Stage::split),
    step("merge", 80, Stage::merge),
    step("buy", 60, Stage::buy),
    step("sell", 60, Stage::sell),
    step("send mail", 80, Stage::send_mail),
    step("list mail", 20, Stage::list_mail),
    step("take mail", 80, Stage::take_mail),
    step("delete mail", 40, Stage::delete_mail),
    step("ask", 90, Stage::ask),
    step("answer", 200, Stage::answer),
    step("offer", 260, Stage::offer),
    step("accept", 300, Stage::accept),
    step("begin a trade", 80, Stage::begin_trade),
    step("close a trade", 200, Stage::close_trade),
    step("cancel", 6, Stage::cancel),
    step("lose session", 8, Stage::lose_session),
    step("take over", 8, Stage::take_over),
    step("leave", 8, Stage::leave),
    step("come back", 160, Stage::come_back),
    step("travel", 20, Stage::travel),
    step("part", 8, Stage::part),
    step("meet", 100, Stage::meet),
    step("die", 4, Stage::die),
    step("respawn", 160, Stage::respawn),
    step("kill a monster", 40, Stage::kill_monster),
    step("close store", 8, Stage::close_store),
    step("open store", 60, Stage::open_store),
    step("restore", 8, Stage::restore),
    step("wait", 1, Stage::wait),
];

impl Stage {
    fn give_item(&mut self, who: &'static str) -> Option<()> {
        let item = self.one_of(&["sword", "coin", "coin", "copper_coin"])?;
        let quantity = self.one_of(&[0, 1, 1, 30, 50, 100, u32::MAX])?;
        self.test.act_as(who).give(item, quantity);
        Some(())
    }

    fn give_gold(&mut self, who: &'static str) -> Option<()> {
        let amount = self.one_of(&[0, 1, 70, 5_000, MAX_GOLD - 100, MAX_GOLD, u64::MAX])?;
        self.test.act_as(who).give_gold(amount);
        Some(())
    }

    fn drop_item(&mut self, who: &'static str) -> Option<()> {
        let item = self.item_of(who)?.0;
        self.test.act_as(who).send(DropItem { item });
        Some(())
    }

    fn pick_up(&mut self, who: &'static str) -> Option<()> {
        let things = self.entities(who, EntityKind::Item)?;
        let entity = self.one_of(&things)?.0;
        let at = self.test.entities_beside(who).find(|thing| thing.id().0 == entity)?.position();
        if self.chance(2) {
            self.test.place(who, at);
        }
        self.test.act_as(who).send(PickUp { entity });
        Some(())
    }

    fn split(&mut self, who: &'static str) -> Option<()> {
        let item = self.item_of(who)?.0;
        let quantity = self.one_of(&[0, 1, 2, 10, 29, 30, u32::MAX])?;
        self.test.act_as(who).send(SplitStack { item, quantity });
        Some(())
    }

    fn merge(&mut self, who: &'static str) -> Option<()> {
        let (item, into) = (self.item_of(who)?.0, self.stack_of(who)?.0);
        self.test.act_as(who).send(MergeStacks { item, into });
        Some(())
    }

    fn buy(&mut self, who: &'static str) -> Option<()> {
        let entity = self.keeper(who)?;
        let template = self.one_of(&["sword", "coin", "copper_coin", "gold"])?.to_owned();
        let quantity = self.one_of(&[0, 1, 1, 20, 100, 101, u32::MAX])?;
        self.test.act_as(who).send(Buy { entity, template, quantity });
        Some(())
    }

    fn sell(&mut self, who: &'static str) -> Option<()> {
        let (entity, item) = (self.keeper(who)?, self.item_of(who)?.0);
        self.test.act_as(who).send(Sell { entity, item });
        Some(())
    }

    /// To somebody who may be anywhere, with things in it that may be on offer in a trade.
    fn send_mail(&mut self, who: &'static str) -> Option<()> {
        let to = if self.chance(20) { "Nobody" } else { self.other(who)? }.to_owned();
        let mut items: Vec<u64> = self.test.items(who).into_iter().map(|item| item.0).collect();
        items.retain(|_| self.chance(2));
        let gold = self.test.gold(who);
        let gold = self.one_of(&[0, gold / 2, gold, u64::MAX])?;
        self.test.act_as(who).send(SendMail { to, items, gold, ..SendMail::default() });
        Some(())
    }

    fn list_mail(&mut self, who: &'static str) -> Option<()> {
        self.test.act_as(who).send(ListMail {});
        Some(())
    }

    fn take_mail(&mut self, who: &'static str) -> Option<()> {
        let mail = self.letter_of(who)?;
        self.test.act_as(who).send(TakeMail { mail });
        Some(())
    }

    fn delete_mail(&mut self, who: &'static str) -> Option<()> {
        let mail = self.letter_of(who)?;
        self.test.act_as(who).send(DeleteMail { mail });
        Some(())
    }

    fn ask(&mut self, who: &'static str) -> Option<()> {
        let other = self.other(who)?;
        let entity = self.body(other)?.0;
        self.test.act_as(who).send(AskTrade { entity });
        Some(())
    }

    fn answer(&mut self, who: &'static str) -> Option<()> {
        let entity = self.test.received_by::<TradeAsked>(who).last()?.entity;
        let accept = !self.chance(8);
        self.test.act_as(who).send(AnswerTrade { entity, accept });
        Some(())
    }

    /// Some of what the player has, now and then with what it hasn't.
    fn offer(&mut self, who: &'static str) -> Option<()> {
        self.test.received_by::<TradeState>(who).last()?;
        let mut items: Vec<u64> = self.test.items(who).into_iter().map(|item| item.0).collect();
        items.retain(|_| self.chance(2));
        if self.chance(10) {
            items.push(self.one_of(&[1, 2, 3, u64::MAX])?);
        }
        let gold = self.test.gold(who);
        let gold = self.one_of(&[0, 0, 1.min(gold), gold / 2, gold, gold + 1, u64::MAX])?;
        self.test.act_as(who).send(OfferTrade { items, gold });
        Some(())
    }

    /// Yes to what was last shown, and now and then to something else.
    fn accept(&mut self, who: &'static str) -> Option<()> {
        let shown = self.test.received_by::<TradeState>(who).last()?.revision;
        let revision = if self.chance(10) { shown.wrapping_sub(1) } else { shown };
        self.test.act_as(who).send(AcceptTrade { revision });
        Some(())
    }

    /// Question and answer without anything in between.
    fn begin_trade(&mut self, who: &'static str) -> Option<()> {
        let other = self.other(who)?;
        let (asker, entity) = (self.body(who)?.0, self.body(other)?.0);
        self.test.act_as(who).send(AskTrade { entity }).act_as(other);
        self.test.send(AnswerTrade { entity: asker, accept: true });
        Some(())
    }

    /// Two say yes in one tick, if they trade with each other.
    fn close_trade(&mut self, who: &'static str) -> Option<()> {
        let other = self.other(who)?;
        self.accept(who)?;
        self.accept(other)
    }

    fn cancel(&mut self, who: &'static str) -> Option<()> {
        self.test.act_as(who).send(CancelTrade {});
        Some(())
    }

    fn lose_session(&mut self, who: &'static str) -> Option<()> {
        self.body(who)?;
        self.test.lose_session(who);
        Some(())
    }

    fn take_over(&mut self, who: &'static str) -> Option<()> {
        self.body(who)?;
        self.test.new_session(who);
        Some(())
    }

    fn leave(&mut self, who: &'static str) -> Option<()> {
        self.body(who)?;
        self.test.leave(who);
        Some(())
    }

    /// After it has left, or lost its session.
    fn come_back(&mut self, who: &'static str) -> Option<()> {
        let player = self.test.game.player(self.test.character(who));
        match player.map(|player| player.is_connected()) {
            Some(true) => return None,
            Some(false) => drop(self.test.new_session(who)),
            None => drop(self.test.player(who)),
        }
        Some(())
    }

    fn travel(&mut self, who: &'static str) -> Option<()> {
        let zone = self.test.zone_of(who)?;
        let to = if zone == "field" { "cellar" } else { "field" };
        self.test.operator(&format!("teleport {who} {to}"));
        Some(())
    }

    fn part(&mut self, who: &'static str) -> Option<()> {
        let other = self.other(who)?;
        (self.test.zone_of(who)? == self.test.zone_of(other)?).then_some(())?;
        self.test.place_apart(who, other);
        Some(())
    }

    /// Goes to another player, also to the zone where that is.
    fn meet(&mut self, who: &'static str) -> Option<()> {
        let other = self.other(who)?;
        let (here, there) = (self.test.zone_of(who)?, self.test.zone_of(other)?);
        if here == there {
            self.test.place_beside(who, other);
        } else {
            self.test.operator(&format!("teleport {who} {there}"));
        }
        Some(())
    }

    fn die(&mut self, who: &'static str) -> Option<()> {
        let body = self.body(who)?;
        self.test.act_as(who).emit(Blow { attacker: body, target: body, strength: 1_000 });
        Some(())
    }

    fn respawn(&mut self, who: &'static str) -> Option<()> {
        (self.test.entities_beside(who).find(|entity| entity.name() == who)?.hp() == 0)
            .then_some(())?;
        self.test.tick(20).act_as(who).send(Respawn {});
        Some(())
    }

    fn kill_monster(&mut self, who: &'static str) -> Option<()> {
        let monsters = self.entities(who, EntityKind::Monster)?;
        let (attacker, target) = (self.body(who)?, self.one_of(&monsters)?);
        self.test.act_as(who).emit(Blow { attacker, target, strength: 1_000 });
        Some(())
    }

    fn close_store(&mut self, _: &'static str) -> Option<()> {
        self.test.close_store();
        Some(())
    }

    fn open_store(&mut self, _: &'static str) -> Option<()> {
        self.test.open_store();
        Some(())
    }

    fn restore(&mut self, _: &'static str) -> Option<()> {
        self.test.tick(1).restore();
        Some(())
    }

    /// Until what lies about has decayed.
    fn wait(&mut self, who: &'static str) -> Option<()> {
        self.entities(who, EntityKind::Item)?.first()?;
        self.test.tick(DECAY_TICKS);
        Some(())
    }

    /// A shopkeeper, to whom the player has gone.
    fn keeper(&mut self, who: &'static str) -> Option<u64> {
        let keepers = self.entities(who, EntityKind::Npc)?;
        let keeper = self.one_of(&keepers)?;
        let at = self.test.entities_beside(who).find(|entity| entity.id() == keeper)?.position();
        self.test.place(who, at);
        Some(keeper.0)
    }

    /// True once in `of` times.
    fn chance(&mut self, of: u32) -> bool {
        self.rng.random_range(0..of) == 0
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        let at = self.rng.random_range(0..choices.len().max(1));
        choices.get(at).copied()
    }

    fn other(&mut self, who: &'static str) -> Option<&'static str> {
        let others: Vec<&'static str> = NAMES.into_iter().filter(|name| *name != who).collect();
        self.one_of(&others)
    }

    /// One of the player's items; now and then one of somebody else's, or none at all.
    fn item_of(&mut self, who: &'static str) -> Option<ItemId> {
        if self.chance(20) {
            return self.one_of(&[ItemId(0), ItemId(1), ItemId(2), ItemId(u64::MAX)]);
        }
        let items = self.test.items(who);
        self.one_of(&items)
    }

    /// One of the player's items that others can join.
    fn stack_of(&mut self, who: &'static str) -> Option<ItemId> {
        let player = self.test.game.player(self.test.character(who))?;
        let stacks = player.inventory().items().filter(|item| item.template != "sword");
        let stacks: Vec<ItemId> = stacks.map(|item| item.id).collect();
        self.one_of(&stacks)
    }

    /// A letter to the player; now and then one to somebody else, or none at all.
    fn letter_of(&mut self, who: &'static str) -> Option<u64> {
        if self.chance(20) {
            return self.one_of(&[0, 1, 2, u64::MAX]);
        }
        let mailbox = self.test.model.mailbox(self.test.character(who));
        let mails: Vec<u64> = mailbox.iter().map(|mail| mail.id.0).collect();
        self.one_of(&mails)
    }

    fn body(&self, who: &'static str) -> Option<EntityId> {
        self.test.zone_of(who)?;
        Some(self.test.entity(who).id())
    }

    fn entities(&self, who: &'static str, kind: EntityKind) -> Option<Vec<EntityId>> {
        self.test.zone_of(who)?;
        let entities = self.test.entities_beside(who).filter(|entity| entity.kind() == kind);
        Some(entities.map(Entity::id).collect())
    }
}
