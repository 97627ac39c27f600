/** Statements taken apart once, and the service's texts of them. */
import * as Result from "effect/Result"
import { bare, castTo, fromNumbered, type Placement, render, type Template } from "../statement/Placeholders.ts"
import { kindOf, type StatementKind } from "../statement/StatementKind.ts"
import type { PgParameter } from "../values/PgValue.ts"

/** The service's text of a statement for parameters of certain types. */
export interface ServiceText {
  readonly sql: string
  /** Parameters that the text holds as literals, so that they are not sent. */
  readonly literal: ReadonlySet<number>
}

/** A statement that was taken apart. */
export interface KnownStatement {
  readonly template: Template
  readonly kind: StatementKind
  readonly texts: Map<string, ServiceText>
}

export const knownStatement = (sql: string, template: Template): KnownStatement => ({
  template,
  kind: kindOf(sql),
  texts: new Map()
})

const emptyArray: Placement = { _tag: "Literal", text: "'{}'" }
const textArray = castTo("text[]")

/** How a parameter stands in the text. */
const placementOf = (parameter: PgParameter): Placement => {
  switch (parameter._tag) {
    case "Typed":
      return castTo(parameter.type)
    case "TextArray":
      return textArray
    case "EmptyArray":
      return emptyArray
    default:
      return bare
  }
}

/** What tells the texts of one statement apart. */
const textKey = (parameters: ReadonlyArray<PgParameter>): string => {
  let key = ""
  for (const parameter of parameters) key += `${parameter._tag === "Typed" ? parameter.type : parameter._tag},`
  return key
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

/** The service's text of a statement for these parameters. */
export const textOf = ({ template, texts }: KnownStatement, parameters: ReadonlyArray<PgParameter>): ServiceText => {
  const key = textKey(parameters)
  const known = texts.get(key)
  if (known !== undefined) return known
  const placements = parameters.map(placementOf)
  const literal = new Set(placements.flatMap(({ _tag }, index) => (_tag === "Literal" ? [index] : [])))
  const text = { sql: render(template, placements), literal }
  if (texts.size < 16) texts.set(key, text)
  return text
}
