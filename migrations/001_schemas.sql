-- The five tables of Alex, in the form in which the first databases were made.
--
-- Every statement leaves alone what exists already, so that a database made before there were migrations is adopted as
-- it stands. Such a database keeps time without a zone, in UTC, and checks nothing; the migrations after this one take
-- it, and a new one, to the same end.

CREATE EXTENSION IF NOT EXISTS "uuid-ossp";

CREATE TABLE IF NOT EXISTS users (
  clerk_user_id varchar(255) PRIMARY KEY,
  display_name varchar(255),
  years_until_retirement integer,
  target_retirement_income numeric(12,2),
  asset_class_targets jsonb DEFAULT '{"equity": 70, "fixed_income": 30}',
  region_targets jsonb DEFAULT '{"north_america": 50, "international": 50}',
  created_at timestamp DEFAULT now(),
  updated_at timestamp DEFAULT now()
);

CREATE TABLE IF NOT EXISTS instruments (
  symbol varchar(20) PRIMARY KEY,
  name varchar(255) NOT NULL,
  instrument_type varchar(50),
  current_price numeric(12,4),
  allocation_regions jsonb DEFAULT '{}',
  allocation_sectors jsonb DEFAULT '{}',
  allocation_asset_class jsonb DEFAULT '{}',
  created_at timestamp DEFAULT now(),
  updated_at timestamp DEFAULT now()
);

CREATE TABLE IF NOT EXISTS accounts (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  clerk_user_id varchar(255) REFERENCES users (clerk_user_id) ON DELETE CASCADE,
  account_name varchar(255) NOT NULL,
  account_purpose text,
  cash_balance numeric(12,2) DEFAULT 0,
  cash_interest numeric(5,4) DEFAULT 0,
  created_at timestamp DEFAULT now(),
  updated_at timestamp DEFAULT now()
);

CREATE TABLE IF NOT EXISTS positions (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  account_id uuid REFERENCES accounts (id) ON DELETE CASCADE,
  symbol varchar(20) REFERENCES instruments (symbol),
  quantity numeric(20,8) NOT NULL,
  as_of_date date DEFAULT CURRENT_DATE,
  created_at timestamp DEFAULT now(),
  updated_at timestamp DEFAULT now(),
  UNIQUE (account_id, symbol)
);

CREATE TABLE IF NOT EXISTS jobs (
  id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),
  clerk_user_id varchar(255) REFERENCES users (clerk_user_id) ON DELETE CASCADE,
  job_type varchar(50) NOT NULL,
  status varchar(20) DEFAULT 'pending',
  request_payload jsonb,
  report_payload jsonb,
  charts_payload jsonb,
  retirement_payload jsonb,
  summary_payload jsonb,
  error_message text,
  created_at timestamp DEFAULT now(),
  started_at timestamp,
  completed_at timestamp,
  updated_at timestamp DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_accounts_user ON accounts (clerk_user_id);

CREATE INDEX IF NOT EXISTS idx_positions_account ON positions (account_id);

CREATE INDEX IF NOT EXISTS idx_positions_symbol ON positions (symbol);

CREATE INDEX IF NOT EXISTS idx_jobs_user ON jobs (clerk_user_id);

CREATE INDEX IF NOT EXISTS idx_jobs_status ON jobs (status);

CREATE OR REPLACE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at = now();
  RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER update_users_updated_at
  BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE OR REPLACE TRIGGER update_instruments_updated_at
  BEFORE UPDATE ON instruments FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE OR REPLACE TRIGGER update_accounts_updated_at
  BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE OR REPLACE TRIGGER update_positions_updated_at
  BEFORE UPDATE ON positions FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE OR REPLACE TRIGGER update_jobs_updated_at
  BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
