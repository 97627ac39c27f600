/** Statements taken apart once, and the service's texts of them. */
import * as Result from "effect/Result"
import { shorten } from "../statement/Lists.ts"
import { bare, castTo, fromNumbered, type Placement, render, type Template } from "../statement/Placeholders.ts"
import { kindOf, type StatementKind } from "../statement/StatementKind.ts"
import type { PgParameter } from "../values/PgValue.ts"
import type { LearntTypes } from "./ParameterTypes.ts"
import type { TextColumn } from "./TextColumns.ts"
import type { InferredType, Question } from "./TypeLookup.ts"

/** The service's text of a statement for parameters of certain types. */
export interface ServiceText {
  readonly sql: string
  /** Parameters that the text holds as literals, so that they are not sent. */
  readonly literal: ReadonlySet<number>
  /** The types that it was made with, where they had to be learnt. */
  readonly learnt: LearntTypes | undefined
}

/** A statement that was taken apart. */
export interface KnownStatement {
  readonly sql: string
  readonly template: Template
  readonly kind: StatementKind
  readonly texts: Map<string, ServiceText>
  /** The columns of its result, if there are such as the service does not return. */
  columns: ReadonlyArray<TextColumn> | undefined
}

/** What is asked of PostgreSQL to learn a statement's types: the statement with its lists cut short. */
export interface TypeQuestion extends Question {
  /** For each value of the whole statement the parameter that stands for it. */
  readonly standsFor: ReadonlyArray<number>
}

export const knownStatement = (sql: string, template: Template): KnownStatement => ({
  sql,
  template,
  kind: kindOf(sql),
  texts: new Map(),
  columns: undefined
})

const emptyArray: Placement = { _tag: "Literal", text: "'{}'" }
const textArray = castTo("text[]")

/** How a parameter stands in the text. */
const placementOf = (parameter: PgParameter, type: InferredType | undefined): Placement => {
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

/** What tells the texts of one statement apart. */
export const textKey = (parameters: ReadonlyArray<PgParameter>): string => {
  let key = ""
  for (const parameter of parameters) key += `${parameter._tag === "Typed" ? parameter.type : parameter._tag},`
  return key
}

/**
 * Whether the type of a value is left to the statement, and PostgreSQL has to be asked for it.
 *
 * A NULL is sent untyped, so that PostgreSQL infers its type by itself; not where it stands in several places, each of
 * which is a parameter of its own to the service.
 */
export const hasOpenTypes = (
  { kind, template: { repeated, uncast } }: KnownStatement,
  parameters: ReadonlyArray<PgParameter>
): boolean =>
  kind.prepared !== undefined &&
  parameters.some(
    ({ _tag }, index) => _tag !== "Typed" && uncast.has(index) && (_tag !== "Null" || repeated.has(index))
  )

const typeOf = (parameter: PgParameter | undefined): string | undefined =>
  parameter?._tag === "Typed" ? parameter.type : undefined

/** What to ask. Statements that differ in the length of their lists alone are one question. */
export const questionOf = (
  { kind, template }: KnownStatement,
  parameters: ReadonlyArray<PgParameter>
): TypeQuestion => {
  const oneType = (values: ReadonlyArray<number>): boolean => {
    // A NULL takes the type of the others.
    const types = values.flatMap((value) => (parameters[value]?._tag === "Null" ? [] : [typeOf(parameters[value])]))
    return types.every((type) => type === types[0])
  }
  const { count, sql, standsFor } = shorten(template, kind.prepared ?? 0, oneType)
  const types = new Array<string | undefined>(count).fill(undefined)
  parameters.forEach((parameter, index) => {
    types[standsFor[index] ?? 0] ??= typeOf(parameter)
  })
  return { sql, types, standsFor }
}

/**
 * A program has few statements; one that makes up ever new ones must not fill the memory, so the one that was not used
 * for the longest time goes.
 */
export class StatementTexts {
  readonly #known = new Map<string, KnownStatement>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** What a statement is. */
  kind(sql: string): StatementKind {
    const known = this.#known.get(sql)
    if (known !== undefined) return known.kind
    const parsed = fromNumbered(sql)
    if (Result.isFailure(parsed)) return kindOf(sql)
    const statement = knownStatement(sql, parsed.success)
    this.#known.set(sql, statement)
    return statement.kind
  }

  /** The statement, which must take so many parameters. */
  find(sql: string, count: number): Result.Result<KnownStatement, string> {
    let statement = this.#known.get(sql)
    if (statement === undefined) {
      const parsed = fromNumbered(sql)
      if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
      statement = knownStatement(sql, parsed.success)
    } else {
      // Last in the map's order is the one used last.
      this.#known.delete(sql)
    }
    this.#known.set(sql, statement)
    if (this.#known.size > this.#capacity) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest)
        break
      }
    }
    return statement.template.count === count
      ? Result.succeed(statement)
      : Result.fail(`The statement takes ${statement.template.count} parameters, but ${count} were given.`)
  }
}

/** Makes the service's text of a statement for these parameters, with the types that were learnt for them. */
export const textOf = (
  { template }: KnownStatement,
  parameters: ReadonlyArray<PgParameter>,
  standsFor: ReadonlyArray<number> = [],
  learnt?: LearntTypes
): ServiceText => {
  const types = learnt?.lookup?.parameters ?? []
  const placements = parameters.map((parameter, index) =>
    placementOf(parameter, template.uncast.has(index) ? types[standsFor[index] ?? index] : undefined)
  )
  const literal = new Set(placements.flatMap(({ _tag }, index) => (_tag === "Literal" ? [index] : [])))
  return { sql: render(template, placements), literal, learnt }
}
