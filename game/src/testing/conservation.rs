//! Random sequences of everything that changes what somebody owns, and of everything that may come in between. At the
//! end of each, the game's memory, the reference model and what the clients were told must be the same, and nothing
//! may have come from nowhere or gone.

mod steps;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use protocol::v1::{Inventory, InventoryChanged, Refused, TradeEnded};
use protocol::{ServerMessage, v1};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

use super::{GameTest, small_world};
use crate::content::Content;
use crate::ids::ItemId;
use crate::module::ModuleTable;
use crate::record::{ItemRecord, Owner};
use crate::settings::Settings;
use steps::{STEPS, Stage, Step};

/// Who plays: two who trade, and one who disturbs them.
const NAMES: [&str; 3] = ["Ada", "Bob", "Cleo"];
/// Steps of one sequence, at least and at most: long enough for a trade with three disturbances.
const LENGTH: std::ops::Range<u32> = 20..80;
/// Ticks at the end of a sequence in which journeys and decisions come to their end.
const SETTLE_TICKS: u64 = 3;

/// What has to have happened in a run that proves something: operations by their cause, steps, ends and refusals.
const REQUIRED: &[&str] = &[
    "operation gm give",
    "operation drop",
    "operation pick up",
    "operation loot",
    "operation split",
    "operation merge",
    "operation trade",
    "operation decay",
    "operation buy",
    "operation sell",
    "operation mail",
    "operation take mail",
    "operation delete mail",
    "ended Done",
    "ended Declined",
    "ended Cancelled",
    "ended TooFar",
    "ended Dead",
    "ended Left",
    "refused StoreBehind",
    "refused InventoryFull",
    "refused NoSuchItem",
    "refused NotEnoughGold",
    "refused BadRequest",
    "refused TradeChanged",
    "refused NoSuchMail",
    "refused NoSuchCharacter",
    "step lose session",
    "step take over",
    "step leave",
    "step come back",
    "step travel",
    "step close store",
    "step restore",
];

/// Plays sequences, one after the other, each in a world of its own.
pub struct Conservation {
    content: Arc<Content>,
    table: Arc<ModuleTable>,
    seed: u64,
    tally: BTreeMap<String, u64>,
}

impl Conservation {
    /// Sequences of this seed. The same seed and number are the same sequence.
    ///
    /// # Panics
    /// When the modules of the game aren't a valid list, which the server's start would have found.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let table = crate::modules::all().check().unwrap_or_else(|error| panic!("{error}"));
        let (content, table) = (Arc::new(small_world()), Arc::new(table));
        Self { content, table, seed, tally: BTreeMap::new() }
    }

    /// Plays one sequence.
    ///
    /// # Panics
    /// When memory, model and clients differ, or something isn't conserved. The message has the number of the
    /// sequence and its steps.
    pub fn play(&mut self, number: u64) {
        let test =
            GameTest::of(Arc::clone(&self.content), Arc::clone(&self.table), Settings::default());
        let rng = Pcg64Mcg::seed_from_u64(self.seed.wrapping_mul(1 << 32) ^ number);
        let mut stage = Stage { test, rng, taken: Vec::new() };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            play(&mut stage);
            check(&stage.test);
        }));
        if let Err(panic) = outcome {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
            let (seed, taken) = (self.seed, &stage.taken);
            panic!("sequence {number} of seed {seed}: {text}\nafter the steps {taken:?}");
        }
        self.count(&stage);
    }

    /// How often each kind of operation, step, end and refusal really happened.
    #[must_use]
    pub fn tally(&self) -> &BTreeMap<String, u64> {
        &self.tally
    }

    /// What should have happened somewhere and never did. A run that lacks something proves little.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        REQUIRED.iter().copied().filter(|kind| !self.tally.contains_key(*kind)).collect()
    }

    fn count(&mut self, Stage { test, taken, .. }: &Stage) {
        let operations =
            test.operations.iter().map(|operation| format!("operation {}", operation.cause));
        let steps = taken.iter().map(|(step, _)| format!("step {step}"));
        let mut kinds: Vec<String> = operations.chain(steps).collect();
        for name in NAMES {
            let ended = test.received_by::<TradeEnded>(name).into_iter();
            kinds.extend(ended.map(|ended| format!("ended {:?}", ended.outcome())));
            let refused = test.received_by::<Refused>(name).into_iter();
            kinds.extend(refused.map(|refused| format!("refused {:?}", refused.reason())));
        }
        for kind in kinds {
            *self.tally.entry(kind).or_default() += 1;
        }
    }
}

