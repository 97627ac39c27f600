/** The embedded database in another runtime than Node: opened in a folder, written, opened again, read. */
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"

const dataDir = process.argv[2] ?? "memory"
const opened = <A, E>(use: (sql: SqlClient.SqlClient) => Effect.Effect<A, E>) =>
  Effect.flatMap(SqlClient.SqlClient, use).pipe(
    Effect.provide(DataApiSql.layer().pipe(Layer.provide(LocalDataApi.layer({ dataDir })))),
    Effect.runPromise
  )

await opened((sql) =>
  sql.withTransaction(
    Effect.andThen(
      sql`create table things (id int8, price numeric)`,
      sql`insert into things values (${1n}, ${"2.50"}::numeric)`
    )
  )
)
const rows = await opened((sql) => sql<{ id: bigint; price: string }>`select * from things`)
process.stdout.write(`\nROWS ${JSON.stringify(rows.map(({ id, price }) => [typeof id, String(id), price]))}\n`)
process.exit(0)
