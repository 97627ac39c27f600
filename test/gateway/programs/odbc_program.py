"""pyodbc on psqlODBC, both of its drivers with each of its ways to run a statement; prints what it sees.

python3 odbc_program.py URL [uninterrupted]
"""
import datetime, decimal, os, re, sys, threading, uuid
from urllib.parse import urlparse
import pyodbc

pyodbc.pooling = False
url = urlparse(sys.argv[1])
interrupts = len(sys.argv) < 3
base = f"SERVER={url.hostname};PORT={url.port};DATABASE={url.path[1:]};UID={url.username};PWD={url.password or 'none'}"


def show(*values):
    print(*[repr(v) if isinstance(v, (bytes, str, tuple, list, pyodbc.Row)) else v for v in values])


def failure(act):
    try:
        return repr(act())
    except pyodbc.Error as error:
        # The driver appends the server's DETAIL, which the Data API has not, and its own file and line.
        text = re.sub(r"(constraint[^\n]*?)(?: \(|\nDETAIL: )[^;]*;", r"\1;", str(error.args[1]).replace("\0", ""))
        return f"{type(error).__name__} {error.args[0]} {text!r}"


def connect(driver, options):
    db = pyodbc.connect(f"DRIVER={{PostgreSQL {driver}}};{base};{options}")
    if driver == "ANSI":
        for kind in (pyodbc.SQL_CHAR, pyodbc.SQL_WCHAR, pyodbc.SQL_WMETADATA):
            db.setdecoding(kind, encoding="utf-8", ctype=pyodbc.SQL_CHAR)
        db.setencoding(encoding="utf-8", ctype=pyodbc.SQL_CHAR)
    return db


SCHEMA = [
    """create table owner(id serial primary key, name varchar(20) not null, code char(4) default 'none', unique(name))""",
    """create table pet(owner_id int not null references owner(id) on delete cascade on update restrict, number smallint, born date,
       weight numeric(6,2), price double precision, small real, big int8, tame boolean default true, at timestamp, stamp timestamptz(3),
       clock time, raw bytea, note text, key uuid, doc jsonb, tags text[], span interval, net inet, bits bit(3), fee money,
       primary key (owner_id, number))""",
    "create index pet_born on pet(born desc, lower(note))",
    "create view tame_pets as select * from pet where tame",
    "comment on table owner is 'who owns'; comment on column owner.name is 'the name'",
    "create function twice(a int, out b int, out c text) language sql as 'select a * 2, a::text'",
    "create procedure add_owner(n varchar) language sql as 'insert into owner(name) values (n)'",
    "create function owners() returns setof owner language sql as 'select * from owner order by id'",
]

VALUES = """select 1::int2 a, 2::int4 b, 9223372036854775807::int8 c, 1.50::numeric(8,2) d, 1e20::numeric e, 1.5::float8 f, 0.1::float4 g,
 true h, 'text'::text i, 'vär'::varchar(10) j, 'c'::char(5) k, '\\x00ff10'::bytea l, date '2020-02-29' m, time '12:34:56' n,
 timestamp '2020-02-29 12:34:56.789' o, timestamptz '2020-02-29 12:34:56.789+00' p, interval '1 day 02:03:04' q,
 uuid 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' r, '{"a": [1, null]}'::jsonb s, array[1,null,3] t, int4range(1, 5) u, inet '10.0.0.1/8' v,
 money '12.50' w, null::int x, point '(1,2)' y, 'NaN'::float8 z, row(1, 'a b') aa, 'x'::"char" ab, 5::oid ac, b'101' ad, xmlelement(name x) ae"""


def described(cursor):
    return [(d[0], d[1].__name__, d[2], d[3], d[4], d[5], d[6]) for d in cursor.description]


