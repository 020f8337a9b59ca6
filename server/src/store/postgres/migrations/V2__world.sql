-- The world's first schema in PostgreSQL. It is what SQLite's is after its second migration, and has its number, so
-- that a schema's number means the same in both. Numbers are non-negative unless they are coordinates; times are Unix
-- milliseconds. Unsigned 32 bits are kept as BIGINT.

-- Counters: epoch (grows with each start), node (the high bits of every id made here), next_account, next_character,
-- next_item and next_mail (the low bits of the next id of each kind), and folded_entry (below).
CREATE TABLE meta (
    key   TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL CHECK (value BETWEEN 0 AND 281474976710656)
);
INSERT INTO meta (key, value)
VALUES ('epoch', 0), ('next_account', 1), ('next_character', 1), ('next_item', 1), ('next_mail', 1), ('folded_entry', 0);

-- One row per start, with the high-water marks of what that start has made durable: a batch, commit or operation at or
-- below its mark was applied before and is skipped. `answers` is what that batch was answered, for when the answer was
-- lost on the way; NULL when it had nothing but commits.
CREATE TABLE epochs (
    epoch      BIGINT NOT NULL PRIMARY KEY,
    opened_ms  BIGINT NOT NULL,
    commits    BIGINT NOT NULL DEFAULT 0 CHECK (commits >= 0),
    operations BIGINT NOT NULL DEFAULT 0 CHECK (operations >= 0),
    batch      BIGINT NOT NULL DEFAULT 0 CHECK (batch >= 0),
    answers    BYTEA
);

CREATE TABLE accounts (
    id            BIGINT NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL UNIQUE,
    password_hash TEXT,
    created_ms    BIGINT NOT NULL
);

