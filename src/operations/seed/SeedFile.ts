/**
 * Seed files: JSON, checked in full before anything of it is written.
 */
import { fileURLToPath } from "node:url"
import { Effect, Result, Schema, SchemaIssue } from "effect"
import { parseJson } from "../../data-api/values/SoundJson.ts"
import { InstrumentCreate, PortfolioCreate, strict } from "../../domain/index.ts"
import { readText, whyOf } from "../TextFile.ts"

/** A seed file can't be read, is not JSON, or holds values that can't be stored; each problem names entry and field. */
export class SeedInvalid extends Schema.TaggedError<SeedInvalid>()("SeedInvalid", {
  file: Schema.String,
  problems: Schema.Array(Schema.String)
}) {
  override get message() {
    return `${this.file}: ${this.problems.join("; ")}. Nothing was written`
  }
}

/**
 * The path of a file in the package's `seeds` folder; relative to the working directory in a CommonJS bundle, which has
 * no `import.meta.url`.
 */
export const packagedFile = (name: string): string => {
  const url = URL.parse(`../../../seeds/${name}`, import.meta.url)
  return url === null ? `seeds/${name}` : fileURLToPath(url)
}

const readJson = Effect.fnUntraced(function* (file: string) {
  const text = yield* readText(file).pipe(
    Effect.mapError((error) => new SeedInvalid({ file, problems: [`can't be read: ${whyOf(error)}`] }))
  )
  return yield* Effect.try({
    try: () => parseJson(text),
    catch: (error) => new SeedInvalid({ file, problems: [`is not JSON: ${String(error)}`] })
  })
})

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

/** One line for each problem: the entry, the field's path, what was expected. */
const problemsOf = (issue: SchemaIssue.Issue, entry: string): ReadonlyArray<string> =>
  formatIssues(issue).issues.map(({ message, path }) => {
    const field = (path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".")
    return [entry, field, message].filter((part) => part !== "").join(": ")
  })

const symbolOf = Schema.decodeUnknownResult(Schema.Struct({ symbol: Schema.String }))

const nameOf = (entry: unknown, index: number): string =>
  Result.match(symbolOf(entry), { onSuccess: ({ symbol }) => symbol, onFailure: () => `entry ${index + 1}` })

const decodeInstrument = Schema.decodeUnknownResult(InstrumentCreate, strict)

/**
 * Reads instruments from a file: a JSON array of them, each as `InstrumentCreate` describes it.
 *
 * @param file By default the instruments that come with the package.
 */
export const readInstruments = Effect.fn("SeedFile.readInstruments")(function* (
  file: string = packagedFile("instruments.json")
) {
  const json = yield* readJson(file)
  if (!Array.isArray(json)) return yield* new SeedInvalid({ file, problems: ["expected an array of instruments"] })
  const entries: ReadonlyArray<unknown> = json
  const problems: Array<string> = []
  const instruments = new Map<string, InstrumentCreate>()
  for (const [index, entry] of entries.entries()) {
    const decoded = decodeInstrument(entry)
    if (Result.isFailure(decoded)) problems.push(...problemsOf(decoded.failure.issue, nameOf(entry, index)))
    else if (instruments.has(decoded.success.symbol)) problems.push(`${decoded.success.symbol}: is there twice`)
    else instruments.set(decoded.success.symbol, decoded.success)
  }
  if (problems.length > 0) return yield* new SeedInvalid({ file, problems })
  return [...instruments.values()]
})

const decodePortfolio = Schema.decodeUnknownResult(PortfolioCreate, strict)

/**
 * Reads a user's portfolio from a file.
 *
 * @param file By default the test user that comes with the package.
 */
export const readPortfolio = Effect.fn("SeedFile.readPortfolio")(function* (
  file: string = packagedFile("test-portfolio.json")
) {
  const decoded = decodePortfolio(yield* readJson(file))
  if (Result.isSuccess(decoded)) return decoded.success
  return yield* new SeedInvalid({ file, problems: problemsOf(decoded.failure.issue, "") })
})
