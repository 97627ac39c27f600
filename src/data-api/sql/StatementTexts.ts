/** Caches parsed statements and the SQL texts that are sent for them. */
import * as Result from "effect/Result"
import { isLonger, MAX_SQL_LENGTH } from "../Limits.ts"
import { columnType, loses, plainName } from "../statement/ListColumns.ts"
import { shorten } from "../statement/Lists.ts"
import { packNumbers, type SentNumbers } from "../statement/NumberLists.ts"
import { type PackedList, packLists } from "../statement/PackedLists.ts"
import { bare, castTo, fromNumbered, type Placement, render, type Template } from "../statement/Placeholders.ts"
import { remember } from "../statement/RecentTexts.ts"
import { kindOf, type StatementKind } from "../statement/StatementKind.ts"
import { isListed } from "../values/ArrayLists.ts"
import type { PgParameter } from "../values/PgValue.ts"
import type { LearntTypes } from "./ParameterTypes.ts"
import type { TextColumn } from "./TextColumns.ts"
import type { InferredType, Question } from "./TypeLookup.ts"

/** The SQL text that is sent for a statement, for parameters of certain types. */
export interface ServiceText {
  readonly sql: string
  /** The parameters that are not sent by themselves: the text contains them as literals, or a list has them. */
  readonly literal: ReadonlySet<number>
  /** The arrays that are sent as a list of texts. */
  readonly listed: ReadonlySet<number>
  /** The lists that are sent as one parameter each, because the text would be too long. */
  readonly lists: ReadonlyArray<PackedList>
  /** The lists of numbers that are sent as one parameter each, for the same reason. */
  readonly numbers: ReadonlyArray<SentNumbers>
  /** The types that the text was built with, if they had to be learnt. */
  readonly learnt: LearntTypes | undefined
}

/** A parsed statement. */
export interface KnownStatement {
  readonly sql: string
  readonly template: Template
  readonly kind: StatementKind
  readonly texts: Map<string, ServiceText>
  /** The columns of its result, by the types of its parameters, where the service can't return some of them. */
  readonly columns: Map<string, ReadonlyArray<TextColumn>>
  /** Whether a result had an infinite date or time, and could not be returned. */
  returnedInfinite: boolean
}

/** The question for a statement's types: the statement with shortened lists. */
export interface TypeQuestion extends Question {
  /** For each parameter of the whole statement, the parameter of the question that represents it. */
  readonly standsFor: ReadonlyArray<number>
  /** The parameters that have a type, and are in a column whose type is asked for all the same. */
  readonly opened: ReadonlySet<number>
}

export const knownStatement = (sql: string, template: Template): KnownStatement => ({
  sql,
  template,
  kind: kindOf(sql),
  texts: new Map(),
  columns: new Map(),
  returnedInfinite: false
})

const emptyArray: Placement = { _tag: "Literal", text: "'{}'" }
const textArray = castTo("text[]")

/** How the text contains a parameter: bare, with a cast, or as a literal. */
const plainPlacement = (parameter: PgParameter, type: InferredType | undefined): Placement => {
  switch (parameter._tag) {
    case "Typed":
      return castTo(parameter.type)
    case "TextArray":
      return type?.isArray === true ? castTo(type.cast) : textArray
    case "EmptyArray":
      return type === undefined ? emptyArray : castTo(type.cast)
    default:
      return type === undefined ? bare : castTo(type.cast)
  }
}

/** The same, with arrays as lists of texts where they can be. */
const placementOf = (parameter: PgParameter, type: InferredType | undefined): Placement => {
  const plain = plainPlacement(parameter, type)
  const isList = "list" in parameter && plain._tag === "Cast" && isListed(plainName(plain.type))
  return isList ? { _tag: "List", type: plain.type } : plain
}

/** The key of a statement's text: the types of its parameters, and which arrays are lists. */
export const textKey = (parameters: ReadonlyArray<PgParameter>): string => {
  let key = ""
  for (const parameter of parameters) {
    key += parameter._tag === "Typed" ? parameter.type : parameter._tag
    key += "list" in parameter ? "*," : ","
  }
  return key
}

/**
 * Whether PostgreSQL must be asked for the type of a parameter, or for those of the columns that a write returns: if the
 * service can't return one, the write has taken effect and fails.
 *
 * A NULL is sent untyped, so PostgreSQL infers its type. That fails if it has several placeholders, each of which is a
 * separate parameter for the service.
 */
export const hasOpenTypes = (
  { kind, template: { repeated, uncast } }: KnownStatement,
  parameters: ReadonlyArray<PgParameter>
): boolean =>
  kind.prepared !== undefined &&
  (kind.returnsUnseen ||
    parameters.some(
      ({ _tag }, index) => _tag !== "Typed" && uncast.has(index) && (_tag !== "Null" || repeated.has(index))
    ))

const typeOf = (parameter: PgParameter | undefined): string | undefined =>
  parameter?._tag === "Typed" ? parameter.type : undefined

/** Whether a value of a list takes the type of the others. */
const takesType = (parameter: PgParameter | undefined): boolean =>
  parameter?._tag === "Null" || parameter?._tag === "EmptyArray"

/**
 * The question for a statement's types. Statements that differ only in the length of their lists share one question. With
 * `opening` it asks for the types of the columns of lists whose values have several.
 */
