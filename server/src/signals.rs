//! What the operator says by signal: end in order, end at once, read the configuration again.

use std::io;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals as Watched;

/// Watches SIGINT, SIGTERM and SIGHUP; a source of the loop's poll.
pub(crate) struct Signals {
    watched: Watched,
    asked_to_end: u32,
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

impl Signals {
    /// Starts watching. From here on these signals no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn watch() -> io::Result<Self> {
        let watched = Watched::new([SIGINT, SIGTERM, SIGHUP])?;
        Ok(Self { watched, asked_to_end: 0 })
    }

    /// The next wish, if a signal has come.
    pub(crate) fn next_wish(&mut self) -> Option<Wish> {
        let signal = self.watched.pending().next()?;
        Some(match signal {
            SIGHUP => Wish::Reload,
            SIGINT if self.asked_to_end > 0 => Wish::EndAtOnce,
            _ => {
                self.asked_to_end += 1;
                Wish::End
            }
        })
    }
}

impl Source for Signals {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.watched.register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.watched.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.watched.deregister(registry)
    }
}
