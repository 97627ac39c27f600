/** docs/observability.md: its exporter reaches a collector, and it names every span, attribute and metric. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"
import { SqlClient, Statement } from "effect/sql"
import { afterAll, vi } from "vitest"
import * as Failures from "../../src/data-api/DataApiError.ts"
import * as RetryPolicy from "../../src/data-api/RetryPolicy.ts"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { DbLayer, Reset } from "../../src/index.ts"
import { scripted } from "../data-api/scripted.ts"
import { blocksOf, sources, writeBlocks } from "./CodeBlocks.ts"
import * as Collector from "./Collector.ts"
import { read } from "./Documents.ts"

const page = read("docs/observability.md")
const { files, folder } = writeBlocks(blocksOf("docs/observability.md"))
const database = join(folder, "database")
const prepared = Reset.reset({ withTestData: true }).pipe(
  Effect.provide(Layer.merge(DbLayer.layerEmbedded({ directory: database }), NodeServices.layer))
)

afterAll(() => rmSync(folder, { recursive: true }))

it("the documented exporter sends a service's spans and logs to a collector", async () => {
  await Effect.runPromise(prepared)
  const collector = await Collector.listen()
  vi.spyOn(console, "log").mockReturnValue()
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
  vi.stubEnv("ALEX_DB_BACKEND", "embedded")
  vi.stubEnv("ALEX_DB_DIR", database)
  assert.lengthOf(files, 1)
  await import(files[0] ?? "")
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await collector.close()

  const named = (name: string) => collector.spans.find((span) => span.name === name) ?? assert.fail(`no span ${name}`)
  const load = named("Portfolios.load")
  assert.strictEqual(load.parentSpanId, named("GET /portfolio").spanId)
  const statement = named("postgresql")
  assert.strictEqual(statement.parentSpanId, load.spanId)
  const attributes = Collector.attributesOf(statement.attributes)
  assert.strictEqual(attributes["db.system.name"], "postgresql")
  assert.match(String(attributes["db.query.text"]), /\$1/)
  assert.notInclude(String(attributes["db.query.text"]), "test_user_001")
  assert.include(collector.logs, "Loading the portfolio")
  assert.sameMembers([...collector.services], ["planner"])
}, 240_000)

it("a retry reaches a collector as an event of the span, and in the metrics of its operation", async () => {
  const collector = await Collector.listen()
  const paused = new Failures.DatabaseResuming({ message: "resuming" })
  const { layer } = scripted((_, index) => (index === 0 ? paused : {}))
  const sql = DataApiSql.layer({ database: "alex", spanAttributes: { "server.address": "aurora" } }).pipe(
    Layer.provide(RetryPolicy.layer({ firstDelay: 1 })),
    Layer.provide(layer)
  )
  const telemetry = Otlp.layerJson({ baseUrl: collector.url, resource: { serviceName: "test" } }).pipe(
    Layer.provide(FetchHttpClient.layer)
  )
  await Effect.flatMap(SqlClient.SqlClient, (client) => client`update jobs set status = ${"failed"}`).pipe(
    Effect.provideService(Statement.SpanPropagationEnabled, true),
    Effect.provide(Layer.merge(sql, telemetry)),
    Effect.runPromise
  )
  await collector.close()

  const span = collector.spans.find(({ name }) => name === "alex") ?? assert.fail("no span of the statement")
  const attributes = Collector.attributesOf(span.attributes)
  assert.include(attributes, {
    "db.system.name": "postgresql",
    "db.namespace": "alex",
    "server.address": "aurora",
    "db.operation.name": "UPDATE",
    "effect.sql.method": "execute"
  })
  assert.isTrue(Object.keys(attributes).every((name) => name === "server.address" || page.includes(`\`${name}\``)))
  const [event] = span.events
  assert.strictEqual(event?.name, "data_api.retry")
  const { attempt, delayMillis, failure, operation, ...others } = Collector.attributesOf(event?.attributes ?? [])
  assert.strictEqual(failure, "DatabaseResuming")
  assert.strictEqual(operation, "ExecuteStatement")
  assert.isDefined(attempt)
  assert.isDefined(delayMillis)
  assert.deepStrictEqual(others, {})

  const counted = collector.metrics.filter(({ name }) => name.startsWith("data_api_"))
  assert.sameMembers(
    [...new Set(counted.map(({ name }) => name))],
    ["data_api_requests", "data_api_retries", "data_api_resumes", "data_api_latency_milliseconds"]
  )
  for (const { histogram, sum } of counted) {
    const points = (sum ?? histogram)?.dataPoints ?? assert.fail("neither a counter nor a histogram")
    for (const point of points) {
      assert.strictEqual(Collector.attributesOf(point.attributes)["db.operation.name"], "ExecuteStatement")
    }
  }
})

const code = sources()
  .map((file) => read(file).replaceAll(/\/\*[\s\S]*?\*\//g, ""))
  .join("\n")
const namesIn = (text: string, pattern: RegExp) => [
  ...new Set([...text.matchAll(pattern)].map(([, name = ""]) => name))
]

it("it names every span of an operation, and no others", () => {
  const [, section = ""] = page.split("### Operations")
  const [table = ""] = section.split("### Statements")
  const spans = namesIn(code, /Effect\.(?:fn|withSpan)\(\s*"([^"]+)"/g)
  assert.isAbove(spans.length, 70)
  const named = namesIn(table, /`(\w+(?:\.\w+)+)`/g)
  const missing = spans.filter((name) => !named.includes(name))
  const gone = named.filter((name) => !spans.includes(name))
  assert.deepStrictEqual({ missing, gone }, { missing: [], gone: [] }, "Correct the list in docs/observability.md")
})

it("it names every metric, and no others", () => {
  const metrics = namesIn(code, /"(data_api_\w+)"/g)
  assert.isAbove(metrics.length, 5)
  assert.sameMembers(namesIn(page, /`(data_api_\w+)`/g), metrics)
})

it("it names every attribute and event that the code sets by name", () => {
  const attributes = namesIn(code, /"((?:db|data_api)\.[\w.]+)"/g)
  assert.isAbove(attributes.length, 3)
  assert.deepStrictEqual(
    attributes.filter((name) => !page.includes(`\`${name}\``)),
    []
  )
})
