"""PyGreSQL: the classic interface, which reads catalogues to insert, get and update rows, and the DB-API 2."""

import datetime
import decimal
import re
import sys
import uuid
from urllib.parse import urlparse

import pg
import pgdb

url = urlparse(sys.argv[1])
db = pg.DB(dbname=url.path[1:], host=url.hostname, port=url.port, user=url.username, passwd=url.password or "")


def tried(what, run):
    try:
        print(what, re.sub(" at 0x[0-9a-f]+", "", repr(run())))
    except pg.Error as error:
        message = re.split("\nDETAIL|\nCONTEXT", str(error))[0].strip()
        print(what, "failed", type(error).__name__, getattr(error, "sqlstate", None), message)


for value in (
    "1.50::numeric", "'NaN'::float8", "true", r"'\x00ff'::bytea", "'2020-02-29'::date", "'12:00:01.5'::time", "'12:00+02'::timetz",
    "'2020-01-01 12:00'::timestamp", "'2020-01-01 12:00+02'::timestamptz", "'infinity'::timestamp", "'1 mon 2 days 03:04:05'::interval",
    "array[1,null,3]", "array['a b','c,d',null]", "'{{1,2},{3,4}}'::int[]", "'{\"a\": [1]}'::jsonb", "'{\"a\":1}'::json",
    "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid", "int4range(1,5)", "row(1,'x',null)", "'$1.50'::money", "null", "'ü€😀'",
    "9223372036854775807", "'(1,2)'::point", "1::oid",
):
    tried(value, lambda: db.query(f"select {value} as v").getresult())

db.query("create table t (id serial primary key, name text not null unique, n numeric check (n > 0), b bytea, tags text[], j jsonb, at timestamptz default '2020-01-01Z', ok bool)")
db.query("create type pair as (a int, b text)")
for number in range(1, 5):
    row = dict(name=f"n{number}", n=decimal.Decimal(f"{number}.5"), b=b"\0\xff", tags=["a", None, "b c"], j={"a": number}, ok=number % 2 == 0)
    tried("insert", lambda: db.insert("t", row))
tried("get", lambda: (db.get("t", 2), db.get("t", "n3", "name")))
tried("missing", lambda: db.get("t", 99))
tried("update", lambda: db.update("t", id=1, n=9))
tried("upsert", lambda: db.upsert("t", dict(id=1, name="up")))
tried("rows", lambda: db.query("select id, name from t order by id").dictresult())
tried("lists", lambda: (db.get_as_dict("t", what="id, name", order="id"), db.get_as_list("t", what="name", order="id", limit=2)))
tried("parameters", lambda: db.query("select $1::int + 1, $2::text, $3::bool", (41, "x'", None)).getresult())
tried("formatted", lambda: db.query_formatted("select %s::int, %s::text", (1, "it's")).getresult())
tried("prepare", lambda: db.prepare("p", "select name from t where id = $1"))
tried("prepared", lambda: (db.query_prepared("p", 2).getresult(), db.describe_prepared("p").listfields()))
tried("prepares badly", lambda: db.prepare("q", "delete from missing"))
for text in (
    "insert into t (name) values ('n2')", "insert into t (name) values (null)", "select 1/0", "selec", "select * from missing",
    "insert into t (name, n) values ('z', -1)",
):
    tried(text, lambda: db.query(text))

for step in (db.begin, lambda: db.query("update t set n = n + 1"), db.transaction, lambda: db.savepoint("s"), lambda: db.query("select 1/0"),
             db.transaction, lambda: db.rollback("s"), lambda: db.release("s"), db.commit):
    tried("step", step)
db.query("create table copied (name text, n numeric)")
tried("COPY", lambda: (db.inserttable("copied", [["c1", 1.5], ["c2", None]]), db.query("select * from copied").getresult()))
tried("catalogue", lambda: (db.get_tables(), db.get_attnames("t"), db.pkey("t"), db.has_table_privilege("t", "insert"), db.get_relations("S")))
tried("settings", lambda: (db.set_parameter("datestyle", "ISO, DMY"), db.get_parameter("datestyle"), db.set_parameter("datestyle", None)))
tried("composite", lambda: db.query("select row(1,'x')::pair").getresult())


def large_object():
    db.begin()
    made = db.locreate(pg.INV_WRITE)
    made.open(pg.INV_WRITE | pg.INV_READ)
    made.write(b"hello")
    made.seek(0, pg.SEEK_SET)
    read = made.read(3), made.tell()
    made.close()
    made.unlink()
    db.commit()
    return read


tried("large object", large_object)
tried("delete", lambda: (db.delete("t", id=4), db.truncate("t", restart=True), db.query("select count(*) from t").single()))
db.close()

connection = pgdb.connect(database=url.path[1:], user=url.username, password=url.password or "", host=f"{url.hostname}:{url.port}")
cursor = connection.cursor()


def ran(text, values=None):
    cursor.execute(text, values)
    return cursor.rowcount, cursor.fetchall() if cursor.description else None, [(one.name, one.type_code) for one in cursor.description or []]


tried("insert", lambda: ran("insert into t (name, n, b, tags) values (%s, %s, %s, %s) returning *", ("q", decimal.Decimal("1.5"), pgdb.Binary(b"\0\1"), ["a", "b"])))
tried("values", lambda: ran("select %s::timestamptz, %s::interval, %s::uuid", (datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), datetime.timedelta(days=1), uuid.UUID(int=5))))
tried("rollback", connection.rollback)
tried("many", lambda: (cursor.executemany("insert into t (name) values (%s)", [(f"m{number}",) for number in range(5)]), cursor.rowcount)[1])
connection.commit()
tried("copied out", lambda: "".join(cursor.copy_to(None, "t", columns=("name",))))
tried("copied in", lambda: (cursor.copy_from("x1\t1\nx2\t\\N\n", "t", columns=("name", "n")), cursor.rowcount)[1])
connection.commit()
tried("fails", lambda: ran("select 1/0"))
connection.rollback()
tried("in parts", lambda: (cursor.execute("select g from generate_series(1, 3000) g"), cursor.fetchmany(3), len(cursor.fetchall()))[1:])
connection.close()
