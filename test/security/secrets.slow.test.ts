import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { BigDecimal, ConfigProvider, Effect, Exit, Layer, Redacted, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { TestConsole } from "effect/testing"
import { afterAll, beforeAll } from "vitest"
import { run } from "../../src/cli/run.ts"
import * as AwsDataApi from "../../src/data-api/aws/AwsDataApi.ts"
import * as HttpDataApi from "../../src/data-api/aws/HttpDataApi.ts"
import { DataApiClient } from "../../src/data-api/client/DataApiClient.ts"
import * as RetryPolicy from "../../src/data-api/RetryPolicy.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { ClerkUserId } from "../../src/domain/index.ts"
import { Fault } from "../../src/local/faults/FaultPlan.ts"
import { Faults } from "../../src/local/faults/Faults.ts"
import { defaultTarget } from "../../src/local/http/Clusters.ts"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import * as Repositories from "../../src/repository/index.ts"
import { Accounts, Jobs, Users } from "../../src/repository/index.ts"
import { migrate } from "../repository/TestRepositories.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { marked, Witness, witnessed } from "./Witness.ts"

const target = defaultTarget("us-east-1")
const secretArn = `${target.secretArn}-${marked("arn")}`.slice(0, 100)
const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: Redacted.make(marked("key")),
  sessionToken: Redacted.make(marked("token"))
}

const served = HttpServer.layer({ port: 0 }).pipe(
  Layer.provideMerge(Faults.layer()),
  // A transaction whose begin was not answered holds the one connection for as long.
  Layer.provideMerge(
    Layer.effectDiscard(migrate()).pipe(
      Layer.provide(DataApiSql.layer()),
      Layer.provideMerge(TestDatabase.layer({ limits: { transactionIdle: "100 millis" } }))
    )
  )
)

/** The repositories over HTTP with secrets in every place that takes one. */
const stack = (transport: "sdk" | "http") => {
  const dataApi = Layer.unwrap(
    Effect.map(HttpServer, ({ url }) => {
      const cluster = {
        clusterArn: target.resourceArn,
        secretArn: Redacted.make(secretArn),
        database: "alex",
        endpoint: url
      }
      return transport === "http"
        ? HttpDataApi.layer({ ...cluster, credentials: Effect.succeed(credentials) })
        : AwsDataApi.layer({
            ...cluster,
            region: "us-east-1",
            client: {
              credentials: {
                accessKeyId: credentials.accessKeyId,
                secretAccessKey: Redacted.value(credentials.secretAccessKey),
                sessionToken: Redacted.value(credentials.sessionToken)
              }
            }
          })
    })
  )
  const hasty = { budget: "3 millis", connectBudget: "3 millis", attempts: 1, firstDelay: "1 millis" } as const
  return Layer.merge(Repositories.layer, DataApiClient.layerNoDeps).pipe(
    Layer.provideMerge(DataApiSql.layer()),
    Layer.provide(RetryPolicy.layer(hasty)),
    Layer.provide(dataApi)
  )
}

