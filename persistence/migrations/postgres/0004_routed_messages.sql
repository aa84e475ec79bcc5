-- What came of each message of a channel. The first one inserts the row; a second one finds it and gets the same answer.
CREATE TABLE routed_messages (
    principal TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    run_id TEXT COLLATE "C" NOT NULL,
    blocked_by_run TEXT COLLATE "C",
    blocked_by_approval TEXT COLLATE "C",
    received_at BIGINT NOT NULL,
    PRIMARY KEY (principal, channel, message_id)
);
CREATE INDEX routed_messages_by_age ON routed_messages (received_at);
