import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { inject } from "vitest"
import { DataApi } from "../../../src/data-api/DataApi.ts"
import * as FolderLock from "../../../src/local/folder/FolderLock.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { begin, commit, execute, failure, long, scalar, text } from "../calls.ts"
import { contract } from "../engine/contract.ts"

/** How often a holder ends while its guests write; with `ALEX_LONG` very often. */
const rounds = process.env["ALEX_LONG"] === undefined ? 4 : 100

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "alex-shared-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

const shared = (dataDir: string, program = "test", database?: string) =>
  Layer.fresh(LocalDataApi.layer({ dataDir, snapshot: inject("snapshot"), share: { program }, database }))

const alone = (dataDir: string) =>
  Layer.fresh(LocalDataApi.layer({ dataDir, snapshot: inject("snapshot"), durability: "fast" }))

/** Opens a folder for as long as the test needs it; `use` runs calls there, `close` ends it. */
const open = <E>(layer: Layer.Layer<DataApi, E>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Scope.Scope)
    const api = Context.get(yield* Layer.buildWithScope(layer, scope), DataApi)
    return {
      use: <A, F>(calls: Effect.Effect<A, F, DataApi>) => Effect.provideService(calls, DataApi, api),
      close: Scope.close(scope, Exit.void)
    }
  })

const holderProgram = fileURLToPath(new URL("./FolderHolder.ts", import.meta.url))

/** A holder as a process of its own; `kill` ends it as it stands. */
const startHolder = (folder: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, [holderProgram, folder, inject("snapshot")], {
        stdio: ["pipe", "pipe", "inherit"]
      })
      await once(child.stdout, "data")
      const ended = once(child, "close")
      const kill = () => {
        child.kill("SIGKILL")
        return ended
      }
      const stop = () => {
        child.stdin.end()
        return ended
      }
      const freeze = () => child.kill("SIGSTOP")
      const thaw = () => child.kill("SIGCONT")
      return { pid: child.pid, kill, stop, freeze, thaw }
    }),
    ({ kill }) => Effect.promise(kill)
  )

const refused = <E extends { readonly message: string }>(layer: Layer.Layer<DataApi, E>) =>
  Effect.map(Effect.flip(Effect.scoped(Layer.build(layer))), ({ message }) => message)

