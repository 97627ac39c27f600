/** Reads a backup, and names the first line that is damaged. */
import { Effect, Option, Schema, Stream } from "effect"
import * as Progress from "../Progress.ts"
import type { Source } from "./Backup.ts"
import { type BackupFileError, failed } from "./BackupFile.ts"
import {
  decodeHeader,
  decodeLine,
  formatName,
  formatVersion,
  longestLine,
  type Row,
  Seal,
  Tally,
  type Trailer
} from "./BackupFormat.ts"

/** The file is not a backup, or is damaged. */
export class BackupInvalid extends Schema.TaggedError<BackupInvalid>()("BackupInvalid", {
  /** The file, as it was named. */
  file: Schema.String,
  /** From 1. */
  line: Schema.Int,
  problem: Schema.String
}) {
  override get message() {
    return `${this.file}, line ${this.line}: ${this.problem}`
  }
}

/** The most bytes of the header's line: 10,000 tables of 100 columns take a tenth of it. */
const longestHeader = 256 * 1024 * 1024

const beginning = `{"format":"${formatName}"`

const packed = "this is compressed in a format other than gzip: decompress it first"

/** What a file that is not a backup is, by its first bytes. */
const others: ReadonlyArray<readonly [beginning: string, meaning: string]> = [
  ["PGDMP", "this is an archive of pg_dump, for pg_restore"],
  ["--\n-- PostgreSQL database", "this is a script of pg_dump, for psql"],
  ["SQLite format 3", "this is a database of SQLite"],
  ["\u00ff\u00fe", "this is text in UTF-16, which PowerShell's > makes of what is written to -: name the file instead"],
  ["PK\u0003\u0004", packed],
  ["BZh", packed],
  ["\u00fd7zXZ", packed],
  ["\u0028\u00b5\u002f\u00fd", packed]
]

/**
 * Splits bytes into lines at LF only: a Unicode line separator in a value ends no line. A carriage return before it is no
 * part of the line, since JSON escapes those of values: Git and editors of Windows add them.
 */
class Lines {
  #parts: Array<Uint8Array> = []
  #length = 0
  /** The first bytes of the file as characters, to recognize other formats. */
  beginning = ""

  /** The lines that these bytes complete; undefined if one is longer than a line may be. */
  push(octets: Uint8Array): ReadonlyArray<string> | undefined {
    const lines: Array<string> = []
    if (this.beginning.length < 64) this.beginning += Buffer.from(octets.subarray(0, 64)).toString("latin1")
    let start = 0
    for (let end = octets.indexOf(10); end !== -1; end = octets.indexOf(10, start)) {
      this.#keep(octets.subarray(start, end))
      if (this.#length > longestLine) return undefined
      lines.push(this.#text())
      this.#parts = []
      this.#length = 0
      start = end + 1
    }
    this.#keep(octets.subarray(start))
    return lines
  }

  #keep(octets: Uint8Array): void {
    if (octets.length === 0) return
    this.#parts.push(octets)
    this.#length += octets.length
  }

  #text(): string {
    const text = Buffer.concat(this.#parts).toString("utf8")
    return text.endsWith("\r") ? text.slice(0, -1) : text
  }

  /** How many bytes of an unfinished line are kept. */
  get left(): number {
    return this.#length
  }
}

const mark = Buffer.from("\ufeff")

/** Leaves out the byte-order mark that editors of Windows set at the beginning. */
async function* withoutMark(octets: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let first = Buffer.alloc(0)
  for await (const part of octets) {
    if (first.length >= mark.length) yield part
    else {
      first = Buffer.concat([first, part])
      if (first.length >= mark.length) yield first.subarray(first.indexOf(mark) === 0 ? mark.length : 0)
    }
  }
  if (first.length < mark.length) yield first
}

const isHeaderLike = (begun: string): boolean => begun.slice(0, beginning.length) === beginning.slice(0, begun.length)

const foreign = (begun: string): string =>
  `this is not a backup of alex-db: ${others.find(([start]) => begun.startsWith(start))?.[1] ?? "its first line is not a backup's"}`

const Version = Schema.fromJsonString(Schema.Struct({ version: Schema.Int }))

const damaged = "the line is not as it was written, or one before it is missing"

/** The state of reading one backup. */
class Reading {
  readonly #file: string
  readonly #octets: AsyncGenerator<Uint8Array>
  readonly #seal = new Seal()
  readonly #lines = new Lines()
  #line = 0
  #ended = false

  constructor(file: string, octets: AsyncIterable<Uint8Array>) {
    this.#file = file
    this.#octets = withoutMark(octets)
  }

