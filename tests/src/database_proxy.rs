//! Stands between a server and PostgreSQL. It cuts the connection around a COMMIT: before the database hears of it, or
//! when the database has done it and the server hasn't heard. To the server both look the same. It can also cut
//! everything off for a while.

mod wire;

use std::io::{self, BufReader, BufWriter, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};

use wire::Wire;

/// Connections at a time: a server has two, a sub-command one or two more. Others are refused.
const MOST_LINKS: usize = 16;

/// When the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The COMMIT never reaches the database, which rolls back.
    BeforeCommit,
    /// The database has committed; its answer never reaches the server.
    AfterCommit,
}

/// How often it has cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cuts {
    /// [`Cut::BeforeCommit`].
    pub before: usize,
    /// [`Cut::AfterCommit`].
    pub after: usize,
}

impl Cuts {
    /// Both.
    #[must_use]
    pub const fn all(self) -> usize {
        self.before + self.after
    }
}

/// A running proxy. Dropped, it closes all its connections.
pub struct DatabaseProxy {
    /// The database as it is reached through the proxy.
    pub url: String,
    address: SocketAddr,
    shared: Arc<Mutex<State>>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    /// What to do at which COMMIT from now on; 1 is the next.
    armed: Option<(Cut, u32)>,
    cuts: Cuts,
    links: Vec<Weak<Link>>,
    /// Nobody gets through.
    cut_off: bool,
    ended: bool,
}

/// A connection of the server and the one to the database that belongs to it.
struct Link {
    server: TcpStream,
    database: TcpStream,
    /// The next answer is that to a COMMIT, and is kept.
    withhold: AtomicBool,
    shared: Arc<Mutex<State>>,
}

impl DatabaseProxy {
    /// Stands before the database of this URL, on a free port.
    ///
    /// # Errors
    /// When the URL names no address, or no port is free.
    pub fn before(url: &str) -> Result<Self> {
        let (_, rest) = url.split_once('@').context("the URL has no user")?;
        let (target, _) = rest.split_once('/').context("the URL has no database")?;
        let database: SocketAddr = target.parse()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::<Mutex<State>>::default();
        let of_acceptor = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accept(&listener, database, &of_acceptor));
        let url = url.replace(target, &address.to_string());
        Ok(Self { url, address, shared, acceptor: Some(acceptor) })
    }

    /// Cuts once, at the `nth` COMMIT of a changing transaction from now on; 1 is the next.
    pub fn arm(&self, cut: Cut, nth: u32) {
        lock(&self.shared).armed = Some((cut, nth));
    }

    /// How often it has cut so far.
    #[must_use]
    pub fn cuts(&self) -> Cuts {
        lock(&self.shared).cuts
    }

    /// The database is out of reach from now on: connections break off, and new ones end at once.
    pub fn cut_off(&self) {
        let mut state = lock(&self.shared);
        state.cut_off = true;
        state.end_links();
    }

    /// The database is within reach again.
    pub fn restore(&self) {
        lock(&self.shared).cut_off = false;
    }
}

impl Drop for DatabaseProxy {
    fn drop(&mut self) {
        let mut state = lock(&self.shared);
        state.ended = true;
        state.end_links();
        drop(state);
        // Wakes the acceptor, which sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

impl State {
    fn end_links(&mut self) {
        for link in self.links.drain(..).filter_map(|link| link.upgrade()) {
            link.end();
        }
    }

    /// A changing transaction is about to commit. What to do to it, if its turn has come.
    fn commit_comes(&mut self) -> Option<Cut> {
        let (cut, nth) = self.armed.take()?;
        if nth <= 1 {
            return Some(cut);
        }
        self.armed = Some((cut, nth - 1));
        None
    }
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, database: SocketAddr, shared: &Arc<Mutex<State>>) {
    for server in listener.incoming().map_while(Result::ok) {
        let mut state = lock(shared);
        if state.ended {
            return;
        }
        state.links.retain(|link| link.strong_count() > 0);
        if state.cut_off || state.links.len() >= MOST_LINKS {
            continue;
        }
        // A database that isn't there looks through the proxy like one that hangs up.
        let Ok(database) = TcpStream::connect(database) else {
            continue;
        };
        let withhold = AtomicBool::new(false);
        let link = Arc::new(Link { server, database, withhold, shared: Arc::clone(shared) });
        state.links.push(Arc::downgrade(&link));
        let back = Arc::clone(&link);
        thread::spawn(move || link.carry(Link::requests));
        thread::spawn(move || back.carry(Link::answers));
    }
}

impl Link {
    /// Until one side ends; then both have.
    fn carry(&self, way: impl FnOnce(&Self) -> io::Result<()>) {
        // Whether a side hung up or broke off is the same to the other.
        let _ = way(self);
        self.end();
    }

    fn end(&self) {
        drop(self.server.shutdown(Shutdown::Both));
        drop(self.database.shutdown(Shutdown::Both));
    }

    fn requests(&self) -> io::Result<()> {
        self.database.set_nodelay(true)?;
        let mut from = Wire::of_client(BufReader::new(&self.server));
        let mut to = BufWriter::new(&self.database);
        let mut changes = false;
        while let Some(message) = from.next()? {
            match message.statement() {
                // The transactions that only look begin otherwise.
                Some(b"BEGIN") => changes = true,
                Some(b"COMMIT") if std::mem::take(&mut changes) => {
                    let cut = lock(&self.shared).commit_comes();
                    if cut == Some(Cut::BeforeCommit) {
                        lock(&self.shared).cuts.before += 1;
                        return Ok(());
                    }
                    self.withhold.store(cut.is_some(), Ordering::Release);
                }
                _ => {}
            }
            to.write_all(message.bytes())?;
            if from.is_drained() {
                to.flush()?;
            }
        }
        Ok(())
    }

    fn answers(&self) -> io::Result<()> {
        self.server.set_nodelay(true)?;
        let mut from = Wire::of_server(BufReader::new(&self.database));
        let mut to = BufWriter::new(&self.server);
        while let Some(message) = from.next()? {
            // Whoever commits has heard the answers to all before, so this is the one.
            if message.ends_statement()
                && self.withhold.swap(false, Ordering::AcqRel)
                && message.says_committed()
            {
                lock(&self.shared).cuts.after += 1;
                return Ok(());
            }
            to.write_all(message.bytes())?;
            if from.is_drained() {
                to.flush()?;
            }
        }
        Ok(())
    }
}
