"""Cases that people work on, the callers to be called back, and a history of both that only grows.

The CHECK constraints repeat what `telephony.cases.rules` keeps. A column with a constant default costs no rewrite of
the table; the checks are made over it once, and one index over all of it, under its lock: some ten seconds on ten
million cases, during which calls wait in memory to be saved. What the machine opened before stays `logged`, and has no
owner: nobody recorded it.

History goes only with its case or work, and these go only with the calls that they are of, when nobody has ever done
anything with them: so what a person did is there for ever.

`casework_due` is what the machine has to look at: every state of a call that is saved, in the transaction that saves
it, so nothing is lost whoever dies when. It has no key to wait for: whoever saves only appends.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROLES = "('agent', 'marketing', 'supervisor', 'quality', 'administrator')"

CASES = f"""
ALTER TABLE cases
    ALTER COLUMN call_id DROP NOT NULL,
    DROP CONSTRAINT cases_kind_check,
    ADD COLUMN version integer NOT NULL DEFAULT 0,
    ADD COLUMN state text NOT NULL DEFAULT 'logged',
    ADD COLUMN branch text NOT NULL DEFAULT '',
    ADD COLUMN worked boolean NOT NULL DEFAULT false,
    ADD COLUMN advice boolean NOT NULL DEFAULT false,
    ADD COLUMN form jsonb NOT NULL DEFAULT '{{}}',
    ADD COLUMN owner text,
    ADD COLUMN owner_name text,
    ADD COLUMN owner_role text,
    ADD COLUMN offered jsonb,
    ADD COLUMN offered_to text,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN plan jsonb,
    ADD COLUMN feedback jsonb,
    ADD COLUMN visit jsonb,
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN archived_at timestamptz,
    ADD COLUMN merged_into uuid REFERENCES cases,
    ADD COLUMN merged_from text,
    ADD CONSTRAINT kind_is_known CHECK (kind IN (
        'unknown', 'enquiry', 'complaint', 'suggestion', 'query', 'business', 'return_visit')),
    ADD CONSTRAINT state_is_known CHECK (state IN (
        'logged', 'open', 'waiting_caller', 'waiting_department', 'answered', 'closed', 'archived', 'merged')),
    ADD CONSTRAINT owner_is_whole CHECK ((owner IS NULL) = (owner_name IS NULL)
        AND (owner IS NULL) = (owner_role IS NULL) AND coalesce(owner_role IN {ROLES}, true)),
    ADD CONSTRAINT offer_is_whole CHECK ((offered IS NULL) = (offered_to IS NULL)),
    ADD CONSTRAINT marketing_gives_no_advice CHECK (NOT advice OR (
        owner_role IS DISTINCT FROM 'marketing' AND (offered -> 'to' ->> 'role') IS DISTINCT FROM 'marketing')),
    ADD CONSTRAINT logged_is_untouched CHECK (state <> 'logged' OR NOT worked),
    ADD CONSTRAINT closed_has_an_answer CHECK (state NOT IN ('closed', 'archived') OR (
        closed_at IS NOT NULL AND offered IS NULL AND (kind = 'return_visit' OR feedback IS NOT NULL))),
    ADD CONSTRAINT archived_has_a_time CHECK ((state = 'archived') = (archived_at IS NOT NULL)),
    ADD CONSTRAINT archived_complaint_took_its_steps CHECK (NOT (state = 'archived' AND kind = 'complaint') OR (
        plan IS NOT NULL AND feedback IS NOT NULL
        AND coalesce(visit ->> 'outcome' IN ('satisfied', 'informed'), false))),
    ADD CONSTRAINT open_complaint_has_a_deadline CHECK (due_at IS NOT NULL OR kind <> 'complaint'
        OR state NOT IN ('open', 'waiting_caller', 'waiting_department')),
    ADD CONSTRAINT merged_is_part_of_another CHECK ((state = 'merged') = (merged_into IS NOT NULL)
        AND (state = 'merged') = (merged_from IS NOT NULL) AND merged_into IS DISTINCT FROM id)
