"""Call backs that were agreed in a talk: one more reason. Quick: the check is made over the call backs alone."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE callbacks DROP CONSTRAINT callbacks_reason_check",
    """ALTER TABLE callbacks ADD CONSTRAINT reason_is_known
        CHECK (reason IN ('agreed', 'after_hours', 'abandoned', 'unanswered', 'unknown'))""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup instead")
