//! A PostgreSQL server of a test's own, on a free port of the loopback, which nothing on the machine has to be set up
//! for. It is gone when the test ends, however it ends: a shell waits beside it for the pipe to the test's process to
//! close, then stops it and removes its files.

mod port;
mod processes;
mod programs;

#[cfg(test)]
mod tests;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use programs::Programs;

/// How long the server may take to accept connections. It takes some 200 ms, and longer after a crash with much to
/// replay; the rest is for a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// What PostgreSQL writes when it accepts connections, also when it has recovered from a crash.
const READY: &str = "database system is ready to accept connections";
/// Who connects. May do anything, as the user of a new cluster does.
const USER: &str = "postgres";
/// What the shell is told when the files are to stay.
const KEEP: &[u8] = b"keep\n";
/// Runs the server until the pipe to the test's process closes or says `keep`, and removes the files in the first case.
/// The server's own immediate shutdown is what a crash leaves behind: nothing is flushed, the next start recovers.
const RUN_UNTIL_THE_PIPE_CLOSES: &str = r#"
    files=$1; shift
    "$@" & server=$!
    read -r word
    kill -QUIT $server 2>/dev/null; kill -CONT $server 2>/dev/null
    wait $server
    [ "$word" = keep ] || rm -rf "$files"
"#;

/// What a server does to keep what it confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As in production: what is confirmed is on disk.
    Full,
    /// Nothing is synced. Enough where no crash of the machine is tested, and many times faster on a slow disk. It
    /// says so to Realmbeat's servers by the setting `realmbeat.accept_loss`, which wouldn't use it else.
    FastForTests,
}

impl Durability {
    const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Full => &["fsync=on", "full_page_writes=on"],
            Self::FastForTests => {
                &["fsync=off", "full_page_writes=off", "realmbeat.accept_loss=on"]
            }
        }
    }
}

/// A PostgreSQL server. Dropping it stops it and removes its files.
#[derive(Debug)]
pub struct Server {
    programs: Programs,
    durability: Durability,
    port: u16,
    /// Holds the data and the Unix socket.
    files: PathBuf,
    running: Option<Child>,
}

/// A database of a private server. It goes with the server.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its name, unique within the server.
    pub name: String,
    /// What reaches it over the loopback, without a password.
    pub url: String,
}

impl Server {
    /// Makes a cluster, starts it and waits until it accepts connections.
    ///
    /// # Errors
    /// When PostgreSQL isn't installed (the message names the package), or doesn't start.
    pub fn start(durability: Durability) -> Result<Self> {
        let programs = Programs::find()?;
        let files = tempfile::Builder::new().prefix("private-postgres-").tempdir()?.keep();
        let mut server = Self { programs, durability, port: port::free()?, files, running: None };
        server.make_cluster()?;
        server.start_again()?;
        Ok(server)
    }

