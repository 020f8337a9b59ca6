//! Processes that are measured: each on a core of its own, watched from outside, and gone when its measurement is over,
//! however that ends.

mod usage;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

use crate::cores::{Core, Pinned};

/// Longer than a child thinks about anything that it is asked: a bound on a hang, not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How [`OnCore`] is called on the command line.
const ON_CORE: &str = "on-core";

/// What a stretch of time took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    /// On the clock on the wall.
    pub(crate) wall: Duration,
    /// Of all threads of the process, in user and kernel together.
    pub(crate) cpu: Duration,
}

impl Spent {
    /// Cores that were busy with it.
    pub(crate) fn busy(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64()
    }
}

/// Becomes another program on some cores, which is killed as soon as the process that started it is gone.
///
/// The system takes both wishes only from the process itself, so a child passes through here first.
#[derive(Debug, Args)]
pub(crate) struct OnCore {
    /// Their numbers, with commas between them
    cores: String,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    line: Vec<OsString>,
}

impl OnCore {
    /// Doesn't return unless the program can't be started.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        let cores: Result<Vec<Core>, _> =
            self.cores.split(',').map(|core| core.parse().map(Core)).collect();
        let _pinned = Pinned::to_any(&cores.context("no list of cores")?)?;
        let (program, arguments) = self.line.split_first().context("no program is named")?;
        let error = Command::new(program).args(arguments).exec();
        Err(error).with_context(|| format!("can't start {}", program.display()))
    }
}

/// A process that is measured. It speaks in lines on its standard output, and hears lines on its standard input; what
/// it writes to standard error goes where ours goes.
#[derive(Debug)]
pub(crate) struct Child {
    name: String,
    process: std::process::Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Child {
    /// Starts this program once more, as the part of a bench that `arguments` name.
    ///
    /// # Errors
    /// When the system doesn't start it.
    pub(crate) fn part<S: AsRef<OsStr>>(
        cores: impl Into<Vec<Core>>,
        arguments: &[S],
    ) -> anyhow::Result<Self> {
        let ourselves = std::env::current_exe().context("where is this program?")?;
        let part = [OsStr::new("part")];
        let arguments = part.into_iter().chain(arguments.iter().map(AsRef::as_ref));
        Self::start(cores, &ourselves, arguments)
    }

    /// Starts a program that runs on some cores, or one, alone. From a thread that lives as long as the child, or it is
    /// killed too early.
    ///
    /// # Errors
    /// When the system doesn't start it.
    pub(crate) fn start<S: AsRef<OsStr>>(
        cores: impl Into<Vec<Core>>,
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<Self> {
        Self::spawn(on_cores(&cores.into(), program, arguments)?, program)
    }

    /// As [`Self::start`]; what it writes to standard error goes into the file `log`, a new one.
    ///
    /// # Errors
    /// When the system doesn't start it, or the file can't be made.
    pub(crate) fn start_logging<S: AsRef<OsStr>>(
        cores: impl Into<Vec<Core>>,
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let mut command = on_cores(&cores.into(), program, arguments)?;
        let log = File::create(log).with_context(|| format!("can't make {}", log.display()))?;
        command.stderr(log);
        Self::spawn(command, program)
    }

    fn spawn(mut command: Command, program: &Path) -> anyhow::Result<Self> {
        let name = program.display().to_string();
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't start {name}"))?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let output = output.context("no standard output")?;
        let (tell, lines) = channel();
        // Ends with the child's output, or when nobody listens any more.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { name, process, input, lines })
    }

    /// The next line that it says.
    ///
    /// # Errors
    /// When it ends or is silent for a minute.
    pub(crate) fn hear(&mut self) -> anyhow::Result<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => {
                bail!("{} has been silent for {PATIENCE:?}", self.name)
            }
            Err(RecvTimeoutError::Disconnected) => {
                bail!("{} has ended ({})", self.name, self.process.wait()?)
            }
        }
    }

    /// What stands behind `prefix` in the next line that begins with it. Other lines are passed over.
    ///
    /// # Errors
    /// When it ends or is silent for a minute.
    pub(crate) fn hear_after(&mut self, prefix: &str) -> anyhow::Result<String> {
        loop {
            if let Some(rest) = self.hear()?.strip_prefix(prefix) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    /// Says a line to it.
    ///
    /// # Errors
    /// When it doesn't listen any more.
    pub(crate) fn say(&mut self, line: &str) -> anyhow::Result<()> {
        let input = self.input.as_mut().context("its input is closed")?;
        writeln!(input, "{line}").with_context(|| format!("{} doesn't listen", self.name))
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Keeps it from running until it is [released](Self::release); a wait that it is in ends with `EINTR`.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn hold(&self) -> anyhow::Result<()> {
        let sent = kill_process(Pid::from_child(&self.process), Signal::STOP);
        sent.with_context(|| format!("{} is gone", self.name))
    }

    /// Lets it run again.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn release(&self) -> anyhow::Result<()> {
        let sent = kill_process(Pid::from_child(&self.process), Signal::CONT);
        sent.with_context(|| format!("{} is gone", self.name))
    }

    /// Does `work` and tells what the child spent meanwhile.
    ///
    /// # Errors
    /// Those of `work`, and when the child is gone.
    pub(crate) fn measure<T>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<(T, Spent)> {
        let (began, before) = (Instant::now(), self.cpu()?);
        let result = work()?;
        let (wall, cpu) = (began.elapsed(), self.cpu()?.saturating_sub(before));
        Ok((result, Spent { wall, cpu }))
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let gone = || format!("{} is gone", self.name);
        kill_process(Pid::from_child(&self.process), signal).with_context(gone)
    }

    /// Waits until it ends by itself, at most a minute.
    ///
    /// # Errors
    /// When it goes on, or ends with a failure.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.finish_within(PATIENCE)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it goes on, or ends with a failure.
    pub(crate) fn finish_within(mut self, patience: Duration) -> anyhow::Result<()> {
        // Some end when nobody can speak to them any more.
        self.input = None;
        let deadline = Instant::now() + patience;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                // Its last words, that nobody asked for.
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => bail!("{} doesn't end", self.name),
            }
        }
        let status = self.process.wait()?;
        anyhow::ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(())
    }
}

/// The call of this program that becomes another one on these cores.
fn on_cores<S: AsRef<OsStr>>(
    cores: &[Core],
    program: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("where is this program?")?);
    let cores: Vec<String> = cores.iter().map(|core| core.0.to_string()).collect();
    command.arg(ON_CORE).arg(cores.join(",")).arg("--").arg(program).args(arguments);
    Ok(command)
}

impl Drop for Child {
    fn drop(&mut self) {
        // One that is gone already has nothing to be told.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
