//! Servers that are wrong on purpose: each breaks one rule that the promises rest on, and has to be found out. One
//! breaks none: were it found out too, the others would prove nothing.

use clap::ValueEnum;

use super::mix::Mix;

/// A rule that is broken in the test build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Broken {
    /// None of them, in the same build.
    Nothing,
    /// Clients are told before it is durable.
    ConfirmFirst,
    /// Progress is saved apart from the value that earned it.
    TwoClocks,
    /// An operation whose result is unknown is applied again without a look at whether it had been.
    NoOpId,
}

impl Broken {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::ConfirmFirst, Self::TwoClocks, Self::NoOpId];

    /// As the command line and the server's failpoints name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::ConfirmFirst => "confirm-first",
            Self::TwoClocks => "two-clocks",
            Self::NoOpId => "no-op-id",
        }
    }

    /// What players do for it to be found out by what is on disk then.
    pub(super) const fn mix(self) -> Mix {
        match self {
            Self::Nothing | Self::ConfirmFirst | Self::TwoClocks => Mix::Everything,
            // An item that is made or moved again stops the server, as it has moved already, and so does gold that is paid
            // again by who has no more of it. Gold that is made is just made again.
            Self::NoOpId => Mix::Gold,
        }
    }

    /// The failpoints of this server.
    pub(super) const fn failpoints(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::ConfirmFirst => "broken.confirm-first = on",
            Self::TwoClocks => "broken.two-clocks = on",
            // Nobody looks at operation ids but who tries again.
            Self::NoOpId => "broken.no-op-id = on\nstore.committed = 20*error(unknown)",
        }
    }
}
