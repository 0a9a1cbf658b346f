--: each
-- Upstream saves a task by writing its whole row from a copy that may be old, and knows nothing of versions. A write that leaves the version as it is
-- is one of those; ours always change it, or the heartbeat, so these triggers cost them one comparison.

-- Names that upstream's statement has cut to 32 characters, as they were before.
--: a function | none | instant
CREATE OR REPLACE FUNCTION drydock_uncut(written varchar[], known varchar[]) RETURNS varchar[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN NOT EXISTS (SELECT FROM unnest(known) AS k WHERE char_length(k) > 32) THEN written ELSE ARRAY(
        SELECT coalesce(k.name, w.name)
        FROM (SELECT name, place, row_number() OVER (PARTITION BY name ORDER BY place) AS nth
              FROM unnest(written) WITH ORDINALITY AS u(name, place)) AS w
        LEFT JOIN (SELECT name, left(name, 32) AS cut, row_number() OVER (PARTITION BY left(name, 32) ORDER BY place) AS nth
              FROM unnest(known) WITH ORDINALITY AS u(name, place) WHERE char_length(name) > 32) AS k ON k.cut = w.name AND k.nth = w.nth
        ORDER BY w.place)
    END
$$;

-- What a blind write may not undo: a request to end, subtasks, an end that was reached, who asked. A retry is upstream's one way back from an end.
--: a function | none | instant
CREATE OR REPLACE FUNCTION drydock_foreign_task() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    again boolean := coalesce(NEW.retry, 0) > coalesce(OLD.retry, 0);
    known bigint := cardinality(OLD.subtask_id_list);
    topics text := 'upstream';
BEGIN
    NEW.version := OLD.version + 1;
    NEW.result_successes := drydock_uncut(NEW.result_successes, OLD.result_successes || OLD.result_failures);
    NEW.result_failures := drydock_uncut(NEW.result_failures, OLD.result_failures || OLD.result_successes);
    IF OLD.terminate AND NEW.terminate IS NOT TRUE THEN
        NEW.terminate := true;
        NEW.terminated := OLD.terminated;
        NEW.terminated_by := OLD.terminated_by;
    END IF;
    IF known > 0 AND NEW.subtask_id_list[1:known] IS DISTINCT FROM OLD.subtask_id_list THEN
        NEW.subtask_id_list := OLD.subtask_id_list || ARRAY(SELECT u.child FROM unnest(NEW.subtask_id_list) WITH ORDINALITY AS u(child, place)
            WHERE NOT u.child = ANY (OLD.subtask_id_list) ORDER BY u.place);
    END IF;
    IF OLD.request_context IS NOT NULL AND coalesce(NEW.request_context::text, 'null') = 'null' THEN
        NEW.request_context := OLD.request_context;
    END IF;
    -- An end of ours (a term says so) is the last word on the result, too; upstream's own it may still amend, but not take back.
    IF OLD.status IN ('complete', 'terminated') AND NOT (OLD.status = 'complete' AND NEW.status = 'queued' AND again)
        AND (NEW.status IS DISTINCT FROM OLD.status OR OLD.term IS NOT NULL OR NEW.result_status = 'incomplete' AND OLD.result_status <> 'incomplete') THEN
        NEW.status := OLD.status;
        NEW.retry := OLD.retry;
        NEW.result_status := OLD.result_status;
        NEW.result_message := OLD.result_message;
        NEW.result_reason := OLD.result_reason;
        NEW.result_error_count := OLD.result_error_count;
        NEW.result_successes := OLD.result_successes;
        NEW.result_failures := OLD.result_failures;
        NEW.result_links := OLD.result_links;
    ELSIF OLD.status = 'queued' AND NEW.status = 'queued' AND NEW.terminate AND OLD.terminate IS NOT TRUE THEN
        NEW.status := 'terminated'; -- whoever leads, it must not begin
        NEW.result_status := 'failure';
    ELSIF OLD.status = 'terminating' AND NEW.status IN ('requested', 'queued', 'running') THEN
        NEW.status := OLD.status;
    ELSIF OLD.status = 'terminating' AND NEW.status = 'complete' THEN
        NEW.status := 'terminated';
    ELSIF OLD.status = 'running' AND NEW.status IN ('requested', 'queued') AND NOT again THEN
        NEW.status := OLD.status;
    END IF;
    IF length(NEW.task_id) = 16 THEN -- those who follow it look again
        topics := topics || ' ' || encode(NEW.task_id, 'hex')::uuid;
    END IF;
    IF length(NEW.parent_task_id) = 16 AND NEW.status IN ('complete', 'terminated') THEN
        topics := topics || ' ' || encode(NEW.parent_task_id, 'hex')::uuid;
    END IF;
    IF NEW.status = 'queued' OR NEW.terminate THEN
        topics := topics || ' queue';
    END IF;
    PERFORM pg_notify('drydock', topics);
    RETURN NEW;
END
$$;
--: tasks | ACCESS EXCLUSIVE | instant
DROP TRIGGER IF EXISTS drydock_foreign_task ON tasks;
--: tasks | SHARE ROW EXCLUSIVE | instant
CREATE TRIGGER drydock_foreign_task BEFORE UPDATE ON tasks FOR EACH ROW
    WHEN (NEW.version = OLD.version AND NEW.heartbeat IS NOT DISTINCT FROM OLD.heartbeat) EXECUTE FUNCTION drydock_foreign_task();

-- Upstream's messages get their number under the lock of their task, as ours do, so that a reader that goes on after the last number misses none. Theirs
-- are known by extra, which upstream writes as a text that holds JSON, and we as an object.
--: a function | none | instant
CREATE OR REPLACE FUNCTION drydock_foreign_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF length(NEW.task_id) = 16 THEN
        PERFORM pg_advisory_xact_lock(1146637419, ((get_byte(NEW.task_id, 14) << 8) | get_byte(NEW.task_id, 15)) % 1024);
        NEW.sequence := nextval(format('%I.result_message_sequence_seq', TG_TABLE_SCHEMA)::regclass);
        PERFORM pg_notify('drydock', 'upstream ' || encode(NEW.task_id, 'hex')::uuid);
    END IF;
    RETURN NEW;
END
$$;
--: result_message | ACCESS EXCLUSIVE | instant
DROP TRIGGER IF EXISTS drydock_foreign_message ON result_message;
--: result_message | SHARE ROW EXCLUSIVE | instant
CREATE TRIGGER drydock_foreign_message BEFORE INSERT ON result_message FOR EACH ROW
    WHEN (left(NEW.extra::text, 1) IS DISTINCT FROM '{') EXECUTE FUNCTION drydock_foreign_message();
