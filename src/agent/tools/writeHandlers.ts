/** The handlers of the tools that write. */
import * as BigDecimal from "effect/BigDecimal"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import { parseJson } from "../../data-api/values/SoundJson.ts"
import {
  type AccountId,
  formatDecimal,
  InstrumentSymbol,
  type JobId,
  type JobUpdate,
  type Position,
  type PositionCreate,
  PositionId,
  UnreadableRow
} from "../../domain/index.ts"
import { noted } from "../../repository/calls/CallNote.ts"
import { CurrentCall, Instruments, Jobs, Positions } from "../../repository/index.ts"
import { CallInHand, hashOf, jobOf } from "../calls/callTrail.ts"
import { explain, type Failure, notAllowed, refused, wrote } from "./failures.ts"
import { BoundJob, type Grant, Granted } from "./Grants.ts"
import type { UserJobs } from "./readHandlers.ts"
import { CurrentUser, type ToolFailure } from "./toolParts.ts"
import { WriteTools } from "./writeTools.ts"

type UserPositions = ReturnType<Positions["Service"]["forUser"]>
type InstrumentWrite = Parameters<Instruments["Service"]["upsert"]>[0]

/** The error for a row that can't be read where a transaction is rolled back, and what was done to the row with it. */
const undone = ({ done: _, key, problems, table, ...rest }: UnreadableRow) =>
  Effect.fail(new UnreadableRow({ table, key, problems, ...(rest.withheld === true && { withheld: true }) }))

/** Runs a write in a transaction that is rolled back, for a preview. */
const tried =
  (sql: SqlClient.SqlClient) =>
  <A>(write: Effect.Effect<A, Failure>): Effect.Effect<A, Failure> =>
    sql.withTransaction(Effect.flatMap(write, (value) => Effect.fail({ _tag: "RolledBack", value } as const))).pipe(
      Effect.catchTags({
        RolledBack: ({ value }) => Effect.succeed(value),
        UnreadableRow: undone
      })
    )

/**
 * Records a call that is refused by what was read, or whose statement is rolled back with its record. A failure of the
 * database is no refusal.
 */
const recordingRefusals =
  (sql: SqlClient.SqlClient) =>
  <A>(effect: Effect.Effect<A, Failure>): Effect.Effect<A, Failure> =>
    Effect.tapError(effect, (failure) => {
      const { error } = explain(failure, true)
      if (error === "DatabaseFailed") return Effect.void
      return Effect.flatMap(
        noted(sql),
        (note) => sql`WITH refused AS (SELECT)${note({ outcome: `'${error}'` })} SELECT true AS recorded`
      )
    })

/** Creates an instrument, or fills in what is missing; overwrites its name or price only with the grant `prices`. */
const classifying = (instruments: Instruments["Service"], granted: ReadonlySet<Grant>) => {
  const upsert = (instrument: InstrumentWrite) =>
    Effect.map(instruments.upsert(instrument), ({ inserted, updated }) =>
      inserted.length > 0 ? "inserted" : updated.length > 0 ? "updated" : "unchanged"
    )
  const fillIn = (instrument: InstrumentWrite) =>
    instruments
      .fillIn(instrument)
      .pipe(
        Effect.catchTag("InstrumentKnown", ({ message }) =>
          refused("NotAllowed", `${message} As all users see it, this session may not change that.`)
        )
      )
  const write = granted.has("prices") ? upsert : fillIn
  return Effect.fnUntraced(function* (instrument: InstrumentWrite) {
    const outcome = yield* write(instrument)
    const { symbol } = instrument
    if (symbol === inCapitals(symbol)) return { symbol, outcome }
    const [stored] = yield* instruments.findMany([symbol])
    return { symbol: stored?.symbol ?? symbol, outcome }
  })
}

