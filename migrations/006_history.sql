-- What portfolios were worth, and what instruments cost, day by day. Days are those of UTC.
--
-- Nothing here hinders a program that knows only the first five tables: what it deletes takes its history along.

CREATE TABLE IF NOT EXISTS portfolio_snapshots (
  clerk_user_id varchar(255) REFERENCES users (clerk_user_id) ON DELETE CASCADE,
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
  symbol varchar(20) REFERENCES instruments (symbol) ON DELETE CASCADE,
  day date,
  price numeric(12,4) NOT NULL CONSTRAINT price_history_price_check CHECK (price >= 0 AND price < 'NaN'),
  PRIMARY KEY (symbol, day)
);
