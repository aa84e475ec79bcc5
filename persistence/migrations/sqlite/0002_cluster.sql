-- Several processes on one store.

-- 1: the process holds its session lock, so that a free lock tells that it is gone before its lease lapses.
ALTER TABLE instances ADD COLUMN life_lock BIGINT NOT NULL DEFAULT 0;

-- What was revoked lately is looked for twice a second.
CREATE INDEX tokens_revoked ON tokens (revoked_at) WHERE revoked_at IS NOT NULL;
