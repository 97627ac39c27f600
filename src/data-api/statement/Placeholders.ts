/**
 * From a statement with PostgreSQL's `$1` or a caller's `:name` to the text that the service takes: each value becomes
 * a placeholder `:p1` with an explicit cast, and what the service would misread is written in another, equal way.
 * Pure; no I/O.
 */
import * as Result from "effect/Result"
import { type Token, tokenize } from "./SqlLexer.ts"

/**
 * A statement taken apart once, so that the text for any kinds of parameters is a matter of joining it.
 *
 * `pieces` has one more element than `parameters`, which holds, for each placeholder in the text, the number of its
 * value from 0. A value may be asked for in several places; each is a parameter of its own to the service.
 */
export interface Template {
  readonly pieces: ReadonlyArray<string>
  readonly parameters: ReadonlyArray<number>
  /** How many values the statement takes. */
  readonly count: number
}

/** How a caller writes a placeholder, and which value it stands for: an index, or why there is none. */
interface Syntax {
  readonly numbered: (token: string) => Result.Result<number, string>
  readonly named: (token: string) => Result.Result<number, string>
}

/** What the service would read inside a dollar-quoted string, which it does not know as a string. */
const misread = /[:'"]|--|\/\*/

/** Words after which an expression goes on, so that a colon there begins a placeholder. */
const continues = new Set(
  "all and any array between by case collate distinct else from ilike in interval is like not on or row select similar some then when where".split(
    " "
  )
)

/** Whether a token can end an expression, so that a colon after it can only be the one of an array slice. */
const endsExpression = (token: Token | undefined, sql: string): boolean => {
  if (token === undefined) return false
  if (token.kind === "symbol") return sql[token.start] === "]" || sql[token.start] === ")"
  if (token.kind === "word") return !continues.has(sql.slice(token.start, token.end).toLowerCase())
  return token.kind === "number" || token.kind === "parameter" || token.kind === "identifier"
}

const parse = (sql: string, syntax: Syntax): Result.Result<Omit<Template, "count">, string> => {
  const pieces: Array<string> = []
  const parameters: Array<number> = []
  const tokens = tokenize(sql)
  let piece = ""
  let subscripts = 0
  let previous: Token | undefined
  // An expression such as $1[2] or $1.member binds tighter than the cast that the placeholder gets.
  let closing = ""
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]
    if (token === undefined) continue
    const text = sql.slice(token.start, token.end)
    const placeholder = (value: Result.Result<number, string>): Result.Result<void, string> => {
      if (Result.isFailure(value)) return Result.fail(value.failure)
      const after = sql[token.end]
      const opening = after === "[" || after === "." ? "(" : ""
      closing = opening === "" ? "" : ")"
      pieces.push(piece + opening)
      parameters.push(value.success)
      piece = closing
      return Result.succeed(undefined)
    }
    if (token.kind === "symbol") {
      if (text === "[") subscripts++
      else if (text === "]") subscripts = Math.max(0, subscripts - 1)
      // The colon of a slice, away from what follows it; `:=` names an argument.
      piece += text === ":" && sql[token.end] !== "=" ? " : " : text
    } else if (token.kind === "dollarString" && token.unterminated === undefined) {
      const tag = text.indexOf("$", 1) + 1
      const body = text.slice(tag, -tag)
      piece += misread.test(body) ? `'${body.replaceAll("'", "''")}'` : text
    } else if (token.kind === "placeholder") {
      const opens = previous !== undefined && previous.kind === "symbol" && sql[previous.start] === "["
      const value = syntax.named(text.slice(1))
      if (subscripts > 0 && (endsExpression(previous, sql) || (opens && Result.isFailure(value)))) {
        piece += ` : ${text.slice(1)}`
      } else {
        const done = placeholder(value)
        if (Result.isFailure(done)) return Result.fail(done.failure)
      }
    } else if (token.kind === "parameter") {
      const done = placeholder(syntax.numbered(text))
      if (Result.isFailure(done)) return Result.fail(done.failure)
    } else {
      piece += text
    }
    if (token.kind !== "space" && token.kind !== "comment") previous = token
  }
  pieces.push(piece)
  return Result.succeed({ pieces, parameters })
}

/**
 * Reads a statement with PostgreSQL's own placeholders `$1`, `$2`.
 *
 * A `:name` outside a string is refused: it is the service's placeholder syntax, and would ask for a value that nobody
 * has given.
 */
export const fromNumbered = (sql: string): Result.Result<Template, string> => {
  let count = 0
  const parsed = parse(sql, {
    numbered: (token) => {
      const number = Number(token.slice(1))
      if (number < 1 || number > 65535) return Result.fail(`There is no parameter ${token}.`)
      count = Math.max(count, number)
      return Result.succeed(number - 1)
    },
    named: (name) =>
      Result.fail(
        `:${name} is not a placeholder here: write $1, $2, or interpolate the value. DataApiClient takes names.`
      )
  })
  return Result.map(parsed, (template) => ({ ...template, count }))
}

/**
 * Reads a statement with placeholders `:name`, of which each must be one of `names`, and each name be used.
 *
 * The parameters of the template count `names` from 0.
 */
export const fromNamed = (sql: string, names: ReadonlyArray<string>): Result.Result<Template, string> => {
  const used = new Set<number>()
  const parsed = parse(sql, {
    numbered: (token) => Result.fail(`${token} is not a placeholder here: write :name.`),
    named: (name) => {
      const index = names.indexOf(name)
      if (index === -1) return Result.fail(`No value was given for :${name}.`)
      used.add(index)
      return Result.succeed(index)
    }
  })
  if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
  const unused = names.filter((_, index) => !used.has(index))
  return unused.length === 0
    ? Result.succeed({ ...parsed.success, count: names.length })
    : Result.fail(`The statement has no placeholder ${unused.map((name) => `:${name}`).join(", ")}.`)
}

/** The service's name for the value at `index`. */
export const parameterName = (index: number): string => `p${index + 1}`

/**
 * The text for values that are sent with these casts; see `PgParameter` for what a cast is.
 *
 * @example
 * ```ts
 * import { Result } from "effect"
 * import { Placeholders } from "alex-database/data-api"
 *
 * Result.map(Placeholders.fromNumbered("select * from t where id = $1"), (t) => Placeholders.render(t, ["uuid"]))
 * // "select * from t where id = :p1::uuid"
 * ```
 */
export const render = (template: Template, casts: ReadonlyArray<string>): string => {
  let sql = template.pieces[0] ?? ""
  for (let index = 0; index < template.parameters.length; index++) {
    const parameter = template.parameters[index] ?? 0
    const cast = casts[parameter] ?? ""
    if (cast === "{}") sql += "'{}'"
    else sql += cast === "" ? `:${parameterName(parameter)}` : `:${parameterName(parameter)}::${cast}`
    sql += template.pieces[index + 1] ?? ""
  }
  return sql
}
