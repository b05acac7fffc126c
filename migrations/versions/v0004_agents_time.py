"""What agents did, from when to when; and up to when that is known.

A spell is known by PBX, agent and beginning, so that whoever writes it twice has written it once. `agents_heard` says
up to when everything of a PBX is here: what goes on went on until then, and nobody guesses further. A spell lasts for
half a day at most, a longer one goes on in another: so the index by beginning finds whatever reaches into a day.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE agent_spells (
    pbx      text NOT NULL,
    agent    text NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    since    timestamptz NOT NULL,
    state    text NOT NULL CHECK (state IN (
        'talking', 'wrap_up', 'paused', 'ringing', 'ready', 'unreachable', 'unknown')),
    reason   text NOT NULL CHECK (char_length(reason) <= 80),
    queues   text[] NOT NULL,
    quality  text NOT NULL CHECK (quality IN ('live', 'partial', 'approximate')),
    PRIMARY KEY (pbx, agent, began_at),
    CONSTRAINT ending_follows_beginning CHECK (ended_at >= began_at),
    CONSTRAINT beginning_follows_since CHECK (began_at >= since),
    CONSTRAINT only_pauses_have_reasons CHECK (reason = '' OR state IN ('paused', 'wrap_up'))
);
COMMENT ON TABLE agent_spells IS 'What an agent did from when to when: docs/agents-time.md';
COMMENT ON COLUMN agent_spells.ended_at IS 'Not included; null: it goes on, and went on until agents_heard.until';
COMMENT ON COLUMN agent_spells.since IS 'When he came to do this, before any gap that ended as it began';
CREATE INDEX agent_spells_began ON agent_spells (began_at);
CREATE UNIQUE INDEX agent_spells_open ON agent_spells (pbx, agent) WHERE ended_at IS NULL;
CREATE TABLE agents_heard (
    pbx   text PRIMARY KEY,
    until timestamptz NOT NULL
);
COMMENT ON TABLE agents_heard IS 'Up to when everything that agents did is in agent_spells, by the clock of the PBX';
"""


def upgrade() -> None:
    for statement in SQL.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup instead")
