#!/bin/sh
# A sqitch project: deploy, verify, revert, status and log, and a change that fails.
#
#   sh sqitch.sh URL
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1
export HOME="$here" SQITCH_FULLNAME=Ann SQITCH_EMAIL=ann@example.com LANG=C.UTF-8
target="db:pg:${1#postgres:}"
run() {
  echo "\$ sqitch $*" | sed 's#db:pg:.*#TARGET#'
  # Times, identifiers made of them, and the target's address are other ones each time.
  sqitch "$@" 2>&1 | sed -E "s/[0-9a-f]{40}/ID/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} [+-][0-9]{4}/TIME/g; s#db:pg:[^ ]*#TARGET#g; /^(DETAIL|CONTEXT):/d; s/[0-9]+ ms/n ms/"
}
run init zoo --engine pg --uri https://example.com/zoo
step() {
  name=$1
  shift
  run add "$name" -n "Adds $name" "$@"
}
step schema
step animals --requires schema
step hashed --requires animals
step feeding --requires animals
printf 'begin;\ncreate schema zoo;\ncommit;\n' > deploy/schema.sql
printf 'begin;\nselect pg_catalog.has_schema_privilege('"'zoo', 'usage'"');\nrollback;\n' > verify/schema.sql
printf 'begin;\ndrop schema zoo;\ncommit;\n' > revert/schema.sql
cat > deploy/animals.sql <<'END'
-- Deploy zoo:animals to pg
begin;
set client_min_messages = 'warning';
create table zoo.animals (id serial primary key, name text not null unique, added timestamptz not null default now());
create function zoo.add(n text) returns int language plpgsql security definer as $$
declare made int;
begin
  insert into zoo.animals (name) values (n) returning id into made;
  return made;
end $$;
select zoo.add('first; of them') as made \gset
\echo made :made
copy zoo.animals (name) from stdin;
second
third
\.
commit;
END
printf 'begin;\nselect id, name, added from zoo.animals where false;\nselect 1/count(*) from zoo.animals;\nrollback;\n' > verify/animals.sql
printf 'begin;\ndrop function zoo.add(text);\ndrop table zoo.animals;\ncommit;\n' > revert/animals.sql
printf 'create index concurrently animals_added on zoo.animals (added);\n' > deploy/hashed.sql
printf "select 1/count(*) from pg_indexes where indexname = 'animals_added';\n" > verify/hashed.sql
printf 'drop index zoo.animals_added;\n' > revert/hashed.sql
printf 'begin;\nalter table zoo.animals add fed date;\nselect nothing;\ncommit;\n' > deploy/feeding.sql
printf 'begin;\nselect fed from zoo.animals where false;\nrollback;\n' > verify/feeding.sql
printf 'begin;\nalter table zoo.animals drop fed;\ncommit;\n' > revert/feeding.sql
run target add test "$target"
run config core.pg.target test
run engine add pg --target test
run status test
run deploy test --to animals --verify --set one=1
run status test
run deploy test --verify --mode change
run status test
printf 'begin;\nalter table zoo.animals add fed date;\ncommit;\n' > deploy/feeding.sql
run deploy test --verify
run tag v1 -n 'The first'
run deploy test --log-only
run verify test
run revert test --to animals -y
run status test
run rework animals -n 'Adds legs'
printf 'begin;\nalter table zoo.animals add legs int default 4;\ncommit;\n' > deploy/animals.sql
printf 'begin;\nalter table zoo.animals drop legs;\ncommit;\n' > revert/animals.sql
run deploy test --verify
run plan --format 'format:%n %o'
run rebase test --onto animals@v1 -y
run revert test -y
run log test --format 'format:%e %n' --no-headers
psql -X -A -t "$1" -c "select change, event from sqitch.events order by committed_at" -c "drop schema sqitch cascade" 2>/dev/null