/** Records a result of a job that has not ended; if the session is bound to a job, only of that one. */
const recordingFor = (jobs: UserJobs, bound: JobId | undefined) =>
  Effect.fnUntraced(function* (id: JobId, results: JobUpdate) {
    // An id may be written in capitals.
    if (bound !== undefined && id.toLowerCase() !== bound.toLowerCase()) {
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

/** A position of an account in an instrument: as it is stored, or why it can't be read. */
type Held = Position | UnreadableRow

const idOf = (held: Held): PositionId => ("id" in held ? held.id : PositionId.make(held.key))

/** The position of an account in the instrument of just this spelling, or else of another one. */
const holding = (sql: SqlClient.SqlClient, positions: UserPositions) => {
  /** The symbols of positions that can't be read, by their ids. */
  const symbolsOf = (unreadable: ReadonlyArray<UnreadableRow>) =>
    Effect.map(
      sql<{ readonly id: string; readonly symbol: string | null }>`
        SELECT id, symbol FROM positions WHERE id = ANY(${unreadable.map(({ key }) => key)}::uuid[])`,
      (rows) => new Map(rows.map(({ id, symbol }) => [id, symbol ?? ""]))
    )
  return Effect.fnUntraced(function* (account_id: AccountId, symbol: InstrumentSymbol) {
    const listed = yield* positions.listByAccount(account_id)
    const { unreadable = [] } = listed
    const symbols = unreadable.length === 0 ? new Map<string, string>() : yield* symbolsOf(unreadable)
    const all = [
      ...listed.map((held) => ({ held: bare(held), spelled: held.symbol })),
      ...unreadable.map((held) => ({ held, spelled: symbols.get(held.key) ?? "" }))
    ]
    const found: { readonly held: Held } | undefined =
      all.find(({ spelled }) => spelled === symbol) ??
      all.find(({ spelled }) => spelled.toUpperCase() === inCapitals(symbol))
    return found?.held ?? null
  })
}

type Holding = ReturnType<typeof holding>

/** Deletes the position of an account in an instrument. */
const closing = (sql: SqlClient.SqlClient, positions: UserPositions, hold: Holding) => {
  const find = (account_id: AccountId, symbol: InstrumentSymbol) =>
    Effect.flatMap(hold(account_id, symbol), (held) =>
      held === null
        ? refused("PositionNotFound", `The account has no position in ${symbol}.`)
        : Effect.succeed(idOf(held))
    )
  return (account_id: AccountId, symbol: InstrumentSymbol) =>
    Effect.flatMap(recordingRefusals(sql)(find(account_id, symbol)), positions.delete)
}

type Addition = PositionCreate & { readonly expected_quantity?: BigDecimal.BigDecimal | undefined }

/**
 * Adds shares, with an expected quantity only if just as many were held: what the addition returns says how many, as it
 * holds the position's lock, and the addition is rolled back if they were others.
 */
const adding =
  (sql: SqlClient.SqlClient, positions: UserPositions) =>
  ({ expected_quantity: expected, ...position }: Addition): Effect.Effect<Position, Failure> => {
    const add = positions.addQuantity(position)
    if (expected === undefined) return add
    const asExpected = Effect.flatMap(add, (after) => {
      const held = BigDecimal.subtract(after.quantity, position.quantity)
      return BigDecimal.equals(held, expected)
        ? Effect.succeed(after)
        : refused(
            "PositionChanged",
            `The account held ${formatDecimal(held)} shares of ${after.symbol}, and not ${formatDecimal(expected)}: nothing was added. If this call was made before, it was carried out then; otherwise read the position and decide again.`
          )
    })
    return recordingRefusals(sql)(Effect.catchTag(sql.withTransaction(asExpected), "UnreadableRow", undone))
  }

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
  const recorded = (call: Call, column: Column, results: JobUpdate) =>
    writing("results", call, recording(call.args.job_id, column, results, call.args.preview ?? false))
  type Call = { readonly tool: string; readonly args: Previewed & { readonly job_id: JobId } }
  return WriteTools.results.of({
    record_report: (args) =>
      recorded({ tool: "record_report", args }, "report_payload", { report_payload: args.report }),
    record_charts: (args) =>
      recorded({ tool: "record_charts", args }, "charts_payload", { charts_payload: args.charts }),
    record_retirement: (args) =>
      recorded({ tool: "record_retirement", args }, "retirement_payload", { retirement_payload: args.retirement }),
    record_summary: (args) =>
      recorded({ tool: "record_summary", args }, "summary_payload", { summary_payload: args.summary })
  })
}

const positionHandlers = (
  positions: UserPositions,
  hold: Holding,
  close: ReturnType<typeof closing>,
  add: ReturnType<typeof adding>,
  writing: Writing,
  attempt: ReturnType<typeof tried>
) => {
  const put = Effect.fnUntraced(function* (
    { preview = false, ...position }: Addition & Previewed,
    write: (position: Addition) => Effect.Effect<Position, Failure>
  ) {
    if (!preview) return yield* write(position)
    const before = yield* hold(position.account_id, position.symbol)
    if (before !== null && !("id" in before)) return yield* before
    const after = yield* attempt(write(position))
    return { ...after, preview: { before, after } }
  })
  const closed = Effect.fnUntraced(function* (account_id: AccountId, symbol: InstrumentSymbol, preview: boolean) {
    if (!preview) return yield* close(account_id, symbol)
    const before = yield* attempt(close(account_id, symbol))
    return { ...before, preview: { before, after: null } }
  })
  return WriteTools.positions.of({
    set_position: (args) => writing("positions", { tool: "set_position", args }, put(args, positions.put)),
    add_to_position: (args) => writing("positions", { tool: "add_to_position", args }, put(args, add)),
    close_position: (args) =>
      writing(
        "positions",
        { tool: "close_position", args },
        closed(args.account_id, args.symbol, args.preview ?? false)
      )
  })
}

const instrumentHandlers = (
  instruments: Instruments["Service"],
  granted: ReadonlySet<Grant>,
  writing: Writing,
  attempt: ReturnType<typeof tried>
) => {
  const write = classifying(instruments, granted)
  const find = (instrument: InstrumentWrite) =>
    instruments.findBySymbol(instrument.symbol).pipe(Effect.catchTag("InstrumentNotFound", () => Effect.succeed(null)))
  const classified = Effect.fnUntraced(function* ({ preview = false, ...instrument }: InstrumentWrite & Previewed) {
    if (!preview) return yield* write(instrument)
    const before = yield* find(instrument)
    // A lookup of its own: `findBySymbol` may be batched with others, outside this transaction.
    const written = Effect.flatMap(write(instrument), (outcome) =>
      Effect.map(instruments.findMany([before?.symbol ?? inCapitals(instrument.symbol)]), ([after = null]) => ({
        ...outcome,
        preview: { before, after }
      }))
    )
    return yield* attempt(written)
  })
  return WriteTools.instruments.of({
    classify_instrument: (args) => writing("instruments", { tool: "classify_instrument", args }, classified(args))
  })
}

const inCapitals = (symbol: InstrumentSymbol) => InstrumentSymbol.make(symbol.toUpperCase())

type Writing = <A>(
  grant: Grant,
  call: { readonly tool: string; readonly args: object },
  effect: Effect.Effect<A, Failure>
) => Effect.Effect<A, ToolFailure>

/** The record of a call that did not come through `ToolCalls`: an Effect program may run the toolkit itself. */
const inHand = (args: object) =>
  Effect.map(Clock.currentTimeMillis, (began) => {
    const json = JSON.stringify(args)
    return { arguments: hashOf(parseJson(json)), bytes: Buffer.byteLength(json), began }
  })

/** The handlers of the writing tools, for one user. */
export const writeHandlers = Effect.gen(function* () {
  const user = yield* CurrentUser
  const granted = yield* Granted
  const sql = yield* SqlClient.SqlClient
  const attempt = tried(sql)
  const instruments = yield* Instruments
  const positions = (yield* Positions).forUser(user)
  const jobs = (yield* Jobs).forUser(user)
  const bound = yield* BoundJob
  const record = recordingFor(jobs, bound)
  const hold = holding(sql, positions)
  const close = closing(sql, positions, hold)

  const writing: Writing = Effect.fnUntraced(function* (grant, { args, tool }, effect) {
    if (!granted.has(grant)) return yield* Effect.fail(notAllowed(grant))
    const call = (yield* CallInHand) ?? (yield* inHand(args))
    const note = { ...call, user, job: bound ?? jobOf(args), tool }
    return yield* Effect.provideService(wrote(effect), CurrentCall, note)
  })

  return {
    ...instrumentHandlers(instruments, granted, writing, attempt),
    ...positionHandlers(positions, hold, close, adding(sql, positions), writing, attempt),
    ...jobHandlers(jobs, record, writing, attempt)
  }
})
