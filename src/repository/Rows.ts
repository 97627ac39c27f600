/** Decodes rows into entities, and encodes input as the JSON that statements take. */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Request from "effect/Request"
import * as RequestResolver from "effect/RequestResolver"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { notTooDeep, refusingDepth } from "../domain/Json.ts"
import { InvalidInput, problemsOf, UnreadableRow } from "../domain/Problems.ts"
import { isStorable } from "../domain/Text.ts"
import type { ClerkUserId } from "../domain/User.ts"
import { action, checked } from "./calls/Arguments.ts"
import { quickReader } from "./RowDecoder.ts"
import { nothing } from "./Tables.ts"

/** The errors of any repository: of the database, or because input or a row does not fit its schema. */
export type RepositoryError = SqlError | InvalidInput | UnreadableRow

/** What a statement returns. */
export type Rows = Effect.Effect<ReadonlyArray<Row>, SqlError>

/** A row as a driver returns it. */
export interface Row {
  readonly [column: string]: unknown
}

/**
 * The rows of a list that can be read; `unreadable` says which can't, and why. Every list of a repository has it; it is
 * optional so that any array can stand in for a list.
 */
export interface Listed<A> extends ReadonlyArray<A> {
  readonly unreadable?: ReadonlyArray<UnreadableRow>
}

/** An array with the rows that could not be read as a property. */
export const listed = <A>(readable: ReadonlyArray<A>, unreadable: ReadonlyArray<UnreadableRow> = []): Listed<A> => {
  // Not enumerable, so that a list of rows is compared and printed like any array.
  const all = [...readable]
  return Object.defineProperty(all, "unreadable", { value: unreadable }) as typeof all & Listed<A>
}

/** The table and the key of rows, for the error about one that can't be read. */
interface Source {
  readonly name: string
  readonly key: string
}

const uuidForm = /^[0-9a-f]{4}(-?[0-9a-f]{4}){7}$/i

/**
 * An id in any of the forms in which PostgreSQL reads a UUID, as it writes it; null, which no row has, for what is none: a
 * message of a queue may hold anything.
 */
export const uuidOrNull = (id: unknown): string | null => {
  if (typeof id !== "string") return null
  const bare = id.startsWith("{") && id.endsWith("}") ? id.slice(1, -1) : id
  if (!uuidForm.test(bare)) return null
  const digits = bare.replaceAll("-", "").toLowerCase()
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
}

/** Whose rows an operation is limited to: anyone's if undefined, nobody's if null. */
export type Owner = ClerkUserId | null | undefined

/** The owner for whom a program asks: nobody if it has no id, and not anyone. */
export const ownerOf = (user: ClerkUserId): Owner => (typeof user === "string" ? user : null)

/** The database's own words: a driver may have them in the cause alone. */
export const wordsOf = ({ reason }: SqlError): string =>
  Predicate.hasProperty(reason.cause, "message") ? String(reason.cause.message) : (reason.message ?? reason._tag)

// Classes 22 (data) and 23 (integrity) of SQLSTATE, what a trigger raises, and a policy, unlike a privilege that lacks.
const refusals = /^(22|23|P0001|42501 .*row-level)/

/** Whether the database refused what a statement would write into a row, by a rule or a trigger, and not the statement. */
export const isRowRefused = (error: SqlError): boolean =>
  Predicate.hasProperty(error.reason.cause, "code") && refusals.test(`${error.reason.cause.code} ${wordsOf(error)}`)

/** What the statement that returns a row has done to it; nothing if it only reads. */
type Done = UnreadableRow["done"]