/** Work with confidential values, much of which the database refuses. */
const work = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const client = yield* DataApiClient
  const users = yield* Users
  const accounts = yield* Accounts
  const jobs = yield* Jobs
  const value = marked("value")
  const id = ClerkUserId.make("someone")
  const tooLong = value.repeat(20)
  return {
    insert: Effect.asVoid(sql`INSERT INTO users (clerk_user_id, display_name) VALUES ('known', ${value})`),
    "unique violation": Effect.asVoid(
      sql`INSERT INTO users ${sql.insert([{ clerk_user_id: value }, { clerk_user_id: value }])}`
    ),
    "check violation": Effect.asVoid(sql`UPDATE users SET asset_class_targets = ${{ [value]: 1 }} WHERE true`),
    "null violation": Effect.asVoid(
      sql`INSERT INTO accounts (clerk_user_id, account_name, account_purpose) VALUES ('nobody', NULL, ${value})`
    ),
    "foreign key": Effect.asVoid(sql`INSERT INTO accounts (clerk_user_id, account_name) VALUES (${value}, 'a')`),
    "too long": Effect.asVoid(sql`INSERT INTO users (clerk_user_id) VALUES (${tooLong})`),
    "division by zero": Effect.asVoid(sql`SELECT 1 / length(${value}) - 1 / (length(${value}) - length(${value}))`),
    "no such column": Effect.asVoid(sql`SELECT nothing FROM users WHERE clerk_user_id = ${value}`),
    "not to be sent": Effect.asVoid(sql`SELECT ${`${value}\u0000`}`),
    "too large": Effect.asVoid(sql`SELECT ${value.repeat(300_000)}`),
    transaction: sql.withTransaction(
      Effect.andThen(
        sql`INSERT INTO users (clerk_user_id, display_name) VALUES ('in transaction', ${value})`,
        Effect.ignore(sql`SELECT length(${value}) / 0`)
      )
    ),
    stream: Stream.runDrain(sql`SELECT ${value} AS v FROM generate_series(1, 10)`.stream),
    query: Effect.asVoid(client.query("SELECT :v AS v FROM nothing", { v: value })),
    batch: client.batch("INSERT INTO users (clerk_user_id, display_name) VALUES (:id, :name)", [
      { id: "twice", name: value },
      { id: "twice", name: value }
    ]),
    "bulk insert": Effect.asVoid(client.insert("users", [{ clerk_user_id: value }, { clerk_user_id: value }])),
    "bulk update": Effect.asVoid(
      client.update("users", { display_name: tooLong }, { where: { clerk_user_id: value } })
    ),
    delete: Effect.asVoid(client.delete("users", { where: { [`no column`]: value } })),
    "create a user": Effect.asVoid(users.create({ clerk_user_id: id, display_name: value })),
    "an invalid name": Effect.asVoid(users.update(id, { display_name: tooLong })),
    "an invalid number": Effect.asVoid(
      accounts.create({
        clerk_user_id: id,
        account_name: value,
        cash_balance: BigDecimal.fromStringUnsafe("-1")
      })
    ),
    "a job": Effect.flatMap(
      jobs.create({ clerk_user_id: id, job_type: "risk_assessment", request_payload: { [value]: value } }),
      (job) => Effect.asVoid(jobs.fail(job.id, value))
    )
  }
})

const inTransaction = new Set(["transaction", "stream", "batch"])

