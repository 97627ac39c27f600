/**
 * PostgreSQL's own regression tests by psql: directly, twice, and through the gateway, each in a fresh database.
 *
 * Four of their files are kept here. POSTGRES_REGRESS names the folder `src/test/regress` of PostgreSQL's sources (Debian:
 * `apt-get source postgresql-15`): some files of it are tried then, with ALEX_LONG=1 all. They make roles and tablespaces,
 * so take a server of their own for that.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { describe } from "vitest"
import { Gateway } from "../../../src/gateway/index.ts"
import * as LocalDataApi from "../../../src/local/LocalDataApi.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { causesOf } from "./Causes.ts"
import { added, foundation, printed, schedule, settings, withoutNotes } from "./Regress.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""
const hasPsql = spawnSync("psql", ["--version"]).status === 0
const sources = process.env["POSTGRES_REGRESS"] ?? ""
const hasSources = existsSync(join(sources, "parallel_schedule"))
const long = process.env["ALEX_LONG"] === "1" && hasSources
const kept = join(import.meta.dirname, "../../data-api/statement/regress")
const folder = hasSources ? sources : kept

/** Files that print the same octet for octet. */
const equal = hasSources
  ? `bit boolean case circle date delete int2 int4 int8 macaddr money oid select_having select_implicit text time timestamp
     timetz`.split(/\s+/)
  : ["comments"]
/** Files that print the same but for DETAIL, CONTEXT and notices. */
const equalButForNotes = hasSources
  ? "enum float4 identity inet name numeric strings truncate uuid".split(" ")
  : ["create_procedure", "strings"]

const files = long ? schedule(folder) : [...equal, ...equalButForNotes]
const fileOf = (name: string): string => (hasSources ? join(folder, "sql", `${name}.sql`) : join(kept, `${name}.sql`))

const at = (database: string): string => {
  const url = new URL(serverUrl)
  url.pathname = `/${database}`
  return url.href
}

const onServer = (...statements: ReadonlyArray<string>): string =>
  execFileSync("psql", ["-X", "-q", "-A", "-t", ...statements.flatMap((sql) => ["-c", sql]), serverUrl], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"]
  })

/** A database that is dropped with the scope. */
const database = (template: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const name = `regression_${randomBytes(6).toString("hex")}`
      onServer(`create database ${name} template ${template}`)
      onServer(...settings.map((setting) => `alter database ${name} set ${setting}`))
      return name
    }),
    (name) =>
      Effect.sync(() => {
        onServer(`drop database ${name} with (force)`)
        const roles = onServer("select quote_ident(rolname) from pg_roles where rolname like 'regress\\_%'").split("\n")
        for (const role of roles.filter(Boolean)) spawnSync("psql", ["-X", "-q", "-c", `drop role ${role}`, serverUrl])
      })
  )

interface Outputs {
  readonly name: string
  readonly direct: string
  readonly stable: boolean
  readonly through: string
}

/** What the file prints through a gateway. */
const throughGateway = Effect.fnUntraced(function* (
  name: string,
  template: string,
  workspace: string,
  wholeSession = false
) {
  const one = yield* database(template)
  const { port } = yield* Effect.provide(
    Gateway.make({ port: 0, password: "trust", wholeSession }),
    LocalDataApi.layerPostgres({ url: Redacted.make(at(one)) })
  )
  const url = `postgres://postgres@127.0.0.1:${port}/${one}`
  return yield* Effect.promise(() => printed({ url, file: fileOf(name), folder, workspace }))
}, Effect.scoped)

const outputsOf = Effect.fnUntraced(function* (name: string, template: string, workspace: string) {
  const directly = Effect.scoped(
    Effect.flatMap(database(template), (one) =>
      Effect.promise(() => printed({ url: at(one), file: fileOf(name), folder, workspace }))
    )
  )
  const direct = yield* directly
  const stable = direct === (yield* directly)
  return { name, direct, stable, through: yield* throughGateway(name, template, workspace) } satisfies Outputs
})

/** What became of a file. */
const verdictOn = ({ direct, stable, through }: Outputs): "equal" | "but for notes" | "unstable" | "different" => {
  if (through === direct) return "equal"
  if (!stable) return "unstable"
  return withoutNotes(through) === withoutNotes(direct) ? "but for notes" : "different"
}

const shareOf = (verdicts: ReadonlyArray<string>): string => {
  const count = (wanted: string) => verdicts.filter((verdict) => verdict === wanted).length
  const compared = verdicts.length - count("unstable")
  const notes = count("equal") + count("but for notes")
  return `${count("equal")} of ${compared} files of PostgreSQL's tests print the same, ${notes} but for notes; ${count("unstable")} print something else each time`
}

/** The template of the files' databases, with what they need of each other. */
const template = Effect.fnUntraced(function* (workspace: string) {
  const name = yield* database("template0")
  if (hasSources) {
    for (const file of foundation) {
      yield* Effect.promise(() => printed({ url: at(name), file: fileOf(file), folder, workspace }))
    }
  }
  return name
})

describe.skipIf(TestDatabase.postgresUrl === undefined || !hasPsql)(
  TestDatabase.onPostgres("PostgreSQL's regression tests through the gateway"),
  () => {
    it.live(
      `${long ? "all files" : `${files.length} files`} print what they print directly${hasSources ? "" : " (the others are SKIPPED: POSTGRES_REGRESS is not set)"}`,
      () =>
        Effect.gen(function* () {
          const workspace = yield* Effect.acquireRelease(
            Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-regress-"))),
            (made) => Effect.sync(() => rmSync(made, { recursive: true }))
          )
          mkdirSync(join(workspace, "results"))
          for (const one of [workspace, join(workspace, "results")]) chmodSync(one, 0o777)
          const from = yield* template(workspace)
          const verdicts = new Map<string, string>()
          for (const name of files) {
            const outputs = yield* outputsOf(name, from, workspace)
            const verdict = verdictOn(outputs)
            verdicts.set(name, verdict)
            if (verdict !== "different") continue
            const [direct, ours] = [withoutNotes(outputs.direct), withoutNotes(outputs.through)]
            const [more, less] = [added(direct, ours), added(ours, direct)]
            const through = yield* throughGateway(name, from, workspace, true)
            const whole = verdictOn({ ...outputs, through })
            const why = causesOf(more, less).join("; ")
            process.stdout.write(`| \`${name}\` | +${more.length} -${less.length} | ${whole} | ${why} |\n`)
          }
          process.stdout.write(`${shareOf([...verdicts.values()])}\n`)
          const expected = [...equal, ...equalButForNotes].filter((name) => verdicts.get(name) !== "unstable")
          assert.deepStrictEqual(
            expected.map((name) => [name, verdicts.get(name)]),
            expected.map((name) => [name, equal.includes(name) ? "equal" : "but for notes"])
          )
        }).pipe(Effect.scoped),
      long ? 4 * 3_600_000 : 600_000
    )
  }
)
