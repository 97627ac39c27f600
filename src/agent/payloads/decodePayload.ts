/** Decodes a model's answer into a payload: repairs what is unambiguous, and asks the model to correct the rest. */
import { Array as Arr, Result, Schema } from "effect"
import {
  type ClosedChartsPayload,
  type ClosedReportPayload,
  type ClosedRetirementPayload,
  type InstrumentClassification,
  type PortfolioAnalysis,
  type Problem,
  problemsOf,
  type RebalanceRecommendation,
  type SummaryPayload,
  strict
} from "../../domain/index.ts"
import { type Described, type Dialect, schemas } from "../schemas/JsonSchemas.ts"
import { portable } from "../schemas/portable.ts"
import { coerced } from "./coercion.ts"
import { Fields, type Loose, readLoose, type Unreadable } from "./looseJson.ts"

/** The payloads that agents answer with, by kind. */
export interface Payloads {
  readonly report: typeof ClosedReportPayload.Type
  readonly charts: typeof ClosedChartsPayload.Type
  readonly retirement: typeof ClosedRetirementPayload.Type
  readonly summary: SummaryPayload
  readonly "portfolio-analysis": PortfolioAnalysis
  readonly "rebalance-recommendation": RebalanceRecommendation
  readonly "instrument-classification": typeof InstrumentClassification.Type
}

/** One of {@link Payloads}. */
export type PayloadKind = keyof Payloads

/** The schema of each kind of payload, in each dialect. */
export const payloads: { readonly [Kind in PayloadKind]: (dialect: Dialect) => Described<Payloads[Kind]> } = {
  report: schemas["report-payload"],
  charts: schemas["charts-payload"],
  retirement: schemas["retirement-payload"],
  summary: schemas["summary-payload"],
  "portfolio-analysis": schemas["portfolio-analysis"],
  "rebalance-recommendation": schemas["rebalance-recommendation"],
  "instrument-classification": schemas["instrument-classification"]
}

/** The result of decoding an answer. */
export type DecodedPayload<A> =
  | {
      readonly ok: true
      /** The payload, to be stored. */
      readonly value: A
      /** The repairs that were made, in words; empty if there were none. The value of a number is never changed. */
      readonly repairs: ReadonlyArray<string>
    }
  | {
      readonly ok: false
      /** One sentence for the model: what to correct. */
      readonly correction: string
    }

/** The member that takes the whole text of an answer without JSON. */
const prose: { readonly [Kind in PayloadKind]?: string } = { report: "content", retirement: "analysis" }

