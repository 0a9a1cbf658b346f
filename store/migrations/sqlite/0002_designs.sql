-- How a task's design was had, and documents that the service keeps itself.

ALTER TABLE tasks ADD COLUMN resolution TEXT;

CREATE TABLE designs (
    digest  TEXT NOT NULL PRIMARY KEY, -- sha256 of body in lower-case hexadecimal
    size    INTEGER NOT NULL,
    created INTEGER NOT NULL,
    used    INTEGER NOT NULL,          -- when it was last brought
    body    BLOB NOT NULL              -- last, so that the others are read without it
);
CREATE INDEX designs_used ON designs (used, digest, size);

-- The tasks that refer to such documents: design://sha256/<digest>, whatever follows.
CREATE INDEX tasks_design ON tasks (substr(design_ref, 1, 80)) WHERE substr(design_ref, 1, 16) = 'design://sha256/';
