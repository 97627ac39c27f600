/** Many instruments, or their prices, in one statement. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { Decimal } from "../../domain/Decimal.ts"
import { InstrumentCreate, InstrumentKnown, InstrumentPrice } from "../../domain/Instrument.ts"
import type { UnreadableRow } from "../../domain/Problems.ts"
import { asText } from "../../domain/Text.ts"
import { type Noted, noted } from "../calls/CallNote.ts"
import { computed, encoder, keptRow, mostAttempts, type RepositoryError } from "../Rows.ts"
import * as Tables from "../Tables.ts"
import { type BatchOptions, checkedBatch, type Entry, encodeBatch, type Refused, writeBatch } from "./Batches.ts"

type Sql = SqlClient.SqlClient

/** The outcome for each instrument of an upsert, by symbol. */
export interface UpsertResult {
  readonly inserted: ReadonlyArray<string>
  readonly updated: ReadonlyArray<string>
  readonly unchanged: ReadonlyArray<string>
  /** Those that were not stored, with the reason. */
  readonly refused: ReadonlyArray<Refused>
}

/** How to upsert. */
export interface UpsertOptions extends BatchOptions {
  /** Reports what would be done, and changes nothing. */
  readonly dryRun?: boolean
}

/** Which prices were set, which symbols are not known, and which prices were not stored, with the reason. */
export interface PriceResult {
  readonly updated: ReadonlyArray<string>
  readonly unknown: ReadonlyArray<string>
  readonly refused: ReadonlyArray<Refused>
}

/** Each symbol's last entry. */
const latest = <A extends { readonly symbol: string }>(input: ReadonlyArray<A>): ReadonlyMap<string, A> =>
  new Map(input.map((one) => [asText(one?.symbol), one]))

/** The SQL of a symbol in capitals, whatever the database's locale: `upper` makes of `i` another letter in Turkish. */
const inCapitals = (given: string) => `translate(${given}, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')`

/** The SQL of the stored symbol: in this spelling if it exists, else in capitals. */
export const meant = (given: string) =>
  Tables.fixed(
    `coalesce((SELECT known.symbol FROM instruments AS known WHERE known.symbol = ${given}), ${inCapitals(given)})`
  )

/** The stored symbol that is meant by another spelling, as SQL. */
export const meantBy = (sql: Sql, symbol: string) =>
  sql`(SELECT ${meant("given")} FROM (SELECT ${symbol}::varchar AS given) AS given)`

const merged = /* @__PURE__ */ Tables.settable(InstrumentCreate)
const mergedOf = (record: string) => Tables.settable(InstrumentCreate, record)

/**
 * `kept` means not written, since the instrument has another name or price, which are in `known_name` and
 * `known_price`.
 */
const Change = /* @__PURE__ */ Schema.Struct({
  given: Schema.String,
  symbol: Schema.String,
  inserted: Schema.Boolean,
  done: Schema.Boolean,
  kept: Schema.Boolean,
  known_name: Schema.NullOr(Schema.String),
  known_price: Schema.NullOr(Decimal)
})
const changes = /* @__PURE__ */ computed(Change)

// Of several spellings of one symbol the last entry counts. It is merged into the stored row, or into one with empty
// allocations: a field that is left out or null keeps its value. Stored rows are locked first, in the order of their symbols, so that two upserts wait for each other
// instead of deadlocking, and each merges into what the other has just stored.
const changed = (sql: Sql, json: string, { keep, lock }: { readonly keep: boolean; readonly lock: boolean }) => sql`
  input AS (
    SELECT input ->> 'symbol' AS given, jsonb_strip_nulls(input) AS input, place
    FROM jsonb_array_elements(${json}::jsonb) WITH ORDINALITY AS one (input, place)
  ), given AS (
    SELECT given, meant.symbol, input || jsonb_build_object('symbol', meant.symbol) AS input, place
    FROM input, LATERAL (SELECT ${meant("given")} AS symbol) AS meant
  ), last AS (
    SELECT DISTINCT ON (symbol) symbol, input FROM given ORDER BY symbol, place DESC
  ), old AS (
    SELECT instruments.symbol, instruments AS stored FROM instruments
    WHERE instruments.symbol IN (SELECT symbol FROM given)
    ORDER BY instruments.symbol ${sql.literal(lock ? "FOR NO KEY UPDATE" : "")}
  ), blank AS (
    SELECT jsonb_populate_record(
      NULL::instruments, '{"allocation_regions": {}, "allocation_sectors": {}, "allocation_asset_class": {}}'
    ) AS stored
  ), changed AS (
    SELECT
      new.*, old.symbol IS NULL AS inserted, ${sql.literal(keep ? differs : "false")} AS kept,
      (old.stored).name AS known_name, (old.stored).current_price AS known_price
    FROM last LEFT JOIN old USING (symbol) CROSS JOIN blank
      CROSS JOIN LATERAL jsonb_populate_record(coalesce(old.stored, blank.stored), last.input) AS new
    WHERE old.symbol IS NULL
      OR (${mergedOf("new")}) IS DISTINCT FROM (${mergedOf("(old.stored)")})
  )`

