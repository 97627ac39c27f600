/** Everything that calls are compared for, by the name it has in the results. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import * as Contenders from "./contenders.ts"
import { floor } from "./floor.ts"
import { installed, knexWork, typeOrmWork } from "./installedPeers.ts"
import type { Load } from "./measure.ts"
import { freshDatabase } from "./processes.ts"
import * as SqlFloor from "./sqlFloor.ts"

export type Loads = Readonly<Record<string, Load>>
type Contender = (endpoint: string) => Effect.Effect<Loads, unknown, Scope.Scope>

const signed = (endpoint: string) => Contenders.ours(Contenders.awsDataApi(endpoint))
const lean = (endpoint: string) => Contenders.ours(Contenders.httpDataApi(endpoint))
const peer = (make: (endpoint: string) => Loads | Promise<Loads>): Contender => {
  return (endpoint) => Effect.tryPromise(async () => make(endpoint))
}

/** `@effect/sql-pg` on a PostgreSQL server, the other end of what a driver can be. */
const direct = Effect.gen(function* () {
  const url = yield* freshDatabase
  const services = yield* Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 10 }))
  return yield* Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* Effect.forEach(Contenders.tables, (statement) => sql.unsafe(statement), { discard: true })
    return yield* Contenders.throughSql
  }).pipe(Effect.provideContext(services))
})

export const everyContender: Readonly<Record<string, Contender>> = {
  "AWS SDK": peer(Contenders.awsSdk),
  sql: (endpoint) => Effect.map(signed(endpoint), ({ sql }) => sql),
  DataApiClient: (endpoint) => Effect.map(signed(endpoint), ({ client }) => client),
  repository: (endpoint) => Effect.map(signed(endpoint), ({ repository }) => repository),
  "repository, looked up together": (endpoint) => Effect.map(signed(endpoint), ({ together }) => together),
  "sql, without the SDK": (endpoint) => Effect.map(lean(endpoint), ({ sql }) => sql),
  "repository, without the SDK": (endpoint) => Effect.map(lean(endpoint), ({ repository }) => repository),
  "the floor: signature, connection, JSON.parse": peer(floor),
  "the floor below effect/sql": (endpoint) =>
    Effect.flatMap(Layer.build(SqlFloor.layer(endpoint)), (services) =>
      Effect.provideContext(Contenders.throughSql, services)
    ),
  "drizzle-orm": peer(Contenders.drizzleWork),
  "kysely-data-api": peer(Contenders.kyselyWork),
  "data-api-client": peer(Contenders.dataApiClientWork),
  knex: peer((endpoint) => knexWork(installed(), endpoint)),
  typeorm: peer((endpoint) => typeOrmWork(installed(), endpoint)),
  "@effect/sql-pg to PostgreSQL": () => direct
}
