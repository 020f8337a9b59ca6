//! What the other tests stand on: a database of its own for each, and commits to fill it with.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use game::record::{
    Change, CharacterRecord, CharacterSave, Commit, Denied, Granted, ItemRecord, MailRecord, OpId,
    Operation, Owner, Page, Pages, Place, SharedRequest, Work,
};
use game::{AccountId, CharacterId, CommitSeq, ItemId, ZoneName};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::auth::Secret;
use crate::store::engine::Opened;
use crate::store::{
    Answer, AuditReport, Claim, LedgerEntry, Location, Read, Store, StoreSettings, Ticket, Write,
    audit, engines, item_history,
};

/// An end to waiting for an answer that doesn't come: the test fails then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a test of each of these functions for each database.
macro_rules! on_every_engine {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[test]
                fn $test() {
                    super::$test(&$crate::store::tests::world::Home::sqlite());
                }
            )*
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            $(
                #[test]
                fn $test() {
                    super::$test(&$crate::store::tests::world::Home::postgres());
                }
            )*
        }
    };
}
pub(super) use on_every_engine;

/// Where a test's database lies, which goes with it. Nothing but this knows which engine it is.
pub(super) enum Home {
    Sqlite(TempDir),
    #[cfg(feature = "postgres")]
    Postgres(private_postgres::Database),
}

impl Home {
    pub(super) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// In the server that all tests of this process share.
    #[cfg(feature = "postgres")]
    pub(super) fn postgres() -> Self {
        Self::Postgres(private_postgres::Server::shared().unwrap().create_database().unwrap())
    }

