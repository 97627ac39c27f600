/** The instruments that can be held: funds, shares, bonds, commodities. */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import {
  Instrument,
  InstrumentAlreadyExists,
  InstrumentCreate,
  InstrumentHeld,
  type InstrumentKnown,
  InstrumentNotFound,
  type InstrumentPrice,
  InstrumentSymbol,
  type InstrumentType,
  InstrumentUpdate,
  unknownInstrument
} from "../domain/Instrument.ts"
import { asText, isStorable } from "../domain/Text.ts"
import type { ClerkUserId } from "../domain/User.ts"
import type { BatchOptions } from "./batches/Batches.ts"
import {
  fillIn,
  meant,
  meantBy,
  type PriceResult,
  setPrices,
  type UpsertOptions,
  type UpsertResult,
  upsertMany
} from "./batches/InstrumentBatches.ts"
import { checked, count, int, length, list, word } from "./calls/Arguments.ts"
import { seeingDeleted } from "./DeletedMeanwhile.ts"
import {
  computed,
  encoder,
  everyPage,
  type Listed,
  listed,
  lookUp,
  type RepositoryError,
  type Row,
  reader,
  untilSeen
} from "./Rows.ts"
import * as Tables from "./Tables.ts"

/** What is known of a symbol when it is registered. */
export interface KnownInstrument {
  readonly name?: string
  readonly instrument_type?: InstrumentType
}

/** How long to remember instruments, and how many: 1000 unless given. */
export interface CacheOptions {
  readonly timeToLive: Duration.Input
  readonly capacity?: number
}

type Find = (symbol: InstrumentSymbol) => Effect.Effect<Instrument, InstrumentNotFound | RepositoryError>

/** The operations on instruments. */
export interface Operations {
  /**
   * Finds an instrument; concurrent lookups are one request.
   *
   * @errors InstrumentNotFound, RepositoryError
   */
  readonly findBySymbol: Find

  /**
   * `findBySymbol` with a cache: found instruments are kept for `timeToLive`; a symbol that was not found is looked up
   * again.
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
  readonly cached: (options: CacheOptions) => Effect.Effect<Find>

  /**
   * Finds the known ones of many symbols in any spelling, each once, sorted by symbol.
   *
   * @errors RepositoryError
   */
  readonly findMany: (symbols: ReadonlyArray<InstrumentSymbol>) => Effect.Effect<Listed<Instrument>, RepositoryError>

  /**
   * All instruments by symbol.
   *
   * @errors RepositoryError
   */
  readonly all: () => Effect.Effect<Listed<Instrument>, RepositoryError>

  /**
   * All instruments of one type by symbol.
   *
   * @errors RepositoryError
   */
  readonly byType: (type: InstrumentType) => Effect.Effect<Listed<Instrument>, RepositoryError>

  /**
   * Finds instruments whose symbol or name contains `part`, in any case; `%` and `_` are themselves. The symbol itself
   * comes first, then symbols, names and words of names that begin with `part`; at most `limit` (20), without the first
   * `offset` (0).
   *
   * @errors RepositoryError
   */
  readonly search: (
    part: string,
    options?: { readonly limit?: number; readonly offset?: number }
  ) => Effect.Effect<Listed<Instrument>, RepositoryError>

  /**
   * The instruments that a user holds and that lack an allocation by region, sector or asset class, by symbol: all, or
   * at most `limit` with symbols after `after`.
   *
   * @errors RepositoryError
   */
  readonly unclassified: (
    user: ClerkUserId,
    options?: { readonly after?: string | undefined; readonly limit?: number }
  ) => Effect.Effect<Listed<Instrument>, RepositoryError>

  /**
   * Creates an instrument.
   *
   * @errors InstrumentAlreadyExists, RepositoryError
   */
  readonly create: (input: InstrumentCreate) => Effect.Effect<Instrument, InstrumentAlreadyExists | RepositoryError>

  /**
   * Finds an instrument, or registers the symbol with the values of `unknownInstrument`. One request; `created` says
   * which it was.
   *
   * @errors RepositoryError
   */
  readonly register: (
    symbol: InstrumentSymbol,
    known?: KnownInstrument
  ) => Effect.Effect<{ readonly instrument: Instrument; readonly created: boolean }, RepositoryError>

