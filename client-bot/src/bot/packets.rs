//! What a bot makes of each message of the server.

use std::time::Duration;

use prost::Message;
use protocol::v1::{
    Announcement, CharacterCreated, CharacterDeleted, CharacterList, ChatLine, CommandResult, Died,
    Entered, Farewell, Goodbye, Inventory, InventoryChanged, LeftWorld, LoggedIn, MailArrived,
    MailDeleted, MailList, MailSent, Pong, Progress, Queued, Redirect, Refusal, Refused,
    SessionToken, ShopOffers, TradeAsked, TradeEnded, TradeState, View, Welcome, WhoList,
};
use protocol::{Envelope, ServerMessage};

use super::event::{BotError, Event, Metric};
use super::holdings::Outcome;
use super::state::{Next, State};
use super::world::Told;
use super::{Bot, RESTART_PATIENCE};

/// The id of a message, for a `match`.
const fn id<M: ServerMessage>() -> u32 {
    M::INFO.id
}

const ANNOUNCEMENT: u32 = id::<Announcement>();
const CHARACTER_CREATED: u32 = id::<CharacterCreated>();
const CHARACTER_DELETED: u32 = id::<CharacterDeleted>();
const CHARACTER_LIST: u32 = id::<CharacterList>();
const CHAT_LINE: u32 = id::<ChatLine>();
const COMMAND_RESULT: u32 = id::<CommandResult>();
const DIED: u32 = id::<Died>();
const ENTERED: u32 = id::<Entered>();
const GOODBYE: u32 = id::<Goodbye>();
const INVENTORY: u32 = id::<Inventory>();
const INVENTORY_CHANGED: u32 = id::<InventoryChanged>();
const LEFT_WORLD: u32 = id::<LeftWorld>();
const LOGGED_IN: u32 = id::<LoggedIn>();
const MAIL_ARRIVED: u32 = id::<MailArrived>();
const MAIL_DELETED: u32 = id::<MailDeleted>();
const MAIL_LIST: u32 = id::<MailList>();
const MAIL_SENT: u32 = id::<MailSent>();
const PONG: u32 = id::<Pong>();
const PROGRESS: u32 = id::<Progress>();
const QUEUED: u32 = id::<Queued>();
const REDIRECT: u32 = id::<Redirect>();
const REFUSED: u32 = id::<Refused>();
const SESSION_TOKEN: u32 = id::<SessionToken>();
const SHOP_OFFERS: u32 = id::<ShopOffers>();
const TRADE_ASKED: u32 = id::<TradeAsked>();
const TRADE_ENDED: u32 = id::<TradeEnded>();
const TRADE_STATE: u32 = id::<TradeState>();
const VIEW: u32 = id::<View>();
const WELCOME: u32 = id::<Welcome>();
const WHO_LIST: u32 = id::<WhoList>();

impl Bot {
    pub(super) fn packet(&mut self, now: Duration, packet: &[u8]) {
        let handled = Envelope::parse(packet)
            .map_err(|error| error.to_string())
            .and_then(|envelope| self.message(now, &envelope).map_err(|error| error.to_string()));
        if let Err(text) = handled {
            self.fail(now, BotError::Protocol(text));
        }
    }

    fn message(
        &mut self,
        now: Duration,
        envelope: &Envelope<'_>,
    ) -> Result<(), prost::DecodeError> {
        let payload = envelope.payload;
        if self.state == State::Closing && envelope.id != GOODBYE {
            // Sent before the server knew; the end of the connection is all that counts now.
            return Ok(());
        }
        match envelope.id {
            VIEW => self.viewed(payload, now)?,
            PONG => self.answered(Pong::decode(payload)?, now),
            REFUSED => self.refused(envelope.request, &Refused::decode(payload)?, now),
            INVENTORY_CHANGED => {
                self.owns_changed(envelope.request, InventoryChanged::decode(payload)?, now);
            }
            INVENTORY => self.owns(Inventory::decode(payload)?),
            DIED => {
                if let Some(world) = &mut self.world {
                    world.died(now);
                }
            }
            SHOP_OFFERS => {
                if let Some(world) = &mut self.world {
                    world.offers = Some(ShopOffers::decode(payload)?);
                }
            }
            MAIL_LIST => {
                if let Some(world) = &mut self.world {
                    world.mailbox = Some(MailList::decode(payload)?.mails);
                }
            }
            WELCOME => self.welcomed(&Welcome::decode(payload)?, now),
            LOGGED_IN => self.logged_in(&LoggedIn::decode(payload)?, now),
            SESSION_TOKEN => self.token = Some(SessionToken::decode(payload)?.token),
            CHARACTER_LIST => self.listed(CharacterList::decode(payload)?, now),
            CHARACTER_CREATED => self.created(CharacterCreated::decode(payload)?.character, now),
            QUEUED => self.queued(now),
            ENTERED => self.entered(&Entered::decode(payload)?, now),
            LEFT_WORLD => self.left_world(now),
            REDIRECT => self.redirected(Redirect::decode(payload)?, now),
            GOODBYE => self.goodbye(&Goodbye::decode(payload)?, now),
            // What others say needs no answer, nor do praise and offers; what a letter cost was told before.
            CHAT_LINE | ANNOUNCEMENT | COMMAND_RESULT | WHO_LIST | CHARACTER_DELETED | PROGRESS
            | MAIL_ARRIVED | MAIL_SENT | MAIL_DELETED | TRADE_ASKED | TRADE_STATE | TRADE_ENDED => {
            }
            // A message of a later version, or of a module that this client doesn't know.
            _ => {}
        }
        Ok(())
    }