    /// The one server that the tests of this process share, with [`Durability::FastForTests`]. Each test makes a
    /// database of its own in it.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Server, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            Self::start(Durability::FastForTests).map_err(|problem| format!("{problem:#}"))
        });
        shared.as_ref().map_err(|problem| anyhow::anyhow!("{problem}"))
    }

    /// A new, empty database.
    ///
    /// # Errors
    /// When the server doesn't run.
    pub fn create_database(&self) -> Result<Database> {
        self.new_database("")
    }

    /// A new database with all that is in this one, to which nobody may be connected.
    ///
    /// # Errors
    /// When the server doesn't run, or somebody is connected.
    pub fn copy_database(&self, original: &Database) -> Result<Database> {
        self.new_database(&format!("TEMPLATE {}", original.name))
    }

    fn new_database(&self, like: &str) -> Result<Database> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("world{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} {like}"))?;
        let url = self.url(&name);
        Ok(Database { name, url })
    }

    /// Runs SQL as the superuser and gives the rows, fields separated by `|`.
    ///
    /// # Errors
    /// When the server doesn't run, or refuses it.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let output = self
            .programs
            .command("psql")
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set", "ON_ERROR_STOP=1", "--dbname", &self.url(database), "--command", sql])
            .stdin(Stdio::null())
            .output()
            .context("psql can't be started")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
    }

    /// Stops it as a crash would: nothing is flushed, connections break off. Its files stay. Without effect when it
    /// doesn't run.
    pub fn stop_immediately(&mut self) {
        self.end(KEEP);
    }

    /// Starts it where it was, and waits until it accepts connections. Without effect when it runs.
    ///
    /// # Errors
    /// When it doesn't start.
    pub fn start_again(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let mut child = self.spawn()?;
        let log = child.stderr.take().context("PostgreSQL has no log")?;
        self.running = Some(child);
        wait_until_ready(log)
    }

    /// Stops all its processes where they are: connections stay open, and nothing answers.
    ///
    /// # Errors
    /// When it doesn't run.
    pub fn pause(&self) -> Result<()> {
        processes::stop(self.process()?)
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// When it doesn't run.
    pub fn resume(&self) -> Result<()> {
        processes::go_on(self.process()?)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    fn data(&self) -> PathBuf {
        self.files.join("data")
    }

    /// The first process of the server, which the others are children of, as it wrote it down itself.
    fn process(&self) -> Result<u32> {
        ensure!(self.running.is_some(), "this PostgreSQL doesn't run");
        let text = std::fs::read_to_string(self.data().join("postmaster.pid"))?;
        Ok(text.lines().next().unwrap_or_default().parse()?)
    }

    fn make_cluster(&self) -> Result<()> {
        self.programs.give_away(&self.files)?;
        let output = self
            .programs
            .command_as_user("initdb")
            .arg("--pgdata")
            .arg(self.data())
            .args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--no-locale"])
            // What is lost with the machine is lost with the test.
            .arg("--no-sync")
            .current_dir(&self.files)
            .stdin(Stdio::null())
            .output()
            .context("initdb can't be started")?;
        ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn spawn(&self) -> Result<Child> {
        let server = self.programs.command_as_user("postgres");
        let mut shell = Command::new("sh");
        shell.args(["-c", RUN_UNTIL_THE_PIPE_CLOSES, "private-postgres"]).arg(&self.files);
        shell.arg(server.get_program()).args(server.get_args());
        shell.arg("-D").arg(self.data());
        let port = format!("port={}", self.port);
        let sockets = format!("unix_socket_directories={}", path_text(&self.files)?);
        let own = ["listen_addresses=127.0.0.1", &port, &sockets, "max_connections=200"];
        for setting in own.iter().chain(self.durability.settings()) {
            shell.args(["-c", setting]);
        }
        shell
            .env("LC_ALL", "C")
            .current_dir(&self.files)
            .stdin(Stdio::piped())
            // Nothing is written there. Whoever waits for the end of a test's output also waits for the clean-up.
            .stdout(Stdio::inherit())
            .stderr(Stdio::piped())
            .spawn()
            .context("sh can't be started")
    }

    fn end(&mut self, last_word: &[u8]) {
        let Ok(process) = self.process() else {
            return self.reap(last_word);
        };
        // Processes that are paused would hold up the end of the others.
        let _ = processes::go_on(process);
        self.reap(last_word);
    }

    fn reap(&mut self, last_word: &[u8]) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        if let Some(mut pipe) = running.stdin.take() {
            // A shell that is gone already needs no word.
            let _ = pipe.write_all(last_word);
        }
        // It was ours and is gone now; a test has nothing else to do about it.
        let _ = running.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end(b"");
        // The shell has done it, unless the server was stopped before.
        let _ = std::fs::remove_dir_all(&self.files);
    }
}

fn path_text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} isn't UTF-8", path.display()))
}

/// Reads the log to its end, so that the server never waits for a reader, and returns when it is ready.
fn wait_until_ready(log: ChildStderr) -> Result<()> {
    let (said, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            // Nobody listens any more once it is ready.
            let _ = said.send(line);
        }
    });
    let mut lines = Vec::new();
    loop {
        match heard.recv_timeout(START_PATIENCE) {
            Ok(line) if line.contains(READY) => return Ok(()),
            Ok(line) => lines.push(line),
            Err(_) => bail!("PostgreSQL doesn't start:\n{}", lines.join("\n")),
        }
    }
}
