/** Connections that are cut after every message, and a service that fails in every way: what was said to be written is. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted, Schedule } from "effect"
import postgres from "postgres"
import { describe } from "vitest"
import { DataApi } from "../../src/data-api/DataApi.ts"
import * as RetryPolicy from "../../src/data-api/RetryPolicy.ts"
import { Fault } from "../../src/local/faults/FaultPlan.ts"
import { Faults } from "../../src/local/faults/Faults.ts"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { type Answers, bind, copyData, copyDone, execute, flush, parse, query, RawClient, sync } from "./RawClient.ts"
import { make, TestGateway } from "./TestGateway.ts"

// ALEX_LONG=1: every fault at every call of every kind of work, and 5,000 writes over a bad network.
const long = process.env["ALEX_LONG"] === "1"
const serverUrl = TestDatabase.postgresUrl ?? ""

/** The transactions that the gateway has begun, and neither tried to end nor been told that they are gone. */
const held = new Set<string>()

const watched = Layer.effect(
  DataApi,
  Effect.map(DataApi, (api) =>
    DataApi.of({
      ...api,
      executeStatement: (request) =>
        Effect.tapError(api.executeStatement(request), ({ reason }) =>
          Effect.sync(() => {
            if (reason._tag === "TransactionNotFound") held.delete(request.transactionId ?? "")
          })
        ),
      beginTransaction: (request) =>
        Effect.tap(api.beginTransaction(request), ({ transactionId }) => Effect.sync(() => held.add(transactionId))),
      commitTransaction: (request) =>
        Effect.tap(api.commitTransaction(request), () => Effect.sync(() => held.delete(request.transactionId))),
      rollbackTransaction: (request) =>
        Effect.suspend(() => {
          held.delete(request.transactionId)
          return api.rollbackTransaction(request)
        })
    })
  )
)

const chaotic = (retries: boolean) =>
  Layer.unwrap(
    Effect.map(TestDatabase.freshDatabase(serverUrl), (fresh) => {
      const faulty = Faults.layer().pipe(Layer.provide(LocalDataApi.layerPostgres({ url: fresh })))
      const patient = retries ? RetryPolicy.layer({ firstDelay: "2 millis", longestDelay: "20 millis" }) : Layer.empty
      return Layer.effect(TestGateway, make(Redacted.value(fresh), { password: "trust" })).pipe(
        Layer.provide(watched),
        Layer.provide(patient),
        Layer.provideMerge(faulty)
      )
    })
  )

const connected = Effect.flatMap(TestGateway, ({ directUrl, port }) =>
  Effect.promise(() => RawClient.connect(port, new URL(directUrl).pathname.slice(1)))
)

/** A connection straight to the server. */
const direct = Effect.flatMap(TestGateway, ({ directUrl }) =>
  Effect.acquireRelease(
    Effect.sync(() => postgres(directUrl, { max: 1, onnotice: () => undefined })),
    (sql) => Effect.promise(() => sql.end())
  )
)

const prepared = Effect.gen(function* () {
  held.clear()
  const sql = yield* direct
  yield* Effect.promise(() =>
    sql.unsafe(
      "create table if not exists marks (run int, n int); truncate marks; drop table if exists big; create table big as select n, repeat('x', 100) from generate_series(1, 2000) n"
    )
  )
  return sql
})

/** How often each mark of a run is in the table. */
const marksOf = (sql: postgres.Sql, run: number) =>
  Effect.promise(async () => {
    const rows = await sql<Array<{ n: number; times: number }>>`
      select n, count(*)::int as times from marks where run = ${run} group by n`
    return new Map(rows.map(({ n, times }) => [n, times]))
  })

/** Waits until nothing of the gateway's runs or holds a transaction, in the database itself. */
const untilQuiet = (sql: postgres.Sql) =>
  Effect.flatMap(
    Effect.promise(
      () => sql<Array<{ state: string }>>`
        select state from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'`
    ),
    (busy) => (busy.length === 0 ? Effect.void : Effect.fail("something is left"))
  ).pipe(Effect.retry(Schedule.max([Schedule.spaced("20 millis"), Schedule.recurs(1000)])), Effect.orDie)

/** A message of a session, and what it is to the marks that it writes. */
interface Step {
  readonly bytes: Buffer
  /** The answer after which the next message is sent; none where it is sent at once. */
  readonly waits?: string
  /** Marks that are kept once this has been answered, and may be once it has been sent. */
  readonly keeps?: ReadonlyArray<number>
}

