/** The same work, as one writes it with each library. */
import { createRequire, registerHooks } from "node:module"
import {
  BatchExecuteStatementCommand,
  type BatchExecuteStatementCommandInput,
  BeginTransactionCommand,
  type BeginTransactionCommandInput,
  CommitTransactionCommand,
  type CommitTransactionCommandInput,
  ExecuteStatementCommand,
  type ExecuteStatementCommandInput,
  type Field,
  RDSData,
  RDSDataClient,
  RollbackTransactionCommand,
  type RollbackTransactionCommandInput
} from "@aws-sdk/client-rds-data"
import { PgTypes } from "@effect/sql-pg"
import { sql as drizzleSql, eq } from "drizzle-orm"
import { drizzle } from "drizzle-orm/aws-data-api/pg"
import { bigint, boolean, integer, jsonb, numeric, pgTable, timestamp, uuid, varchar } from "drizzle-orm/pg-core"
import { type Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { Kysely, sql as kyselySql } from "kysely"
import { DataApiDialect } from "kysely-data-api"
import {
  AwsDataApi,
  Bulk,
  type DataApi,
  DataApiClient,
  DataApiSql,
  HttpDataApi,
  RetryPolicy
} from "../../src/data-api/index.ts"
import { AccountId } from "../../src/domain/Account.ts"
import { PositionId } from "../../src/domain/Position.ts"
import { ClerkUserId } from "../../src/domain/User.ts"
import { Positions } from "../../src/repository/Positions.ts"
import { type Load, loadOf } from "./measure.ts"
import { arns, credentials, region } from "./processes.ts"

export const workloads = [
  "point select",
  "transaction of 3",
  "1,000 rows",
  "insert of 8",
  "bulk insert of 500"
] as const
export type Workload = (typeof workloads)[number]
export type Work = Readonly<Record<Workload, Load>>

/** The table that all work on. */
export const tables = [
  `CREATE TABLE things (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), symbol varchar(20), name varchar(255), price numeric(12, 4),
    quantity numeric(20, 8), version int8, rank int4, active bool, details jsonb, created_at timestamptz)`,
  `INSERT INTO things SELECT ('a0eebc99-9c0b-4ef8-bb6d-' || lpad(n::text, 12, '0'))::uuid, 'SYM' || n,
    'Fund number ' || n || ' of the world', n + 0.125, n + 0.1234, 1700000000000 + n, n, n % 2 = 0,
    jsonb_build_object('rating', n % 5, 'tags', array['core', 'low cost']), now() FROM generate_series(0, 999) n`,
  "CREATE TABLE thousand AS SELECT * FROM things"
]

export const id = "a0eebc99-9c0b-4ef8-bb6d-000000000000"
export const createdAt = new Date(1_767_323_045_678)

export const thing = {
  symbol: "VTI",
  name: "Total US Market",
  price: "215.3000",
  quantity: "12.50000000",
  version: 9_007_199_254_740_000n,
  rank: 7,
  active: true,
  created_at: createdAt
}

export const bulkRows = Array.from({ length: 500 }, (_, n) => ({
  symbol: `SYM${n}`,
  quantity: `${n}.1234`,
  version: BigInt(n),
  created_at: new Date(1_700_000_000_000 + n)
}))

/** A time as the service takes it. */
export const timestampText = (date: Date): string => date.toISOString().replace("T", " ").replace("Z", "")

export const common = { ...arns, database: "alex" }

// ---------------------------------------------------------------------------------------------------------------
// The AWS SDK with its default settings, which is what all others are measured by
// ---------------------------------------------------------------------------------------------------------------

export const awsClient = (endpoint: string) => new RDSDataClient({ endpoint, region, credentials })

/** A statement as one sends it with the SDK. */
export const statementOf = (client: RDSDataClient, database = "alex") => {
  return (sql: string, values: Readonly<Record<string, Field>> = {}, transactionId?: string) =>
    client.send(
      new ExecuteStatementCommand({
        ...arns,
        database,
        sql,
        parameters: Object.entries(values).map(([name, value]) => ({ name, value })),
        includeResultMetadata: true,
        transactionId
      })
    )
}

export const awsSdk = (endpoint: string): Work & Readonly<Record<"positions" | "a position", Load>> => {
  const client = awsClient(endpoint)
  const execute = statementOf(client)
  return {
    "point select": loadOf(() => execute("select * from things where id = :id::uuid", { id: { stringValue: id } })),
    "1,000 rows": loadOf(() => execute("select * from thousand")),
    "insert of 8": loadOf(() =>
      execute(
        "insert into things (symbol, name, price, quantity, version, rank, active, created_at) values (:symbol, :name, :price::numeric, :quantity::numeric, :version, :rank, :active, :created_at::timestamptz)",
        {
          symbol: { stringValue: thing.symbol },
          name: { stringValue: thing.name },
          price: { stringValue: thing.price },
          quantity: { stringValue: thing.quantity },
          version: { longValue: Number(thing.version) },
          rank: { longValue: thing.rank },
          active: { booleanValue: thing.active },
          created_at: { stringValue: timestampText(createdAt) }
        }
      )
    ),
    "transaction of 3": loadOf(async () => {
      const { transactionId } = await client.send(new BeginTransactionCommand(common))
      for (let n = 0; n < 3; n++) {
        const byId = { id: { stringValue: id } }
        await execute("update things set rank = rank + 1 where id = :id::uuid", byId, transactionId)
      }
      await client.send(new CommitTransactionCommand({ ...arns, transactionId }))
    }),
    "bulk insert of 500": loadOf(() =>
      client.send(
        new BatchExecuteStatementCommand({
          ...common,
          sql: "insert into things (symbol, quantity, version, created_at) values (:symbol, :quantity::numeric, :version, :created_at::timestamptz)",
          parameterSets: bulkRows.map((row) => [
            { name: "symbol", value: { stringValue: row.symbol } },
            { name: "quantity", value: { stringValue: row.quantity } },
            { name: "version", value: { longValue: Number(row.version) } },
            { name: "created_at", value: { stringValue: timestampText(row.created_at) } }
          ])
        })
      )
    ),
    positions: loadOf(() =>
      execute("select * from all_held where account_id = :id::uuid", { id: { stringValue: id } })
    ),
    "a position": loadOf(() => execute("select * from positions where id = :id::uuid", { id: { stringValue: id } }))
  }
}

// ---------------------------------------------------------------------------------------------------------------
// This project
// ---------------------------------------------------------------------------------------------------------------

/** Loads an effect, in as many fibers as calls are to be under way. */
const effectLoad =
  <R>(services: Context.Context<R>) =>
  (call: Effect.Effect<unknown, unknown, R>): Load =>
  (calls, concurrency) => {
    const loop = Effect.gen(function* () {
      for (let n = 0; n < calls / concurrency; n++) yield* call
    })
    const loops = Effect.all(
      Array.from({ length: concurrency }, () => loop),
      { concurrency: "unbounded", discard: true }
    )
    return Effect.runPromiseWith(services)(loops)
  }

const eight = { ...thing, price: PgTypes.numeric(thing.price), quantity: PgTypes.numeric(thing.quantity) }

/** Through whichever `SqlClient` there is: the driver's, or `@effect/sql-pg`'s. */
export const throughSql = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const load = effectLoad(yield* Effect.context<SqlClient.SqlClient>())
  const touch = Effect.suspend(() => sql`update things set rank = rank + 1 where id = ${id}::uuid`)
  return {
    "point select": load(Effect.suspend(() => sql`select * from things where id = ${id}::uuid`)),
    "1,000 rows": load(Effect.suspend(() => sql`select * from thousand`)),
    "insert of 8": load(Effect.suspend(() => sql`insert into things ${sql.insert(eight)}`)),
    "transaction of 3": load(sql.withTransaction(Effect.andThen(touch, Effect.andThen(touch, touch)))),
    "bulk insert of 500": load(Effect.suspend(() => Bulk.insert("things", bulkRows)))
  } satisfies Work
})