fn play(stage: &mut Stage) {
    for name in NAMES {
        stage.test.player(name).give("coin", 50).give("sword", 1).give_gold(500);
    }
    let total: u32 = STEPS.iter().map(|step| step.weight).sum();
    for _ in 0..stage.rng.random_range(LENGTH) {
        let who = NAMES[stage.rng.random_range(0..NAMES.len())];
        let step = pick(stage.rng.random_range(0..total));
        if (step.take)(stage, who).is_some() {
            stage.taken.push((step.name, who));
        }
        // Several steps of one tick meet each other; most have a tick of their own.
        if stage.rng.random_range(0..4) > 0 {
            stage.test.tick(1);
        }
    }
    stage.test.open_store().tick(SETTLE_TICKS);
}

/// The step whose share of all weights `at` is in.
fn pick(mut at: u32) -> &'static Step {
    let within = |step: &&Step| match at.checked_sub(step.weight) {
        Some(rest) => {
            at = rest;
            false
        }
        None => true,
    };
    STEPS.iter().find(within).unwrap_or(&STEPS[0])
}

/// Memory is what the commits come to, and clients know what memory says.
fn check(test: &GameTest) {
    let held = test.game.holdings();
    let in_memory = |item: &&ItemRecord| match &item.owner {
        Owner::Character(character) => held.gold.contains_key(character),
        Owner::Ground { .. } => true,
        Owner::Mail(_) => false,
    };
    let expected: BTreeMap<ItemId, ItemRecord> =
        test.model.items().filter(in_memory).map(|item| (item.id, item.clone())).collect();
    assert_eq!(held.items, expected, "items in memory and by the commits");
    for (character, gold) in &held.gold {
        assert_eq!(*gold, test.model.gold_of(*character), "gold of {character}");
    }
    NAMES.iter().for_each(|name| check_player(test, name));
    test.model.check_conservation();
}

fn check_player(test: &GameTest, name: &str) {
    let Some(player) = test.game.player(test.character(name)) else {
        return;
    };
    let inventory = player.inventory();
    let mut slots: Vec<u32> = inventory.items().map(|item| item.slot).collect();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), inventory.items().count(), "{name} has two items in one slot");
    assert!(slots.iter().all(|slot| *slot < inventory.slots()), "{name} has too many items");
    for item in inventory.items() {
        let stack = test.content.item_kind(&item.template).map_or(0, |kind| kind.stack);
        assert!((1..=stack).contains(&item.quantity), "{item:?} is no stack");
    }
    if player.is_connected() {
        let told = told(test, name);
        let owned = inventory.to_message();
        assert_eq!((told.items, told.gold), (owned.items, owned.gold), "what {name} was told");
    }
}

/// What a client knows of its inventory from the messages that it got.
fn told(test: &GameTest, name: &str) -> Inventory {
    let mut items: BTreeMap<u64, v1::Item> = BTreeMap::new();
    let mut gold = 0;
    for (id, _, payload) in &test.actor(name).inbox {
        if *id == Inventory::INFO.id {
            let all: Inventory = decoded(payload);
            gold = all.gold;
            items = all.items.into_iter().map(|item| (item.id, item)).collect();
        } else if *id == InventoryChanged::INFO.id {
            let change: InventoryChanged = decoded(payload);
            gold = change.gold.unwrap_or(gold);
            change.removed.iter().for_each(|item| drop(items.remove(item)));
            items.extend(change.changed.into_iter().map(|item| (item.id, item)));
        }
    }
    Inventory { items: items.into_values().collect(), gold, ..Inventory::default() }
}

fn decoded<M: ServerMessage + Default>(payload: &[u8]) -> M {
    M::decode(payload).unwrap_or_else(|error| panic!("{}: {error}", M::INFO.name))
}