// A name or price that is NULL is a gap, which may be filled.
const differs = "coalesce((old.stored).name <> new.name OR (old.stored).current_price <> new.current_price, false)"

// The SQL of the outcome, for the record of the call. No record is made while another transaction is inserting the same
// instrument: the statement is then run again.
const came = {
  outcome: "CASE WHEN EXISTS (SELECT FROM changed WHERE kept) THEN 'NotAllowed' ELSE 'ok' END",
  when: "NOT EXISTS (SELECT FROM changed WHERE inserted AND symbol NOT IN (SELECT symbol FROM inserted))"
}

const returned = /* @__PURE__ */ Tables.fixed("given.given, symbol, inserted, kept, known_name, known_price")

const previewPack = (sql: Sql, json: string) =>
  changes(sql`
    WITH ${changed(sql, json, { keep: false, lock: false })}
    SELECT ${returned}, true AS done FROM given JOIN changed USING (symbol)`)

const upsertPack = (sql: Sql, json: string, keep: boolean, note: Noted) =>
  changes(sql`
    WITH ${changed(sql, json, { keep, lock: true })}, updated AS (
      UPDATE instruments SET (${merged}) = (${mergedOf("changed")})
      FROM changed WHERE instruments.symbol = changed.symbol AND NOT changed.inserted AND NOT changed.kept
      RETURNING instruments.symbol
    ), inserted AS (
      INSERT INTO instruments (${merged})
      SELECT ${merged} FROM changed WHERE inserted ORDER BY symbol
      ON CONFLICT (symbol) DO NOTHING
      RETURNING symbol
    )${note(came)}
    SELECT
      ${returned},
      kept OR symbol IN (SELECT symbol FROM updated UNION ALL SELECT symbol FROM inserted) AS done
    FROM given JOIN changed USING (symbol)`)

const encodeCreate = /* @__PURE__ */ encoder(InstrumentCreate)

interface Upserting extends UpsertOptions {
  /** Does not change instruments that have another name or price. */
  readonly keepKnown?: boolean
}

/**
 * Upserts entries. An instrument that another transaction has just inserted is upserted again, since it is visible by
 * then; one that is kept from this role is refused.
 */
const upsertEntries = (
  sql: Sql,
  entries: ReadonlyArray<Entry>,
  options: Upserting | undefined,
  left = mostAttempts
): Effect.Effect<
  { readonly rows: ReadonlyArray<typeof Change.Type>; readonly refused: ReadonlyArray<Refused> },
  SqlError | UnreadableRow
> =>
  Effect.gen(function* () {
    const note = yield* noted(sql)
    const written = yield* writeBatch(sql, entries, options, (json) =>
      options?.dryRun === true ? previewPack(sql, json) : upsertPack(sql, json, options?.keepKnown === true, note)
    )
    const missed = new Set(written.rows.filter(({ done }) => !done).map(({ given }) => given))
    if (missed.size === 0) return written
    const rows = written.rows.filter(({ done }) => done)
    if (left === 1) {
      const kept = Array.from(missed, (key) => keptRow(Tables.instruments, key))
      const [first] = kept
      if (options?.allOrNothing === true && first !== undefined) return yield* first
      return { rows, refused: [...written.refused, ...kept.map(({ key, message }) => ({ key, reason: message }))] }
    }
    const again = yield* upsertEntries(
      sql,
      entries.filter(({ key }) => missed.has(key)),
      options,
      left - 1
    )
    return {
      rows: [...rows, ...again.rows],
      refused: [...written.refused, ...again.refused]
    }
  })