  /**
   * Creates or updates an instrument. Given fields are stored, an empty allocation too; a price or an allocation that
   * is left out, and a price of `null`, stay as they are. Fails if the instrument can't be stored.
   *
   * @errors RepositoryError
   */
  readonly upsert: (input: InstrumentCreate) => Effect.Effect<UpsertResult, RepositoryError>

  /**
   * Creates an instrument, or fills in what is missing: a name or price that is known can't be changed. Concurrent
   * calls take turns, so that each sees what the ones before it stored.
   *
   * @errors InstrumentKnown, RepositoryError
   */
  readonly fillIn: (
    input: InstrumentCreate
  ) => Effect.Effect<"inserted" | "updated" | "unchanged", InstrumentKnown | RepositoryError>

  /**
   * `upsert` of many in one request, or in several of 1,000,000 characters of JSON in one transaction; if a symbol
   * occurs twice, the last one counts. An instrument that can't be stored is refused and the others are stored, unless
   * `allOrNothing` is set.
   *
   * @errors RepositoryError
   */
  readonly upsertMany: (
    input: ReadonlyArray<InstrumentCreate>,
    options?: UpsertOptions
  ) => Effect.Effect<UpsertResult, RepositoryError>

  /**
   * Sets the prices of many instruments in one request, or in several of 1,000,000 characters of JSON in one
   * transaction, and stores them as today's in the price history. A price that can't be stored is refused and the
   * others are stored, unless `allOrNothing` is set.
   *
   * @errors RepositoryError
   */
  readonly setPrices: (
    input: ReadonlyArray<InstrumentPrice>,
    options?: BatchOptions
  ) => Effect.Effect<PriceResult, RepositoryError>

  /**
   * Changes any subset of an instrument's fields.
   *
   * @errors InstrumentNotFound, RepositoryError
   */
  readonly update: (
    symbol: InstrumentSymbol,
    changes: InstrumentUpdate
  ) => Effect.Effect<Instrument, InstrumentNotFound | RepositoryError>

  /**
   * Deletes an instrument that no position holds.
   *
   * @errors InstrumentHeld, InstrumentNotFound, RepositoryError
   */
  readonly delete: (
    symbol: InstrumentSymbol
  ) => Effect.Effect<void, InstrumentHeld | InstrumentNotFound | RepositoryError>
}

type Sql = SqlClient.SqlClient

/** An instrument takes about 1 KB of a response of the Data API, which holds 1 MiB. */
const pageSize = 400

const columns = /* @__PURE__ */ Tables.selected(Tables.instruments)
const read = /* @__PURE__ */ reader(Tables.instruments, Instrument)
const notFound = (symbol: InstrumentSymbol) => () => new InstrumentNotFound({ symbol: asText(symbol) })

const findBySymbol = (sql: Sql): Operations["findBySymbol"] => {
  const find = lookUp(sql, Tables.instruments, pageSize, Tables.byKeys(sql, Tables.instruments))
  return Effect.fn("Instruments.findBySymbol")((symbol) => {
    const capitals = symbol?.toUpperCase?.() ?? symbol
    const exact = find(symbol, notFound(symbol))
    return symbol === capitals
      ? exact
      : Effect.catchTag(exact, "InstrumentNotFound", () => find(capitals, notFound(symbol)))
  })
}

// Lookups at the same time are one request already, so only what was found is kept, the last one used at the end.
const cached = (find: Find): Operations["cached"] =>
  Effect.fn("Instruments.cached")((options) =>
    Effect.sync(() => {
      const kept = new Map<string, { readonly instrument: Instrument; readonly until: number }>()
      return Effect.fnUntraced(function* (symbol: InstrumentSymbol) {
        yield* checked(options, { timeToLive: length, capacity: count }, "timeToLive")
        const now = yield* Clock.currentTimeMillis
        const known = kept.get(symbol)
        const isKept = known !== undefined && now < known.until
        const entry = isKept
          ? known
          : { instrument: yield* find(symbol), until: now + Duration.toMillis(options.timeToLive) }
        kept.delete(symbol)
        kept.set(symbol, entry)
        for (const oldest of kept.keys()) {
          if (kept.size <= (options.capacity ?? 1000)) break
          kept.delete(oldest)
        }
        return entry.instrument
      })
    })
  )

/** Each row once, by its symbol: several spellings may mean one instrument. */
const sorted = (rows: ReadonlyArray<Row>): ReadonlyArray<Row> =>
  [...new Map(rows.map((row) => [`${row["symbol"]}`, row]))].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)

