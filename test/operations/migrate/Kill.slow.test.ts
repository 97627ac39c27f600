/** Operations that are cut off after one of their requests as if their process had been killed, and then run again. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Ref } from "effect"
import { SqlClient } from "effect/sql"
import { describe } from "vitest"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import { ConnectionLost, DataApiError } from "../../../src/data-api/DataApiError.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { Migrate, Reset, Seed, Verify } from "../../../src/operations/index.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { around, execute } from "../TestOperations.ts"

/** How many requests the process lives for yet, and the transactions that are open in the database. */
interface Life {
  readonly left: number
  readonly sent: number
  readonly open: ReadonlySet<string>
}

class Process extends Context.Service<
  Process,
  {
    /** Lets the process live for this many requests more. */
    readonly start: (requests: number) => Effect.Effect<void>
    /** Ends what a killed process left open, as the service does after 3 minutes; says how many requests were sent. */
    readonly bury: Effect.Effect<number>
  }
>()("test/operations/Kill/Process") {}

/** A `DataApi` on which nothing gets through any more, not even a rollback, once the process is dead. */
const killable = Layer.effectContext(
  Effect.gen(function* () {
    const api = yield* DataApi
    const life = yield* Ref.make<Life>({ left: Number.POSITIVE_INFINITY, sent: 0, open: new Set<string>() })
    const dead = new DataApiError({
      operation: "ExecuteStatement",
      reason: new ConnectionLost({ message: "the process is dead" })
    })
    const request = <A>(call: Effect.Effect<A, DataApiError>, note: (life: Life, result: A) => ReadonlySet<string>) =>
      Effect.gen(function* () {
        const { left } = yield* Ref.get(life)
        if (left <= 0) return yield* dead
        const result = yield* call
        yield* Ref.update(life, (now) => ({ left: now.left - 1, sent: now.sent + 1, open: note(now, result) }))
        // The request was the last one: its answer reaches nobody.
        if (left <= 1) return yield* dead
        return result
      })
    const same = ({ open }: Life) => open
    const without = (id: string) => (now: Life) => new Set([...now.open].filter((one) => one !== id))
    return Context.make(DataApi, {
      executeStatement: (input) => request(api.executeStatement(input), same),
      batchExecuteStatement: (input) => request(api.batchExecuteStatement(input), same),
      beginTransaction: (input) =>
        request(api.beginTransaction(input), (now, { transactionId }) => new Set([...now.open, transactionId])),
      commitTransaction: (input) => request(api.commitTransaction(input), without(input.transactionId)),
      rollbackTransaction: (input) => request(api.rollbackTransaction(input), without(input.transactionId))
    }).pipe(
      Context.add(Process, {
        start: (left) => Ref.set(life, { left, sent: 0, open: new Set<string>() }),
        bury: Effect.gen(function* () {
          const { open, sent } = yield* Ref.getAndSet(life, {
            left: Number.POSITIVE_INFINITY,
            sent: 0,
            open: new Set<string>()
          })
          for (const transactionId of open) yield* Effect.ignore(api.rollbackTransaction({ transactionId }))
          return sent
        })
      })
    )
  })
)

const database = DataApiSql.layer().pipe(
  Layer.provideMerge(killable),
  Layer.provide(Layer.suspend(() => TestDatabase.layerPostgres(TestDatabase.postgresUrl ?? "postgres://127.0.0.1"))),
  Layer.merge(around),
  Layer.merge(NodeServices.layer)
)

const empty = execute("drop schema public cascade", "create schema public")

type Operation = Effect.Effect<unknown, { readonly _tag: string }, Effect.Services<ReturnType<typeof Reset.reset>>>

/** With `ALEX_LONG=1` after every single request, else after every fifth. */
const stride = process.env.ALEX_LONG === "1" ? 1 : 5

/** Kills an operation after one request, then after more and more, until it lives to its end; how many kills. */
const killAfterEach = Effect.fnUntraced(function* (prepare: Operation, operation: Operation, seeded: boolean) {
  const { bury, start } = yield* Process
  for (let kills = 0; ; kills++) {
    const requests = 1 + kills * stride
    yield* prepare
    yield* start(requests)
    const killed = yield* Effect.exit(operation)
    const sent = yield* bury
    if (sent < requests) {
      assert.strictEqual(killed._tag, "Success")
      return kills
    }
    assert.strictEqual(killed._tag, "Failure")
    yield* operation
    const report = yield* Verify.verify()
    assert.deepStrictEqual(
      [report.findings, report.drift, report.migrations.problems],
      [[], [], []],
      `kill ${requests}`
    )
    assert.strictEqual(report.allocationsAt100, seeded ? 22 : 0)
  }
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres(`killed after every ${stride === 1 ? "single" : "fifth"} request`),
  () => {
    layer(database, { timeout: "60 seconds" })((it) => {
      it.effect(
        "migrate leaves nothing half done, and the next run finishes it",
        () =>
          Effect.gen(function* () {
            const kills = yield* killAfterEach(empty, Migrate.migrate(), false)
            process.stderr.write(`migrate: ${kills} kills\n`)
            assert.isAbove(kills, 50 / stride)
          }),
        120_000
      )

      it.effect(
        "seed leaves nothing half done, and the next run finishes it",
        () =>
          Effect.gen(function* () {
            const prepare = Effect.andThen(empty, Migrate.migrate({ packed: true }))
            const seeds = Effect.andThen(Seed.seed(), Seed.seedPortfolio())
            const kills = yield* killAfterEach(prepare, seeds, true)
            process.stderr.write(`seed: ${kills} kills\n`)
            assert.strictEqual(kills, Math.ceil(2 / stride))
          }),
        120_000
      )

      it.effect(
        "reset leaves nothing half done, and the next run finishes it",
        () =>
          Effect.gen(function* () {
            // Each kill finds the database whole, as the run after the one before it has left it.
            yield* Reset.reset({ withTestData: true })
            const kills = yield* killAfterEach(Effect.void, Reset.reset({ withTestData: true }), true)
            process.stderr.write(`reset: ${kills} kills\n`)
            assert.isAbove(kills, 20 / stride)
            const sql = yield* SqlClient.SqlClient
            assert.deepStrictEqual(yield* sql`select count(*)::integer as users from users`, [{ users: 1 }])
          }),
        120_000
      )
    })
  }
)
