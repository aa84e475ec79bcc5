-- What a run is for: a person's or a trigger's message, or work in the background that follows it. Such work counts in its
-- session from -1 downwards, so it stands in nobody's way there, and has a queue of its own.
ALTER TABLE runs ADD COLUMN purpose TEXT COLLATE "C" NOT NULL DEFAULT 'message' CHECK (purpose IN ('message', 'label'));

DROP INDEX runs_active;
CREATE UNIQUE INDEX runs_active ON runs (session_id)
    WHERE purpose = 'message'
    AND (state IN ('running', 'waiting') OR (state = 'accepted' AND (claimable_at IS NOT NULL OR lease_owner IS NOT NULL)));

DROP INDEX runs_claimable;
CREATE INDEX runs_claimable ON runs (claimable_at) WHERE claimable_at IS NOT NULL AND purpose = 'message';
CREATE INDEX runs_claimable_later ON runs (claimable_at) WHERE claimable_at IS NOT NULL AND purpose <> 'message';
