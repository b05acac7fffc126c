"""People: their accounts, sessions and tokens, and what is written down of what they saw and changed.

Of sessions and tokens only hashes are kept: whoever reads the table, or a backup of it, can sign in with nothing that
he finds there. `audit` refuses to be changed: its trigger stops the service itself and every tool that signs in as it;
whoever owns the table can still drop the trigger, and that leaves its own trace in PostgreSQL's log.

`login_key` is the name as `telephony.people.names.key_of` folds it; `lower()` depends on the locale of the database.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
CREATE TABLE users (
    id            uuid PRIMARY KEY,
    login         text NOT NULL CHECK (login <> ''),
    login_key     text NOT NULL UNIQUE CHECK (login_key <> ''),
    title         text NOT NULL DEFAULT '',
    role          text NOT NULL CHECK (role IN ('agent', 'marketing', 'supervisor', 'quality', 'administrator')),
    branches      text[] NOT NULL DEFAULT '{}',
    desk          text CHECK (desk <> ''),
    password_hash text CHECK (password_hash LIKE '$argon2id$%'),
    must_change   boolean NOT NULL DEFAULT false,
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now()
)""",
    "COMMENT ON TABLE users IS 'Accounts of people'",
    "COMMENT ON COLUMN users.branches IS 'What he sees is of these alone; empty: of all'",
    "COMMENT ON COLUMN users.desk IS 'The [[agent]] whose calls he is shown'",
    "COMMENT ON COLUMN users.password_hash IS 'NULL: he has none and cannot sign in'",
    """
CREATE TABLE sessions (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
    id         uuid NOT NULL UNIQUE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    until      timestamptz NOT NULL,
    idle       interval NOT NULL CHECK (idle > interval '0'),
    user_agent text NOT NULL DEFAULT '',
    remote     text NOT NULL DEFAULT '',
    revoked_at timestamptz
)""",
    "COMMENT ON TABLE sessions IS 'Who is signed in; only hashes of what his browser shows'",
    "CREATE INDEX sessions_of_user ON sessions (user_id)",
    """
CREATE TABLE api_tokens (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
    id         uuid NOT NULL UNIQUE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    title      text NOT NULL,
    scopes     text[] NOT NULL CHECK (
        scopes <@ ARRAY['desk', 'cases', 'figures', 'live', 'wall', 'audit'] AND cardinality(scopes) > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz,
    until      timestamptz NOT NULL,
    revoked_at timestamptz
)""",
    "COMMENT ON TABLE api_tokens IS 'Tokens of programs; each may what owner and scopes both allow'",
    "CREATE INDEX api_tokens_of_user ON api_tokens (user_id)",
    """
CREATE TABLE audit (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL,
    who    text NOT NULL,
    verb   text NOT NULL CHECK (verb <> ''),
    kind   text NOT NULL,
    whom   text NOT NULL,
    branch text NOT NULL,
    remote text NOT NULL,
    detail text NOT NULL
)""",
    "COMMENT ON TABLE audit IS 'Who saw or changed what of whom; append only'",
    "CREATE INDEX audit_who ON audit (who, id)",
    "CREATE INDEX audit_whom ON audit (whom, id) WHERE whom <> ''",
    "CREATE INDEX audit_at ON audit (at, id)",
    """
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append only' USING ERRCODE = 'insufficient_privilege';
END $$""",
    """
CREATE TRIGGER audit_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup instead")
