"""Who follows which PBX; the journal position of a row, to be read by people; and queue visits found by their joining.

`call_positions` is a view: a stored column would rewrite the table of calls under a lock that nobody passes, half a
minute and more on ten million rows, to keep what a shift of `revision` says as well (docs/decisions/lease.md). The
index is what reconciliation asks by, every minute; building it on ten million visits takes some ten seconds, during
which calls wait in memory to be saved.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE leases (
    pbx      text PRIMARY KEY,
    holder   uuid NOT NULL,
    told     text NOT NULL,
    until    timestamptz NOT NULL,
    taken_at timestamptz NOT NULL,
    term     bigint NOT NULL
);
COMMENT ON TABLE leases IS 'Who follows a PBX and writes its calls, until when; by the clock of the database';
COMMENT ON COLUMN leases.holder IS 'The instance: the number in its data_dir';
COMMENT ON COLUMN leases.told IS 'Host and process, for people';
COMMENT ON COLUMN leases.until IS 'Unless renewed; -infinity: given up';
COMMENT ON COLUMN leases.taken_at IS 'Who renews must know it, so that a copy of the holder is none';
COMMENT ON COLUMN leases.term IS 'Counts the changes of holder: while it stays, nobody else has followed the PBX';
CREATE VIEW call_positions AS SELECT id, pbx, life, revision >> 12 AS position FROM calls;
COMMENT ON VIEW call_positions IS 'The position in the journal of the PBX that a row reflects; 0: older than it';
CREATE INDEX visits_joined ON visits (joined_at) WHERE kind = 'queue';
"""


def upgrade() -> None:
    for statement in SQL.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup instead")
