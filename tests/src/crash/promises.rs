//! What players were told they own, against what the ledger says that they had: everything that a client heard must
//! have been so at some time, in the order in which it heard it, and little may have happened since.
//!
//! Told are items and gold, by the quantity that there is of them; 0 is none. A loss shows as a quantity that was told
//! and never was on disk, something done twice as one that was on disk and is skipped over by what was told.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};

use super::Heard;
use super::deed::Deed;
use super::history::{Chapter, Course, GOLD, History, Holding, OpId};
use crate::database::Database;

/// Operations that a character may have on disk without having heard of them: the one that it asked for last. Every
/// client here waits for the end of what it does before it does something else. That holds for trades too, which two
/// must agree to: whoever has said yes waits until the trade has ended, so the trade is its one operation. And for
/// mail: what a letter brings becomes the recipient's when it asks for it, not when it comes.
const UNHEARD_PER_CHARACTER: usize = 1;

/// Something that a client was told of its character, which must be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It has so much of this thing now.
    Has { character: u64, thing: u64, quantity: u64 },
    /// What it asked for was done.
    Done { character: u64, deed: Deed },
    /// Its letter is on its way, with what was put into it.
    Sent { character: u64, mail: u64 },
}

/// All that was told since the last look at the database.
#[derive(Debug, Default)]
pub(super) struct Promises {
    history: History,
    has: BTreeMap<Holding, Vec<u64>>,
    done: BTreeMap<u64, usize>,
    letters: BTreeSet<(u64, u64)>,
    deeds: BTreeMap<Deed, u64>,
    confirmations: u64,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) confirmations: u64,
    pub(super) deeds: BTreeMap<Deed, u64>,
    pub(super) unheard: u64,
    /// Confirmations of what isn't on disk.
    pub(super) lost: u64,
    /// Entries of the ledger that are there again, or out of order.
    pub(super) doubled: u64,
    pub(super) violations: Vec<String>,
}

impl Promises {
    /// Takes what was told; what one character heard in the order in which it heard it.
    pub(super) fn told(&mut self, told: Told) {
        match told {
            Told::Has { character, thing, quantity } => {
                self.has.entry((character, thing)).or_default().push(quantity);
                self.confirmations += 1;
            }
            Told::Done { character, deed } => {
                *self.done.entry(character).or_default() += usize::from(deed.is_value());
                *self.deeds.entry(deed).or_default() += 1;
            }
            Told::Sent { character, mail } => _ = self.letters.insert((character, mail)),
        }
    }

    /// Takes what a player says, if that is something that it was told.
    pub(super) fn hear(&mut self, heard: Heard) {
        if let Heard::Told(told) = heard {
            self.told(told);
        }
    }

