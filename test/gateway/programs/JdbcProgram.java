// pgJDBC: types, prepared statements that become binary and named, batches, generated keys, cursors by fetch size,
// metadata as graphical tools read it, COPY, large values, errors, savepoints.
import java.math.BigDecimal;
import java.sql.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

class JdbcProgram {
  static void rows(String title, ResultSet result) throws SQLException {
    ResultSetMetaData meta = result.getMetaData();
    System.out.print(title + ":");
    for (int i = 1; i <= meta.getColumnCount(); i++)
      System.out.print(" " + meta.getColumnLabel(i) + "/" + meta.getColumnTypeName(i) + "/" + meta.getTableName(i)
          + "/" + meta.getPrecision(i) + "/" + meta.getScale(i) + "/" + meta.isNullable(i) + "/" + meta.isAutoIncrement(i));
    System.out.println();
    while (result.next()) {
      StringBuilder line = new StringBuilder("  ");
      for (int i = 1; i <= meta.getColumnCount(); i++) line.append(String.valueOf(result.getString(i)).replaceFirst("^\\[B@.*", "octets")).append(" | ");
      System.out.println(line);
    }
    result.close();
  }

  interface Run { void run() throws Exception; }

  static void refused(Run run) throws Exception {
    try {
      run.run();
      System.out.println("no failure");
    } catch (SQLException error) {
      System.out.println(error.getSQLState() + " " + error.getMessage().split("\n")[0].replaceFirst("  Call getNext.*", ""));
    }
  }

