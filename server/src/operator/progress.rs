//! How far a command is: on a terminal one line that changes, in a log a new line now and then.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Between two words on a terminal.
const ON_TERMINAL: Duration = Duration::from_millis(200);
/// Between two lines in a log.
const IN_LOG: Duration = Duration::from_secs(10);

/// Of one command. What takes no time says nothing.
pub(super) struct Progress {
    command: &'static str,
    terminal: bool,
    last: Instant,
    /// The line on the terminal isn't ended.
    open: bool,
}

impl Progress {
    pub(super) fn new(command: &'static str) -> Self {
        let terminal = stderr().is_terminal();
        Self { command, terminal, last: Instant::now(), open: false }
    }

    /// To be called with what is being done and how much of it is done.
    pub(super) fn watch(&mut self) -> impl FnMut(&'static str, u64) {
        |what, done| {
            let pause = if self.terminal { ON_TERMINAL } else { IN_LOG };
            if self.last.elapsed() >= pause {
                self.last = Instant::now();
                self.say(what, done);
            }
        }
    }

    fn say(&mut self, what: &str, done: u64) {
        // Nobody may be reading, which harms nothing.
        let line = format!("{}: {what}, {done}", self.command);
        let _ = match self.terminal {
            true => write!(stderr(), "\r\x1b[K{line}"),
            false => writeln!(stderr(), "{line}"),
        };
        let _ = stderr().flush();
        self.open = self.terminal;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.open {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
