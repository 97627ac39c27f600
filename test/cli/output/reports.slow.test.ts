/** What commands print with `--json`, whether they succeed or not, is one document that its schema describes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Exit, Layer, Predicate } from "effect"
import { TestConsole } from "effect/testing"
import { reportSchemas, type reports } from "../../../src/cli/output/reports.ts"
import { run } from "../../../src/cli/run.ts"
import { type Json, violations } from "./JsonSchemaSubset.ts"

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
            ["doctor", ["doctor"], 3],
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
            ["doctor", ["doctor"], 0],
            ["repair", ["repair", "--dry-run"], 0],
            ["repair", ["repair", "--yes"], 0],
            ["repair", ["repair"], 0],
            ["migrate new", ["migrate", "new", "x", "--folder", join(yield* Folder, "own")], 0],
            ["migrate mark", ["migrate", "mark", "001_x", "--folder", join(yield* Folder, "own")], 0],
            ["version", ["version"], 0]
          ]
          for (const [report, args, code] of steps) {
            const done = yield* alexDb(args)
            assert.strictEqual(done.code, code, args.join(" "))
            isDescribed(report, done.document)
            if (Predicate.hasProperty(done.document, "dryRun"))
              assert.strictEqual(done.document.dryRun, args.includes("--dry-run"), args.join(" "))
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
          const database = [
            ["migrate"],
            ["migrate", "status"],
            ["migrate", "plan"],
            ["migrate", "baseline"],
            ["seed"],
            ["verify"],
            ["repair"],
            ["jobs", "list"],
            ["up"]
          ]
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
            [["migrate", "--to", "x"], {}, 2, "usage"],
            [["migrate", "--wait", "soon"], {}, 2, "usage"],
            [["migrate", "--folder", "/nowhere/at/all"], {}, 1, "migrations"],
            [["migrate", "--folder", import.meta.filename], {}, 1, "migrations"],
            [["migrate", "new", "x", "--folder", "/dev/null/own"], {}, 2, "usage"],
            [["migrate", "--folder", ""], {}, 2, "usage"],
            [["migrate", "new", "x", "--folder="], {}, 2, "usage"],
            [["serve", "--port", "0", "--host", ""], {}, 2, "usage"],
            [["serve", "--port", "0", "--data-dir", ""], {}, 2, "usage"],
            [["migrate", "mark", "none"], {}, 1, "migration-refused"],
            [["verify", "--ignore", "nonsense"], {}, 2, "usage"],
            [["repair", "--ignore", "sort:x"], {}, 2, "usage"]
          ]
          assert.isAbove(failures.length, 80)
          for (const [args, variables, code, named] of failures) {
            const what = `${args.join(" ")} ${JSON.stringify(variables)}`
            const failed = yield* alexDb(args, variables)
            isDescribed("failure", failed.document)
            assert.strictEqual(failed.code, code, `${what}: ${JSON.stringify(failed.document)}`)
            if (named !== "") assert.strictEqual(failed.document.code, named, what)
            assert.notMatch(JSON.stringify(failed.document), /FileSystem|BadResource|NotFound:/, what)
          }
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
