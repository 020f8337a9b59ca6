//! An operation on its way, with a failpoint armed, and what must be true of it at the end.

use super::operations::Operation;
use super::stage::Stage;
use super::world::World;

/// An operation that was asked for.
pub(crate) struct Deed<'a> {
    operation: &'a Operation,
    before: World,
    /// Whether those who are to be told were.
    told: Vec<bool>,
}

impl<'a> Deed<'a> {
    /// Lets everything be made ready, arms the plan, and asks.
    pub(crate) fn asked(stage: &mut Stage, operation: &'a Operation, plan: &str) -> Self {
        let target = (operation.prepare)(stage);
        let before = stage.world();
        stage.failpoints.arm(&format!("{}\n{plan}\n", operation.besides));
        (operation.act)(stage, target);
        Self { operation, before, told: Vec::new() }
    }

    /// Asks, and waits until it is told or the server is dead.
    pub(crate) fn seen(stage: &mut Stage, operation: &'a Operation, plan: &str) -> Self {
        let mut deed = Self::asked(stage, operation, plan);
        if operation.told.is_empty() {
            let step = plan.split(' ').next().unwrap_or_default();
            stage.failpoints.wait_for(&[step, "loop.answered"]);
        }
        deed.listen(stage);
        deed
    }

    /// Waits until everybody is told or the server is dead.
    pub(crate) fn listen(&mut self, stage: &mut Stage) {
        let told = self.operation.told.iter();
        self.told = told.map(|(name, such)| stage.is_told(name, *such)).collect();
        // Also what comes after the confirmation.
        stage.ping();
    }

    fn effect(&self) -> Vec<&str> {
        let mut effect = self.operation.effect.to_vec();
        effect.sort_unstable();
        effect
    }

    /// It was told to everybody, and is on disk.
    pub(crate) fn is_done(&self, stage: &Stage, pair: &str) {
        stage.failpoints.disarm();
        assert!(self.told.iter().all(|told| *told), "{pair}: not everybody was told");
        assert_eq!(self.before.changes(&stage.world()), self.effect(), "{pair}");
    }

    /// All of it is on disk, or nothing of it and nobody was told.
    pub(crate) fn is_whole_or_nothing(&self, stage: &mut Stage, pair: &str) {
        let after = stage.world();
        let changes = self.before.changes(&after);
        let whole = changes == self.effect();
        assert!(whole || changes.is_empty(), "{pair}: half of it happened: {changes:?}");
        let mut told = self.told.contains(&true);
        for name in ["Ada", "Ben"] {
            let (old, new) = (self.before.holding(name), after.holding(name));
            let holding = &stage.player(name).holding;
            assert!([&old, &new].contains(&holding), "{pair}: {name} was told {holding:?}");
            told |= *holding != old;
        }
        assert!(whole || !told, "{pair}: it was told, and is lost");
    }
}
