//! Whose session it is: registering, logging in by password or token, resuming, and taking over.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use game::{AccountId, Input, SessionId};
use protocol::Envelope;
use protocol::v1::{
    Farewell, LoggedIn, Login as PasswordLogin, Refusal, Register, Resume, SessionToken, TokenLogin,
};

use super::guesses::Bounds;
use super::login::{Login, Presence};
use super::questions::{Question, Step};
use super::session::{Stage, Waiting};
use super::session_tokens::NotGood;
use super::{Action, Lobby, milliseconds, names, phases};
use crate::auth::{Claims, Secret, Task, TokenError};
use crate::net::household;
use crate::store::{AccountRow, Read, Write};

/// How somebody logs in, in the log.
const PASSWORD: &str = "password";
const REGISTRATION: &str = "registration";
const TOKEN: &str = "login token";
const RESUMING: &str = "session token";

impl Lobby {
    pub(super) fn login_packet(&mut self, session: SessionId, packet: &Envelope<'_>, now: Instant) {
        if self.is_waiting(session, packet.request) {
            return;
        }
        if self.closing.is_some() {
            return self.busy(session, packet.request, "the server is shutting down");
        }
        let asker = (session, packet.request);
        match packet.id {
            phases::REGISTER => {
                if let Some(message) = self.decode(session, packet, now) {
                    self.register(asker, message, now);
                }
            }
            phases::LOGIN => {
                if let Some(message) = self.decode(session, packet, now) {
                    self.login(asker, message, now);
                }
            }
            phases::TOKEN_LOGIN => {
                if let Some(TokenLogin { token }) = self.decode(session, packet, now) {
                    let token = Secret::new(token);
                    self.ask_pool(asker, "", Step::Token, Task::Token { token });
                }
            }
            phases::RESUME => {
                if let Some(message) = self.decode(session, packet, now) {
                    self.resume(asker, &message, now);
                }
            }
            // A later protocol's login that this build doesn't know what to do with.
            _ => {
                let text = "this server has no such login";
                self.error(session, packet, Refusal::UnknownMessage, text, now);
            }
        }
    }

    /// True, and refused, when a password came where others can read it.
    fn is_exposed(&mut self, (session, request): (SessionId, u32), now: Instant) -> bool {
        let trusted = self.sessions.get(&session).is_some_and(|state| state.trusted);
        if !trusted {
            let text = "passwords are accepted over TLS or from this machine; use a login token";
            self.log_refusal(session, None, PASSWORD, &"a password on a plain connection", now);
            self.refuse(session, request, Refusal::InsecureTransport, text);
        }
        !trusted
    }

    fn register(&mut self, asker: (SessionId, u32), message: Register, now: Instant) {
        let (session, request) = asker;
        let password = Secret::new(message.password);
        if self.is_exposed(asker, now) {
            return;
        }
        if !self.settings.new_accounts {
            let text = "accounts are not made here; ask the operator of this world";
            return self.refuse(session, request, Refusal::NotAllowed, text);
        }
        let name = match names::account(&message.account) {
            Ok(name) => name,
            Err(rule) => return self.refuse(session, request, Refusal::BadName, rule),
        };
        if self.is_reserved(asker, &name) {
            return;
        }
        if let Err(rule) = names::password(password.expose()) {
            return self.refuse(session, request, Refusal::BadPassword, rule);
        }
        // Before the hash: it is dear, and for nothing when nobody can write it down.
        if self.is_store_open(asker) {
            self.ask_pool(asker, &name.clone(), Step::Hash { name }, Task::Hash { password });
        }
    }

    pub(super) fn registered(
        &mut self,
        question: &Question,
        account: Option<AccountRow>,
        now: Instant,
    ) {
        let (session, request) = (question.session, question.request);
        match account {
            Some(account) => {
                self.stats.registered += 1;
                self.log_in((session, request), account.id, account.name, REGISTRATION, now);
            }
            None => {
                let text = "an account of that name exists";
                self.log_refusal(session, None, REGISTRATION, &text, now);
                self.refuse(session, request, Refusal::AccountExists, text);
            }
        }
    }

