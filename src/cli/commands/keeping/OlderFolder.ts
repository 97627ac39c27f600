/** The databases in files of an older PostgreSQL: which of them is Alex's, and what else is there. */
import { Effect, Layer } from "effect"
import type { SqlClient } from "effect/sql"
import { DataApi } from "../../../data-api/DataApi.ts"
import * as DataApiSql from "../../../data-api/sql/DataApiSql.ts"
import * as OlderPglite from "../../../local/embedded/OlderPglite.ts"
import * as Installation from "../../../operations/database/Installation.ts"
import * as Inventory from "../../../operations/database/Inventory.ts"
import { Migration, Target } from "../../../operations/index.ts"
import { Refused } from "../../Outcome.ts"

/** A copy of the files at `location`, and the PGlite package that opens it. */
export interface OlderFiles extends Omit<OlderPglite.OlderPgliteOptions, "database"> {
  readonly location: string
}

/** The layer of one of the databases. */
export const layer = (files: OlderFiles, database: string) =>
  Layer.merge(
    DataApiSql.layer().pipe(Layer.provide(Layer.effect(DataApi, OlderPglite.open({ ...files, database })))),
    Layer.succeed(Target, { backend: "embedded", database, location: files.location, isLocal: true })
  )

/** A database, what somebody has made in it, and whether Alex's tables are there. */
interface Found {
  readonly name: string
  readonly objects: ReadonlyArray<{ readonly object: string; readonly here: boolean }>
  readonly isAlexs: boolean
  readonly notices: ReadonlyArray<string>
}

const look = Effect.fnUntraced(function* (name: string) {
  const { notices, tables } = yield* Installation.inspect(yield* Migration.load({}))
  const found: Found = { name, objects: yield* Inventory.read(), isAlexs: tables.length > 0, notices }
  return found
})

/** The database to open first: every PGlite has it. */
const first = "template1"

const all = Effect.fnUntraced(function* (files: OlderFiles) {
  const inside = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>) => Effect.provide(effect, layer(files, name))
  const begun = yield* inside(first, Effect.all({ names: Inventory.databases(), found: look(first) }))
  const others = begun.names.filter((name) => name !== first)
  return [begun.found, ...(yield* Effect.forEach(others, (name) => inside(name, look(name))))]
})

/** Alex's database, and the other objects that the files hold. */
export interface Chosen {
  readonly database: string
  readonly others: ReadonlyArray<string>
}

const nothing = (location: string, found: ReadonlyArray<Found>) => {
  const notices = found.flatMap(({ notices }) => notices)
  const problem = `No database in ${location} holds tables of Alex${notices.length === 0 ? "" : `: ${notices.join("; ")}`}; the folder is as it was`
  return new Refused({ code: "folder", problem, fix: "alex-db upgrade is for folders with Alex's tables" })
}

/**
 * Finds the database to carry over.
 *
 * @param described The database that the folder's description names.
 * @errors Refused
 */
export const choose = Effect.fnUntraced(function* (files: OlderFiles, described: string | undefined) {
  const found = yield* all(files)
  const alexs = found.filter(({ isAlexs, name }) => (described === undefined ? isAlexs : name === described))
  const [one, ...more] = alexs
  if (one === undefined) return yield* nothing(files.location, found)
  if (more.length > 0) {
    const names = alexs.map(({ name }) => name).join(", ")
    const problem = `Several databases in ${files.location} hold tables of Alex: ${names}; the folder is as it was`
    return yield* new Refused({ code: "folder", problem, fix: "Drop all but one with the PGlite that made it" })
  }
  // Objects in Alex's schema are left out: they are compared with the migrations instead.
  const beside = one.objects.filter(({ here }) => !here).map(({ object }) => object)
  const elsewhere = found
    .filter((other) => other !== one)
    .flatMap(({ name, objects }) => objects.filter(isOfDatabase).map(({ object }) => `${object} of database ${name}`))
  const chosen: Chosen = { database: one.name, others: [...beside, ...elsewhere] }
  return chosen
})

/** Roles and tablespaces belong to the cluster, so every database lists them. */
const isOfDatabase = ({ object }: { readonly object: string }): boolean => !/^(?:role|tablespace) /.test(object)

export type Reading = Layer.Success<ReturnType<typeof layer>> & (SqlClient.SqlClient | Target)
