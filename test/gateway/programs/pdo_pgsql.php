<?php
// PHP's PDO with prepared statements on the server and its own, and the pg_* functions: types, transactions, COPY, large results, errors.
$interrupts = ($argv[2] ?? "") !== "uninterrupted";
preg_match('~^postgres://([^:@]*)(?::([^@]*))?@([^:/]+):(\d+)/(\w+)~', $argv[1], $part);
[, $user, $password, $host, $port, $name] = $part;

function shown(mixed $value): string {
  if (is_resource($value)) $value = bin2hex(stream_get_contents($value));
  if (is_array($value)) return "[" . implode(", ", array_map(fn($key, $one) => "$key: " . shown($one), array_keys($value), $value)) . "]";
  return var_export($value, true);
}
function put(mixed ...$values): void { echo implode(" | ", array_map("shown", $values)), "\n"; }
function failure(callable $run): array {
  try { return ["no failure", shown($run())]; } catch (PDOException $error) {
    return [$error->getCode(), strtok($error->errorInfo[2] ?? $error->getMessage(), "\n")];
  }
}

$values = <<<'SQL'
select true b, 1::int2 i2, -7 i4, 9007199254740993::int8 i8, 0.1::float4 f4, -1e300::float8 f8, 12.3400::numeric n, 'ä€😀'::text t,
  'c'::char(3) c, '\x00ff'::bytea bytes, date '2020-02-29' d, timestamptz '2020-01-01 00:00:00.123456+02' tz,
  interval '1 mon 2 days 03:04:05.6' iv, '{"a": [1, null]}'::jsonb jb, array[1,null,3] ia, int4range(1, 5) r, money '12.50' mo,
  null::int nothing, 'pg_class'::regclass rc
SQL;

foreach ([false, true] as $emulated) {
  $db = new PDO("pgsql:host=$host;port=$port;dbname=$name", $user, $password ?: null, [
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => $emulated, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC]);
  put($emulated, $db->getAttribute(PDO::ATTR_CONNECTION_STATUS));
  $found = $db->query($values);
  put($found->fetch());
  for ($column = 0; $column < $found->columnCount(); $column++) {
    $about = $found->getColumnMeta($column);
    put($about["name"], $about["native_type"], $about["len"], $about["precision"], $about["pdo_type"], $about["pgsql:oid"]);
  }
  $db->exec("drop table if exists kept");
  $db->exec("create table kept(id serial primary key, name varchar(20) not null unique, price numeric(8,2), on_sale bool, raw bytea, at timestamptz)");
  $insert = $db->prepare("insert into kept(name, price, on_sale, raw, at) values (:name, :price, :sale, :raw, :at) returning id");
  for ($index = 1; $index <= 3; $index++) {
    $insert->bindValue("name", "it's $index ? :x");
    $insert->bindValue("price", $index === 3 ? null : "$index.25");
    $insert->bindValue("sale", $index === 1, PDO::PARAM_BOOL);
    $insert->bindValue("raw", "\x00\xff\\'", PDO::PARAM_LOB);
    $insert->bindValue("at", "2020-01-0$index 00:00:00+00");
    $insert->execute();
    put($insert->fetchColumn(), $insert->rowCount());
  }
  put($db->query("select * from kept order by id")->fetchAll());
  put($db->prepare("select ?::int + 1, ?::text")->execute([1, "a"]));
  $json = $db->prepare("select '{\"a\": 1}'::jsonb ?? 'a', array[1,2] @> array[?::int], ?::text");
  $json->execute([2, "x"]);
  put($json->fetch(PDO::FETCH_NUM));
  put(failure(fn() => $db->exec("insert into kept(name) values ('it''s 1 ? :x')")));
  put(failure(fn() => $insert->execute(["name" => "a name that is much too long", "price" => 1, "sale" => "f", "raw" => null, "at" => null])));
  foreach (["select 1/0", "selec 1", "select nothing", "select * from missing", "select 'x'::int4"] as $sql) {
    put(failure(fn() => $db->query($sql)));
    put(failure(fn() => $db->prepare("$sql where 1 = ?::int")->execute([1])));
  }
  $db->beginTransaction();
  put($db->inTransaction(), $db->exec("update kept set price = 9 where id > 1"));
  put(failure(fn() => $db->exec("insert into kept(name) values (null)")), failure(fn() => $db->exec("select 1")));
  put($db->rollBack(), $db->query("select sum(price) from kept")->fetchColumn());
  $db->beginTransaction();
  $db->exec("insert into kept(name) values ('kept')");
  put($db->commit(), $db->query("select count(*) from kept")->fetchColumn());
  $db->beginTransaction();
  $db->exec("insert into kept(name) values ('its id')");
  put($db->lastInsertId("kept_id_seq") > 0);
  $db->commit();
  put($db->pgsqlCopyFromArray("kept", ["copied 1\t1.5", "copied 2\t\\N"], "\t", "\\\\N", "name, price"));
  put(failure(fn() => $db->pgsqlCopyFromArray("kept", ["copied 1\t2"], "\t", "\\\\N", "name, price")));
  put($db->pgsqlCopyToArray("kept", ";", "null", "name, price, raw"));
  $cursor = $db->prepare("select g from generate_series(1, 1000) g", [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
  $cursor->execute();
  foreach ([PDO::FETCH_ORI_NEXT, PDO::FETCH_ORI_LAST, PDO::FETCH_ORI_PRIOR, PDO::FETCH_ORI_FIRST] as $way) {
    put($cursor->fetch(PDO::FETCH_NUM, $way));
  }
  put($cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_ABS, 500), $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_REL, -10));
  $cursor = null;
  $db = null;
}

