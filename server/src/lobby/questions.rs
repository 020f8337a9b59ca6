//! What sessions wait for: questions to the store and the auth pool, and where their answers go.

use std::time::{Duration, Instant};

use game::{AccountId, CharacterId, SessionId};
use protocol::v1::Refusal;

use super::session::Waiting;
use super::{Action, Lobby};
use crate::auth::{self, Job, Outcome, Secret, Task};
use crate::store::{AccountRow, Answer, Read, Ticket, Write};

/// A question under way.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) session: SessionId,
    pub(super) request: u32,
    pub(super) step: Step,
}

/// What the answer is for.
#[derive(Debug)]
pub(super) enum Step {
    /// Registering: the password is hashed, then the account made.
    Hash {
        name: String,
    },
    Register,
    /// Logging in: the account is looked up, then the password checked.
    FindAccount {
        name: String,
        password: Secret,
    },
    Verify {
        name: String,
        account: Option<AccountRow>,
    },
    /// Logging in with a token: it is checked, then its one-time id spent.
    Token,
    AdmitToken {
        name: String,
    },
    List,
    Create {
        account: AccountId,
    },
    Delete {
        account: AccountId,
        character: CharacterId,
    },
    Enter {
        account: AccountId,
    },
}

impl Lobby {
    /// Questions under way and requests that wait for a save.
    pub(super) fn waiting(&self) -> usize {
        self.questions.len() + self.parked.len()
    }

    /// A ticket for a question on behalf of a session; `None` when too many are under way, and the client was told.
    pub(super) fn ask(&mut self, session: SessionId, request: u32, step: Step) -> Option<Ticket> {
        if self.waiting() >= self.settings.questions_max {
            self.no_guess(session, &step);
            self.busy(session, request, "the server has too many requests to answer");
            return None;
        }
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let question = Question { session, request, step };
        self.questions.insert(ticket, question);
        self.wait_for(session, Waiting::Answer(ticket));
        Some(ticket)
    }

    pub(super) fn ask_reader(
        &mut self,
        (session, request): (SessionId, u32),
        step: Step,
        read: impl FnOnce(Ticket) -> Read,
    ) {
        if let Some(ticket) = self.ask(session, request, step) {
            let read = read(ticket);
            self.actions.push_back(Action::Read { ticket, read });
        }
    }

    /// As [`Lobby::ask`]. While the store takes nothing the client is told so at once, before anything has changed: what
    /// is queued then may not be answered for as long as the disk is full.
    pub(super) fn ask_writer(
        &mut self,
        (session, request): (SessionId, u32),
        step: Step,
        write: impl FnOnce(Ticket) -> Write,
    ) -> Option<Ticket> {
        if !self.is_store_open((session, request)) {
            return None;
        }
        let ticket = self.ask(session, request, step)?;
        let write = write(ticket);
        self.actions.push_back(Action::Write { ticket, write });
        Some(ticket)
    }

    /// False, and refused, while the store takes nothing.
    pub(super) fn is_store_open(&mut self, (session, request): (SessionId, u32)) -> bool {
        if !self.store_open {
            let (reason, wait) = (Refusal::StoreBehind, self.wait());
            self.refuse_until(session, request, reason, "the server can't save right now", wait);
        }
        self.store_open
    }

    pub(super) fn ask_pool(
        &mut self,
        (session, request): (SessionId, u32),
        account: &str,
        step: Step,
        task: Task,
    ) {
        let (address, account) = (self.household_of(session), account.to_owned());
        if let Some(ticket) = self.ask(session, request, step) {
            self.actions.push_back(Action::Auth(Job { ticket, address, account, task }));
        }
    }

    /// The session that asked is gone: a password that it sent isn't looked up or hashed any more. Other questions go
    /// on, as what they change may be under way.
    pub(super) fn abandon(&mut self, session: SessionId, ticket: Ticket) {
        let Some(question) = self.questions.get(&ticket) else {
            return;
        };
        let is_password = matches!(
            question.step,
            Step::Hash { .. } | Step::FindAccount { .. } | Step::Verify { .. }
        );
        if is_password && let Some(question) = self.questions.remove(&ticket) {
            self.no_guess(session, &question.step);
            self.actions.push_back(Action::CancelAuth(ticket));
        }
    }