/** Decodes single rows and lists of them. */
export const reader = <A, I>(source: Source, schema: Schema.Codec<A, I>) => {
  const decode = Schema.decodeUnknownResult(schema)
  const quickly = quickReader(schema)
  const read = (row: Row, done?: Done): Result.Result<A, UnreadableRow> => {
    const entity = quickly(row)
    if (entity !== undefined) return Result.succeed(entity)
    return Result.mapError(
      decode(row),
      (error) =>
        new UnreadableRow({
          table: source.name,
          key: String(row[source.key]),
          problems: problemsOf(error),
          ...(done && { done })
        })
    )
  }
  return {
    /** Decodes one row. */
    row: (row: Row, done?: Done): Effect.Effect<A, UnreadableRow> => Effect.fromResult(read(row, done)),

    /** Decodes the rows that a statement returns, and sets aside those that can't be read. */
    list: <E, R>(statement: Effect.Effect<ReadonlyArray<Row>, E, R>, done?: Done): Effect.Effect<Listed<A>, E, R> =>
      Effect.map(statement, (rows) => listed(...Arr.partition(rows, (row) => read(row, done)))),

    /** Decodes the first row that a statement returns, and fails with `absent` if there is none. */
    first: <E2, E, R>(statement: Effect.Effect<ReadonlyArray<Row>, E, R>, absent: () => E2, done?: Done) =>
      Effect.flatMap(
        statement,
        ([row]): Effect.Effect<A, E2 | UnreadableRow> =>
          row === undefined ? Effect.fail(absent()) : Effect.fromResult(read(row, done))
      )
  }
}

/**
 * Decodes values that the package's own statements compute: their shape does not depend on what other programs wrote.
 */
export const computed = <A, I>(schema: Schema.Codec<A, I>) => {
  const decode = Schema.decodeUnknownEffect(Schema.Array(schema))
  return <E, R>(statement: Effect.Effect<ReadonlyArray<Row>, E, R>): Effect.Effect<ReadonlyArray<A>, E, R> =>
    Effect.flatMap(statement, (rows) => Effect.orDie(decode(rows)))
}

interface Lookup extends Request.Request<Row | undefined, SqlError> {
  readonly key: string
}
const lookup = /* @__PURE__ */ Request.of<Lookup>()

/**
 * Finds rows by their keys: concurrent lookups are one request for each `size` of them, those of a transaction their own.
 * A row that can't be read, or a key that no row can have, fails its own lookup only.
 */
export const lookUp = <A, I>(
  sql: SqlClient,
  table: Source & { readonly row: Schema.Codec<A, I> },
  size: number,
  execute: (keys: ReadonlyArray<string>) => Rows
) => {
  const resolver = RequestResolver.makeGrouped<Lookup, unknown>({
    key: ({ context }) => {
      const transaction = Context.getOrUndefined(context, sql.transactionService)
      return transaction && Equal.byReferenceUnsafe(transaction)
    },
    resolver: Effect.fnUntraced(function* (entries) {
      const keys = new Set(entries.map(({ request }) => request.key))
      const rows = yield* Effect.provideContext(execute([...keys]), entries[0].context)
      const found = new Map(rows.map((row) => [String(row[table.key]), row]))
      for (const { completeUnsafe, request } of entries) completeUnsafe(Exit.succeed(found.get(request.key)))
    })
  }).pipe(RequestResolver.batchN(size))
  const { first } = reader(table, table.row)
  const isId = table.key === "id"
  const keyOf = (given: unknown) => (isId ? uuidOrNull(given) : isStorable(given) ? given : null)
  return <E>(given: string, absent: () => E): Effect.Effect<A, E | SqlError | UnreadableRow> => {
    const key = keyOf(given)
    if (key === null) return Effect.suspend(() => Effect.fail(absent()))
    return first(
      Effect.map(Effect.request(lookup({ key }), resolver), (row) => (row === undefined ? [] : [row])),
      absent
    )
  }
}

/** Encodes input as the JSON text that `jsonb_populate_record` takes; `subject` names what it is about. */
export const encoder = <A, I>(schema: Schema.Codec<A, I>) => {
  const encode = Schema.encodeEffect(schema, { errors: "all" })
  return (value: A, subject: string): Effect.Effect<string, InvalidInput> =>
    Effect.suspend(() => encode(value)).pipe(
      Effect.mapError((error) => new InvalidInput({ subject, problems: problemsOf(error) })),
      Effect.flatMap((encoded) => notTooDeep(subject, encoded)),
      Effect.map((encoded) => JSON.stringify(encoded)),
      refusingDepth(subject)
    )
}

/** How often a statement is run for a row that it neither writes nor sees: one of another session is there at the next. */
export const mostAttempts = 20