$db = pg_connect("host=$host port=$port dbname=$name user=$user" . ($password === "" ? "" : " password=$password"));
put(pg_version($db)["protocol"], pg_parameter_status($db, "TimeZone"), pg_transaction_status($db));
put(pg_fetch_all(pg_query_params($db, 'select $1::int + 1 as next, $2::text as word, $3::bool as yes', [1, "a'b", "t"])));
pg_prepare($db, "by name", 'select name from kept where name like $1 order by name');
put(pg_fetch_all_columns(pg_execute($db, "by name", ["copied%"])));
put(pg_fetch_all_columns(pg_query($db, "execute \"by name\"('it%')")));
put(pg_insert($db, "kept", ["id" => 7000, "name" => "inserted", "price" => 3]) !== false, pg_select($db, "kept", ["name" => "inserted"]));
put(pg_update($db, "kept", ["price" => 4], ["name" => "inserted"]), pg_delete($db, "kept", ["name" => "inserted"]));
put(pg_meta_data($db, "kept"));
$result = pg_query($db, "select id, name, price from kept order by id limit 1");
put(pg_field_name($result, 1), pg_field_type($result, 1), pg_field_size($result, 2), pg_field_prtlen($result, 0, 1), pg_field_table($result, 0));
put(pg_copy_from($db, "kept", ["7001\tcopied 3\t1\t\\N\t\\N\t\\N\n"]), pg_copy_to($db, "(select name, raw from kept order by name limit 2)"));
pg_send_query($db, "select 1 as one; select 'two'; select 1/0; select 4");
while ($result = pg_get_result($db)) put(pg_result_status($result), pg_fetch_all($result), pg_result_error_field($result, PGSQL_DIAG_SQLSTATE));
pg_send_query_params($db, 'select $1::text', ["sent"]);
put(pg_fetch_all(pg_get_result($db)), pg_get_result($db));
if ($interrupts) {
  pg_send_query($db, "select pg_sleep(20)");
  usleep(500_000);
  put(pg_cancel_query($db), pg_fetch_all(pg_query($db, "select 'still there' as here")));
}
put(pg_escape_literal($db, "it's \\"), pg_escape_identifier($db, 'a "b'), pg_ping($db), pg_connection_reset($db));
put(pg_fetch_all(pg_query($db, "select 'reset' as after")));
pg_close($db);
