//! Many records as one array per column, which is how many rows go to PostgreSQL in one statement.

use std::borrow::Cow;

use game::record::{CharacterSave, ItemRecord, Owner};

use crate::store::LedgerEntry;
use crate::store::error::EngineError;
use crate::store::ledger::Total;

use super::rows::{signed, text};
use super::session::Value;

/// Owners, one or none per row.
#[derive(Default)]
struct Owners<'a> {
    character: Vec<Option<i64>>,
    zone: Vec<Option<Cow<'a, str>>>,
    mail: Vec<Option<i64>>,
    x: Vec<Option<i32>>,
    y: Vec<Option<i32>>,
}

impl<'a> Owners<'a> {
    fn push(&mut self, owner: Option<&'a Owner>) -> Result<(), EngineError> {
        let (character, zone, mail, place) = match owner {
            None => (None, None, None, None),
            Some(Owner::Character(character)) => (Some(signed(character.0)?), None, None, None),
            Some(Owner::Ground { zone, x, y }) => {
                (None, Some(text(zone.as_str())), None, Some((*x, *y)))
            }
            Some(Owner::Mail(mail)) => (None, None, Some(signed(mail.0)?), None),
        };
        self.character.push(character);
        self.zone.push(zone);
        self.mail.push(mail);
        self.x.push(place.map(|(x, _)| x));
        self.y.push(place.map(|(_, y)| y));
        Ok(())
    }

    fn values(&self) -> [Value<'_>; 5] {
        [&self.character, &self.zone, &self.mail, &self.x, &self.y]
    }
}

/// Items, as `items` and `item_openings` have them.
#[derive(Default)]
pub(super) struct Items<'a> {
    id: Vec<i64>,
    owner: Owners<'a>,
    slot: Vec<i64>,
    template: Vec<Cow<'a, str>>,
    quantity: Vec<i64>,
}

impl<'a> Items<'a> {
    pub(super) fn of(items: &'a [ItemRecord]) -> Result<Self, EngineError> {
        let mut columns = Self::default();
        for item in items {
            columns.id.push(signed(item.id.0)?);
            columns.owner.push(Some(&item.owner))?;
            columns.slot.push(item.slot.into());
            columns.template.push(text(&item.template));
            columns.quantity.push(item.quantity.into());
        }
        Ok(columns)
    }

    /// In the order of the schema.
    pub(super) fn values(&self) -> [Value<'_>; 9] {
        let [character, zone, mail, x, y] = self.owner.values();
        [&self.id, character, zone, mail, x, y, &self.slot, &self.template, &self.quantity]
    }
}

/// Entries of the ledger, whose places the database gives.
#[derive(Default)]
pub(super) struct Entries<'a> {
    epoch: Vec<i64>,
    sequence: Vec<i64>,
    tick: Vec<Option<i64>>,
    at_ms: Vec<i64>,
    cause: Vec<Cow<'a, str>>,
    actor: Vec<i64>,
    kind: Vec<&'a str>,
    item: Vec<i64>,
    from: Owners<'a>,
    to: Owners<'a>,
    slot: Vec<i64>,
    template: Vec<Cow<'a, str>>,
    quantity: Vec<i64>,
    change: Vec<i64>,
}

impl<'a> Entries<'a> {
    pub(super) fn of(entries: &'a [LedgerEntry]) -> Result<Self, EngineError> {
        let mut columns = Self::default();
        for entry in entries {
            columns.epoch.push(signed(entry.op.epoch)?);
            columns.sequence.push(signed(entry.op.sequence)?);
            columns.tick.push(entry.tick.map(signed).transpose()?);
            columns.at_ms.push(signed(entry.at_ms)?);
            columns.cause.push(text(&entry.cause));
            columns.actor.push(signed(entry.actor.0)?);
            columns.kind.push(entry.kind.name());
            columns.item.push(signed(entry.item.0)?);
            columns.from.push(entry.from.as_ref())?;
            columns.to.push(entry.to.as_ref())?;
            columns.slot.push(entry.slot.into());
            columns.template.push(text(&entry.template));
            columns.quantity.push(signed(entry.quantity)?);
            columns.change.push(entry.change);
        }
        Ok(columns)
    }

