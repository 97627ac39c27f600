/**
 * Finds what a database holds of Alex: the journal, tables and functions, and objects of others that have their names.
 */
import { Effect, Option, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { quotedName } from "../../data-api/statement/Quoting.ts"
import { isOwn, type Migration } from "../migrate/Migration.ts"
import { type CreatedObjects, createdObjects } from "../migrate/statements/CreatedObjects.ts"
import { sqlStateOf } from "./DatabaseFailure.ts"
import * as Layout from "./Layout.ts"
import { Holder } from "./TakenNames.ts"

/** The name of the journal's table. */
export const journalTable = "alex_migrations"

/** One applied migration. `durationMs` is `null` for one outside a transaction that is in progress, or was cut off. */
export const Entry = Schema.Struct({
  name: Schema.String,
  checksum: Schema.String,
  appliedAt: Schema.Date,
  durationMs: Schema.NullOr(Schema.Int),
  version: Schema.String
})
export type Entry = typeof Entry.Type

const Relation = Schema.Struct({
  schema: Schema.String,
  name: Schema.String,
  kind: Schema.String,
  /** Whether an unqualified name means it. */
  visible: Schema.Boolean,
  columns: Schema.Record(Schema.String, Schema.String)
})
type Relation = typeof Relation.Type

/** `types` are those of its parameters, as PostgreSQL prints them. */
const StoredFunction = Schema.Struct({ name: Schema.String, types: Schema.String, body: Schema.NullOr(Schema.String) })
type StoredFunction = typeof StoredFunction.Type

const JournalRow = Schema.Struct({
  name: Schema.String,
  checksum: Schema.String,
  applied_at: Schema.DateFromString,
  duration_ms: Schema.NullOr(Schema.Int),
  version: Schema.String
})

const Found = Schema.Tuple([
  Schema.Struct({
    server: Schema.String,
    schema: Schema.NullOr(Schema.String),
    barred: Schema.NullOr(Schema.String),
    relations: Schema.Array(Relation),
    functions: Schema.Array(StoredFunction),
    holders: Schema.Array(Holder),
    journal: Schema.Unknown
  })
])

/**
 * Whether the tables match the journal:
 *
 * - `fresh`: nothing is applied; existing tables were made by the original Python module.
 * - `migrated`: the tables of the applied migrations exist.
 * - `remade`: they were dropped, or the original module has created them again.
 * - `incomplete`: that is so for some of them only.
 */
export type Standing = "fresh" | "migrated" | "remade" | "incomplete"

/** What was found in the current schema. */
export interface Installation {
  readonly standing: Standing
  /** The server's version, such as `16.4`. */
  readonly server: string
  /** The current schema's name, empty if the search path names none that exists. */
  readonly schema: string
  /**
   * The journal's entries of the migrations that were asked for (Alex's or the user's own), lowest number first;
   * `undefined` if there is no journal.
   */
  readonly journal: ReadonlyArray<Entry> | undefined
  /** The other entries of the journal: the user's own migrations, or Alex's. */
  readonly others: ReadonlyArray<Entry>
  /** Alex's tables. */
  readonly tables: ReadonlyArray<Layout.Relation>
  /** The functions with the names and the types of arguments of those that the migrations create. */
  readonly functions: ReadonlyArray<StoredFunction>
  /** Objects that have the name of one of Alex's but are not Alex's, or that are in the way: a sentence for each. */
  readonly foreign: ReadonlyArray<string>
  /** Those of `foreign` that the search path is the reason of. */
  readonly misplaced: ReadonlyArray<string>
  /** What has the names of the migrations' indexes: those indexes, or something else. */
  readonly holders: ReadonlyArray<Holder>
  /** What is missing, if the tables are incomplete: a sentence for each. */
  readonly incomplete: ReadonlyArray<string>
  /** What an operator should know. */
  readonly notices: ReadonlyArray<string>
}

const query = Effect.fnUntraced(function* (names: CreatedObjects, options: { readonly journal: boolean }) {
  const sql = yield* SqlClient.SqlClient
  const journal = options.journal
    ? sql`(select coalesce(jsonb_agg(to_jsonb(j)), '[]') from ${sql(journalTable)} j)`
    : sql`null::jsonb`
  const functions = names.functions.map(({ name }) => name)
  const tables = [...Layout.tables, ...names.tables, journalTable]
  return yield* sql`
    select current_setting('server_version') as server, current_schema()::text as schema, (
        -- A schema of the search path that the role may not use is as if it were not there.
        select n.nspname::text
        from unnest(string_to_array(current_setting('search_path'), ',')) with ordinality p(name, place)
          join pg_namespace n on n.nspname = case btrim(name) when '"$user"' then current_user else btrim(name, ' "') end
        where not has_schema_privilege(n.oid, 'usage') order by p.place limit 1
      ) as barred, (
        select coalesce(jsonb_agg(jsonb_build_object(
          'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'visible', pg_table_is_visible(c.oid),
          'columns', (
            -- With quote_all_identifiers on PostgreSQL prints names of types in quotes.
            select coalesce(jsonb_object_agg(a.attname, replace(format_type(a.atttypid, a.atttypmod), '"', '')), '{}')
            from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          )
        ) order by n.nspname, c.relname), '[]')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relname::text = any(${tables}::text[])
          and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      ) || (
        -- A table has a type of its own, so no other type may have its name.
        select coalesce(jsonb_agg(jsonb_build_object(
          'schema', n.nspname, 'name', t.typname, 'kind', 'c', 'visible', true, 'columns', jsonb_build_object())), '[]')
        from pg_type t join pg_namespace n on n.oid = t.typnamespace
        where n.nspname = current_schema() and t.typrelid = 0 and t.typname::text = any(${tables}::text[])
      ) as relations,
      (
        select coalesce(jsonb_agg(jsonb_build_object(
          'name', p.proname, 'types', replace(oidvectortypes(p.proargtypes), '"', ''), 'body', p.prosrc)), '[]')
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = current_schema() and p.proname::text = any(${functions}::text[])
      ) as functions,
      (
        select coalesce(jsonb_agg(jsonb_build_object(
          'name', c.relname, 'object', pg_describe_object('pg_class'::regclass, c.oid, 0), 'table', t.relname)), '[]')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
          left join pg_index i on i.indexrelid = c.oid left join pg_class t on t.oid = i.indrelid
        where n.nspname = current_schema() and c.relname::text = any(${names.indexes.map(({ name }) => name)}::text[])
      ) as holders, ${journal} as journal`
})

/** Fails with PostgreSQL's refusal of a schema that the role may not use. */
const refusedIn = Effect.fnUntraced(function* (schema: string) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`select from ${sql(schema)}.${sql(journalTable)}`
})

