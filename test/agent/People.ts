/** Users with accounts and jobs, of whom each thing bears a mark. */
import { assert } from "@effect/vitest"
import { BigDecimal, Effect } from "effect"
import { InstrumentSymbol } from "../../src/domain/Instrument.ts"
import { ClerkUserId } from "../../src/domain/User.ts"
import { Accounts, Instruments, Jobs, Positions, Users } from "../../src/repository/index.ts"

/** One of them, with what no other may see. */
export interface Person {
  readonly user: ClerkUserId
  readonly account: string
  readonly job: string
  readonly mark: string
}

/** Makes a user with an account, a position in SPY and a job with a report; each bears the mark. */
export const person = Effect.fnUntraced(function* (name: string) {
  const user = ClerkUserId.make(`user_${name}`)
  const mark = `mark-of-${name}.`
  yield* (yield* Users).getOrCreate({ clerk_user_id: user, display_name: mark })
  const account = yield* (yield* Accounts).create({
    clerk_user_id: user,
    account_name: mark,
    account_purpose: `For ${mark}`
  })
  yield* (yield* Instruments).register(InstrumentSymbol.make("SPY"))
  yield* (yield* Positions).put({
    account_id: account.id,
    symbol: InstrumentSymbol.make("SPY"),
    quantity: BigDecimal.fromStringUnsafe("7")
  })
  const jobs = yield* Jobs
  const job = yield* jobs.create({ clerk_user_id: user, job_type: "portfolio_analysis", request_payload: { mark } })
  yield* jobs.attachReport(job.id, { content: `Report ${mark}` })
  return { user, account: account.id, job: job.id, mark } satisfies Person
})

/** All that can be read of a person, to compare before and after. */
export const stateOf = Effect.fnUntraced(function* ({ account, job, user }: Person) {
  const accounts = yield* (yield* Accounts).forUser(user).list()
  const positions = (yield* Positions).forUser(user)
  const held = yield* positions.listByAccount(accounts.find(({ id }) => id === account)?.id ?? assert.fail())
  const found = yield* (yield* Jobs).forUser(user).list()
  const read = yield* (yield* Jobs).findById(found.jobs.find(({ id }) => id === job)?.id ?? assert.fail())
  return JSON.stringify({ accounts, held, read })
})
