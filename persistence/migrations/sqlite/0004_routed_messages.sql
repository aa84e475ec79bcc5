-- What came of each message of a channel. The first one inserts the row; a second one finds it and gets the same answer.
CREATE TABLE routed_messages (
    principal TEXT NOT NULL,
    channel TEXT NOT NULL,
    message_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    blocked_by_run TEXT,
    blocked_by_approval TEXT,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (principal, channel, message_id)
) WITHOUT ROWID;
CREATE INDEX routed_messages_by_age ON routed_messages (received_at);