    fn viewed(&mut self, payload: &[u8], now: Duration) -> Result<(), prost::DecodeError> {
        let Some(world) = &mut self.world else {
            self.unexpected("View", now);
            return Ok(());
        };
        let told = world.view(payload)?;
        let events = &mut self.events;
        world.steps.acknowledged(told.ack, |due| {
            let elapsed = now.saturating_sub(due);
            events.push_back(Event::Sample { metric: Metric::Move, elapsed });
        });
        if told.digests > 0 {
            let Told { digests, entities, .. } = told;
            events.push_back(Event::Proved { digests, entities });
        }
        let account = &self.account;
        let findings = told.findings.into_iter();
        events.extend(findings.map(|finding| Event::Finding(format!("{account}: {finding}"))));
        Ok(())
    }

    fn answered(&mut self, pong: Pong, now: Duration) {
        // A pong that was on its way when the pulse ended needs no thought.
        let Some(pulse) = &mut self.pulse else {
            return;
        };
        match pulse.answered(pong.nonce, now) {
            Some(elapsed) => self.events.push_back(Event::Sample { metric: Metric::Ping, elapsed }),
            None => self.fail(now, BotError::Protocol("a Pong without a Ping".to_owned())),
        }
    }

    fn refused(&mut self, request: u32, refused: &Refused, now: Duration) {
        let reason = refused.reason();
        self.events.push_back(Event::Refused(reason));
        if self.refused_on_the_way(refused, now) {
            return;
        }
        if let Some(world) = &mut self.world {
            world.refused(request, reason, now);
        }
        let in_world = matches!(self.state, State::Playing | State::Leaving);
        // Requests to the world that were on their way when the server took the character out of it.
        let overtaken = self.state == State::Ousted && reason == Refusal::WrongPhase;
        if overtaken || (in_world && is_part_of_the_game(reason)) {
            return;
        }
        let error = BotError::Refused {
            step: self.state.step(),
            reason: reason.as_str_name(),
            message: refused.message.clone(),
        };
        if in_world {
            self.error(error);
        } else {
            self.fail(now, error);
        }
    }

    fn owns(&mut self, inventory: Inventory) {
        let Some(world) = &self.world else {
            return;
        };
        let dropping = self.dropping.take().or_else(|| world.dropping());
        let outcome = self.holdings.replace(world.character, inventory, dropping);
        self.tell(outcome);
    }

    fn owns_changed(&mut self, request: u32, change: InventoryChanged, now: Duration) {
        let Some(world) = &mut self.world else {
            return;
        };
        let pending = world.confirmed(request, &change);
        let outcome = self.holdings.change(world.character, change);
        self.tell(outcome);
        if let Some(pending) = pending {
            self.sample(Metric::Confirm, pending.due, now);
        }
    }

    fn tell(&mut self, outcome: Outcome) {
        let account = &self.account;
        let findings = outcome.findings.into_iter();
        self.events.extend(findings.map(|finding| Event::Finding(format!("{account}: {finding}"))));
        self.events.extend(outcome.confirmed.into_iter().map(Event::Confirmed));
        self.events.extend(outcome.purse.map(Event::Purse));
    }

    fn goodbye(&mut self, goodbye: &Goodbye, now: Duration) {
        let reason = goodbye.reason();
        self.events.push_back(Event::Goodbye(reason));
        if self.state == State::Closing
            && matches!(reason, Farewell::ClientLeft | Farewell::Redirected)
        {
            return;
        }
        if self.stopping && reason == Farewell::Shutdown {
            // Both sides are ending, as after Ctrl-C in a shell that runs both.
            return self.close(now, Next::Finish);
        }
        if reason == Farewell::Shutdown {
            self.restart_until = Some(now + RESTART_PATIENCE);
        } else {
            let reason_name = reason.as_str_name();
            self.error(BotError::Goodbye { reason: reason_name, message: goodbye.message.clone() });
        }
        let next = match reason {
            // Coming back would be wrong, or would end the same way.
            Farewell::WrongVersion | Farewell::TakenOver | Farewell::Kicked => Next::Finish,
            Farewell::Unspecified
            | Farewell::Malformed
            | Farewell::FrameTooLong
            | Farewell::Undecodable
            | Farewell::Flooding
            | Farewell::TooSlow
            | Farewell::Silent
            | Farewell::LoginTimeout
            | Farewell::ServerFull
            | Farewell::TooManyFromAddress
            | Farewell::Shutdown
            | Farewell::Redirected
            | Farewell::TooManyErrors
            | Farewell::ClientLeft => match goodbye.retry_after_ms {
                0 => Next::Retry,
                said => Next::Again(self.spread(Duration::from_millis(said.into()))),
            },
        };
        self.close(now, next);
    }

    /// A message that this state has no use for: the server and the bot disagree about where they are.
    pub(super) fn unexpected(&mut self, message: &str, now: Duration) {
        let text = format!("{message} while {}", self.state.step());
        self.fail(now, BotError::Protocol(text));
    }
}

/// Whether a refusal can happen to a correct client that plays: somebody was faster, it is dead, its prey runs
/// home and can't be hurt, or who it writes to isn't there yet.
fn is_part_of_the_game(reason: Refusal) -> bool {
    matches!(
        reason,
        Refusal::TooFast
            | Refusal::Busy
            | Refusal::NoSuchTarget
            | Refusal::OutOfRange
            | Refusal::Cooldown
            | Refusal::Dead
            | Refusal::NotAllowed
            | Refusal::InventoryFull
            | Refusal::NoSuchItem
            | Refusal::NotOnline
            | Refusal::StoreBehind
            | Refusal::SwitchedOff
            | Refusal::NoSuchCharacter
            | Refusal::NoSuchMail
            | Refusal::MailboxFull
    )
}