const insert = (run: number, n: number): string => `insert into marks values (${run}, ${n})`

/** All that a session may do. */
const session = (run: number): ReadonlyArray<Step> => [
  { bytes: query(insert(run, 1)), waits: "Z", keeps: [1] },
  { bytes: query("set datestyle to german"), waits: "Z" },
  { bytes: query(`${insert(run, 2)}; ${insert(run, 3)}`), waits: "Z", keeps: [2, 3] },
  { bytes: parse("writes", "insert into marks values ($1, $2)") },
  { bytes: bind("", "writes", [String(run), "4"]) },
  { bytes: execute("") },
  { bytes: sync, waits: "Z", keeps: [4] },
  { bytes: bind("one", "writes", [String(run), "5"]) },
  { bytes: execute("one") },
  { bytes: flush, waits: "C" },
  { bytes: bind("two", "writes", [String(run), "6"]) },
  { bytes: execute("two") },
  { bytes: sync, waits: "Z", keeps: [5, 6] },
  { bytes: query("copy marks from stdin"), waits: "G" },
  { bytes: copyData(`${run}\t7\n`) },
  { bytes: copyData(`${run}\t8\n`) },
  { bytes: copyDone, waits: "Z", keeps: [7, 8] },
  { bytes: query("copy big to stdout"), waits: "Z" },
  { bytes: parse("", "select * from big") },
  { bytes: bind("rows", "") },
  { bytes: execute("rows", 3) },
  { bytes: flush, waits: "s" },
  { bytes: execute("rows", 3) },
  { bytes: sync, waits: "Z" },
  { bytes: query("reset datestyle"), waits: "Z" },
  { bytes: query("begin"), waits: "Z" },
  { bytes: query(insert(run, 9)), waits: "Z" },
  { bytes: query("declare c cursor for select * from big"), waits: "Z" },
  { bytes: query("fetch 5 from c"), waits: "Z" },
  { bytes: query("savepoint s"), waits: "Z" },
  { bytes: query("copy marks from stdin"), waits: "G" },
  { bytes: copyData(`${run}\t10\n`) },
  { bytes: copyDone, waits: "Z" },
  { bytes: query("commit"), waits: "Z", keeps: [9, 10] }
]

/** Runs a session up to a message, and cuts it; gives the marks that were acknowledged, and those that may be kept. */
const cutAfter = Effect.fnUntraced(function* (steps: ReadonlyArray<Step>, last: number, waits: boolean) {
  const client = yield* connected
  const acknowledged: Array<number> = []
  const sent: Array<number> = []
  for (const [index, { bytes, keeps = [], waits: types }] of steps.slice(0, last + 1).entries()) {
    client.send(bytes)
    sent.push(...keeps)
    if (types === undefined || (index === last && !waits)) continue
    const { code } = yield* Effect.promise(() => client.until(types))
    assert.strictEqual(code, undefined)
    acknowledged.push(...keeps)
  }
  yield* Effect.promise(() => client.kill())
  return { acknowledged, sent }
})

/** Another client sees the server's own settings, and none of the names. */
const seesNothing = Effect.gen(function* () {
  const client = yield* connected
  const ask = (sql: string) => Effect.promise(() => client.ask(query(sql)))
  assert.deepStrictEqual((yield* ask("show datestyle")).firsts, ["ISO, MDY"])
  assert.strictEqual((yield* ask("fetch 1 from c")).code, "34000")
  assert.strictEqual((yield* Effect.promise(() => client.ask(bind("", "writes"), sync))).code, "26000")
  assert.strictEqual((yield* Effect.promise(() => client.ask(execute("one"), sync))).code, "34000")
  yield* Effect.promise(() => client.kill())
})

/** One kind of work: what it writes, and the answers that say whether it did. */
interface Work {
  readonly name: string
  readonly marks: ReadonlyArray<number>
  readonly run: (client: RawClient, run: number) => Promise<Report>
}

type Report = "done" | "not run" | "unknown"

const reportOf = ({ code }: Answers): Report => (code === undefined ? "done" : code === "08007" ? "unknown" : "not run")

