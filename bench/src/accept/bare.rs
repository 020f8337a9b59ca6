//! Accepts with nothing around it: take, switch delays off, register.

use anyhow::Context as _;

use super::obey;
use crate::floor::{Bare, accept, listen};

/// Runs until nobody speaks to it.
pub(crate) fn run() -> anyhow::Result<()> {
    let (listener, mut bare) = (listen()?, Bare::new()?);
    obey(|count| (0..count).try_for_each(|_| bare.add(accept(&listener)?.context("nobody waits")?)))
}
