"""Customers, their numbers, what was changed of them, and the lists that they came from.

A number belongs to one customer, or is `shared` by all who have it: the unique index sees to the first. `name_key` is
the name as `telephony.customers.customer.key_of` folds it, compared byte by byte, so that its beginning finds it by the
index whatever the locale of the database.

`customer_history` only grows, with one exception: what it says of a customer who is erased can be emptied, no more.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
CREATE TABLE customers (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CHECK (length(name) <= 100),
    name_key    text COLLATE "C" NOT NULL CHECK (length(name_key) <= 1000),
    branch      text NOT NULL CHECK (length(branch) <= 64),
    value_group text NOT NULL CHECK (length(value_group) <= 64),
    note        text NOT NULL CHECK (length(note) <= 2000),
    external_id text NOT NULL CHECK (length(external_id) <= 100),
    version     integer NOT NULL CHECK (version >= 1),
    created_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    merged_into uuid REFERENCES customers,
    erased_at   timestamptz,
    CONSTRAINT has_a_name_or_is_erased CHECK ((name <> '') = (erased_at IS NULL)),
    CONSTRAINT nothing_is_known_of_who_is_erased CHECK (erased_at IS NULL OR (
        name_key = '' AND branch = '' AND value_group = '' AND note = '' AND external_id = '')),
    CONSTRAINT merged_into_another CHECK (merged_into <> id)
)""",
    "COMMENT ON TABLE customers IS 'Who calls'",
    "COMMENT ON COLUMN customers.merged_into IS 'He turned out to be this one, who has his numbers'",
    "CREATE UNIQUE INDEX customers_external ON customers (external_id) WHERE external_id <> ''",
    "CREATE INDEX customers_name ON customers (name_key, id) WHERE merged_into IS NULL AND erased_at IS NULL",
    "CREATE INDEX customers_merged ON customers (merged_into) WHERE merged_into IS NOT NULL",
    """
CREATE TABLE customer_numbers (
    number      text COLLATE "C" NOT NULL CHECK (number ~ '^[+][0-9]{3,15}$'),
    customer_id uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
    position    integer NOT NULL CHECK (position >= 0),
    shared      boolean NOT NULL,
    PRIMARY KEY (number, customer_id)
)""",
    "COMMENT ON TABLE customer_numbers IS 'Numbers of customers, in E.164'",
    "COMMENT ON COLUMN customer_numbers.shared IS 'A line of a family or a company: others may have it as well'",
    "CREATE UNIQUE INDEX customer_numbers_of_one ON customer_numbers (number) WHERE NOT shared",
    "CREATE INDEX customer_numbers_of_customer ON customer_numbers (customer_id)",
    """
CREATE TABLE customer_history (
    customer_id uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
    version     integer NOT NULL CHECK (version >= 1),
    at          timestamptz NOT NULL,
    by_name     text NOT NULL,
    what        text NOT NULL CHECK (what IN (
        'added', 'imported', 'changed', 'merged', 'absorbed', 'parted', 'released', 'erased')),
    before      jsonb NOT NULL,
    after       jsonb NOT NULL,
    detail      jsonb NOT NULL,
    PRIMARY KEY (customer_id, version)
)""",
    "COMMENT ON TABLE customer_history IS 'Who changed what of a customer: one row for each of his versions'",
    """
CREATE TABLE customer_imports (
    id         uuid PRIMARY KEY,
    by_name    text NOT NULL,
    branch     text NOT NULL,
    file_name  text NOT NULL CHECK (length(file_name) <= 200),
    size       bigint NOT NULL CHECK (size >= 0),
    state      text NOT NULL CHECK (state IN ('running', 'done', 'refused', 'interrupted')),
    trouble    text NOT NULL,
    read       bigint NOT NULL DEFAULT 0,
    rows       bigint NOT NULL DEFAULT 0,
    added      bigint NOT NULL DEFAULT 0,
    changed    bigint NOT NULL DEFAULT 0,
    unchanged  bigint NOT NULL DEFAULT 0,
    refused    bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    CONSTRAINT every_row_is_accounted_for CHECK (rows = added + changed + unchanged + refused)
)""",
    "COMMENT ON TABLE customer_imports IS 'Lists of customers that were brought, and what became of them'",
    "COMMENT ON COLUMN customer_imports.read IS 'Bytes of the file'",
    "CREATE UNIQUE INDEX customer_imports_running ON customer_imports (state) WHERE state = 'running'",
    "CREATE INDEX customer_imports_started ON customer_imports (started_at DESC, id)",
    """
CREATE TABLE customer_import_refusals (
    import_id uuid NOT NULL REFERENCES customer_imports ON DELETE CASCADE,
    line      bigint NOT NULL,
    field     text NOT NULL,
    why       text NOT NULL,
    PRIMARY KEY (import_id, line)
)""",
    "COMMENT ON TABLE customer_import_refusals IS 'Lines that were not taken, and why; nothing of what stands in them'",
    """
CREATE FUNCTION customer_history_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.before = '{}' AND NEW.after = '{}' AND NEW.detail = '{}'
        AND (NEW.customer_id, NEW.version, NEW.at, NEW.by_name, NEW.what)
            = (OLD.customer_id, OLD.version, OLD.at, OLD.by_name, OLD.what)
        AND EXISTS (SELECT FROM customers WHERE id = OLD.customer_id AND erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'customer_history only grows: what was done is not changed' USING ERRCODE = 'restrict_violation';
END $$""",
    """
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON customer_history
    FOR EACH ROW EXECUTE FUNCTION customer_history_only_grows()""",
    """
CREATE TRIGGER is_not_emptied BEFORE TRUNCATE ON customer_history
    FOR EACH STATEMENT EXECUTE FUNCTION customer_history_only_grows()""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup instead")
