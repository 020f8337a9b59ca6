//! What players do with value, by the kinds that a report counts.

/// A kind of deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// A game master makes an item.
    Give,
    /// An item is laid on the ground.
    Drop,
    /// It is picked up.
    PickUp,
    /// A stack becomes two.
    Split,
    /// Two become one.
    Merge,
    /// Two players exchange items and gold.
    Trade,
    /// A shop sells something.
    Buy,
    /// A shop buys something.
    Sell,
    /// A letter with something in it is sent.
    SendMail,
    /// What is in a letter is taken out.
    TakeMail,
    /// Into another zone, with something of value just on its way.
    Cross,
}

impl Deed {
    /// As a report names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Give => "give",
            Self::Drop => "drop",
            Self::PickUp => "pick up",
            Self::Split => "split",
            Self::Merge => "merge",
            Self::Trade => "trade",
            Self::Buy => "buy",
            Self::Sell => "sell",
            Self::SendMail => "send mail",
            Self::TakeMail => "take mail",
            Self::Cross => "cross a zone",
        }
    }

    /// True if the ledger has an operation for it.
    #[must_use]
    pub const fn is_value(self) -> bool {
        !matches!(self, Self::Cross)
    }
}
