/** An AWS Lambda function. The runtime outlives an invocation, and with it the connections and the credentials. */
import { Effect, ManagedRuntime } from "effect"
import * as DbLayer from "../../src/DbLayer.ts"
import { formatDecimal } from "../../src/domain/index.ts"
import { ClerkUserId, Portfolios } from "../../src/index.ts"

const runtime = ManagedRuntime.make(DbLayer.layerDataApi)

const total = Effect.fn("Lambda.total")(function* (user: string) {
  const portfolios = yield* Portfolios
  const summary = yield* portfolios.summary(ClerkUserId.make(user))
  return { statusCode: 200, body: JSON.stringify({ total: formatDecimal(summary.total) }) }
})

/** Answers with the portfolio's value in US dollars, as decimal text. */
export const handler = (event: { readonly clerk_user_id: string }) =>
  runtime.runPromise(
    total(event.clerk_user_id).pipe(
      Effect.catchTag("UserNotFound", ({ message }) =>
        Effect.succeed({ statusCode: 404, body: JSON.stringify({ error: message }) })
      )
    )
  )