const insertEight = `insert into things (symbol, name, price, quantity, version, rank, active, created_at)
  values (:symbol, :name, :price, :quantity, :version, :rank, :active, :created_at)`

const throughClient = Effect.gen(function* () {
  const db = yield* DataApiClient
  const load = effectLoad(yield* Effect.context<never>())
  const touch = Effect.suspend(() => db.execute("update things set rank = rank + 1 where id = :id::uuid", { id }))
  return {
    "point select": load(Effect.suspend(() => db.query("select * from things where id = :id::uuid", { id }))),
    "1,000 rows": load(Effect.suspend(() => db.query("select * from thousand"))),
    "insert of 8": load(Effect.suspend(() => db.execute(insertEight, eight))),
    "transaction of 3": load(db.transaction(Effect.andThen(touch, Effect.andThen(touch, touch)))),
    "bulk insert of 500": load(Effect.suspend(() => db.insert("things", bulkRows)))
  } satisfies Work
})

const throughRepository = Effect.gen(function* () {
  const positions = yield* Positions
  const load = effectLoad(yield* Effect.context<never>())
  const position = PositionId.make(id)
  const own = positions.forUser(ClerkUserId.make("user_1"))
  return {
    repository: {
      "a position": load(own.findById(position)),
      positions: load(positions.listByAccount(AccountId.make(id)))
    },
    /** Lookups that are under way at the same time become one statement. */
    together: { "a position": load(positions.findById(position)) }
  }
})

