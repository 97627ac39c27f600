"""asyncpg: binary values of every type it knows, introspection of unknown ones, cursors, COPY, batches, errors."""

import asyncio
import datetime
import decimal
import io
import re
import sys
import uuid

import asyncpg

VALUES = """
select true b, 1::int2 i2, -7 i4, 9007199254740993::int8 i8, 0.1::float4 f4, -1e300::float8 f8, 12.3400::numeric n,
  'ä€😀'::text t, 'c'::char(3) c, '\\x00ff'::bytea bytes, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid u,
  date '2020-02-29' d, time '23:59:59.999999' tm, timetz '12:00+02' tmz, timestamp '1969-12-31 23:59:59.5' ts,
  timestamptz '2020-01-01 00:00:00.123456+02' tz, interval '1 mon 2 days 03:04:05.6' iv, '{"a": 1}'::jsonb jb, 5::oid o,
  array[1,null,3] ia, array['a','b,"c',null,''] ta, int4range(1, 5) r, tstzrange('2020-01-01 00:00Z', null) tr,
  int8multirange(int8range(1,2), int8range(5,9)) mr, inet '10.0.0.1' ip, cidr '10.0.0.0/8' ci, point(1,2) p,
  box(point(0,0),point(1,2)) bx, lseg(point(0,0),point(1,2)) ls, circle(point(1,2),3) ci2, path '[(1,2),(3,4)]' pa,
  polygon '((1,2),(3,4),(5,6))' po, line '{1,2,3}' li, bit '101' bt, varbit '1011' vb, '08:00:2b:01:02:03'::macaddr ma,
  12.5::text::money mo, 'pg_class'::regclass rc, 'a b'::tsvector tsv, xml '<a/>' x, 'q'::"char" ch, '0/16B3748'::pg_lsn lsn,
  '(1,2)'::tid ti, row(1, 'a') rec, 'sad'::mood m, row(1, 'x')::pair pr, 7::positive dom, array[row(1,'y')::pair] prs,
  array['ok','sad']::mood[] ms, null::int nothing
"""


async def failure(run):
    try:
        await run
    except asyncpg.PostgresError as error:
        return type(error).__name__, error.sqlstate, str(error).split("\n")[0], error.position, error.constraint_name
    except Exception as error:
        return type(error).__name__, str(error)
    return "no failure"


async def main():
    db = await asyncpg.connect(sys.argv[1])
    await db.execute("create type mood as enum ('sad', 'ok'); create type pair as (a int, b text); create domain positive as int check (value > 0)")
    for name, value in (await db.fetchrow(VALUES)).items():
        print(name, re.sub(" at 0x[0-9a-f]+", "", repr(value)))
    await db.execute("create table kept(id serial primary key, m mood, p pair, iv interval, r int4range, at timestamptz, n numeric, tags text[], k uuid unique, mr int4multirange, bt bit(3), po point)")
    insert = "insert into kept(m, p, iv, r, at, n, tags, k, mr, bt, po) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning *"
    values = (
        "ok", (1, "x"), datetime.timedelta(days=1, seconds=2, microseconds=3), asyncpg.Range(1, 5),
        datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc), decimal.Decimal("1.50"), ["a", None], uuid.UUID(int=5),
        [asyncpg.Range(1, 3)], asyncpg.BitString("101"), asyncpg.Point(1, 2),
    )
    print(await db.fetchrow(insert, *values))
    print(await failure(db.fetchrow(insert, *values)))
    print(await failure(db.fetch("select nope")), await failure(db.fetch("select $1::int", "x")), await failure(db.fetch("select 1/$1::int", 0)))
    print(await db.execute("update kept set n = n * 2"), await db.execute("delete from kept where id = 99"))
    await db.executemany("insert into kept(n, m) values ($1, $2)", [(decimal.Decimal(i), "sad") for i in range(20)])
    # One transaction of the whole session keeps its isolation level.
    isolation = "read_committed" if "session" in sys.argv else "serializable"
    transaction = db.transaction(isolation=isolation, readonly=False)
    await transaction.start()
    print(await db.fetchval("show transaction_isolation"))
    print(await failure(db.execute("select 1/0")), await failure(db.fetch("select 1")))
    await transaction.rollback()
    async with db.transaction():
        found = [row["g"] async for row in db.cursor("select g from generate_series(1, $1::int) g", 120)]
        print(len(found), sum(found))
        cursor = await db.cursor("select g from generate_series(1, 30) g")
        print(await cursor.fetch(5), await cursor.fetchrow())
    statement = await db.prepare("select id, n, m from kept where id = $1")
    print(statement.get_parameters(), [(a.name, a.type.name, a.type.kind) for a in statement.get_attributes()], await statement.fetchrow(1), await statement.explain(1) != "")
    print(await db.copy_records_to_table("kept", records=[(101, decimal.Decimal(5), ["q"]), (102, None, None)], columns=["id", "n", "tags"]))
    out = io.BytesIO()
    print(await db.copy_from_query("select id, n, m from kept where id > $1 order by id", 18, output=out, format="csv"), out.getvalue())
    print(await db.copy_to_table("kept", source=io.BytesIO(b"201,ok\n202,sad\n"), columns=["id", "m"], format="csv"))
    out = io.BytesIO()
    print(await db.copy_from_table("kept", output=out, columns=["id", "n", "tags"], format="binary"), out.getvalue()[-60:])
    await db.reset()
    pool = await asyncpg.create_pool(sys.argv[1], min_size=2, max_size=4)
    print(await asyncio.gather(*(pool.fetchval("select $1::int * 2", i) for i in range(10))))
    await pool.close()
    await db.execute("drop table kept; drop type mood; drop type pair; drop domain positive")
    await db.close()


asyncio.run(main())
