-- What core's own types say need not be said again for each row of the tables that every run writes: PostgreSQL reads the
-- text of each check anew for each statement.
ALTER TABLE runs DROP CONSTRAINT runs_state_check, DROP CONSTRAINT runs_purpose_check;
ALTER TABLE messages DROP CONSTRAINT messages_role_check;
ALTER TABLE sessions DROP CONSTRAINT sessions_mode_check;
ALTER TABLE steps DROP CONSTRAINT steps_state_check;
