-- What starts runs by itself, who looks after it, and what is left of removed runs.

CREATE TABLE triggers (
    trigger_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    principal TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('cron', 'interval', 'heartbeat', 'hook')),
    cron TEXT,
    time_zone TEXT,
    every_ms BIGINT,
    session_key TEXT COLLATE "C",
    agent TEXT COLLATE "C",
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
    trigger_id TEXT COLLATE "C" NOT NULL,
    slot TEXT COLLATE "C" NOT NULL,
    due_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('fired', 'missed', 'failed')),
    fired_at BIGINT,
    run_id TEXT COLLATE "C",
    reason TEXT,
    PRIMARY KEY (trigger_id, slot)
);
CREATE INDEX trigger_firings_by_time ON trigger_firings (trigger_id, due_at, slot);
CREATE INDEX trigger_firings_by_age ON trigger_firings (due_at);

-- The instance whose scheduler works, for as long as that instance has its lease.
CREATE TABLE scheduler_leader (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    instance_id TEXT COLLATE "C"
);
INSERT INTO scheduler_leader (id, instance_id) VALUES (1, NULL);

-- Runs whose row went first; what hangs on them follows piece by piece.
CREATE TABLE removed_runs (
    run_id TEXT COLLATE "C" NOT NULL PRIMARY KEY
);