const cluster = { clusterArn: arns.resourceArn, secretArn: Redacted.make(arns.secretArn), database: "alex" }

export const awsDataApi = (endpoint: string, database = "alex"): Layer.Layer<DataApi> =>
  AwsDataApi.layer({ ...cluster, database, region, endpoint, client: { credentials } })

export const httpDataApi = (endpoint: string): Layer.Layer<DataApi> =>
  HttpDataApi.layer({
    ...cluster,
    endpoint,
    credentials: Effect.succeed({ ...credentials, secretAccessKey: Redacted.make(credentials.secretAccessKey) })
  })

/** The layer that users get. */
export const onDataApi = (api: Layer.Layer<DataApi>) =>
  DataApiSql.layer().pipe(Layer.provide(RetryPolicy.layer()), Layer.provide(api))

/** This project over a `DataApi`: through `sql`, through `DataApiClient`, and through a repository. */
export const ours = Effect.fnUntraced(function* (api: Layer.Layer<DataApi>) {
  const services = yield* Layer.build(
    Layer.mergeAll(DataApiClient.layerNoDeps, Positions.layer).pipe(Layer.provideMerge(onDataApi(api)))
  )
  const { repositories, ...others } = yield* Effect.all({
    sql: throughSql,
    client: throughClient,
    repositories: throughRepository
  }).pipe(Effect.provideContext(services))
  return { ...others, ...repositories }
})

// ---------------------------------------------------------------------------------------------------------------
// Others, on the SDK's client with its default settings as they take it
// ---------------------------------------------------------------------------------------------------------------

const columns = () => ({
  id: uuid().primaryKey().defaultRandom(),
  symbol: varchar({ length: 20 }),
  name: varchar({ length: 255 }),
  price: numeric({ precision: 12, scale: 4 }),
  quantity: numeric({ precision: 20, scale: 8 }),
  version: bigint({ mode: "number" }),
  rank: integer(),
  active: boolean(),
  details: jsonb(),
  created_at: timestamp({ withTimezone: true, mode: "date" })
})
const things = pgTable("things", columns())
const thousand = pgTable("thousand", columns())

export const drizzleWork = (endpoint: string): Work => {
  const db = drizzle(awsClient(endpoint), common)
  const { version, ...rest } = thing
  const rows = bulkRows.map((row) => ({ ...row, version: Number(row.version) }))
  return {
    "point select": loadOf(() => db.select().from(things).where(eq(things.id, id))),
    "1,000 rows": loadOf(() => db.select().from(thousand)),
    "insert of 8": loadOf(() => db.insert(things).values({ ...rest, version: Number(version) })),
    "transaction of 3": loadOf(() =>
      db.transaction(async (tx) => {
        for (let n = 0; n < 3; n++) {
          await tx
            .update(things)
            .set({ rank: drizzleSql`${things.rank} + 1` })
            .where(eq(things.id, id))
        }
      })
    ),
    "bulk insert of 500": loadOf(() => db.insert(things).values(rows))
  }
}

interface ThingsTable {
  readonly id: unknown
  readonly symbol: unknown
  readonly name: unknown
  readonly price: unknown
  readonly quantity: unknown
  readonly version: unknown
  readonly rank: number
  readonly active: unknown
  readonly created_at: unknown
}

