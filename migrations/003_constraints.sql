-- The database itself refuses nonsense.
--
-- An adopted database may hold rows that break a rule, and none of them may be lost:
-- - a value that is missing where the table has a default is given that default (steps 1 and 2);
-- - a rule that an old row breaks still holds for every row written from now on, and stays marked as not validated in
--   pg_constraint until the row is mended and the constraint validated by hand (steps 3 to 5);
-- - the type of a job is free text: services may run kinds of job that the vocabulary does not name.

-- 1. Missing values get the column's default.

UPDATE users SET
  asset_class_targets = coalesce(asset_class_targets, '{"equity": 70, "fixed_income": 30}'),
  region_targets = coalesce(region_targets, '{"north_america": 50, "international": 50}'),
  created_at = coalesce(created_at, now())
WHERE asset_class_targets IS NULL OR region_targets IS NULL OR created_at IS NULL OR updated_at IS NULL;

UPDATE instruments SET
  allocation_regions = coalesce(allocation_regions, '{}'),
  allocation_sectors = coalesce(allocation_sectors, '{}'),
  allocation_asset_class = coalesce(allocation_asset_class, '{}'),
  created_at = coalesce(created_at, now())
WHERE allocation_regions IS NULL OR allocation_sectors IS NULL OR allocation_asset_class IS NULL
  OR created_at IS NULL OR updated_at IS NULL;

UPDATE accounts SET
  cash_balance = coalesce(cash_balance, 0),
  cash_interest = coalesce(cash_interest, 0),
  created_at = coalesce(created_at, now())
WHERE cash_balance IS NULL OR cash_interest IS NULL OR created_at IS NULL OR updated_at IS NULL;

UPDATE positions SET
  as_of_date = coalesce(as_of_date, created_at AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'),
  created_at = coalesce(created_at, now())
WHERE as_of_date IS NULL OR created_at IS NULL OR updated_at IS NULL;

UPDATE jobs SET
  status = coalesce(status, 'pending'),
  created_at = coalesce(created_at, now())
WHERE status IS NULL OR created_at IS NULL OR updated_at IS NULL;

-- 2. From now on they may not be missing. (The triggers above have filled updated_at.)

ALTER TABLE users
  ALTER COLUMN asset_class_targets SET NOT NULL,
  ALTER COLUMN region_targets SET NOT NULL,
  ALTER COLUMN created_at SET NOT NULL,
  ALTER COLUMN updated_at SET NOT NULL;

ALTER TABLE instruments
  ALTER COLUMN allocation_regions SET NOT NULL,
  ALTER COLUMN allocation_sectors SET NOT NULL,
  ALTER COLUMN allocation_asset_class SET NOT NULL,
  ALTER COLUMN created_at SET NOT NULL,
  ALTER COLUMN updated_at SET NOT NULL;

ALTER TABLE accounts
  ALTER COLUMN cash_balance SET NOT NULL,
  ALTER COLUMN cash_interest SET NOT NULL,
  ALTER COLUMN created_at SET NOT NULL,
  ALTER COLUMN updated_at SET NOT NULL;

ALTER TABLE positions
  ALTER COLUMN as_of_date SET NOT NULL,
  ALTER COLUMN created_at SET NOT NULL,
  ALTER COLUMN updated_at SET NOT NULL;

ALTER TABLE jobs
  ALTER COLUMN status SET NOT NULL,
  ALTER COLUMN created_at SET NOT NULL,
  ALTER COLUMN updated_at SET NOT NULL;

-- 3. An allocation is empty, which means that nobody has classified the instrument yet, or its shares are numbers that
--    are not negative and sum to 100, give or take 0.05 for rounding.

CREATE OR REPLACE FUNCTION is_allocation(shares jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE
    WHEN jsonb_typeof(shares) <> 'object' THEN false
    WHEN shares = '{}' THEN true
    ELSE (
      SELECT bool_and(CASE WHEN jsonb_typeof(value) = 'number' THEN CAST(value AS numeric) >= 0 ELSE false END)
        AND abs(sum(CASE WHEN jsonb_typeof(value) = 'number' THEN CAST(value AS numeric) END) - 100) <= 0.05
      FROM jsonb_each(shares)
    )
  END
$$;

-- 4. The rules, for every row written from now on. (To PostgreSQL, NaN is greater than every number.)

ALTER TABLE users
  ADD CONSTRAINT users_years_until_retirement_check CHECK (years_until_retirement BETWEEN 0 AND 100) NOT VALID,
  ADD CONSTRAINT users_target_retirement_income_check
    CHECK (target_retirement_income >= 0 AND target_retirement_income < 'NaN') NOT VALID,
  ADD CONSTRAINT users_asset_class_targets_check CHECK (is_allocation(asset_class_targets)) NOT VALID,
  ADD CONSTRAINT users_region_targets_check CHECK (is_allocation(region_targets)) NOT VALID;

ALTER TABLE instruments
  ADD CONSTRAINT instruments_current_price_check CHECK (current_price >= 0 AND current_price < 'NaN') NOT VALID,
  ADD CONSTRAINT instruments_allocation_regions_check CHECK (is_allocation(allocation_regions)) NOT VALID,
  ADD CONSTRAINT instruments_allocation_sectors_check CHECK (is_allocation(allocation_sectors)) NOT VALID,
  ADD CONSTRAINT instruments_allocation_asset_class_check CHECK (is_allocation(allocation_asset_class)) NOT VALID;

ALTER TABLE accounts
  ADD CONSTRAINT accounts_owner_check CHECK (clerk_user_id IS NOT NULL) NOT VALID,
  ADD CONSTRAINT accounts_cash_balance_check CHECK (cash_balance >= 0 AND cash_balance < 'NaN') NOT VALID,
  ADD CONSTRAINT accounts_cash_interest_check CHECK (cash_interest BETWEEN 0 AND 1) NOT VALID;

ALTER TABLE positions
  ADD CONSTRAINT positions_owner_check CHECK (account_id IS NOT NULL AND symbol IS NOT NULL) NOT VALID,
  ADD CONSTRAINT positions_quantity_check CHECK (quantity > 0 AND quantity < 'NaN') NOT VALID;

ALTER TABLE jobs
  ADD CONSTRAINT jobs_owner_check CHECK (clerk_user_id IS NOT NULL) NOT VALID,
  ADD CONSTRAINT jobs_status_check CHECK (status IN ('pending', 'running', 'completed', 'failed')) NOT VALID;

-- 5. A rule that every row keeps is validated; one that an old row breaks is left for later.

DO $$
DECLARE
  rule record;
BEGIN
  FOR rule IN
    SELECT conrelid, conname FROM pg_constraint
    WHERE NOT convalidated AND contype = 'c' AND conrelid IN (
      SELECT to_regclass(name) FROM unnest(ARRAY['users', 'instruments', 'accounts', 'positions', 'jobs']) AS name
    )
  LOOP
    BEGIN
      EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', CAST(rule.conrelid AS regclass), rule.conname);
    EXCEPTION WHEN check_violation THEN
      RAISE WARNING 'rows in % break %', CAST(rule.conrelid AS regclass), rule.conname;
    END;
  END LOOP;
END
$$;
