-- The same tables and columns as on PostgreSQL. Instants are microseconds since 1970 in UTC, identifiers are 16-byte blobs, arrays and JSON are text.

CREATE TABLE tasks (
    task_id            BLOB NOT NULL PRIMARY KEY,
    parent_task_id     BLOB,
    subtask_id_list    TEXT,
    result_status      TEXT,
    result_message     TEXT,
    result_reason      TEXT,
    result_error_count INTEGER,
    result_successes   TEXT,
    result_failures    TEXT,
    retry              INTEGER,
    status             TEXT,
    created            INTEGER,
    created_by         TEXT,
    updated            INTEGER,
    design_ref         TEXT,
    request_context    TEXT,
    node_filter        TEXT,
    action             TEXT,
    terminated         INTEGER,
    terminated_by      TEXT,
    terminate          INTEGER,
    result_links       TEXT,
    term               INTEGER,
    version            INTEGER NOT NULL DEFAULT 0,
    attempt            INTEGER NOT NULL DEFAULT 0,
    orphaned           INTEGER NOT NULL DEFAULT 0,
    heartbeat          INTEGER,
    idempotency_key    TEXT
) WITHOUT ROWID;
CREATE INDEX tasks_created ON tasks (created, task_id);
CREATE INDEX tasks_queued ON tasks (action, created, task_id) WHERE status = 'queued';
CREATE INDEX tasks_active ON tasks (created, task_id) WHERE status IN ('running', 'terminating');
CREATE INDEX tasks_failed ON tasks (created, task_id) WHERE result_status IN ('failure', 'partial_success');
CREATE INDEX tasks_parent ON tasks (parent_task_id, created, task_id) WHERE parent_task_id IS NOT NULL;
CREATE UNIQUE INDEX tasks_idempotency_key ON tasks (idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE result_message (
    sequence     INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, also not after retention
    task_id      BLOB,
    message      TEXT,
    error        INTEGER,
    context      TEXT,
    context_type TEXT,
    ts           INTEGER,
    extra        TEXT
);
CREATE INDEX result_message_task ON result_message (task_id, sequence);
CREATE INDEX result_message_error ON result_message (task_id) WHERE error;

CREATE TABLE active_instance (
    dummy_key INTEGER PRIMARY KEY,
    identity  BLOB,
    last_ping INTEGER,
    term      INTEGER,
    name      TEXT,
    acquired  INTEGER,
    expires   INTEGER
);

CREATE TABLE lease_history (
    term     INTEGER PRIMARY KEY,
    identity BLOB NOT NULL,
    name     TEXT NOT NULL,
    started  INTEGER NOT NULL,
    ended    INTEGER,
    reason   TEXT NOT NULL DEFAULT ''
);

CREATE TABLE boot_action (
    node_name    TEXT NOT NULL PRIMARY KEY,
    task_id      BLOB,
    identity_key BLOB
);

CREATE TABLE boot_action_status (
    node_name     TEXT,
    action_id     BLOB NOT NULL PRIMARY KEY,
    action_name   TEXT,
    task_id       BLOB,
    identity_key  BLOB,
    action_status TEXT
);
CREATE INDEX ix_boot_action_status_node_name ON boot_action_status (node_name);
CREATE INDEX ix_boot_action_status_task_id ON boot_action_status (task_id);

CREATE TABLE build_data (
    node_name      TEXT,
    task_id        BLOB,
    collected_date INTEGER,
    generator      TEXT,
    data_format    TEXT,
    data_element   TEXT
);
CREATE INDEX ix_build_data_task_id ON build_data (task_id);
CREATE INDEX build_data_latest ON build_data (node_name, generator, collected_date);
CREATE INDEX build_data_collected ON build_data (collected_date);
CREATE INDEX build_data_node ON build_data (node_name, collected_date);
