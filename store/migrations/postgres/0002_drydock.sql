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
    ADD COLUMN orphaned integer NOT NULL DEFAULT 0,  -- how often its leader ended under it
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

-- Lists, newest first (rows of very old versions may lack a date); the partial ones hold only what is open, so their size does not grow with history.
CREATE INDEX tasks_created ON tasks (created DESC NULLS LAST, task_id DESC);
CREATE INDEX tasks_queued ON tasks (action, created, task_id) WHERE status = 'queued';
CREATE INDEX tasks_active ON tasks (created DESC NULLS LAST, task_id DESC) WHERE status IN ('running', 'terminating');
CREATE INDEX tasks_failed ON tasks (created DESC NULLS LAST, task_id DESC) WHERE result_status IN ('failure', 'partial_success');
CREATE INDEX tasks_parent ON tasks (parent_task_id, created DESC NULLS LAST, task_id DESC) WHERE parent_task_id IS NOT NULL;
CREATE UNIQUE INDEX tasks_idempotency_key ON tasks (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX result_message_task ON result_message (task_id, sequence);
CREATE INDEX result_message_error ON result_message (task_id) WHERE error;
CREATE INDEX build_data_latest ON build_data (node_name, generator, collected_date);
CREATE INDEX build_data_collected ON build_data (collected_date);
CREATE INDEX build_data_node ON build_data (node_name, collected_date);

-- Upstream's orchestrators know neither terms nor expiry. What they do to the lease row is completed here, so that either kind sees the other: a
-- change of holder waits for the writes made under the old term (which hold the row FOR KEY SHARE), then gets a term; a ping moves the expiry by
-- upstream's default leader_grace_period. Our own statements set term or expires themselves and pass the triggers by.
INSERT INTO lease_history (term, identity, name, started)
    SELECT 1, identity, 'upstream', last_ping FROM active_instance WHERE identity IS NOT NULL AND last_ping IS NOT NULL;
UPDATE active_instance SET term = 1, name = 'upstream', acquired = last_ping, expires = last_ping + interval '300 seconds';

CREATE FUNCTION drydock_upstream_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.expires := NEW.last_ping + interval '300 seconds';
    IF TG_OP = 'UPDATE' THEN
        IF NEW.identity IS NOT DISTINCT FROM OLD.identity THEN
            RETURN NEW;
        END IF;
        PERFORM 1 FROM active_instance WHERE dummy_key = OLD.dummy_key FOR UPDATE;
    END IF;
    NEW.name := 'upstream';
    NEW.acquired := clock_timestamp() AT TIME ZONE 'UTC';
    SELECT coalesce(max(term), 0) + 1 INTO NEW.term FROM lease_history;
    UPDATE lease_history SET ended = NEW.acquired, reason = 'expired' WHERE ended IS NULL;
    INSERT INTO lease_history (term, identity, name, started) VALUES (NEW.term, NEW.identity, NEW.name, NEW.acquired);
    RETURN NEW;
END
$$;
CREATE TRIGGER drydock_upstream_takes BEFORE INSERT ON active_instance FOR EACH ROW
    WHEN (NEW.term IS NULL) EXECUTE FUNCTION drydock_upstream_lease();
CREATE TRIGGER drydock_upstream_pings BEFORE UPDATE ON active_instance FOR EACH ROW
    WHEN (NEW.term IS NOT DISTINCT FROM OLD.term
        AND (NEW.identity IS DISTINCT FROM OLD.identity OR NEW.expires IS NOT DISTINCT FROM OLD.expires))
    EXECUTE FUNCTION drydock_upstream_lease();

CREATE FUNCTION drydock_upstream_leaves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE lease_history SET ended = clock_timestamp() AT TIME ZONE 'UTC', reason = 'released' WHERE term = OLD.term AND ended IS NULL;
    RETURN OLD;
END
$$;
CREATE TRIGGER drydock_upstream_leaves BEFORE DELETE ON active_instance FOR EACH ROW EXECUTE FUNCTION drydock_upstream_leaves();
