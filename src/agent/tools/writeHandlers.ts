/** What the writing tools do. */
import * as BigDecimal from "effect/BigDecimal"
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import {
  type AccountId,
  formatDecimal,
  type Instrument,
  InstrumentSymbol,
  type JobId,
  type JobUpdate,
  type Position,
  type PositionCreate
} from "../../domain/index.ts"
import { Instruments, Jobs, Positions } from "../../repository/index.ts"
import { type Failure, notAllowed, refused, wrote } from "./failures.ts"
import { BoundJob, type Grant, Granted } from "./Grants.ts"
import { CurrentUser, type ToolFailure } from "./toolParts.ts"
import { WriteTools } from "./writeTools.ts"

type UserJobs = ReturnType<Jobs["Service"]["forUser"]>
type UserPositions = ReturnType<Positions["Service"]["forUser"]>
type InstrumentWrite = Parameters<Instruments["Service"]["upsert"]>[0]

/** Runs a write as it would run, in a transaction that is rolled back. */
const tried =
  (sql: SqlClient.SqlClient) =>
  <A>(write: Effect.Effect<A, Failure>): Effect.Effect<A, Failure> =>
    sql
      .withTransaction(Effect.flatMap(write, (value) => Effect.fail({ _tag: "RolledBack", value } as const)))
      .pipe(Effect.catchTag("RolledBack", ({ value }) => Effect.succeed(value)))

/** What a model may not change of an instrument that others see too, without the grant for it. */
const overwritten = (known: Instrument, given: InstrumentWrite): string | undefined => {
  if (known.name !== given.name) return `its name is "${known.name}"`
  const { current_price: price } = given
  if (known.current_price === null || price === undefined || price === null) return undefined
  return BigDecimal.equals(known.current_price, price)
    ? undefined
    : `its price is "${formatDecimal(known.current_price)}"`
}

/** Creates an instrument or fills in what is not known of it; overwrites its name or price only where that is granted. */
const classifying = (instruments: Instruments["Service"], granted: ReadonlySet<Grant>) => {
  const find = (instrument: InstrumentWrite) =>
    instruments.findBySymbol(instrument.symbol).pipe(Effect.catchTag("InstrumentNotFound", () => Effect.succeed(null)))
  const write = Effect.fnUntraced(function* (instrument: InstrumentWrite) {
    const known = granted.has("prices") ? null : yield* find(instrument)
    const change = known === null ? undefined : overwritten(known, instrument)
    if (change !== undefined) {
      return yield* refused(
        "NotAllowed",
        `${instrument.symbol} is known, and ${change}: all users see it, and this session may not change it. Repeat it as it is, or leave the price out.`
      )
    }
    const { inserted, updated } = yield* instruments.upsert(instrument)
    const outcome = inserted.length > 0 ? "inserted" : updated.length > 0 ? "updated" : "unchanged"
    return { symbol: instrument.symbol, outcome } as const
  })
  return { find, write }
}

/** Records a result of a job that has not ended, and of the bound one where there is one. */
const recordingFor = (jobs: UserJobs, bound: JobId | undefined) =>
  Effect.fnUntraced(function* (id: JobId, results: JobUpdate) {
    if (bound !== undefined && id !== bound) {
      return yield* refused("NotAllowed", `This session records results of job ${bound} alone.`)
    }
    return yield* jobs
      .update(id, results, { unlessEnded: true })
      .pipe(
        Effect.catchTag("JobTransitionRefused", ({ found }) =>
          refused("JobEnded", `The job is ${found}: its results stay as they are.`)
        )
      )
  })

/** The position of an account in an instrument. */
const holding = (positions: UserPositions, account_id: AccountId, symbol: string) =>
  Effect.map(
    positions.listByAccount(account_id),
    (all) => all.find((position) => position.symbol.toUpperCase() === symbol.toUpperCase()) ?? null
  )

/** Deletes the position of an account in an instrument. */
const closing = (positions: UserPositions) =>
  Effect.fnUntraced(function* (account_id: AccountId, symbol: string) {
    const held = yield* holding(positions, account_id, symbol)
    if (held === null) return yield* refused("PositionNotFound", `The account has no position in ${symbol}.`)
    return yield* positions.delete(held.id)
  })

const bare = ({ account_id, as_of_date, created_at, id, quantity, symbol, updated_at }: Position): Position => ({
  id,
  account_id,
  symbol,
  quantity,
  as_of_date,
  created_at,
  updated_at
})

type Previewed = { readonly preview?: boolean | undefined }

