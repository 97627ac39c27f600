/**
 * A planner: takes a job, lets a language model look into the user's portfolio with tools, records what it says.
 *
 * The model is whatever `LanguageModel` is provided, for example `OpenAiLanguageModel` of `@effect/ai-openai`.
 */
import { Effect, Layer } from "effect"
import { Chat } from "effect/ai"
import { CurrentUser, layer as layerTools, ReadTools } from "../../src/Agent.ts"
import type { JobId } from "../../src/domain/index.ts"
import { ClerkUserId, Jobs } from "../../src/index.ts"

const instructions =
  "You plan for a person's retirement. Look at the portfolio with the tools, then say in three sentences what matters."

/** Asks, and lets the model call tools until it answers in words; after ten rounds it has no answer. */
const ask = Effect.fn("Planner.ask")(function* (question: string) {
  const tools = yield* ReadTools
  const chat = yield* Chat.fromPrompt([
    { role: "system", content: instructions },
    { role: "user", content: question }
  ])
  for (let round = 0; round < 10; round++) {
    const { text, toolCalls } = yield* chat.generateText({ prompt: [], toolkit: tools })
    if (toolCalls.length === 0) return text
  }
  return yield* Effect.fail({ _tag: "NoAnswer", message: "The model went on calling tools." } as const)
})

/** How long a planner may take: as long as its Lambda function runs, and the queue hides the message. */
const longest = "15 minutes"

/**
 * Runs one job to its end: `completed` with a summary, or `failed` with the reason. A queue may deliver a message twice:
 * the planner that comes second gets `JobTransitionRefused`, and nothing has happened, unless the first one has taken too
 * long. It is then taken for dead, and what it still says about the job is refused. A planner that is interrupted or that
 * the database fails gives the job back.
 */
export const runJob = Effect.fn("Planner.runJob")(function* (id: JobId) {
  const jobs = yield* Jobs
  const job = yield* jobs.start(id, { takeOver: longest })
  const attempt = jobs.attempt(job)
  // The tools are bound to the job's own user: no prompt reaches another person's data.
  const tools = layerTools.pipe(Layer.provide(Layer.succeed(CurrentUser, ClerkUserId.make(job.clerk_user_id))))
  const work = Effect.gen(function* () {
    const summary = yield* ask(`The job is: ${job.job_type}.`)
    yield* attempt.attach({ summary_payload: { summary } })
    return yield* attempt.complete()
  })
  return yield* work.pipe(
    Effect.provide(tools),
    Effect.catchIf(
      (error) => error._tag !== "SqlError",
      (error) => attempt.fail(error.message)
    ),
    Effect.onError(() => Effect.ignore(attempt.release()))
  )
})
