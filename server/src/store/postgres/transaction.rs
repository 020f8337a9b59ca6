//! What a batch reads and writes, each kind of row in one statement however many there are: a round trip over the
//! network costs more than a hundred rows.

use game::record::{CharacterSave, GmEntry, ItemRecord, OpId, Owner};
use game::{AccountId, CharacterId, ItemId, MailId};
use tokio_postgres::Row;

use crate::store::engine::{Counter, MailHead, Marks, NewMail, Transaction, check_epoch, lost};
use crate::store::error::EngineError;
use crate::store::ledger::Total;
use crate::store::{AccountRow, CharacterRow, LedgerEntry};

use super::columns::{Entries, Items, Modules, Places};
use super::failure::of_commit;
use super::folding;
use super::lookup::{account, character_row};
use super::rows::{self, get, ledger_columns, possible, select_items, signed, text, unsigned};
use super::session::{Session, Value};

/// A transaction of the connection that changes the world. Rolled back when it is dropped.
pub(in crate::store) struct PostgresTransaction<'a> {
    session: &'a mut Session,
    node: u16,
    epoch: i64,
    /// As they were when it began.
    marks: Marks,
    /// What PostgreSQL does with a COMMIT after a failed statement is a rollback, without an error.
    failed: bool,
    open: bool,
}

impl<'a> PostgresTransaction<'a> {
    /// Begins one, unless another server has claimed the database.
    pub(super) fn begin(
        session: &'a mut Session,
        node: u16,
        epoch: u64,
    ) -> Result<Self, EngineError> {
        // Both rows are locked: a claim waits for us, and what our own lost connection left running is waited for.
        const FENCE: &str = "SELECT value, batch, commits, operations, answers FROM meta, epochs \
                             WHERE key = 'epoch' AND epoch = $1 FOR SHARE OF meta FOR NO KEY UPDATE OF epochs";
        let own = signed(epoch)?;
        let marks = Marks::default();
        let mut begun = Self { session, node, epoch: own, marks, failed: false, open: true };
        let rows = begun.session.begin("BEGIN", FENCE, &[&own])?;
        let Some(row) = rows.first() else {
            return Err(lost(format!("epoch {epoch}, which is this start's, isn't in it")));
        };
        check_epoch(epoch, unsigned(row, 0)?)?;
        begun.marks = Marks {
            batch: unsigned(row, 1)?,
            commits: unsigned(row, 2)?,
            operations: unsigned(row, 3)?,
            answers: get(row, 4)?,
        };
        Ok(begun)
    }

    pub(super) fn execute(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, EngineError> {
        let outcome = self.session.execute(sql, values);
        self.failed |= outcome.is_err();
        Ok(outcome?)
    }

    /// The rows, each made into what it stands for.
    pub(super) fn query<T>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl Fn(&Row) -> Result<T, EngineError>,
    ) -> Result<Vec<T>, EngineError> {
        let outcome = self.session.query(sql, values);
        self.failed |= outcome.is_err();
        outcome?.iter().map(read).collect()
    }

    fn find<T>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl Fn(&Row) -> Result<T, EngineError>,
    ) -> Result<Option<T>, EngineError> {
        Ok(self.query(sql, values, read)?.into_iter().next())
    }

    fn save_modules<'s>(
        &mut self,
        saves: impl Iterator<Item = &'s CharacterSave>,
    ) -> Result<(), EngineError> {
        let rows = Modules::of(saves)?;
        if rows.character.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO character_modules (character, module, version, bytes) \
                   SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[]) \
                   ON CONFLICT (character, module) DO UPDATE SET version = excluded.version, bytes = excluded.bytes";
        self.execute(sql, &[&rows.character, &rows.module, &rows.version, &rows.bytes]).map(drop)
    }
}

impl Drop for PostgresTransaction<'_> {
    fn drop(&mut self) {
        if self.open && self.session.is_usable() {
            // One that can't be rolled back ends with its connection.
            let _ = self.session.run("ROLLBACK");
        }
    }
}

