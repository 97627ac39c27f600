/** COPY ... FROM STDIN: rows packed into as few requests as the service's limits allow. */

import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { MAX_REQUEST_BYTES } from "../../data-api/Limits.ts"
import { unquotedName } from "../../data-api/statement/Quoting.ts"
import * as Backend from "../protocol/BackendMessages.ts"
import type { ClientSocket } from "../protocol/ClientSocket.ts"
import type { Session } from "../session/ClientSession.ts"
import { statementOf } from "../statement/ClientStatement.ts"
import { Refused, refusal, refusedBy, refusedText } from "../statement/Refused.ts"
import type { Encoding } from "../values/Encodings.ts"
import { TextStream } from "../values/TextStream.ts"
import { noShapes, type TypeShapes } from "../values/TypeShape.ts"
import { BinaryReader } from "./CopyBinary.ts"
import { copiedColumns } from "./CopyColumns.ts"
import { copyEncoding } from "./CopyEncoding.ts"
import type { CopyFault } from "./CopyLines.ts"
import type { CopyStatement } from "./CopyStatement.ts"
import { type CopyRecord, recordReader } from "./CopyText.ts"

/** Bytes for the rows in the JSON of one request; the rest is for the statement, the ARNs and the headers. */
const CHUNK_BYTES = MAX_REQUEST_BYTES - 256 * 1024

/** Characters or bytes of a row in any format that can't fit into a request: an escape takes four for one. */
const LONGEST_ROW = 4 * MAX_REQUEST_BYTES

/** The table that the rows are inserted into. */
interface Target {
  readonly tableName: string
  readonly names: ReadonlyArray<string>
  readonly types: ReadonlyArray<number>
  /** The statement that inserts the rows of `:p1`, a JSON array. */
  readonly insert: string
}

const targetOf = Effect.fnUntraced(function* (session: Session, copy: CopyStatement) {
  const { table = "", tableName } = copy
  const names = yield* copiedColumns(session, copy)
  if (names.length === 0) {
    const insert = `insert into ${table} select from json_array_elements(:p1::json)`
    return { tableName, names, types: [], insert } satisfies Target
  }
  const into = `insert into ${table} (${names.join(", ")}) overriding system value`
  const places = names.map((_, index) => `$${index + 1}`)
  const asked = statementOf(`${into} values (${places.join(", ")})`)
  const answer = yield* session.describe(
    asked,
    names.map(() => "unknown")
  )
  if (answer === "unknown" || "sqlState" in answer) {
    // Gets PostgreSQL's own error.
    yield* session.send({ sql: `${into} values (${names.map(() => "null").join(", ")})` })
    return yield* refusal("0A000", "the table's columns could not be asked for", "Copy with a list of columns.")
  }
  const values = answer.casts.map((cast, index) => `(r.v->>${index})::${cast}`)
  const insert = `${into} select ${values.join(", ")} from json_array_elements(:p1::json) with ordinality r (v, n) order by r.n`
  return { tableName, names: names.map(unquotedName), types: answer.parameters, insert } satisfies Target
})

/** The size in bytes of a row's JSON within a JSON string, which escapes quotes and backslashes. */
const bytesOf = (json: string): number => {
  let bytes = Buffer.byteLength(json) + 1
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code === 0x22 || code === 0x5c) bytes++
  }
  return bytes
}

