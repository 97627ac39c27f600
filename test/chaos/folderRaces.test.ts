/**
 * Races for one data folder: 2 to 8 starters, each a process, a thread or a process in a namespace of its own, take its
 * lock at the same moment, by different paths and often right after its holder was killed.
 */
import { mkdirSync, symlinkSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { hasNamespaces, type Kind, type Starter, start } from "../local/folder/starters.ts"

const isLong = process.env["ALEX_LONG"] === "1"
const races = isLong ? 200 : 20
const starters = 8

const kinds: ReadonlyArray<Kind> = hasNamespaces ? ["process", "thread", "namespace"] : ["process", "thread"]
if (!hasNamespaces) process.stderr.write("SKIPPED: starters in process namespaces (unshare is not allowed here)\n")

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "alex-races-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

it.live(
  `${races} races of 2 to ${starters} ${kinds.join(", ")} starters end with one holder each`,
  () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const real = join(folder, "real")
      mkdirSync(real)
      symlinkSync(real, join(folder, "link"))
      const spellings = [join(real, "lock.db"), join(folder, "link", "lock.db"), `${real}/../real/./lock.db`]
      const kindAt = (index: number): Kind => kinds[index % kinds.length] ?? "process"
      const all: Array<Starter> = yield* Effect.all(
        Array.from({ length: starters }, (_, index) => start(kindAt(index))),
        { concurrency: 2 }
      )
      const holders: Array<number> = []
      const wonBy = new Map<Kind, number>()
      let kills = 0
      for (let race = 0; race < races; race++) {
        const shuffled = yield* Random.shuffle(all)
        const racing = shuffled.slice(0, yield* Random.nextIntBetween(2, starters + 1))
        const asked = racing.map(async (starter, index) => {
          const path = spellings[(race + index) % spellings.length] ?? real
          return [starter, await starter.ask(`take ${path}`)] as const
        })
        const answers = yield* Effect.promise(() => Promise.all(asked))
        const holding = answers.filter(([, answer]) => answer === "held").map(([starter]) => starter)
        holders.push(holding.length)
        for (const holder of holding) {
          wonBy.set(holder.kind, (wonBy.get(holder.kind) ?? 0) + 1)
          if (race % 3 === 0) {
            yield* Effect.promise(holder.kill)
            all[all.indexOf(holder)] = yield* start(holder.kind)
            kills++
          } else assert.strictEqual(yield* Effect.promise(() => holder.ask("drop")), "dropped")
        }
      }
      const winners = [...wonBy].map(([kind, wins]) => `${wins} by a ${kind}`).join(", ")
      process.stderr.write(`${races} races: ${winners}; ${kills} holders killed\n`)
      assert.deepStrictEqual(
        holders.filter((count) => count !== 1),
        [],
        "races with no holder, or with two"
      )
    }).pipe(Effect.scoped),
  isLong ? 1_200_000 : 180_000
)
