/**
 * What runs in every runtime: the contract of the repositories for services, and whether what failed had run, over HTTP to
 * a server in another process. Nothing here is Node's.
 */
import { Cause, Effect, Exit, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import type { DataApi } from "../../src/data-api/DataApi.ts"
import { DataApiError } from "../../src/data-api/DataApiError.ts"
import * as RetryPolicy from "../../src/data-api/RetryPolicy.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import * as Repository from "../../src/repository/index.ts"
import { serviceContract } from "../contract/serviceContract.ts"

/** Where the servers are. */
export interface Places {
  /** The local Data API, on a migrated database. */
  readonly url: string
  /** Reads a request and closes the connection. */
  readonly lossy: string
  /** Answers with a page of HTML. */
  readonly page: string
  /** Nobody listens there. */
  readonly closed: string
}

/** The transport that is tried. */
export interface HttpDataApi {
  readonly layer: (config: {
    readonly clusterArn: string
    readonly secretArn: Redacted.Redacted
    readonly database: string
    readonly endpoint: string
    readonly credentials: Effect.Effect<{ readonly accessKeyId: string; readonly secretAccessKey: Redacted.Redacted }>
  }) => Layer.Layer<DataApi>
}

export interface Report {
  readonly passed: ReadonlyArray<string>
  readonly failed: ReadonlyArray<string>
}

/** The example of the AWS documentation, by which the server checks the signatures. */
export const secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

const apiAt = ({ layer }: HttpDataApi, endpoint: string) =>
  layer({
    clusterArn: "arn:aws:rds:us-east-1:123456789012:cluster:alex",
    secretArn: Redacted.make("arn:aws:secretsmanager:us-east-1:123456789012:secret:alex-AbCdEf"),
    database: "alex",
    endpoint,
    credentials: Effect.succeed({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: Redacted.make(secretKey) })
  })

const patience = { budget: "1 second", connectBudget: "100 millis", attempts: 0 } as const

/** What an INSERT comes to that goes wrong on its way: the failure, and whether it ran. */
const fate = (http: HttpDataApi, endpoint: string) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into users (clerk_user_id) values ('lost')`).pipe(
    Effect.provide(
      DataApiSql.layer().pipe(Layer.provide(RetryPolicy.layer(patience)), Layer.provide(apiAt(http, endpoint)))
    ),
    Effect.exit,
    Effect.map((exit) => {
      if (Exit.isSuccess(exit)) return "success"
      const error = Exit.findErrorOption(exit)
      const cause = error._tag === "Some" ? error.value.reason.cause : undefined
      return cause instanceof DataApiError ? `${cause.reason._tag}, ran: ${cause.didRun}` : Cause.pretty(exit.cause)
    })
  )

/** Which fates are right; where a runtime does not say that nothing was sent, that nobody knows is right too. */
const fates: ReadonlyArray<readonly [keyof Places, ReadonlyArray<string>]> = [
  ["lossy", ["OutcomeUnknown, ran: unknown"]],
  ["page", ["OutcomeUnknown, ran: unknown"]],
  ["closed", ["ConnectFailed, ran: no", "OutcomeUnknown, ran: unknown"]]
]

/** Runs everything, one after the other. */
export const run = async (http: HttpDataApi, places: Places): Promise<Report> => {
  const passed: Array<string> = []
  const failed: Array<string> = []
  const note = (name: string, problem: string | undefined) =>
    problem === undefined ? passed.push(name) : failed.push(`${name}: ${problem}`)

  const services = Repository.layer.pipe(
    Layer.provideMerge(DataApiSql.layer()),
    Layer.provide(RetryPolicy.layer()),
    Layer.provide(apiAt(http, places.url))
  )
  const tests: Array<
    readonly [string, () => ReturnType<Parameters<Parameters<typeof serviceContract>[0]["effect"]>[1]>]
  > = []
  serviceContract({ effect: (name, test) => tests.push([name, test]) })
  await Effect.gen(function* () {
    for (const [name, test] of tests) {
      const exit = yield* Effect.exit(Effect.scoped(test()))
      note(name, Exit.isSuccess(exit) ? undefined : Cause.pretty(exit.cause).slice(0, 2000))
    }
  }).pipe(Effect.provide(services), Effect.runPromise)
  for (const [place, right] of fates) {
    const found = await Effect.runPromise(fate(http, places[place]))
    note(`an INSERT to "${place}" is reported as what it was`, right.includes(found) ? undefined : found)
  }
  return { passed, failed }
}
