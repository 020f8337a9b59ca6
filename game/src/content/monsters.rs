//! The monsters of the world and what they drop: `monsters.toml`, one table each.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::error::Mistakes;
use super::items::STACK_MAX;
use super::name::Name;
use super::source::{Entry, Source};
use super::whole::Whole;
use super::{ItemIndex, index_of};

/// A kind of monster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonsterKind {
    /// What files and game masters call it, such as `wolf`.
    pub key: String,
    /// What players read.
    pub name: String,
    /// Hit points.
    pub hp: u32,
    /// Running, in centimetres per second.
    pub speed_cm_s: i32,
    /// Hit points that an attack takes.
    pub damage: u32,
    /// How far an attack reaches, in centimetres.
    pub attack_range_cm: i32,
    /// From one attack to the next, in milliseconds.
    pub attack_cooldown_ms: u32,
    /// Attacks who comes nearer than this, in centimetres; 0 if it must be attacked first.
    pub aggro_cm: i32,
    /// Gives up further than this from its spawn place, in centimetres. At least `aggro_cm` and `wander_cm`.
    pub leash_cm: i32,
    /// Strolls this far around its spawn place, in centimetres; 0 if it stands still.
    pub wander_cm: i32,
    /// Experience for who kills it.
    pub experience: u32,
    /// Gold that it leaves, from the first to the second number; 0 to 0 if it has none.
    pub gold: [u32; 2],
    /// What it may leave; each is drawn on its own.
    pub drops: Vec<Drop>,
}

/// Something that a monster may leave behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drop {
    /// What.
    pub item: ItemIndex,
    /// In how many of 10,000 deaths.
    pub chance: u32,
    /// Pieces at least, from 1.
    pub least: u32,
    /// Pieces at most; no more than one stack of the item.
    pub most: u32,
}

/// A monster as it is written in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Name,
    hp: Whole<1, 1_000_000_000>,
    speed_cm_s: Whole<0, 5_000>,
    damage: Whole<0, 1_000_000>,
    attack_range_cm: Whole<1, 5_000>,
    attack_cooldown_ms: Whole<100, 600_000>,
    aggro_cm: Whole<0, 10_000>,
    leash_cm: Spanned<Whole<0, 100_000>>,
    wander_cm: Whole<0, 10_000>,
    experience: Whole<0, 1_000_000>,
    gold: Option<Spanned<[Whole<0, 1_000_000>; 2]>>,
    #[serde(default)]
    drops: Vec<WrittenDrop>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDrop {
    item: Spanned<String>,
    chance: Whole<1, 10_000>,
    quantity: Spanned<[Whole<1, STACK_MAX>; 2]>,
}

/// All items, in the order of their names.
pub(super) struct Items<'a> {
    pub(super) names: Vec<&'a str>,
    /// How many of each make a stack, where that is known.
    pub(super) stacks: Vec<Option<u32>>,
}

/// Every monster of the file by name; `None` for those whose mistakes were added to `errors`.
pub(super) fn read(
    source: Source<'_>,
    items: &Items<'_>,
    errors: &mut Mistakes,
) -> Vec<(String, Option<MonsterKind>)> {
    let entries: Vec<Entry<Written>> = source.entries(errors);
    let mut kinds = Vec::new();
    for Entry { name, value, .. } in entries {
        let kind = value.map(|written| kind(source, name.clone(), &written, items, errors));
        kinds.push((name, kind));
    }
    kinds
}

fn kind(
    source: Source<'_>,
    key: String,
    written: &Written,
    items: &Items<'_>,
    errors: &mut Mistakes,
) -> MonsterKind {
    let leash = written.leash_cm.get_ref().0;
    let least = written.aggro_cm.0.max(written.wander_cm.0);
    if leash < least {
        errors.push(source.error(
            written.leash_cm.span().start,
            format!("a leash of {leash} cm"),
            format!("at least {least}, the larger of aggro_cm and wander_cm"),
        ));
    }
    let gold = written.gold.as_ref().map_or([0, 0], |gold| gold.get_ref().map(|pieces| pieces.0));
    if let (Some(at), [least, most]) = (&written.gold, gold)
        && least > most
    {
        let found = format!("{least} to {most} gold");
        errors.push(source.error(at.span().start, found, "the smaller number first"));
    }
    let drops = written.drops.iter();
    let drops = drops.filter_map(|drop| read_drop(source, drop, items, errors));
    MonsterKind {
        key,
        name: written.name.0.clone(),
        hp: written.hp.0,
        speed_cm_s: written.speed_cm_s.signed(),
        damage: written.damage.0,
        attack_range_cm: written.attack_range_cm.signed(),
        attack_cooldown_ms: written.attack_cooldown_ms.0,
        aggro_cm: written.aggro_cm.signed(),
        leash_cm: written.leash_cm.get_ref().signed(),
        wander_cm: written.wander_cm.signed(),
        experience: written.experience.0,
        gold,
        drops: drops.collect(),
    }
}

fn read_drop(
    source: Source<'_>,
    written: &WrittenDrop,
    items: &Items<'_>,
    errors: &mut Mistakes,
) -> Option<Drop> {
    let item = written.item.get_ref();
    let Some(index) = index_of(&items.names, item) else {
        let at = (source, written.item.span().start);
        let found = format!("an unknown item `{item}`");
        errors.unknown(at, found, ("the items", item), items.names.iter().copied());
        return None;
    };
    let [least, most] = written.quantity.get_ref().map(|pieces| pieces.0);
    let stack = items.stacks[usize::from(index)].unwrap_or(STACK_MAX);
    if least > most || most > stack {
        errors.push(source.error(
            written.quantity.span().start,
            format!("a quantity of {least} to {most}"),
            format!("the smaller number first and no more than a stack, which is {stack}"),
        ));
    }
    Some(Drop { item: ItemIndex(index), chance: written.chance.0, least, most })
}
