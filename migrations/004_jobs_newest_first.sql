-- "A user's jobs, newest first", page by page.

CREATE INDEX IF NOT EXISTS idx_jobs_user_newest ON jobs (clerk_user_id, created_at DESC, id DESC);
