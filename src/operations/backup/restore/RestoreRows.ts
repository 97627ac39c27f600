/** Writes the rows of a backup in one transaction or in many, and compares them with the backup. */
import { Effect, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { Target } from "../../database/Target.ts"
import * as Progress from "../../Progress.ts"
import { shellWord } from "../../ShellWord.ts"
import { readable, refuse, type Source, tallied } from "../Backup.ts"
import * as Catalogue from "../BackupCatalogue.ts"
import type { Header, TableSum } from "../BackupFormat.ts"
import * as Marker from "./RestoreMarker.ts"
import * as RestoreTarget from "./RestoreTarget.ts"
import * as Writer from "./RestoreWriter.ts"

/** After the restore the rows differ from the backup's. */
export class RestoreDiffers extends Schema.TaggedError<RestoreDiffers>()("RestoreDiffers", {
  tables: Schema.Array(Schema.String)
}) {
  override get message() {
    return `The rows of ${this.tables.join(", ")} are not those of the backup after the restore. Something else writes to the database, or changes what is written: stop it, and restore again`
  }
}

/** How to restore; all members have a default. */
export interface RestoreOptions {
  /** Empties the tables first, where they hold rows. */
  readonly replace?: boolean | undefined
  /** The database's name, as the operator gave it to confirm; needed to replace rows in one that is not local. */
  readonly confirm?: string | undefined
  /** Commits in steps, and continues where a run with the same backup was cut off. */
  readonly resume?: boolean | undefined
  /** Reads the rows back and compares them; default true. */
  readonly verify?: boolean | undefined
  /** The folder of the migrations; by default the package's own. */
  readonly folder?: string | undefined
  /** The version that migrations are journalled with. */
  readonly version?: string | undefined
}

interface Job {
  readonly header: Header
  readonly schema: string
  readonly pairs: ReadonlyArray<RestoreTarget.Pair>
  /** The search path of the application. */
  readonly path: string
}

/** The tables that hold rows. In a transaction. */
export const occupied = Effect.fnUntraced(function* (schema: string, pairs: ReadonlyArray<RestoreTarget.Pair>) {
  const counts = yield* Effect.forEach(pairs, ({ to }) =>
    Effect.map(RestoreTarget.countOf(schema, to.name, !to.isPartitioned), (rows) => ({ name: to.name, rows }))
  )
  return counts.filter(({ rows }) => rows > 0)
})

const rowsText = ({ name, rows }: { readonly name: string; readonly rows: number }): string =>
  `${name} (${rows > RestoreTarget.mostCounted ? "more than 1,000,000" : rows.toLocaleString("en-US")})`

/** Fails if rows would be lost and nobody confirmed that. */
const guard = Effect.fnUntraced(function* (
  there: ReadonlyArray<{ readonly name: string; readonly rows: number }>,
  { confirm, replace }: RestoreOptions
) {
  if (there.length === 0) return
  const { database, isLocal } = yield* Target
  const held = `it holds rows: ${there.map(rowsText).join(", ")}. Nothing was changed`
  if (replace !== true) {
    return yield* refuse(held, "To lose these rows and put the backup in their place, add --replace")
  }
  if (confirm !== database && (!isLocal || confirm !== undefined)) {
    return yield* refuse(
      `${held}; it ${isLocal ? "has another name" : "is not a local database"}`,
      `Confirm with --confirm ${shellWord(database)}`
    )
  }
})

/**
 * Checks the tables, empties them if that was confirmed, and drops or disables what would stop the rows. In a
 * transaction.
 */
const prepare = Effect.fnUntraced(function* (
  header: Header,
  place: RestoreTarget.Place,
  options: RestoreOptions,
  unfinished: Marker.Marker | undefined
) {
  const path = yield* Catalogue.settings()
  const before = yield* RestoreTarget.pairsOf(header, place)
  yield* Writer.lock(place.schema, before)
  const replaced = yield* occupied(place.schema, before)
  if (unfinished !== undefined && options.replace !== true) {
    return yield* refuse(
      "a restore that was begun with --resume is unfinished here",
      "Continue with --resume and the same file, or start again with --replace"
    )
  }
  yield* guard(replaced, options)
  if (replaced.length > 0) yield* RestoreTarget.refuseReferences(place.schema, header)
  const empty = replaced.length > 0 ? Writer.empty(place.schema, before) : Effect.void
  if (unfinished !== undefined) {
    // That restore is abandoned: what it dropped or disabled is put back, which its rows might keep from it.
    yield* empty
    yield* Writer.putBack(unfinished.after)
    yield* Marker.drop(place.schema)
  }
  const pairs = unfinished === undefined ? before : yield* RestoreTarget.pairsOf(header, place)
  const prepared = Writer.preparation(pairs)
  yield* Writer.runAll(prepared.before)
  if (unfinished === undefined) yield* empty
  const job: Job = { header, schema: place.schema, pairs, path: Catalogue.pathOf(place.schema, path) }
  return { job, after: prepared.after, replaced }
})

/** Writes all rows after the first `skip` ones, batch by batch. */
const load = <E, R, E2, R2>(
  { header, pairs }: Job,
  rows: Source<E, R>["rows"],
  skip: number,
  send: (batch: Writer.Batch, pair: RestoreTarget.Pair) => Effect.Effect<void, E2, R2>
) => {
  const batches = new Writer.Batches(pairs)
  let read = 0
  const sendBatch = Effect.fnUntraced(function* (batch: Writer.Batch | undefined) {
    const pair = batch === undefined ? undefined : pairs[batch.table]
    if (batch === undefined || pair === undefined) return
    const text = `${pair.to.name}: ${(batch.before + batch.lines.length).toLocaleString("en-US")} rows`
    yield* Progress.report({ operation: "restore", done: batch.table, total: header.tables.length, text })
    yield* send(batch, pair)
  })
  return Stream.runForEachArray(rows, (chunk) =>
    Effect.gen(function* () {
      for (const { table, values } of chunk) {
        if (read++ < skip) {
          batches.skip(table)
          continue
        }
        const full = batches.add(table, values)
        if (full !== undefined) yield* sendBatch(full)
      }
    })
  ).pipe(Effect.andThen(Effect.suspend(() => sendBatch(batches.take()))))
}

/** Reads the rows back, and returns the tables whose rows differ. In a transaction. */
const differing = Effect.fnUntraced(function* (
  { pairs, schema }: Pick<Job, "pairs" | "schema">,
  expected: ReadonlyArray<TableSum>
) {
  const read = tallied(
    "verify",
    pairs.map(({ from, to }) =>
      readable(
        schema,
        to,
        from.columns.map(({ name }) => name)
      )
    )
  )
  yield* Stream.runDrain(read.rows)
  const found = yield* read.sums
  return expected
    .filter(({ rows, sum }, index) => found[index]?.rows !== rows || found[index]?.sum !== sum)
    .map(({ name }) => name)
})

/**
 * Puts back what was dropped or disabled, and compares the rows; returns the missing sequences. In the transaction that
 * ends the restore.
 */
const finish = Effect.fnUntraced(function* (
  job: Job,
  after: ReadonlyArray<string>,
  sums: ReadonlyArray<TableSum>,
  options: RestoreOptions
) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`set constraints all immediate`
  const missingSequences = yield* Writer.setSequences(job.schema, job.header.sequences)
  yield* Writer.runAll(after)
  if (options.verify === false) return missingSequences
  yield* Catalogue.setPath(Catalogue.qualified)
  const tables = yield* differing(job, sums)
  return tables.length > 0 ? yield* new RestoreDiffers({ tables }) : missingSequences
})

