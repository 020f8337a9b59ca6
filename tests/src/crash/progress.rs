//! How far characters were told that they have come, against what of it was saved.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use game::modules::progress::Record;
use game::record::Saved;
use protocol::v1::ServerPacket;
use protocol::v1::server_packet::Body;

use super::history::History;
use crate::database::Database;

const RECORDS: &str =
    "SELECT character, version, bytes FROM character_modules WHERE module = 'progress'";

/// What a client was told of its character's progress.
#[derive(Debug, Default)]
pub(super) struct Diary {
    pub(super) name: String,
    pub(super) character: u64,
    /// Of the last view.
    tick: u64,
    told: Vec<Page>,
}

/// At a tick.
#[derive(Debug, Clone, Copy)]
struct Page {
    tick: u64,
    experience: u64,
    earned: u64,
}

/// What the database has of everybody's progress, by character.
pub(super) struct Records(BTreeMap<u64, Record>);

impl Diary {
    pub(super) fn of(name: String, character: u64) -> Self {
        Self { name, character, ..Self::default() }
    }

    /// Looks at a packet.
    pub(super) fn read(&mut self, packet: &ServerPacket) {
        match &packet.body {
            Some(Body::View(view)) => self.tick = view.tick,
            Some(Body::Progress(progress)) => self.told.push(Page {
                tick: self.tick,
                experience: progress.experience,
                earned: progress.earned,
            }),
            _ => {}
        }
    }

    /// How often it was told how far the character has come.
    pub(super) fn pages(&self) -> u64 {
        self.told.len() as u64
    }

    /// How many ticks of progress are gone: from when the first thing was told that wasn't saved to the end. 0 when all
    /// was saved.
    fn age(&self, saved: &Record) -> u64 {
        let lost = |page: &&Page| page.experience > saved.experience || page.earned > saved.earned;
        self.told.iter().find(lost).map_or(0, |page| self.tick.saturating_sub(page.tick))
    }
}

impl Records {
    /// Reads all of them.
    pub(super) fn read(database: &mut Database) -> Result<Self> {
        let mut records = BTreeMap::new();
        for row in database.rows(RECORDS)? {
            let saved =
                Saved { version: row.number(1)?.try_into()?, bytes: row.bytes(2)?.to_vec() };
            let record = Record::read(&saved).context("progress of another version")?;
            records.insert(row.id(0)?, record);
        }
        Ok(Self(records))
    }

    /// The ticks that each of these lost, and whom the saved progress sets back further than `limit`.
    pub(super) fn ages(&self, diaries: &[Diary], limit: u64) -> (Vec<u64>, Vec<String>) {
        let age = |diary: &Diary| diary.age(&self.of(diary.character));
        let too_old = diaries.iter().filter(|diary| age(diary) > limit);
        let violations =
            too_old.map(|diary| format!("{} lost {} ticks of progress", diary.name, age(diary)));
        (diaries.iter().map(age).collect(), violations.collect())
    }

    /// Whose progress isn't that of the value that earned it: what shops paid, by the record and by the ledger.
    pub(super) fn apart(&self, history: &History) -> Vec<String> {
        let all: BTreeSet<u64> = self.0.keys().copied().chain(history.paid()).collect();
        let compare = |character: u64| {
            let (earned, paid) = (self.of(character).earned, history.earned(character));
            (earned != paid).then(|| {
                format!(
                    "character {character} has earned {earned}, by the ledger shops paid {paid}"
                )
            })
        };
        all.into_iter().filter_map(compare).collect()
    }

    fn of(&self, character: u64) -> Record {
        self.0.get(&character).copied().unwrap_or_default()
    }
}
