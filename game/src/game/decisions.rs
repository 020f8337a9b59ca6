//! What the database has to say about characters: decisions on shared operations, mailboxes, saves that it refused.

use protocol::v1::Farewell;

use super::Game;
use crate::deal::difference;
use crate::ids::CharacterId;
use crate::module::{Decided, MailboxRead};
use crate::player::Player;
use crate::publication::Order;
use crate::record::{Decision, Denied, Granted, MailRecord};
use crate::value::Inventory;

impl Game {
    /// Memory follows the database, and the modules hear of it. A character that has left meanwhile was saved behind
    /// its operation, and finds what was decided when it is loaded again.
    pub(super) fn decided(&mut self, decision: Decision) {
        let Some(player) = self.player_mut(decision.actor) else {
            return;
        };
        let Some(pending) = player.inventory.pending().filter(|pending| pending.op == decision.op)
        else {
            return;
        };
        let before = player.inventory.clone();
        player.inventory.set_pending(None);
        follow(&mut player.inventory, &decision.outcome);
        let change = difference(&before, &player.inventory);
        let (id, session, request) = (player.id, player.session, pending.request);
        if let Some(session) = session
            && decision.outcome.is_ok()
        {
            self.desk.out.frame(session, request, &change);
        }
        self.emit(decision.actor, Decided { player: id, request, outcome: decision.outcome });
    }

    pub(super) fn mailbox(
        &mut self,
        character: CharacterId,
        request: u32,
        mails: Option<Vec<MailRecord>>,
    ) {
        if let Some(player) = self.player_mut(character).map(|player| player.id) {
            self.emit(character, MailboxRead { player, request, mails });
        }
    }

    /// Memory and database disagree about this character, so nothing of it may change hands; its player is sent away.
    pub(super) fn save_failed(&mut self, character: CharacterId) {
        tracing::error!(%character, "the database refuses this character's save; it is frozen");
        let Some(player) = self.player_mut(character) else {
            return;
        };
        player.inventory.freeze();
        if let Some(session) = player.session {
            let message = "your character could not be saved; please tell the operator".to_owned();
            self.desk.orders.push(Order::Kick { session, reason: Farewell::Kicked, message });
        }
    }

    fn player_mut(&mut self, character: CharacterId) -> Option<&mut Player> {
        let at = self.desk.here.get(&character)?;
        self.zones[at.zone].state.players.get_mut(&at.player.entity())
    }
}

/// Changes an inventory as the database has changed what lies in it.
fn follow(inventory: &mut Inventory, outcome: &Result<Granted, Denied>) {
    // The database has checked purses and owners against the same numbers, so neither can refuse here.
    match outcome {
        Ok(Granted::MailSent { items, gold, .. }) => {
            for item in items {
                inventory.remove(*item);
            }
            let _ = inventory.pay(*gold);
        }
        Ok(Granted::MailTaken { items, gold, .. }) => {
            for item in items {
                inventory.insert(item.clone());
            }
            let _ = inventory.earn(*gold);
        }
        Ok(Granted::MailDeleted { .. }) | Err(_) => {}
    }
}