const jobHandlers = (
  jobs: UserJobs,
  record: ReturnType<typeof recordingFor>,
  writing: Writing,
  attempt: ReturnType<typeof tried>
) => {
  type Column = "report_payload" | "charts_payload" | "retirement_payload" | "summary_payload"
  const recording = Effect.fnUntraced(function* (id: JobId, column: Column, results: JobUpdate, preview: boolean) {
    if (!preview) return yield* record(id, results)
    const before = (yield* jobs.findById(id, { parts: [column] }))[column]
    const after = Effect.flatMap(record(id, results), (state) =>
      Effect.map(jobs.findById(id, { parts: [column] }), (job) => ({ state, payload: job[column] }))
    )
    const { payload, state } = yield* attempt(after)
    return { ...state, preview: { before, after: payload } }
  })
  const recorded = (id: JobId, column: Column, results: JobUpdate, { preview = false }: Previewed) =>
    writing("results", recording(id, column, results, preview))
  return WriteTools.results.of({
    record_report: ({ job_id, report, ...asked }) =>
      recorded(job_id, "report_payload", { report_payload: report }, asked),
    record_charts: ({ charts, job_id, ...asked }) =>
      recorded(job_id, "charts_payload", { charts_payload: charts }, asked),
    record_retirement: ({ job_id, retirement, ...asked }) =>
      recorded(job_id, "retirement_payload", { retirement_payload: retirement }, asked),
    record_summary: ({ job_id, summary, ...asked }) =>
      recorded(job_id, "summary_payload", { summary_payload: summary }, asked)
  })
}

const positionHandlers = (positions: UserPositions, writing: Writing, attempt: ReturnType<typeof tried>) => {
  const put = Effect.fnUntraced(function* (
    { preview = false, ...position }: PositionCreate & Previewed,
    write: (position: PositionCreate) => Effect.Effect<Position, Failure>
  ) {
    if (!preview) return yield* write(position)
    const before = yield* holding(positions, position.account_id, position.symbol)
    const after = yield* attempt(write(position))
    return { ...after, preview: { before: before === null ? null : bare(before), after } }
  })
  const close = closing(positions)
  const closed = Effect.fnUntraced(function* (account_id: AccountId, symbol: string, preview: boolean) {
    if (!preview) return yield* close(account_id, symbol)
    const before = yield* attempt(close(account_id, symbol))
    return { ...before, preview: { before, after: null } }
  })
  return WriteTools.positions.of({
    set_position: (position) => writing("positions", put(position, positions.put)),
    add_to_position: (position) => writing("positions", put(position, positions.addQuantity)),
    close_position: ({ account_id, preview = false, symbol }) =>
      writing("positions", closed(account_id, symbol, preview))
  })
}

const instrumentHandlers = (
  instruments: Instruments["Service"],
  granted: ReadonlySet<Grant>,
  writing: Writing,
  attempt: ReturnType<typeof tried>
) => {
  const { find, write } = classifying(instruments, granted)
  const classified = Effect.fnUntraced(function* ({ preview = false, ...instrument }: InstrumentWrite & Previewed) {
    if (!preview) return yield* write(instrument)
    const before = yield* find(instrument)
    // Looked up by itself: lookups that are batched with others do not run in the transaction.
    const written = Effect.flatMap(write(instrument), (outcome) =>
      Effect.map(instruments.findMany([before?.symbol ?? inCapitals(instrument.symbol)]), ([after = null]) => ({
        ...outcome,
        preview: { before, after }
      }))
    )
    return yield* attempt(written)
  })
  return WriteTools.instruments.of({
    classify_instrument: (instrument) => writing("instruments", classified(instrument))
  })
}

const inCapitals = (symbol: InstrumentSymbol) => InstrumentSymbol.make(symbol.toUpperCase())

type Writing = <A>(grant: Grant, effect: Effect.Effect<A, Failure>) => Effect.Effect<A, ToolFailure>

/** The handlers of the writing tools, for one user. */
export const writeHandlers = Effect.gen(function* () {
  const user = yield* CurrentUser
  const granted = yield* Granted
  const attempt = tried(yield* SqlClient.SqlClient)
  const instruments = yield* Instruments
  const positions = (yield* Positions).forUser(user)
  const jobs = (yield* Jobs).forUser(user)
  const record = recordingFor(jobs, yield* BoundJob)

  const writing: Writing = (grant, effect) => (granted.has(grant) ? wrote(effect) : Effect.fail(notAllowed(grant)))

  return {
    ...instrumentHandlers(instruments, granted, writing, attempt),
    ...positionHandlers(positions, writing, attempt),
    ...jobHandlers(jobs, record, writing, attempt)
  }
})
