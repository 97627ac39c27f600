# ruby-pg: types by its type maps in text and binary, prepared statements, the asynchronous interface, pipelines, COPY, errors, cancel.
require "pg"

url = ARGV[0]
interrupts = ARGV[1] != "uninterrupted"

def failure
  yield
  "no failure"
rescue PG::Error => error
  result = error.result
  [error.class, *[PG::PG_DIAG_SQLSTATE, PG::PG_DIAG_MESSAGE_PRIMARY, PG::PG_DIAG_STATEMENT_POSITION, PG::PG_DIAG_CONSTRAINT_NAME].map { |field| result&.error_field(field) }].inspect
end

VALUES_SQL = <<~SQL
  select true b, 1::int2 i2, -7 i4, 9007199254740993::int8 i8, 0.1::float4 f4, -1e300::float8 f8, 12.3400::numeric n,
    'ä€😀'::text t, 'c'::char(3) c, '\\x00ff'::bytea bytes, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid u, date '2020-02-29' d,
    timestamp '1969-12-31 23:59:59.5' ts, timestamptz '2020-01-01 00:00:00.123456+02' tz, interval '1 mon 2 days 03:04:05.6' iv,
    '{"a": [1, null]}'::json j, '{"a": [1, null]}'::jsonb jb, array[1,null,3] ia, array['a','b,"c',null,''] ta,
    array[[1,2],[3,4]] ma, int4range(1, 5) r, inet '10.0.0.1/8' ip, money '12.50' mo, null::int nothing, point '(1,2)' p,
    array[1.5::float8, 'NaN'] fa, row(1, 'a b') ro, 'x'::"char" ch, 5::oid o
SQL

db = PG.connect(url)
[0, 1].each do |format|
  [PG::BasicTypeMapForResults.new(db), PG::TypeMapAllStrings.new].each do |map|
    # Types that ruby-pg has no decoder of.
    result = begin
      previous = $stderr
      $stderr = File.open(File::NULL, "w")
      found = db.exec_params(VALUES_SQL, [], format)
      found.type_map = map
      found.values.inspect.tap { found.type_map = PG::TypeMapAllStrings.new }
    ensure
      $stderr = previous
    end
    puts result
  end
  described = db.exec_params(VALUES_SQL, [], format)
  described.nfields.times { |i| puts [described.fname(i), described.ftype(i), described.fmod(i), described.fsize(i), described.fformat(i), described.ftable(i)].inspect }
end

db.exec("create table kept(id serial primary key, name varchar(20) not null unique, price numeric(8,2), raw bytea, tags text[], at timestamptz)")
prepared = db.prepare("add", "insert into kept(name, price, raw, tags) values ($1, $2, $3, $4) returning id, raw, tags")
puts prepared.cmd_status
about = db.describe_prepared("add")
puts [about.nparams.times.map { |i| about.paramtype(i) }, about.fields].inspect
tags = PG::TextEncoder::Array.new
3.times do |i|
  result = db.exec_prepared("add", ["name #{i}", "#{i}.25", { value: "\x00\xff#{i}".b, format: 1 }, tags.encode(["a", nil, "b,\"c"])])
  puts [result.values, result.cmd_tuples, result.cmd_status].inspect
end
puts failure { db.exec_prepared("add", ["name 1", nil, nil, nil]) }
puts failure { db.exec_prepared("add", ["a name that is much too long", nil, nil, nil]) }
puts failure { db.exec_prepared("add", ["too few"]) }
puts failure { db.exec_prepared("missing", []) }
puts failure { db.prepare("add", "select 1") }
db.exec("deallocate add")
puts failure { db.exec_prepared("add", []) }
db.prepare("add", "select $1::int + 1")
puts db.exec_prepared("add", [41]).getvalue(0, 0)
db.exec("discard all")
puts db.prepare("add", "select 'after DISCARD'").cmd_status
puts db.exec("execute add").values.inspect
db.exec("deallocate all")
puts failure { db.describe_prepared("add") }
puts db.exec_params("select $1::int4 * 2, $2::float8, $3::bool, $4::int8", [{ value: [21].pack("N"), type: 23, format: 1 }, 1.5, true, 2**62], 1).values.inspect
mapped = PG::BasicTypeMapForQueries.new(db)
puts db.exec_params("select $1, $2, $3::text, $4, $5", [1, 2.5, "text", true, [1, 2]], 0, mapped).values.inspect