const works: ReadonlyArray<Work> = [
  {
    name: "a query",
    marks: [1],
    run: async (client, run) => reportOf(await client.ask(query(insert(run, 1))))
  },
  {
    name: "several statements in a query",
    marks: [1, 2],
    run: async (client, run) => reportOf(await client.ask(query(`${insert(run, 1)}; ${insert(run, 2)}`)))
  },
  {
    name: "a query under a setting",
    marks: [1],
    run: async (client, run) => {
      const set = await client.ask(query("set datestyle to german"))
      const report = set.code === undefined ? reportOf(await client.ask(query(insert(run, 1)))) : "not run"
      await client.ask(query("reset datestyle"))
      return report
    }
  },
  {
    name: "a statement with parameters",
    marks: [1],
    run: async (client, run) =>
      reportOf(
        await client.ask(
          parse("", "insert into marks values ($1, $2) returning n"),
          bind("", "", [String(run), "1"]),
          execute(""),
          sync
        )
      )
  },
  {
    name: "a pipeline",
    marks: [1, 2],
    run: async (client, run) =>
      reportOf(
        await client.ask(
          parse("", "insert into marks values ($1, $2)"),
          ...["1", "2"].flatMap((n) => [bind("", "", [String(run), n]), execute("")]),
          sync
        )
      )
  },
  {
    name: "COPY",
    marks: [1, 2, 3],
    run: async (client, run) => {
      client.send(query("copy marks from stdin"))
      const opened = await client.until("GZ")
      if (opened.answers.at(-1)?.type === "Z") return reportOf(opened)
      return reportOf(await client.ask(copyData([1, 2, 3].map((n) => `${run}\t${n}\n`).join("")), copyDone))
    }
  },
  {
    name: "a transaction",
    marks: [1, 2, 3],
    run: async (client, run) => {
      if ((await client.ask(query("begin"))).code !== undefined) return "not run"
      const statements = [insert(run, 1), "savepoint s", insert(run, 2), "release s", insert(run, 3)]
      for (const sql of statements) await client.ask(query(sql))
      const answers = await client.ask(query("commit"))
      return answers.tags[0] === "ROLLBACK" ? "not run" : reportOf(answers)
    }
  },
  {
    name: "a transaction that repairs what failed",
    marks: [1, 2],
    run: async (client, run) => {
      if ((await client.ask(query("begin"))).code !== undefined) return "not run"
      await client.ask(query(insert(run, 1)))
      // Mark 7 is undone, by the same savepoint, whether or not the second one could be made or removed.
      for (const sql of ["savepoint s", insert(run, 7), "savepoint s", "release s"]) {
        if ((await client.ask(query(sql))).code === undefined) continue
        // One that was certainly not removed is still there.
        if (sql === "release s") await client.ask(query("rollback to s; release s"))
        break
      }
      await client.ask(query("rollback to s"))
      const undone = (await client.ask(query("release s"))).code === undefined
      await client.ask(query(insert(run, 2)))
      if (!undone) {
        await client.ask(query("rollback"))
        return "not run"
      }
      const answers = await client.ask(query("commit"))
      return answers.tags[0] === "ROLLBACK" ? "not run" : reportOf(answers)
    }
  }
]

const check = (work: Work, report: Report, counts: ReadonlyMap<number, number>, where: string): void => {
  const times = work.marks.map((n) => counts.get(n) ?? 0)
  const said = `${work.name}, ${where}: reported as ${report}, is there ${times.join(", ")} times`
  assert.isTrue(
    times.every((one) => one === times[0]),
    said
  )
  assert.strictEqual(counts.get(7), undefined, `${said}; what was undone is there`)
  const [first = 0] = times
  if (report === "done") assert.strictEqual(first, 1, said)
  else if (report === "not run") assert.strictEqual(first, 0, said)
  else assert.isAtMost(first, 1, said)
}

const faultsOf: ReadonlyArray<Fault> = long
  ? Fault.literals
  : ["resuming", "throttled", "dropped-before", "dropped-after", "transaction-expired", "failover", "statement-timeout"]

