--: each
-- Built while others write. An index whose building was stopped is dropped and built again.

-- Lists, newest first (rows of very old versions may lack a date); the partial ones hold only what is open, so their size does not grow with history.
--: tasks | SHARE UPDATE EXCLUSIVE | concurrent index build
CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_created ON tasks (created DESC NULLS LAST, task_id DESC);
--: tasks | SHARE UPDATE EXCLUSIVE | concurrent index build
CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_queued ON tasks (action, created, task_id) WHERE status = 'queued';
--: tasks | SHARE UPDATE EXCLUSIVE | concurrent index build
CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_active ON tasks (created DESC NULLS LAST, task_id DESC) WHERE status IN ('running', 'terminating');
--: tasks | SHARE UPDATE EXCLUSIVE | concurrent index build
CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_failed ON tasks (created DESC NULLS LAST, task_id DESC) WHERE result_status IN ('failure', 'partial_success');
--: tasks | SHARE UPDATE EXCLUSIVE | concurrent index build
CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_parent ON tasks (parent_task_id, created DESC NULLS LAST, task_id DESC) WHERE parent_task_id IS NOT NULL;
--: tasks | SHARE UPDATE EXCLUSIVE | concurrent index build
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS tasks_idempotency_key ON tasks (idempotency_key) WHERE idempotency_key IS NOT NULL;
--: result_message | SHARE UPDATE EXCLUSIVE | concurrent index build
CREATE INDEX CONCURRENTLY IF NOT EXISTS result_message_task ON result_message (task_id, sequence);
--: result_message | SHARE UPDATE EXCLUSIVE | concurrent index build
CREATE INDEX CONCURRENTLY IF NOT EXISTS result_message_error ON result_message (task_id) WHERE error;
--: build_data | SHARE UPDATE EXCLUSIVE | concurrent index build
CREATE INDEX CONCURRENTLY IF NOT EXISTS build_data_latest ON build_data (node_name, generator, collected_date);
--: build_data | SHARE UPDATE EXCLUSIVE | concurrent index build
CREATE INDEX CONCURRENTLY IF NOT EXISTS build_data_collected ON build_data (collected_date);
--: build_data | SHARE UPDATE EXCLUSIVE | concurrent index build
CREATE INDEX CONCURRENTLY IF NOT EXISTS build_data_node ON build_data (node_name, collected_date);