  public static void main(String[] args) throws Exception {
    String url = "jdbc:postgresql:" + args[0].replaceFirst("^postgres://[^@]*@", "//");
    Properties options = new Properties();
    options.setProperty("user", "postgres");
    options.setProperty("password", args[1]);
    options.setProperty("prepareThreshold", "2");
    try (Connection db = DriverManager.getConnection(url, options)) {
      Statement sql = db.createStatement();
      sql.execute("create type mood as enum ('sad', 'ok')");
      sql.execute("create table kept(id serial primary key, name varchar(20) not null unique, price numeric(8,2), at timestamptz, "
          + "day date, data jsonb, tags text[], m mood, bytes bytea, span interval, key uuid, b boolean, d float8)");
      sql.execute("create table other(kept int references kept on delete cascade, note text); create index on other(note)");
      sql.execute("create view seen as select name, price from kept; comment on table kept is 'what is kept'");
      PreparedStatement insert = db.prepareStatement(
          "insert into kept(name, price, at, day, data, tags, m, bytes, span, key, b, d) values (?,?,?,?,?::jsonb,?,?::mood,?,?::interval,?,?,?)",
          Statement.RETURN_GENERATED_KEYS);
      for (int i = 0; i < 7; i++) {
        insert.setString(1, "n" + i);
        insert.setBigDecimal(2, new BigDecimal("1.50").multiply(BigDecimal.valueOf(i)));
        insert.setTimestamp(3, new Timestamp(1577836800123L));
        insert.setObject(4, java.time.LocalDate.of(2020, 2, 29));
        insert.setString(5, "{\"a\": [1, null]}");
        insert.setArray(6, db.createArrayOf("text", new String[] {"a", null, "b\""}));
        insert.setString(7, "ok");
        insert.setBytes(8, new byte[] {0, (byte) 255});
        insert.setString(9, "1 day");
        insert.setObject(10, new UUID(0, 5));
        insert.setBoolean(11, i % 2 == 0);
        insert.setDouble(12, i / 3.0);
        insert.executeUpdate();
        rows("keys", insert.getGeneratedKeys());
      }
      PreparedStatement find = db.prepareStatement("select * from kept where id = ? and price >= ?");
      for (int i = 1; i < 6; i++) {
        find.setInt(1, i);
        find.setBigDecimal(2, BigDecimal.ZERO);
        rows("found", find.executeQuery());
      }
      ResultSet typed = find.executeQuery();
      while (typed.next())
        System.out.println(typed.getTimestamp("at").getTime() + " " + typed.getObject("day", java.time.LocalDate.class) + " "
            + Arrays.toString((Object[]) typed.getArray("tags").getArray()) + " " + Arrays.toString(typed.getBytes("bytes")) + " "
            + typed.getObject("key") + " " + typed.getObject("span") + " " + typed.getDouble("d") + " " + typed.getObject("m"));
      PreparedStatement batch = db.prepareStatement("insert into other values (?, ?)");
      for (int i = 0; i < 300; i++) {
        batch.setInt(1, 1 + i % 7);
        batch.setString(2, "note " + i);
        batch.addBatch();
      }
      System.out.println(Arrays.stream(batch.executeBatch()).sum());
      batch.setInt(1, 1);
      batch.setString(2, "kept out");
      batch.addBatch();
      batch.setInt(1, 999);
      batch.setString(2, "no such");
      batch.addBatch();
      refused(batch::executeBatch);
      rows("count", sql.executeQuery("select count(*), max(note) from other"));
      refused(() -> insert.executeUpdate());
      refused(() -> sql.executeQuery("select nope from kept"));
      refused(() -> sql.executeQuery("select 1/0"));
      db.setAutoCommit(false);
      Statement paged = db.createStatement();
      paged.setFetchSize(40);
      ResultSet many = paged.executeQuery("select note from other order by note");
      int count = 0;
      while (many.next()) count++;
      System.out.println(count);
      Savepoint savepoint = db.setSavepoint("s");
      refused(() -> sql.executeUpdate("insert into other values (999, 'x')"));
      refused(() -> sql.executeQuery("select 1"));
      db.rollback(savepoint);
      System.out.println(sql.executeUpdate("update other set note = note || '!' where kept = 1"));
      db.rollback();
      db.setAutoCommit(true);
      // One transaction of the whole session keeps its isolation level.
      boolean isSession = Arrays.asList(args).contains("session");
      db.setTransactionIsolation(isSession ? Connection.TRANSACTION_READ_COMMITTED : Connection.TRANSACTION_SERIALIZABLE);
      rows("isolation", sql.executeQuery("show transaction_isolation"));
      db.setReadOnly(true);
      refused(() -> { db.setAutoCommit(false); sql.executeUpdate("delete from other"); });
      db.rollback();
      db.setReadOnly(false);
      db.setAutoCommit(true);
      sql.execute("select 1 as a; update other set note = note where kept = 2; select 2 as b");
      rows("first", sql.getResultSet());
      System.out.println(sql.getMoreResults() + " " + sql.getUpdateCount() + " " + sql.getMoreResults());
      rows("third", sql.getResultSet());
      DatabaseMetaData meta = db.getMetaData();
      System.out.println(meta.getDatabaseProductName() + " " + meta.getDatabaseMajorVersion() + " " + meta.getUserName());
      rows("schemas", meta.getSchemas());
      rows("tables", meta.getTables(null, "public", "%", null));
      rows("columns", meta.getColumns(null, "public", "%", "%"));
      rows("primary keys", meta.getPrimaryKeys(null, "public", "kept"));
      rows("imported keys", meta.getImportedKeys(null, "public", "other"));
      rows("indexes", meta.getIndexInfo(null, "public", "kept", false, false));
      rows("privileges", meta.getTablePrivileges(null, "public", "kept"));
      rows("types", meta.getUDTs(null, "public", "%", null));
      rows("procedures", meta.getFunctions(null, "pg_catalog", "int4pl"));
      Statement updatable = db.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
      ResultSet change = updatable.executeQuery("select id, name, price from kept order by id");
      change.absolute(2);
      change.updateBigDecimal("price", new BigDecimal("99.5"));
      change.updateRow();
      change.moveToInsertRow();
      change.updateInt(1, 50);
      change.updateString(2, "inserted");
      change.insertRow();
      change.last();
      change.deleteRow();
      rows("changed", sql.executeQuery("select id, name, price from kept where price > 90 or id >= 7 order by id"));
      sql.execute("create procedure doubled(a int, inout b int) language plpgsql as $$ begin b := a * 2; end $$");
      sql.execute("create function added(a int, b int) returns int language sql as 'select a + b'");
      CallableStatement call = db.prepareCall("call doubled(?, ?)");
      call.setInt(1, 21);
      call.setInt(2, 0);
      call.registerOutParameter(2, Types.INTEGER);
      call.execute();
      System.out.println(call.getInt(2));
      CallableStatement function = db.prepareCall("{? = call added(?, ?)}");
      function.registerOutParameter(1, Types.INTEGER);
      function.setInt(2, 1);
      function.setInt(3, 2);
      function.execute();
      System.out.println(function.getInt(1));
      PreparedStatement explain = db.prepareStatement("explain (costs off) select * from kept where id = ?");
      explain.setInt(1, 1);
      rows("plan", explain.executeQuery());
      PreparedStatement made = db.prepareStatement("create table made as select ?::int as a, ?::text as b");
      made.setInt(1, 1);
      made.setString(2, "x");
      made.executeUpdate();
      rows("made", sql.executeQuery("select * from made"));
      CopyManager copy = db.unwrap(PGConnection.class).getCopyAPI();
      System.out.println(copy.copyIn("copy other from stdin csv", new java.io.StringReader("1,from a copy\n2,\"a\n\"\"b\"\n")));
      java.io.StringWriter out = new java.io.StringWriter();
      System.out.println(copy.copyOut("copy (select * from other where note not like 'note%' order by 1) to stdout", out) + " " + out);
      refused(() -> copy.copyIn("copy other from stdin csv", new java.io.StringReader("x,y\n")));
      sql.execute("drop view seen; drop table kept, other, made; drop type mood; drop procedure doubled; drop function added");
      System.out.println(sql.getWarnings());
    }
  }
}
