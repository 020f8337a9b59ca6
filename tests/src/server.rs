//! A server as a process of its own: started as an operator would, watched by its log, ended by signals.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::database::{Engine, Location};
use crate::failpoints::Failpoints;

/// Signs login tokens in tests; as good as any other.
pub const TOKEN_SECRET: &str = "a secret of the tests, 32 bytes or more";
/// How long a test waits for something that must happen. Generous: it decides only how long a failure takes.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Where a server listens that never got so far.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A server before it is started: where its data lies, and what is configured.
#[derive(Clone)]
pub struct ServerSetup {
    directory: Arc<TempDir>,
    data: Option<PathBuf>,
    settings: Vec<(String, String)>,
    listen: String,
    /// The program that starts the server, with its arguments; empty where nobody stands between.
    launcher: Vec<OsString>,
    layers: Vec<PathBuf>,
    failpoints: Option<Failpoints>,
    postgres: Option<String>,
}

impl Default for ServerSetup {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerSetup {
    /// The shipped content, a fresh data directory, a free port, cheap password hashes, and nothing given up under load.
    ///
    /// # Panics
    /// When no directory can be made.
    #[must_use]
    pub fn new() -> Self {
        let directory = Arc::new(tempfile::tempdir().expect("a directory for the test"));
        let content = repository().join("config/content");
        Self {
            directory,
            data: None,
            settings: Vec::new(),
            listen: "127.0.0.1:0".into(),
            launcher: Vec::new(),
            layers: Vec::new(),
            failpoints: None,
            postgres: None,
        }
        .set("world.content", content.display())
        .set("auth.token_secret", TOKEN_SECRET)
        .set("auth.argon2_memory_kib", 8)
        .set("auth.argon2_iterations", 1)
        // A machine that is busy with other tests is no reason to let a test's players wait.
        .set("overload.steps", 0)
        // Nor is a test that moves more about than a player would.
        .set("store.account_rows_per_second", 10_000)
        .set("store.account_row_burst", 100_000)
        // Nor is a machine whose disk is nearly full.
        .set("store.disk_reserve_mib", 0)
    }

    /// Sets a key of the configuration.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.push((key.to_owned(), value.to_string()));
        self
    }

    /// Reads a file of the repository as configuration, below what this setup sets.
    #[must_use]
    pub fn layer(mut self, file: &str) -> Self {
        self.layers.push(repository().join(file));
        self
    }

    /// A copy of the shipped content of its own, in which the text `from` of `file` is replaced by `to`.
    ///
    /// # Panics
    /// When the file doesn't have that text, or can't be copied.
    #[must_use]
    pub fn edit_content(self, file: &str, from: &str, to: &str) -> Self {
        self.edited("config/content", file, from, to)
    }

    /// Instead of the shipped world, a small field with a harmless mouse in it, where everybody sees everybody.
    #[must_use]
    pub fn arena(self) -> Self {
        let content = repository().join("tests/arena");
        self.set("world.content", content.display())
    }

    /// As [`Self::arena`], with something else instead of `from` in one of its files.
    ///
    /// # Panics
    /// When the file has no such text.
    #[must_use]
    pub fn arena_with(self, file: &str, from: &str, to: &str) -> Self {
        self.edited("tests/arena", file, from, to)
    }

    /// A copy of `original` is the content, made with the first edit.
    fn edited(self, original: &str, file: &str, from: &str, to: &str) -> Self {
        let content = self.data_dir().join("content");
        let setup = if content.exists() {
            self
        } else {
            copy_directory(&repository().join(original), &content);
            self.set("world.content", content.display())
        };
        let file = content.join(file);
        let text = std::fs::read_to_string(&file).expect("the content has such a file");
        assert!(text.contains(from), "{} has no {from:?}", file.display());
        std::fs::write(&file, text.replace(from, to)).expect("the copy is ours");
        setup
    }

    /// Listens on this address.
    #[must_use]
    pub fn listen(mut self, address: impl ToString) -> Self {
        self.listen = address.to_string();
        self
    }

