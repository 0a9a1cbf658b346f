-- What this service adds. Additions only: upstream's statements go on working. Upstream's INSERTs name their columns, so new columns are nullable
-- or have defaults; build_data gets none, because upstream selects all its columns and refuses ones that it does not know.

-- Narrow columns become text: nothing is cut, long names do not fail. Widening varchar to text rewrites nothing.
ALTER TABLE tasks
    ALTER COLUMN result_status TYPE text,
    ALTER COLUMN result_message TYPE text,
    ALTER COLUMN result_reason TYPE text,
    ALTER COLUMN result_successes TYPE text[],
    ALTER COLUMN result_failures TYPE text[],
    ALTER COLUMN status TYPE text,
    ALTER COLUMN created_by TYPE text,
    ALTER COLUMN design_ref TYPE text,
    ALTER COLUMN action TYPE text,
    ALTER COLUMN terminated_by TYPE text,
    ADD COLUMN term bigint,                          -- lease term of the last claim
    ADD COLUMN version bigint NOT NULL DEFAULT 0,    -- grows with every change of ours
    ADD COLUMN attempt integer NOT NULL DEFAULT 0,   -- how often it was claimed
    ADD COLUMN heartbeat timestamp without time zone,
    ADD COLUMN idempotency_key text;
ALTER TABLE result_message
    ALTER COLUMN sequence TYPE bigint,
    ALTER COLUMN message TYPE text,
    ALTER COLUMN context TYPE text,
    ALTER COLUMN context_type TYPE text;
ALTER SEQUENCE result_message_sequence_seq AS bigint;
ALTER TABLE boot_action_status
    ALTER COLUMN action_name TYPE text,
    ALTER COLUMN action_status TYPE text;
ALTER TABLE build_data
    ALTER COLUMN node_name TYPE text,
    ALTER COLUMN generator TYPE text,
    ALTER COLUMN data_format TYPE text;
ALTER TABLE active_instance
    ADD COLUMN term bigint,
    ADD COLUMN name text,
    ADD COLUMN acquired timestamp without time zone,
    ADD COLUMN expires timestamp without time zone;

CREATE TABLE lease_history (
    term     bigint PRIMARY KEY,
    identity bytea NOT NULL,
    name     text NOT NULL,
    started  timestamp without time zone NOT NULL,
    ended    timestamp without time zone,
    reason   text NOT NULL DEFAULT ''
);

-- Lists, newest first; the partial ones hold only what is open, so their size does not grow with history.
CREATE INDEX tasks_created ON tasks (created, task_id);
CREATE INDEX tasks_queued ON tasks (action, created, task_id) WHERE status = 'queued';
CREATE INDEX tasks_active ON tasks (created, task_id) WHERE status IN ('running', 'terminating');
CREATE INDEX tasks_failed ON tasks (created, task_id) WHERE result_status IN ('failure', 'partial_success');
CREATE INDEX tasks_parent ON tasks (parent_task_id, created, task_id) WHERE parent_task_id IS NOT NULL;
CREATE UNIQUE INDEX tasks_idempotency_key ON tasks (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX result_message_task ON result_message (task_id, sequence);
CREATE INDEX result_message_error ON result_message (task_id) WHERE error;
CREATE INDEX build_data_latest ON build_data (node_name, generator, collected_date);
CREATE INDEX build_data_collected ON build_data (collected_date);
CREATE INDEX build_data_node ON build_data (node_name, collected_date);
