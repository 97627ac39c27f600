/** What can be held: funds, shares, bonds, commodities. */
import * as Arr from "effect/Array"
import * as Cache from "effect/Cache"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as RequestResolver from "effect/RequestResolver"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import * as SqlResolver from "effect/sql/SqlResolver"
import {
  Instrument,
  InstrumentAlreadyExists,
  InstrumentCreate,
  InstrumentHeld,
  InstrumentNotFound,
  InstrumentPrice,
  type InstrumentSymbol,
  type InstrumentType,
  InstrumentUpdate,
  unknownInstrument
} from "../domain/Instrument.ts"
import type { ClerkUserId } from "../domain/User.ts"
import { columnsOf, everyPage, jsonOf, packs, rowOf, rowsOf, untilSeen } from "./Rows.ts"

/** What became of each instrument of an upsert, by symbol. */
export interface Upserted {
  readonly inserted: ReadonlyArray<string>
  readonly updated: ReadonlyArray<string>
  readonly unchanged: ReadonlyArray<string>
}

/** An instrument takes about 1 KB of an answer, which may have 1 MiB. */
const pageSize = 400

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const columns = columnsOf(sql, "instruments", Instrument)
  const instruments = rowsOf(Instrument)
  const instrument = rowOf(Instrument)
  const encodeCreate = jsonOf(InstrumentCreate)
  const encodeUpdate = jsonOf(InstrumentUpdate)
  const encodePrice = jsonOf(InstrumentPrice)

  const bySymbols = (symbols: ReadonlyArray<string>) =>
    sql`SELECT ${columns} FROM instruments WHERE symbol = ANY(${symbols}::text[]) ORDER BY symbol`

  const resolver = SqlResolver.findById({
    Id: Schema.String,
    Result: Instrument,
    ResultId: (found) => found.symbol,
    execute: bySymbols
  }).pipe(RequestResolver.batchN(pageSize))

  const findBySymbol = Effect.fn("Instruments.findBySymbol")((symbol: InstrumentSymbol) =>
    SqlResolver.request(symbol, resolver).pipe(
      Effect.catchTag("NoSuchElementError", () => new InstrumentNotFound({ symbol }))
    )
  )

  const insert = (json: string) => sql`
    INSERT INTO instruments (
      symbol, name, instrument_type, current_price, allocation_regions, allocation_sectors, allocation_asset_class
    )
    SELECT
      symbol, name, instrument_type, current_price,
      coalesce(allocation_regions, '{}'), coalesce(allocation_sectors, '{}'), coalesce(allocation_asset_class, '{}')
    FROM jsonb_populate_record(NULL::instruments, ${json}::jsonb)
    ON CONFLICT (symbol) DO NOTHING
    RETURNING ${columns}`

  const Written = Schema.Struct({ symbol: Schema.String, inserted: Schema.Boolean })

  // What an upsert does not know (no price, an empty allocation) it leaves as it is. The rows are locked in the order
  // of their symbols, so that two upserts wait for each other instead of deadlocking.
  const upsertPack = (json: string) =>
    rowsOf(Written)(sql`
      INSERT INTO instruments AS old (
        symbol, name, instrument_type, current_price, allocation_regions, allocation_sectors, allocation_asset_class
      )
      SELECT
        symbol, name, instrument_type, current_price,
        coalesce(allocation_regions, '{}'), coalesce(allocation_sectors, '{}'), coalesce(allocation_asset_class, '{}')
      FROM jsonb_populate_recordset(NULL::instruments, ${json}::jsonb)
      ORDER BY symbol
      ON CONFLICT (symbol) DO UPDATE SET
        name = excluded.name,
        instrument_type = excluded.instrument_type,
        current_price = coalesce(excluded.current_price, old.current_price),
        allocation_regions = coalesce(nullif(excluded.allocation_regions, '{}'), old.allocation_regions),
        allocation_sectors = coalesce(nullif(excluded.allocation_sectors, '{}'), old.allocation_sectors),
        allocation_asset_class = coalesce(nullif(excluded.allocation_asset_class, '{}'), old.allocation_asset_class)
      WHERE
        old.name IS DISTINCT FROM excluded.name
        OR old.instrument_type IS DISTINCT FROM excluded.instrument_type
        OR old.current_price <> excluded.current_price
        OR (old.current_price IS NULL AND excluded.current_price IS NOT NULL)
        OR excluded.allocation_regions NOT IN ('{}', old.allocation_regions)
        OR excluded.allocation_sectors NOT IN ('{}', old.allocation_sectors)
        OR excluded.allocation_asset_class NOT IN ('{}', old.allocation_asset_class)
      RETURNING old.symbol, (old.xmax = 0) AS inserted`)

  const pricePack = (json: string) =>
    rowsOf(Schema.Struct({ symbol: Schema.String }))(sql`
      WITH price AS (
        SELECT symbol, current_price FROM jsonb_populate_recordset(NULL::instruments, ${json}::jsonb)
      ), locked AS (
        SELECT symbol FROM instruments WHERE symbol IN (SELECT symbol FROM price) ORDER BY symbol FOR NO KEY UPDATE
      )
      UPDATE instruments SET current_price = price.current_price
      FROM locked JOIN price USING (symbol)
      WHERE instruments.symbol = locked.symbol
      RETURNING instruments.symbol`)

  /** Runs one statement per pack of JSON texts; several packs are one transaction. */
  const inPacks = <A, E>(texts: ReadonlyArray<string>, run: (json: string) => Effect.Effect<ReadonlyArray<A>, E>) => {
    const all = packs(texts)
    const results = Effect.map(Effect.forEach(all, run), Arr.flatten)
    return all.length > 1 ? sql.withTransaction(results) : results
  }

  const upsertMany = Effect.fn("Instruments.upsertMany")(function* (input: ReadonlyArray<InstrumentCreate>) {
    const latest = new Map(input.map((one) => [one.symbol, one]))
    const written = yield* inPacks(yield* Effect.forEach(latest.values(), encodeCreate), upsertPack)
    const insertedBySymbol = new Map(written.map(({ inserted, symbol }) => [symbol, inserted]))
    const symbols = Arr.fromIterable(latest.keys())
    const result: Upserted = {
      inserted: symbols.filter((symbol) => insertedBySymbol.get(symbol) === true),
      updated: symbols.filter((symbol) => insertedBySymbol.get(symbol) === false),
      unchanged: symbols.filter((symbol) => !insertedBySymbol.has(symbol))
    }
    return result
  })

  return {
    /**
     * Finds an instrument; lookups made concurrently are one request.
     *
     * @errors InstrumentNotFound, RepositoryError
     */
    findBySymbol,

    /**
     * `findBySymbol` that remembers what it found for as long as `timeToLive`; what it did not find, it asks again.
     *
     * @example
     * ```ts
     * import { Effect } from "effect"
     * import { Instruments, InstrumentSymbol } from "alex-database"
     *
     * const prices = Effect.gen(function*() {
     *   const instruments = yield* Instruments
     *   const find = yield* instruments.cached({ timeToLive: "1 minute" })
     *   return yield* Effect.forEach(["SPY", "SPY"], (symbol) => find(InstrumentSymbol.make(symbol)))
     * })
     * ```
     */
    cached: Effect.fn("Instruments.cached")(function* (options: {
      readonly timeToLive: Duration.Input
      /** How many instruments to remember; 1000 unless given. */
      readonly capacity?: number
    }) {
      const cache = yield* Cache.makeWith(findBySymbol, {
        capacity: options.capacity ?? 1000,
        timeToLive: (exit) => (Exit.isSuccess(exit) ? options.timeToLive : 0)
      })
      return (symbol: InstrumentSymbol) => Cache.get(cache, symbol)
    }),

    /**
     * Finds those of many symbols that are known, by symbol.
     *
     * @errors RepositoryError
     */
    findMany: Effect.fn("Instruments.findMany")((symbols: ReadonlyArray<InstrumentSymbol>) =>
      Effect.map(
        Effect.forEach(Arr.chunksOf(Arr.dedupe(symbols), pageSize), (some) => instruments(bySymbols(some))),
        Arr.flatten
      )
    ),

    /**
     * All instruments by symbol.
     *
     * @errors RepositoryError
     */
    all: Effect.fn("Instruments.all")(() =>
      everyPage(pageSize, (last: Instrument | undefined) =>
        instruments(sql`
          SELECT ${columns} FROM instruments WHERE symbol > ${last?.symbol ?? ""} ORDER BY symbol LIMIT ${pageSize}::int`)
      )
    ),

    /**
     * All instruments of one type by symbol.
     *
     * @errors RepositoryError
     */
    byType: Effect.fn("Instruments.byType")((type: InstrumentType) =>
      everyPage(pageSize, (last: Instrument | undefined) =>
        instruments(sql`
          SELECT ${columns} FROM instruments WHERE instrument_type = ${type} AND symbol > ${last?.symbol ?? ""}
          ORDER BY symbol LIMIT ${pageSize}::int`)
      )
    ),

    /**
     * Finds instruments whose symbol or name has `part` in it, in any case; `%` and `_` are themselves. The symbol
     * itself comes first, then symbols, names and words of names that begin with `part`; at most `limit` (20).
     *
     * @errors RepositoryError
     */
    search: Effect.fn("Instruments.search")((part: string, options?: { readonly limit?: number }) =>
      instruments(sql`
        WITH wanted AS (SELECT lower(trim(${part}::text)) AS part)
        SELECT ${columns} FROM instruments, wanted
        WHERE strpos(lower(symbol), part) > 0 OR strpos(lower(name), part) > 0
        ORDER BY
          CASE
            WHEN lower(symbol) = part THEN 0
            WHEN starts_with(lower(symbol), part) THEN 1
            WHEN starts_with(lower(name), part) THEN 2
            WHEN strpos(lower(name), ' ' || part) > 0 THEN 3
            WHEN strpos(lower(symbol), part) > 0 THEN 4
            ELSE 5
          END,
          symbol
        LIMIT ${options?.limit ?? 20}::int`)
    ),

    /**
     * The instruments that a user holds and that lack an allocation by region, sector or asset class.
     *
     * @errors RepositoryError
     */
    unclassified: Effect.fn("Instruments.unclassified")((user: ClerkUserId) =>
      instruments(sql`
        SELECT ${columns} FROM instruments
        WHERE '{}' IN (allocation_regions, allocation_sectors, allocation_asset_class)
          AND symbol IN (
            SELECT positions.symbol FROM positions JOIN accounts ON accounts.id = positions.account_id
            WHERE accounts.clerk_user_id = ${user}
          )
        ORDER BY symbol`)
    ),

    /**
     * Creates an instrument.
     *
     * @errors InstrumentAlreadyExists, RepositoryError
     */
    create: Effect.fn("Instruments.create")(function* (input: InstrumentCreate) {
      const json = yield* encodeCreate(input)
      return yield* instrument(() => new InstrumentAlreadyExists({ symbol: input.symbol }))(insert(json))
    }),

    /**
     * Finds an instrument, or registers the symbol with what `unknownInstrument` assumes of it; one request, and
     * `created` says which.
     *
     * @errors RepositoryError
     */
    register: Effect.fn("Instruments.register")(function* (
      symbol: InstrumentSymbol,
      known?: { readonly name?: string; readonly instrument_type?: InstrumentType }
    ) {
      const json = yield* encodeCreate(unknownInstrument(symbol, known))
      const attempt = rowsOf(Schema.Struct({ ...Instrument.fields, created: Schema.Boolean }))(sql`
        WITH created AS (${insert(json)})
        SELECT true AS created, created.* FROM created
        UNION ALL
        SELECT false, ${columns} FROM instruments WHERE symbol = ${symbol} AND NOT EXISTS (SELECT FROM created)`)
      // A symbol that someone else is registering at this moment is neither inserted nor seen; the next attempt sees it.
      const { created, ...found } = yield* untilSeen(attempt)
      return { instrument: found, created }
    }),

    /**
     * Creates or replaces an instrument; a price or an allocation that is left out, or empty, stays as it is.
     *
     * @errors RepositoryError
     */
    upsert: Effect.fn("Instruments.upsert")((input: InstrumentCreate) => upsertMany([input])),

    /**
     * `upsert` of many in one request (of 2 MB); of a symbol that occurs twice the last one counts.
     *
     * @errors RepositoryError
     */
    upsertMany,

    /**
     * Sets the prices of many instruments in one request (of 2 MB), and says which symbols are not known.
     *
     * @errors RepositoryError
     */
    setPrices: Effect.fn("Instruments.setPrices")(function* (input: ReadonlyArray<InstrumentPrice>) {
      const latest = new Map(input.map((price) => [price.symbol, price]))
      const written = yield* inPacks(yield* Effect.forEach(latest.values(), encodePrice), pricePack)
      const updated = new Set(written.map(({ symbol }) => symbol))
      const symbols = Arr.fromIterable(latest.keys())
      return {
        updated: symbols.filter((symbol) => updated.has(symbol)),
        unknown: symbols.filter((symbol) => !updated.has(symbol))
      }
    }),

    /**
     * Changes any subset of an instrument's fields.
     *
     * @errors InstrumentNotFound, RepositoryError
     */
    update: Effect.fn("Instruments.update")(function* (symbol: InstrumentSymbol, changes: InstrumentUpdate) {
      const json = yield* encodeUpdate(changes)
      return yield* instrument(() => new InstrumentNotFound({ symbol }))(sql`
        UPDATE instruments SET
          (name, instrument_type, current_price, allocation_regions, allocation_sectors, allocation_asset_class) = (
            SELECT name, instrument_type, current_price, allocation_regions, allocation_sectors, allocation_asset_class
            FROM jsonb_populate_record(instruments, ${json}::jsonb)
          )
        WHERE symbol = ${symbol}
        RETURNING ${columns}`)
    }),

    /**
     * Deletes an instrument that no position holds.
     *
     * @errors InstrumentHeld, InstrumentNotFound, RepositoryError
     */
    delete: Effect.fn("Instruments.delete")(function* (symbol: InstrumentSymbol) {
      const [found] = yield* rowsOf(Schema.Struct({ deleted: Schema.Boolean }))(sql`
        WITH deleted AS (
          DELETE FROM instruments
          WHERE symbol = ${symbol} AND NOT EXISTS (SELECT FROM positions WHERE positions.symbol = ${symbol})
          RETURNING symbol
        )
        SELECT EXISTS (SELECT FROM deleted) AS deleted FROM instruments WHERE symbol = ${symbol}`)
      if (found === undefined) return yield* new InstrumentNotFound({ symbol })
      if (!found.deleted) return yield* new InstrumentHeld({ symbol })
    })
  }
})

/**
 * The table `instruments`.
 *
 * @example
 * ```ts
 * import { BigDecimal, Effect } from "effect"
 * import { Instruments, InstrumentSymbol } from "alex-database"
 *
 * const close = Effect.gen(function*() {
 *   const instruments = yield* Instruments
 *   const symbol = InstrumentSymbol.make("SPY")
 *   const current_price = BigDecimal.fromStringUnsafe("450.25")
 *   return yield* instruments.setPrices([{ symbol, current_price }]) // { updated: ["SPY"], unknown: [] }
 * })
 * ```
 */
export class Instruments extends Context.Service<Instruments>()("alex-database/repository/Instruments", { make }) {
  /** On the table `instruments` of a `SqlClient`, whoever provides it. */
  static readonly layer = Layer.effect(this, this.make)
}