    /// Takes the lines that a swarm wrote; see [`client_bot::confirmations::Confirmations`].
    pub(super) fn read(&mut self, lines: &str) -> Result<()> {
        for line in lines.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |word: &str| word.parse::<u64>().with_context(|| line.to_owned());
            let told = match words[..] {
                [character, "gold", amount] => (number(character)?, GOLD, number(amount)?),
                [character, item, _, quantity] => {
                    (number(character)?, number(item)?, number(quantity)?)
                }
                _ => bail!("not a confirmation: {line:?}"),
            };
            let (character, thing, quantity) = told;
            self.told(Told::Has { character, thing, quantity });
        }
        Ok(())
    }

    /// Takes the world as it is for what everybody knows.
    pub(super) fn begin(&mut self, database: &mut Database) -> Result<()> {
        self.history.read_on(database).map(drop)
    }

    /// What the ledger said at the last comparison.
    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// Holds everything against the database of a server that is dead, and forgets it.
    pub(super) fn compare(&mut self, database: &mut Database) -> Result<Compared> {
        let chapter = self.history.read_on(database)?;
        let mut compared = Compared {
            confirmations: std::mem::take(&mut self.confirmations),
            deeds: std::mem::take(&mut self.deeds),
            ..Compared::default()
        };
        compared.violations.extend(self.history.differences(database)?);
        let mut unheard: BTreeMap<u64, BTreeSet<OpId>> = BTreeMap::new();
        for (holding, told, course) in self.pairs(&chapter) {
            match follow(&told, &course) {
                Ok(rest) => unheard.entry(holding.0).or_default().extend(rest),
                Err(known) => {
                    compared.lost += (told.len() - known) as u64;
                    compared.violations.push(format!(
                        "character {} was told that it has {} of {}; on disk it had {course:?}",
                        holding.0, told[known], holding.1,
                    ));
                }
            }
        }
        self.count(&chapter, unheard, &mut compared);
        compared.doubled = chapter.violations.len() as u64;
        compared.violations.extend(chapter.violations);
        Ok(compared)
    }

    /// Each thing of a character that was told of or has changed.
    fn pairs(&mut self, chapter: &Chapter) -> Vec<(Holding, Vec<u64>, Course)> {
        let mut has = std::mem::take(&mut self.has);
        for holding in chapter.courses.keys() {
            has.entry(*holding).or_default();
        }
        let course = |holding: Holding| {
            let unchanged = || Course { before: self.history.holding(holding), steps: Vec::new() };
            chapter.courses.get(&holding).cloned().unwrap_or_else(unchanged)
        };
        has.into_iter().map(|(holding, told)| (holding, told, course(holding))).collect()
    }

    fn count(
        &mut self,
        chapter: &Chapter,
        unheard: BTreeMap<u64, BTreeSet<OpId>>,
        compared: &mut Compared,
    ) {
        for (character, done) in std::mem::take(&mut self.done) {
            let durable = chapter.operations.get(&character).map_or(0, BTreeSet::len);
            if done > durable {
                compared.lost += (done - durable) as u64;
                compared.violations.push(format!(
                    "{done} deeds of character {character} were confirmed, {durable} are on disk"
                ));
            }
        }
        for letter in std::mem::take(&mut self.letters) {
            if !chapter.letters.contains(&letter) {
                compared.lost += 1;
                let (character, mail) = letter;
                let lost = format!("the letter {mail} of character {character} was sent and isn't");
                compared.violations.push(lost);
            }
        }
        for (character, operations) in unheard {
            compared.unheard += operations.len() as u64;
            if operations.len() > UNHEARD_PER_CHARACTER {
                let never = format!("character {character} never heard of {operations:?}");
                compared.violations.push(never);
            }
        }
    }
}

/// Follows a course by what was told, which must be a part of it in the same order. Returns the operations after the
/// last one that was told of, or how much of what was told had been so before something never was.
fn follow(told: &[u64], course: &Course) -> Result<Vec<OpId>, usize> {
    let (mut now, mut steps) = (course.before, course.steps.iter());
    for (known, quantity) in told.iter().enumerate() {
        while now != *quantity {
            (_, now) = *steps.next().ok_or(known)?;
        }
    }
    Ok(steps.map(|(op, _)| *op).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(quantities: &[u64]) -> Course {
        let steps =
            quantities.iter().enumerate().map(|(nth, quantity)| ((1, nth as u64), *quantity));
        Course { before: 5, steps: steps.collect() }
    }

    #[test]
    fn what_was_told_is_found_in_its_order_and_the_rest_is_unheard() {
        let course = course(&[3, 0, 5, 9]);
        assert_eq!(follow(&[5, 3, 0], &course), Ok(vec![(1, 2), (1, 3)]));
        assert_eq!(follow(&[], &course).map(|rest| rest.len()), Ok(4));
        assert_eq!(follow(&[5, 3, 0, 5, 9], &course), Ok(vec![]));
    }

    #[test]
    fn what_was_told_and_never_was_is_found_and_so_is_a_wrong_order() {
        let course = course(&[3, 0, 5]);
        assert_eq!(follow(&[5, 4], &course), Err(1));
        assert_eq!(follow(&[0, 3], &course), Err(1));
    }
}
