/** A database as the original Python module makes it, with a row in each table. */

/** The tables as the first databases had them: time without a zone, and nothing checked. */
export const originalDatabase = [
  'create extension if not exists "uuid-ossp"',
  `create table users (clerk_user_id varchar(255) primary key, display_name varchar(255), years_until_retirement integer,
    target_retirement_income decimal(12,2), asset_class_targets jsonb default '{"equity": 70, "fixed_income": 30}',
    region_targets jsonb default '{"north_america": 50, "international": 50}',
    created_at timestamp default now(), updated_at timestamp default now())`,
  `create table instruments (symbol varchar(20) primary key, name varchar(255) not null, instrument_type varchar(50),
    current_price decimal(12,4), allocation_regions jsonb default '{}', allocation_sectors jsonb default '{}',
    allocation_asset_class jsonb default '{}', created_at timestamp default now(), updated_at timestamp default now())`,
  `create table accounts (id uuid primary key default uuid_generate_v4(),
    clerk_user_id varchar(255) references users(clerk_user_id) on delete cascade, account_name varchar(255) not null,
    account_purpose text, cash_balance decimal(12,2) default 0, cash_interest decimal(5,4) default 0,
    created_at timestamp default now(), updated_at timestamp default now())`,
  `create table positions (id uuid primary key default uuid_generate_v4(),
    account_id uuid references accounts(id) on delete cascade, symbol varchar(20) references instruments(symbol),
    quantity decimal(20,8) not null, as_of_date date default current_date, created_at timestamp default now(),
    updated_at timestamp default now(), unique(account_id, symbol))`,
  `create table jobs (id uuid primary key default uuid_generate_v4(),
    clerk_user_id varchar(255) references users(clerk_user_id) on delete cascade, job_type varchar(50) not null,
    status varchar(20) default 'pending', request_payload jsonb, report_payload jsonb, charts_payload jsonb,
    retirement_payload jsonb, summary_payload jsonb, error_message text, created_at timestamp default now(),
    started_at timestamp, completed_at timestamp, updated_at timestamp default now())`,
  `insert into users values ('user_1', 'Ann', 20, 90000.50, default, default,
    '2025-03-30 01:30:00.123456', '2025-03-30 01:30:00.123456')`,
  `insert into instruments values ('SPY', 'SPDR', 'etf', 450.25, '{"north_america": 100}', '{"technology": 100}',
    '{"equity": 100}', '2025-01-01 00:00:00', '2025-01-01 00:00:00')`,
  `insert into accounts values ('3f2504e0-4f89-41d3-9a0c-0305e82c3301', 'user_1', '401(k)', null, 10.25, 0.045,
    '2025-01-01 12:00:00', '2025-01-01 12:00:00')`,
  `insert into positions values ('3f2504e0-4f89-41d3-9a0c-0305e82c3302', '3f2504e0-4f89-41d3-9a0c-0305e82c3301', 'SPY',
    12.5, '2025-02-28', '2025-01-01 12:00:00', '2025-01-01 12:00:00')`,
  `insert into jobs (id, clerk_user_id, job_type, status, created_at, started_at, updated_at) values
    ('3f2504e0-4f89-41d3-9a0c-0305e82c3303', 'user_1', 'a_kind_of_its_own', 'completed', '2025-10-26 01:30:00',
    '2025-10-26 01:30:01', '2025-10-26 01:30:02')`
]
