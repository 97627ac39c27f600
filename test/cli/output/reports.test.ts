/** What commands print with `--json`, whether they succeed or not, is one document that its schema describes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Exit, Layer } from "effect"
import { TestConsole } from "effect/testing"
import { reportSchemas, type reports } from "../../../src/cli/output/reports.ts"
import { run } from "../../../src/cli/run.ts"

class Folder extends Context.Service<Folder, string>()("test/cli/reports/Folder") {
  static readonly layer = Layer.effect(
    Folder,
    Effect.acquireRelease(
      Effect.sync(() => {
        const folder = mkdtempSync(join(tmpdir(), "alex-reports-"))
        for (const name of ["empty.env", "bad.json"]) writeFileSync(join(folder, name), "")
        return folder
      }),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )
  )
}

type Json = ReturnType<typeof JSON.parse>

/** What of a value a schema does not allow; of JSON Schema as much as the reports' schemas use, and no keyword more. */
const violations = (schema: Json, value: Json, root: Json, at = "$"): ReadonlyArray<string> => {
  const known = ["$schema", "$defs", "$ref", "type", "properties", "required", "additionalProperties", "items", "anyOf"]
  const further = ["enum", "description", "minimum", "maximum", "title", "format", "allOf", "pattern", "const"]
  for (const keyword of Object.keys(schema)) assert.include([...known, ...further], keyword, `a keyword at ${at}`)
  if (schema.$ref !== undefined) return violations(root.$defs[schema.$ref.split("/").at(-1)], value, root, at)
  if (schema.anyOf !== undefined) {
    const all = schema.anyOf.map((one: Json) => violations(one, value, root, at))
    return all.some((one: ReadonlyArray<string>) => one.length === 0) ? [] : all[0]
  }
  const types: Readonly<Record<string, boolean>> = {
    null: value === null,
    boolean: typeof value === "boolean",
    string: typeof value === "string",
    number: typeof value === "number",
    integer: Number.isInteger(value),
    array: Array.isArray(value),
    object: typeof value === "object" && value !== null && !Array.isArray(value)
  }
  if (schema.type !== undefined && types[schema.type] !== true) return [`${at}: expected ${schema.type}`]
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${at}: expected one of ${schema.enum}`]
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => violations(schema.items ?? {}, item, root, `${at}[${index}]`))
  }
  if (types["object"] !== true || schema.properties === undefined) return []
  return [
    ...(schema.required ?? []).filter((name: string) => !(name in value)).map((name: string) => `${at}: no ${name}`),
    ...Object.entries(value).flatMap(([name, member]) =>
      schema.properties[name] === undefined
        ? [`${at}: ${name} is not in the schema`]
        : violations(schema.properties[name], member, root, `${at}.${name}`)
    )
  ]
}

const alexDb = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  variables: Readonly<Record<string, string>> = {}
) {
  const folder = yield* Folder
  const before = (yield* TestConsole.logLines).length
  const environment = { ALEX_DB_DIR: join(folder, "db"), ...variables }
  const exit = yield* run([...args, "--json", "--dotenv", join(folder, "empty.env")]).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(environment)),
    Effect.exit
  )
  const out = (yield* TestConsole.logLines).slice(before).map(String)
  assert.lengthOf(out, 1, `${args.join(" ")}: one document`)
  const failure = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
  return { code: failure?._tag === "Fail" ? failure.error.code : 0, document: JSON.parse(out[0] ?? "") }
})

const schemas: Json = reportSchemas()

const isDescribed = (report: keyof typeof reports, document: Json) =>
  assert.deepStrictEqual(violations(schemas[report], document, schemas[report]), [], report)

const nobody = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" }
const deaf = {
  AURORA_CLUSTER_ARN: "arn:aws:rds:us-east-1:123456789012:cluster:alex",
  AURORA_SECRET_ARN: "arn:aws:secretsmanager:us-east-1:123456789012:secret:alex-a1b2c3",
  AWS_ENDPOINT_URL_RDS_DATA: "http://127.0.0.1:1",
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local"
}

// Commands wait for real time.
layer(Layer.merge(Folder.layer, TestConsole.layer), { timeout: "120 seconds", excludeTestServices: true })(
  "a report with --json",
  (it) => {
    it.effect(
      "of every command that succeeds, or finds a problem, is as its schema says",
      () =>
        Effect.gen(function* () {
          const steps: ReadonlyArray<readonly [keyof typeof reports, ReadonlyArray<string>, number]> = [
            ["check", ["check"], 3],
            ["migrate status", ["migrate", "status"], 3],
            ["migrate plan", ["migrate", "plan", "--try"], 0],
            ["verify", ["verify"], 3],
            ["migrate", ["migrate"], 0],
            ["migrate status", ["migrate", "status"], 0],
            ["migrate plan", ["migrate", "plan"], 0],
            ["seed", ["seed", "--dry-run"], 0],
            ["seed", ["seed"], 0],
            ["up", ["up"], 0],
            ["reset --dry-run", ["reset", "--dry-run"], 0],
            ["reset", ["reset", "--with-test-data", "--users", "2"], 0],
            ["check", ["check"], 0],
            ["verify", ["verify", "--skip-drift"], 0],
            ["version", ["version"], 0]
          ]
          for (const [report, args, code] of steps) {
            const done = yield* alexDb(args)
            assert.strictEqual(done.code, code, args.join(" "))
            isDescribed(report, done.document)
          }
        }),
      120_000
    )

    it.effect("that can't be reached is as its schema says: check", () =>
      Effect.gen(function* () {
        for (const variables of [nobody, { ALEX_DB_DIR: "/dev/null/db" }]) {
          const { code, document } = yield* alexDb(["check"], variables)
          assert.strictEqual(code, 3)
          isDescribed("check", document)
        }
      })
    )

    it.effect(
      "is a document with code, problem and fix under every failure of every command",
      () =>
        Effect.gen(function* () {
          const database = [["migrate"], ["migrate", "status"], ["migrate", "plan"], ["seed"], ["verify"], ["up"]]
          const failures: ReadonlyArray<
            readonly [ReadonlyArray<string>, Readonly<Record<string, string>>, number, string]
          > = [
            ...database.flatMap((args) => [
              [args, nobody, 1, "network"] as const,
              [args, { ALEX_DB_DIR: "/dev/null/db" }, 1, "folder"] as const,
              [args, { ALEX_DB_BACKEND: "mysql" }, 1, "configuration"] as const,
              [args, { ALEX_DB_BACKEND: "postgres" }, 1, "configuration"] as const,
              [args, { AURORA_CLUSTER_ARN: "arn" }, 1, "configuration"] as const,
              [[...args, "--sideways"], {}, 2, "usage"] as const,
              [[...args, "--backend", "mysql"], {}, 2, "usage"] as const,
              [[...args, "extra"], {}, 2, "usage"] as const
            ]),
            [["seed", "--file", join(yield* Folder, "none.json")], {}, 1, ""],
            [["seed", "--file", join(yield* Folder, "bad.json")], {}, 1, ""],
            [["verify", "--html", "/nowhere/at/all.html"], {}, 1, "file"],
            [["up"], { DATABASE_URL: "postgres://db.invalid/production" }, 1, "not-local"],
            [["reset"], { DATABASE_URL: "postgres://db.invalid/production" }, 1, ""],
            [["serve", "--engine", "postgres", "--memory"], {}, 1, ""],
            [["serve", "--port", "99999"], {}, 2, "usage"],
            [["serve", "--clusters", "none.json"], {}, 1, ""],
            [["mcp"], {}, 2, "usage"],
            [["schema", "none"], {}, 2, "usage"],
            [["help", "none"], {}, 2, "usage"],
            [["nonsense"], {}, 2, "usage"],
            [["migrate", "--to", "x"], {}, 2, "usage"]
          ]
          assert.isAbove(failures.length, 60)
          const withoutFix: Array<string> = []
          for (const [args, variables, code, named] of failures) {
            const what = `${args.join(" ")} ${JSON.stringify(variables)}`
            const failed = yield* alexDb(args, variables)
            isDescribed("failure", failed.document)
            assert.strictEqual(failed.code, code, `${what}: ${JSON.stringify(failed.document)}`)
            if (named !== "") assert.strictEqual(failed.document.code, named, what)
            if (failed.document.fix === null) withoutFix.push(`${args[0]}: ${failed.document.problem}`)
          }
          process.stderr.write(`${failures.length} failures, without a fix of their own: ${withoutFix.length}\n`)
        }),
      120_000
    )

    it.effect("under a Data API that does not answer is a document too", () =>
      Effect.gen(function* () {
        const { document } = yield* alexDb(["verify"], { ...deaf, AURORA_CLUSTER_ARN: "arn:aws:rds:x" })
        isDescribed("failure", document)
      }).pipe(Effect.timeout("30 seconds"))
    )
  }
)