const shortened = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}...` : text)

/** The place of a line, with its text if that is shown. */
const lineOf = ({ tableName }: Target, line: number, text?: string): string =>
  `COPY ${tableName}, line ${line}${text === undefined ? "" : `: "${shortened(text)}"`}`

const located = (error: Refused, where: string): Refused =>
  new Refused({ ...error, fields: { ...error.fields, position: undefined, where } })

/** Fails if a record has not as many values as the table has columns. */
const checkWidth = (target: Target, record: CopyRecord): Effect.Effect<void, Refused> => {
  const missing = target.names[record.values.length]
  if (missing === undefined && record.values.length === target.names.length) return Effect.void
  const error = refusal(
    "22P04",
    missing === undefined ? "extra data after last expected column" : `missing data for column "${missing}"`
  )
  return Effect.fail(located(error, lineOf(target, record.line, record.text)))
}

/** Fails if the names in a header are not those of the columns. */
const checkHeader = (target: Target, header: CopyRecord, nullText: string): Effect.Effect<void, Refused> => {
  const { names } = target
  const { values } = header
  const refuse = (message: string) =>
    Effect.fail(located(refusal("22P04", message), lineOf(target, header.line, header.text)))
  if (values.length !== names.length) {
    return refuse(`wrong number of fields in header line: got ${values.length}, expected ${names.length}`)
  }
  const at = values.findIndex((value, index) => value !== names[index])
  if (at === -1) return Effect.void
  const got = values[at] === null ? `null value ("${nullText}")` : `"${values[at]}"`
  return refuse(`column name mismatch in header line field ${at + 1}: got ${got}, expected "${names[at]}"`)
}

class Inserter {
  readonly #session: Session
  readonly #target: Target
  #records: Array<CopyRecord> = []
  #rows: Array<string> = []
  #bytes = 0
  count = 0

  constructor(session: Session, target: Target) {
    this.#session = session
    this.#target = target
  }

  add(record: CopyRecord): Effect.Effect<void, Refused> {
    const json = JSON.stringify(record.values)
    const bytes = bytesOf(json)
    const full = this.#rows.length > 0 && this.#bytes + bytes > CHUNK_BYTES
    const add = Effect.sync(() => {
      this.#records.push(record)
      this.#rows.push(json)
      this.#bytes += bytes
    })
    return Effect.andThen(checkWidth(this.#target, record), full ? Effect.andThen(this.#inTransaction(), add) : add)
  }

  /** Rows that do not fit into one request are inserted in one transaction. */
  #inTransaction(): Effect.Effect<void, Refused> {
    const begun = this.#session.transaction === undefined ? this.#session.begin(true) : Effect.void
    return Effect.andThen(begun, this.#insertAll())
  }

  /** Inserts the remaining rows. */
  readonly finish: Effect.Effect<void, Refused> = Effect.suspend(() => {
    if (this.#rows.length === 0) return Effect.void
    if (this.#session.transaction !== undefined || this.#session.needsTransaction(statementOf(this.#target.insert))) {
      return this.#inTransaction()
    }
    // One request holds all rows. PostgreSQL rolled it back if it refused it, so a second run can find the faulty line.
    return Effect.catch(this.#insert(this.#rows), (error) =>
      error.cause?.reason._tag === "DatabaseError" ? this.#inTransaction() : Effect.fail(error)
    )
  })

  #insert(rows: ReadonlyArray<string>): Effect.Effect<void, Refused> {
    const sql = this.#target.insert
    const parameters = [{ name: "p1", value: { stringValue: `[${rows.join(",")}]` } }]
    return Effect.map(this.#session.send({ sql, parameters }), ({ numberOfRecordsUpdated = rows.length }) => {
      this.count += numberOfRecordsUpdated
    })
  }

  #insertAll(): Effect.Effect<void, Refused> {
    return Effect.suspend(() => {
      const [records, rows] = [this.#records, this.#rows]
      this.#records = []
      this.#rows = []
      this.#bytes = 0
      return this.#narrowed(records, rows, 0, rows.length)
    })
  }

  /** Inserts rows; if that fails, halves them until it finds the first row that PostgreSQL refuses. */
  #narrowed(
    records: ReadonlyArray<CopyRecord>,
    rows: ReadonlyArray<string>,
    from: number,
    to: number
  ): Effect.Effect<void, Refused> {
    const savepoint = "alex_gateway_copy"
    const session = this.#session
    const back = Effect.suspend(() =>
      Effect.mapError(session.call({ sql: `rollback to savepoint ${savepoint}` }), (error) => refusedBy(error))
    )
    const attempt = Effect.andThen(session.send({ sql: `savepoint ${savepoint}` }), this.#insert(rows.slice(from, to)))
    return Effect.matchEffect(attempt, {
      onSuccess: () => Effect.asVoid(session.send({ sql: `release savepoint ${savepoint}` })),
      onFailure: (error) => {
        const record = records[from]
        if (error.cause?.reason._tag !== "DatabaseError" || record === undefined) return Effect.fail(error)
        if (to - from === 1) return Effect.fail(located(error, lineOf(this.#target, record.line)))
        const middle = (from + to) >> 1
        const repaired = Effect.map(back, () => {
          if (session.transaction !== undefined) session.transaction.failed = false
        })
        return repaired.pipe(
          Effect.andThen(this.#narrowed(records, rows, from, middle)),
          Effect.andThen(this.#narrowed(records, rows, middle, to))
        )
      }
    })
  }
}

const tooLong = (): Refused =>
  refusal("54000", "a row of COPY is too long", "The Data API takes requests of 4 MiB, and a row has to fit into one.")

type Received = Result.Result<ReadonlyArray<CopyRecord>, Refused>

const binaryReader = (types: ReadonlyArray<number>, shapes: TypeShapes, encoding: Encoding) => {
  const reader = new BinaryReader(types, shapes, encoding)
  const received = (records: ReadonlyArray<CopyRecord> | string): Received =>
    typeof records === "string" ? Result.fail(refusal(reader.code, records)) : Result.succeed(records)
  return {
    read: (bytes: Uint8Array) => received(reader.read(bytes)),
    left: () => reader.left,
    end: () => received(reader.end() ?? []),
    header: () => undefined
  }
}

const lineReader = ({ options }: CopyStatement, target: Target, encoding: Encoding) => {
  const { names } = target
  const reader = recordReader(options, names)
  /** An empty line is one empty value; for a table without columns it is a row without values. */
  const fitting = (records: ReadonlyArray<CopyRecord>): ReadonlyArray<CopyRecord> =>
    names.length > 0 ? records : records.map((record) => (record.text === "" ? { ...record, values: [] } : record))
  const stream = new TextStream(encoding)
  const decoded = (bytes?: Uint8Array): Result.Result<string, Refused> =>
    Result.mapError(bytes === undefined ? stream.end() : stream.read(bytes), refusedText)
  const received = (records: ReadonlyArray<CopyRecord> | CopyFault): Received =>
    "message" in records
      ? Result.fail(located(refusal(records.code, records.message), lineOf(target, records.line, records.text)))
      : Result.succeed(fitting(records))
  const readText = (text: string): Received => received(reader.read(text))
  return {
    read: (bytes: Uint8Array) => Result.flatMap(decoded(bytes), readText),
    left: reader.left,
    end: () =>
      Result.flatMap(Result.flatMap(decoded(), readText), (records) =>
        Result.map(received(reader.end()), (rest) => [...records, ...rest])
      ),
    header: reader.header
  }
}

/** Inserts the rows that the client sends, and returns how many were inserted. */
export const receiveCopy = Effect.fnUntraced(function* (session: Session, socket: ClientSocket, copy: CopyStatement) {
  const target = yield* targetOf(session, copy)
  const binary = copy.options.format === "binary"
  const shapes = binary ? yield* session.shapes(target.types) : noShapes
  const reader = binary
    ? binaryReader(target.types, shapes, session.settings.encoding)
    : lineReader(copy, target, copyEncoding(session, copy))
  const inserter = new Inserter(session, target)
  const matched = Effect.suspend(() => {
    const header = copy.options.header === "match" ? reader.header() : undefined
    return header === undefined ? Effect.void : checkHeader(target, header, copy.options.nullText)
  })
  socket.send(Backend.copyInResponse(binary ? "binary" : "text", target.names.length))
  yield* socket.flush
  for (;;) {
    const read = yield* socket.next
    if (read._tag !== "Message") return yield* refusal("08006", "unexpected end of the client's connection during COPY")
    const { message } = read
    if (message._tag === "CopyData") {
      const records = yield* Effect.fromResult(reader.read(message.bytes))
      if (reader.left() > LONGEST_ROW) return yield* tooLong()
      yield* matched
      for (const record of records) yield* inserter.add(record)
    } else if (message._tag === "CopyDone") {
      const last = yield* Effect.fromResult(reader.end())
      yield* matched
      for (const record of last) yield* inserter.add(record)
      yield* inserter.finish
      return inserter.count
    } else if (message._tag === "Unreadable") {
      return yield* refusedText(message.fault)
    } else if (message._tag === "CopyFail") {
      return yield* refusal("57014", `COPY from stdin failed: ${message.message}`)
    } else if (message._tag !== "Flush" && message._tag !== "Sync") {
      return yield* refusal("08P01", "unexpected message during COPY from stdin")
    }
  }
})
