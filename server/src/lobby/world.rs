//! Out of the world again: asked for, kicked, redirected, or because nobody came back in time.

use std::time::Instant;

use game::{AccountId, CharacterId, CommitSeq, Input, Order, SessionId};
use protocol::v1::{Farewell, LeaveWorld, Redirect};
use protocol::{Envelope, PublicAddress};

use super::login::Presence;
use super::session::Stage;
use super::session_tokens::NotGood;
use super::{Action, Lobby};

/// A request to enter that waits until the account's character is saved.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) asker: (SessionId, u32),
    pub(super) character: CharacterId,
}

/// A session that was sent elsewhere.
#[derive(Debug)]
pub(super) struct Redirected {
    pub(super) session: SessionId,
    /// The redirect is out once this is durable.
    pub(super) after: CommitSeq,
    /// Then it has until here to close by itself.
    pub(super) until: Option<Instant>,
}

impl Lobby {
    pub(super) fn leave_world(
        &mut self,
        session: SessionId,
        account: AccountId,
        packet: &Envelope<'_>,
        now: Instant,
    ) {
        let Some(LeaveWorld {}) = self.decode(session, packet, now) else {
            return;
        };
        let request = packet.request;
        self.set_stage(session, Stage::Leaving { account, request });
        self.take_out(account);
    }

    /// Tells the game that the character of a login leaves, if it is in the world.
    fn take_out(&mut self, account: AccountId) {
        let Some(login) = self.logins.get_mut(&account) else {
            return;
        };
        if let Presence::In { character, .. } = login.presence {
            login.presence = Presence::Leaving(character);
            let leave = Input::Leave { character };
            self.actions.push_back(Action::Game(leave));
        }
    }

    /// Every character leaves the world, so that all of them are saved. Part of an orderly shutdown.
    pub fn empty_world(&mut self) {
        let mut accounts: Vec<AccountId> = self.characters.values().copied().collect();
        accounts.sort_unstable();
        for account in accounts {
            let session = self.logins.get(&account).and_then(|login| login.session);
            if let Some(session) = session
                && let Some(state) = self.sessions.get_mut(&session)
                && matches!(state.stage, Stage::World(_))
            {
                state.stage = Stage::Leaving { account, request: 0 };
            }
            self.take_out(account);
        }
    }

    /// An order of the game. `after` is [`Publication::value_after`](game::Publication::value_after) of the
    /// publication that it came with. Orders that aren't the lobby's are ignored.
    pub fn order(&mut self, order: &Order, after: CommitSeq, now: Instant) {
        match order {
            Order::Kick { session, reason, message } => self.kick(*session, *reason, message, now),
            Order::Left { character, .. } => self.left(*character, after),
            Order::EnterFailed { character, message, .. } => {
                self.enter_failed(*character, message, after)
            }
            Order::Redirect { session, address } => {
                self.redirect(*session, address.as_deref(), after, now);
            }
            Order::NeedItemIds | Order::ReadMailbox { .. } | Order::Shutdown => {}
        }
    }

    /// Who is kicked isn't waited for: the character leaves at once and the session token is void.
    fn kick(&mut self, session: SessionId, reason: Farewell, message: &str, now: Instant) {
        let account = self.sessions.get(&session).and_then(|state| state.stage.account());
        self.goodbye(session, reason, message, now);
        let Some(account) = account else { return };
        let until = self.logins.get(&account).and_then(|login| login.away_until);
        if let Some(until) = until {
            self.grace.remove(&(until, account));
            self.end_login(account);
        }
    }

    pub(super) fn grace_over(&mut self, account: AccountId) {
        self.stats.grace_over += 1;
        self.end_login(account);
    }

    /// Nobody can go on with this login any more. It is forgotten once its character is out and saved.
    fn end_login(&mut self, account: AccountId) {
        self.tokens.end(account, NotGood::Expired);
        if let Some(login) = self.logins.get_mut(&account) {
            login.away_until = None;
        }
        self.take_out(account);
        self.forget_if_over(account);
    }

    pub(super) fn forget_if_over(&mut self, account: AccountId) {
        if self.logins.get(&account).is_some_and(|login| login.is_over()) {
            self.logins.remove(&account);
        }
    }

    /// The character waits in the world while its client goes to the address and resumes there with a fresh token.
    fn redirect(
        &mut self,
        session: SessionId,
        address: Option<&str>,
        after: CommitSeq,
        now: Instant,
    ) {
        let stage = self.sessions.get(&session).map(|state| state.stage);
        let Some(Stage::World(account)) = stage else {
            return;
        };
        let Some(address) = self.destination(address) else {
            return;
        };
        let Some(token) = self.tokens.issue(account) else {
            return;
        };
        let redirect = Redirect { address: address.to_string(), token: token.to_vec() };
        self.send_value(session, 0, &redirect, after);
        // Detached at once, so that no value frame can come after the redirect.
        self.part(session, now);
        self.set_stage(session, Stage::Redirected);
        self.redirected.push(Redirected { session, after, until: None });
    }

    /// Where a redirect leads. `None`, and the client stays, when that is nowhere: the order may have come from another
    /// server, which hasn't checked it.
    fn destination(&self, address: Option<&str>) -> Option<PublicAddress> {
        match address.map(str::parse::<PublicAddress>) {
            Some(Ok(address)) => Some(address),
            Some(Err(error)) => {
                tracing::warn!(?address, "nobody is redirected: {error}");
                None
            }
            None => {
                if self.settings.address.is_none() {
                    tracing::warn!(
                        "nobody is redirected: clients can't connect to network.listen; set network.advertise"
                    );
                }
                self.settings.address.clone()
            }
        }
    }

    /// Sessions that have their redirect and don't go.
    pub(super) fn close_redirected(&mut self, now: Instant) {
        let (durable, linger) = (self.durable, self.settings.redirect_linger);
        let mut overdue = Vec::new();
        self.redirected.retain_mut(|redirected| {
            if redirected.after > durable {
                return true;
            }
            let until = *redirected.until.get_or_insert(now + linger);
            if until <= now {
                overdue.push(redirected.session);
            }
            until > now
        });
        for session in overdue {
            let text = "go on at the address you were sent to";
            self.goodbye(session, Farewell::Redirected, text, now);
        }
    }
}
