/**
 * The local server on PostgreSQL beside the same queries through `@effect/sql-pg` directly, and many clients with
 * interleaved transactions.
 *
 * Usage: node test/bench/server.ts [--url postgres://...] [--seconds 5] [--rounds 3] [--warmup 20] [--transactions 60]
 *        [--against FOLDER]
 *
 * The server runs in a process of its own, as its users start it. It is loaded by bytes prepared beforehand on
 * keep-alive connections, since an SDK would measure itself. Rounds alternate between the contenders, medians count. The
 * floor is shown too: a stripped-down server, with the same reset between callers. On a machine that is busy with other
 * work the ratio of processor times is the steadier one.
 *
 * With --against FOLDER the server of another checkout takes the place of `@effect/sql-pg`, on both engines: what a
 * change costs, as a ratio of one run.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { defaultTarget } from "../../src/local/http/Clusters.ts"

const { values } = parseArgs({
  options: {
    url: { type: "string", default: process.env["TEST_POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres" },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    warmup: { type: "string", default: "20" },
    transactions: { type: "string", default: "60" },
    clients: { type: "string", default: "64" },
    against: { type: "string" }
  }
})

const concurrency = 32
const seconds = Number(values.seconds)
const target = defaultTarget("us-east-1")
const checkout = new URL("../..", import.meta.url).pathname

const print = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`))

/** A server as a process of its own; the endpoint once it listens. */
const started = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly endpoint: URL; readonly child: ChildProcess }>((resume) => {
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] })
      child.stdout.on("data", (chunk: Buffer) => {
        const endpoint = /AWS_ENDPOINT_URL_RDS_DATA=(\S+)/.exec(chunk.toString())?.[1]
        if (endpoint !== undefined) resume(Effect.succeed({ endpoint: new URL(endpoint), child }))
      })
    }),
    ({ child }) => Effect.sync(() => child.kill())
  )

/** `alex-db serve` of a checkout. */
const serveFrom = (folder: string, ...args: ReadonlyArray<string>) =>
  started(join(folder, "src/cli/main.ts"), "serve", "--port", "0", ...args)

const serve = (url: string, ...args: ReadonlyArray<string>) => serveFrom(checkout, "--database-url", url, ...args)

/** One keep-alive connection that has one request under way at a time. */
class Connection {
  private readonly socket: Socket
  private received: Buffer = Buffer.alloc(0)
  private answer: ((body: Buffer) => void) | undefined

  constructor(endpoint: URL) {
    this.socket = connect(Number(endpoint.port), endpoint.hostname)
    this.socket.setNoDelay(true)
    this.socket.on("data", (chunk: Buffer) => {
      this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk])
      const head = this.received.indexOf("\r\n\r\n")
      if (head < 0) return
      const length = Number(/content-length: (\d+)/i.exec(this.received.toString("latin1", 0, head))?.[1])
      if (this.received.length < head + 4 + length) return
      const body = this.received.subarray(head + 4, head + 4 + length)
      this.received = this.received.subarray(head + 4 + length)
      this.answer?.(body)
    })
  }

  send(request: Buffer): Promise<Buffer> {
    return new Promise((resolve) => {
      this.answer = resolve
      this.socket.write(request)
    })
  }

  close(): void {
    this.socket.destroy()
  }
}

