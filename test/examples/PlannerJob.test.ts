import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { AiError, LanguageModel, type Response } from "effect/ai"
import { SqlClient } from "effect/sql"
import { ClerkUserId } from "../../src/domain/index.ts"
import { DbLayer, Jobs, Reset } from "../../src/index.ts"
import { runJob } from "./PlannerJob.ts"

const user = ClerkUserId.make("test_user_001")

/** A model that says what is in its script, one answer a turn, and keeps what it was asked. */
const scripted = (script: ReadonlyArray<Array<Response.PartEncoded>>) => {
  const asked: Array<string> = []
  const model = Layer.effect(
    LanguageModel.LanguageModel,
    LanguageModel.make({
      generateText: ({ prompt }) =>
        Effect.suspend(() => {
          asked.push(JSON.stringify(prompt.content.at(-1)))
          const answer = script[asked.length - 1]
          if (answer !== undefined) return Effect.succeed(answer)
          const reason = new AiError.InvalidOutputError({ description: "The script has ended." })
          return Effect.fail(new AiError.AiError({ module: "script", method: "generateText", reason }))
        }),
      streamText: () => Stream.empty
    })
  )
  return { asked, model }
}

const database = Layer.effectDiscard(Reset.reset({ withTestData: true })).pipe(
  Layer.provideMerge(DbLayer.layerEmbedded({ directory: "memory" })),
  Layer.provideMerge(NodeServices.layer)
)

const newJob = Effect.flatMap(Jobs, (jobs) => jobs.create({ clerk_user_id: user, job_type: "portfolio_analysis" }))

layer(database, { timeout: "60 seconds" })("a planner's job", (it) => {
  it.effect("reads the portfolio with a tool and records the answer", () =>
    Effect.gen(function* () {
      const { asked, model } = scripted([
        [{ type: "tool-call", id: "1", name: "read_portfolio", params: {} }],
        [{ type: "text", text: "Mostly equities." }]
      ])
      const { id } = yield* newJob
      const job = yield* runJob(id).pipe(Effect.provide(model))
      assert.strictEqual(job.status, "completed")
      assert.include(asked[1], "401(k)")
      const recorded = yield* (yield* Jobs).findById(id)
      assert.deepStrictEqual(recorded.summary_payload, { summary: "Mostly equities." })
    })
  )

  it.effect("is failed with the reason where the model does not answer", () =>
    Effect.gen(function* () {
      const { id } = yield* newJob
      const job = yield* runJob(id).pipe(Effect.provide(scripted([]).model))
      assert.strictEqual(job.status, "failed")
      assert.include(job.error_message, "The script has ended.")
    })
  )

  it.effect("is run by one planner only", () =>
    Effect.gen(function* () {
      const { id } = yield* newJob
      yield* runJob(id).pipe(Effect.provide(scripted([[{ type: "text", text: "Done." }]]).model))
      const again = yield* Effect.flip(runJob(id).pipe(Effect.provide(scripted([]).model)))
      assert.strictEqual(again._tag, "JobTransitionRefused")
    })
  )

  it.effect("is taken over from a planner that has taken too long, whose answer is then refused", () =>
    Effect.gen(function* () {
      const { id } = yield* newJob
      const jobs = yield* Jobs
      const sql = yield* SqlClient.SqlClient
      const services = yield* Effect.context<Layer.Success<typeof database>>()
      const says = (text: string) => scripted([[{ type: "text", text }]]).model
      // While the slow planner waits for its model, the message comes again, and the second planner is done.
      const slow = Layer.effect(
        LanguageModel.LanguageModel,
        LanguageModel.make({
          generateText: () =>
            Effect.gen(function* () {
              yield* sql`UPDATE jobs SET started_at = now() - interval '16 minutes', created_at = now() - interval '1 hour'
                WHERE id = ${id}::uuid`
              yield* runJob(id).pipe(Effect.provide(says("Second.")))
              return [{ type: "text" as const, text: "First." }]
            }).pipe(Effect.orDie, Effect.provideContext(services)),
          streamText: () => Stream.empty
        })
      )
      const refused = yield* Effect.flip(runJob(id).pipe(Effect.provide(slow)))
      assert.strictEqual(refused._tag, "JobTransitionRefused")
      const job = yield* jobs.findById(id)
      assert.deepStrictEqual([job.status, job.attempts], ["completed", 2])
      assert.deepStrictEqual(job.summary_payload, { summary: "Second." })
    })
  )
})
