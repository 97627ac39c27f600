"""psycopg 3: types in text and binary, errors, transactions, pipeline, COPY, cursors on the server, prepared statements."""

import datetime
import decimal
import sys
import uuid

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg.types.range import Range

url = sys.argv[1]


def failure(run):
    try:
        run()
    except psycopg.Error as error:
        d = error.diag
        return (type(error).__name__, error.sqlstate, d.message_primary, d.statement_position, d.constraint_name)
    return "no failure"


VALUES = """
select true b, 1::int2 i2, -7 i4, 9007199254740993::int8 i8, 0.1::float4 f4, -1e300::float8 f8, 12.3400::numeric n,
  'ä€😀'::text t, 'c'::char(3) c, '\\x00ff'::bytea bytes, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid u,
  date '2020-02-29' d, time '23:59:59.999999' tm, timetz '12:00+02' tmz, timestamp '1969-12-31 23:59:59.5' ts,
  timestamptz '2020-01-01 00:00:00.123456+02' tz, interval '1 mon 2 days 03:04:05.6' iv, '{"a": [1, null]}'::json j,
  '{"a": [1, null]}'::jsonb jb, 5::oid o, array[1,null,3] ia, array['a','b,"c',null,''] ta, array[[1,2],[3,4]] ma,
  int4range(1, 5) r, tstzrange('2020-01-01 00:00Z', null) tr, int4multirange(int4range(1,2), int4range(5,9)) mr,
  inet '10.0.0.1/8' ip, cidr '10.0.0.0/8' ci, null::int nothing, array[interval '1 day'] iva, array[int4range(1,2)] ra
"""

with psycopg.connect(url, autocommit=True) as db:
    for binary in (False, True):
        cursor = db.cursor(binary=binary, row_factory=dict_row)
        for name, value in cursor.execute(VALUES).fetchone().items():
            print(binary, name, repr(value))
        print([(c.name, c.type_code, c.internal_size, c.precision, c.scale) for c in cursor.description])
    db.execute("drop table if exists kept")
    db.execute(
        "create table kept(id serial primary key, name varchar(20) not null, price numeric(8,2), at timestamptz, "
        "span interval, data jsonb, tags text[], within int4range, key uuid unique)"
    )
    row = (
        "one",
        decimal.Decimal("12.50"),
        datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.timezone.utc),
        datetime.timedelta(days=1, seconds=2),
        Jsonb({"k": [1, None]}),
        ["a", None, 'b"'],
        Range(1, 5),
        uuid.UUID(int=7),
    )
    insert = "insert into kept(name, price, at, span, data, tags, within, key) values (%s,%s,%s,%s,%s,%s,%s,%s) returning *"
    print(db.execute(insert, row).fetchone())
    binary_insert = insert.replace("%s", "%b")
    print(db.execute(binary_insert, ("two", *row[1:-1], uuid.UUID(int=8))).fetchone())
    print(failure(lambda: db.execute(insert, ("three", *row[1:]))))
    print(failure(lambda: db.execute("select nope from kept where id = %s", (1,))))
    print(failure(lambda: db.execute("insert into kept(name) values (%s)", ("x" * 21,))))
    print(failure(lambda: db.execute("select %s::int", ("x",))))
    many = db.cursor()
    many.executemany("insert into kept(name) values (%s) returning id", [(f"m{i}",) for i in range(5)], returning=True)
    ids = [many.fetchone()]
    while many.nextset():
        ids.append(many.fetchone())
    print(ids, many.rowcount)
    # The driver declares the smallest type of each number, and none for NULL.
    numbers = [None if n % 7 == 3 else n * 10 ** (n % 6) for n in range(3000)]
    rows = ", ".join(["(%s::varchar, %s::bigint, %s, now() is null)"] * len(numbers))
    wide = f"select sum(b), sum(c), min(a), count(*), pg_typeof(min(c)) from (values {rows}) v(a, b, c, d)"
    print(db.execute(wide, [value for n in numbers for value in ("it's", n, n)]).fetchone())
    for _ in range(8):
        print(db.execute("select count(*), max(name) from kept where id > %s", (1,), prepare=True).fetchone())
    print(db.execute("update kept set price = price * 2 where price is not null").rowcount, db.execute("select 1; select 2").nextset())

with psycopg.connect(url) as db:
    db.execute("set timezone to 'Europe/Berlin'")
    print(db.execute("show timezone").fetchone(), db.info.parameter_status("TimeZone"), db.info.timezone)
    try:
        with db.transaction():
            db.execute("insert into kept(name) values ('rolled back')")
            with db.transaction():
                db.execute("insert into kept(name) values ('inner')")
                raise psycopg.Rollback()
            db.execute("select 1/0")
    except psycopg.errors.DivisionByZero as error:
        print(type(error).__name__, db.info.transaction_status.name)
    print(failure(lambda: db.execute("select 1/0")), db.info.transaction_status.name)
    print(failure(lambda: db.execute("select 1")), db.info.transaction_status.name)
    db.rollback()
    print(db.execute("select count(*) from kept").fetchone())
    with db.cursor().copy("copy kept(name, price, tags) from stdin") as copy:
        for i in range(300):
            copy.write_row((f"c{i}\t\\", decimal.Decimal(i) / 4, ["x", None]))
    with db.cursor().copy("copy kept(id, name) from stdin (format binary)") as copy:
        copy.set_types(["int4", "varchar"])
        copy.write_row((9001, "binary"))
    with db.cursor().copy("copy (select name, price from kept where id > 300 order by id) to stdout") as copy:
        print([row for row in copy.rows()][:4])
    with db.cursor().copy("copy (select id, name, price from kept where id > 9000) to stdout (format binary)") as copy:
        copy.set_types(["int4", "varchar", "numeric"])
        print(list(copy.rows()))
    db.commit()
    with db.cursor(name="served") as served:
        served.execute("select id, price from kept where price is not null order by id")
        print(served.fetchmany(3), len(served.fetchall()))
    with db.cursor(name="scrolled", scrollable=True) as served:
        served.execute("select g from generate_series(1, %s) g", (50,))
        served.scroll(10)
        print(served.fetchone())
        served.scroll(-5)
        print(served.fetchone())
    with db.cursor() as streamed:
        print(sum(row[0] for row in streamed.stream("select g from generate_series(1, 1000) g")))
with psycopg.connect(url) as db:
    with db.pipeline() as pipeline:
        a = db.execute("insert into kept(name) values ('p1') returning name")
        b = db.execute("select count(*) from kept where name like %s", ("p%",))
        pipeline.sync()
        print(a.fetchone(), b.fetchone())

    def piped():
        with db.pipeline():
            db.execute("insert into kept(name) values ('p2')")
            db.execute("select 1/0")
            db.execute("insert into kept(name) values ('p3')")

    print(failure(piped))
    db.rollback()
    print(db.execute("select count(*) from kept where name like 'p_'").fetchone())
    notices = []
    db.add_notice_handler(lambda diagnostic: notices.append(diagnostic.message_primary))
    db.execute("savepoint s")
    db.execute("create table if not exists kept(id int)")
    print(db.info.server_version, db.info.encoding)
with psycopg.connect(url, autocommit=True) as db:
    db.execute("drop table kept")