    /// In the order of the schema.
    pub(super) fn values(&self) -> [Value<'_>; 22] {
        let [from_character, from_zone, from_mail, from_x, from_y] = self.from.values();
        let [to_character, to_zone, to_mail, to_x, to_y] = self.to.values();
        [
            &self.epoch,
            &self.sequence,
            &self.tick,
            &self.at_ms,
            &self.cause,
            &self.actor,
            &self.kind,
            &self.item,
            from_character,
            from_zone,
            from_mail,
            from_x,
            from_y,
            to_character,
            to_zone,
            to_mail,
            to_x,
            to_y,
            &self.slot,
            &self.template,
            &self.quantity,
            &self.change,
        ]
    }
}

/// Places of characters.
#[derive(Default)]
pub(super) struct Places<'a> {
    pub(super) character: Vec<i64>,
    pub(super) zone: Vec<Cow<'a, str>>,
    pub(super) x: Vec<i32>,
    pub(super) y: Vec<i32>,
    pub(super) heading: Vec<i32>,
    pub(super) tick: Vec<i64>,
}

impl<'a> Places<'a> {
    pub(super) fn of(saves: &[(&'a CharacterSave, u64)]) -> Result<Self, EngineError> {
        let mut columns = Self::default();
        for (save, tick) in saves {
            columns.character.push(signed(save.character.0)?);
            columns.zone.push(text(save.place.zone.as_str()));
            columns.x.push(save.place.x);
            columns.y.push(save.place.y);
            columns.heading.push(save.place.heading.into());
            columns.tick.push(signed(*tick)?);
        }
        Ok(columns)
    }
}

/// What modules keep of characters.
#[derive(Default)]
pub(super) struct Modules<'a> {
    pub(super) character: Vec<i64>,
    pub(super) module: Vec<Cow<'a, str>>,
    pub(super) version: Vec<i64>,
    pub(super) bytes: Vec<&'a [u8]>,
}

impl<'a> Modules<'a> {
    pub(super) fn of(saves: impl Iterator<Item = &'a CharacterSave>) -> Result<Self, EngineError> {
        let mut columns = Self::default();
        for save in saves {
            for page in save.modules.iter() {
                columns.character.push(signed(save.character.0)?);
                columns.module.push(text(page.module));
                columns.version.push(page.version.into());
                columns.bytes.push(page.bytes);
            }
        }
        Ok(columns)
    }
}

/// Gold of characters and in letters.
#[derive(Default)]
pub(super) struct Purses {
    pub(super) kind: Vec<&'static str>,
    pub(super) owner: Vec<i64>,
}

impl Purses {
    pub(super) fn of<'a>(owners: impl Iterator<Item = &'a Owner>) -> Result<Self, EngineError> {
        let mut columns = Self::default();
        for owner in owners {
            let (kind, id) = match owner {
                Owner::Character(character) => (CHARACTER, character.0),
                Owner::Mail(mail) => (MAIL, mail.0),
                Owner::Ground { .. } => {
                    return Err(EngineError::Impossible("gold lies on no ground".to_owned()));
                }
            };
            columns.kind.push(kind);
            columns.owner.push(signed(id)?);
        }
        Ok(columns)
    }
}

/// A character's purse, in the column `owner_kind`.
pub(super) const CHARACTER: &str = "character";
/// The gold in a letter, in the column `owner_kind`.
const MAIL: &str = "mail";

/// Sums of the folded part of the ledger.
#[derive(Default)]
pub(super) struct Totals<'a> {
    pub(super) template: Vec<Cow<'a, str>>,
    pub(super) created: Vec<i64>,
    pub(super) destroyed: Vec<i64>,
    pub(super) reshaped: Vec<i64>,
}

impl<'a> Totals<'a> {
    pub(super) fn of(totals: &'a [Total]) -> Result<Self, EngineError> {
        let mut columns = Self::default();
        for total in totals {
            columns.template.push(text(&total.template));
            columns.created.push(signed(total.created)?);
            columns.destroyed.push(signed(total.destroyed)?);
            columns.reshaped.push(total.reshaped);
        }
        Ok(columns)
    }
}
