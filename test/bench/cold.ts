/**
 * Cold start: a handler with one query, as one deploys it to AWS Lambda: bundled and minified by esbuild, loaded by a
 * fresh process, called once. Clients and layers outlive the call, as in a function that is called again.
 */
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { build, type Plugin } from "esbuild"
import { withPureDeclarations } from "../../scripts/pureDeclarations.ts"
import { withShortStatements } from "../../scripts/shortStatements.ts"
import { withStaticImports } from "../../scripts/staticImports.ts"
import { type Figure, median } from "./measure.ts"
import { arns, credentials, region, responder } from "./processes.ts"

const cluster = `resourceArn: "${arns.resourceArn}", secretArn: "${arns.secretArn}", database: "alex"`
const byId = `"select * from things where id = :id::uuid"`
const id = `"a0eebc99-9c0b-4ef8-bb6d-000000000000"`
const lean = `
  import { Effect, Layer, ManagedRuntime, Redacted } from "effect"
  import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
  import * as HttpDataApi from "../../src/data-api/aws/HttpDataApi.ts"
  import * as RetryPolicy from "../../src/data-api/RetryPolicy.ts"
  const layer = DataApiSql.layer().pipe(
    Layer.provide(RetryPolicy.layer()),
    Layer.provide(HttpDataApi.layer({
      clusterArn: "${arns.resourceArn}", secretArn: Redacted.make("${arns.secretArn}"), database: "alex",
      endpoint: process.env.AWS_ENDPOINT_URL_RDS_DATA
    }))
  )`

/** The handlers, and whether they are called: what another database answers is only weighed. */
export const handlers = {
  "AWS SDK": `
    import { ExecuteStatementCommand, RDSDataClient } from "@aws-sdk/client-rds-data"
    const client = new RDSDataClient({})
    export const handler = async () => {
      const { records } = await client.send(new ExecuteStatementCommand({
        ${cluster}, sql: ${byId}, parameters: [{ name: "id", value: { stringValue: ${id} } }]
      }))
      return records[0]
    }`,
  "sql, without the SDK": `${lean}
    import * as SqlClient from "effect/sql/SqlClient"
    const query = Effect.flatMap(SqlClient.SqlClient, (sql) => sql\`select * from things where id = \${${id}}::uuid\`)
    const runtime = ManagedRuntime.make(layer)
    export const handler = async () => (await runtime.runPromise(query))[0]`,
  "the floor: Effect's runtime, signature, one query": `
    import { Effect, ManagedRuntime, Redacted } from "effect"
    import { DataApi } from "../../src/data-api/DataApi.ts"
    import * as HttpDataApi from "../../src/data-api/aws/HttpDataApi.ts"
    const query = Effect.flatMap(DataApi, (api) => api.executeStatement({
      sql: ${byId}, parameters: [{ name: "id", value: { stringValue: ${id} } }], includeResultMetadata: true
    }))
    const runtime = ManagedRuntime.make(HttpDataApi.layer({
      clusterArn: "${arns.resourceArn}", secretArn: Redacted.make("${arns.secretArn}"), database: "alex",
      endpoint: process.env.AWS_ENDPOINT_URL_RDS_DATA
    }))
    export const handler = async () => (await runtime.runPromise(query)).records[0]`,
  "repository, without the SDK": `${lean}
    import { ClerkUserId, Users } from "../../src/index.ts"
    const query = Effect.flatMap(Users, (users) => users.findById(ClerkUserId.make("user_1")))
    const runtime = ManagedRuntime.make(Users.layer.pipe(Layer.provide(layer)))
    export const handler = () => runtime.runPromise(query)`,
  "repository, by DbLayer.layerDataApi": `
    import { Effect, ManagedRuntime } from "effect"
    import { ClerkUserId, Users } from "../../src/index.ts"
    import * as DbLayer from "../../src/DbLayer.ts"
    const query = Effect.flatMap(Users, (users) => users.findById(ClerkUserId.make("user_1")))
    const runtime = ManagedRuntime.make(DbLayer.layerDataApi)
    export const handler = () => runtime.runPromise(query)`,
  "drizzle-orm": `
    import { RDSDataClient } from "@aws-sdk/client-rds-data"
    import { eq } from "drizzle-orm"
    import { drizzle } from "drizzle-orm/aws-data-api/pg"
    import { integer, numeric, pgTable, uuid, varchar } from "drizzle-orm/pg-core"
    const things = pgTable("things", { id: uuid(), symbol: varchar(), name: varchar(), price: numeric(), quantity: numeric() })
    const db = drizzle(new RDSDataClient({}), { ${cluster} })
    export const handler = async () => (await db.select().from(things).where(eq(things.id, ${id})))[0]`,
  "kysely-data-api": `
    import { RDSData } from "@aws-sdk/client-rds-data"
    import { Kysely, sql } from "kysely"
    import { DataApiDialect } from "kysely-data-api"
    const db = new Kysely({ dialect: new DataApiDialect({ mode: "postgres", driver: { ${cluster}, client: new RDSData({}) } }) })
    export const handler = async () =>
      (await db.selectFrom("things").selectAll().where("id", "=", sql\`\${${id}}::uuid\`).execute())[0]`,
  "data-api-client": `
    import { ExecuteStatementCommand, RDSDataClient } from "@aws-sdk/client-rds-data"
    import make from "data-api-client"
    const client = new RDSDataClient({})
    class RDSDataService {
      executeStatement = (input) => ({ promise: () => client.send(new ExecuteStatementCommand(input)) })
    }
    const db = make({ ${cluster}, AWS: { RDSDataService } })
    export const handler = async () => (await db.query(${byId}, { id: ${id} })).records[0]`
} as const satisfies Readonly<Record<string, string>>