const withheld = ({ name }: { readonly name: string }, key: string, message: string): UnreadableRow =>
  new UnreadableRow({ table: name, key, problems: [{ path: "", message }], withheld: true })

/** A row that is kept from the caller for good: by a policy of row-level security, or a trigger. */
export const keptRow = (table: { readonly name: string }, key: string): UnreadableRow =>
  withheld(
    table,
    key,
    "is neither written nor visible: a policy of row-level security or a trigger keeps it from this role"
  )

/** A row that the database does not let change. */
export const refusedRow = (table: { readonly name: string }, key: string, error: SqlError): UnreadableRow =>
  withheld(table, key, `can't be changed: ${wordsOf(error)}`)

/** Runs a statement until it returns a row, which has this key. */
export const untilSeen = <A, E, R>(
  attempt: Effect.Effect<ReadonlyArray<A>, E, R>,
  table: { readonly name: string },
  key: string,
  left = mostAttempts
): Effect.Effect<A, E | UnreadableRow, R> =>
  Effect.flatMap(attempt, ([row]) => {
    if (row !== undefined) return Effect.succeed(row)
    return left > 1 ? untilSeen(attempt, table, key, left - 1) : Effect.fail(keptRow(table, key))
  })

/** Reads page after page, the first after nothing and each other after the key of the last row, until one is not full. */
export const everyPage = Effect.fnUntraced(function* <E, R>(
  size: number,
  key: string,
  page: (after: string | undefined) => Effect.Effect<ReadonlyArray<Row>, E, R>
) {
  const all: Array<Row> = []
  for (;;) {
    const last = all.at(-1)
    const rows = yield* page(last && String(last[key] ?? ""))
    all.push(...rows)
    if (rows.length < size) return all
  }
})

/** Warns of a row that can't be read. */
export const warned = (row: UnreadableRow): Effect.Effect<void> => Effect.logWarning(row.message)

/** What to do with a row of a stream that can't be read: a warning in the log, unless something else is given. */
export interface StreamOptions {
  readonly onUnreadable?: (row: UnreadableRow) => Effect.Effect<void>
}

/** Every row of a table by its id, page after page; a row that can't be read is passed to `onUnreadable`. */
export const everyRow = <A, I>(
  sql: SqlClient,
  source: Source,
  schema: Schema.Codec<A, I>,
  { columns, pageSize }: { readonly columns: Fragment; readonly pageSize: number },
  options: StreamOptions | undefined
): Stream.Stream<A, SqlError | InvalidInput> => {
  const read = reader(source, schema)
  const onUnreadable = options?.onUnreadable ?? warned
  const page = (after: string | undefined): Rows => sql`
    SELECT ${columns} FROM ${sql.literal(source.name)}
    ${after === undefined ? nothing : sql`WHERE id > ${after}::uuid`}
    ORDER BY id LIMIT ${pageSize}::int`
  return Stream.paginate(
    undefined,
    Effect.fnUntraced(function* (after: string | undefined) {
      yield* checked(options, { onUnreadable: action })
      const rows = yield* page(after)
      const readable = yield* read.list(Effect.succeed(rows))
      yield* Effect.forEach(readable.unreadable ?? [], onUnreadable, { discard: true })
      const next = rows.length < pageSize ? Option.none() : Option.some(String(rows.at(-1)?.["id"]))
      return [readable, next] as const
    })
  )
}

/**
 * Joins JSON texts into JSON arrays of at most 1,000,000 characters each (one text that is longer is alone in its
 * array): a request has 4 MiB, a character may take 3 bytes there, and every quote inside the array is escaped.
 */
export const packs = (texts: ReadonlyArray<string>): ReadonlyArray<string> => {
  const packed: Array<Array<string>> = []
  let room = 0
  for (const text of texts) {
    const pack = packed.at(-1)
    if (pack === undefined || text.length > room) {
      packed.push([text])
      room = 1_000_000 - text.length
    } else {
      pack.push(text)
      room -= text.length + 1
    }
  }
  return packed.map((pack) => `[${pack.join(",")}]`)
}