/** Writes all rows in one transaction. */
export const restoreAtOnce = Effect.fnUntraced(function* <E, R>(
  { header, rows, sums }: Source<E, R>,
  place: RestoreTarget.Place,
  options: RestoreOptions
) {
  const sql = yield* SqlClient.SqlClient
  const unfinished = yield* Marker.find(place.schema)
  return yield* sql.withTransaction(
    Effect.gen(function* () {
      const { after, job, replaced } = yield* prepare(header, place, options, unfinished)
      yield* Catalogue.setPath(job.path)
      yield* load(job, rows, 0, (batch, pair) => Writer.write(job.schema, pair, batch))
      const missingSequences = yield* finish(job, after, yield* sums, options)
      return { replaced, resumedAt: 0, missingSequences }
    })
  )
})

/**
 * Whether all of the backup is in place already: a run that was cut off after its last commit, or before its answer,
 * has nothing left to do.
 */
const isInPlace = Effect.fnUntraced(function* <E, R>(
  { header, rows, sums }: Source<E, R>,
  place: RestoreTarget.Place,
  options: RestoreOptions
) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* Catalogue.settings()
      const pairs = yield* RestoreTarget.pairsOf(header, place)
      const there = yield* occupied(place.schema, pairs)
      if (there.length === 0) return false
      yield* Stream.runDrain(rows)
      const tables = yield* differing({ schema: place.schema, pairs }, yield* sums)
      if (tables.length > 0) yield* guard(there, options)
      return tables.length === 0
    })
  )
})

