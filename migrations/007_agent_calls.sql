-- Who wrote what by the tools of agents, and when: one row for each call that reached a write, by the same statement.
--
-- No key leads from here to other tables: the row stays when the user or the job is deleted, and hinders nobody who
-- deletes them. alex-db agent-calls --prune says how long it stays.

CREATE TABLE IF NOT EXISTS agent_calls (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  clerk_user_id varchar(255) NOT NULL,
  job_id uuid,
  tool varchar(64) NOT NULL,
  arguments varchar(64) NOT NULL,
  outcome varchar(64) NOT NULL,
  called_at timestamptz NOT NULL DEFAULT now(),
  milliseconds integer NOT NULL,
  bytes integer NOT NULL
);

CREATE INDEX IF NOT EXISTS idx_agent_calls_called_at ON agent_calls (called_at, id);
