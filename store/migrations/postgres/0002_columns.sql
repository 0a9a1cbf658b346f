--: each
-- What this service adds. Additions only: upstream's statements go on working. Upstream's INSERTs name their columns, so new columns are nullable
-- or have defaults; build_data gets none, because upstream selects all its columns and refuses ones that it does not know.
--
-- Upstream goes on working while this runs, so nothing here holds a lock for long: every statement is a transaction of its own, gives up and tries
-- again if it would have to wait (a waiting ALTER holds up all who come after it), and can be run again, so that what was stopped is resumed. The
-- line above a statement says what it locks, and what it does.

-- Narrow columns become wide: nothing is cut, long names do not fail. None of these rewrites a row: text is stored as varchar is. (varchar(32)[] to
-- text[] would rewrite the table; varchar[] is as wide, and does not.)
--: tasks | ACCESS EXCLUSIVE | instant
ALTER TABLE tasks
    ALTER COLUMN result_status TYPE text,
    ALTER COLUMN result_message TYPE text,
    ALTER COLUMN result_reason TYPE text,
    ALTER COLUMN result_successes TYPE varchar[],
    ALTER COLUMN result_failures TYPE varchar[],
    ALTER COLUMN status TYPE text,
    ALTER COLUMN created_by TYPE text,
    ALTER COLUMN design_ref TYPE text,
    ALTER COLUMN action TYPE text,
    ALTER COLUMN terminated_by TYPE text,
    ADD COLUMN IF NOT EXISTS term bigint,                          -- lease term of the last claim
    ADD COLUMN IF NOT EXISTS version bigint NOT NULL DEFAULT 0,    -- grows with every change
    ADD COLUMN IF NOT EXISTS attempt integer NOT NULL DEFAULT 0,   -- how often it was claimed
    ADD COLUMN IF NOT EXISTS orphaned integer NOT NULL DEFAULT 0,  -- how often its leader ended under it
    ADD COLUMN IF NOT EXISTS heartbeat timestamp without time zone,
    ADD COLUMN IF NOT EXISTS idempotency_key text;
--: result_message | ACCESS EXCLUSIVE | instant
ALTER TABLE result_message
    ALTER COLUMN message TYPE text,
    ALTER COLUMN context TYPE text,
    ALTER COLUMN context_type TYPE text;
--: boot_action_status | ACCESS EXCLUSIVE | instant
ALTER TABLE boot_action_status
    ALTER COLUMN action_name TYPE text,
    ALTER COLUMN action_status TYPE text;
--: build_data | ACCESS EXCLUSIVE | instant
ALTER TABLE build_data
    ALTER COLUMN node_name TYPE text,
    ALTER COLUMN generator TYPE text,
    ALTER COLUMN data_format TYPE text;

-- A wider number does rewrite the table, so only a small one gets it. A large one keeps upstream's integer, good for 2,147,483,647 messages.
--: result_message | ACCESS EXCLUSIVE | rewrite if it has 10,000 rows or fewer, else nothing
DO $$
BEGIN
    IF (SELECT count(*) FROM (SELECT 1 FROM result_message LIMIT 10001) AS few) <= 10000 THEN
        ALTER TABLE result_message ALTER COLUMN sequence TYPE bigint;
        ALTER SEQUENCE result_message_sequence_seq AS bigint;
    END IF;
END
$$;