const findMany = (sql: Sql): Operations["findMany"] =>
  Effect.fn("Instruments.findMany")(function* (symbols) {
    yield* checked({ symbols }, { symbols: list }, "symbols")
    return yield* read.list(
      Effect.map(
        Effect.forEach(
          Arr.chunksOf([...new Set(symbols)].filter(isStorable), pageSize),
          (some) => sql<Row>`SELECT ${columns} FROM instruments
WHERE symbol IN (SELECT ${meant("given")} FROM unnest(${some}::text[]) AS given)`
        ),
        (pages) => sorted(pages.flat())
      )
    )
  })

/** Every instrument, or those of one type, by symbol. */
const everyInstrument = (sql: Sql, type?: InstrumentType) => {
  const ofType = type === undefined ? Tables.nothing : sql`AND instrument_type = ${type}::varchar`
  const page = (after: string | undefined) => sql`
    SELECT ${columns} FROM instruments WHERE ${Tables.following(sql, "symbol", after)} ${ofType}
    ORDER BY symbol LIMIT ${pageSize}::int`
  return read.list(everyPage(pageSize, "symbol", page))
}

const all = (sql: Sql): Operations["all"] => Effect.fn("Instruments.all")(() => everyInstrument(sql))

const byType = (sql: Sql): Operations["byType"] =>
  Effect.fn("Instruments.byType")((type) =>
    Effect.andThen(checked({ type }, { type: word }, "type"), everyInstrument(sql, type))
  )

/** The SQL of text without capitals: those of ASCII as everywhere, since `lower` makes of `I` another letter in Turkish. */
const small = (text: string) => `lower(lower(${text} COLLATE "C") COLLATE "default")`

const smallPart = /* @__PURE__ */ Tables.fixed(/* @__PURE__ */ small("part"))
const smallSymbol = /* @__PURE__ */ Tables.fixed(/* @__PURE__ */ small("symbol"))

/** How well an instrument fits the part of a name that is searched for; 0 is best. */
const closeness = /* @__PURE__ */ Tables.fixed(`CASE
  WHEN small_symbol = symbol_part THEN 0
  WHEN starts_with(small_symbol, symbol_part) THEN 1
  WHEN starts_with(lower(name), part) THEN 2
  WHEN strpos(lower(name), ' ' || part) > 0 THEN 3
  WHEN strpos(small_symbol, symbol_part) > 0 THEN 4
  ELSE 5
END`)

const search = (sql: Sql): Operations["search"] =>
  Effect.fn("Instruments.search")(function* (
    part: string,
    options?: { readonly limit?: number; readonly offset?: number }
  ) {
    yield* checked({ part }, { part: word }, "part")
    yield* checked(options, { limit: count, offset: int })
    // No stored text contains what the database can't store.
    if (!isStorable(part)) return listed([])
    return yield* read.list(sql`
      WITH wanted AS (
        SELECT lower(part) AS part, ${smallPart} AS symbol_part FROM (SELECT trim(${part}::text) AS part) AS given
      )
      SELECT ${columns} FROM instruments, wanted, LATERAL (SELECT ${smallSymbol} AS small_symbol) AS small
      WHERE strpos(small_symbol, symbol_part) > 0 OR strpos(lower(name), part) > 0
      ORDER BY ${closeness}, symbol
      ${Tables.limited(sql, options?.limit ?? 20)} OFFSET ${options?.offset ?? 0}::int`)
  })

const unclassified = (sql: Sql): Operations["unclassified"] =>
  Effect.fn("Instruments.unclassified")(function* (user, options) {
    yield* checked(options, { after: word, limit: count })
    const page = (after: string | undefined, limit: number) => sql`
      SELECT ${columns} FROM instruments
      WHERE '{}' IN (allocation_regions, allocation_sectors, allocation_asset_class)
        AND ${Tables.following(sql, "symbol", after)} AND symbol IN (
        SELECT positions.symbol FROM positions JOIN accounts ON accounts.id = account_id ${Tables.ofUser(sql, user)})
      ORDER BY symbol ${Tables.limited(sql, limit)}`
    const { after, limit } = options ?? {}
    return yield* read.list(
      Predicate.isNullish(limit)
        ? everyPage(pageSize, "symbol", (last) => page(last ?? after, pageSize))
        : page(after, limit)
    )
  })

