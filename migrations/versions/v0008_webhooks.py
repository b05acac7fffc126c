"""What is still to be told to each receiver of webhooks, in order; the outbox is shared out among them.

An event leaves the outbox in the transaction that gives it to whoever wants it, so it is given once, however the
numbers of transactions that commit late lie; it leaves this table when its receiver has taken it.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = (
    """CREATE TABLE webhook_deliveries (
        id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        webhook   text NOT NULL CHECK (webhook <> ''),
        at        timestamptz NOT NULL,
        since     timestamptz NOT NULL,
        topic     text NOT NULL,
        subject   uuid NOT NULL,
        version   integer NOT NULL,
        told      jsonb NOT NULL,
        attempts  integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        why       text NOT NULL DEFAULT '',
        parked_at timestamptz)""",
    "COMMENT ON TABLE webhook_deliveries IS 'What is to be told to receivers of webhooks; without words of callers'",
    "COMMENT ON COLUMN webhook_deliveries.since IS 'From when on it is tried: it happened, or somebody asked again'",
    "CREATE INDEX webhook_deliveries_next ON webhook_deliveries (webhook, id) WHERE parked_at IS NULL",
    "CREATE INDEX webhook_deliveries_parked ON webhook_deliveries (webhook, id) WHERE parked_at IS NOT NULL",
)


def upgrade() -> None:
    # One at a time: the driver prepares what it runs, and only single statements can be prepared.
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup instead")