    /// Keeps the data here instead of in a fresh directory.
    #[must_use]
    pub fn data_at(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data = Some(directory.into());
        self
    }

    /// Keeps the world in this engine. PostgreSQL is one that all tests of this process share, with a database of this
    /// setup's own.
    ///
    /// # Panics
    /// When there is no PostgreSQL here.
    #[must_use]
    pub fn store(self, engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => self,
            Engine::Postgres => {
                let shared = private_postgres::Server::shared().expect("PostgreSQL runs");
                self.postgres(shared)
            }
        }
    }

    /// Keeps the world in a new database of this PostgreSQL.
    ///
    /// # Panics
    /// When it doesn't run.
    #[must_use]
    pub fn postgres(self, server: &private_postgres::Server) -> Self {
        self.postgres_at(&server.create_database().expect("PostgreSQL runs"))
    }

    /// Keeps the world in this database.
    #[must_use]
    pub fn postgres_at(mut self, database: &private_postgres::Database) -> Self {
        self.postgres = Some(database.url.clone());
        self.set("store.url", &database.url)
    }

    /// Starts the process with this limit of descriptors, soft and hard.
    #[must_use]
    pub fn descriptors(self, limit: u64) -> Self {
        let script = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
        self.through(["sh", "-c", &script])
    }

    /// Lets this program start the server, whose command line follows its own. It must become the server, not stay
    /// before it, so that signals go where they should.
    #[must_use]
    pub fn through(mut self, launcher: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.launcher = launcher.into_iter().map(Into::into).collect();
        self
    }

    /// Starts the test build instead, which fails as it is told.
    #[must_use]
    pub fn breakable(mut self) -> (Self, Failpoints) {
        let failpoints = Failpoints::at(self.directory.path().join("failpoints"));
        self.failpoints = Some(failpoints.clone());
        (self, failpoints)
    }

    /// Where its data lies; the directory lives as long as this setup or a server of it.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.data.as_deref().unwrap_or_else(|| self.directory.path())
    }

    /// Its configuration file, which is empty until a test writes something else; flags win over it.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.directory.path().join("test.toml")
    }

    /// Its database, when that is a file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data_dir().join("realmbeat.sqlite3")
    }

    /// Its database, whatever engine that is.
    #[must_use]
    pub fn location(&self) -> Location {
        match &self.postgres {
            None => Location::Sqlite(self.database()),
            Some(url) => Location::Postgres(url.clone()),
        }
    }

    /// The command line of the server with this configuration; add flags and sub-commands to it.
    #[must_use]
    pub fn command(&self) -> Command {
        let binary = binary(match self.failpoints {
            None => "realmbeat-server",
            Some(_) => "realmbeat-server-failpoints",
        });
        let mut command = match self.launcher.split_first() {
            None => Command::new(binary),
            Some((launcher, arguments)) => {
                let mut command = Command::new(launcher);
                command.args(arguments).arg(binary);
                command
            }
        };
        if let Some(failpoints) = &self.failpoints {
            command.env(server::failpoints::VARIABLE, failpoints.file());
        }
        let config = self.configuration();
        std::fs::write(&config, "").expect("the test's directory takes files");
        for file in [&config].into_iter().chain(&self.layers) {
            command.arg("--config").arg(file);
        }
        command.arg("--listen").arg(&self.listen);
        command.arg("--data-dir").arg(self.data_dir());
        for (key, value) in &self.settings {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        command
    }

    /// Runs a sub-command, such as `audit`, to its end.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().expect("the server binary starts")
    }

    /// Starts the server and waits for its ready line.
    ///
    /// # Panics
    /// When it ends instead; the message has its log.
    #[must_use]
    pub fn start(&self) -> ServerProcess {
        self.try_start().unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// As [`Self::start`], for those who can go on without it.
    ///
    /// # Errors
    /// When it ends instead, or isn't ready in time; what it logged is in the text.
    ///
    /// # Panics
    /// When the binary can't be started.
    pub fn try_start(&self) -> Result<ServerProcess, String> {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server binary starts");
        let log = Log::default();
        let errors = child.stderr.take().expect("it is piped");
        let logging = Some(log.follow(errors));
        let line = first_line(child.stdout.take().expect("it is piped")).recv_timeout(PATIENCE);
        let line = line.unwrap_or_default();
        let address = line.trim().strip_prefix("realmbeat-server ready on ");
        let address: Option<SocketAddr> = address.and_then(|address| address.parse().ok());
        let mut server = ServerProcess {
            child,
            address: address.unwrap_or(NOWHERE),
            log,
            logging,
            _directory: Arc::clone(&self.directory),
        };
        if address.is_none() {
            server.kill();
            return Err(format!("the server isn't ready: {line:?}\n{}", server.log.text()));
        }
        Ok(server)
    }
}

