//! What the database has to say about characters: decisions on shared operations, mailboxes, saves that it refused.

use std::sync::Arc;

use protocol::v1::{Farewell, InventoryChanged, Refusal};

use super::Game;
use crate::content::Content;
use crate::deal::difference;
use crate::ids::CharacterId;
use crate::module::{Decided, Event, MailboxRead, Refuse};
use crate::player::Player;
use crate::publication::Order;
use crate::record::{Decision, Denied, Granted, MailRecord};
use crate::value::Inventory;

impl Game {
    /// Memory follows the database, and the modules hear of it. A character that has left meanwhile was saved behind
    /// its operation, and finds what was decided when it is loaded again.
    pub(super) fn decided(&mut self, decision: Decision) {
        let content = Arc::clone(&self.desk.content);
        let Some(player) = self.player_mut(decision.actor) else {
            return;
        };
        let Some(pending) = player.inventory.pending().filter(|pending| pending.op == decision.op)
        else {
            return;
        };
        let before = player.inventory.clone();
        player.inventory.set_pending(None);
        if let Err(refuse) = follow(&mut player.inventory, &content, &decision.outcome) {
            let op = decision.op.sequence;
            tracing::error!(character = %decision.actor, op, "memory can't follow the database: {}", refuse.message);
            return self.expel(decision.actor);
        }
        let change = difference(&before, &player.inventory);
        let (id, session, request) = (player.id, player.session, pending.request);
        // One frame answers the request. What was taken is the answer itself; other answers are the modules', and the
        // change is told before them.
        let answers = matches!(decision.outcome, Ok(Granted::MailTaken { .. }));
        if let Some(session) = session
            && (answers || change != InventoryChanged::default())
        {
            self.desk.out.frame(session, if answers { request } else { 0 }, &change);
        }
        self.tell(decision.actor, Decided { player: id, request, outcome: decision.outcome });
    }

    /// Only who waits for it is told: a session that has taken over since hasn't asked.
    pub(super) fn mailbox(
        &mut self,
        character: CharacterId,
        request: u32,
        mails: Option<Vec<MailRecord>>,
    ) {
        let Some(player) = self.player_mut(character) else {
            return;
        };
        if player.reading_mailbox.take_if(|asked| *asked == request).is_some() {
            let player = player.id;
            self.tell(character, MailboxRead { player, request, mails });
        }
    }

    pub(super) fn save_failed(&mut self, character: CharacterId) {
        tracing::error!(%character, "the database refuses this character's save; it leaves the world");
        self.expel(character);
    }

    /// Memory and database disagree about this character, and the database is right: what is remembered of it leaves
    /// the world, without a save, and with none of its value on the way. Its player is sent away.
    fn expel(&mut self, character: CharacterId) {
        if let Some(session) = self.session_of(character) {
            let message = "your character could not be saved; please tell the operator".to_owned();
            self.desk.orders.push(Order::Kick { session, reason: Farewell::Kicked, message });
        }
        if let Some(player) = self.player_mut(character) {
            // Modules hear that it leaves, and one of them might give something of it away.
            player.inventory.freeze();
        }
        self.leave(character);
        self.desk.saves.remove(character);
    }

    /// At once: with the next input the player may ask for something else, or another session may have taken it over.
    fn tell<E: Event>(&mut self, character: CharacterId, event: E) {
        if let Some(at) = self.desk.here.get(character) {
            self.zones[at.zone].tell(&mut self.desk, event);
        }
    }

    fn player_mut(&mut self, character: CharacterId) -> Option<&mut Player> {
        let at = self.desk.here.get(character)?;
        self.zones[at.zone].state.players.get_mut(at.player.entity())
    }
}

/// Changes an inventory as the database has changed what lies in it.
///
/// # Errors
/// When it can't. The database has checked purses and owners against the same numbers, so they weren't the same.
fn follow(
    inventory: &mut Inventory,
    content: &Content,
    outcome: &Result<Granted, Denied>,
) -> Result<(), Refuse> {
    match outcome {
        Ok(Granted::MailSent { items, gold, .. }) => {
            for item in items {
                let missing =
                    || Refuse::new(Refusal::NoSuchItem, format!("item {item} isn't here"));
                inventory.remove(*item).ok_or_else(missing)?;
            }
            inventory.pay(*gold)
        }
        Ok(Granted::MailTaken { items, gold, .. }) => {
            for item in items {
                if content.item(&item.template).is_some() {
                    inventory.insert(item.clone());
                } else {
                    inventory.set_aside(item.clone());
                }
            }
            inventory.earn(*gold)
        }
        Ok(Granted::MailDeleted { .. }) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
