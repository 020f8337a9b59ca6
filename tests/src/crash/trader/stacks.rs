//! What a trader does with its stacks.

use protocol::v1::{MergeStacks, SplitStack};
use rand::RngExt as _;
use rand_pcg::Pcg32;

use super::{STACK, Trader};
use crate::crash::deed::Deed;

impl Trader<'_> {
    pub(super) fn split(&mut self, rng: &mut Pcg32) -> Option<()> {
        let Some(stack) = self.chest.find(rng, |item| item.quantity > 1) else {
            return self.give(rng);
        };
        let split = SplitStack { item: stack.id, quantity: rng.random_range(1..stack.quantity) };
        self.ask(Deed::Split, &split).map(drop)
    }

    pub(super) fn merge(&mut self, rng: &mut Pcg32) -> Option<()> {
        let small = self.chest.find(rng, |item| item.quantity < STACK).cloned();
        let other = small.as_ref().and_then(|small| {
            self.chest.find(rng, |item| {
                let fits = item.quantity + small.quantity <= STACK;
                item.id != small.id && item.template == small.template && fits
            })
        });
        match (small, other) {
            (Some(small), Some(other)) => {
                let merge = MergeStacks { item: small.id, into: other.id };
                self.ask(Deed::Merge, &merge).map(drop)
            }
            _ => self.give(rng),
        }
    }
}