/** Weighed, and not called. */
const effectAlone = `
  import { Effect, Layer, Redacted, Schema } from "effect"
  import { SqlClient } from "effect/sql"
  import * as PgClient from "@effect/sql-pg/PgClient"
  const query = Effect.flatMap(SqlClient.SqlClient, (sql) => sql\`select 1 as a\`)
  const rows = Effect.flatMap(query, Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ a: Schema.Int }))))
  const layer = PgClient.layer({ url: Redacted.make(process.env.DATABASE_URL) })
  export const handler = () => Effect.runPromise(Effect.provide(rows, layer))`

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Those that leave the AWS SDK to Lambda's runtime, and so need no `require` in ESM. */
const external = (name: string): boolean => name.startsWith("repository, by DbLayer")

/** The sources as bundlers get them from the package. */
const asPublished: Plugin = {
  name: "as published",
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      const marked = withPureDeclarations(path, withShortStatements(path, readFileSync(path, "utf8")))
      return { contents: path.endsWith("DbLayer.ts") ? withStaticImports(marked) : marked, loader: "ts" }
    })
  }
}

interface Bundle {
  readonly file: string
  readonly bytes: number
  /** Bytes by where they come from, for those that match. */
  readonly from: (pattern: RegExp) => number
}

/** Bundles a handler into a folder. */
export const bundled =
  (folder: string) =>
  async (name: string, contents: string): Promise<Bundle> => {
    const file = join(folder, `${name.replace(/\W+/g, "-")}.mjs`)
    const { metafile } = await build({
      stdin: { contents, resolveDir: here("."), loader: "js" },
      outfile: file,
      alias: { "aws-sdk": here("awsSdkShim.cjs") },
      ...(external(name)
        ? { external: ["@aws-sdk/*"] }
        : {
            // Modules of CommonJS ask for Node's own by require.
            banner: {
              js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`
            }
          }),
      plugins: [asPublished],
      bundle: true,
      minify: true,
      platform: "node",
      format: "esm",
      target: "node22",
      metafile: true,
      logLevel: "error"
    })
    const outputs = Object.values(metafile.outputs)
    const inputs = outputs.flatMap((output) => Object.entries(output.inputs))
    return {
      file,
      bytes: outputs.reduce((sum, { bytes }) => sum + bytes, 0),
      from: (pattern) =>
        inputs.filter(([path]) => pattern.test(path)).reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0)
    }
  }

interface Start {
  readonly imported: number
  readonly answered: number
  readonly cpu: number
  readonly isRow: boolean
}

const startOf = (file: string, endpoint: string): Promise<Start> =>
  new Promise((resolve, reject) => {
    const env = {
      PATH: process.env["PATH"],
      AWS_ENDPOINT_URL_RDS_DATA: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      // As a Lambda function has one.
      AWS_SESSION_TOKEN: "IQoJb3JpZ2luX2VjEXAMPLE",
      AURORA_CLUSTER_ARN: arns.resourceArn,
      AURORA_SECRET_ARN: arns.secretArn
    }
    execFile(process.execPath, [here("coldStart.js"), file], { env }, (error, stdout) => {
      if (error !== null) return reject(error)
      const start: Start = JSON.parse(stdout.trim().split("\n").at(-1) ?? "")
      return start.isRow ? resolve(start) : reject(new Error(`${file} found no row`))
    })
  })

const limitsOf = (name: string, sdk: number): Record<string, number> => {
  if (name === "sql, without the SDK") return { ratio: 0.65, "bundle/kB": Math.round((1.05 * sdk) / 1000) }
  if (name === "repository, by DbLayer.layerDataApi") {
    return { ratio: 1, "bundle/kB": 400 }
  }
  return {}
}

export const cold = Effect.fnUntraced(function* (options: { readonly rounds: number }) {
  const endpoint = yield* responder
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-bench-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  return yield* Effect.promise(async () => {
    const bundle = bundled(folder)
    const alone = await bundle("Effect alone", effectAlone)
    const effect = alone.from(/node_modules\/effect\//)
    const bundles = new Map<string, Bundle>()
    for (const [name, contents] of Object.entries(handlers)) bundles.set(name, await bundle(name, contents))
    const starts = new Map<string, Array<Start>>()
    for (let round = 0; round < options.rounds; round++) {
      for (const [name, { file }] of bundles)
        starts.set(name, [...(starts.get(name) ?? []), await startOf(file, endpoint)])
    }
    const medianOf = (name: string, of: (start: Start) => number) => median((starts.get(name) ?? []).map(of))
    const sdk = bundles.get("AWS SDK")?.bytes ?? Number.NaN
    const base = medianOf("AWS SDK", ({ answered }) => answered)
    const section = "Cold start of a handler with one query; the ratio is of the time to its first row"
    const figures = [...bundles].map(([name, { bytes }]): Figure => {
      const answered = medianOf(name, (start) => start.answered)
      return {
        section,
        what: "one query",
        contender: name,
        values: {
          "bundle/kB": bytes / 1000,
          "import/ms": medianOf(name, ({ imported }) => imported),
          "first row/ms": answered,
          "CPU/ms": medianOf(name, ({ cpu }) => cpu)
        },
        ratio: answered / base,
        limits: limitsOf(name, sdk)
      }
    })
    const weighed = { section, what: "to compare", contender: "effect alone, with Schema and sql" }
    return [...figures, { ...weighed, values: { "bundle/kB": effect / 1000 } }]
  })
})
