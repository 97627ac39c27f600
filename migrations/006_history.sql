-- What portfolios were worth, and what instruments cost, day by day. Days are those of UTC.
--
-- Nothing here hinders a program that knows only the first five tables: what it deletes takes its history along.

CREATE TABLE IF NOT EXISTS portfolio_snapshots (
  clerk_user_id varchar(255),
  day date,
  cash numeric NOT NULL,
  market_value numeric NOT NULL,
  total numeric NOT NULL,
  accounts jsonb NOT NULL,
  asset_classes jsonb NOT NULL,
  regions jsonb NOT NULL,
  sectors jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (clerk_user_id, day)
);

CREATE TABLE IF NOT EXISTS price_history (
  symbol varchar(20),
  day date,
  price numeric(12,4) NOT NULL CONSTRAINT price_history_price_check CHECK (price >= 0 AND price < 'NaN'),
  PRIMARY KEY (symbol, day)
);

-- Where users and instruments were dropped and made anew, these keys went with them, and history may be older than they
-- are. None of it is lost: the keys then hold for every row written from now on.

ALTER TABLE portfolio_snapshots
  DROP CONSTRAINT IF EXISTS portfolio_snapshots_clerk_user_id_fkey,
  ADD CONSTRAINT portfolio_snapshots_clerk_user_id_fkey
    FOREIGN KEY (clerk_user_id) REFERENCES users (clerk_user_id) ON DELETE CASCADE NOT VALID;

ALTER TABLE price_history
  DROP CONSTRAINT IF EXISTS price_history_symbol_fkey,
  ADD CONSTRAINT price_history_symbol_fkey
    FOREIGN KEY (symbol) REFERENCES instruments (symbol) ON DELETE CASCADE NOT VALID;

DO $$
BEGIN
  ALTER TABLE portfolio_snapshots VALIDATE CONSTRAINT portfolio_snapshots_clerk_user_id_fkey;
EXCEPTION WHEN foreign_key_violation THEN
  RAISE WARNING 'rows in portfolio_snapshots belong to no user';
END
$$;

DO $$
BEGIN
  ALTER TABLE price_history VALIDATE CONSTRAINT price_history_symbol_fkey;
EXCEPTION WHEN foreign_key_violation THEN
  RAISE WARNING 'rows in price_history belong to no instrument';
END
$$;
