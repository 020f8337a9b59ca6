//! The threads that check logins: a fixed number, bounded queues, nobody waits on the loop.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::password::{Memory, Passwords};
use super::queue::FairQueue;
use super::token::{TokenError, Tokens};
use super::{Answer, AuthError, Job, Outcome, Settings, Task};
use crate::priority::{Priority, stand_back};
use crate::store::Ticket;

/// Answers that wait for the loop. The loop takes them all in each pass, so this fills up only when it is late; then
/// the workers wait and the queues in front of them say busy.
const ANSWERS_MAX: usize = 1024;

/// Share of the login deadline within which all waiting passwords are hashed: 1 of so many parts. The rest is for the
/// way to the server and back, and for a game that needs the processor meanwhile.
const DEADLINE_PARTS: u32 = 2;

/// The lane is full, and this job isn't done for it. The client may try again shortly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more logins are being checked than the queue holds")]
pub struct Busy(
    /// Ticket of the job that was submitted, or of an earlier one that made room for it.
    pub Ticket,
);

/// The pool. Dropping it ends its threads, each after the job it is at.
pub struct AuthPool {
    passwords: Arc<Lane>,
    tokens: Option<SyncSender<Job>>,
    answers: Option<Receiver<Answer>>,
    threads: Vec<JoinHandle<()>>,
    hash_time: Duration,
    workers: usize,
    /// Passwords that wait at most, as configured.
    queue: usize,
}

/// Passwords on their way to the workers.
struct Lane {
    /// `None` once the pool ends.
    queue: Mutex<Option<FairQueue>>,
    filled: Condvar,
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, Option<FairQueue>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job; `None` when none comes any more. A worker that has to wait gives its memory back.
    fn next(&self, memory: &mut Memory) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.as_mut()?.take() {
                return Some(job);
            }
            memory.release();
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
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
        let (token_sender, token_jobs) = sync_channel(settings.token_queue.max(1));
        let workers = settings.password_workers.max(1);
        let hash_time = desk.passwords.hash_time();
        let room = room(hash_time, workers, settings.password_queue, settings.login_deadline)?;
        let queue = Mutex::new(Some(FairQueue::new(room)));
        let passwords = Arc::new(Lane { queue, filled: Condvar::new() });

        let mut threads = Vec::new();
        for number in 0..workers {
            let (jobs, desk) = (Arc::clone(&passwords), desk.clone());
            let name = format!("password-{number}");
            threads.push(thread::Builder::new().name(name).spawn(move || {
                stand_back(Priority::Passwords);
                desk.work(|memory| jobs.next(memory));
            })?);
        }
        let name = "login-tokens".to_owned();
        threads.push(thread::Builder::new().name(name).spawn(move || {
            desk.work(|_| token_jobs.recv().ok());
        })?);
        let (tokens, answers) = (Some(token_sender), Some(answers));
        let queue = settings.password_queue;
        Ok(Self { passwords, tokens, answers, threads, hash_time, workers, queue })
    }

    /// Time that one password takes to hash here, as measured at the start.
    #[must_use]
    pub const fn hash_time(&self) -> Duration {
        self.hash_time
    }

    /// Passwords that may wait.
    #[must_use]
    pub fn room(&self) -> usize {
        self.passwords.lock().as_ref().map_or(0, FairQueue::room)
    }

    /// From now on no more passwords wait than are hashed in time for this deadline.
    ///
    /// # Errors
    /// When none would be in time; then nothing has changed.
    pub fn set_login_deadline(&self, deadline: Duration) -> Result<(), AuthError> {
        let room = room(self.hash_time, self.workers, self.queue, deadline)?;
        if let Some(queue) = self.passwords.lock().as_mut() {
            queue.set_room(room);
        }
        Ok(())
    }

    /// Queues a job in its lane. Never waits.
    ///
    /// # Errors
    /// When the lane is full, or the pool is gone. In the lane of passwords the job that isn't done may be an earlier one,
    /// of a client that has more waiting.
    pub fn submit(&self, job: Job) -> Result<(), Busy> {
        if let Task::Hash { .. } | Task::Verify { .. } = job.task {
            let mut queue = self.passwords.lock();
            let Some(queue) = queue.as_mut() else {
                return Err(Busy(job.ticket));
            };
            let taken = queue.push(job).map_err(Busy);
            self.passwords.filled.notify_one();
            return taken;
        }
        let Some(lane) = &self.tokens else {
            return Err(Busy(job.ticket));
        };
        lane.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => Busy(job.ticket),
        })
    }

    /// Nobody waits for this job any more. If it is a password that no worker has begun with, it is forgotten; otherwise
    /// its answer still comes.
    pub fn cancel(&self, ticket: Ticket) {
        if let Some(queue) = self.passwords.lock().as_mut() {
            queue.cancel(ticket);
        }
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
        *self.passwords.lock() = None;
        self.passwords.filled.notify_all();
        self.tokens = None;
        self.answers = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that checks logins has panicked");
            }
        }
    }
}

/// Passwords that may wait, so that the last of them is hashed in time, but no more than `queue`.
fn room(
    hash_time: Duration,
    workers: usize,
    queue: usize,
    deadline: Duration,
) -> Result<usize, AuthError> {
    if hash_time > deadline {
        return Err(AuthError::TooSlow { hash_time, deadline });
    }
    let hashes = (deadline / DEADLINE_PARTS).as_nanos() / hash_time.as_nanos().max(1);
    let in_time = usize::try_from(hashes).unwrap_or(usize::MAX).saturating_mul(workers);
    Ok(in_time.min(queue).max(1))
}

impl Desk {
    fn work(&self, next: impl Fn(&mut Memory) -> Option<Job>) {
        let mut memory = Memory::default();
        while let Some(Job { ticket, task, .. }) = next(&mut memory) {
            let outcome = self.check(task, &mut memory);
            if self.answers.send(Answer { ticket, outcome }).is_err() {
                return;
            }
            (self.wake)();
        }
    }

    /// Drops, and so erases, what it was given before the answer goes out.
    fn check(&self, task: Task, memory: &mut Memory) -> Outcome {
        match task {
            Task::Hash { password } => Outcome::Hashed(self.passwords.hash(&password, memory)),
            Task::Verify { password, hash } => {
                Outcome::Verified(self.passwords.verify(&password, hash.as_ref(), memory))
            }
            Task::Token { token } => Outcome::Token(match &*self.tokens {
                Some(tokens) => tokens.verify(&token),
                None => {
                    let text = "auth.token_secret isn't set, so nobody logs in with tokens";
                    Err(TokenError::Invalid(text.to_owned()))
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests;