    fn login(&mut self, asker: (SessionId, u32), message: PasswordLogin, now: Instant) {
        let password = Secret::new(message.password);
        if self.is_exposed(asker, now) {
            return;
        }
        // A name or password that breaks the rules fits no account; that is known without looking.
        let name = names::account(&message.account);
        let (Ok(name), Ok(())) = (name, names::password(password.expose())) else {
            return self.wrong_credentials(asker, None, now);
        };
        if self.may_guess(asker, &name, now) {
            let step = Step::FindAccount { name: name.clone(), password };
            self.ask_reader(asker, step, |ticket| Read::Account { ticket, name });
        }
    }

    /// False, and refused, when the client's address has guessed at this account too often. Otherwise it has guessed
    /// once more, until [`Self::no_guess`] says that it hasn't.
    fn may_guess(&mut self, asker: (SessionId, u32), account: &str, now: Instant) -> bool {
        let (session, request) = asker;
        let address = self.household_of(session);
        let counts = self.settings.count_loopback || !address.is_loopback();
        let bounds = Bounds {
            account: self.settings.guesses_per_account,
            address: counts.then_some(self.settings.guesses_per_address),
        };
        let Err(wait) = self.guesses.begin(account, address, bounds, now) else {
            return true;
        };
        let text = "too many wrong passwords from your address; wait before the next one";
        self.log_refusal(session, Some(account), PASSWORD, &text, now);
        self.refuse_until(session, request, Refusal::TooFast, text, wait);
        self.count_failed_login(session, now);
        false
    }

    /// What a login waited for doesn't count as a guess: its password was right, or nobody looked at it.
    pub(super) fn no_guess(&mut self, session: SessionId, step: &Step) {
        if let Step::FindAccount { name, .. } | Step::Verify { name, .. } = step {
            let address = self.household_of(session);
            self.guesses.take_back(name, address);
        }
    }

