/**
 * No acknowledged row is lost when power is: a database is worked with while its disk is watched, and opened again from
 * what the disk would have kept at any of its operations.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { PGlite } from "@electric-sql/pglite"
import { amcheck } from "@electric-sql/pglite/contrib/amcheck"
import { Cause, Effect, Exit } from "effect"
import { inject } from "vitest"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import { scalar } from "../../local/calls.ts"
import { PowerLoss } from "./PowerLoss.ts"
import { type Random, randomOf } from "./Random.ts"
import { Recording, watch } from "./Recording.ts"
import * as Workload from "./Workload.ts"

const isLong = process.env["ALEX_LONG"] === "1"
const runs = isLong ? 5 : 1
const steps = isLong ? 40 : 20
const cutsPerRun = isLong ? 120 : 10

/** The disk is simulated, so that its files may as well be in memory. */
const memory = "/dev/shm"

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), "alex-power-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const layer = (dataDir: string, durability: "full" | "fast") =>
  LocalDataApi.layer({ dataDir, snapshot: inject("snapshot"), durability })

/** Works with a new folder, which is closed and opened again halfway; says what it held after each step. */
const recorded = Effect.fnUntraced(function* (folder: string, durability: "full" | "fast", random: Random) {
  const recording = new Recording(folder)
  const digests: Array<string> = []
  const all = [Workload.prepared, ...Workload.steps(steps, random)]
  const work = (part: ReadonlyArray<Workload.Step>) =>
    Effect.gen(function* () {
      for (const step of part) {
        recording.mark(`began ${digests.length} ${step.name}`)
        yield* Workload.run(step)
        recording.mark(`acknowledged ${digests.length} ${step.name}`)
        digests.push(yield* Workload.digest)
      }
    }).pipe(Effect.provide(layer(folder, durability)))
  const half = Math.ceil(all.length / 2)
  yield* Effect.acquireUseRelease(
    Effect.sync(() => watch(recording)),
    () => Effect.andThen(work(all.slice(0, half)), work(all.slice(half))),
    (stop) => Effect.sync(stop)
  )
  return { operations: recording.operations, digests }
})

/** Where to cut: a few times while the folder is made, then anywhere, right before and after a sync, and at the end. */
const cutsOf = (operations: Recording["operations"], count: number, random: Random): ReadonlyArray<number> => {
  const made = operations.findIndex(({ op }) => op === "mark")
  const anywhere = (from: number, to: number) => from + Math.floor(random() * (to - from))
  const cuts = Array.from({ length: count }, (_, index) => {
    if (index === count - 1) return operations.length
    if (index % 8 === 7) return anywhere(0, made)
    const at = anywhere(made, operations.length)
    if (index % 2 === 0) return at
    const sync = operations.findIndex(({ op }, place) => place >= at && op === "sync")
    return sync < 0 ? at : sync + (index % 4 === 1 ? 0 : 1)
  })
  return cuts.toSorted((a, b) => a - b)
}

/** PostgreSQL's own check of the indexes against the rows. */
const amchecked = async (pgdata: string): Promise<number> => {
  const pglite = await PGlite.create({ dataDir: pgdata, database: "alex", extensions: { amcheck } })
  try {
    await pglite.exec("create extension if not exists amcheck")
    const checked = await pglite.query(
      "select bt_index_check(c.oid, true) from pg_class c join pg_am a on a.oid = c.relam where a.amname = 'btree' and c.relkind = 'i' and c.relpersistence = 'p'"
    )
    return checked.rows.length
  } finally {
    await pglite.close()
  }
}

interface Told {
  readonly acknowledged: number
  readonly began: number
}

const opensWithAllRows = Effect.fnUntraced(function* (folder: string, told: Told, digests: ReadonlyArray<string>) {
  yield* Effect.gen(function* () {
    const exists = yield* scalar("select to_regclass('notes') is not null")
    if (told.acknowledged < 0 && JSON.stringify(exists) === '{"booleanValue":false}') return
    const allowed = new Set([digests[told.acknowledged], digests[told.began]])
    const found = yield* Workload.digest
    assert.include([...allowed], found, "the rows are those of the last step that was acknowledged, or of the next")
    for (const [table, byRows, byIndex] of yield* Workload.counts) assert.strictEqual(byIndex, byRows, table)
  }).pipe(Effect.provide(layer(folder, "fast")))
  assert.notMatch(readdirSync(folder).join(), /unfinished/)
})

/** Cuts, and says of each what a loss of power there costs; where nothing is synced, up to the first that costs something. */
const run = Effect.fnUntraced(function* (seed: number, durability: "full" | "fast", count: number) {
  const random = randomOf(seed)
  const folder = yield* temporaryFolder
  const { digests, operations } = yield* recorded(join(folder, "db"), durability, random)
  const disk = new PowerLoss()
  const lost: Array<string> = []
  let told: Told = { acknowledged: -1, began: -1 }
  let at = 0
  let unsynced = 0
  let indexes = 0
  let cuts = 0
  for (const [number, cut] of cutsOf(operations, count, random).entries()) {
    for (const operation of operations.slice(at, cut)) {
      disk.apply(operation)
      if (operation.op !== "mark") continue
      const [kind, step] = operation.text.split(" ")
      told = kind === "began" ? { ...told, began: Number(step) } : { ...told, acknowledged: Number(step) }
    }
    at = cut
    if (disk.unsynced > 0) unsynced++
    const left = join(folder, `cut${number}`)
    disk.cut(left, random)
    const opened = yield* Effect.exit(opensWithAllRows(left, told, digests))
    if (Exit.isFailure(opened)) lost.push(`seed ${seed}, operation ${cut}: ${Cause.pretty(opened.cause)}`)
    else if (durability === "full" && number % 5 === 4)
      indexes += yield* Effect.promise(() => amchecked(join(left, "pgdata")))
    rmSync(left, { recursive: true, force: true })
    cuts++
    if (durability === "fast" && lost.length > 0) break
  }
  const syncs = operations.filter(({ op }) => op === "sync").length
  process.stderr.write(
    `power loss, seed ${seed}, ${durability}: ${JSON.stringify({ operations: operations.length, syncs, cuts, unsynced, indexes, lost: lost.length })}\n`
  )
  return lost
}, Effect.scoped)

it.live(
  `${runs * cutsPerRun} losses of power cost no acknowledged row`,
  () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= runs; seed++) assert.deepStrictEqual(yield* run(seed, "full", cutsPerRun), [])
    }),
  isLong ? 7_200_000 : 600_000
)

it.live(
  "losses of power cost rows where nothing is synced, so that the disk is one that forgets",
  () =>
    Effect.gen(function* () {
      // One cut in eight keeps everything by chance.
      assert.isNotEmpty(yield* run(1, "fast", 20))
    }),
  300_000
)