const isThere = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ journal: Schema.Boolean })]))

/** Reads the journal if there is one. A transaction, which a failed statement would abort, asks for it beforehand. */
const read = Effect.fnUntraced(function* (names: CreatedObjects) {
  const sql = yield* SqlClient.SqlClient
  if (Option.isSome(yield* Effect.serviceOption(sql.transactionService))) {
    const [{ journal }] = yield* isThere(yield* sql`select to_regclass(${journalTable}::text) is not null as journal`)
    return yield* query(names, { journal })
  }
  return yield* query(names, { journal: true }).pipe(
    Effect.catchTag("SqlError", (error) =>
      sqlStateOf(error) === "42P01" ? query(names, { journal: false }) : Effect.fail(error)
    )
  )
})

const anothers = (what: string, differences: ReadonlyArray<string>): string =>
  `${what} is another application's: ${differences.join(", ")}`

/** Tables with the names of those that pending migrations create after the first ones. */
const laterProblems = (here: ReadonlyArray<Relation>, { tables }: CreatedObjects): ReadonlyArray<string> =>
  here
    .filter(({ name }) => tables.includes(name) && !Layout.isAlexs(name))
    .flatMap((relation) => {
      const differences = Layout.laterDifferences(relation)
      return differences.length === 0 ? [] : [anothers(`the table "${relation.name}"`, differences)]
    })

const relationProblems = (here: ReadonlyArray<Relation>, migrated: boolean): ReadonlyArray<string> =>
  here.flatMap((relation) => {
    const isJournal = relation.name === journalTable
    const differences = isJournal ? Layout.journalDifferences(relation) : Layout.differencesOf(relation, migrated)
    return differences.length === 0 ? [] : [anothers(`the table "${relation.name}"`, differences)]
  })

const normal = (body: string): string => body.replaceAll(/\s+/g, " ").trim()

