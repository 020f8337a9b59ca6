//! What a tick changed, row by row. The rules were decided in the game; here a change that doesn't fit what is
//! stored is a bug, and ends the process before it can spread.

use game::record::{Change, Commit, ItemRecord, OpId, Operation, Owner, Work};
use game::record::{CharacterSave, GmEntry};
use game::{CharacterId, ItemId};
use rusqlite::OptionalExtension;

use crate::store::Answer;
use crate::store::error::EngineError;

use super::rows::{self, owner_columns, signed};
use super::writer::Batch;

/// Why and when something enters the ledger.
pub(super) struct Deed<'a> {
    pub(super) op: OpId,
    pub(super) tick: Option<u64>,
    pub(super) cause: &'a str,
    pub(super) actor: CharacterId,
}

impl Batch<'_> {
    /// A whole commit, unless it was applied before.
    pub(super) fn commit(&mut self, commit: &Commit) -> Result<Answer, EngineError> {
        let (seq, mark) = (commit.seq.0, self.marks.commits);
        if seq > mark {
            if seq != mark + 1 {
                return Err(EngineError::Fatal(format!(
                    "commit {seq} came after commit {mark}: those between are lost"
                )));
            }
            self.apply_commit(commit).map_err(|problem| {
                problem.at(format_args!("commit {seq} of tick {}", commit.tick))
            })?;
            self.marks.commits = seq;
        }
        Ok(Answer::Durable(commit.seq))
    }

    fn apply_commit(&mut self, commit: &Commit) -> Result<(), EngineError> {
        for operation in &commit.operations {
            self.operation(operation, commit.tick).map_err(|problem| {
                let OpId { epoch, sequence } = operation.id;
                problem.at(format_args!("operation {epoch}/{sequence} ({})", operation.cause))
            })?;
        }
        for save in &commit.characters {
            self.save(save, commit.tick)
                .map_err(|problem| problem.at(format_args!("character {}", save.character)))?;
        }
        for entry in &commit.gm_log {
            self.log(entry, commit.tick)?;
        }
        Ok(())
    }

    /// All changes of an operation, unless they were applied before.
    fn operation(&mut self, operation: &Operation, tick: u64) -> Result<(), EngineError> {
        let op = operation.id;
        if op.epoch != self.epoch {
            return Err(EngineError::Fatal(format!("this start's epoch is {}", self.epoch)));
        }
        if op.sequence <= self.marks.operations {
            return Ok(());
        }
        let deed = Deed { op, tick: Some(tick), cause: &operation.cause, actor: operation.actor };
        let Work::Done(changes) = &operation.work else {
            return Err(EngineError::Fatal("no shared operations here yet".to_owned()));
        };
        for change in changes {
            match change {
                Change::Create(item) => self.create(item, &deed),
                Change::Move { item, from, to, slot } => {
                    self.move_item(*item, from, to, *slot, &deed)
                }
                Change::Destroy { item, from } => self.destroy(*item, from, &deed),
                Change::Split { .. } | Change::Merge { .. } | Change::Gold { .. } => {
                    Err(EngineError::Fatal("not written here yet".to_owned()))
                }
            }?;
        }
        self.marks.operations = op.sequence;
        Ok(())
    }

    fn create(&self, item: &ItemRecord, deed: &Deed<'_>) -> Result<(), EngineError> {
        let (character, zone, x, y) = owner_columns(&item.owner)?;
        self.transaction
            .prepare_cached(
                "INSERT INTO items (id, owner_character, owner_zone, x, y, slot, template, quantity) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute((
                signed(item.id.0)?,
                character,
                zone,
                x,
                y,
                item.slot,
                &item.template,
                item.quantity,
            ))
            .map_err(|problem| EngineError::from(problem).at(format_args!("item {}", item.id)))?;
        self.record(item, None, Some(&item.owner), deed)
    }

    fn move_item(
        &self,
        item: ItemId,
        from: &Owner,
        to: &Owner,
        slot: u32,
        deed: &Deed<'_>,
    ) -> Result<(), EngineError> {
        let mut row = self.owned(item, from)?;
        row.slot = slot;
        let (character, zone, x, y) = owner_columns(to)?;
        self.transaction
            .prepare_cached(
                "UPDATE items SET owner_character = ?2, owner_zone = ?3, x = ?4, y = ?5, slot = ?6 WHERE id = ?1",
            )?
            .execute((signed(item.0)?, character, zone, x, y, slot))
            .map_err(|problem| EngineError::from(problem).at(format_args!("item {item}")))?;
        self.record(&row, Some(from), Some(to), deed)
    }

    /// Takes an item out of the world.
    pub(super) fn destroy(
        &self,
        item: ItemId,
        from: &Owner,
        deed: &Deed<'_>,
    ) -> Result<(), EngineError> {
        let row = self.owned(item, from)?;
        self.transaction
            .prepare_cached("DELETE FROM items WHERE id = ?1")?
            .execute([signed(item.0)?])?;
        self.record(&row, Some(from), None, deed)
    }

    /// The item, if it is there and `owner` has it: else memory and disk disagree about who owns what.
    fn owned(&self, item: ItemId, owner: &Owner) -> Result<ItemRecord, EngineError> {
        let row = self
            .transaction
            .prepare_cached(&rows::select_items("id = ?1"))?
            .query_row([signed(item.0)?], rows::item)
            .optional()?;
        match row {
            Some(row) if row.owner == *owner => Ok(row),
            Some(row) => Err(EngineError::Fatal(format!(
                "item {item} belongs to {:?}, not to {owner:?}",
                row.owner
            ))),
            None => Err(EngineError::Fatal(format!("item {item} isn't in the world"))),
        }
    }

    fn record(
        &self,
        item: &ItemRecord,
        from: Option<&Owner>,
        to: Option<&Owner>,
        deed: &Deed<'_>,
    ) -> Result<(), EngineError> {
        const NOBODY: rows::OwnerColumns<'_> = (None, None, None, None);
        let quantity = i64::from(item.quantity);
        let (kind, change) = match (from, to) {
            (None, _) => ("create", quantity),
            (Some(_), None) => ("destroy", -quantity),
            (Some(_), Some(_)) => ("move", 0),
        };
        let from = from.map_or(Ok(NOBODY), owner_columns)?;
        let to = to.map_or(Ok(NOBODY), owner_columns)?;
        self.transaction
            .prepare_cached(
                "INSERT INTO ledger (epoch, sequence, tick, at_ms, cause, actor, kind, change, item, \
                 from_character, from_zone, from_x, from_y, to_character, to_zone, to_x, to_y, \
                 slot, template, quantity) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
            )?
            .execute(rusqlite::params![
                signed(deed.op.epoch)?,
                signed(deed.op.sequence)?,
                deed.tick.map(signed).transpose()?,
                self.now_ms,
                deed.cause,
                signed(deed.actor.0)?,
                kind,
                change,
                signed(item.id.0)?,
                from.0,
                from.1,
                from.2,
                from.3,
                to.0,
                to.1,
                to.2,
                to.3,
                item.slot,
                item.template,
                item.quantity,
            ])?;
        Ok(())
    }

    fn save(&self, save: &CharacterSave, tick: u64) -> Result<(), EngineError> {
        let character = signed(save.character.0)?;
        let place = &save.place;
        let found = self
            .transaction
            .prepare_cached(
                "UPDATE characters SET zone = ?2, x = ?3, y = ?4, heading = ?5, \
                 saved_epoch = ?6, saved_tick = ?7, saved_ms = ?8 WHERE id = ?1",
            )?
            .execute((
                character,
                place.zone.as_str(),
                place.x,
                place.y,
                place.heading,
                signed(self.epoch)?,
                signed(tick)?,
                self.now_ms,
            ))?;
        if found == 0 {
            return Err(EngineError::Fatal("there is no such character".to_owned()));
        }
        let mut upsert = self.transaction.prepare_cached(
            "INSERT INTO character_modules (character, module, version, bytes) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (character, module) DO UPDATE SET version = excluded.version, bytes = excluded.bytes",
        )?;
        for (module, saved) in &save.modules {
            upsert.execute((character, module, saved.version, &saved.bytes))?;
        }
        Ok(())
    }

    fn log(&self, entry: &GmEntry, tick: u64) -> Result<(), EngineError> {
        self.transaction
            .prepare_cached(
                "INSERT INTO gm_log (epoch, tick, at_ms, actor, line, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                signed(self.epoch)?,
                signed(tick)?,
                self.now_ms,
                signed(entry.actor.0)?,
                &entry.line,
                &entry.outcome,
            ))?;
        Ok(())
    }
}
