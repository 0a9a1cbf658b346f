-- The tables of upstream Drydock at its newest revision, as its own migrations leave them (facts: names, types, nullability, indexes), so that a
-- database made here can be served by upstream, and one made by upstream starts at 0002.

CREATE TABLE alembic_version (
    version_num varchar(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version (version_num) VALUES ('4713e7ebca9');

CREATE TABLE tasks (
    task_id            bytea NOT NULL,
    parent_task_id     bytea,
    subtask_id_list    bytea[],
    result_status      varchar(32),
    result_message     varchar(128),
    result_reason      varchar(128),
    result_error_count integer,
    result_successes   varchar(32)[],
    result_failures    varchar(32)[],
    retry              integer,
    status             varchar(32),
    created            timestamp without time zone,
    created_by         varchar(16),
    updated            timestamp without time zone,
    design_ref         varchar(128),
    request_context    json,
    node_filter        json,
    action             varchar(32),
    terminated         timestamp without time zone,
    terminated_by      varchar(16),
    terminate          boolean,
    result_links       json,
    CONSTRAINT tasks_pkey PRIMARY KEY (task_id)
);

CREATE TABLE result_message (
    sequence     serial,
    task_id      bytea,
    message      varchar(1024),
    error        boolean,
    context      varchar(64),
    context_type varchar(16),
    ts           timestamp without time zone,
    extra        json,
    CONSTRAINT result_message_pkey PRIMARY KEY (sequence)
);

CREATE TABLE active_instance (
    dummy_key serial,
    identity  bytea,
    last_ping timestamp without time zone,
    CONSTRAINT active_instance_pkey PRIMARY KEY (dummy_key)
);

CREATE TABLE boot_action (
    node_name    varchar(280) NOT NULL,
    task_id      bytea,
    identity_key bytea,
    CONSTRAINT boot_action_pkey PRIMARY KEY (node_name)
);

CREATE TABLE boot_action_status (
    node_name     varchar(280),
    action_id     bytea NOT NULL,
    action_name   varchar(64),
    task_id       bytea,
    identity_key  bytea,
    action_status varchar(32),
    CONSTRAINT boot_action_status_pkey PRIMARY KEY (action_id)
);
CREATE INDEX ix_boot_action_status_node_name ON boot_action_status (node_name);
CREATE INDEX ix_boot_action_status_task_id ON boot_action_status (task_id);

CREATE TABLE build_data (
    node_name      varchar(32),
    task_id        bytea,
    collected_date timestamp without time zone,
    generator      varchar(256),
    data_format    varchar(32),
    data_element   text
);
CREATE INDEX ix_build_data_node_name ON build_data (node_name);
CREATE INDEX ix_build_data_task_id ON build_data (task_id);