describe("a shared folder", () => {
  it.live(
    "is one database to its holder and its guests, whose values are exact",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const holder = yield* open(shared(folder, "test holder"))
        const guests = yield* Effect.all([open(shared(folder)), open(shared(`${folder}/.`))])
        const lock = JSON.parse(readFileSync(join(folder, "lock.json"), "utf8"))
        assert.deepStrictEqual([lock.program, lock.socket], ["test holder", "holder.sock"])
        assert.strictEqual(statSync(join(folder, "holder.sock")).mode & 0o777, 0o600)
        yield* holder.use(execute("create table t (a text, n int8)"))
        for (const { use } of guests)
          yield* use(execute("insert into t values (:a, :n)", { a: text("Zürich ☕"), n: long(7) }))
        yield* guests[0].use(execute("insert into t values ('big', 9223372036854775807)"))
        assert.deepStrictEqual(yield* holder.use(scalar("select count(*) from t")), { longValue: 3 })
        assert.deepStrictEqual(yield* guests[1].use(scalar("select n from t where a = 'big'")), {
          longValue: 9_223_372_036_854_775_807n
        })
        assert.deepStrictEqual(yield* guests[1].use(scalar("select a from t limit 1")), { stringValue: "Zürich ☕" })
        const dividing = yield* guests[1].use(Effect.flip(execute("select 1/0")))
        assert.deepStrictEqual([dividing.sqlState, dividing.didRun], ["22012", "yes"])
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "lets no process in where the holder does not share it, nor one that does not share beside it",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const holder = yield* open(alone(folder))
        assert.isFalse(existsSync(join(folder, "holder.sock")))
        assert.match(yield* refused(shared(folder)), new RegExp(`is in use by this process itself, ${process.pid} \\(`))
        yield* holder.close
        yield* open(shared(folder, "test holder"))
        assert.match(
          yield* refused(alone(folder)),
          /\(test holder, since .*which holds its lock, lock\.db\. Provide one layer to all/
        )
        assert.strictEqual(
          yield* refused(shared(folder, "test", "other")),
          `The data folder ${folder} holds the database alex, not other. Choose another folder.`
        )
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "passes on to a guest when its holder ends, with every row",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const holder = yield* open(shared(folder))
        const [first, second] = yield* Effect.all([open(shared(folder)), open(shared(folder))])
        yield* first.use(execute("create table t as select 1 as n"))
        yield* holder.close
        assert.isFalse(existsSync(join(folder, "lock.json")))
        assert.deepStrictEqual(yield* first.use(scalar("select count(*) from t")), { longValue: 1 })
        yield* second.use(execute("insert into t values (4)"))
        assert.deepStrictEqual(yield* first.use(scalar("select count(*) from t")), { longValue: 2 })
        yield* first.close
        yield* second.use(execute("insert into t values (5)"))
        assert.deepStrictEqual(yield* second.use(scalar("select count(*) from t")), { longValue: 3 })
        assert.strictEqual(JSON.parse(readFileSync(join(folder, "lock.json"), "utf8")).program, "test")
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "rolls back the transactions of a guest at the moment that it leaves",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const holder = yield* open(shared(folder))
        yield* holder.use(execute("create table t (n int)"))
        const guest = yield* open(shared(folder))
        const transactionId = yield* guest.use(begin)
        yield* guest.use(execute("insert into t values (1)", {}, { transactionId }))
        yield* guest.close
        // The transaction held the only connection: without a rollback this would wait for it, and be refused.
        assert.deepStrictEqual(yield* holder.use(scalar("select count(*) from t")), { longValue: 0 })
        const gone = yield* holder.use(failure(execute("select 1", {}, { transactionId })))
        assert.strictEqual(gone._tag, "TransactionNotFound")
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "whose path is too long for a socket has it in a private folder, which is gone thereafter",
    () =>
      Effect.gen(function* () {
        const folder = join(yield* temporaryFolder, "long".repeat(25))
        mkdirSync(folder)
        const holder = yield* open(shared(folder))
        const { socket } = JSON.parse(readFileSync(join(folder, "lock.json"), "utf8"))
        assert.isFalse(socket.startsWith(folder))
        assert.strictEqual(statSync(socket).mode & 0o777, 0o600)
        assert.strictEqual(statSync(dirname(socket)).mode & 0o777, 0o700)
        const guest = yield* open(shared(folder))
        assert.deepStrictEqual(yield* guest.use(scalar("select 1")), { longValue: 1 })
        yield* guest.close
        yield* holder.close
        assert.isFalse(existsSync(dirname(socket)))
        assert.notInclude(readdirSync(folder), "holder.sock")
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "is not kept from anybody by the socket that a killed holder left",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const { kill } = yield* startHolder(folder)
        yield* Effect.promise(kill)
        assert.isTrue(existsSync(join(folder, "holder.sock")))
        yield* open(shared(folder))
        const guest = yield* open(shared(folder))
        assert.deepStrictEqual(yield* guest.use(scalar("select 1")), { longValue: 1 })
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "is still entered where it was replaced, and the holder of the one before ends",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const before = yield* open(shared(folder))
        yield* Effect.promise(() => rm(folder, { recursive: true }))
        mkdirSync(folder)
        const next = yield* open(shared(folder))
        yield* next.use(execute("create table t (a text)"))
        yield* before.close
        const guest = yield* open(shared(folder))
        assert.deepStrictEqual(yield* guest.use(scalar("select count(*) from t")), { longValue: 0 })
        yield* guest.close
        yield* next.close
        assert.deepStrictEqual(
          readdirSync(folder).filter((name) => statSync(join(folder, name)).isSocket()),
          []
        )
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "is its holder's alone where no socket can be made, and others are refused at once",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        mkdirSync(join(folder, "holder.sock", "in the way"), { recursive: true })
        const holder = yield* open(shared(folder))
        assert.deepStrictEqual(yield* holder.use(scalar("select 1")), { longValue: 1 })
        assert.match(
          yield* refused(shared(folder)),
          /is in use by this process itself.*Provide one layer to all that use it.*or choose another/
        )
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "is not entered where the holder speaks another version",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        yield* FolderLock.take(join(folder, "lock.db"))
        const holder = { pid: 1, host: "h", program: "newer", since: "2026", socket: "holder.sock" }
        writeFileSync(join(folder, "lock.json"), JSON.stringify(holder))
        yield* Effect.acquireRelease(
          Effect.promise(async () => {
            const server = createServer((_, response) =>
              response.write('{"protocol":2,"guest":"x","database":"alex"}\n')
            )
            await once(server.listen(join(folder, "holder.sock")), "listening")
            return server
          }),
          (server) => Effect.sync(() => server.close().closeAllConnections())
        )
        assert.strictEqual(
          yield* refused(shared(folder)),
          `The data folder ${folder} is in use by process 1 on h (newer, since 2026), which has another version of this package. Stop that process or use its version.`
        )
      }).pipe(Effect.scoped),
    120_000
  )
})

// Each has a folder and processes of its own, and waits for most of its time.
describe.concurrent("a shared folder whose holder ends or does not answer", () => {
  it.live(
    "is not given up in the middle of a guest's transaction, unless its holder is killed",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const holder = yield* startHolder(folder)
        const guest = yield* open(shared(folder))
        yield* guest.use(execute("create table t (n int)"))
        const transactionId = yield* guest.use(begin)
        yield* guest.use(execute("insert into t values (1)", {}, { transactionId }))
        const closing = yield* Effect.forkChild(Effect.promise(holder.stop))
        yield* Effect.sleep("300 millis")
        yield* guest.use(execute("insert into t values (2)", {}, { transactionId }))
        yield* guest.use(commit(transactionId))
        yield* Fiber.join(closing)
        assert.deepStrictEqual(yield* guest.use(scalar("select count(*) from t")), { longValue: 2 })
        yield* guest.close
        const second = yield* startHolder(folder)
        assert.match(
          yield* refused(alone(folder)),
          new RegExp(
            `is in use by process ${second.pid} \\(test holder, since .*\\), which holds its lock, lock.db. Stop that process, choose another folder, or let your programs share it: run alex-db serve and set the variables that it prints.$`
          )
        )
        const loser = yield* open(shared(folder))
        const lost = yield* loser.use(begin)
        yield* loser.use(execute("insert into t values (3)", {}, { transactionId: lost }))
        yield* Effect.promise(second.kill)
        const { _tag } = yield* loser.use(failure(commit(lost)))
        assert.strictEqual(_tag, "TransactionNotFound")
        assert.deepStrictEqual(yield* loser.use(scalar("select count(*) from t")), { longValue: 2 })
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "loses no call of a guest, and leaves no outcome unknown, when its holder ends while calls are on their way",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const first = yield* open(shared(folder))
        yield* first.use(execute("create table t (n int)"))
        let holder = first
        for (let round = 0; round < rounds; round++) {
          const guests = yield* Effect.all([open(shared(folder)), open(shared(folder)), open(shared(folder))])
          const inserts = Array.from({ length: 120 }, (_, n) =>
            guests[n % 3]?.use(execute("insert into t values (:n)", { n: long(n) }))
          )
          const writing = yield* Effect.forkChild(
            Effect.all(
              inserts.flatMap((one) => one ?? []),
              { concurrency: 12 }
            )
          )
          yield* Effect.sleep(`${round % 40} millis`)
          yield* holder.close
          yield* Fiber.join(writing)
          const [next, ...others] = guests
          for (const { close } of others) yield* close
          holder = next
        }
        assert.deepStrictEqual(yield* holder.use(scalar("select count(*) from t")), { longValue: 120 * rounds })
      }).pipe(Effect.scoped),
    600_000
  )

  it.live(
    "keeps a guest waiting, and says for whom, while its holder does not answer",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const holder = yield* startHolder(folder)
        holder.freeze()
        const said: Array<unknown> = []
        const listening = Logger.layer([Logger.make(({ message }) => void said.push(message))])
        const opening = yield* Effect.forkChild(Effect.provide(open(shared(folder)), listening))
        while (said.length === 0) yield* Effect.sleep("100 millis")
        assert.match(
          String(said[0]),
          new RegExp(`^Waiting for process ${holder.pid} \\(test holder, .*or is suspended$`)
        )
        holder.thaw()
        const guest = yield* Fiber.join(opening)
        assert.deepStrictEqual(yield* guest.use(scalar("select 1")), { longValue: 1 })
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "whose holder is killed in the middle of a call: a write is OutcomeUnknown, a read goes on",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const holder = yield* startHolder(folder)
        const guest = yield* open(shared(folder))
        yield* guest.use(execute("create table t (n int)"))
        for (let n = 0; n < 50; n++) yield* guest.use(execute("insert into t values (:n)", { n: long(n) }))
        const slow = execute("insert into t select 99 from pg_sleep(20)")
        const writing = yield* Effect.forkChild(guest.use(Effect.flip(slow)))
        yield* Effect.sleep("2 seconds")
        yield* Effect.promise(holder.kill)
        const { didRun, reason } = yield* Fiber.join(writing)
        assert.deepStrictEqual([reason._tag, didRun], ["OutcomeUnknown", "unknown"])
        const said: Array<unknown> = []
        const listening = Logger.layer([Logger.make(({ message }) => void said.push(message))])
        const rows = guest.use(scalar("select count(*) from t")).pipe(Effect.provide(listening))
        assert.deepStrictEqual(yield* rows, { longValue: 50 })
        assert.deepStrictEqual(said.map(String), [
          `The process that had the data folder ${folder} open ended: this process has it open now`
        ])
        yield* guest.close
        const second = yield* startHolder(folder)
        const reader = yield* open(shared(folder))
        const reading = yield* Effect.forkChild(reader.use(scalar("select count(*) from pg_attribute a, pg_class b")))
        yield* Effect.sleep("300 millis")
        yield* Effect.promise(second.kill)
        assert.property(yield* Fiber.join(reading), "longValue")
      }).pipe(Effect.scoped),
    120_000
  )
})

const guestOfFolder = Layer.unwrap(
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    yield* Layer.build(shared(folder, "holder"))
    return shared(folder, "guest")
  })
)

contract("PGlite, as a guest of its folder", guestOfFolder, true)
