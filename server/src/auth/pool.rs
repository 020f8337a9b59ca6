//! The threads that check logins: a fixed number, bounded queues, nobody waits on the loop.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::password::Passwords;
use super::token::{TokenError, Tokens};
use super::{Answer, AuthError, Job, Outcome, Settings, Task};
use crate::priority::{Priority, stand_back};
use crate::store::Ticket;

/// Answers that wait for the loop. The loop takes them all in each pass, so this fills up only when it is late; then
/// the workers wait and the queues in front of them say busy.
const ANSWERS_MAX: usize = 1024;

/// The lane of this job is full: nothing was taken. The client may try again shortly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more logins are being checked than the queue holds")]
pub struct Busy(
    /// Of the job that wasn't taken.
    pub Ticket,
);

/// The pool. Dropping it ends its threads, each after the job it is at.
pub struct AuthPool {
    passwords: Option<SyncSender<Job>>,
    tokens: Option<SyncSender<Job>>,
    answers: Option<Receiver<Answer>>,
    threads: Vec<JoinHandle<()>>,
}

/// What a worker shares with the others.
#[derive(Clone)]
struct Desk {
    answers: SyncSender<Answer>,
    wake: Arc<dyn Fn() + Send + Sync>,
    passwords: Arc<Passwords>,
    tokens: Arc<Option<Tokens>>,
}

impl AuthPool {
    /// Starts the threads. `wake` is called from them after each answer.
    ///
    /// # Errors
    /// When the settings can't work or the system gives no thread.
    pub fn start(
        settings: &Settings,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, AuthError> {
        let tokens = settings
            .token_secret
            .as_ref()
            .map(|secret| Tokens::new(secret, &settings.audience, settings.token_lifetime_max))
            .transpose()?;
        let (answer_sender, answers) = sync_channel(ANSWERS_MAX);
        let desk = Desk {
            answers: answer_sender,
            wake: Arc::new(wake),
            passwords: Arc::new(Passwords::new(settings.memory_kib, settings.passes)?),
            tokens: Arc::new(tokens),
        };
        let (password_sender, password_jobs) = sync_channel(settings.password_queue.max(1));
        let (token_sender, token_jobs) = sync_channel(settings.token_queue.max(1));
        let password_jobs = Arc::new(Mutex::new(password_jobs));

        let mut threads = Vec::new();
        for number in 0..settings.password_workers.max(1) {
            let (jobs, desk) = (Arc::clone(&password_jobs), desk.clone());
            let name = format!("password-{number}");
            threads.push(thread::Builder::new().name(name).spawn(move || {
                stand_back(Priority::Passwords);
                desk.work(|| jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok());
            })?);
        }
        let name = "login-tokens".to_owned();
        threads.push(thread::Builder::new().name(name).spawn(move || {
            desk.work(|| token_jobs.recv().ok());
        })?);
        Ok(Self {
            passwords: Some(password_sender),
            tokens: Some(token_sender),
            answers: Some(answers),
            threads,
        })
    }

    /// Queues a job in its lane. Never waits.
    ///
    /// # Errors
    /// When the lane is full, or the pool is gone.
    pub fn submit(&self, job: Job) -> Result<(), Busy> {
        let lane = match &job.task {
            Task::Hash { .. } | Task::Verify { .. } => &self.passwords,
            Task::Token { .. } => &self.tokens,
        };
        let Some(lane) = lane else {
            return Err(Busy(job.ticket));
        };
        lane.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => Busy(job.ticket),
        })
    }

    /// The next answer, if there is one. Call it until `None` after each wake-up.
    #[must_use]
    pub fn poll(&self) -> Option<Answer> {
        self.answers.as_ref()?.try_recv().ok()
    }
}

impl Drop for AuthPool {
    fn drop(&mut self) {
        // Workers end when no job can come any more; one that waits to hand out an answer ends when nobody reads it.
        self.passwords = None;
        self.tokens = None;
        self.answers = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that checks logins has panicked");
            }
        }
    }
}

impl Desk {
    fn work(&self, next: impl Fn() -> Option<Job>) {
        while let Some(Job { ticket, task }) = next() {
            let outcome = self.check(task);
            if self.answers.send(Answer { ticket, outcome }).is_err() {
                return;
            }
            (self.wake)();
        }
    }

    /// Drops, and so erases, what it was given before the answer goes out.
    fn check(&self, task: Task) -> Outcome {
        match task {
            Task::Hash { password } => Outcome::Hashed(self.passwords.hash(&password)),
            Task::Verify { password, hash } => {
                Outcome::Verified(self.passwords.verify(&password, hash.as_ref()))
            }
            Task::Token { token } => Outcome::Token(match &*self.tokens {
                Some(tokens) => tokens.verify(&token),
                None => Err(TokenError::Invalid),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