const requestBytes = (path: string, members: object): Buffer => {
  const body = JSON.stringify({ ...target, ...members })
  const signature = `AWS4-HMAC-SHA256 Credential=local/20261122/us-east-1/rds-data/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=${"0".repeat(64)}`
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nauthorization: ${signature}\r\n` +
      `x-amz-date: 20261122T000000Z\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

interface Figures {
  readonly count: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

const figures = (latencies: Array<number>, elapsedMs: number): Figures => {
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0
  return { count: latencies.length, perSecond: (latencies.length * 1000) / elapsedMs, p50: at(0.5), p99: at(0.99) }
}

const median = (values: ReadonlyArray<number>): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

/** Runs `once` in `workers` loops for a while. */
const loaded = (
  once: (worker: number) => Promise<unknown>,
  workers = concurrency,
  length = seconds
): Effect.Effect<Figures> =>
  Effect.promise(async () => {
    const latencies: Array<number> = []
    const began = performance.now()
    const loop = async (worker: number) => {
      for (let now = performance.now(); now - began < length * 1000; ) {
        await once(worker)
        const then = performance.now()
        latencies.push(then - now)
        now = then
      }
    }
    await Promise.all(Array.from({ length: workers }, (_, worker) => loop(worker)))
    return figures(latencies, performance.now() - began)
  })

interface Workload {
  readonly name: string
  readonly direct: string
  readonly params: ReadonlyArray<unknown>
  readonly sql: string
  readonly parameters: ReadonlyArray<object>
}

const id = { name: "id", value: { longValue: 500 } }

const workloads: ReadonlyArray<Workload> = [
  {
    name: "point select",
    direct: "SELECT id, name, amount FROM bench WHERE id = $1",
    params: [500],
    sql: "SELECT id, name, amount FROM bench WHERE id = :id",
    parameters: [id]
  },
  {
    name: "100 rows of 3 columns",
    direct: "SELECT id, name, amount FROM bench WHERE id > $1 ORDER BY id LIMIT 100",
    params: [500],
    sql: "SELECT id, name, amount FROM bench WHERE id > :id ORDER BY id LIMIT 100",
    parameters: [id]
  },
  {
    name: "insert",
    direct: "INSERT INTO written (name, amount) VALUES ($1, $2::numeric)",
    params: ["some name", "12.50"],
    sql: "INSERT INTO written (name, amount) VALUES (:name, CAST(:amount AS numeric))",
    parameters: [
      { name: "name", value: { stringValue: "some name" } },
      { name: "amount", value: { stringValue: "12.50" } }
    ]
  }
]

const tables = [
  "CREATE TABLE bench (id int8 PRIMARY KEY, name text NOT NULL, amount numeric(12, 2) NOT NULL)",
  "INSERT INTO bench SELECT n, 'name ' || n, n * 1.25 FROM generate_series(1, 1000) n",
  "CREATE TABLE written (id bigserial PRIMARY KEY, name text, amount numeric)",
  "CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL)",
  "INSERT INTO counters SELECT n, 0 FROM generate_series(1, 8) n",
  "CREATE TABLE marks (client int, round int, step int)"
]

/** What one contender took in one round. */
interface Round extends Figures {
  /** Processor time of a call in microseconds: of the load, of the server and of PostgreSQL. */
  readonly load: number
  readonly server: number
  readonly backends: number
}

/** One that answers calls, and the process that it is, if it is one. */
interface Contender {
  readonly name: string
  readonly once: (worker: number) => Promise<unknown>
  readonly pid: number | undefined
}

const roundOf = Effect.fnUntraced(function* ({ once, pid }: Contender, database: string) {
  const before = { load: process.cpuUsage(), server: cpuMillis(pid, undefined), all: cpuMillis(pid, database) }
  const taken = yield* loaded(once)
  const { system, user } = process.cpuUsage(before.load)
  const server = cpuMillis(pid, undefined) - before.server
  const backends = cpuMillis(pid, database) - before.all - server
  const calls = taken.count
  const round: Round = {
    ...taken,
    load: (user + system) / calls,
    server: (server * 1000) / calls,
    backends: (backends * 1000) / calls
  }
  return round
})

const cpuOf = ({ backends, load, server }: Round): number => load + server + backends

const printRounds = (workload: string, rounds: ReadonlyMap<string, ReadonlyArray<Round>>) => {
  const [base = []] = rounds.values()
  const lines = [...rounds].map(([name, all]) => {
    const of = (figure: (round: Round, index: number) => number, digits = 0) => median(all.map(figure)).toFixed(digits)
    const cells = [
      ...[of(({ perSecond }) => perSecond), of(({ p50 }) => p50, 2), of(({ p99 }) => p99, 2)],
      ...[of(({ load }) => load), of(({ server }) => server), of(({ backends }) => backends)],
      of(({ perSecond }, index) => perSecond / (base[index]?.perSecond ?? Number.NaN), 2),
      of((round, index) => (base[index] === undefined ? Number.NaN : cpuOf(base[index]) / cpuOf(round)), 2)
    ]
    return `${workload.padEnd(22)} ${name.padEnd(18)}${cells.map((cell) => cell.padStart(9)).join("")}`
  })
  return print(lines.join("\n"))
}

const throughput = Effect.fnUntraced(function* (url: string) {
  const database = new URL(url).pathname.slice(1)
  const direct = yield* PgClient.make({ url: Redacted.make(url), maxConnections: concurrency })
  const served = yield* serve(url, "--max-connections", String(concurrency))
  const floor = yield* started(join(checkout, "test/bench/serverFloor.ts"), url, String(concurrency))
  const toServer = yield* connections(served.endpoint)
  const toFloor = yield* connections(floor.endpoint)
  const runPromise = Effect.runPromiseWith(yield* Effect.context<never>())
  yield* print(`${concurrency} at a time, ${values.rounds} rounds of ${seconds} s each, medians; µs of processor time`)
  yield* print(
    `${"workload".padEnd(22)} ${"who".padEnd(18)}  calls/s   p50 ms   p99 ms  load/µs  serv/µs    pg/µs  ratio/s ratio/µs`
  )
  for (const { direct: text, name, parameters, params, sql } of workloads) {
    const request = requestBytes("/Execute", { database, sql, parameters })
    const over = (all: ReadonlyArray<Connection>) => (worker: number) => all[worker]?.send(request) ?? Promise.resolve()
    const contenders: ReadonlyArray<Contender> = [
      { name: "@effect/sql-pg", once: () => runPromise(direct.unsafe(text, params)), pid: undefined },
      { name: "alex-db serve", once: over(toServer), pid: served.child.pid },
      { name: "the floor", once: over(toFloor), pid: floor.child.pid }
    ]
    const rounds = new Map<string, Array<Round>>()
    // V8 compiles what is hot in the first 20,000 calls or so, which cost two to five times what later ones do.
    for (const { once } of contenders) yield* loaded(once, concurrency, Number(values.warmup))
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const contender of contenders) {
        const taken = yield* roundOf(contender, database)
        rounds.set(contender.name, [...(rounds.get(contender.name) ?? []), taken])
      }
    }
    yield* printRounds(name, rounds)
  }
})

