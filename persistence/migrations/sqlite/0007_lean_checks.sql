-- What core's own types say need not be said again for each row of the tables that every run writes; and IN with three words
-- or more, in a check or a partial index, makes SQLite build a table of them each time it looks at a row.
DROP INDEX runs_ended;
CREATE INDEX runs_ended ON runs (state, run_id) WHERE state = 'succeeded' OR state = 'failed' OR state = 'cancelled';
DROP INDEX runs_unfinished;
CREATE INDEX runs_unfinished ON runs (session_id, ordinal) WHERE state = 'accepted' OR state = 'running' OR state = 'waiting';

-- SQLite's own way to take a check away without copying the table: https://www.sqlite.org/lang_altertable.html, 7.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(replace(sql,
    ' CHECK (state IN (''accepted'', ''running'', ''waiting'', ''succeeded'', ''failed'', ''cancelled''))', ''),
    ' CHECK (purpose IN (''message'', ''label''))', ''),
    'CHECK (state IN (''accepted'', ''running'', ''waiting'') OR',
    'CHECK (state = ''accepted'' OR state = ''running'' OR state = ''waiting'' OR')
    WHERE type = 'table' AND name = 'runs';
UPDATE sqlite_schema SET sql = replace(sql, ' CHECK (role IN (''user'', ''assistant'', ''tool''))', '')
    WHERE type = 'table' AND name = 'messages';
UPDATE sqlite_schema SET sql = replace(sql, ' CHECK (mode IN (''queue'', ''steer'', ''interrupt''))', '')
    WHERE type = 'table' AND name = 'sessions';
UPDATE sqlite_schema SET sql = replace(sql, ' CHECK (state IN (''proposed'', ''ready'', ''started'', ''finished''))', '')
    WHERE type = 'table' AND name = 'steps';
PRAGMA writable_schema = RESET;