/** Whether a function has these parameters, which may have names: `shares jsonb` is `jsonb`. */
const takes = (parameters: string, types: string): boolean => {
  const [ours, theirs] = [parameters.split(","), types.split(", ")]
  return (
    ours.length === theirs.length &&
    theirs.every((type, index) => ` ${ours[index]?.trim()}`.endsWith(type === "" ? " " : ` ${type}`))
  )
}

const expectedFor = ({ name, types }: StoredFunction, expected: CreatedObjects["functions"]) =>
  expected.filter((one) => one.name === name && takes(one.parameters, types))

const functionProblems = (
  found: ReadonlyArray<StoredFunction>,
  expected: CreatedObjects["functions"]
): ReadonlyArray<string> =>
  found.flatMap((stored) => {
    const ours = expectedFor(stored, expected).map((one) => normal(one.body))
    const theirs = normal(stored.body ?? "")
    const isAlike =
      ours.length === 0 ||
      ours.includes(theirs) ||
      (ours.some((one) => Layout.keepsUpdatedAt.test(one)) && Layout.keepsUpdatedAt.test(theirs))
    return isAlike ? [] : [anothers(`the function "${stored.name}"`, ["it differs from the migrations' function"])]
  })

const pathProblems = (schema: string | null, relations: ReadonlyArray<Relation>): ReadonlyArray<string> => {
  if (schema === null) {
    return ["the search path names no schema that exists: create one, or set search_path to one that does"]
  }
  if (schema.startsWith("pg_")) {
    return [`the search path has "${schema}" first, a schema of PostgreSQL's own: set search_path to another`]
  }
  const hidden = relations.filter((relation) => relation.visible && relation.schema !== schema)
  if (hidden.length === 0) return []
  const names = hidden.map((relation) => `"${relation.schema}"."${relation.name}"`).join(", ")
  return [
    `${names}: the search path has the schema "${schema}" before it, where new tables would hide it. Set search_path to one schema`
  ]
}

/** The option of a connection that has only this schema in its search path, as a URL holds it. */
const pathOption = (schema: string): string => {
  const name = /^[a-z_][a-z0-9_]*$/.test(schema) ? schema : quotedName(schema)
  // In options white space separates, unless there is a backslash before it.
  return encodeURIComponent(`-c search_path=${name.replaceAll(/[\s\\]/g, "\\$&")}`)
}

const elsewhere = (schema: string | null, relations: ReadonlyArray<Relation>): ReadonlyArray<string> => {
  const schemas = relations
    .filter((relation) => relation.name === "instruments" && !relation.visible && relation.schema !== schema)
    .filter((relation) => Layout.differencesOf(relation, false).length === 0)
    .map((relation) => relation.schema)
  const [first] = schemas
  if (first === undefined || relations.some((relation) => relation.schema === schema)) return []
  return [
    `Alex's tables are in the schema ${schemas.map(quotedName).join(", ")}, which is not in the search path; to use those, set search_path, as in DATABASE_URL=...?options=${pathOption(first)}`
  ]
}

/** The tables of applied migrations that are missing, and those that the original module has created again. */
const lostTables = (
  tables: ReadonlyArray<Layout.Relation>,
  applied: ReadonlyArray<Migration>
): { readonly missing: ReadonlyArray<string>; readonly old: ReadonlyArray<string> } => {
  const isZoned = applied.some(({ name }) => name === Layout.zonedBy)
  return {
    missing: createdObjects(applied)
      .tables.filter(Layout.isAlexs)
      .filter((name) => !tables.some((table) => table.name === name)),
    old: isZoned ? tables.filter(Layout.isOriginal).map(({ name }) => name) : []
  }
}

const standingOf = (
  tables: ReadonlyArray<Layout.Relation>,
  applied: ReadonlyArray<Migration>
): { readonly standing: Standing; readonly problems: ReadonlyArray<string> } => {
  if (applied.length === 0) return { standing: "fresh", problems: [] }
  const { missing, old } = lostTables(tables, applied)
  if (missing.length + old.length === 0) return { standing: "migrated", problems: [] }
  const rest = tables.filter(({ name }) => Layout.isAlexs(name) && !old.includes(name))
  if (rest.length === 0) return { standing: "remade", problems: [] }
  const lost = [...missing.map((name) => `${name} is missing`), ...old.map((name) => `${name} was created again`)]
  const problem = `${lost.join(", ")}, though the journal has the migrations of it: alex-db repair repairs what differs, alex-db reset creates everything again`
  return { standing: "incomplete", problems: [problem] }
}

