-- Gold, mail, and a ledger that can be folded: what is older than its retention becomes opening balances and sums.

-- What the batch number `batch` of this start was answered, for when the answer was lost on the way; NULL when it
-- had nothing but commits.
ALTER TABLE epochs ADD COLUMN batch INTEGER NOT NULL DEFAULT 0 CHECK (batch >= 0);
ALTER TABLE epochs ADD COLUMN answers BLOB;

ALTER TABLE characters ADD COLUMN gold INTEGER NOT NULL DEFAULT 0 CHECK (gold BETWEEN 0 AND 1000000000000000);

-- Letters that their recipients haven't thrown away. Who wrote one may be gone by now.
CREATE TABLE mail (
    id          INTEGER NOT NULL PRIMARY KEY,
    recipient   INTEGER NOT NULL REFERENCES characters (id),
    sender      INTEGER NOT NULL,
    sender_name TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    gold        INTEGER NOT NULL CHECK (gold BETWEEN 0 AND 1000000000000000),
    sent_ms     INTEGER NOT NULL
) STRICT;
CREATE INDEX mail_by_recipient ON mail (recipient, id);
INSERT INTO meta (key, value) VALUES ('next_mail', 1), ('folded_entry', 0);

-- Every item of the world, once. Its owner is a character, a zone's ground or a letter: always exactly one.
CREATE TABLE items_with_mail (
    id              INTEGER NOT NULL PRIMARY KEY,
    owner_character INTEGER REFERENCES characters (id),
    owner_zone      TEXT,
    owner_mail      INTEGER REFERENCES mail (id),
    x               INTEGER CHECK (x BETWEEN -2147483648 AND 2147483647),
    y               INTEGER CHECK (y BETWEEN -2147483648 AND 2147483647),
    slot            INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 4294967295),
    template        TEXT    NOT NULL,
    quantity        INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 4294967295),
    CHECK ((owner_character IS NOT NULL) + (owner_zone IS NOT NULL) + (owner_mail IS NOT NULL) = 1),
    CHECK ((owner_zone IS NULL) = (x IS NULL) AND (owner_zone IS NULL) = (y IS NULL))
) STRICT;
INSERT INTO items_with_mail (id, owner_character, owner_zone, x, y, slot, template, quantity)
SELECT id, owner_character, owner_zone, x, y, slot, template, quantity FROM items;
DROP TABLE items;
ALTER TABLE items_with_mail RENAME TO items;
CREATE INDEX items_by_character ON items (owner_character) WHERE owner_character IS NOT NULL;
CREATE INDEX items_on_ground ON items (owner_zone) WHERE owner_zone IS NOT NULL;
CREATE INDEX items_in_mail ON items (owner_mail) WHERE owner_mail IS NOT NULL;

-- The history of every item and of all gold. An entry without a "from" brings something into the world (or, in a
-- split, parts it from its stack), one without a "to" takes it out (or joins it to another). `change` is what the
-- quantity of this item grew by. Gold has item 0, the template 'gold' and its amount as quantity; its change is 0
-- while it stays in the world. Sequence 0 is the store's own doing (a deleted character), which has no tick.
CREATE TABLE ledger_with_gold (
    entry          INTEGER NOT NULL PRIMARY KEY,
    epoch          INTEGER NOT NULL REFERENCES epochs (epoch),
    sequence       INTEGER NOT NULL CHECK (sequence >= 0),
    tick           INTEGER,
    at_ms          INTEGER NOT NULL,
    cause          TEXT    NOT NULL,
    actor          INTEGER NOT NULL,
    kind           TEXT    NOT NULL CHECK (kind IN ('create', 'move', 'destroy', 'split', 'merge', 'gold')),
    item           INTEGER NOT NULL CHECK ((item = 0) = (kind = 'gold')),
    from_character INTEGER,
    from_zone      TEXT,
    from_mail      INTEGER,
    from_x         INTEGER,
    from_y         INTEGER,
    to_character   INTEGER,
    to_zone        TEXT,
    to_mail        INTEGER,
    to_x           INTEGER,
    to_y           INTEGER,
    slot           INTEGER NOT NULL,
    template       TEXT    NOT NULL,
    quantity       INTEGER NOT NULL CHECK (quantity > 0),
    change         INTEGER NOT NULL,
    CHECK ((from_character IS NOT NULL) + (from_zone IS NOT NULL) + (from_mail IS NOT NULL) <= 1),
    CHECK ((to_character IS NOT NULL) + (to_zone IS NOT NULL) + (to_mail IS NOT NULL) <= 1),
    CHECK (COALESCE(from_character, from_mail, to_character, to_mail) IS NOT NULL
        OR COALESCE(from_zone, to_zone) IS NOT NULL)
) STRICT;
INSERT INTO ledger_with_gold (entry, epoch, sequence, tick, at_ms, cause, actor, kind, item,
    from_character, from_zone, from_x, from_y, to_character, to_zone, to_x, to_y, slot, template, quantity, change)
SELECT entry, epoch, sequence, tick, at_ms, cause, actor,
    CASE WHEN COALESCE(CAST(from_character AS TEXT), from_zone) IS NULL THEN 'create'
         WHEN COALESCE(CAST(to_character AS TEXT), to_zone) IS NULL THEN 'destroy'
         ELSE 'move' END,
    item, from_character, from_zone, from_x, from_y, to_character, to_zone, to_x, to_y, slot, template, quantity,
    CASE WHEN COALESCE(CAST(from_character AS TEXT), from_zone) IS NULL THEN quantity
         WHEN COALESCE(CAST(to_character AS TEXT), to_zone) IS NULL THEN -quantity
         ELSE 0 END
FROM ledger ORDER BY entry;
DROP TABLE ledger;
ALTER TABLE ledger_with_gold RENAME TO ledger;
CREATE INDEX ledger_by_item ON ledger (item, entry) WHERE item > 0;
CREATE INDEX ledger_of_gold ON ledger (entry) WHERE item = 0;
CREATE INDEX ledger_by_giver ON ledger (from_character, entry) WHERE from_character IS NOT NULL;
CREATE INDEX ledger_by_getter ON ledger (to_character, entry) WHERE to_character IS NOT NULL;

-- What the folded part of the ledger came to: the items and purses as they were just after the last folded entry
-- (meta: folded_entry), and the sums of what had come into the world and left it by then. `reshaped` is the sum of
-- what splits and merges changed, and must be 0.
CREATE TABLE item_openings (
    item            INTEGER NOT NULL PRIMARY KEY,
    owner_character INTEGER,
    owner_zone      TEXT,
    owner_mail      INTEGER,
    x               INTEGER,
    y               INTEGER,
    slot            INTEGER NOT NULL,
    template        TEXT    NOT NULL,
    quantity        INTEGER NOT NULL CHECK (quantity > 0)
) STRICT;
CREATE TABLE purse_openings (
    owner_kind TEXT    NOT NULL CHECK (owner_kind IN ('character', 'mail')),
    owner      INTEGER NOT NULL,
    gold       INTEGER NOT NULL CHECK (gold > 0),
    PRIMARY KEY (owner_kind, owner)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_totals (
    template  TEXT    NOT NULL PRIMARY KEY,
    created   INTEGER NOT NULL CHECK (created >= 0),
    destroyed INTEGER NOT NULL CHECK (destroyed >= 0),
    reshaped  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
