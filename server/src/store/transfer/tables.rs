//! THE LIST: the tables of a world and their columns, as both engines have them.

/// A table.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct Table {
    pub(in crate::store) name: &'static str,
    pub(in crate::store) columns: &'static [&'static str],
    /// What its rows are ordered by.
    key: &'static str,
}

impl Table {
    /// All rows, in order.
    pub(super) fn select(&self) -> String {
        format!("SELECT {} FROM {} ORDER BY {}", self.columns.join(", "), self.name, self.key)
    }
}

/// Every table, each after those that it refers to.
pub(in crate::store) const TABLES: [Table; 13] = [
    Table { name: "meta", columns: &["key", "value"], key: "key" },
    Table {
        name: "epochs",
        columns: &["epoch", "opened_ms", "commits", "operations", "batch", "answers"],
        key: "epoch",
    },
    Table { name: "accounts", columns: &["id", "name", "password_hash", "created_ms"], key: "id" },
    Table { name: "login_tokens", columns: &["id", "expires_at"], key: "id" },
    Table {
        name: "characters",
        columns: &[
            "id",
            "account",
            "name",
            "folded_name",
            "rank",
            "created_ms",
            "zone",
            "x",
            "y",
            "heading",
            "saved_epoch",
            "saved_tick",
            "saved_ms",
            "gold",
        ],
        key: "id",
    },
    Table {
        name: "character_modules",
        columns: &["character", "module", "version", "bytes"],
        key: "character, module",
    },
    Table {
        name: "mail",
        columns: &[
            "id",
            "recipient",
            "sender",
            "sender_name",
            "subject",
            "body",
            "gold",
            "sent_ms",
        ],
        key: "id",
    },
    Table {
        name: "items",
        columns: &[
            "id",
            "owner_character",
            "owner_zone",
            "owner_mail",
            "x",
            "y",
            "slot",
            "template",
            "quantity",
        ],
        key: "id",
    },
    Table {
        name: "ledger",
        columns: &[
            "entry",
            "epoch",
            "sequence",
            "tick",
            "at_ms",
            "cause",
            "actor",
            "kind",
            "item",
            "from_character",
            "from_zone",
            "from_mail",
            "from_x",
            "from_y",
            "to_character",
            "to_zone",
            "to_mail",
            "to_x",
            "to_y",
            "slot",
            "template",
            "quantity",
            "change",
        ],
        key: "entry",
    },
    Table {
        name: "item_openings",
        columns: &[
            "item",
            "owner_character",
            "owner_zone",
            "owner_mail",
            "x",
            "y",
            "slot",
            "template",
            "quantity",
        ],
        key: "item",
    },
    Table {
        name: "purse_openings",
        columns: &["owner_kind", "owner", "gold"],
        key: "owner_kind, owner",
    },
    Table {
        name: "ledger_totals",
        columns: &["template", "created", "destroyed", "reshaped"],
        key: "template",
    },
    Table {
        name: "gm_log",
        columns: &["entry", "epoch", "tick", "at_ms", "actor", "line", "outcome"],
        key: "entry",
    },
];
