"""Calls, their visits and offers, and their cases.

The CHECK constraints repeat the core's invariants (docs/definitions.md), so that whatever writes here, the figures read
from here keep their meaning. The one that spans two tables, visits for inbound calls only, is kept on `calls` through
`visits`, the number of rows the call has there.

Durations are whole microseconds in `bigint` columns ending in `_us`, not `interval`: it is exactly what a PBX's clock
gives; half the size of an interval, and sums, averages and percentiles over ten million rows need no calendar
arithmetic (an interval keeps months, days and microseconds apart, and '1 day' is not '24 hours' to it).

`life` names the process that counts a call's revisions: they can be compared within one life only
(docs/decisions/restart.md).

Unique ids recur across boots of a PBX, so only `id` is unique, which the core derives.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE calls (
    id          uuid PRIMARY KEY,
    pbx         text NOT NULL,
    uniqueid    text NOT NULL,
    linkedid    text NOT NULL,
    direction   text NOT NULL CHECK (direction IN ('inbound', 'outbound', 'internal')),
    caller      text NOT NULL,
    caller_name text NOT NULL,
    dialled     text NOT NULL,
    arrived_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    hung_up_by  text CHECK (hung_up_by IN ('caller', 'agent', 'pbx')),
    case_id     uuid,
    visits      integer NOT NULL CHECK (visits >= 0),
    revision    bigint NOT NULL CHECK (revision >= 0),
    life        bigint NOT NULL,
    CONSTRAINT only_inbound_calls_have_visits CHECK (direction = 'inbound' OR visits = 0),
    CONSTRAINT inbound_calls_have_a_case CHECK (direction <> 'inbound' OR case_id IS NOT NULL)
);
COMMENT ON TABLE calls IS 'One contact, from its root channel to its last hang-up';
CREATE INDEX calls_arrived ON calls (arrived_at, id);
CREATE INDEX calls_open ON calls (pbx) WHERE ended_at IS NULL;

CREATE TABLE visits (
    call_id            uuid NOT NULL REFERENCES calls ON DELETE CASCADE,
    ordinal            integer NOT NULL CHECK (ordinal >= 1),
    uniqueid           text NOT NULL,
    kind               text NOT NULL CHECK (kind IN ('queue', 'direct')),
    queue              text NOT NULL,
    joined_at          timestamptz,
    left_at            timestamptz,
    outcome            text CHECK (outcome IN (
        'answered', 'abandoned', 'timeout', 'key_exit', 'empty', 'withdrawn', 'redirected', 'busy', 'unreachable',
        'incompatible', 'ended_by_pbx', 'refused_full', 'refused_empty', 'exited', 'lost')),
    settling           boolean NOT NULL,
    wait_us            bigint CHECK (wait_us >= 0),
    alerted_at         timestamptz,
    caller_rings       integer CHECK (caller_rings >= 0),
    caller_rings_heard integer CHECK (caller_rings_heard >= 0),
    agent              text,
    answered_at        timestamptz,
    talk_us            bigint CHECK (talk_us >= 0),
    hold_us            bigint CHECK (hold_us >= 0),
    hung_up_by         text CHECK (hung_up_by IN ('caller', 'agent', 'pbx')),
    quality            text NOT NULL CHECK (quality IN ('live', 'partial', 'reconstructed', 'approximate')),
    reason             text NOT NULL,
    PRIMARY KEY (call_id, ordinal),
    CONSTRAINT leaving_follows_joining CHECK (left_at >= joined_at),
    CONSTRAINT refused_is_never_joined
        CHECK (coalesce(outcome IN ('refused_full', 'refused_empty'), false) = (joined_at IS NULL)),
    CONSTRAINT answered_has_an_answer
        CHECK (coalesce(outcome = 'answered', false) = (answered_at IS NOT NULL)),
    CONSTRAINT answered_has_an_agent
        CHECK (outcome IS DISTINCT FROM 'answered' OR agent IS NOT NULL OR quality <> 'live'),
    CONSTRAINT only_answered_talks
        CHECK (outcome IS NOT DISTINCT FROM 'answered'
               OR (talk_us IS NULL AND hold_us IS NULL AND caller_rings IS NULL)),
    CONSTRAINT settling_has_left_undecided CHECK (NOT settling OR (outcome IS NULL AND left_at IS NOT NULL)),
    CONSTRAINT decided_has_left
        CHECK (outcome IS NULL OR outcome IN ('lost', 'refused_full', 'refused_empty') OR left_at IS NOT NULL)
);
COMMENT ON TABLE visits IS 'One stay of a customer waiting for a human';
CREATE INDEX visits_left ON visits (left_at);
CREATE INDEX visits_open ON visits (call_id) WHERE outcome IS NULL;

CREATE TABLE offers (
    call_id     uuid NOT NULL,
    visit       integer NOT NULL,
    ordinal     integer NOT NULL CHECK (ordinal >= 1),
    agent       text NOT NULL,
    interface   text NOT NULL,
    leg         text NOT NULL,
    called_at   timestamptz NOT NULL,
    rang_at     timestamptz,
    answered_at timestamptz,
    ended_at    timestamptz,
    result      text CHECK (result IN (
        'answered', 'no_answer', 'busy', 'cancelled_elsewhere', 'caller_left', 'unreachable')),
    setup_us    bigint CHECK (setup_us >= 0),
    alerting_us bigint CHECK (alerting_us >= 0),
    rings       integer CHECK (rings >= 0),
    PRIMARY KEY (call_id, visit, ordinal),
    FOREIGN KEY (call_id, visit) REFERENCES visits ON DELETE CASCADE
);
COMMENT ON TABLE offers IS 'One agent leg rung for one visit';

CREATE TABLE cases (
    id        uuid PRIMARY KEY,
    call_id   uuid NOT NULL UNIQUE REFERENCES calls ON DELETE CASCADE,
    serial    bigint GENERATED BY DEFAULT AS IDENTITY UNIQUE,
    number    text GENERATED ALWAYS AS (
        CASE WHEN serial < 1000000 THEN lpad(serial::text, 6, '0') ELSE serial::text END) STORED UNIQUE,
    kind      text NOT NULL DEFAULT 'unknown' CHECK (kind <> ''),
    opened_at timestamptz NOT NULL
);
COMMENT ON TABLE cases IS 'The record of the matter: every inbound call has exactly one';
"""


def upgrade() -> None:
    # One at a time: the driver prepares what it runs, and only single statements can be prepared.
    for statement in SQL.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup instead")
