/** Every failure that a command can end with says what is wrong and what to do next, and the guide lists it. */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { SqlError } from "effect/sql"
import { failureOf, lineOf } from "../../../src/cli/failure.ts"
import { Refused } from "../../../src/cli/Outcome.ts"
import { failures } from "../../../src/data-api/FailureTable.ts"
import { BackupRefused } from "../../../src/operations/backup/Backup.ts"
import { adviceOn } from "../../../src/operations/database/Advice.ts"
import { operationAdvice } from "../../../src/operations/database/OperationAdvice.ts"
import { MigrationFailed } from "../../../src/operations/migrate/MigrationErrors.ts"

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

const sources = (folder: string): ReadonlyArray<string> =>
  readdirSync(at(folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(at(`${folder}/${file}`), "utf8"))

const tagsIn = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.flatMap((text) =>
    [...text.matchAll(/extends (?:Schema|Data)\.TaggedError[^"]*"(\w+)"/g)].map(([, tag]) => tag ?? "")
  )

/** Carry something through the code of one module, or are told by `run` itself. */
const internal = ["Rehearsed", "RowTooLong", "StillBroken", "Exit", "WrongUsage", "Refused", "NotText"]

const advised = ["ConfigurationError", "LocalDataApiError", "NotAlexs"]

const refused = (cause: unknown) =>
  new SqlError.SqlError({ reason: new SqlError.UnknownError({ cause, message: "m" }) })

/** The SQLSTATEs that an operator meets, with words of the problem and of the next step. */
const states: Readonly<Record<string, readonly [problem: RegExp, fix: RegExp]>> = {
  "08006": [/refused: the words \(SQLSTATE 08006\)/, /alex-db check/],
  "22P02": [/SQLSTATE 22P02/, /alex-db verify/],
  "23505": [/SQLSTATE 23505/, /alex-db verify --validate/],
  "25006": [/takes no writes: this is a replica or a reader/, /writer's address/],
  "25P02": [/SQLSTATE 25P02/, /again/],
  "28000": [/refused the user: the words/, /CREATE ROLE/],
  "28P01": [/user or the password/, /DATABASE_URL/],
  "3D000": [/does not exist/, /DATABASE_URL/],
  "3F000": [/search path names no schema/, /search_path/],
  "40001": [/blocked each other/, /Try again/],
  "42501": [/lacks a privilege: the words/, /Grant it/],
  "42601": [/SQLSTATE 42601/, /alex-db doctor/],
  "42703": [/differs from the migrations: the words/, /alex-db migrate/],
  "42883": [/function is missing: the words/, /alex-db migrate/],
  "42P01": [/has not been migrated/, /alex-db migrate/],
  "53100": [/disk is full/, /Free space/],
  "53200": [/too little memory/, /fewer rows/],
  "53300": [/no free connection: the words/, /close idle clients/],
  "55P03": [/holds a lock/, /pg_locks/],
  "57014": [/was cancelled/, /statement_timeout/],
  "57P01": [/shut down or restarted/, /Try again/],
  "57P03": [/starting up/, /Wait/],
  "58030": [/SQLSTATE 58030/, /alex-db doctor/],
  P0001: [/function or a trigger of the database refused it: the words/, /who wrote it/],
  XX000: [/SQLSTATE XX000/, /alex-db doctor/]
}

/** What the driver of PostgreSQL's protocol says, and what it is. */
const protocol: Readonly<Record<string, string>> = {
  "Message length 1414811695 exceeds maxMessageSize 16777216": "not-postgres",
  "Message length 1397239090 exceeds maxMessageSize 16777216": "not-postgres",
  "Message length 842014829 exceeds maxMessageSize 16777216": "not-postgres",
  "Message length 50528258 exceeds maxMessageSize 16777216": "not-postgres",
  "Invalid message length: 0": "not-postgres",
  "Message length 20000000 exceeds maxMessageSize 16777216": "too-large",
  "Authentication method 99 is not supported": "authentication",
  "Connection closed unexpectedly": "network",
  "Connection timed out": "network",
  "Connection closed": "closed",
  "The server requested password authentication": "password",
  "The server does not support TLS": "tls"
}

const isTold = (error: unknown, what: string) => {
  const failure = failureOf(error)
  assert.match(failure.code, /^[a-z][a-z-]*$/, what)
  assert.isAbove(failure.problem.length, 5, what)
  assert.match(failure.fix, /^[A-Z]/, `${what}: ${failure.fix}`)
  assert.isAbove(failure.fix.length, 8, what)
  assert.notMatch(failure.fix, /\.$/, what)
  assert.strictEqual(lineOf(failure), `${failure.problem}. ${failure.fix}.`)
  return failure
}

describe("a failure that a command ends with", () => {
  it("has a cause and a next step, whichever class it is of", () => {
    const tags = tagsIn([...sources("src/operations"), ...sources("src/cli"), ...sources("src/gateway")])
    assert.isAbove(tags.length, 15)
    for (const tag of [...new Set([...tags, ...advised])].filter((one) => !internal.includes(one))) {
      const error = Object.assign(new Error("what is wrong"), { _tag: tag })
      assert.notStrictEqual(isTold(error, tag).code, "unknown", `${tag} is missing in OperationAdvice.ts`)
    }
    for (const tag of Object.keys(operationAdvice)) if (tag !== "SchemaError") assert.include(tags, tag)
  })

  it("of PostgreSQL's is told by its SQLSTATE", () => {
    for (const [state, [problem, fix]] of Object.entries(states)) {
      const failure = isTold(refused({ code: state, message: "the words" }), state)
      assert.match(failure.problem, problem, state)
      assert.match(failure.fix, fix, state)
    }
    const dependents = refused({ code: "2BP01", primary: "other objects depend on it", detail: "view v depends on t" })
    assert.include(isTold(dependents, "2BP01").problem, "view v depends on t")
  })

  it("of a migration whose statement is right is not to be mended in the migration", () => {
    const failed = (sqlState: string) =>
      isTold(
        new MigrationFailed({
          migration: "001_words",
          line: 1,
          statement: "create table words ()",
          sqlState,
          reason: "must be owner",
          rolledBack: true
        }),
        sqlState
      )
    for (const [state, fix] of [
      ["42501", /owner of what the message names/],
      ["25001", /a migration of its own, whose first line is -- alex: no transaction/],
      ["2D000", /a migration of its own, whose first line is -- alex: no transaction/],
      ["55P04", /^Move what uses the new value into a migration after this one/],
      ["25006", /writer's address/],
      ["P0001", /who wrote it/],
      ["42601", /^Correct what the message names/]
    ] as const) {
      assert.strictEqual(failed(state).code, "migration-failed")
      assert.match(failed(state).fix, fix)
    }
  })

  it("of a database that is closed to connections names the setting", () => {
    const words = 'database "alex" is not currently accepting connections'
    assert.match(isTold(refused({ code: "55000", message: words }), "55000").fix, /ALLOW_CONNECTIONS/)
    assert.match(isTold(refused({ code: "55000", message: "other words" }), "55000").problem, /SQLSTATE 55000/)
  })

  it("of a server whose rules let nobody in is not told as a wrong password", () => {
    const words = (ending: string) => `pg_hba.conf rejects connection for host "10.0.0.1", user "ann", ${ending}`
    const plain = isTold(refused({ code: "28000", message: words("no encryption") }), "28000")
    assert.deepStrictEqual([plain.code, /sslmode=require/.test(plain.fix)], ["access-rules", true])
    assert.match(isTold(refused({ code: "28000", message: words("SSL encryption") }), "28000").fix, /pg_hba\.conf/)
    assert.strictEqual(
      isTold(refused({ code: "28P01", message: "password authentication failed" }), "28P01").code,
      "password"
    )
  })

  it("of missing credentials does not say that AWS refused them, and an ARN of another thing is told first", () => {
    const missing = refused({
      _tag: "DataApiError",
      reason: { _tag: "Unauthenticated", message: "No AWS credentials: Could not load credentials from any providers" }
    })
    assert.match(adviceOn(missing).problem, /^There are no AWS credentials: Could not load/)
    const database = "alex"
    for (const clusterArn of [
      "alex-aurora-cluster",
      "arn:aws:rds:us-east-1:123456789012:db:alex-1",
      "arn:aws:secretsmanager:us-east-1:123456789012:secret:alex-Ab1"
    ]) {
      assert.strictEqual(
        adviceOn(missing, { clusterArn, region: "us-east-1", database }).code,
        "cluster-arn",
        clusterArn
      )
    }
    const cluster = { clusterArn: "arn:aws:rds:us-east-1:123456789012:cluster:alex", region: "us-east-1", database }
    assert.strictEqual(adviceOn(missing, cluster).code, "credentials")
  })

  it("of the Data API's is told by its tag", () => {
    for (const tag of Object.keys(failures).filter((one) => one !== "DatabaseError")) {
      isTold(refused({ _tag: "DataApiError", reason: { _tag: tag, message: "the message" } }), tag)
    }
  })

  it("of a server that is not PostgreSQL says so", () => {
    for (const [message, code] of Object.entries(protocol)) {
      assert.strictEqual(isTold(refused(new Error(message)), message).code, code, message)
    }
  })

  it("of the command's own, and one that nobody foresaw, has a next step too", () => {
    isTold(new Refused({ code: "file", problem: "It can't be written", fix: "Name another" }), "Refused")
    assert.match(isTold(new Error("strange"), "unknown").fix, /alex-db doctor/)
  })

  it("of a backup that is refused says what to do in its case alone", () => {
    const refusal = new BackupRefused({
      database: "app",
      location: "here",
      problem: "it holds rows",
      fix: "Add --replace"
    })
    const { fix, problem } = isTold(refusal, "BackupRefused")
    assert.deepStrictEqual([problem, fix], ['"app" at here: it holds rows', "Add --replace"])
  })

  it("of an operation stands in the guide with its code and its next step", () => {
    const guide = readFileSync(at("docs/troubleshooting.md"), "utf8")
    const missing = Object.values(operationAdvice).filter(({ code, fix }) => !guide.includes(`| ${code} | ${fix} |`))
    assert.deepStrictEqual(missing, [])
  })
})
