# DBD::Pg: types, placeholders of each kind, prepared statements on the server, transactions, COPY, metadata, errors, cancel.
use strict;
use warnings;
use utf8;
use DBI;
use DBD::Pg qw(:pg_types :async);

binmode STDOUT, ":utf8";
my ($user, $password, $host, $port, $name) = $ARGV[0] =~ m{^postgres://([^:@]*)(?::([^@]*))?@([^:/]+):(\d+)/(\w+)};
my $interrupts = ($ARGV[1] // "") ne "uninterrupted";

sub connected {
  return DBI->connect("dbi:Pg:dbname=$name;host=$host;port=$port", $user, $password,
    { AutoCommit => 1, RaiseError => 0, PrintError => 0, pg_enable_utf8 => 1, @_ }) // die $DBI::errstr;
}

my $db;

sub shown {
  return join "|", map { ref $_ eq "ARRAY" ? "[" . shown(@$_) . "]" : $_ // "null" } @_;
}

# A message's first line: the others are DETAIL and CONTEXT.
sub failure {
  my ($handle) = @_;
  my ($message) = ($handle->errstr // "") =~ /^([^\n]*)/;
  return shown($handle->state, $message, map { $db->pg_error_field($_) } "statement_position", "constraint");
}

$db = connected();

my $values = q{select true b, 1::int2 i2, -7 i4, 9007199254740993::int8 i8, 0.1::float4 f4, -1e300::float8 f8,
  12.3400::numeric(8,4) n, 'ä€😀'::text t, 'c'::char(3) c, '\x00ff41'::bytea bytes, date '2020-02-29' d,
  timestamptz '2020-01-01 00:00:00.123456+02' tz, interval '1 mon 2 days 03:04:05.6' iv, '{"a": [1, null]}'::jsonb jb,
  array[1,null,3] ia, array['a','b,"c',null,''] ta, array[[1,2],[3,4]] ma, int4range(1, 5) r, inet '10.0.0.1/8' ip,
  money '12.50' mo, null::int nothing, 'pg_class'::regclass rc, point '(1,2)' p, array[true,false] ba};
for my $on (0, 1) {
  my $statement = $db->prepare($values, { pg_server_prepare => $on });
  for (1 .. 2) {
    $statement->execute;
    my @row = $statement->fetchrow_array;
    $row[9] = unpack "H*", $row[9];
    print shown(@row), "\n";
  }
  print shown($statement->{NAME}, $statement->{TYPE}, $statement->{PRECISION}, $statement->{SCALE}, $statement->{pg_type}), "\n";
}

print shown($db->do("create table kept(id serial primary key, name varchar(20) not null unique, price numeric(8,2) check (price > 0),
  tags text[], raw bytea, at timestamptz)")), "\n";
my $insert = $db->prepare("insert into kept(name, price, tags, raw, at) values (?, ?, ?, ?, ?) returning id, raw");
$insert->bind_param(4, undef, { pg_type => PG_BYTEA });
for my $index (1 .. 4) {
  my $count = $insert->execute("name $index", "$index.50", ["a", undef, "b,\"c"], "\x00\xff$index", "2020-01-0$index 00:00Z");
  my ($id, $raw) = $insert->fetchrow_array;
  print shown($count, $id, unpack("H*", $raw)), "\n";
}
print shown($insert->execute("name 1", 1, undef, undef, undef), failure($insert)), "\n";
print shown($insert->execute("a name that is much too long", 1, undef, undef, undef), failure($insert)), "\n";
print shown($insert->execute("negative", -1, undef, undef, undef), failure($insert)), "\n";
print shown($db->selectrow_array('select $2::text || $1::text', undef, "a", "b")), "\n";
my $named = $db->prepare("select id, name from kept where id >= :least and name like :name order by id");
$named->bind_param(":least", 2, { pg_type => PG_INT4 });
$named->bind_param(":name", "name%");
print shown($named->execute, $named->fetchall_arrayref), "\n";
print shown($db->selectall_arrayref("select tags, price, at from kept order by id", { Slice => [] })), "\n";
print shown($insert->execute_for_fetch(do { my $i = 4; sub { $i++ < 8 ? ["name $i", $i, undef, undef, undef] : undef } })), "\n";
print shown($db->do("update kept set price = price * 2 where id > ?", undef, 3)), "\n";

# Transactions, savepoints.
$db->{AutoCommit} = 0;
$db->do("insert into kept(name) values ('in transaction')");
$db->pg_savepoint("here");
print shown($db->do("insert into kept(name) values ('in transaction')"), failure($db)), "\n";
print shown($db->do("select 1"), failure($db), $db->ping), "\n";
$db->pg_rollback_to("here");
print shown($db->selectrow_array("select count(*) from kept")), "\n";
$db->commit;
$db->do("delete from kept");
$db->rollback;
$db->{AutoCommit} = 1;
print shown($db->selectrow_array("select count(*) from kept")), "\n";

# COPY.
$db->do("copy kept(name, tags, raw) from stdin");
$db->pg_putcopydata("copied $_\t{a,\"b c\",NULL}\t\\\\x00$_$_\n") for 1 .. 9;
print shown($db->pg_putcopyend), "\n";
$db->do("copy kept(name) from stdin");
$db->pg_putcopydata("copied 1\n");
print shown($db->pg_putcopyend // "undef", failure($db)), "\n";
$db->do("copy (select id, name, raw from kept where name like 'copied%' order by name) to stdout csv");
my $line = "";
print $line while $db->pg_getcopydata($line) >= 0;

# What tools ask for.
for my $found ($db->table_info(undef, "public", "%", "TABLE"), $db->column_info(undef, "public", "kept", "%"),
  $db->primary_key_info(undef, "public", "kept"), $db->statistics_info(undef, "public", "kept", 0, 0)) {
  # The first column names the database.
  print shown(@$_[1 .. $#$_]), "\n" for @{ $found->fetchall_arrayref };
}
print shown(map { $_->[0] } @{ $db->type_info_all }[1 .. 20]), "\n";
print shown($db->quote("it's \\"), $db->quote_identifier("a \"b"), $db->{pg_default_port}), "\n";

# Errors.
for my $sql ("select 1/0", "selec 1", "select nothing", "select * from missing", "select 'x'::int4") {
  print shown($sql, $db->do($sql) // "undef", failure($db)), "\n";
  my $statement = $db->prepare("$sql where 1 = ?");
  print shown($statement->execute(1) // "undef", failure($statement)), "\n";
}

# Asynchronous, and cancelled.
my $later = $db->prepare("select pg_sleep(?), 'done'", { pg_async => PG_ASYNC });
$later->execute($interrupts ? 20 : 0);
if ($interrupts) {
  select undef, undef, undef, 0.5;
  print shown($db->pg_ready, $db->pg_cancel), "\n";
} else {
  $db->pg_result;
}
$later = $db->prepare("select 'done'", { pg_async => PG_ASYNC });
$later->execute;
print shown($db->pg_result, $later->fetchrow_array), "\n";
$later->finish;
$db->disconnect;
