/** One record for each call: who, which tool, what came of it; never what was said. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Tracer } from "effect"
import type { SqlClient } from "effect/sql"
import { vi } from "vitest"
import { type CallRecord, hashOf } from "../../src/agent/calls/callTrail.ts"
import * as ToolCalls from "../../src/agent/calls/ToolCalls.ts"
import { grants } from "../../src/agent/tools/Grants.ts"
import * as UserTools from "../../src/agent/tools/UserTools.ts"
import type { Repositories } from "../../src/DbLayer.ts"
import { embedded } from "../repository/TestRepositories.ts"
import { person } from "./People.ts"

// A limit ends what hangs; a busy machine is no fault.
vi.setConfig({ testTimeout: 300_000 })

layer(embedded)("the trail", (it) => {
  it.effect("has a record and a span for each call, and nothing of what was said in either", () =>
    Effect.gen(function* () {
      const alice = yield* person("alice")
      const records: Array<CallRecord> = []
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          if (options.name.startsWith("tools/call")) spans.push(span)
          return span
        }
      })
      const context = yield* Effect.context<Repositories | SqlClient.SqlClient>()
      const handlers = UserTools.layer({ user: alice.user, granted: new Set(grants) }).pipe(
        Layer.provide(Layer.succeedContext(context))
      )
      const call = yield* ToolCalls.make(handlers, {
        granted: new Set(grants),
        budget: "5 minutes",
        caller: { user: alice.user },
        onCall: (record) => Effect.sync(() => void records.push(record))
      })
      const report = { job_id: alice.job, report: { content: "a secret of Alice" } }
      const answers = yield* Effect.forEach(
        [
          ["list_accounts", {}],
          ["record_report", report],
          ["record_report", { jobId: alice.job, report: report.report }],
          ["get_instrument", { symbol: "NOPE" }],
          ["set_position", { quantity: "x" }],
          ["drop_users", {}]
        ] as const,
        ([name, args]) => call(name, args)
      ).pipe(Effect.withTracer(tracer))
      assert.deepStrictEqual(
        records.map(({ job, outcome, tool, user }) => [user, job, tool, outcome]),
        [
          [alice.user, null, "list_accounts", "ok"],
          [alice.user, alice.job, "record_report", "ok"],
          [alice.user, alice.job, "record_report", "ok"],
          [alice.user, null, "get_instrument", "InstrumentNotFound"],
          [alice.user, null, "set_position", "InvalidData"],
          [alice.user, null, "unknown", "InvalidData"]
        ]
      )
      assert.deepStrictEqual(
        records.map(({ bytes }) => bytes),
        answers.map(({ value }) => Buffer.byteLength(JSON.stringify(value)))
      )
      assert.strictEqual(records[1]?.arguments, hashOf({ report: report.report, job_id: alice.job }))
      assert.deepStrictEqual(
        spans.map((span) => [span.name, span.attributes.get("gen_ai.tool.name"), span.attributes.get("error.type")]),
        records.map(({ outcome, tool }) => [`tools/call ${tool}`, tool, outcome === "ok" ? undefined : outcome])
      )
      const told = JSON.stringify([records, spans.map(({ attributes }) => [...attributes])])
      assert.notInclude(told, "a secret of Alice")
      assert.notInclude(told, alice.account)
    })
  )
})