export const questionOf = (
  { kind, template }: KnownStatement,
  parameters: ReadonlyArray<PgParameter>,
  opening = false
): TypeQuestion => {
  const opened = new Set<number>()
  const kindsOf = (values: ReadonlyArray<number>): ReadonlyArray<string> => {
    const types = values.flatMap((value) => (takesType(parameters[value]) ? [] : [typeOf(parameters[value]) ?? ""]))
    const type = columnType(types)
    if (opening && !types.includes("") && (type === undefined || loses(type, types))) {
      for (const value of values) opened.add(value)
      return values.map(() => "")
    }
    const [first = ""] = types
    return type === undefined
      ? values.map((value) => (takesType(parameters[value]) ? first : (typeOf(parameters[value]) ?? "")))
      : values.map(() => first)
  }
  const { count, sql, standsFor } = shorten(template, kind.prepared ?? 0, kindsOf)
  const types = new Array<string | undefined>(count).fill(undefined)
  parameters.forEach((parameter, index) => {
    if (!opened.has(index)) types[standsFor[index] ?? 0] ??= typeOf(parameter)
  })
  return { sql, types, standsFor, opened }
}

/** UTF-16 units of all statements that are held, and of one statement's texts. */
const MOST_STATEMENTS = 4_000_000
const MOST_TEXTS = 500_000

/** Combinations of parameter types whose columns are remembered for one statement. */
const MOST_COLUMNS = 32

/** A statement with many combinations of types must not fill the memory. */
export const rememberText = ({ texts }: KnownStatement, key: string, made: ServiceText): ServiceText => {
  if (texts.size < Math.min(32, Math.ceil(MOST_TEXTS / (made.sql.length + key.length)))) texts.set(key, made)
  return made
}

/** Remembers columns that the service can't return; `key` is that of the text. */
export const rememberColumns = (
  { columns }: KnownStatement,
  key: string,
  found: ReadonlyArray<TextColumn> | undefined
): void => {
  if (found === undefined) columns.delete(key)
  else remember(columns, key, found, MOST_COLUMNS)
}

/**
 * Holds `capacity` statements, or fewer long ones; the least recently used one is dropped first. A program that
 * generates statements must not fill the memory.
 */
export class StatementTexts {
  readonly #known = new Map<string, KnownStatement>()
  readonly #capacity: number
  #length = 0
  /** The last used statement, which most programs run several times in a row. */
  #latest: KnownStatement | undefined

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** The kind of a statement. */
  kind(sql: string): StatementKind {
    const parsed = this.#parsed(sql)
    return Result.isFailure(parsed) ? kindOf(sql) : parsed.success.kind
  }

  /** Finds or parses a statement, which must have `count` parameters. */
  find(sql: string, count: number): Result.Result<KnownStatement, string> {
    const parsed = this.#parsed(sql)
    return Result.isFailure(parsed) || parsed.success.template.count === count
      ? parsed
      : Result.fail(`The statement takes ${parsed.success.template.count} parameters, but ${count} were given.`)
  }

  /** Finds or parses a statement, and makes it the latest. */
  #parsed(sql: string): Result.Result<KnownStatement, string> {
    if (this.#latest?.sql === sql) return Result.succeed(this.#latest)
    const known = this.#known.get(sql)
    if (known !== undefined) {
      this.#drop(known)
      return Result.succeed(this.#keep(known))
    }
    return Result.map(fromNumbered(sql), (template) => this.#keep(knownStatement(sql, template)))
  }

  #keep(statement: KnownStatement): KnownStatement {
    this.#latest = statement
    this.#known.set(statement.sql, statement)
    this.#length += statement.sql.length
    for (const oldest of this.#known.values()) {
      if (this.#known.size <= this.#capacity && this.#length <= MOST_STATEMENTS) break
      this.#drop(oldest)
    }
    return statement
  }

  #drop(statement: KnownStatement): void {
    this.#known.delete(statement.sql)
    this.#length -= statement.sql.length
    if (this.#latest === statement) this.#latest = undefined
  }
}

/** Builds the text to send for these parameters, with the learnt types. */
export const textOf = (
  { kind, template }: KnownStatement,
  parameters: ReadonlyArray<PgParameter>,
  standsFor: ReadonlyArray<number> = [],
  learnt?: LearntTypes,
  opened?: ReadonlySet<number>
): ServiceText => {
  const types = learnt?.lookup?.parameters ?? []
  const typeAt = (index: number) => (template.uncast.has(index) ? types[standsFor[index] ?? index] : undefined)
  const rendered = (placements: ReadonlyArray<Placement>): ServiceText => {
    const placed = (tag: Placement["_tag"]) =>
      new Set(placements.flatMap(({ _tag }, index) => (_tag === tag ? [index] : [])))
    const sql = render(template, placements)
    return { sql, literal: placed("Literal"), listed: placed("List"), lists: [], numbers: [], learnt }
  }
  const short = rendered(parameters.map((parameter, index) => placementOf(parameter, typeAt(index))))
  if (!isLonger(short.sql, MAX_SQL_LENGTH)) return short
  const placements = parameters.map((parameter, index) => plainPlacement(parameter, typeAt(index)))
  const whole = short.listed.size === 0 ? short : rendered(placements)
  if (!isLonger(whole.sql, MAX_SQL_LENGTH)) return whole
  const { lists, sql } = packLists(template, {
    placementOf: (value) => placements[value],
    takesType: (value) => takesType(parameters[value]),
    takesTypeOfPlace: (value) => parameters[value]?._tag === "Text" || parameters[value]?._tag === "TextArray",
    typeOfPlace: (value) => (opened?.has(value) ? typeAt(value)?.cast : undefined)
  }) ?? { lists: [], sql: whole.sql }
  // DDL, such as a constraint, takes no query in place of its list.
  const packed = kind.prepared !== undefined && isLonger(sql, MAX_SQL_LENGTH) ? packNumbers(sql) : undefined
  const unsent = new Set([...whole.literal, ...lists.flatMap((list) => list.elements.flat())])
  return { ...whole, sql: packed?.sql ?? sql, literal: unsent, lists, numbers: packed?.sent ?? [] }
}