export const kyselyWork = (endpoint: string): Work => {
  const client = new RDSData({ endpoint, region, credentials })
  const dialect = new DataApiDialect({ mode: "postgres", driver: { ...common, client } })
  const db = new Kysely<{ readonly things: ThingsTable; readonly thousand: ThingsTable }>({ dialect })
  const numericOf = (text: string) => kyselySql`${text}::numeric`
  const timeOf = (date: Date) => kyselySql`${timestampText(date)}::timestamptz`
  return {
    "point select": loadOf(() =>
      db.selectFrom("things").selectAll().where("id", "=", kyselySql`${id}::uuid`).execute()
    ),
    "1,000 rows": loadOf(() => db.selectFrom("thousand").selectAll().execute()),
    "insert of 8": loadOf(() =>
      db
        .insertInto("things")
        .values({
          id: kyselySql`default`,
          ...thing,
          version: Number(thing.version),
          price: numericOf(thing.price),
          quantity: numericOf(thing.quantity),
          created_at: timeOf(createdAt)
        })
        .execute()
    ),
    "transaction of 3": loadOf(() =>
      db.transaction().execute(async (tx) => {
        for (let n = 0; n < 3; n++) {
          await tx
            .updateTable("things")
            .set({ rank: kyselySql`rank + 1` })
            .where("id", "=", kyselySql`${id}::uuid`)
            .execute()
        }
      })
    ),
    "bulk insert of 500": loadOf(() =>
      db
        .insertInto("things")
        .columns(["symbol", "quantity", "version", "created_at"])
        .expression(
          kyselySql`values ${kyselySql.join(
            bulkRows.map(
              (row) =>
                kyselySql`(${row.symbol}, ${numericOf(row.quantity)}, ${Number(row.version)}, ${timeOf(row.created_at)})`
            )
          )}`
        )
        .execute()
    )
  }
}

interface JeremyDaly {
  readonly query: (sql: string, values?: unknown) => Promise<unknown>
  readonly transaction: () => Chain
}
interface Chain {
  readonly query: (sql: string, values?: unknown) => Chain
  readonly commit: () => Promise<unknown>
}

/** What version 2 of the AWS SDK had for the Data API, as far as is asked for here, on a client of version 3. */
export const rdsDataService = (endpoint: string) => {
  const client = awsClient(endpoint)
  const sent = <A>(send: () => Promise<A>) => ({ promise: send })
  return class RDSDataService {
    executeStatement = (input: ExecuteStatementCommandInput) =>
      sent(() => client.send(new ExecuteStatementCommand(input)))
    batchExecuteStatement = (input: BatchExecuteStatementCommandInput) =>
      sent(() => client.send(new BatchExecuteStatementCommand(input)))
    beginTransaction = (input: BeginTransactionCommandInput) =>
      sent(() => client.send(new BeginTransactionCommand(input)))
    commitTransaction = (input: CommitTransactionCommandInput) =>
      sent(() => client.send(new CommitTransactionCommand(input)))
    rollbackTransaction = (input: RollbackTransactionCommandInput) =>
      sent(() => client.send(new RollbackTransactionCommand(input)))
  }
}

export const dataApiClientWork = (endpoint: string): Work => {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "aws-sdk"
        ? { url: new URL("awsSdkShim.cjs", import.meta.url).href, format: "commonjs", shortCircuit: true }
        : next(specifier, context)
  })
  const make: (options: object) => JeremyDaly = createRequire(import.meta.url)("data-api-client")
  const RDSDataService = rdsDataService(endpoint)
  const db = make({ ...common, AWS: { RDSDataService } })
  const insert = `insert into things (symbol, name, price, quantity, version, rank, active, created_at)
    values (:symbol, :name, :price::numeric, :quantity::numeric, :version, :rank, :active, :created_at::timestamptz)`
  const values = { ...thing, version: Number(thing.version), created_at: timestampText(createdAt) }
  const rows = bulkRows.map((row) => [
    { ...row, version: Number(row.version), created_at: timestampText(row.created_at) }
  ])
  return {
    "point select": loadOf(() => db.query("select * from things where id = :id::uuid", { id })),
    "1,000 rows": loadOf(() => db.query("select * from thousand")),
    "insert of 8": loadOf(() => db.query(insert, values)),
    "transaction of 3": loadOf(() => {
      const touch = "update things set rank = rank + 1 where id = :id::uuid"
      return db.transaction().query(touch, { id }).query(touch, { id }).query(touch, { id }).commit()
    }),
    "bulk insert of 500": loadOf(() =>
      db.query(
        "insert into things (symbol, quantity, version, created_at) values (:symbol, :quantity::numeric, :version, :created_at::timestamptz)",
        rows
      )
    )
  }
}