/// The first line of a program's output, once it is there.
fn first_line(output: ChildStdout) -> Receiver<String> {
    let (say, said) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(output).read_line(&mut line);
        // Nobody waits any more for one that comes too late.
        let _ = say.send(line);
    });
    said
}

/// A running server. Dropped, it is killed.
pub struct ServerProcess {
    child: Child,
    /// Where clients connect.
    pub address: SocketAddr,
    /// What it logs.
    pub log: Log,
    /// Reads the log.
    logging: Option<JoinHandle<()>>,
    _directory: Arc<TempDir>,
}

impl ServerProcess {
    /// Sends a signal.
    ///
    /// # Panics
    /// When it is gone already.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the server runs");
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits until it is gone and its log complete.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(self.logging.take().map(JoinHandle::join));
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// SIGTERM, and waits for its end.
    ///
    /// # Panics
    /// When it doesn't end in time.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it doesn't come in time.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status,
                Ok(None) if Instant::now() < deadline => std::thread::yield_now(),
                Ok(None) => panic!("the server doesn't end\n{}", self.log.text()),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Descriptors that it has open.
    ///
    /// # Panics
    /// When it is gone.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).expect("the server runs").count()
    }

    /// Processor time that it has used.
    ///
    /// # Panics
    /// When it is gone.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("the server runs");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks =
            |field: usize| fields.get(field).and_then(|text| text.parse().ok()).unwrap_or(0);
        let jiffies: u64 = ticks(11) + ticks(12);
        Duration::from_millis(jiffies * 1000 / rustix::param::clock_ticks_per_second())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The log of a process, as far as it has come.
#[derive(Clone, Default)]
pub struct Log(Arc<(Mutex<String>, Condvar)>);

impl Log {
    fn follow(&self, source: impl std::io::Read + Send + 'static) -> JoinHandle<()> {
        let log = self.clone();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(source);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let (text, changed) = &*log.0;
                let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = write!(text, "{}", String::from_utf8_lossy(&line));
                changed.notify_all();
                line.clear();
            }
            let _ = lines.read(&mut []);
        })
    }

    /// All of it.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the log contains `what`.
    ///
    /// # Panics
    /// When it doesn't come in time.
    pub fn wait_for(&self, what: &str) {
        let (text, changed) = &*self.0;
        let text = text.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(text, PATIENCE, |text| !text.contains(what));
        let (text, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "no {what:?} in the log:\n{text}");
    }
}

/// Copies the files of a directory and those below it.
///
/// # Panics
/// When something can't be read or written.
pub fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory can be made");
    for entry in std::fs::read_dir(from).expect("the directory is there") {
        let entry = entry.expect("the directory can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// A binary of the workspace, built with this program: a test of the whole workspace builds it; a test of this package
/// alone finds what was built last.
///
/// # Panics
/// When it was never built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a program is a file");
    // Tests lie in target/PROFILE/deps, programs in target/PROFILE.
    let mut folders = own.ancestors().skip(1).take(2);
    let found = folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.exists()));
    found.unwrap_or_else(|| panic!("{name} isn't built: cargo xtask test --only build"))
}