"""

STATEMENTS = (
    CASES,
    "COMMENT ON COLUMN cases.call_id IS 'That opened it; a person may open one without'",
    "COMMENT ON COLUMN cases.worked IS 'A person has done something with it: it is never deleted'",
    "COMMENT ON COLUMN cases.merged_from IS 'The state to which it goes back when it is taken out again'",
    "CREATE INDEX cases_opened ON cases (opened_at DESC, id DESC)",
    "CREATE INDEX cases_of_owner ON cases (owner, opened_at DESC, id DESC) WHERE owner IS NOT NULL",
    "CREATE INDEX cases_offered ON cases (offered_to) WHERE offered_to IS NOT NULL",
    "CREATE INDEX cases_of_branch ON cases (branch, opened_at DESC, id DESC) WHERE branch <> ''",
    "CREATE INDEX cases_worked ON cases (opened_at DESC, id DESC) WHERE worked",
    "CREATE INDEX cases_due ON cases (due_at, id) WHERE due_at IS NOT NULL AND state NOT IN ('archived', 'merged')",
    "CREATE INDEX cases_merged ON cases (merged_into) WHERE merged_into IS NOT NULL",
    "CREATE INDEX cases_complaints ON cases (opened_at) WHERE kind = 'complaint'",
    """CREATE INDEX cases_active ON cases (kind)
       WHERE state IN ('open', 'waiting_caller', 'waiting_department', 'answered')""",
    """CREATE TABLE case_calls (
        case_id uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
        call_id uuid NOT NULL REFERENCES calls ON DELETE CASCADE,
        PRIMARY KEY (case_id, call_id))""",
    "COMMENT ON TABLE case_calls IS 'Calls that are about a case, besides the one that opened it'",
    "CREATE INDEX case_calls_of_call ON case_calls (call_id)",
    """CREATE TABLE case_history (
        case_id uuid NOT NULL REFERENCES cases ON DELETE CASCADE,
        version integer NOT NULL CHECK (version >= 1),
        at      timestamptz NOT NULL,
        by_id   text NOT NULL,
        by_name text NOT NULL,
        what    text NOT NULL,
        before  jsonb NOT NULL,
        after   jsonb NOT NULL,
        detail  jsonb NOT NULL,
        key     text CHECK (length(key) BETWEEN 1 AND 200),
        PRIMARY KEY (case_id, version))""",
    "COMMENT ON TABLE case_history IS 'Who did what with a case, and when: one row for each of its versions'",
    "CREATE UNIQUE INDEX case_history_key ON case_history (case_id, key) WHERE key IS NOT NULL",
    """CREATE TABLE callbacks (
        id            uuid PRIMARY KEY,
        number        text NOT NULL CHECK (length(number) BETWEEN 3 AND 64),
        branch        text NOT NULL,
        reason        text NOT NULL CHECK (reason IN ('after_hours', 'abandoned', 'unanswered', 'unknown')),
        opened_at     timestamptz NOT NULL,
        lost_at       timestamptz NOT NULL,
        due_at        timestamptz NOT NULL,
        version       integer NOT NULL CHECK (version >= 0),
        calls         integer NOT NULL CHECK (calls >= 0),
        attempts      integer NOT NULL CHECK (attempts >= 0),
        claimed_by    jsonb,
        claimed_until timestamptz,
        result        text CHECK (result IN ('reached', 'got_through', 'corrected', 'not_reached')),
        closed_at     timestamptz,
        closed_by     uuid,
        CONSTRAINT claim_is_whole CHECK ((claimed_by IS NULL) = (claimed_until IS NULL)),
        CONSTRAINT done_is_unclaimed CHECK (result IS NULL OR claimed_by IS NULL),
        CONSTRAINT done_has_a_time CHECK ((result IS NULL) = (closed_at IS NULL)),
        CONSTRAINT closed_by_a_call CHECK ((closed_by IS NOT NULL) = coalesce(result = 'got_through', false)))""",
    "COMMENT ON TABLE callbacks IS 'Somebody has to be called back: at most one open for each number and branch'",
    "CREATE UNIQUE INDEX callbacks_open ON callbacks (number, branch) WHERE result IS NULL",
    "CREATE INDEX callbacks_due ON callbacks (due_at, id) WHERE result IS NULL",
    "CREATE INDEX callbacks_of_number ON callbacks (number, branch, closed_at)",
    "CREATE INDEX callbacks_closed_by ON callbacks (closed_by) WHERE closed_by IS NOT NULL",
    """CREATE TABLE callback_calls (
        call_id     uuid PRIMARY KEY REFERENCES calls ON DELETE CASCADE,
        callback_id uuid NOT NULL REFERENCES callbacks ON DELETE CASCADE)""",
    "COMMENT ON TABLE callback_calls IS 'The calls for which somebody is called back'",
    "CREATE INDEX callback_calls_of ON callback_calls (callback_id)",
    """CREATE TABLE callback_history (
        callback_id uuid NOT NULL REFERENCES callbacks ON DELETE CASCADE,
        version     integer NOT NULL CHECK (version >= 0),
        at          timestamptz NOT NULL,
        by_id       text NOT NULL,
        by_name     text NOT NULL,
        what        text NOT NULL,
        before      jsonb NOT NULL,
        after       jsonb NOT NULL,
        detail      jsonb NOT NULL,
        key         text CHECK (length(key) BETWEEN 1 AND 200),
        PRIMARY KEY (callback_id, version))""",
    "CREATE UNIQUE INDEX callback_history_key ON callback_history (callback_id, key) WHERE key IS NOT NULL",
    """CREATE TABLE outbox (
        serial  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at      timestamptz NOT NULL,
        topic   text NOT NULL,
        subject uuid NOT NULL,
        version integer NOT NULL,
        told    jsonb NOT NULL)""",
    "COMMENT ON TABLE outbox IS 'What is to be told to others, without names, numbers and words of callers'",
    """CREATE TABLE casework_due (
        serial  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        call_id uuid NOT NULL)""",
    "COMMENT ON TABLE casework_due IS 'Calls of which a state was saved that the machine has not looked at'",
    """CREATE FUNCTION casework_call_saved() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO casework_due (call_id) SELECT id FROM saved WHERE direction = 'inbound';
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER casework_call_inserted AFTER INSERT ON calls REFERENCING NEW TABLE AS saved
       FOR EACH STATEMENT EXECUTE FUNCTION casework_call_saved()""",
    """CREATE TRIGGER casework_call_updated AFTER UPDATE ON calls REFERENCING NEW TABLE AS saved
       FOR EACH STATEMENT EXECUTE FUNCTION casework_call_saved()""",
    """CREATE FUNCTION casework_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% only grows: what was done is not changed', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$""",
    """CREATE FUNCTION casework_case_history_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM cases WHERE id = OLD.case_id) THEN
            RAISE EXCEPTION 'case_history only grows: what was done is not deleted'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END $$""",
    """CREATE FUNCTION casework_callback_history_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM callbacks WHERE id = OLD.callback_id) THEN
            RAISE EXCEPTION 'callback_history only grows: what was done is not deleted'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END $$""",
    """CREATE FUNCTION casework_worked_case_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.worked THEN
            RAISE EXCEPTION 'a case that somebody worked on is not deleted' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END $$""",
    """CREATE FUNCTION casework_open_callback_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.result IS NULL THEN
            RAISE EXCEPTION 'an open call back is not deleted' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END $$""",
    """CREATE TRIGGER only_grows BEFORE UPDATE ON case_history
       FOR EACH ROW EXECUTE FUNCTION casework_only_grows()""",
    """CREATE TRIGGER stays BEFORE DELETE ON case_history
       FOR EACH ROW EXECUTE FUNCTION casework_case_history_stays()""",
    """CREATE TRIGGER is_not_emptied BEFORE TRUNCATE ON case_history
       FOR EACH STATEMENT EXECUTE FUNCTION casework_only_grows()""",
    """CREATE TRIGGER only_grows BEFORE UPDATE ON callback_history
       FOR EACH ROW EXECUTE FUNCTION casework_only_grows()""",
    """CREATE TRIGGER stays BEFORE DELETE ON callback_history
       FOR EACH ROW EXECUTE FUNCTION casework_callback_history_stays()""",
    """CREATE TRIGGER is_not_emptied BEFORE TRUNCATE ON callback_history
       FOR EACH STATEMENT EXECUTE FUNCTION casework_only_grows()""",
    """CREATE TRIGGER worked_stays BEFORE DELETE ON cases
       FOR EACH ROW EXECUTE FUNCTION casework_worked_case_stays()""",
    """CREATE TRIGGER open_stays BEFORE DELETE ON callbacks
       FOR EACH ROW EXECUTE FUNCTION casework_open_callback_stays()""",
)


def upgrade() -> None:
    # One at a time: the driver prepares what it runs, and only single statements can be prepared.
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup instead")