const decodeFound = Schema.decodeUnknownEffect(Found)
const decodeJournal = Schema.decodeUnknownEffect(Schema.Array(JournalRow))

const entriesOf = (journal: ReadonlyArray<typeof JournalRow.Type>): ReadonlyArray<Entry> =>
  journal
    .map(({ applied_at, duration_ms, ...entry }) => ({ ...entry, appliedAt: applied_at, durationMs: duration_ms }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))

/** The installation as the user's own migrations need it: only the journal and its schema. */
const ownInstallation = (
  found: (typeof Found.Type)[0],
  here: ReadonlyArray<Relation>,
  entries: ReadonlyArray<Entry> | undefined
): Installation => {
  const journal = (relation: Relation) => relation.name === journalTable
  const own = entries?.filter(({ name }) => isOwn(name))
  const misplaced = pathProblems(found.schema, found.relations.filter(journal))
  return {
    standing: (own ?? []).length > 0 ? "migrated" : "fresh",
    server: found.server,
    schema: found.schema ?? "",
    journal: own,
    others: entries?.filter(({ name }) => !isOwn(name)) ?? [],
    tables: [],
    functions: [],
    foreign: [...misplaced, ...relationProblems(here.filter(journal), true)],
    misplaced,
    holders: [],
    incomplete: [],
    notices: []
  }
}

/**
 * Looks for Alex in the current schema. One request if there is a journal; two if there is none, or in a
 * transaction.
 *
 * @param migrations The migrations whose tables and functions are looked for, besides Alex's first tables.
 * @param options.own Whether the migrations are the user's own, for which Alex's tables do not matter.
 * @errors RepositoryError
 */
export const inspect = Effect.fn("Installation.inspect")(function* (
  migrations: ReadonlyArray<Migration>,
  options: { readonly own?: boolean | undefined } = {}
): Effect.fn.Return<Installation, SqlError.SqlError | Schema.SchemaError, SqlClient.SqlClient> {
  const names = createdObjects(migrations)
  const rows = yield* read(names)
  const [found] = yield* decodeFound(rows)
  // PostgreSQL refuses it, in its words.
  if (found.schema === null && found.barred !== null) yield* refusedIn(found.barred)
  const here = found.relations.filter((relation) => relation.schema === found.schema)
  const journalHere = here.find((relation) => relation.name === journalTable)
  const isJournal = journalHere !== undefined && Layout.journalDifferences(journalHere).length === 0
  // Another runner created the journal between the two requests.
  if (isJournal && found.journal === null) return yield* inspect(migrations, options)
  const all = isJournal ? entriesOf(yield* decodeJournal(found.journal)) : undefined
  if (options.own === true) return ownInstallation(found, here, all)
  const entries = all?.filter(({ name }) => !isOwn(name))
  const finished = new Set(entries?.filter(({ durationMs }) => durationMs !== null).map(({ name }) => name))
  const tables = here.filter((relation) => relation.name !== journalTable)
  const alexs = here.filter((relation) => Layout.isAlexs(relation.name) || relation.name === journalTable)
  const misplaced = pathProblems(found.schema, found.relations)
  const foreign = [
    ...misplaced,
    ...relationProblems(alexs, finished.size > 0),
    ...laterProblems(here, createdObjects(migrations.filter(({ name }) => !finished.has(name)))),
    ...(finished.size > 0 ? [] : functionProblems(found.functions, names.functions))
  ]
  const { problems, standing } = standingOf(
    tables,
    migrations.filter(({ name }) => finished.has(name))
  )
  const result: Installation = {
    standing,
    server: found.server,
    schema: found.schema ?? "",
    journal: entries,
    others: all?.filter(({ name }) => isOwn(name)) ?? [],
    tables,
    functions: found.functions.filter((one) => expectedFor(one, names.functions).length > 0),
    foreign,
    misplaced,
    holders: found.holders,
    incomplete: foreign.length === 0 ? problems : [],
    notices: elsewhere(found.schema, found.relations)
  }
  return result
})
