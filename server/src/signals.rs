//! What the operator says by signal: end in order, end at once, read the configuration again. A thread of its own hears
//! it, whatever the loop is doing, and another one sees to it that an end which was asked for comes.

mod deadline;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals as Watched;
use signal_hook::low_level::emulate_default_handler;

use deadline::Deadline;

/// Wishes that the loop hasn't taken yet. More come only while it stands still, and ask for the same again.
const WISHES: usize = 16;
/// How much longer than `shutdown.deadline` an end may take before it is forced: a deleted log is rescued for 10 s.
const MARGIN: Duration = Duration::from_secs(12);
/// How long an end at once may take before it is forced.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Watches SIGINT, SIGTERM and SIGHUP for as long as the process runs.
pub(crate) struct Signals {
    wishes: Receiver<Wish>,
    shared: Arc<Shared>,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// SIGTERM, or the first SIGINT.
    End,
    /// Another SIGINT: now.
    EndAtOnce,
    /// SIGHUP.
    Reload,
}

/// Between the threads of the signals and the loop.
struct Shared {
    stage: Mutex<Stage>,
    /// `shutdown.deadline`, in milliseconds.
    patience_ms: AtomicU64,
    deadline: Deadline,
}

/// How far the server is.
enum Stage {
    /// Nothing is under way that an orderly end would save.
    Starting,
    /// The loop takes wishes, and is woken by this.
    Serving(Box<dyn Fn() + Send>),
    /// The rest of the process is over in a moment, or an embedding program's.
    Ended,
}

impl Signals {
    /// Starts watching. Until [`Self::serve`], SIGTERM and SIGINT still end the process by themselves, and SIGHUP waits.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn watch() -> io::Result<Self> {
        let mut watched = Watched::new([SIGINT, SIGTERM, SIGHUP])?;
        let (sender, wishes) = sync_channel(WISHES);
        let shared = Arc::new(Shared {
            stage: Mutex::new(Stage::Starting),
            patience_ms: AtomicU64::new(0),
            deadline: Deadline::watch()?,
        });
        let hears = Arc::clone(&shared);
        Builder::new().name("signals".to_owned()).spawn(move || {
            let mut interrupts = Interrupts::default();
            for signal in watched.forever() {
                hears.hear(signal, &mut interrupts, &sender);
            }
        })?;
        Ok(Self { wishes, shared })
    }

    /// From here on wishes are for the loop, which `wake` wakes, and which ends in order within `patience`.
    pub(crate) fn serve(&self, wake: impl Fn() + Send + 'static, patience: Duration) {
        self.set_patience(patience);
        *self.shared.stage() = Stage::Serving(Box::new(wake));
    }

    /// `shutdown.deadline`, for an end that is asked for from now on.
    pub(crate) fn set_patience(&self, patience: Duration) {
        let ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        self.shared.patience_ms.store(ms, Ordering::Relaxed);
    }

    /// The next wish, if a signal has come.
    pub(crate) fn next_wish(&mut self) -> Option<Wish> {
        self.wishes.try_recv().ok()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        *self.shared.stage() = Stage::Ended;
        self.shared.deadline.lift();
    }
}

impl Shared {
    fn hear(&self, signal: i32, interrupts: &mut Interrupts, wishes: &SyncSender<Wish>) {
        let wish = interrupts.wish(signal);
        let now = Instant::now();
        let stage = self.stage();
        match (wish, &*stage) {
            (Wish::Reload, _) => {}
            (_, Stage::Starting) => drop(emulate_default_handler(signal)),
            (_, Stage::Ended) => return,
            (Wish::End, Stage::Serving(_)) => {
                let ms = self.patience_ms.load(Ordering::Relaxed);
                self.deadline.set(now + Duration::from_millis(ms) + MARGIN);
            }
            (Wish::EndAtOnce, Stage::Serving(_)) => self.deadline.set(now + AT_ONCE),
        }
        let _ = wishes.try_send(wish);
        if let Stage::Serving(wake) = &*stage {
            wake();
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts the interrupts from the keyboard: the second one insists.
#[derive(Debug, Default)]
struct Interrupts(u32);

impl Interrupts {
    fn wish(&mut self, signal: i32) -> Wish {
        match signal {
            SIGHUP => Wish::Reload,
            SIGINT => {
                self.0 += 1;
                if self.0 > 1 { Wish::EndAtOnce } else { Wish::End }
            }
            _ => Wish::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_second_interrupt_asks_for_the_end_at_once_whatever_came_before_it() {
        let heard = |signals: &[i32]| {
            let mut interrupts = Interrupts::default();
            signals.iter().map(|signal| interrupts.wish(*signal)).collect::<Vec<_>>()
        };
        assert_eq!(heard(&[SIGTERM, SIGINT]), [Wish::End, Wish::End]);
        assert_eq!(heard(&[SIGTERM, SIGTERM]), [Wish::End, Wish::End]);
        assert_eq!(
            heard(&[SIGINT, SIGHUP, SIGTERM, SIGINT]),
            [Wish::End, Wish::Reload, Wish::End, Wish::EndAtOnce]
        );
    }
}
