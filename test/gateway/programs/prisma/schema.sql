create type "Mood" as enum ('sad', 'ok');
create table "Owner" (id serial primary key, name varchar(40) not null unique, mood "Mood", balance decimal(12,4) not null default 0,
  data jsonb, tags text[], octets bytea, big bigint, at timestamptz(6) not null default now(), key uuid);
create table "Pet" (id serial primary key, name text not null, "ownerId" int not null references "Owner" on delete cascade);
