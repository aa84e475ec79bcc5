-- What starts runs by itself, who looks after it, and what is left of removed runs.

CREATE TABLE triggers (
    trigger_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    principal TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('cron', 'interval', 'heartbeat', 'hook')),
    cron TEXT,
    time_zone TEXT,
    every_ms BIGINT,
    session_key TEXT,
    agent TEXT,
    input TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    missed TEXT NOT NULL CHECK (missed IN ('skip', 'run_once')),
    secret TEXT,
    revision BIGINT NOT NULL,
    next_fire_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX triggers_due ON triggers (next_fire_at) WHERE next_fire_at IS NOT NULL;

-- A slot of a trigger: whoever inserts its row fires it. Rows outlive their trigger until they are old.
CREATE TABLE trigger_firings (
    trigger_id TEXT NOT NULL,
    slot TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('fired', 'missed', 'failed')),
    fired_at BIGINT,
    run_id TEXT,
    reason TEXT,
    PRIMARY KEY (trigger_id, slot)
) WITHOUT ROWID;
CREATE INDEX trigger_firings_by_time ON trigger_firings (trigger_id, due_at, slot);
CREATE INDEX trigger_firings_by_age ON trigger_firings (due_at);

-- The instance whose scheduler works, for as long as that instance has its lease.
CREATE TABLE scheduler_leader (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    instance_id TEXT
) WITHOUT ROWID;
INSERT INTO scheduler_leader (id, instance_id) VALUES (1, NULL);

-- Runs whose row went first; what hangs on them follows piece by piece.
CREATE TABLE removed_runs (
    run_id TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;