def catalogue(cursor):
    for name, ask in {
        "tables": lambda: cursor.tables(schema="public"),
        "views": lambda: cursor.tables(schema="public", tableType="VIEW"),
        "schemas": lambda: cursor.tables("", "%", ""),
        "columns": lambda: cursor.columns(schema="public"),
        "one column": lambda: cursor.columns("owner", column="na%"),
        "primary keys": lambda: cursor.primaryKeys("pet"),
        "foreign keys": lambda: cursor.foreignKeys("owner"),
        "foreign keys of": lambda: cursor.foreignKeys(foreignTable="pet"),
        "statistics": lambda: cursor.statistics("pet"),
        "unique": lambda: cursor.statistics("owner", unique=True),
        "row id": lambda: cursor.rowIdColumns("owner"),
        "row version": lambda: cursor.rowVerColumns("owner"),
        "procedures": lambda: cursor.procedures(schema="public"),
        "procedure columns": lambda: cursor.procedureColumns(schema="public"),
        "types": lambda: cursor.getTypeInfo(),
    }.items():
        rows = ask()
        show("--", name, described(rows))
        names = [column[0] for column in rows.description]
        for row in rows.fetchall():
            # The database's name is another one in each run of a test, and so are the tables' oids.
            values = [value for name, value in zip(names, row) if name != "table oid"]
            show([value for value in values if value != url.path[1:]])


def parameters(db, cursor):
    add = "insert into pet values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    row = (1, 1, datetime.date(2020, 2, 29), decimal.Decimal("12.50"), 0.1, 1.5, 2**62, False, datetime.datetime(2020, 2, 29, 12, 34, 56, 789000),
           datetime.datetime(2020, 2, 29, 12, 0, 0), datetime.time(12, 34, 56), b"\x00\xff'\\", "it's \\ ? :name $1 ünï 漢字", uuid.UUID(int=7),
           '{"a": 1}', "{a,NULL}", "1 day", "10.0.0.1", "101", None)
    show(failure(lambda: cursor.execute(add, row).rowcount))
    db.commit()
    show(failure(lambda: cursor.execute(add, (1, 2) + (None,) * 18).rowcount))
    db.commit()
    for one in cursor.execute("select * from pet order by number").fetchall():
        show(one)
    show(cursor.execute("select ?, ?::int + ?, ?::text", "x", 1, 2, None).fetchone())
    show(cursor.execute("select count(*) from pet where born = ? and weight > ? and key = ? and note like ?", row[2], 1, row[13], "it%").fetchval())
    cursor.executemany("insert into owner(name, code) values (?, ?)", [(f"name {i}", "abc") for i in range(30)])
    cursor.fast_executemany = True
    show(failure(lambda: cursor.executemany("insert into owner(name, code) values (?, ?)", [(f"fast {i}", "def") for i in range(30)])))
    cursor.fast_executemany = False
    db.commit()
    show(cursor.execute("select count(*), max(code) from owner").fetchone())
    show(cursor.execute("insert into owner(name) values (?) returning id, code", "returned").fetchone())
    show(cursor.execute("update owner set code = ? where name like ?", "zz", "fast%").rowcount)
    db.rollback()
    show(cursor.execute("select count(*) from owner where code = 'zz'").fetchval())


def routines(db, cursor):
    show(failure(lambda: cursor.execute("{call add_owner(?)}", "called").rowcount))
    show(failure(lambda: cursor.execute("call add_owner(?)", "called too").rowcount))
    show(failure(lambda: cursor.execute("{call owners()}").fetchone()))
    show(failure(lambda: cursor.execute("select * from twice(?)", 21).fetchall()))
    show(failure(lambda: cursor.execute("select {fn ucase('a')}, {fn length('abc')}, {d '2020-01-01'}, {ts '2020-01-01 00:00:00'}, {fn concat('a', 'b')}").fetchone()))
    db.commit()
    show(cursor.execute("select name from {oj owner left outer join pet on owner.id = pet.owner_id} where name like 'called%' order by 1").fetchall())
    cursor.execute("select 1; select 2, 3; insert into owner(name) values ('of several'); select 4 where false")
    while True:
        show(cursor.description and cursor.fetchall(), cursor.rowcount)
        if not cursor.nextset():
            break
    db.rollback()