    /// An empty one of the same kind.
    pub(super) fn another(&self) -> Self {
        match self {
            Self::Sqlite(_) => Self::sqlite(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Self::postgres(),
        }
    }

    pub(super) fn location(&self) -> Location {
        match self {
            Self::Sqlite(directory) => path(directory).into(),
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => {
                Location::Postgres(crate::store::PostgresUrl::new(&database.url).unwrap())
            }
        }
    }

    pub(super) fn settings(&self) -> StoreSettings {
        StoreSettings::new(self.location(), 1)
    }

    /// The database without threads in front of it.
    pub(super) fn engine(&self) -> Opened {
        engines::open(&self.settings()).unwrap()
    }

    pub(super) fn open(&self) -> World {
        World::open(self.settings())
    }

    pub(super) fn audit(&self) -> AuditReport {
        audit(&self.location()).unwrap()
    }

    pub(super) fn history(&self, item: ItemId) -> Vec<LedgerEntry> {
        item_history(&self.location(), item).unwrap().entries
    }

    /// Runs SQL behind the store's back.
    pub(super) fn run(&self, sql: &str) {
        match self {
            Self::Sqlite(directory) => {
                Connection::open(path(directory)).unwrap().execute_batch(sql).unwrap();
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => {
                private_postgres::Server::shared().unwrap().sql(&database.name, sql).unwrap();
            }
        }
    }

    /// Rows of a table for which the condition holds.
    pub(super) fn count(&self, table: &str, condition: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE {condition}");
        match self {
            Self::Sqlite(directory) => {
                let connection = Connection::open(path(directory)).unwrap();
                connection.query_row(&sql, [], |row| row.get(0)).unwrap()
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => {
                let server = private_postgres::Server::shared().unwrap();
                server.sql(&database.name, &sql).unwrap().parse().unwrap()
            }
        }
    }
}

/// Item ids that each start reserves: more than any test makes.
pub(super) const RESERVED: u64 = 1 << 20;

/// A store with everything around it.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) claim: Claim,
    woken: Receiver<()>,
    sequence: u64,
    seq: u64,
}

pub(super) fn settings(directory: &TempDir) -> StoreSettings {
    StoreSettings::new(path(directory), 1)
}

pub(super) fn path(directory: &TempDir) -> PathBuf {
    directory.path().join("world.db")
}

impl World {
    pub(super) fn open(settings: StoreSettings) -> Self {
        let (wake, woken) = mpsc::channel();
        let (store, claim) = Store::open(settings, move || {
            let _ = wake.send(());
        })
        .unwrap();
        let mut world = Self { store, claim, woken, sequence: 0, seq: 0 };
        world.write(Write::ReserveItemIds { count: RESERVED });
        world
    }

    /// Waits for the next answer.
    pub(super) fn answer(&mut self) -> Answer {
        loop {
            if let Some(answer) = self.store.poll() {
                return answer;
            }
            self.woken.recv_timeout(PATIENCE).unwrap();
        }
    }

    /// A write and its answer.
    pub(super) fn write(&mut self, write: Write) -> Answer {
        self.store.submit(write).unwrap();
        self.answer()
    }

    /// A read and its answer.
    pub(super) fn read(&mut self, read: Read) -> Answer {
        self.store.ask(read).unwrap();
        self.answer()
    }

    pub(super) fn account(&mut self, name: &str) -> AccountId {
        let answer = self.write(register(name));
        let Answer::Registered { account, .. } = answer else {
            panic!("{answer:?}");
        };
        account.unwrap().id
    }

    /// A new account and a character of the same name.
    pub(super) fn character(&mut self, name: &str) -> (AccountId, CharacterId) {
        let account = self.account(name);
        let answer = self.write(create(account, name));
        let Answer::CharacterCreated { result, .. } = answer else {
            panic!("{answer:?}");
        };
        (account, result.unwrap().id)
    }

    /// The next operation of this start.
    pub(super) fn operation(&mut self, actor: CharacterId, changes: Vec<Change>) -> Operation {
        self.work(actor, Work::Done(changes))
    }

    /// The same, whoever decides about it.
    pub(super) fn work(&mut self, actor: CharacterId, work: Work) -> Operation {
        self.sequence += 1;
        let id = OpId { epoch: self.claim.epoch, sequence: self.sequence };
        Operation { id, cause: "test".to_owned(), actor, work }
    }

    /// Asks the database to decide, in a commit of its own.
    pub(super) fn ask(
        &mut self,
        actor: CharacterId,
        request: SharedRequest,
    ) -> Result<Granted, Denied> {
        let operation = self.work(actor, Work::Asked(request));
        let commit = self.commit(vec![operation]);
        let seq = commit.seq;
        let answer = self.write(write(commit));
        let Answer::Decided(decision) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(self.answer(), Answer::Durable(seq));
        decision.outcome
    }

    /// Everything of a character.
    pub(super) fn load(&mut self, account: AccountId, character: CharacterId) -> CharacterRecord {
        let ticket = Ticket(5);
        let answer = self.read(Read::Character { ticket, account, character });
        let Answer::Character { character: Some(record), .. } = answer else {
            panic!("{answer:?}");
        };
        *record
    }

    /// The letters to a character.
    pub(super) fn mailbox(&mut self, character: CharacterId) -> Vec<MailRecord> {
        let answer = self.read(Read::Mailbox { character, request: 7 });
        let Answer::Mailbox { mails, request: 7, .. } = answer else {
            panic!("{answer:?}");
        };
        mails
    }

    /// The next commit of this start.
    pub(super) fn commit(&mut self, operations: Vec<Operation>) -> Commit {
        self.seq += 1;
        Commit {
            seq: CommitSeq(self.seq),
            tick: self.seq * 10,
            operations,
            characters: Vec::new(),
            gm_log: Vec::new(),
        }
    }

    /// Submits one operation in a commit of its own.
    pub(super) fn submit(&mut self, actor: CharacterId, changes: Vec<Change>) -> CommitSeq {
        let operation = self.operation(actor, changes);
        let commit = self.commit(vec![operation]);
        let seq = commit.seq;
        self.store.submit(write(commit)).unwrap();
        seq
    }

    /// The same, until it is durable.
    pub(super) fn settle(&mut self, actor: CharacterId, changes: Vec<Change>) {
        let seq = self.submit(actor, changes);
        assert_eq!(self.answer(), Answer::Durable(seq));
    }
}

pub(super) fn write(commit: Commit) -> Write {
    Write::Commit(Box::new(commit))
}

pub(super) fn register(name: &str) -> Write {
    Write::Register {
        ticket: Ticket(1),
        name: name.to_owned(),
        password_hash: Secret::new("hash".to_owned()),
    }
}

pub(super) fn create(account: AccountId, name: &str) -> Write {
    Write::CreateCharacter { ticket: Ticket(2), account, name: name.to_owned(), limit: 3 }
}

pub(super) fn item(id: u64, owner: Owner) -> ItemRecord {
    ItemRecord { id: ItemId(id), owner, slot: 0, template: "iron ore".to_owned(), quantity: 5 }
}

pub(super) fn ground(x: i32) -> Owner {
    Owner::Ground { zone: ZoneName::new("meadow"), x, y: -7 }
}

pub(super) fn save(character: CharacterId, x: i32, level: u8) -> CharacterSave {
    let page = Page { module: "combat", version: 1, bytes: &[level; 200] };
    CharacterSave {
        character,
        place: Place { zone: ZoneName::new("meadow"), x, y: 2, heading: 65_535 },
        modules: Pages::from_iter([page]),
    }
}