/** Connections to a server, closed with the scope. */
const connections = (endpoint: URL) =>
  Effect.acquireRelease(
    Effect.sync(() => Array.from({ length: concurrency }, () => new Connection(endpoint))),
    (all) =>
      Effect.sync(() => {
        for (const one of all) one.close()
      })
  )

/** Processor time of a server and of the backends that work on its database, in milliseconds since they began. */
const cpuMillis = (pid: number | undefined, database: string | undefined): number => {
  let ticks = 0
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const isBackend =
        database !== undefined && readFileSync(`/proc/${entry}/cmdline`, "utf8").includes(` ${database} `)
      if (entry !== String(pid) && !isBackend) continue
      const [user, system] = readFileSync(`/proc/${entry}/stat`, "utf8").split(") ").at(-1)?.split(" ").slice(11) ?? []
      ticks += Number(user) + Number(system)
    } catch {
      // The process has ended in the meantime.
    }
  }
  return ticks * 10
}

/** This checkout beside another one: the same requests in alternating rounds. Needs Linux, for the processor times. */
const compare = Effect.fnUntraced(function* (
  engine: string,
  database: string | undefined,
  workers: number,
  args: ReadonlyArray<string>
) {
  const folders = [values.against ?? checkout, checkout]
  const servers = yield* Effect.forEach(folders, (folder) =>
    Effect.gen(function* () {
      const { child, endpoint } = yield* serveFrom(folder, ...args)
      const clients = yield* connections(endpoint)
      const send = (worker: number, request: Buffer): Promise<unknown> =>
        clients[worker]?.send(request) ?? Promise.resolve()
      if (database === undefined) {
        for (const sql of tables) yield* Effect.promise(() => send(0, requestBytes("/Execute", { sql })))
      }
      return { send, cpu: () => cpuMillis(child.pid, database) }
    })
  )
  for (const { name, parameters, sql } of workloads) {
    const rounds = servers.map((): Array<{ readonly p50: number; readonly cpu: number }> => [])
    const request = requestBytes("/Execute", { database, sql, parameters })
    for (const { send } of servers) yield* loaded((worker) => send(worker, request), workers, Number(values.warmup))
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [index, { cpu, send }] of servers.entries()) {
        const before = cpu()
        const began = performance.now()
        const { p50, perSecond } = yield* loaded((worker) => send(worker, request), workers)
        const calls = (perSecond * (performance.now() - began)) / 1000
        rounds[index]?.push({ p50, cpu: (cpu() - before) / calls })
      }
    }
    const [before, after] = rounds.map((all) => ({
      p50: median(all.map(({ p50 }) => p50)),
      cpu: median(all.map(({ cpu }) => cpu))
    }))
    if (before === undefined || after === undefined) continue
    const shown = (was: number, is: number) => `${was.toFixed(3)} ms to ${is.toFixed(3)} ms, x ${(is / was).toFixed(2)}`
    yield* print(
      `${engine.padEnd(9)}${String(workers).padStart(2)} at a time  ${name.padEnd(21)} p50 ${shown(before.p50, after.p50)}   processor ${shown(before.cpu, after.cpu)}`
    )
  }
})

/**
 * Clients that read, pause and write in transactions at the same time, on the same counters. Nothing may be lost, no
 * statement may land in another's transaction, and nothing may stay open.
 */