export const upsertMany = (
  sql: Sql
): ((
  input: ReadonlyArray<InstrumentCreate>,
  options?: UpsertOptions
) => Effect.Effect<UpsertResult, RepositoryError>) =>
  Effect.fn("Instruments.upsertMany")(function* (input, options) {
    yield* checkedBatch(input, options)
    const encoded = yield* encodeBatch(latest(input), options, (one, symbol) =>
      encodeCreate(one, `instrument ${symbol}`)
    )
    const written = yield* upsertEntries(sql, encoded.entries, options)
    const byGiven = new Map(written.rows.map((row) => [row.given, row]))
    const refused = [...encoded.refused, ...written.refused]
    const isRefused = new Set(refused.map(({ key }) => key))
    const symbolsOf = (inserted: boolean) => {
      const symbols = encoded.entries.flatMap(({ key }) => {
        const row = byGiven.get(key)
        return row?.inserted === inserted ? [row.symbol] : []
      })
      return [...new Set(symbols)]
    }
    return {
      inserted: symbolsOf(true),
      updated: symbolsOf(false),
      unchanged: encoded.entries.map(({ key }) => key).filter((key) => !byGiven.has(key) && !isRefused.has(key)),
      refused
    }
  })

/** Upserts one instrument, unless it has another name or price, which the same statement checks. */
export const fillIn = (
  sql: Sql
): ((
  input: InstrumentCreate
) => Effect.Effect<"inserted" | "updated" | "unchanged", InstrumentKnown | RepositoryError>) =>
  Effect.fn("Instruments.fillIn")(function* (input) {
    const json = yield* encodeCreate(input, `instrument ${asText(input?.symbol)}`)
    const entries = [{ key: input.symbol, json }]
    const { rows } = yield* upsertEntries(sql, entries, { allOrNothing: true, keepKnown: true })
    const [row] = rows
    if (row === undefined) return "unchanged"
    if (!row.kept) return row.inserted ? "inserted" : "updated"
    const { known_name, known_price, symbol } = row
    return yield* new InstrumentKnown({ symbol, name: known_name ?? "", current_price: known_price })
  })

const priced = /* @__PURE__ */ computed(
  /* @__PURE__ */ Schema.Struct({ given: Schema.String, symbol: Schema.NullOr(Schema.String) })
)

/** The SQL of today's date in UTC. */
export const today = /* @__PURE__ */ Tables.fixed("(now() AT TIME ZONE 'UTC')::date")

const pricePack = (sql: Sql, json: string) =>
  priced(sql`
    WITH given AS (
      SELECT new.symbol AS given, meant.symbol, new.current_price, new.ordinality AS place
      FROM jsonb_populate_recordset(NULL::instruments, ${json}::jsonb) WITH ORDINALITY AS new,
        LATERAL (SELECT ${meant("new.symbol")} AS symbol) AS meant
    ), last AS (
      SELECT DISTINCT ON (symbol) symbol, current_price FROM given ORDER BY symbol, place DESC
    ), locked AS (
      SELECT symbol FROM instruments WHERE symbol IN (SELECT symbol FROM given) ORDER BY symbol FOR NO KEY UPDATE
    ), updated AS (
      UPDATE instruments SET current_price = last.current_price
      FROM locked JOIN last USING (symbol)
      WHERE instruments.symbol = locked.symbol
      RETURNING instruments.symbol, instruments.current_price
    ), remembered AS (
      INSERT INTO price_history (symbol, day, price)
      SELECT symbol, ${today}, current_price FROM updated
      ON CONFLICT (symbol, day) DO UPDATE SET price = excluded.price
    )
    SELECT given.given, updated.symbol FROM given LEFT JOIN updated USING (symbol)`)

const encodePrice = /* @__PURE__ */ encoder(InstrumentPrice)

export const setPrices = (
  sql: Sql
): ((input: ReadonlyArray<InstrumentPrice>, options?: BatchOptions) => Effect.Effect<PriceResult, RepositoryError>) =>
  Effect.fn("Instruments.setPrices")(function* (input, options) {
    yield* checkedBatch(input, options)
    const encoded = yield* encodeBatch(latest(input), options, (price, symbol) =>
      encodePrice(price, `price of ${symbol}`)
    )
    const written = yield* writeBatch(sql, encoded.entries, options, (json) => pricePack(sql, json))
    const known = new Map(written.rows.map(({ given, symbol }) => [given, symbol]))
    const keys = encoded.entries.map(({ key }) => key)
    return {
      updated: [...new Set(keys.flatMap((key) => known.get(key) ?? []))],
      unknown: keys.filter((key) => known.get(key) === null),
      refused: [...encoded.refused, ...written.refused]
    }
  })