/**
 * Where an unfinished restore goes on; undefined if its rows are not what it has written, and may be replaced. Fails if
 * they may not. In a transaction.
 */
const goOn = Effect.fnUntraced(function* (
  header: Header,
  place: RestoreTarget.Place,
  { after, rows }: Marker.Marker,
  { replace }: RestoreOptions
) {
  const path = Catalogue.pathOf(place.schema, yield* Catalogue.settings())
  const job: Job = { header, schema: place.schema, pairs: yield* RestoreTarget.pairsOf(header, place), path }
  const held = yield* occupied(place.schema, job.pairs)
  const isCounted = held.every((table) => table.rows <= RestoreTarget.mostCounted)
  if (!isCounted || held.reduce((sum, table) => sum + table.rows, 0) === rows) {
    return { job, after, replaced: [], resumedAt: rows }
  }
  if (replace === true) return undefined
  const there = held.length === 0 ? "none" : held.map(rowsText).join(", ")
  return yield* refuse(
    `its rows, ${there}, are not the ${rows.toLocaleString("en-US")} that the unfinished restore has written`,
    "Start again with --replace"
  )
})

/** Writes the rows in many transactions, or continues where a run with the same backup was cut off. */
export const restoreInParts = Effect.fnUntraced(function* <E, R>(
  { header, rows, sums }: Source<E, R>,
  place: RestoreTarget.Place,
  options: RestoreOptions
) {
  const sql = yield* SqlClient.SqlClient
  const { schema } = place
  const found = yield* Marker.find(schema)
  const isSame = found !== undefined && found.backup === header.id
  if (found === undefined && options.replace !== true && (yield* isInPlace({ header, rows, sums }, place, options))) {
    const resumedAt = (yield* sums).reduce((sum, table) => sum + table.rows, 0)
    return { replaced: [], resumedAt, missingSequences: [] }
  }
  const begun = yield* sql.withTransaction(
    Effect.gen(function* () {
      const going = isSame ? yield* goOn(header, place, found, options) : undefined
      if (going !== undefined) return going
      const prepared = yield* prepare(header, place, options, found)
      yield* Marker.create(schema, header.id, prepared.after)
      return { ...prepared, resumedAt: 0 }
    })
  )
  const { after, job, replaced, resumedAt } = begun
  let written = resumedAt
  yield* load(job, rows, resumedAt, (batch, pair) =>
    Effect.gen(function* () {
      const next = written + batch.lines.length
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* Catalogue.settings()
          yield* Catalogue.setPath(job.path)
          yield* Writer.write(schema, pair, batch)
          yield* Marker.advance(schema, written, next)
        })
      )
      written = next
    })
  )
  const missingSequences = yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* Catalogue.settings()
      yield* Catalogue.setPath(job.path)
      const missing = yield* finish(job, after, yield* sums, options)
      yield* Marker.drop(schema)
      return missing
    })
  )
  return { replaced, resumedAt, missingSequences }
})
