-- How long a call waits for its node, and again from when the connection it went to is lost.
ALTER TABLE invocations ADD COLUMN queue_ttl_ms BIGINT NOT NULL DEFAULT 60000;
