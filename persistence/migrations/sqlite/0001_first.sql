-- The first schema. Times are milliseconds since 1970, flags 0 or 1, JSON is TEXT, lists of strings are JSON arrays.
-- Each CHECK repeats the set of states that core knows. Only tables that grow by long rows have a rowid: without
-- one, each row at the end splits pages.

PRAGMA application_id = 1196705841;

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('oldest_seq', '1');

-- What decides a COMMIT whose answer was lost: its row is there or not. Who asks inserts the same id, marked as lost, so that
-- the transaction can never happen later. Only the newest one is asked for, so a process keeps one row.
CREATE TABLE commits (
    batch_id TEXT NOT NULL PRIMARY KEY,
    committed_at BIGINT NOT NULL,
    lost BIGINT NOT NULL
) WITHOUT ROWID;

-- The log of events. The next seq is one more than the largest, so the newest row is never removed.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    category TEXT NOT NULL,
    session_id TEXT,
    principal TEXT,
    type TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    payload TEXT NOT NULL
);

CREATE TABLE log_epochs (
    epoch BIGINT NOT NULL PRIMARY KEY,
    timeline BIGINT NOT NULL,
    first_seq BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO log_epochs (epoch, timeline, first_seq) VALUES (1, 1, 1);

CREATE TABLE idempotency (
    principal TEXT NOT NULL,
    method TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    reply TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    PRIMARY KEY (principal, method, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE instances (
    instance_id TEXT NOT NULL PRIMARY KEY,
    incarnation TEXT NOT NULL,
    roles TEXT NOT NULL,
    version TEXT NOT NULL,
    address TEXT NOT NULL,
    lease_ms BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE tokens (
    token_id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('admin', 'client', 'node', 'invite')),
    principal TEXT NOT NULL,
    scopes TEXT NOT NULL,
    label TEXT,
    device_id TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
) WITHOUT ROWID;
CREATE INDEX tokens_by_device ON tokens (device_id) WHERE device_id IS NOT NULL;

CREATE TABLE agents (
    name TEXT NOT NULL PRIMARY KEY,
    model TEXT NOT NULL,
    system_prompt TEXT,
    tools TEXT NOT NULL,
    temperature DOUBLE,
    max_turns BIGINT NOT NULL,
    budgets TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO agents (name, model, tools, max_turns, budgets, created_at, updated_at)
VALUES ('default', 'demo', '["*"]', 64, '{}', now_ms(), now_ms());

CREATE TABLE policies (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL,
    rules TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO policies (id, version, rules) VALUES (1, 0, '[]');

CREATE TABLE grants (
    grant_id TEXT NOT NULL PRIMARY KEY,
    principal TEXT NOT NULL,
    session_id TEXT,
    tool TEXT NOT NULL,
    node TEXT,
    arguments_hash TEXT NOT NULL,
    arguments_schema TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
) WITHOUT ROWID;
CREATE INDEX grants_live ON grants (principal, tool) WHERE revoked_at IS NULL;

CREATE TABLE sessions (
    session_id TEXT NOT NULL PRIMARY KEY,
    session_key TEXT NOT NULL,
    principal TEXT NOT NULL,
    agent TEXT NOT NULL,
    label TEXT,
    mode TEXT NOT NULL CHECK (mode IN ('queue', 'steer', 'interrupt')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (principal, session_key)
) WITHOUT ROWID;
CREATE INDEX sessions_by_update ON sessions (updated_at, session_id);

CREATE TABLE messages (
    session_id TEXT NOT NULL REFERENCES sessions (session_id),
    ordinal BIGINT NOT NULL,
    run_id TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant', 'tool')),
    text TEXT NOT NULL,
    extra TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (session_id, ordinal)
) WITHOUT ROWID;

CREATE TABLE runs (
    run_id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (session_id),
    principal TEXT NOT NULL,
    agent TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('accepted', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
    input TEXT NOT NULL,
    output TEXT,
    error TEXT,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    turn BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    steps BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    deadline_at BIGINT,
    claimable_at BIGINT,
    lease_owner TEXT,
    lease_epoch BIGINT NOT NULL,
    tape_seq BIGINT NOT NULL,
    tape_hash TEXT NOT NULL,
    waiting_on TEXT,
    cancel_reason TEXT,
    CHECK (state IN ('accepted', 'running', 'waiting') OR (claimable_at IS NULL AND lease_owner IS NULL)),
    CHECK (claimable_at IS NULL OR lease_owner IS NULL)
) WITHOUT ROWID;
CREATE UNIQUE INDEX runs_by_session ON runs (session_id, ordinal);
CREATE INDEX runs_by_principal ON runs (principal, run_id);
CREATE INDEX runs_ended ON runs (state, run_id) WHERE state IN ('succeeded', 'failed', 'cancelled');
CREATE INDEX runs_claimable ON runs (claimable_at) WHERE claimable_at IS NOT NULL;
CREATE INDEX runs_unfinished ON runs (session_id, ordinal) WHERE state IN ('accepted', 'running', 'waiting');
-- Runs of one session never overlap.
CREATE UNIQUE INDEX runs_active ON runs (session_id)
    WHERE state IN ('running', 'waiting') OR (state = 'accepted' AND (claimable_at IS NOT NULL OR lease_owner IS NOT NULL));

CREATE TABLE run_inbox (
    inbox_id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX run_inbox_by_run ON run_inbox (run_id);

CREATE TABLE steps (
    run_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    turn BIGINT NOT NULL,
    call_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('proposed', 'ready', 'started', 'finished')),
    attempt BIGINT NOT NULL,
    idempotency_key TEXT NOT NULL,
    arguments TEXT NOT NULL,
    risk TEXT NOT NULL,
    node TEXT,
    operation_hash TEXT,
    approval_id TEXT,
    invocation_id TEXT,
    ok BIGINT NOT NULL,
    output TEXT,
    artifacts TEXT NOT NULL,
    PRIMARY KEY (run_id, ordinal)
) WITHOUT ROWID;

CREATE TABLE tape_items (
    run_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    payload TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
);
CREATE TRIGGER tape_items_never_change BEFORE UPDATE ON tape_items
BEGIN
    SELECT RAISE(ABORT, 'a tape is never changed');
END;
-- The one guarded path: first the run goes, then its whole tape.
CREATE TRIGGER tape_items_go_with_their_run BEFORE DELETE ON tape_items
WHEN EXISTS (SELECT 1 FROM runs WHERE run_id = OLD.run_id)
BEGIN
    SELECT RAISE(ABORT, 'a tape is removed with its run only');
END;

CREATE TABLE approvals (
    approval_id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('call', 'outcome')),
    principal TEXT NOT NULL,
    agent TEXT NOT NULL,
    run_id TEXT,
    step_ordinal BIGINT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'expired', 'cancelled')),
    subject TEXT NOT NULL,
    subject_hash TEXT NOT NULL,
    risk TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decision TEXT CHECK (decision IN ('approve', 'deny', 'retry', 'skip', 'fail')),
    decided_by TEXT,
    reason TEXT,
    decided_at BIGINT,
    used BIGINT NOT NULL,
    call_key TEXT
) WITHOUT ROWID;
CREATE INDEX approvals_by_state ON approvals (state, approval_id);
CREATE INDEX approvals_by_run ON approvals (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX approvals_of_direct_calls ON approvals (principal, subject_hash) WHERE run_id IS NULL;

CREATE TABLE devices (
    device_id TEXT NOT NULL PRIMARY KEY,
    public_key TEXT NOT NULL,
    label TEXT NOT NULL UNIQUE,
    platform TEXT NOT NULL,
    version TEXT NOT NULL,
    trust TEXT NOT NULL CHECK (trust IN ('local', 'remote')),
    allow TEXT NOT NULL,
    capabilities TEXT NOT NULL,
    connection_epoch BIGINT NOT NULL,
    instance_id TEXT,
    auth_epoch BIGINT NOT NULL,
    revoked BIGINT NOT NULL,
    token_used BIGINT NOT NULL,
    last_seen_at BIGINT,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE pairings (
    pairing_id TEXT NOT NULL PRIMARY KEY,
    device_id TEXT NOT NULL,
    invite_token_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'expired')),
    device TEXT NOT NULL,
    capabilities TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_by TEXT,
    reason TEXT
) WITHOUT ROWID;
CREATE INDEX pairings_by_device ON pairings (device_id, pairing_id);
CREATE INDEX pairings_by_state ON pairings (state, pairing_id);
-- Repeated requests of one device are one pairing.
CREATE UNIQUE INDEX pairings_pending ON pairings (device_id) WHERE state = 'pending';

CREATE TABLE invocations (
    invocation_id TEXT NOT NULL PRIMARY KEY,
    device_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'succeeded', 'failed', 'cancelled', 'expired')),
    principal TEXT NOT NULL,
    run_id TEXT,
    step_ordinal BIGINT,
    lease_epoch BIGINT,
    attempt BIGINT NOT NULL,
    idempotency_key TEXT NOT NULL,
    capability TEXT NOT NULL,
    operation TEXT NOT NULL,
    arguments TEXT NOT NULL,
    connection_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    timeout_ms BIGINT NOT NULL,
    result TEXT,
    error TEXT,
    evidence TEXT NOT NULL,
    finished_at BIGINT
) WITHOUT ROWID;
CREATE INDEX invocations_open ON invocations (device_id, invocation_id) WHERE state IN ('queued', 'sent');
CREATE INDEX invocations_by_run ON invocations (run_id) WHERE run_id IS NOT NULL;

CREATE TABLE artifacts (
    artifact_id TEXT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    name TEXT,
    in_directory BIGINT NOT NULL,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX artifacts_by_age ON artifacts (created_at, artifact_id);

-- Chunks of 256 KiB each, the last one shorter.
CREATE TABLE artifact_chunks (
    artifact_id TEXT NOT NULL REFERENCES artifacts (artifact_id),
    ordinal BIGINT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (artifact_id, ordinal)
);

CREATE TABLE artifact_owners (
    artifact_id TEXT NOT NULL REFERENCES artifacts (artifact_id),
    principal TEXT NOT NULL,
    PRIMARY KEY (artifact_id, principal)
) WITHOUT ROWID;
