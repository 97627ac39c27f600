-- Jobs live through a queue: how often a job was started, until when its worker has it, and an end for those that nobody
-- wants any more. A program that knows none of this goes on working: what it inserts and updates by name keeps the
-- defaults.

ALTER TABLE jobs
  ADD COLUMN IF NOT EXISTS attempts integer NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS lease_until timestamptz,
  DROP CONSTRAINT IF EXISTS jobs_attempts_check,
  DROP CONSTRAINT IF EXISTS jobs_status_check,
  ADD CONSTRAINT jobs_attempts_check CHECK (attempts >= 0),
  ADD CONSTRAINT jobs_status_check
    CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')) NOT VALID;

-- An adopted row may have a status of its own: the rule then holds for every row written from now on.
DO $$
BEGIN
  ALTER TABLE jobs VALIDATE CONSTRAINT jobs_status_check;
EXCEPTION WHEN check_violation THEN
  RAISE WARNING 'rows in jobs break jobs_status_check';
END
$$;

-- The oldest job that waits, or that nobody works on any more.
CREATE INDEX IF NOT EXISTS idx_jobs_queue ON jobs (created_at, id) WHERE status = 'pending' OR status = 'running';
