--: each
-- How a task's design was had, and documents that the service keeps itself.

--: tasks | ACCESS EXCLUSIVE | instant
ALTER TABLE tasks ADD COLUMN IF NOT EXISTS resolution text;

--: designs | a new table | instant
CREATE TABLE IF NOT EXISTS designs (
    digest  text PRIMARY KEY, -- sha256 of body in lower-case hexadecimal
    size    bigint NOT NULL,
    created timestamp without time zone NOT NULL,
    used    timestamp without time zone NOT NULL, -- when it was last brought
    body    bytea NOT NULL
);
--: designs | SHARE | instant
CREATE INDEX IF NOT EXISTS designs_used ON designs (used, digest, size);

-- The tasks that refer to such documents: design://sha256/<digest>, whatever follows. It is empty at first.
--: tasks | SHARE UPDATE EXCLUSIVE | concurrent index build
CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_design ON tasks (substr(design_ref, 1, 80)) WHERE substr(design_ref, 1, 16) = 'design://sha256/';