    /// The question of this ticket. `None` when the session that asked is gone or was told goodbye; then nothing of
    /// the answer matters to anybody.
    fn answered(&mut self, ticket: Ticket) -> Option<Question> {
        let question = self.questions.remove(&ticket)?;
        if let Step::Create { account } | Step::Delete { account, .. } = question.step {
            self.written(account, ticket);
        }
        let session = self.sessions.get_mut(&question.session)?;
        if session.waiting != Waiting::Answer(ticket) {
            return None;
        }
        session.waiting = Waiting::No;
        Some(question)
    }

    /// The queue for this question was full and it wasn't taken: its client is told to come back.
    pub fn overloaded(&mut self, ticket: Ticket) {
        if let Some(Question { session, request, step }) = self.answered(ticket) {
            self.no_guess(session, &step);
            self.busy(session, request, "the server has more logins and loads than it can take");
        }
    }

    /// An answer of the store. Those that no session waits for are ignored, so the loop may hand in all of them.
    pub fn store_answer(&mut self, answer: Answer, now: Instant) {
        match answer {
            Answer::Durable(commit) => self.durable(commit),
            Answer::Registered { ticket, account } => {
                if let Some(question) = self.answered(ticket) {
                    self.registered(&question, account, now);
                }
            }
            Answer::TokenAdmitted { ticket, account } => {
                if let Some(question) = self.answered(ticket) {
                    self.token_admitted(&question, account, now);
                }
            }
            Answer::Account { ticket, account } => {
                if let Some(question) = self.answered(ticket) {
                    self.account_found(question, account);
                }
            }
            Answer::Characters { ticket, characters } => {
                if let Some(question) = self.answered(ticket) {
                    self.characters_listed(&question, characters);
                }
            }
            Answer::CharacterCreated { ticket, result } => {
                if let Some(question) = self.answered(ticket) {
                    self.character_created(&question, result);
                }
            }
            Answer::CharacterDeleted { ticket, found } => {
                if let Some(question) = self.answered(ticket) {
                    self.character_deleted(&question, found);
                }
            }
            Answer::Character { ticket, character } => {
                if let Some(question) = self.answered(ticket) {
                    self.character_loaded(&question, character);
                }
            }
            Answer::ValueOpen(open) => self.store_open = open,
            Answer::ItemIds { .. }
            | Answer::Decided(_)
            | Answer::SaveFailed(_)
            | Answer::Mailbox { .. }
            | Answer::Broken(_) => {}
        }
    }

    /// An answer of the auth pool.
    pub fn auth_answer(&mut self, answer: auth::Answer, now: Instant) {
        let Some(question) = self.answered(answer.ticket) else {
            return;
        };
        let (session, request) = (question.session, question.request);
        match (answer.outcome, question.step) {
            (Outcome::Hashed(Some(hash)), Step::Hash { name }) => {
                self.ask_writer((session, request), Step::Register, |ticket| Write::Register {
                    ticket,
                    name,
                    password_hash: hash,
                });
            }
            (Outcome::Verified(right), Step::Verify { name, account }) => {
                let account = account.filter(|_| right);
                self.password_checked((session, request), &name, account, now);
            }
            (Outcome::Token(result), Step::Token) => {
                self.token_checked((session, request), result, now);
            }
            // Hashing failed, or the pool answered what wasn't asked: ours to mend, not the client's.
            (Outcome::Hashed(_) | Outcome::Verified(_) | Outcome::Token(_), _) => {
                let text = "the server can't check logins now";
                self.busy(session, request, text);
            }
        }
    }

    /// Refuses for lack of room, with the time after which to try again.
    pub(super) fn busy(&mut self, session: SessionId, request: u32, text: &str) {
        let wait = self.wait();
        self.refuse_until(session, request, Refusal::Busy, text, wait);
    }

    /// After how long who was refused should try again.
    fn wait(&self) -> Duration {
        self.closing.unwrap_or(self.settings.retry_after)
    }
}
