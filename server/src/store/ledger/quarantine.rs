//! Items whose template the content doesn't know: they are kept, not shown in the game, and not a finding.

use std::collections::BTreeSet;
use std::fmt;

use crate::store::error::EngineError;
use crate::store::snapshot::{Snapshot, Value, number, text};

/// Owners that are named.
const OWNERS_NAMED: i64 = 5;

/// The items of one unknown template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its name.
    pub template: String,
    /// Items.
    pub items: u64,
    /// Of these with characters, on grounds and in letters.
    pub held: [u64; 3],
    /// Some of the characters.
    pub owners: Vec<String>,
}

/// Items that aren't among the templates in `known`.
pub(in crate::store) fn quarantined(
    snapshot: &mut dyn Snapshot,
    known: &BTreeSet<String>,
) -> Result<Vec<Quarantined>, EngineError> {
    let mut unknown = Vec::new();
    let templates = "SELECT template, COUNT(*), COUNT(owner_character), COUNT(owner_zone), COUNT(owner_mail) \
                     FROM items GROUP BY template ORDER BY template";
    snapshot.rows(templates, &[], &mut |row| {
        let template = text(row, 0)?;
        if !known.contains(template) {
            unknown.push(Quarantined {
                template: template.to_owned(),
                items: number(row, 1)?,
                held: [number(row, 2)?, number(row, 3)?, number(row, 4)?],
                owners: Vec::new(),
            });
        }
        Ok(())
    })?;
    let names = "SELECT DISTINCT characters.name FROM items JOIN characters \
                 ON characters.id = items.owner_character WHERE items.template = $1 ORDER BY characters.name LIMIT $2";
    for each in &mut unknown {
        let arguments = [Value::Text(each.template.clone()), Value::Integer(OWNERS_NAMED)];
        snapshot.rows(names, &arguments, &mut |row| {
            each.owners.push(text(row, 0)?.to_owned());
            Ok(())
        })?;
    }
    Ok(unknown)
}

impl fmt::Display for Quarantined {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [characters, grounds, letters] = self.held;
        write!(
            out,
            "{}: {} items, {characters} with characters, {grounds} on the ground, {letters} in letters",
            self.template, self.items
        )?;
        if !self.owners.is_empty() {
            write!(out, " (of {})", self.owners.join(", "))?;
        }
        Ok(())
    }
}