    /// What counts as the address of a session's client.
    pub(super) fn household_of(&self, session: SessionId) -> IpAddr {
        let peer = self.sessions.get(&session).map(|state| state.peer.ip());
        household(peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }

    /// The password is checked whether the account exists or not, so that both take the same time.
    pub(super) fn account_found(&mut self, question: Question, account: Option<AccountRow>) {
        let asker = (question.session, question.request);
        let Step::FindAccount { name, password } = question.step else {
            return self.busy(asker.0, asker.1, "the store answered another question");
        };
        let mut account = account;
        let hash = account.as_mut().and_then(|account| account.password_hash.take());
        let task = Task::Verify { password, hash };
        self.ask_pool(asker, &name.clone(), Step::Verify { name, account }, task);
    }

    pub(super) fn password_checked(
        &mut self,
        asker: (SessionId, u32),
        name: &str,
        account: Option<AccountRow>,
        now: Instant,
    ) {
        match account {
            Some(account) => {
                let address = self.household_of(asker.0);
                self.guesses.take_back(name, address);
                self.log_in(asker, account.id, account.name, PASSWORD, now);
            }
            None => self.wrong_credentials(asker, Some(name), now),
        }
    }

    /// `account` if it can be one; whether it exists isn't said.
    fn wrong_credentials(&mut self, asker: (SessionId, u32), account: Option<&str>, now: Instant) {
        let text = "the account name or the password is wrong";
        self.log_refusal(asker.0, account, PASSWORD, &text, now);
        self.login_failed(asker, Refusal::BadCredentials, text, now);
    }

    pub(super) fn token_checked(
        &mut self,
        asker: (SessionId, u32),
        result: Result<Claims, TokenError>,
        now: Instant,
    ) {
        let claims = match result {
            Ok(claims) => claims,
            Err(error) => {
                let reason = match error {
                    TokenError::Expired(_) => Refusal::TokenExpired,
                    TokenError::NotYet(_)
                    | TokenError::LivesTooLong(_)
                    | TokenError::Invalid(_) => Refusal::TokenInvalid,
                };
                self.log_refusal(asker.0, None, TOKEN, &error, now);
                return self.login_failed(asker, reason, error.for_client(), now);
            }
        };
        let account = match names::account(&claims.account) {
            Ok(name) => name,
            Err(rule) => {
                let text = format!("the login token names no account: {rule}");
                self.log_refusal(asker.0, None, TOKEN, &text, now);
                return self.login_failed(asker, Refusal::TokenInvalid, &text, now);
            }
        };
        let step = Step::AdmitToken { name: account.clone() };
        self.ask_writer(asker, step, |ticket| Write::AdmitToken {
            ticket,
            token_id: claims.token_id,
            expires_at: claims.expires_at,
            account,
        });
    }

    pub(super) fn token_admitted(
        &mut self,
        question: &Question,
        account: Option<AccountRow>,
        now: Instant,
    ) {
        let asker = (question.session, question.request);
        match account {
            Some(account) => self.log_in(asker, account.id, account.name, TOKEN, now),
            None => {
                let text = "the login token was used before";
                let account = if let Step::AdmitToken { name } = &question.step {
                    Some(name.as_str())
                } else {
                    None
                };
                self.log_refusal(asker.0, account, TOKEN, &text, now);
                self.login_failed(asker, Refusal::TokenUsed, text, now);
            }
        }
    }

    fn resume(&mut self, asker: (SessionId, u32), message: &Resume, now: Instant) {
        let account = match self.tokens.redeem(&message.token) {
            Ok(account) => account,
            Err(problem) => {
                let reason = match problem {
                    NotGood::Used => Refusal::TokenUsed,
                    NotGood::Expired => Refusal::TokenExpired,
                    NotGood::Forged => Refusal::TokenInvalid,
                };
                self.log_refusal(asker.0, None, RESUMING, &problem, now);
                return self.login_failed(asker, reason, &problem.to_string(), now);
            }
        };
        // A good token always has its login; they end together.
        let name = self.logins.get(&account).map(|login| login.name.clone());
        self.stats.resumed += 1;
        self.log_in(asker, account, name.unwrap_or_default(), RESUMING, now);
    }

    /// The one place where a session comes to play an account. Whoever played it before stops in the same step.
    fn log_in(
        &mut self,
        asker: (SessionId, u32),
        account: AccountId,
        name: String,
        how: &'static str,
        now: Instant,
    ) {
        let (session, request) = asker;
        if self.closing.is_some() {
            return self.busy(session, request, "the server is shutting down");
        }
        if !self.logins.contains_key(&account) && !self.make_room() {
            return self.busy(session, request, "the server is full");
        }
        let login = self.logins.entry(account).or_insert_with(|| Login::new(name));
        let former = login.session.replace(session);
        if let Some(until) = login.away_until.take() {
            self.grace.remove(&(until, account));
        }
        let present = match login.presence {
            Presence::In { character, .. } => Some(character),
            // On its way out it can't be played any more; entering again waits until it is saved.
            Presence::Out | Presence::Leaving(_) | Presence::Saving(_) => None,
        };
        let name = login.name.clone();
        if let Some(former) = former {
            let state = self.sessions.get(&former);
            let waiting = state.map_or(Waiting::No, |state| state.waiting);
            self.forget_wish(account, waiting);
            self.stats.taken_over += 1;
            let text = "your account has logged in elsewhere";
            self.goodbye(former, Farewell::TakenOver, text, now);
        }
        self.log_login(session, &name, how);
        let stage = present.map_or(Stage::Lobby(account), |_| Stage::World(account));
        self.set_stage(session, stage);
        self.stats.logged_in += 1;
        self.actions.push_back(Action::LoggedIn(session));
        let logged_in = LoggedIn { account: account.0, name, in_world: present.is_some() };
        self.send(session, request, &logged_in);
        self.send_token(session, account);
        if let Some(character) = present {
            let attach = Input::Attach { character, session };
            self.actions.push_back(Action::Game(attach));
        }
    }

    fn send_token(&mut self, session: SessionId, account: AccountId) {
        // Without randomness the session plays on; it just can't be resumed.
        if let Some(token) = self.tokens.issue(account) {
            let token =
                SessionToken { token: token.to_vec(), grace_ms: milliseconds(self.settings.grace) };
            self.send(session, 0, &token);
        }
    }

    /// True when another account may log in. When all places are taken, one that waits in the lobby without a
    /// connection gives up its place; those in the world keep theirs.
    fn make_room(&mut self) -> bool {
        if self.logins.len() < self.settings.logins_max {
            return true;
        }
        let idle = self.grace.iter().copied().find(|(_, account)| {
            let login = self.logins.get(account);
            login.is_some_and(|login| login.presence == Presence::Out && login.writing.is_none())
        });
        let Some((until, account)) = idle else {
            return false;
        };
        self.grace.remove(&(until, account));
        self.grace_over(account);
        true
    }
}
