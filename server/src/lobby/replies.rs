//! What clients hear: answers, refusals, the last word.

use std::time::{Duration, Instant};

use bytes::Bytes;
use game::{CommitSeq, Input, SessionId};
use protocol::v1::{Farewell, Goodbye, Refusal, Refused};
use protocol::{
    ClientMessage, Envelope, PROTOCOL_VERSION, ServerMessage, decode_client, encode_server_frame,
};

use super::login::Presence;
use super::session::{Stage, Waiting};
use super::{Action, Lobby, milliseconds};

/// A whole frame of one message.
fn frame(request: u32, message: &impl ServerMessage) -> Bytes {
    let mut frame = Vec::new();
    encode_server_frame(&mut frame, request, message);
    Bytes::from(frame)
}

impl Lobby {
    pub(super) fn send(&mut self, session: SessionId, request: u32, message: &impl ServerMessage) {
        let frame = frame(request, message);
        self.actions.push_back(Action::Send { session, frame });
    }

    pub(super) fn send_value(
        &mut self,
        session: SessionId,
        request: u32,
        message: &impl ServerMessage,
        after: CommitSeq,
    ) {
        let frame = frame(request, message);
        self.actions.push_back(Action::SendValue { session, frame, after });
    }

    /// A request isn't carried out; the session goes on.
    pub(super) fn refuse(&mut self, session: SessionId, request: u32, reason: Refusal, text: &str) {
        self.refuse_until(session, request, reason, text, Duration::ZERO);
    }

    /// As [`Self::refuse`], with the time after which trying again can help.
    pub(super) fn refuse_until(
        &mut self,
        session: SessionId,
        request: u32,
        reason: Refusal,
        text: &str,
        wait: Duration,
    ) {
        *self.stats.refused.entry(reason).or_default() += 1;
        let refused = Refused {
            reason: reason.into(),
            message: text.to_owned(),
            retry_after_ms: milliseconds(wait),
        };
        self.send(session, request, &refused);
    }

    /// Refuses what no honest client sends, and ends the session after too many of it.
    pub(super) fn error(
        &mut self,
        session: SessionId,
        packet: &Envelope<'_>,
        reason: Refusal,
        text: &str,
        now: Instant,
    ) {
        self.refuse(session, packet.request, reason, text);
        let Some(state) = self.sessions.get_mut(&session) else {
            return;
        };
        state.errors += 1;
        if state.errors >= self.settings.errors_max {
            let text = "too many messages out of place";
            self.goodbye(session, Farewell::TooManyErrors, text, now);
        }
    }

    /// Refuses a login whose secret was wrong, and ends the session after too many of them.
    pub(super) fn login_failed(
        &mut self,
        (session, request): (SessionId, u32),
        reason: Refusal,
        text: &str,
        now: Instant,
    ) {
        self.refuse(session, request, reason, text);
        self.count_failed_login(session, now);
    }

    pub(super) fn count_failed_login(&mut self, session: SessionId, now: Instant) {
        let Some(state) = self.sessions.get_mut(&session) else {
            return;
        };
        state.failed_logins += 1;
        if state.failed_logins >= self.settings.failed_logins_max {
            let text = "too many failed logins";
            self.goodbye(session, Farewell::TooManyErrors, text, now);
        }
    }

    /// Ends a session with its reason. Its login goes on without it for the grace time.
    pub(super) fn goodbye(
        &mut self,
        session: SessionId,
        reason: Farewell,
        text: &str,
        now: Instant,
    ) {
        let Some(state) = self.sessions.get(&session) else {
            return;
        };
        if state.stage == Stage::Closing {
            return;
        }
        self.part(session, now);
        *self.stats.farewells.entry(reason).or_default() += 1;
        let wait = if reason == Farewell::Shutdown {
            self.closing.unwrap_or_default()
        } else {
            Duration::ZERO
        };
        let last = Goodbye {
            reason: reason.into(),
            message: text.to_owned(),
            retry_after_ms: milliseconds(wait),
            protocol_version: PROTOCOL_VERSION,
        };
        self.actions.push_back(Action::Close { session, last });
    }

    /// From now on this session plays nothing. If it holds a login, that one waits for the grace time.
    pub(super) fn part(&mut self, session: SessionId, now: Instant) {
        let Some(state) = self.sessions.get_mut(&session) else {
            return;
        };
        let account = state.stage.account();
        state.stage = Stage::Closing;
        let waiting = std::mem::replace(&mut state.waiting, Waiting::No);
        if let Waiting::Answer(ticket) = waiting {
            self.abandon(session, ticket);
        }
        let Some((account, login)) =
            account.and_then(|account| Some((account, self.logins.get_mut(&account)?)))
        else {
            return;
        };
        if login.session != Some(session) {
            return;
        }
        login.session = None;
        let until = now + self.settings.grace;
        login.away_until = Some(until);
        let presence = login.presence;
        self.grace.insert((until, account));
        self.forget_wish(account, waiting);
        if let Presence::In { character, .. } = presence {
            let detach = Input::Detach { character };
            self.actions.push_back(Action::Game(detach));
        }
    }

    /// The message of a packet. When its payload isn't one, the session is over.
    pub(super) fn decode<M: ClientMessage>(
        &mut self,
        session: SessionId,
        packet: &Envelope<'_>,
        now: Instant,
    ) -> Option<M> {
        match decode_client(packet.payload) {
            Ok(message) => Some(message),
            Err(error) => {
                self.goodbye(session, Farewell::Undecodable, &error.to_string(), now);
                None
            }
        }
    }

    pub(super) fn set_stage(&mut self, session: SessionId, stage: Stage) {
        if let Some(state) = self.sessions.get_mut(&session) {
            state.stage = stage;
        }
    }

    pub(super) fn wait_for(&mut self, session: SessionId, waiting: Waiting) {
        if let Some(state) = self.sessions.get_mut(&session) {
            state.waiting = waiting;
        }
    }

    /// True, and refused, when the session has a request under way: answers would have no order otherwise.
    pub(super) fn is_waiting(&mut self, session: SessionId, request: u32) -> bool {
        let waiting = self.sessions.get(&session).is_some_and(|state| state.waiting != Waiting::No);
        if waiting {
            self.busy(session, request, "your request before this one is still under way");
        }
        waiting
    }
}