/** The beginning of an object, with a member in quotes. */
const objectBegins = /\{\s*["'“][^"'“”{\n]{1,100}["'”]\s*:/

/** The beginning of a list of objects, lists or texts. */
const listBegins = /\[\s*[[{"]/

const beginsAt = (pattern: RegExp, text: string, at: number): boolean => {
  const sticky = new RegExp(pattern, "y")
  sticky.lastIndex = at
  return sticky.test(text)
}

/** How many possible beginnings of JSON are tried in a text. */
const mostTried = 50

const largest = 4_000_000

interface Found {
  readonly loose: Loose
  readonly repairs: ReadonlyArray<string>
}

interface Candidate<A> {
  /** How deep the first value is that has not the shape that the schema has there. */
  readonly misfit: number
  readonly repairs: ReadonlyArray<string>
  readonly result: Result.Result<A, ReadonlyArray<Problem>>
}

/** Where JSON may begin: at the start, then in fences, then at each bracket. */
const starts = (text: string): ReadonlyArray<number> => {
  const brackets = [...text.matchAll(/[{[]/g)].map(({ index }) => index)
  const fenced = [...text.matchAll(/```[\w-]*\s*(?=[{[])/g)].map(({ 0: fence, index }) => index + fence.length)
  return [...new Set([...fenced, ...brackets])].slice(0, mostTried)
}

const aroundOf = (text: string, start: number, end: number): ReadonlyArray<string> => {
  const around = `${text.slice(0, start)}${text.slice(end)}`.replaceAll(/^\uFEFF/g, "").trim()
  if (around === "") return []
  return [/^```[\w-]*\s*```$/.test(around) ? "a code fence was left out" : "text around the JSON was left out"]
}

/** The offset after the bracket that closes the one at an offset, but for those in texts; undefined if none does. */
const closingOf = (text: string, start: number): number | undefined => {
  const tokens = /"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|[[\]{}]/g
  tokens.lastIndex = start
  let depth = 0
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    if ("[{".includes(token[0])) depth++
    else if ("]}".includes(token[0]) && --depth === 0) return tokens.lastIndex
  }
  return undefined
}

interface Reading {
  readonly found: ReadonlyArray<Found>
  /** Why the first value can't be read, of those that can't: of a bracket in prose only if there is no other. */
  readonly failed: Unreadable | undefined
  /** The object within which the text ends. */
  readonly cut: Unreadable | undefined
}

/**
 * The values that can be read from a text, outermost first. What is inside a value that can't be read is no answer of its
 * own: what begins like an object or a list is left out as a whole.
 */
const reading = (text: string): Reading => {
  const found: Array<Found> = []
  let [failed, inProse, cut]: ReadonlyArray<Unreadable | undefined> = []
  let past = 0
  for (const start of starts(text)) {
    if (start < past) continue
    const read = readLoose(text, start)
    if (Result.isSuccess(read)) {
      const { end, repairs, value } = read.success
      past = end
      found.push({ loose: value, repairs: [...repairs, ...aroundOf(text, start, end)] })
    } else {
      const isObject = beginsAt(objectBegins, text, start)
      const isValue = isObject || beginsAt(listBegins, text, start)
      past = (isValue ? closingOf(text, start) : undefined) ?? (isObject ? text.length : read.failure.at)
      if (isValue) failed ??= read.failure
      else inProse ??= read.failure
      if (isObject && read.failure.cut) cut = read.failure
    }
  }
  return { found, failed: failed ?? inProse, cut }
}

/**
 * Removes the list of one, or the single member, that models put around an answer, `{"report": {...}}`; adds the one that
 * charts need.
 */
const rewrapped = (kind: PayloadKind, { loose, repairs }: Found): ReadonlyArray<Found> => {
  if (Array.isArray(loose)) {
    const [only] = loose
    if (kind === "charts") {
      const members = new Map([["charts", loose]])
      return [{ loose: new Fields({ members }), repairs: [...repairs, "a list was taken as charts"] }]
    }
    return loose.length === 1 && only instanceof Fields
      ? [{ loose: only, repairs: [...repairs, "the list around the answer was left out"] }]
      : []
  }
  if (!(loose instanceof Fields) || loose.members.size !== 1) return []
  const [[name, inner] = ["", null]] = loose.members
  const around = [kind, `${kind}-payload`, "payload", "answer", "result", "response"]
  return around.includes(name.toLowerCase().replaceAll("_", "-"))
    ? [{ loose: inner, repairs: [...repairs, `the member ${name} around the answer was left out`] }]
    : []
}

/**
 * The object of a summary that holds it as text, as the providers' dialects have it, or why that can't be read. Its numbers
 * keep their digits, which those of the codec would not.
 */
const ofText = (kind: PayloadKind, { loose, repairs }: Found): Result.Result<Found, Unreadable> | undefined => {
  if (kind !== "summary" || !(loose instanceof Fields) || loose.members.size !== 1) return undefined
  const text = loose.members.get("summary")
  if (typeof text !== "string" || !/^\s*\{/.test(text)) return undefined
  const read = readLoose(text, text.indexOf("{"))
  if (Result.isFailure(read)) return objectBegins.test(text) ? Result.fail(read.failure) : undefined
  const { end, repairs: inner, value } = read.success
  return text.slice(end).trim() === "" ? Result.succeed({ loose: value, repairs: [...repairs, ...inner] }) : undefined
}

/** Whether a text is nothing, or a word or a number that stands for no answer. */
const isBare = (text: string): boolean =>
  /^(null|none|undefined|nan|n\/a|true|false|[-+.\d]+)?$/i.test(text.replaceAll(/```(json)?/g, "").trim())

/** Takes the whole text as the main member of a payload, if it holds no object, be it one that can't be read. */
const proseOf = (kind: PayloadKind, text: string, found: ReadonlyArray<Found>): ReadonlyArray<Found> => {
  const member = prose[kind]
  if (member === undefined || isBare(text) || /^\s*(```\w*\s*)?[{[]/.test(text)) return []
  if (found.some(({ loose }) => loose instanceof Fields) || objectBegins.test(text)) return []
  const members = new Map([[member, text.trim()]])
  return [{ loose: new Fields({ members }), repairs: [`the whole text was taken as ${member}`] }]
}

const judged = <A>({ codec, jsonSchema }: Described<A>, found: Found): Candidate<A> => {
  const { misfit, refused, repairs, value } = coerced(portable(jsonSchema), found.loose)
  const all = [...found.repairs, ...repairs]
  if (refused.length > 0) return { misfit, repairs: all, result: Result.fail(refused) }
  const decoded = Schema.decodeUnknownResult(codec, strict)(value)
  return { misfit, repairs: all, result: Result.mapError(decoded, problemsOf) }
}

/** How deep in a value the first of its problems is: the deeper, the more of the value fits. */
const depthOf = (problems: ReadonlyArray<Problem>): number =>
  Math.min(...problems.map(({ path }) => (path === "" ? 0 : path.split(".").length)))

/** A value without problems is best, then one whose shape fits far, with deep problems, with few ones, with few repairs. */
const order = <A>(a: Candidate<A>, b: Candidate<A>): number => {
  const [one, two] = [a.result, b.result]
  if (Result.isSuccess(one) || Result.isSuccess(two)) {
    return Number(Result.isSuccess(two)) - Number(Result.isSuccess(one)) || a.repairs.length - b.repairs.length
  }
  return (
    b.misfit - a.misfit ||
    depthOf(two.failure) - depthOf(one.failure) ||
    one.failure.length - two.failure.length ||
    a.repairs.length - b.repairs.length
  )
}

/** The values that differ, whatever the order of their members; an empty one is no answer beside another. */
const valuesOf = <A extends object>(candidates: ReadonlyArray<Candidate<A>>): ReadonlyArray<A> =>
  Arr.dedupe(
    candidates
      .flatMap(({ result }) => (Result.isSuccess(result) ? [result.success] : []))
      .filter((value) => Object.keys(value).length > 0)
  )

const several = "There are several JSON objects that differ: answer with one, and nothing else."

const correction = (problems: ReadonlyArray<Problem>): string => {
  const shown = problems.slice(0, 10).map(({ message, path }) => (path === "" ? message : `${path}: ${message}`))
  return `Send the whole JSON object again, with these corrections: ${shown.join("; ")}.`
}

const unreadable = (failed: Unreadable | undefined, text: string): string => {
  if (failed === undefined) return "Answer with one JSON object as the schema describes it, and nothing else."
  if (failed.cut) return "The JSON is cut off: send the whole JSON object again, shorter where it can be."
  const line = text.slice(0, failed.at).split("\n").length
  return `The JSON can't be read: in line ${line}, ${failed.message}. Send the whole JSON object again.`
}

/** The text itself, if the answer is JSON of a text: a program has written it as JSON once more. */
const unquoted = (answer: string): string => {
  if (!answer.trimStart().startsWith('"')) return answer
  const read = Result.getOrUndefined(readLoose(answer, 0))
  return typeof read?.value === "string" && answer.slice(read.end).trim() === "" ? read.value : answer
}

const dialects: ReadonlyArray<Dialect> = ["openai", "json-schema"]

/**
 * Decodes what a model answered, in any of the dialects in which the payload's schema was given to it. Accepts code
 * fences, prose around the JSON, single quotes, commas before an end, numbers as text and the other way round, `null`
 * for optional members, other spellings of the vocabulary, and unknown members; every repair is reported. For anything
 * ambiguous the model is asked again.
 *
 * @example
 * ```ts
 * import { decodePayload } from "alex-database/agent"
 *
 * const answer = 'Here you are: {"analysis": "On track", "success_rate": "87.5%",}'
 * const decoded = decodePayload("retirement", answer)
 * if (decoded.ok) console.log(decoded.value.success_rate, decoded.repairs) // 87.5, ["commas before ...", ...]
 * else console.log(decoded.correction) // for the model
 * ```
 */
export const decodePayload = <Kind extends PayloadKind>(kind: Kind, answer: string): DecodedPayload<Payloads[Kind]> => {
  if (answer.length > largest) return { ok: false, correction: "The answer is too long: send a shorter one." }
  const text = unquoted(answer)
  const { cut, failed, found } = reading(text)
  const whole = failed?.cut === true ? [] : proseOf(kind, text, found)
  const described = payloads[kind]
  const bestOf = (one: Found): Candidate<Payloads[Kind]> | undefined => {
    const inner = ofText(kind, one)
    if (inner !== undefined) {
      return Result.match(inner, {
        onSuccess: (object) => judged(described("json-schema"), object),
        onFailure: ({ message }) => ({ misfit: 0, repairs: [], result: Result.fail([{ path: "summary", message }]) })
      })
    }
    return [one, ...rewrapped(kind, one)]
      .flatMap((as) => dialects.map((dialect) => judged(described(dialect), as)))
      .toSorted(order)[0]
  }
  const best = [...found, ...whole].flatMap((one) => bestOf(one) ?? [])
  const [chosen] = best.toSorted(order)
  if (chosen === undefined || cut !== undefined) return { ok: false, correction: unreadable(cut ?? failed, text) }
  if (Result.isFailure(chosen.result)) return { ok: false, correction: correction(chosen.result.failure) }
  if (valuesOf(best).length > 1) return { ok: false, correction: several }
  const repairs = text === answer ? chosen.repairs : ["the quotes around the answer were left out", ...chosen.repairs]
  return { ok: true, value: chosen.result.success, repairs }
}