/** The defaults of the columns, as in the migrations. */
const columnDefaults = { allocation_regions: {}, allocation_sectors: {}, allocation_asset_class: {} }

// The symbol is checked when it is encoded.
const inCapitals = ({ symbol, ...rest }: InstrumentCreate) => ({
  ...rest,
  symbol: typeof symbol === "string" ? InstrumentSymbol.make(symbol.toUpperCase(), { disableChecks: true }) : symbol
})

const encodeCreate = /* @__PURE__ */ encoder(InstrumentCreate)
const created = /* @__PURE__ */ Tables.settable(InstrumentCreate)

const create = (sql: Sql): Operations["create"] =>
  Effect.fn("Instruments.create")(function* (input) {
    const json = yield* encodeCreate(inCapitals({ ...columnDefaults, ...input }), `instrument ${asText(input?.symbol)}`)
    return yield* read.first(
      Tables.insertNew(sql, Tables.instruments, created, json),
      () => new InstrumentAlreadyExists({ symbol: input.symbol }),
      "written"
    )
  })

const register = (sql: Sql): Operations["register"] =>
  Effect.fn("Instruments.register")(function* (symbol: InstrumentSymbol, known?: KnownInstrument) {
    const input = inCapitals(unknownInstrument(symbol, known))
    const json = yield* encodeCreate(input, `instrument ${asText(symbol)}`)
    const key = sql`${input.symbol}::varchar`
    const inserted = Tables.insertOrFind(sql, Tables.instruments, created, json, key)
    const row = yield* untilSeen(inserted, Tables.instruments, input.symbol)
    const isNew = row["created"] === true
    return { instrument: yield* read.row(row, isNew ? "written" : undefined), created: isNew }
  })

const encodeUpdate = /* @__PURE__ */ encoder(InstrumentUpdate)
const updated = /* @__PURE__ */ Tables.settable(InstrumentUpdate)

const update = (sql: Sql): Operations["update"] =>
  Effect.fn("Instruments.update")(function* (symbol, changes) {
    const json = yield* encodeUpdate(changes, `change of instrument ${asText(symbol)}`)
    return yield* read.first(
      sql`
        ${Tables.updateFrom(sql, Tables.instruments, updated, json)}
        WHERE symbol = ${meantBy(sql, symbol)} RETURNING ${columns}`,
      notFound(symbol),
      "written"
    )
  })

const deletions = /* @__PURE__ */ computed(/* @__PURE__ */ Schema.Struct({ deleted: Schema.Boolean }))

const remove = (sql: Sql): Operations["delete"] =>
  Effect.fn("Instruments.delete")(function* (symbol) {
    const [found] = yield* deletions(
      seeingDeleted(sql)(sql`
      WITH deleted AS (
        DELETE FROM instruments WHERE symbol = ${meantBy(sql, symbol)}
        AND NOT EXISTS (SELECT FROM positions WHERE positions.symbol = instruments.symbol) RETURNING symbol
      ) SELECT EXISTS (SELECT FROM deleted) AS deleted FROM instruments WHERE symbol = ${meantBy(sql, symbol)}`)
    )
    if (found === undefined) return yield* notFound(symbol)()
    if (!found.deleted) return yield* new InstrumentHeld({ symbol: asText(symbol) })
  })

const make = Effect.map(SqlClient.SqlClient, (sql): Operations => {
  const find = findBySymbol(sql)
  const many = upsertMany(sql)
  return {
    findBySymbol: find,
    cached: cached(find),
    findMany: findMany(sql),
    all: all(sql),
    byType: byType(sql),
    search: search(sql),
    unclassified: unclassified(sql),
    create: create(sql),
    register: register(sql),
    upsert: Effect.fn("Instruments.upsert")((input) => many([input], { allOrNothing: true })),
    fillIn: fillIn(sql),
    upsertMany: many,
    setPrices: setPrices(sql),
    update: update(sql),
    delete: remove(sql)
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
 *   return yield* instruments.setPrices([{ symbol, current_price }]) // { updated: ["SPY"], unknown: [], refused: [] }
 * })
 * ```
 */
export class Instruments extends Context.Service<Instruments, Operations>()("alex-database/repository/Instruments", {
  make
}) {
  /** On the table `instruments` of any `SqlClient`. */
  static readonly layer = Layer.effect(this, this.make)
}
