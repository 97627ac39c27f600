"""py-postgresql, a driver with a protocol of its own: reads results of several rows by cursors WITH HOLD, in binary."""

import datetime
import decimal
import re
import sys
import uuid
from urllib.parse import urlparse

import postgresql.driver
from postgresql.exceptions import Error

url = urlparse(sys.argv[1])
db = postgresql.driver.connect(user=url.username, host=url.hostname, port=url.port, database=url.path[1:])


def tried(what, run):
    try:
        print(what, repr(run()))
    except Error as error:
        message = re.sub("0x[0-9a-f]+", "0x", error.message)
        print(what, "failed", type(error).__name__, error.code, message, error.details.get("position"))


def rows(text, *values):
    return [tuple(row) for row in db.prepare(text).rows(*values)]


for value in (
    "1.50::numeric", "'NaN'::float8", "1.5::float4", "true", r"'\x00ff'::bytea", "'2020-02-29'::date", "'12:00:01.5'::time",
    "'2020-01-01 12:00'::timestamp", "'2020-01-01 12:00+02'::timestamptz", "'1 mon 2 days 03:04:05'::interval",
    "array[1,null,3]", "array['a b','c,d',null]", "'{{1,2},{3,4}}'::int[]", "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid",
    "null::int", "'ü€😀'", "9223372036854775807", "'(1,2)'::point", "b'1010'", "1::oid", "'x'::\"char\"",
):
    tried(value, lambda: db.prepare(f"select {value} as v").first())

db.execute("create table t (id serial primary key, name text not null unique, n numeric check (n > 0), at timestamptz, tags text[])")
insert = db.prepare("insert into t (name, n, at, tags) values ($1, $2, $3, $4) returning *")
moment = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
for number in range(1, 6):
    tried("insert", lambda: tuple(insert.first(f"n{number}", decimal.Decimal(number) / 2, moment, ["a b", None])))
tried("parameters", lambda: (insert.sql_parameter_types, insert.column_names, insert.sql_column_types))
insert.load_rows([(f"l{number}", None, None, None) for number in range(3)])
tried("rows", lambda: rows("select name from t order by id"))
tried("parameter", lambda: rows("select g, $1::text from generate_series(1, $2::int) g", "it's", 3))
tried("many", lambda: sum(g for (g,) in rows("select g from generate_series(1, $1::int) g", 10000)))
tried("uuid", lambda: db.prepare("select $1::uuid").first(uuid.UUID(int=5)))

for text in (
    "insert into t (name) values ('n1')", "insert into t (name) values (null)", "insert into t (name, n) values ('z', -1)",
    "insert into t (nope) values (1)", "delete from missing", "select 1/0", "selec", "select * from missing", "select $2::int",
):
    tried(text, lambda: db.prepare(text)())

cursor = db.prepare("select g from generate_series(1, $1::int) g").declare(10)
tried("cursor", lambda: (cursor.read(3), cursor.seek(-2, 2), cursor.read(), cursor.read(2, "BACKWARD"), next(cursor)))
cursor.close()
tried("closed", lambda: cursor.read())

with db.xact():
    db.execute("update t set n = 9")
    tried("in a transaction", lambda: rows("select n from t where id < $1", 3))
    held = db.prepare("select id from t order by id").rows()
    tried("a cursor", lambda: next(held)[0])
    try:
        with db.xact():
            db.prepare("insert into t (name) values ('n1')")()
    except Error as error:
        print("savepoint", error.code)
    tried("after it", lambda: db.prepare("select count(*) from t").first())
try:
    with db.xact(isolation="serializable", mode="read only"):
        db.execute("delete from t")
except Error as error:
    print("read only", error.code, error.message)

tried("copied out", lambda: [bytes(row) for row in db.prepare("copy (select id, name from t order by id) to stdout")])
db.prepare("copy t (name, n) from stdin").load_rows([b"c1\t1.5\n", b"c2\t\\N\n"])
tried("copied in", lambda: rows("select name, n from t where name like 'c%' order by name"))
tried("settings", lambda: (db.settings["search_path"], db.settings.get("nope")))
with db.settings(search_path="pg_catalog"):
    tried("within", lambda: db.settings["search_path"])
tried("several", lambda: db.execute("create table u (a int); insert into u values (1), (2)"))
tried("query", lambda: (db.query.first("select count(*) from u"), list(map(tuple, db.query("select a from u order by 1")))))
tried("version", lambda: db.version_info[0] >= 15)
db.close()
