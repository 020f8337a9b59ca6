-- The world's first schema. Numbers are non-negative unless they are coordinates; times are Unix milliseconds.

-- Counters: epoch (grows with each start), node (the high bits of every id made here), next_account,
-- next_character and next_item (the low bits of the next id of each kind).
CREATE TABLE meta (
    key   TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL CHECK (value BETWEEN 0 AND 281474976710656)
) STRICT, WITHOUT ROWID;
INSERT INTO meta (key, value)
VALUES ('epoch', 0), ('next_account', 1), ('next_character', 1), ('next_item', 1);

-- One row per start, with the high-water marks of what that start has made durable: a commit or an operation at
-- or below its mark was applied before and is skipped.
CREATE TABLE epochs (
    epoch      INTEGER NOT NULL PRIMARY KEY,
    opened_ms  INTEGER NOT NULL,
    commits    INTEGER NOT NULL DEFAULT 0 CHECK (commits >= 0),
    operations INTEGER NOT NULL DEFAULT 0 CHECK (operations >= 0)
) STRICT;

CREATE TABLE accounts (
    id            INTEGER NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    password_hash TEXT,
    created_ms    INTEGER NOT NULL
) STRICT;

-- One-time ids of login tokens, kept until the token itself has expired.
CREATE TABLE login_tokens (
    id         TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX login_tokens_by_expiry ON login_tokens (expires_at);

CREATE TABLE characters (
    id          INTEGER NOT NULL PRIMARY KEY,
    account     INTEGER NOT NULL REFERENCES accounts (id),
    name        TEXT    NOT NULL,
    folded_name TEXT    NOT NULL UNIQUE,
    rank        TEXT    NOT NULL DEFAULT 'player' CHECK (rank IN ('player', 'guide', 'master', 'admin')),
    created_ms  INTEGER NOT NULL,
    -- Where it stands: all four, or none when it has never been in the world.
    zone        TEXT,
    x           INTEGER CHECK (x BETWEEN -2147483648 AND 2147483647),
    y           INTEGER CHECK (y BETWEEN -2147483648 AND 2147483647),
    heading     INTEGER CHECK (heading BETWEEN 0 AND 65535),
    -- When it was last saved: by which start, in which tick, at what time.
    saved_epoch INTEGER,
    saved_tick  INTEGER,
    saved_ms    INTEGER,
    CHECK ((zone IS NULL) = (x IS NULL) AND (zone IS NULL) = (y IS NULL) AND (zone IS NULL) = (heading IS NULL))
) STRICT;
CREATE INDEX characters_by_account ON characters (account);

-- What each game module keeps of a character; the bytes are the module's own.
CREATE TABLE character_modules (
    character INTEGER NOT NULL REFERENCES characters (id),
    module    TEXT    NOT NULL,
    version   INTEGER NOT NULL CHECK (version BETWEEN 0 AND 4294967295),
    bytes     BLOB    NOT NULL,
    PRIMARY KEY (character, module)
) STRICT, WITHOUT ROWID;

-- Every item of the world, once. Its owner is either a character or a zone's ground, never both and never nobody.
CREATE TABLE items (
    id              INTEGER NOT NULL PRIMARY KEY,
    owner_character INTEGER REFERENCES characters (id),
    owner_zone      TEXT,
    x               INTEGER CHECK (x BETWEEN -2147483648 AND 2147483647),
    y               INTEGER CHECK (y BETWEEN -2147483648 AND 2147483647),
    slot            INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 4294967295),
    template        TEXT    NOT NULL,
    quantity        INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 4294967295),
    CHECK ((owner_character IS NULL) <> (owner_zone IS NULL)),
    CHECK ((owner_zone IS NULL) = (x IS NULL) AND (owner_zone IS NULL) = (y IS NULL))
) STRICT;
CREATE INDEX items_by_character ON items (owner_character) WHERE owner_character IS NOT NULL;
CREATE INDEX items_on_ground ON items (owner_zone) WHERE owner_zone IS NOT NULL;

-- The history of every item, only ever appended to. An entry without a "from" brings an item into the world, one
-- without a "to" takes it out. Sequence 0 is the store's own doing (a deleted character), which has no tick.
CREATE TABLE ledger (
    entry          INTEGER NOT NULL PRIMARY KEY,
    epoch          INTEGER NOT NULL REFERENCES epochs (epoch),
    sequence       INTEGER NOT NULL CHECK (sequence >= 0),
    tick           INTEGER,
    at_ms          INTEGER NOT NULL,
    cause          TEXT    NOT NULL,
    actor          INTEGER NOT NULL,
    item           INTEGER NOT NULL,
    from_character INTEGER,
    from_zone      TEXT,
    from_x         INTEGER,
    from_y         INTEGER,
    to_character   INTEGER,
    to_zone        TEXT,
    to_x           INTEGER,
    to_y           INTEGER,
    slot           INTEGER NOT NULL,
    template       TEXT    NOT NULL,
    quantity       INTEGER NOT NULL CHECK (quantity > 0),
    CHECK (from_character IS NULL OR from_zone IS NULL),
    CHECK (to_character IS NULL OR to_zone IS NULL),
    CHECK (COALESCE(from_character, from_zone, to_character, to_zone) IS NOT NULL)
) STRICT;
CREATE INDEX ledger_by_item ON ledger (item);

-- What game masters did.
CREATE TABLE gm_log (
    entry   INTEGER NOT NULL PRIMARY KEY,
    epoch   INTEGER NOT NULL,
    tick    INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    actor   INTEGER NOT NULL,
    line    TEXT    NOT NULL,
    outcome TEXT    NOT NULL
) STRICT;