impl Transaction for PostgresTransaction<'_> {
    fn marks(&mut self) -> Result<Marks, EngineError> {
        Ok(self.marks.clone())
    }

    fn set_marks(&mut self, marks: &Marks) -> Result<(), EngineError> {
        let (batch, commits) = (signed(marks.batch)?, signed(marks.commits)?);
        let operations = signed(marks.operations)?;
        let epoch = self.epoch;
        self.execute(
            "UPDATE epochs SET batch = $2, commits = $3, operations = $4, answers = $5 WHERE epoch = $1",
            &[&epoch, &batch, &commits, &operations, &marks.answers],
        )?;
        self.marks.clone_from(marks);
        Ok(())
    }

    fn take_ids(&mut self, counter: Counter, count: u64) -> Result<u64, EngineError> {
        let sql = "UPDATE meta SET value = value + $2 WHERE key = $1 RETURNING value - $2";
        let first = self
            .find(sql, &[&counter.key(), &signed(count)?], |row| unsigned(row, 0))
            .map_err(|problem| problem.at(counter.key()))?;
        let first: u64 =
            first.ok_or_else(|| EngineError::Fatal(format!("{} isn't there", counter.key())))?;
        Ok(Counter::id(self.node, first))
    }

    fn noted(&mut self, key: &'static str) -> Result<Option<u64>, EngineError> {
        self.find("SELECT value FROM meta WHERE key = $1", &[&key], |row| unsigned(row, 0))
    }

    fn note(&mut self, key: &'static str, value: u64) -> Result<(), EngineError> {
        let sql = "INSERT INTO meta (key, value) VALUES ($1, $2) \
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.execute(sql, &[&key, &signed(value)?]).map(drop)
    }

    fn items(&mut self, ids: &[ItemId]) -> Result<Vec<ItemRecord>, EngineError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = possible(ids.iter().map(|id| id.0));
        self.query(select_items!("FROM items WHERE id = ANY($1)"), &[&ids], rows::item)
    }

    fn items_of(&mut self, owner: &Owner) -> Result<Vec<ItemRecord>, EngineError> {
        match owner {
            Owner::Character(character) => self.query(
                select_items!("FROM items WHERE owner_character = $1 ORDER BY id"),
                &[&signed(character.0)?],
                rows::item,
            ),
            Owner::Mail(mail) => self.query(
                select_items!("FROM items WHERE owner_mail = $1 ORDER BY id"),
                &[&signed(mail.0)?],
                rows::item,
            ),
            Owner::Ground { zone, x, y } => self.query(
                select_items!("FROM items WHERE owner_zone = $1 AND x = $2 AND y = $3 ORDER BY id"),
                &[&text(zone.as_str()), x, y],
                rows::item,
            ),
        }
    }

    fn put_items(&mut self, items: &[ItemRecord]) -> Result<(), EngineError> {
        if items.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO items (id, owner_character, owner_zone, owner_mail, x, y, slot, template, quantity) \
                   SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::integer[], \
                   $6::integer[], $7::bigint[], $8::text[], $9::bigint[]) \
                   ON CONFLICT (id) DO UPDATE SET owner_character = excluded.owner_character, \
                   owner_zone = excluded.owner_zone, owner_mail = excluded.owner_mail, x = excluded.x, y = excluded.y, \
                   slot = excluded.slot, template = excluded.template, quantity = excluded.quantity";
        self.execute(sql, &Items::of(items)?.values()).map(drop)
    }

    fn remove_items(&mut self, ids: &[ItemId]) -> Result<(), EngineError> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids = possible(ids.iter().map(|id| id.0));
        self.execute("DELETE FROM items WHERE id = ANY($1)", &[&ids]).map(drop)
    }

    fn purses(&mut self, ids: &[CharacterId]) -> Result<Vec<(CharacterId, u64)>, EngineError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = possible(ids.iter().map(|id| id.0));
        self.query("SELECT id, gold FROM characters WHERE id = ANY($1)", &[&ids], |row| {
            Ok((CharacterId(unsigned(row, 0)?), unsigned(row, 1)?))
        })
    }

    fn set_purses(&mut self, purses: &[(CharacterId, u64)]) -> Result<(), EngineError> {
        if purses.is_empty() {
            return Ok(());
        }
        let ids = possible(purses.iter().map(|(id, _)| id.0));
        let gold = purses.iter().map(|(_, gold)| signed(*gold)).collect::<Result<Vec<_>, _>>()?;
        let sql = "UPDATE characters SET gold = purses.gold \
                   FROM unnest($1::bigint[], $2::bigint[]) AS purses (id, gold) WHERE characters.id = purses.id";
        self.execute(sql, &[&ids, &gold]).map(drop)
    }

    fn append(&mut self, entries: &[LedgerEntry]) -> Result<(), EngineError> {
        if entries.is_empty() {
            return Ok(());
        }
        // Places are given in the order in which the sorted rows come.
        let sql = "INSERT INTO ledger (epoch, sequence, tick, at_ms, cause, actor, kind, item, from_character, \
                   from_zone, from_mail, from_x, from_y, to_character, to_zone, to_mail, to_x, to_y, slot, template, \
                   quantity, change) \
                   SELECT epoch, sequence, tick, at_ms, cause, actor, kind, item, from_character, from_zone, from_mail, \
                   from_x, from_y, to_character, to_zone, to_mail, to_x, to_y, slot, template, quantity, change \
                   FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], \
                   $7::text[], $8::bigint[], $9::bigint[], $10::text[], $11::bigint[], $12::integer[], $13::integer[], \
                   $14::bigint[], $15::text[], $16::bigint[], $17::integer[], $18::integer[], $19::bigint[], \
                   $20::text[], $21::bigint[], $22::bigint[]) WITH ORDINALITY \
                   AS entries (epoch, sequence, tick, at_ms, cause, actor, kind, item, from_character, from_zone, \
                   from_mail, from_x, from_y, to_character, to_zone, to_mail, to_x, to_y, slot, template, quantity, \
                   change, place) ORDER BY place";
        self.execute(sql, &Entries::of(entries)?.values()).map(drop)
    }

    fn save(
        &mut self,
        saves: &[(&CharacterSave, u64)],
        now_ms: u64,
    ) -> Result<Vec<CharacterId>, EngineError> {
        if saves.is_empty() {
            return Ok(Vec::new());
        }
        let rows = Places::of(saves)?;
        let sql = "UPDATE characters SET zone = saves.zone, x = saves.x, y = saves.y, heading = saves.heading, \
                   saved_epoch = $7, saved_tick = saves.tick, saved_ms = $8 \
                   FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::integer[], $5::integer[], $6::bigint[]) \
                   AS saves (id, zone, x, y, heading, tick) WHERE characters.id = saves.id RETURNING characters.id";
        let epoch = self.epoch;
        let values: [Value<'_>; 8] = [
            &rows.character,
            &rows.zone,
            &rows.x,
            &rows.y,
            &rows.heading,
            &rows.tick,
            &epoch,
            &signed(now_ms)?,
        ];
        let mut there = self.query(sql, &values, |row| Ok(CharacterId(unsigned(row, 0)?)))?;
        there.sort_unstable();
        let is_there = |save: &CharacterSave| there.binary_search(&save.character).is_ok();
        let missing = saves.iter().filter(|(save, _)| !is_there(save));
        let missing = missing.map(|(save, _)| save.character).collect();
        self.save_modules(saves.iter().map(|(save, _)| *save).filter(|save| is_there(save)))?;
        Ok(missing)
    }

    fn log(&mut self, entry: &GmEntry, tick: u64, now_ms: u64) -> Result<(), EngineError> {
        let epoch = self.epoch;
        self.execute(
            "INSERT INTO gm_log (epoch, tick, at_ms, actor, line, outcome) VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                &epoch,
                &signed(tick)?,
                &signed(now_ms)?,
                &signed(entry.actor.0)?,
                &text(&entry.line),
                &text(&entry.outcome),
            ],
        )
        .map(drop)
    }

    fn account(&mut self, name: &str) -> Result<Option<AccountRow>, EngineError> {
        self.find(super::lookup::ACCOUNT, &[&text(name)], account)
    }

    fn add_account(&mut self, row: &AccountRow, now_ms: u64) -> Result<(), EngineError> {
        let hash = row.password_hash.as_ref().map(|hash| hash.expose());
        self.execute(
            "INSERT INTO accounts (id, name, password_hash, created_ms) VALUES ($1, $2, $3, $4)",
            &[&signed(row.id.0)?, &text(&row.name), &hash, &signed(now_ms)?],
        )
        .map(drop)
    }

    fn spend_token(&mut self, id: &str, expires_at: u64) -> Result<bool, EngineError> {
        // An expiry beyond the range of the column is as good as never.
        let expires_at = i64::try_from(expires_at).unwrap_or(i64::MAX);
        let sql =
            "INSERT INTO login_tokens (id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        Ok(self.execute(sql, &[&text(id), &expires_at])? == 1)
    }

    fn forget_tokens(&mut self, before: u64, most: u32) -> Result<(), EngineError> {
        let sql = "DELETE FROM login_tokens WHERE id IN \
                   (SELECT id FROM login_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
        self.execute(sql, &[&signed(before)?, &i64::from(most)]).map(drop)
    }

    fn characters_of(&mut self, account: AccountId) -> Result<Vec<CharacterRow>, EngineError> {
        self.query(super::lookup::CHARACTERS, &[&signed(account.0)?], character_row)
    }

    fn character_named(&mut self, folded: &str) -> Result<Option<CharacterId>, EngineError> {
        let sql = "SELECT id FROM characters WHERE folded_name = $1";
        self.find(sql, &[&text(folded)], |row| Ok(CharacterId(unsigned(row, 0)?)))
    }

    fn name_of(&mut self, character: CharacterId) -> Result<Option<String>, EngineError> {
        let sql = "SELECT name FROM characters WHERE id = $1";
        self.find(sql, &[&signed(character.0)?], |row| get(row, 0))
    }

    fn add_character(
        &mut self,
        account: AccountId,
        row: &CharacterRow,
        folded: &str,
        now_ms: u64,
    ) -> Result<(), EngineError> {
        self.execute(
            "INSERT INTO characters (id, account, name, folded_name, rank, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                &signed(row.id.0)?,
                &signed(account.0)?,
                &text(&row.name),
                &text(folded),
                &rows::rank_name(row.rank),
                &signed(now_ms)?,
            ],
        )
        .map(drop)
    }

    fn remove_character(&mut self, character: CharacterId) -> Result<(), EngineError> {
        let id = signed(character.0)?;
        self.execute("DELETE FROM character_modules WHERE character = $1", &[&id])?;
        self.execute("DELETE FROM characters WHERE id = $1", &[&id]).map(drop)
    }

    fn mail(&mut self, id: MailId) -> Result<Option<MailHead>, EngineError> {
        // A client may name any number; one that no row can have is nobody's.
        let Ok(id) = signed(id.0) else {
            return Ok(None);
        };
        self.find("SELECT recipient, gold FROM mail WHERE id = $1", &[&id], |row| {
            Ok(MailHead { recipient: CharacterId(unsigned(row, 0)?), gold: unsigned(row, 1)? })
        })
    }

    fn mail_to(&mut self, recipient: CharacterId) -> Result<Vec<MailId>, EngineError> {
        let sql = "SELECT id FROM mail WHERE recipient = $1 ORDER BY id";
        self.query(sql, &[&signed(recipient.0)?], |row| Ok(MailId(unsigned(row, 0)?)))
    }

    fn letters_between(
        &mut self,
        sender: CharacterId,
        recipient: CharacterId,
    ) -> Result<u64, EngineError> {
        let sql = "SELECT COUNT(*) FROM mail WHERE recipient = $1 AND sender IN (SELECT id FROM characters \
                   WHERE account = (SELECT account FROM characters WHERE id = $2))";
        let (recipient, sender) = (signed(recipient.0)?, signed(sender.0)?);
        let count = self.find(sql, &[&recipient, &sender], |row| unsigned(row, 0))?;
        Ok(count.unwrap_or(0))
    }

    fn add_mail(&mut self, mail: &NewMail<'_>) -> Result<(), EngineError> {
        self.execute(
            "INSERT INTO mail (id, recipient, sender, sender_name, subject, body, gold, sent_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                &signed(mail.id.0)?,
                &signed(mail.recipient.0)?,
                &signed(mail.sender.0)?,
                &text(mail.sender_name),
                &text(mail.subject),
                &text(mail.body),
                &signed(mail.gold)?,
                &signed(mail.sent_ms)?,
            ],
        )
        .map(drop)
    }

    fn set_mail_gold(&mut self, id: MailId, gold: u64) -> Result<(), EngineError> {
        let values: [Value<'_>; 2] = [&signed(id.0)?, &signed(gold)?];
        self.execute("UPDATE mail SET gold = $2 WHERE id = $1", &values).map(drop)
    }

    fn remove_mail(&mut self, id: MailId) -> Result<(), EngineError> {
        self.execute("DELETE FROM mail WHERE id = $1", &[&signed(id.0)?]).map(drop)
    }

    fn newest_entry_ms(&mut self) -> Result<Option<u64>, EngineError> {
        let sql = "SELECT at_ms FROM ledger ORDER BY entry DESC LIMIT 1";
        self.find(sql, &[], |row| unsigned(row, 0))
    }

    fn oldest_entries(
        &mut self,
        before_ms: u64,
        most: u32,
    ) -> Result<Vec<LedgerEntry>, EngineError> {
        let before = signed(before_ms)?;
        // Mostly not even the first one is old enough; then nothing is fetched. Those that are gone, and not yet swept out
        // of the index, aren't looked at.
        let sql = concat!(
            "SELECT ",
            ledger_columns!(),
            " FROM ledger WHERE entry > (SELECT value FROM meta WHERE key = 'folded_entry') \
             AND (SELECT at_ms FROM ledger WHERE entry > (SELECT value FROM meta WHERE key = 'folded_entry') \
             ORDER BY entry LIMIT 1) < $2 ORDER BY entry LIMIT $1"
        );
        let oldest = self.query(sql, &[&i64::from(most), &before], rows::ledger_entry)?;
        Ok(oldest.into_iter().take_while(|entry| entry.at_ms < before.unsigned_abs()).collect())
    }

    fn item_openings(&mut self, of: &[ItemId]) -> Result<Vec<ItemRecord>, EngineError> {
        folding::item_openings(self, of)
    }

    fn put_item_openings(&mut self, items: &[ItemRecord]) -> Result<(), EngineError> {
        folding::put_item_openings(self, items)
    }

    fn remove_item_openings(&mut self, of: &[ItemId]) -> Result<(), EngineError> {
        folding::remove_item_openings(self, of)
    }

    fn purse_openings(&mut self, of: &[Owner]) -> Result<Vec<(Owner, u64)>, EngineError> {
        folding::purse_openings(self, of)
    }

    fn put_purse_openings(&mut self, purses: &[(Owner, u64)]) -> Result<(), EngineError> {
        folding::put_purse_openings(self, purses)
    }

    fn remove_purse_openings(&mut self, of: &[Owner]) -> Result<(), EngineError> {
        folding::remove_purse_openings(self, of)
    }

    fn add_totals(&mut self, totals: &[Total]) -> Result<(), EngineError> {
        folding::add_totals(self, totals)
    }

    fn folded_operation(&mut self) -> Result<OpId, EngineError> {
        folding::folded_operation(self)
    }

    fn forget_entries(&mut self, up_to: u64, last: OpId) -> Result<(), EngineError> {
        folding::forget_entries(self, up_to, last)
    }

    fn commit(mut self) -> Result<(), EngineError> {
        if self.failed {
            return Err(EngineError::Fatal("a statement of this transaction failed".to_owned()));
        }
        self.session.run("COMMIT").map_err(of_commit)?;
        self.open = false;
        Ok(())
    }
}