# Several statements, notices, transactions.
db.send_query("select 1; select 2 where false; update kept set price = 0; select 1/0; select 4")
until (result = db.get_result).nil?
  puts [result.res_status(result.result_status), result.ntuples, result.cmd_status, result.error_field(PG::PG_DIAG_SQLSTATE)].inspect
end
puts [db.transaction { |inner| inner.exec("insert into kept(name) values ('in transaction')").cmd_status }, db.transaction_status].inspect
puts failure { db.transaction { |inner| inner.exec("insert into kept(name) values ('in transaction')") } }
db.exec("begin isolation level serializable read only")
puts [db.transaction_status, failure { db.exec("delete from kept") }, db.transaction_status, failure { db.exec("select 1") }].inspect
puts [db.exec("commit").cmd_status, db.transaction_status].inspect

# COPY in both directions, text and binary.
copied = db.copy_data("copy kept(name, price, raw) from stdin") { 2000.times { |i| db.put_copy_data("copied #{i}\t#{i}.5\t\\\\x0#{i % 10}\n") } }
puts copied.cmd_status
header = "PGCOPY\n\xff\r\n\0".b + [0, 0].pack("NN")
rows = 3.times.map { |i| [2, 8, "binary #{i}", 2, "\x00\xfe".b].pack("nNa*Na*") }
puts db.copy_data("copy kept(name, raw) from stdin (format binary)") { db.put_copy_data([header, *rows, [-1].pack("n")].join) }.cmd_status
puts failure { db.copy_data("copy kept(name) from stdin") { db.put_copy_data("copied 7\n") } }
puts failure { db.copy_data("copy kept(name) from stdin") { raise PG::Error, "given up" } }
lines = []
db.copy_data("copy (select name, price, raw from kept where name ~ '^(copied 19|binary)' order by id) to stdout csv header") do
  while (line = db.get_copy_data) do lines << line end
end
puts lines.length, lines.first(3), lines.last(2)
db.copy_data("copy (select 1::int4, null::text, 'ä') to stdout (format binary)") { while (row = db.get_copy_data) do puts row.unpack1("H*") end }

# The asynchronous interface, a row at a time, and pipelines.
db.send_query_params("select g, repeat('x', g) from generate_series(1, $1::int) g", [300])
db.set_single_row_mode
count = 0
db.get_result.stream_each_row { |row| count += row[1].length }
db.get_result
puts count
db.enter_pipeline_mode
5.times { |i| db.send_query_params(i == 3 ? "select 1/$1::int" : "select $1::int", [i == 3 ? 0 : i]) }
db.pipeline_sync
db.send_query_params("select 'after the sync'", [])
db.pipeline_sync
statuses = []
until statuses.count { |one| one[0] == PG::PGRES_PIPELINE_SYNC } == 2
  result = begin
    db.get_result
  rescue PG::Error => error
    error.result
  end
  statuses << [result.result_status, result.ntuples == 1 ? result.values : nil, result.error_field(PG::PG_DIAG_SQLSTATE)] unless result.nil?
end
puts statuses.inspect
db.exit_pipeline_mode
if interrupts
  db.send_query("select pg_sleep(20)")
  sleep 0.5
  puts db.cancel.inspect
  puts failure { db.get_last_result }
end
["select 1/0", "selec 1", "select nothing", "select * from missing", "select 'x'::int4"].each do |sql|
  puts failure { db.exec(sql) }, failure { db.exec_params("#{sql} where $1::int = 1", [1]) }
end
puts [db.escape_literal("it's \\"), db.quote_ident("a \"b"), db.parameter_status("TimeZone"), db.protocol_version].inspect
db.reset
puts db.exec("select 'reset'").values.inspect
db.finish