const interleaved = Effect.fnUntraced(function* (url: string) {
  const clients = Number(values.clients)
  const pool = 48
  const { child, endpoint } = yield* serve(url, "--max-connections", String(pool), "--transaction-idle", "2")
  const database = new URL(url).pathname.slice(1)
  const direct = yield* PgClient.make({ url: Redacted.make(url), maxConnections: 1 })
  const until = performance.now() + Number(values.transactions) * 1000
  let committed = 0
  let rolledBack = 0
  let refused = 0
  let crossed = 0

  const client = async (number: number) => {
    const connection = new Connection(endpoint)
    const ask = async (path: string, members: object) =>
      JSON.parse((await connection.send(requestBytes(path, { database, ...members }))).toString())
    for (let round = 0; performance.now() < until; round++) {
      const began = await ask("/BeginTransaction", {})
      if (began.transactionId === undefined) {
        refused++
        continue
      }
      const { transactionId } = began
      const run = (sql: string) => ask("/Execute", { sql, transactionId })
      const counter = 1 + ((number + round) % 8)
      await run(`INSERT INTO marks VALUES (${number}, ${round}, 1)`)
      const read = await run(`SELECT n FROM counters WHERE id = ${counter} FOR UPDATE`)
      await new Promise((resolve) => setTimeout(resolve, (number * 7 + round * 3) % 5))
      await run(`UPDATE counters SET n = ${Number(read.records?.[0]?.[0]?.longValue) + 1} WHERE id = ${counter}`)
      await run(`INSERT INTO marks VALUES (${number}, ${round}, 2)`)
      const mine = await run(`SELECT count(*) FROM marks WHERE client = ${number} AND round = ${round}`)
      if (mine.records?.[0]?.[0]?.longValue !== 2) crossed++
      const commit = (number + round) % 4 !== 0
      const ended = await ask(commit ? "/CommitTransaction" : "/RollbackTransaction", { transactionId })
      if (ended.transactionStatus === "Transaction Committed") committed++
      else if (ended.transactionStatus === "Rollback Complete") rolledBack++
      else refused++
    }
    // The last one is left open, to be rolled back when it has been idle for two seconds.
    await ask("/Execute", {
      sql: `INSERT INTO marks VALUES (${number}, -1, 1)`,
      transactionId: (await ask("/BeginTransaction", {})).transactionId
    })
    connection.close()
  }
  yield* Effect.promise(() => Promise.all(Array.from({ length: clients }, (_, number) => client(number))))
  yield* Effect.sleep("4 seconds")
  const ask = (sql: string) => Effect.map(direct.unsafe<{ n: string | bigint }>(sql), ([row]) => Number(row?.n))
  const counted = yield* ask("SELECT sum(n) AS n FROM counters")
  const marks = yield* ask("SELECT count(*) AS n FROM marks WHERE round >= 0")
  const orphans = yield* ask("SELECT count(*) AS n FROM marks WHERE round < 0")
  const open = yield* ask(
    `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = '${database}' AND state LIKE 'idle in transaction%'`
  )
  child.kill()
  yield* Effect.sleep("1 second")
  const left = yield* ask(
    `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = '${database}' AND pid <> pg_backend_pid()`
  )
  yield* print(`\n${clients} clients, ${pool} connections, ${values.transactions} s of interleaved transactions`)
  yield* print(`committed ${committed}, rolled back ${rolledBack}, refused ${refused}`)
  yield* print(`counters sum to ${counted}: ${counted === committed ? "no update lost" : "UPDATES LOST"}`)
  yield* print(
    `marks ${marks} of ${committed * 2}, of others seen ${crossed}: ${marks === committed * 2 && crossed === 0 ? "no cross-talk" : "CROSS-TALK"}`
  )
  yield* print(`idle transactions rolled back: ${open === 0 && orphans === 0 ? "all" : `NOT ${open}, ${orphans} rows`}`)
  yield* print(`sessions left after the server's end: ${left}`)
  if (counted !== committed || marks !== committed * 2 || crossed + open + orphans + left > 0) process.exitCode = 1
})

/** Statements on a connection of their own. */
const runOn = (url: string, statements: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.flatMap(PgClient.make({ url: Redacted.make(url), maxConnections: 1 }), (sql) =>
      Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
    )
  )

const program = Effect.gen(function* () {
  const name = `http_bench_${randomUUID().replaceAll("-", "").slice(0, 12)}`
  yield* Effect.acquireRelease(runOn(values.url, [`CREATE DATABASE ${name}`]), () =>
    Effect.ignore(runOn(values.url, [`DROP DATABASE ${name} WITH (FORCE)`]))
  )
  const url = new URL(values.url)
  url.pathname = `/${name}`
  yield* runOn(url.href, tables)
  if (values.against !== undefined) {
    const database = url.pathname.slice(1)
    for (const workers of [1, concurrency]) {
      yield* Effect.scoped(
        compare("postgres", database, workers, ["--database-url", url.href, "--max-connections", String(concurrency)])
      )
      yield* Effect.scoped(compare("pglite", undefined, workers, ["--memory"]))
    }
    return
  }
  yield* Effect.scoped(throughput(url.href))
  if (Number(values.transactions) > 0) yield* Effect.scoped(interleaved(url.href))
})

if (import.meta.main) await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(Reactivity.layer)))
