/** Many instruments, or their prices, in one statement. */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { InstrumentCreate, InstrumentPrice } from "../domain/Instrument.ts"
import { computed, encoder, packs, type RepositoryError } from "./Rows.ts"
import * as Tables from "./Tables.ts"

type Sql = SqlClient.SqlClient

/** What became of each instrument of an upsert, by symbol. */
export interface UpsertResult {
  readonly inserted: ReadonlyArray<string>
  readonly updated: ReadonlyArray<string>
  readonly unchanged: ReadonlyArray<string>
}

/** How to upsert. */
export interface UpsertOptions {
  /** Says what would become of each instrument, and changes nothing. */
  readonly dryRun?: boolean
}

/** Which prices were set, and which symbols are not known. */
export interface PriceResult {
  readonly updated: ReadonlyArray<string>
  readonly unknown: ReadonlyArray<string>
}

/** Runs one statement for each pack of JSON texts; several packs are one transaction. */
const inPacks = <A>(
  sql: Sql,
  texts: ReadonlyArray<string>,
  run: (json: string) => Effect.Effect<ReadonlyArray<A>, SqlError>
) => {
  const all = packs(texts)
  const results = Effect.map(Effect.forEach(all, run), Arr.flatten)
  return all.length > 1 ? sql.withTransaction(results) : results
}

/** Each symbol's last entry, and the entries as JSON. */
const latest = <A extends { readonly symbol: string }>(input: ReadonlyArray<A>) =>
  new Map(input.map((one) => [one.symbol as string, one]))

const merged = /* @__PURE__ */ Tables.settable(InstrumentCreate)
const mergedOf = (record: string) => Tables.settable(InstrumentCreate, record)

const Change = /* @__PURE__ */ Schema.Struct({ symbol: Schema.String, inserted: Schema.Boolean, done: Schema.Boolean })
const changes = /* @__PURE__ */ computed(Change)

// What is given is laid over the row that is there, or over one without allocations: what is left out stays as it is,
// and so does what is null. The rows that are there are locked first, in the order of their symbols, so that two
// upserts wait for each other instead of deadlocking, and none overwrites what the other has just stored.
const changed = (sql: Sql, json: string, lock: boolean) => sql`
  given AS (
    SELECT input ->> 'symbol' AS symbol, jsonb_strip_nulls(input) AS input FROM jsonb_array_elements(${json}::jsonb) AS input
  ), old AS (
    SELECT instruments.symbol, instruments AS stored FROM instruments JOIN given USING (symbol)
    ORDER BY instruments.symbol ${sql.literal(lock ? "FOR NO KEY UPDATE OF instruments" : "")}
  ), blank AS (
    SELECT jsonb_populate_record(
      NULL::instruments, '{"allocation_regions": {}, "allocation_sectors": {}, "allocation_asset_class": {}}'
    ) AS stored
  ), changed AS (
    SELECT new.*, old.symbol IS NULL AS inserted
    FROM given LEFT JOIN old USING (symbol) CROSS JOIN blank
      CROSS JOIN LATERAL jsonb_populate_record(coalesce(old.stored, blank.stored), given.input) AS new
    WHERE old.symbol IS NULL
      OR (${sql.literal(mergedOf("new"))}) IS DISTINCT FROM (${sql.literal(mergedOf("(old.stored)"))})
  )`

const previewPack = (sql: Sql, json: string) =>
  changes(sql`WITH ${changed(sql, json, false)} SELECT symbol, inserted, true AS done FROM changed`)

const upsertPack = (sql: Sql, json: string) =>
  changes(sql`
    WITH ${changed(sql, json, true)}, updated AS (
      UPDATE instruments SET (${sql.literal(merged)}) = (${sql.literal(mergedOf("changed"))})
      FROM changed WHERE instruments.symbol = changed.symbol AND NOT changed.inserted
      RETURNING instruments.symbol
    ), inserted AS (
      INSERT INTO instruments (${sql.literal(merged)})
      SELECT ${sql.literal(merged)} FROM changed WHERE inserted ORDER BY symbol
      ON CONFLICT (symbol) DO NOTHING
      RETURNING symbol
    )
    SELECT
      symbol, inserted,
      symbol IN (SELECT symbol FROM updated UNION ALL SELECT symbol FROM inserted) AS done
    FROM changed`)

const encodeCreate = /* @__PURE__ */ encoder(InstrumentCreate)

/** Upserts one pack. What someone else has inserted at this moment is upserted again: by then it is seen. */
const upsertTexts = (
  sql: Sql,
  texts: ReadonlyMap<string, string>,
  options: UpsertOptions | undefined
): Effect.Effect<ReadonlyArray<typeof Change.Type>, SqlError> =>
  Effect.gen(function* () {
    const run = options?.dryRun === true ? previewPack : upsertPack
    const written = yield* inPacks(sql, [...texts.values()], (json) => run(sql, json))
    const missed = new Map([...texts].filter(([symbol]) => written.some((one) => one.symbol === symbol && !one.done)))
    if (missed.size === 0) return written
    return [...written.filter((one) => one.done), ...(yield* upsertTexts(sql, missed, options))]
  })

export const upsertMany = (
  sql: Sql
): ((
  input: ReadonlyArray<InstrumentCreate>,
  options?: UpsertOptions
) => Effect.Effect<UpsertResult, RepositoryError>) =>
  Effect.fn("Instruments.upsertMany")(function* (input, options) {
    const texts = new Map<string, string>()
    for (const [symbol, one] of latest(input)) texts.set(symbol, yield* encodeCreate(one, `instrument ${symbol}`))
    const written = yield* upsertTexts(sql, texts, options)
    const insertedBySymbol = new Map(written.map(({ inserted, symbol }) => [symbol, inserted]))
    const symbols = [...texts.keys()]
    return {
      inserted: symbols.filter((symbol) => insertedBySymbol.get(symbol) === true),
      updated: symbols.filter((symbol) => insertedBySymbol.get(symbol) === false),
      unchanged: symbols.filter((symbol) => !insertedBySymbol.has(symbol))
    }
  })

const symbols = /* @__PURE__ */ computed(/* @__PURE__ */ Schema.Struct({ symbol: Schema.String }))

const pricePack = (sql: Sql, json: string) =>
  symbols(sql`
    WITH price AS (
      SELECT symbol, current_price FROM jsonb_populate_recordset(NULL::instruments, ${json}::jsonb)
    ), locked AS (
      SELECT symbol FROM instruments WHERE symbol IN (SELECT symbol FROM price) ORDER BY symbol FOR NO KEY UPDATE
    )
    UPDATE instruments SET current_price = price.current_price
    FROM locked JOIN price USING (symbol)
    WHERE instruments.symbol = locked.symbol
    RETURNING instruments.symbol`)

const encodePrice = /* @__PURE__ */ encoder(InstrumentPrice)

export const setPrices = (
  sql: Sql
): ((input: ReadonlyArray<InstrumentPrice>) => Effect.Effect<PriceResult, RepositoryError>) =>
  Effect.fn("Instruments.setPrices")(function* (input) {
    const prices = latest(input)
    const texts = yield* Effect.forEach(prices, ([symbol, price]) => encodePrice(price, `price of ${symbol}`))
    const written = yield* inPacks(sql, texts, (json) => pricePack(sql, json))
    const updated = new Set(written.map(({ symbol }) => symbol))
    return {
      updated: [...prices.keys()].filter((symbol) => updated.has(symbol)),
      unknown: [...prices.keys()].filter((symbol) => !updated.has(symbol))
    }
  })
