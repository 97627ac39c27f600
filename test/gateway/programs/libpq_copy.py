"""COPY by libpq's extended protocol: PQexecParams, as programs in C and their bindings call it."""
import ctypes
import sys

pq = ctypes.CDLL("libpq.so.5")
for name in ("PQconnectdb", "PQexecParams", "PQexec", "PQgetResult"):
    getattr(pq, name).restype = ctypes.c_void_p
for name in ("PQresultErrorField", "PQcmdStatus", "PQgetvalue", "PQresStatus", "PQerrorMessage"):
    getattr(pq, name).restype = ctypes.c_char_p
connection = ctypes.c_void_p(pq.PQconnectdb(sys.argv[1].encode()))


def text(value):
    return None if value is None else value.decode()


def shown(result):
    """What a result is: its status, its tag or its error."""
    pointer = ctypes.c_void_p(result)
    status = text(pq.PQresStatus(pq.PQresultStatus(pointer)))
    code = text(pq.PQresultErrorField(pointer, ord("C")))
    message = text(pq.PQresultErrorField(pointer, ord("M")))
    line = [status, text(pq.PQcmdStatus(pointer)), code, message]
    pq.PQclear(pointer)
    return line


def rest():
    """Results up to the end of the command."""
    lines = []
    while result := pq.PQgetResult(connection):
        lines.append(shown(result))
    return lines


def execute(sql, *, extended=True):
    if extended:
        return pq.PQexecParams(connection, sql.encode(), 0, None, None, None, None, 0)
    return pq.PQexec(connection, sql.encode())


def copy_in(sql, *chunks, failure=None):
    lines = [shown(execute(sql))]
    if lines[0][0] == "PGRES_COPY_IN":
        for chunk in chunks:
            pq.PQputCopyData(connection, chunk, len(chunk))
        pq.PQputCopyEnd(connection, failure)
        lines += rest()
    print("in", sql, lines, pq.PQtransactionStatus(connection))


def copy_out(sql):
    lines = [shown(execute(sql))]
    data = []
    if lines[0][0] == "PGRES_COPY_OUT":
        buffer = ctypes.c_char_p()
        while (size := pq.PQgetCopyData(connection, ctypes.byref(buffer), 0)) > 0:
            data.append(ctypes.string_at(buffer, size))
        lines += rest()
    print("out", sql, lines, data, pq.PQtransactionStatus(connection))


def simple(sql):
    print(sql, shown(execute(sql, extended=False)), pq.PQtransactionStatus(connection))


simple("create table copied (a int primary key, b text)")
copy_in("copy copied from stdin", b"1\tone\n2\t", b"two\n")
copy_in("copy copied from stdin (format csv, header)", b'a,b\n3,"th\nree"\n')
copy_out("copy copied to stdout")
copy_out("copy (select b from copied order by a desc) to stdout (format csv)")
copy_out("copy (select 1::int4) to stdout (format binary)")
copy_in("copy copied from stdin (format binary)", b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\x02\0\0\0\x04\0\0\0\x09\0\0\0\x04nine\xff\xff")
copy_in("copy copied from stdin", b"1\tagain\n")
copy_in("copy copied from stdin", b"4\tnot kept\n", failure=b"given up")
copy_in("copy nowhere from stdin")
copy_out("copy nowhere to stdout")
simple("begin")
copy_in("copy copied from stdin", b"5\tfive\n")
copy_in("copy copied from stdin", b"x\ty\n")
copy_out("copy copied to stdout")
simple("rollback")
copy_out("copy copied to stdout")
simple("drop table copied")
pq.PQfinish(connection)
