/** The code in the documentation: all of it compiles, and what stands in README and docs runs. */
import { cpSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { NodeServices } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { afterAll, vi } from "vitest"
import * as Failures from "../../src/data-api/DataApiError.ts"
import { DbLayer, Reset } from "../../src/index.ts"
import { blocksOf, problemsIn, sources, writeBlocks } from "./CodeBlocks.ts"
import { guides, read } from "./Documents.ts"

const blocks = [...guides(), ...sources()].flatMap(blocksOf)
const { files, folder } = writeBlocks(blocks)
// observability.test.ts runs the block that needs a collector.
const runs = (origin: string) => origin.includes(".md:") && !origin.startsWith("docs/observability.md")
const runnable = blocks.flatMap(({ origin }, index) => (runs(origin) ? [files[index] ?? ""] : []))

afterAll(() => rmSync(folder, { recursive: true }))

it("every code block of the documentation and of the docstrings compiles in strict mode", () => {
  assert.isAbove(blocks.length, 40)
  assert.deepStrictEqual(problemsIn(folder), [])
})

const database = join(folder, "database")
const prepared = Reset.reset({ withTestData: true }).pipe(
  Effect.provide(Layer.merge(DbLayer.layerEmbedded({ directory: database }), NodeServices.layer))
)

it("every code block of the documents runs on the embedded database with the test user", async () => {
  await Effect.runPromise(prepared)
  assert.isAtLeast(runnable.length, 8)
  vi.spyOn(console, "log").mockReturnValue()
  vi.stubEnv("ALEX_DB_BACKEND", "embedded")
  for (const file of runnable) {
    const copy = `${file}.database`
    cpSync(database, copy, { recursive: true })
    vi.stubEnv("ALEX_DB_DIR", copy)
    await import(file)
  }
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
}, 240_000)

it("docs/troubleshooting.md explains every problem that `alex-db check` names, and every failure of the Data API", () => {
  const text = read("docs/troubleshooting.md")
  const advice = ["Advice", "DataApiAdvice", "SqlStateAdvice"]
    .map((name) =>
      readFileSync(fileURLToPath(new URL(`../../src/operations/database/${name}.ts`, import.meta.url)), "utf8")
    )
    .join("\n")
  const problems = [...advice.matchAll(/\bproblem(?::| =) (?:"([^"]+)"|`([^`]+)`)/g)].map((match) =>
    (match[1] ?? match[2] ?? "").replaceAll(/ ?\$\{[^}]*\}/g, " …")
  )
  assert.isAbove(problems.length, 20)
  assert.deepStrictEqual(
    problems.filter((problem) => !text.includes(problem)),
    []
  )
  const tags = Object.entries(Failures).flatMap(([name, value]) =>
    name !== "DataApiError" && typeof value === "function" && "identifier" in value ? [value.identifier] : []
  )
  assert.isAbove(tags.length, 20)
  assert.deepStrictEqual(
    tags.filter((tag) => !text.includes(`| \`${tag}\` |`)),
    []
  )
})