  #invalid(problem: string, line = this.#line) {
    return new BackupInvalid({ file: this.#file, line, problem })
  }

  /** Tells damaged gzip data from an error of the file system. */
  #unread(cause: unknown): BackupInvalid | BackupFileError {
    const isPacking = cause instanceof Error && "code" in cause && String(cause.code).startsWith("Z_")
    if (!isPacking) return failed(this.#file, "read")(cause)
    const isCut = cause.code === "Z_BUF_ERROR"
    const problem = isCut
      ? "the compressed file ends here: it is incomplete"
      : `the compressed file is damaged (${cause.message})`
    return this.#invalid(problem, this.#line + 1)
  }

  /** The next lines; none at the end. */
  readonly #next = Effect.fnUntraced({ self: this }, function* (this: Reading) {
    for (;;) {
      const { done, value } = yield* Effect.tryPromise({
        try: () => this.#octets.next(),
        catch: (cause) => this.#unread(cause)
      })
      if (done === true) {
        if (this.#lines.left === 0) return []
        const begun = this.#lines.beginning
        if (this.#line === 0 && !isHeaderLike(begun)) return yield* this.#invalid(foreign(begun), 1)
        return yield* this.#invalid("the file ends in the middle of the line: it is incomplete", this.#line + 1)
      }
      const lines = this.#lines.push(value)
      if (lines === undefined) return yield* this.#invalid("a line is longer than any of a backup", this.#line + 1)
      if (lines.length > 0) return lines
      const isFirst = this.#line === 0
      if (isFirst && !isHeaderLike(this.#lines.beginning))
        return yield* this.#invalid(foreign(this.#lines.beginning), 1)
      if (this.#lines.left > (isFirst ? longestHeader : longestLine)) {
        return yield* this.#invalid("the line is longer than any of a backup", this.#line + 1)
      }
    }
  })

  #opened(line: string): Effect.Effect<string, BackupInvalid> {
    const text = this.#seal.read(line)
    return Option.isSome(text) ? Effect.succeed(text.value) : Effect.fail(this.#invalid(damaged))
  }

  readonly #header = Effect.fnUntraced({ self: this }, function* (this: Reading, line: string | undefined) {
    this.#line = 1
    if (line === undefined) return yield* this.#invalid("the file is empty")
    if (!line.startsWith(beginning)) return yield* this.#invalid(foreign(this.#lines.beginning))
    const text = yield* this.#opened(line)
    const version = Option.getOrUndefined(Schema.decodeOption(Version)(text))?.version
    if (version !== formatVersion) {
      return yield* this.#invalid(
        `the backup has version ${version} of the format, and this program reads version ${formatVersion}: use a newer alex-database`
      )
    }
    return yield* decodeHeader(text).pipe(
      Effect.mapError(({ message }) => this.#invalid(`the header is not one of a backup: ${message}`))
    )
  })

  #check(row: Row, table: { readonly columns: ReadonlyArray<unknown> } | undefined, last: number) {
    if (table === undefined || row.table < last) return "the row belongs to no table, or to one that has ended"
    if (row.values.length !== table.columns.length)
      return "the row's number of values is not its table's number of columns"
    return undefined
  }

  #checkEnd({ tables }: Trailer, tally: Tally) {
    const sums = tally.sums()
    const wrong = sums.find((sum, index) => sum.sum !== tables[index]?.sum || sum.rows !== tables[index]?.rows)
    if (tables.length === sums.length && wrong === undefined) return undefined
    return `the rows of ${wrong?.name ?? "a table"} are not those that were counted and summed here`
  }

  /** Reads the header; the rows can then be read once. */
  readonly open = Effect.fnUntraced({ self: this }, function* (this: Reading): Effect.fn.Return<
    Source<BackupInvalid | BackupFileError>,
    BackupInvalid | BackupFileError
  > {
    let waiting = yield* this.#next()
    const header = yield* this.#header(waiting[0])
    waiting = waiting.slice(1)
    const tally = new Tally(header.tables.map(({ name }) => name))
    let last = 0
    const take = Effect.fnUntraced({ self: this }, function* (this: Reading, lines: ReadonlyArray<string>) {
      const rows: Array<Row> = []
      for (const line of lines) {
        this.#line++
        if (this.#ended) return yield* this.#invalid("something follows the last line")
        const found = decodeLine(yield* this.#opened(line))
        if (Option.isNone(found)) return yield* this.#invalid("the line is neither a row nor the end of a backup")
        let problem: string | undefined
        if ("end" in found.value) {
          this.#ended = true
          problem = this.#checkEnd(found.value, tally)
        } else {
          const row: Row = { table: found.value.table, values: found.value.row }
          problem = this.#check(row, header.tables[row.table], last)
          last = row.table
          tally.add(row)
          rows.push(row)
        }
        if (problem !== undefined) return yield* this.#invalid(problem)
      }
      return rows
    })
    const page = Effect.fnUntraced({ self: this }, function* (this: Reading) {
      const lines = waiting.length > 0 ? waiting : yield* this.#next()
      waiting = []
      if (lines.length > 0) return [yield* take(lines), Option.some(undefined)] as const
      if (this.#ended) return [[], Option.none()] as const
      return yield* this.#invalid("the file ends without its last line: it is incomplete", this.#line + 1)
    })
    return {
      header,
      rows: Stream.paginate(undefined, () => page()),
      sums: Effect.sync(() => tally.sums())
    }
  })
}

/**
 * Reads a backup's header, and then its rows; checks the seal of each line.
 *
 * @param file The name of the file in failures.
 * @errors BackupInvalid, BackupFileError
 */
export const read = Effect.fn("BackupReader.read")(function* (file: string, octets: AsyncIterable<Uint8Array>) {
  return yield* new Reading(file, octets).open()
})

/**
 * Reads a backup from its first line to its last, and fails at a damaged line. Keeps only the header, and the counts
 * and hashes of the tables.
 *
 * @errors BackupInvalid, BackupFileError
 */
export const check = Effect.fn("BackupReader.check")(function* (file: string, octets: AsyncIterable<Uint8Array>) {
  const { header, rows, sums } = yield* read(file, octets)
  let count = 0
  yield* Stream.runForEachArray(rows, (chunk) => {
    count += chunk.length
    const text = `${file}: ${count.toLocaleString("en-US")} rows`
    return Progress.report({ operation: "read", done: 0, total: 0, text })
  })
  return { header, contents: yield* sums }
})
