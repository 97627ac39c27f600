/** What was acknowledged by an embedded database in a folder is there: whoever else tries the folder, whoever is killed. */
import { spawn } from "node:child_process"
import { mkdtemp, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { inject } from "vitest"
import * as LocalDataApi from "../../src/local/LocalDataApi.ts"
import { query } from "../local/calls.ts"
import { hasNamespaces } from "../local/folder/starters.ts"

const isLong = process.env["ALEX_LONG"] === "1"
const kills = isLong ? 100 : 6

const program = fileURLToPath(new URL("./FolderWriter.ts", import.meta.url))

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = await mkdtemp(join(tmpdir(), "alex-folder-"))
    await symlink(folder, `${folder}-link`)
    return folder
  }),
  (folder) =>
    Effect.promise(async () => {
      await rm(`${folder}-link`, { force: true })
      await rm(folder, { recursive: true, force: true })
    })
)

interface Writer {
  readonly name: string
  readonly path: string
  readonly rows: number
  readonly rivalPath?: string
  readonly inNamespace?: boolean
  /** Called with every line; `true` kills the writer. */
  readonly killAt?: (line: string) => boolean
  /** Kills the writer after so many milliseconds. */
  readonly killAfter?: number
}

/** What a writer said until it ended. */
const runWriter = ({ inNamespace, killAfter, killAt, name, path, rivalPath = "", rows }: Writer) =>
  Effect.promise(
    () =>
      new Promise<ReadonlyArray<string>>((resolve) => {
        const node = [process.execPath, program, path, inject("snapshot"), name, String(rows), rivalPath]
        const namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        const [command = "", ...args] = inNamespace === true ? [...namespace, ...node] : node
        const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] })
        const lines: Array<string> = []
        const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter)
        createInterface(child.stdout).on("line", (line) => {
          lines.push(line)
          if (killAt?.(line) === true) child.kill("SIGKILL")
        })
        child.on("close", () => {
          clearTimeout(timer)
          resolve(lines)
        })
      })
  )

const acknowledged = (name: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.filter((line) => /^\d+$/.test(line)).map((row) => `${name} ${row}`)

/** The rows in a folder, as `writer row`. */
const stored = (folder: string) =>
  Effect.map(query("select writer || ' ' || row from acknowledged"), (records) =>
    records.map(([field]) => (field !== undefined && "stringValue" in field ? field.stringValue : ""))
  ).pipe(Effect.provide(LocalDataApi.layer({ dataDir: folder, snapshot: inject("snapshot") })))

it.live(
  "no second opener gets in beside a writer, and none costs it a row",
  () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const link = `${folder}-link`
      const rows = 2000
      const writing = runWriter({ name: "first", path: folder, rows, rivalPath: link })
      if (!hasNamespaces)
        process.stderr.write("SKIPPED: a second opener in a process namespace (unshare is not allowed)\n")
      const others = Effect.gen(function* () {
        yield* Effect.sleep("1 second")
        const inProcess = yield* runWriter({ name: "second", path: link, rows: 10 })
        const inNamespace = yield* runWriter({ name: "third", path: link, rows: 10, inNamespace: hasNamespaces })
        return [...acknowledged("second", inProcess), ...acknowledged("third", inNamespace)]
      })
      const [lines, byOthers] = yield* Effect.all([writing, others], { concurrency: "unbounded" })
      assert.strictEqual(lines.at(-1), "closed")
      assert.deepStrictEqual([...new Set(lines.filter((line) => line.startsWith("rival")))], ["rival refused"])
      // Whoever came before the first, or after it, got in alone.
      const all = [...acknowledged("first", lines), ...byOthers]
      assert.isAtLeast(all.length, rows)
      assert.sameMembers(yield* stored(folder), all)
    }).pipe(Effect.scoped),
  180_000
)

/** Where a kill hits: while the folder is made or opened, at a row, or while it is closed. */
const randomKill = (kill: number) =>
  Effect.gen(function* () {
    const phase = kill % 4
    if (phase === 0) return { killAfter: yield* Random.nextIntBetween(100, 1500) }
    if (phase === 1) return { killAt: (line: string) => line === "closing" }
    const row = String(yield* Random.nextIntBetween(0, 300))
    return { killAt: (line: string) => line === row }
  })

it.live(
  `${kills} kills of a process that opens, writes and closes cost no acknowledged row`,
  () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const expected: Array<string> = []
      const killed = { opening: 0, writing: 0, closing: 0, never: 0 }
      for (let kill = 0; kill < kills; kill++) {
        const name = `writer${kill}`
        const path = kill % 2 === 0 ? folder : `${folder}-link`
        const lines = yield* runWriter({ name, path, rows: 300, ...(yield* randomKill(kill)) })
        const last = lines.at(-1)
        assert.notMatch(last ?? "", /^refused/, "nothing of the one before keeps the next one out")
        expected.push(...acknowledged(name, lines))
        if (last === "closed") killed.never++
        else if (last === "closing") killed.closing++
        else if (last === undefined) killed.opening++
        else killed.writing++
      }
      process.stderr.write(`${kills} kills: ${JSON.stringify(killed)}, ${expected.length} acknowledged rows\n`)
      const found = new Set(yield* stored(folder))
      assert.deepStrictEqual(
        expected.filter((row) => !found.has(row)),
        []
      )
      // A row whose acknowledgement the kill cut off may be there: one a writer at most.
      assert.isAtMost(found.size - expected.length, kills)
    }).pipe(Effect.scoped),
  isLong ? 2_400_000 : 300_000
)
