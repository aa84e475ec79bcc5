-- How many runs a process may work on at once; 0: it is no worker.
ALTER TABLE instances ADD COLUMN slots BIGINT NOT NULL DEFAULT 0;