def transactions(db, cursor):
    for sql in ["select 1/0", "selec 1", "select nothing", "select * from missing", "insert into owner(name) values ('name 1')",
                "insert into owner(name) values (null)", "insert into pet(owner_id, number) values (-1, 1)", "select 'x'::int",
                "insert into owner(name) values (repeat('x', 30))", "do $$ begin raise exception 'own' using errcode = 'AB123'; end $$"]:
        show(failure(lambda: cursor.execute(sql).fetchall()))
        show(failure(lambda: cursor.execute("select 'still'").fetchval()))
        db.rollback()
    for sql, value in [("select 1/?::int", 0), ("select nothing where 1 = ?", 1), ("insert into owner(name) values (?)", "name 1"), ("select ?::int", "x")]:
        show(failure(lambda: cursor.execute(sql, value).fetchall()))
        db.rollback()
    show(failure(lambda: cursor.execute("select ?", 1, 2)))
    db.rollback()
    cursor.execute("insert into owner(name) values ('kept')")
    cursor.execute("savepoint one")
    show(failure(lambda: cursor.execute("insert into owner(name) values ('kept')")))
    show(failure(lambda: cursor.execute("rollback to savepoint one").rowcount))
    show(failure(lambda: cursor.execute("select count(*) from owner where name = 'kept'").fetchval()))
    db.commit()
    db.autocommit = True
    cursor.execute("delete from owner where name = 'kept'")
    db.autocommit = False
    for level in (pyodbc.SQL_TXN_SERIALIZABLE, pyodbc.SQL_TXN_REPEATABLE_READ, pyodbc.SQL_TXN_READ_COMMITTED):
        db.set_attr(pyodbc.SQL_ATTR_TXN_ISOLATION, level)
        show(cursor.execute("show transaction_isolation").fetchval())
        db.commit()


def cursors(db, cursor):
    cursor.execute("select g, repeat('x', g % 100), g * 1.5 from generate_series(1, 2500) g")
    show(cursor.fetchone(), len(cursor.fetchmany(150)), sum(row[0] for row in cursor), cursor.fetchone())
    other = db.cursor()
    cursor.execute("select id from owner order by id")
    names = []
    for row in cursor:
        if row[0] % 10 == 0:
            names.append(other.execute("select name from owner where id = ?", row[0]).fetchval())
    show(names)
    cursor.execute("select g from generate_series(1, 1000) g").skip(10)
    show(cursor.fetchone())
    db.commit()
    show(failure(lambda: cursor.execute("select repeat('ä', 300000), decode(repeat('00ff', 100000), 'hex')").fetchone()[0][-3:]))
    show(failure(lambda: len(cursor.execute("select ?::text", "y" * 200_000).fetchval())))
    show(failure(lambda: len(cursor.execute("select ?::bytea", b"\x00\xfe" * 10_000).fetchval())))
    db.rollback()


WAYS = ("", "UseDeclareFetch=1;Fetch=100", "UseServerSidePrepare=0", "UseServerSidePrepare=1;UseDeclareFetch=1;Protocol=7.4-2", "Protocol=7.4-0;BoolsAsChar=0;ByteaAsLongVarBinary=1;LFConversion=0;UpdatableCursors=1;ShowSystemTables=0")

for driver in ("Unicode", "ANSI"):
    for options in WAYS if driver == "Unicode" else WAYS[:2]:
        show("=====", driver, options)
        db = connect(driver, options)
        cursor = db.cursor()
        cursor.execute("drop schema public cascade; create schema public")
        for sql in SCHEMA:
            cursor.execute(sql)
        db.commit()
        cursor.execute("insert into owner(name) values ('first')")
        db.commit()
        cursor.execute(VALUES)
        show(described(cursor))
        for row in cursor.fetchall():
            show(row)
        parameters(db, cursor)
        if options == "":
            for info in ("SQL_DBMS_NAME", "SQL_DBMS_VER", "SQL_TXN_CAPABLE", "SQL_DEFAULT_TXN_ISOLATION", "SQL_MAX_IDENTIFIER_LEN", "SQL_IDENTIFIER_QUOTE_CHAR", "SQL_USER_NAME"):
                show(info, db.getinfo(getattr(pyodbc, info)))
        if (options == "") == (driver == "Unicode"):
            catalogue(cursor)
        routines(db, cursor)
        transactions(db, cursor)
        cursors(db, cursor)
        db.commit()
        db.close()

if interrupts:
    db = connect("Unicode", "")
    cursor = db.cursor()
    threading.Timer(0.5, cursor.cancel).start()
    show(failure(lambda: cursor.execute("select pg_sleep(20)").fetchall()))
    sys.stdout.flush()
    # The driver may crash at the connection's end after a cancellation.
    os._exit(0)