layer(served, { timeout: "60 seconds", excludeTestServices: true })("secrets and confidential values", (it) => {
  for (const transport of ["sdk", "http"] as const) {
    it.effect(
      `nothing of them is let out over ${transport}, whichever failure there is`,
      () =>
        Effect.gen(function* () {
          const faults = yield* Faults
          const witness = new Witness()
          let failures = 0
          yield* Effect.gen(function* () {
            const attempts: ReadonlyArray<readonly [string, Effect.Effect<void, unknown>]> = Object.entries(yield* work)
            // The SDK's part is in how failures are read: a third of them covers every way in which an answer fails.
            const faulty = transport === "http" ? Fault.literals : Fault.literals.filter((_, nth) => nth % 3 === 1)
            for (const fault of [undefined, ...faulty]) {
              for (const [what, attempt] of attempts) {
                // The second call is within the transaction, where there is one.
                for (const call of inTransaction.has(what) ? [1, 2] : [1]) {
                  const schedule = fault === undefined ? [] : [0, 1, 2].map((n) => ({ call: call + n, fault }))
                  yield* faults.set({ schedule })
                  const exit = yield* witnessed(witness, `${what}, ${fault}`, attempt)
                  if (Exit.isFailure(exit)) failures++
                }
              }
            }
            yield* faults.set({})
          }).pipe(Effect.provide(stack(transport)))
          process.stdout.write(`${transport}: ${failures} failures, ${witness.seen.length} texts looked through\n`)
          assert.deepStrictEqual(witness.hits(), [])
          assert.isAbove(failures, 100)
        }),
      120_000
    )
  }

  it.effect(
    "nothing of them is printed by any command, whether it succeeds or not",
    () =>
      Effect.gen(function* () {
        const { url } = yield* HttpServer
        const folder = yield* Effect.acquireRelease(
          Effect.promise(() => mkdtemp(join(tmpdir(), "alex-secrets-"))),
          (path) => Effect.promise(() => rm(path, { recursive: true }))
        )
        const file = (name: string, text: string) =>
          Effect.as(
            Effect.promise(() => writeFile(join(folder, name), text)),
            join(folder, name)
          )
        const dotenv = yield* file("env", `AURORA_SECRET_ARN=${secretArn}\nAWS_SECRET_ACCESS_KEY=${marked("key")}\n`)
        const badSeeds = yield* file(
          "seeds.json",
          JSON.stringify([{ symbol: "OK", name: "x", instrument_type: "etf" }])
        )
        const aurora = {
          AURORA_CLUSTER_ARN: target.resourceArn,
          AURORA_SECRET_ARN: secretArn,
          AURORA_DATABASE: "alex",
          DEFAULT_AWS_REGION: "us-east-1",
          AWS_ENDPOINT_URL_RDS_DATA: url
        }
        const environments: Readonly<Record<string, Record<string, string>>> = {
          served: aurora,
          "an endpoint with a password": {
            ...aurora,
            AWS_ENDPOINT_URL_RDS_DATA: url.replace("//", `//someone:${marked("password")}@`)
          },
          "a deaf endpoint with a password": {
            ...aurora,
            AWS_ENDPOINT_URL_RDS_DATA: `http://someone:${marked("password")}@127.0.0.1:1`
          },
          "wrong cluster": { ...aurora, AURORA_CLUSTER_ARN: "arn:aws:rds:us-east-1:1:cluster:x" },
          "wrong database": { ...aurora, AURORA_DATABASE: "nothing" },
          "no secret": { ...aurora, AURORA_SECRET_ARN: "" },
          "refused connection": { DATABASE_URL: `postgres://someone:${marked("password")}@127.0.0.1:1/alex` },
          "a URL that is none": { DATABASE_URL: `postgres://someone:${marked("password")}@:bad:port` },
          "a folder that is none": { ALEX_DB_DIR: "/dev/null/nowhere", AURORA_SECRET_ARN: secretArn }
        }
        const commands = [
          ["check"],
          ["migrate", "status"],
          ["migrate", "plan"],
          ["migrate"],
          ["seed", "--dry-run"],
          ["verify"],
          ["reset", "--skip-drop"],
          ["mcp", "--user", "someone"],
          ["up"],
          ["schema", "portfolio-analysis"],
          ["serve", "--port", "99999", "--secret-key", marked("key")],
          [
            "serve",
            "--database-url",
            `postgres://x:${marked("password")}@127.0.0.1:1/x`,
            "--secret-key",
            marked("key")
          ],
          ["check", "--dotenv", dotenv],
          ["seed", badSeeds],
          ["nonsense", "--dotenv", dotenv]
        ]
        const witness = new Witness()
        const ran: Array<string> = []
        const runOne = Effect.fnUntraced(function* (
          name: string,
          args: ReadonlyArray<string>,
          variables: Readonly<Record<string, string>>
        ) {
          const exit = yield* witnessed(
            witness,
            `${name}: ${args[0]}`,
            Effect.gen(function* () {
              const exit = yield* Effect.exit(run(args))
              witness.note(`${name}: ${args[0]} printed`, (yield* TestConsole.logLines).map(String).join("\n"))
              witness.note(`${name}: ${args[0]} said`, (yield* TestConsole.errorLines).map(String).join("\n"))
              return yield* exit
            }).pipe(
              Effect.provide(TestConsole.layer),
              Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(variables)),
              Effect.timeout("5 seconds")
            )
          )
          ran.push(`${name}: ${args.join(" ")} ${exit._tag}`)
        })
        const waiting: Array<ReturnType<typeof runOne>> = []
        for (const [name, variables] of Object.entries(environments)) {
          for (const command of commands) {
            // These two wait for their input's or their own end where the database is there.
            if (/served|an endpoint/.test(name) && (command[0] === "mcp" || command[0] === "up")) continue
            if (name !== "served" && command[0] === "serve") continue
            for (const args of [command, [...command, "--json"]]) {
              const one = runOne(name, args, variables)
              // It waits for its input until it is stopped.
              if (command[0] === "mcp") waiting.push(one)
              else yield* one
            }
          }
        }
        // More at a time would have Node warn of too many listeners on the one input.
        yield* Effect.all(waiting, { concurrency: 4 })
        const failed = ran.filter((line) => line.endsWith("Failure")).length
        process.stdout.write(`${ran.length} commands, ${failed} of them failed, ${witness.seen.length} texts\n`)
        assert.deepStrictEqual(witness.hits(), [])
        assert.isAbove(failed, 20)
        assert.isAbove(ran.length - failed, 10)
      }),
    120_000
  )
})

const variables = {
  AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
  AWS_SECRET_ACCESS_KEY: marked("key"),
  AWS_SESSION_TOKEN: marked("token")
}
let before: NodeJS.ProcessEnv = {}

beforeAll(() => {
  before = { ...process.env }
  Object.assign(process.env, variables)
})

afterAll(() => {
  for (const name of Object.keys(process.env)) if (before[name] === undefined) delete process.env[name]
  Object.assign(process.env, before)
})