describe.skipIf(TestDatabase.postgresUrl === undefined)(TestDatabase.onPostgres("chaos through the gateway"), () => {
  layer(chaotic(true), { timeout: "60 seconds", excludeTestServices: true })("a client that is cut off", (it) => {
    it.effect(
      "after any message leaves what was acknowledged, nothing half done, and nothing open",
      () =>
        Effect.gen(function* () {
          const sql = yield* prepared
          const length = session(0).length
          for (let run = 0; run < length * 2; run++) {
            const [last, waits] = [run >> 1, run % 2 === 1]
            const { acknowledged, sent } = yield* cutAfter(session(run), last, waits)
            yield* untilQuiet(sql)
            // What was sent last may still be on its way: only what is open or running can be waited for.
            const counts = yield* marksOf(sql, run)
            const where = `cut after message ${last}${waits ? " and its answer" : ""}`
            for (const n of acknowledged) assert.strictEqual(counts.get(n), 1, `${where}: mark ${n} is lost`)
            for (const [n, times] of counts) {
              assert.include(sent, n, `${where}: mark ${n} was not to be kept`)
              assert.strictEqual(times, 1, `${where}: mark ${n} is there twice`)
            }
            if (run % 8 === 0) yield* seesNothing
          }
          // Whatever arrived late has ended by now as well.
          for (let run = 0; run < length * 2; run++) {
            const counts = yield* marksOf(sql, run)
            for (const { keeps = [] } of session(run)) {
              const found = keeps.filter((n) => counts.has(n)).length
              assert.include([0, keeps.length], found, `run ${run}: half of ${keeps.join(", ")} is there`)
            }
          }
          assert.strictEqual(held.size, 0)
        }),
      long ? 600_000 : 120_000
    )
  })

  for (const retries of [true, false]) {
    layer(chaotic(retries), { timeout: "60 seconds", excludeTestServices: true })(
      retries ? "a failing service" : "and without retries",
      (it) => {
        for (const work of works) {
          it.effect(
            `${work.name}: a fault at any call is reported as what it was`,
            () =>
              Effect.gen(function* () {
                const sql = yield* prepared
                const faults = yield* Faults
                let run = 0
                const reports: Record<Report, number> = { done: 0, "not run": 0, unknown: 0 }
                for (const fault of faultsOf) {
                  for (let call = 1; ; call++) {
                    run++
                    const client = yield* connected
                    yield* faults.set({ schedule: [{ call, fault }] })
                    const report = yield* Effect.promise(() => work.run(client, run))
                    const { calls } = yield* faults.state
                    yield* faults.set({})
                    reports[report]++
                    const where = `${fault} at call ${call}`
                    check(work, report, yield* marksOf(sql, run), where)
                    const { firsts } = yield* Effect.promise(() => client.ask(query("select 1")))
                    assert.deepStrictEqual(firsts, ["1"], `${where}: the connection is of no use any more`)
                    yield* Effect.promise(() => client.kill())
                    assert.strictEqual(held.size, 0, `${where}: a transaction is left`)
                    // Its turn never came.
                    if (call > calls) break
                  }
                }
                process.stdout.write(`${work.name}: ${JSON.stringify(reports)}\n`)
                assert.isAbove(reports.done, 0)
              }),
            long ? 600_000 : 120_000
          )
        }
      }
    )
  }

  layer(chaotic(true), { timeout: "60 seconds", excludeTestServices: true })("a bad day", (it) => {
    const rounds = long ? 600 : 20
    it.effect(
      `of ${rounds * works.length} writes by 4 clients none is lost, doubled or half done`,
      () =>
        Effect.gen(function* () {
          const sql = yield* prepared
          const faults = yield* Faults
          const rates = Object.fromEntries(Fault.literals.map((fault) => [fault, fault === "failover" ? 0.002 : 0.01]))
          const clients = yield* Effect.forEach([1, 2, 3, 4], () => connected)
          yield* faults.set({ seed: 7, rates })
          const reports: Record<Report, number> = { done: 0, "not run": 0, unknown: 0 }
          yield* Effect.forEach(
            clients,
            (client, index) =>
              Effect.gen(function* () {
                for (let round = 0; round < rounds * works.length; round += 1) {
                  if (round % clients.length !== index) continue
                  const work = works[(round >> 2) % works.length] ?? works[0]
                  if (work === undefined) continue
                  const report = yield* Effect.promise(() => work.run(client, round))
                  reports[report]++
                  check(work, report, yield* marksOf(sql, round), `round ${round}`)
                }
              }),
            { concurrency: "unbounded" }
          )
          yield* faults.set({})
          process.stdout.write(`A bad day: ${JSON.stringify(reports)}\n`)
          assert.strictEqual(held.size, 0, "a transaction is left")
          yield* Effect.promise(() => Promise.all(clients.map((client) => client.kill())))
        }),
      long ? 1_200_000 : 120_000
    )

    it.effect("a paused database is waited for, and the client is told why", () =>
      Effect.gen(function* () {
        const faults = yield* Faults
        const client = yield* connected
        yield* faults.set({ pause: { calls: 4 } })
        const { firsts, notices } = yield* Effect.promise(() => client.ask(query("select 2")))
        assert.deepStrictEqual(firsts, ["2"])
        assert.deepStrictEqual(notices, ["the database is resuming after a pause; the gateway waits for it"])
        yield* Effect.promise(() => client.kill())
      })
    )
  })
})
