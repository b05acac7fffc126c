"""The calls of one caller, newest first: what a screen shows of him while he rings.

A B-tree takes no value of more than some 2,700 bytes, and a row that the index refuses could not be saved; how long a
caller's number is, he chooses. So only its beginning is indexed; who asks must ask for both
(`telephony.cases.earlier`). Those without a number are many, and nobody asks for them.

Building it on ten million calls takes some ten seconds, during which calls wait in memory to be saved.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX calls_of_caller ON calls (left(caller, 64), arrived_at DESC) WHERE caller <> ''")


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup instead")
