//! Which of the things that move value players do.

/// What is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mix {
    /// All that there is, with fighters and hunters.
    Everything,
    /// A few hunters are alone in the world, and leave what falls from the monsters that they strike: they make progress,
    /// and no value takes it along to the disk.
    Lull,
    /// Traders get gold, which nobody pays. No item changes hands, and nobody strikes a monster, which would leave one.
    Gold,
}