-- One-time ids of login tokens, kept until the token itself has expired.
CREATE TABLE login_tokens (
    id         TEXT   NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX login_tokens_by_expiry ON login_tokens (expires_at);

CREATE TABLE characters (
    id          BIGINT NOT NULL PRIMARY KEY,
    account     BIGINT NOT NULL REFERENCES accounts (id),
    name        TEXT   NOT NULL,
    -- Sorted by its bytes on every machine, as SQLite does.
    folded_name TEXT   COLLATE "C" NOT NULL UNIQUE,
    rank        TEXT   NOT NULL DEFAULT 'player' CHECK (rank IN ('player', 'guide', 'master', 'admin')),
    created_ms  BIGINT NOT NULL,
    -- Where it stands: all four, or none when it has never been in the world.
    zone        TEXT,
    x           INTEGER,
    y           INTEGER,
    heading     INTEGER CHECK (heading BETWEEN 0 AND 65535),
    -- When it was last saved: by which start, in which tick, at what time.
    saved_epoch BIGINT,
    saved_tick  BIGINT,
    saved_ms    BIGINT,
    gold        BIGINT NOT NULL DEFAULT 0 CHECK (gold BETWEEN 0 AND 1000000000000000),
    CHECK ((zone IS NULL) = (x IS NULL) AND (zone IS NULL) = (y IS NULL) AND (zone IS NULL) = (heading IS NULL))
);
CREATE INDEX characters_by_account ON characters (account);

-- What each game module keeps of a character; the bytes are the module's own.
CREATE TABLE character_modules (
    character BIGINT NOT NULL REFERENCES characters (id),
    module    TEXT   NOT NULL,
    version   BIGINT NOT NULL CHECK (version BETWEEN 0 AND 4294967295),
    bytes     BYTEA  NOT NULL,
    PRIMARY KEY (character, module)
);

-- Letters that their recipients haven't thrown away. Who wrote one may be gone by now.
CREATE TABLE mail (
    id          BIGINT NOT NULL PRIMARY KEY,
    recipient   BIGINT NOT NULL REFERENCES characters (id),
    sender      BIGINT NOT NULL,
    sender_name TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    gold        BIGINT NOT NULL CHECK (gold BETWEEN 0 AND 1000000000000000),
    sent_ms     BIGINT NOT NULL
);
CREATE INDEX mail_by_recipient ON mail (recipient, id);

-- Every item of the world, once. Its owner is a character, a zone's ground or a letter: always exactly one.
CREATE TABLE items (
    id              BIGINT NOT NULL PRIMARY KEY,
    owner_character BIGINT REFERENCES characters (id),
    owner_zone      TEXT,
    owner_mail      BIGINT REFERENCES mail (id),
    x               INTEGER,
    y               INTEGER,
    slot            BIGINT NOT NULL CHECK (slot BETWEEN 0 AND 4294967295),
    template        TEXT   NOT NULL,
    quantity        BIGINT NOT NULL CHECK (quantity BETWEEN 1 AND 4294967295),
    CHECK (num_nonnulls(owner_character, owner_zone, owner_mail) = 1),
    CHECK ((owner_zone IS NULL) = (x IS NULL) AND (owner_zone IS NULL) = (y IS NULL))
);
CREATE INDEX items_by_character ON items (owner_character) WHERE owner_character IS NOT NULL;
CREATE INDEX items_on_ground ON items (owner_zone) WHERE owner_zone IS NOT NULL;
CREATE INDEX items_in_mail ON items (owner_mail) WHERE owner_mail IS NOT NULL;

-- The history of every item and of all gold. An entry without a "from" brings something into the world (or, in a
-- split, parts it from its stack), one without a "to" takes it out (or joins it to another). `change` is what the
-- quantity of this item grew by. Gold has item 0, the template 'gold' and its amount as quantity; its change is 0
-- while it stays in the world. Sequence 0 is the store's own doing (a deleted character), which has no tick.
CREATE TABLE ledger (
    entry          BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    epoch          BIGINT NOT NULL REFERENCES epochs (epoch),
    sequence       BIGINT NOT NULL CHECK (sequence >= 0),
    tick           BIGINT,
    at_ms          BIGINT NOT NULL,
    cause          TEXT   NOT NULL,
    actor          BIGINT NOT NULL,
    kind           TEXT   NOT NULL CHECK (kind IN ('create', 'move', 'destroy', 'split', 'merge', 'gold')),
    item           BIGINT NOT NULL CHECK ((item = 0) = (kind = 'gold')),
    from_character BIGINT,
    from_zone      TEXT,
    from_mail      BIGINT,
    from_x         INTEGER,
    from_y         INTEGER,
    to_character   BIGINT,
    to_zone        TEXT,
    to_mail        BIGINT,
    to_x           INTEGER,
    to_y           INTEGER,
    slot           BIGINT NOT NULL,
    template       TEXT   NOT NULL,
    quantity       BIGINT NOT NULL CHECK (quantity > 0),
    change         BIGINT NOT NULL,
    CHECK (num_nonnulls(from_character, from_zone, from_mail) <= 1),
    CHECK (num_nonnulls(to_character, to_zone, to_mail) <= 1),
    CHECK (num_nonnulls(from_character, from_zone, from_mail, to_character, to_zone, to_mail) > 0)
);
CREATE INDEX ledger_by_item ON ledger (item, entry) WHERE item > 0;
CREATE INDEX ledger_of_gold ON ledger (entry) WHERE item = 0;
CREATE INDEX ledger_by_giver ON ledger (from_character, entry) WHERE from_character IS NOT NULL;
CREATE INDEX ledger_by_getter ON ledger (to_character, entry) WHERE to_character IS NOT NULL;

-- What the folded part of the ledger came to: the items and purses as they were just after the last folded entry
-- (meta: folded_entry), and the sums of what had come into the world and left it by then. `reshaped` is the sum of
-- what splits and merges changed, and must be 0.
CREATE TABLE item_openings (
    item            BIGINT NOT NULL PRIMARY KEY,
    owner_character BIGINT,
    owner_zone      TEXT,
    owner_mail      BIGINT,
    x               INTEGER,
    y               INTEGER,
    slot            BIGINT NOT NULL,
    template        TEXT   NOT NULL,
    quantity        BIGINT NOT NULL CHECK (quantity > 0)
);
CREATE TABLE purse_openings (
    owner_kind TEXT   NOT NULL CHECK (owner_kind IN ('character', 'mail')),
    owner      BIGINT NOT NULL,
    gold       BIGINT NOT NULL CHECK (gold > 0),
    PRIMARY KEY (owner_kind, owner)
);
CREATE TABLE ledger_totals (
    template  TEXT   NOT NULL PRIMARY KEY,
    created   BIGINT NOT NULL CHECK (created >= 0),
    destroyed BIGINT NOT NULL CHECK (destroyed >= 0),
    reshaped  BIGINT NOT NULL
);

-- What game masters did.
CREATE TABLE gm_log (
    entry   BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    epoch   BIGINT NOT NULL,
    tick    BIGINT NOT NULL,
    at_ms   BIGINT NOT NULL,
    actor   BIGINT NOT NULL,
    line    TEXT   NOT NULL,
    outcome TEXT   NOT NULL
);
