/**
 * Converts a statement with PostgreSQL's `$1` or a caller's `:name` to the text that the service accepts. Each value
 * becomes a placeholder `:p1` with an explicit cast, and syntax that the service would misread is rewritten. Pure; no
 * I/O.
 */

import * as Result from "effect/Result"
import { literal } from "./Quoting.ts"
import { type Token, tokenize } from "./SqlLexer.ts"

/**
 * A parsed statement, from which the text for parameters of any types is joined.
 *
 * `parameters` has, for each placeholder in the text, the number of its value from 0; `pieces` has the text between
 * them, one element more. A value may have several placeholders, each of which is a separate parameter for the service.
 */
export interface Template {
  readonly pieces: ReadonlyArray<string>
  readonly parameters: ReadonlyArray<number>
  /** The number of values. */
  readonly count: number
  /** Values with at least one placeholder without a cast. */
  readonly uncast: ReadonlySet<number>
  /** Values with more than one placeholder. */
  readonly repeated: ReadonlySet<number>
  /** Where lists of values or rows begin. */
  readonly lists: ReadonlyArray<ListStart>
}

/** The start of a list, as an index into `parameters`: `in ($1, $2)`, `values ($1, $2), ($3, $4)`. */
export interface ListStart {
  readonly at: number
  /** Whether the elements are rows in parentheses. */
  readonly rows: boolean
}

/** What replaces a placeholder in the text. */
export type Placement =
  /** The placeholder alone: the service decides the type. */
  | { readonly _tag: "Bare" }
  /** The placeholder with a cast. */
  | { readonly _tag: "Cast"; readonly type: string }
  /** The placeholder of a list of texts with a cast to an array. */
  | { readonly _tag: "List"; readonly type: string }
  /** No placeholder: PostgreSQL takes the type of a literal from the context. */
  | { readonly _tag: "Literal"; readonly text: string }

/** The placeholder alone. */
export const bare: Placement = { _tag: "Bare" }

const casts = new Map<string, Placement>()

/** The placeholder with a cast to a type. */
export const castTo = (type: string): Placement => {
  const known = casts.get(type)
  if (known !== undefined) return known
  const made: Placement = { _tag: "Cast", type }
  if (casts.size < 1000) casts.set(type, made)
  return made
}

/** The index of the value that a numbered or a named placeholder stands for, or why there is none. */
interface Syntax {
  readonly numbered: (token: string) => Result.Result<number, string>
  readonly named: (token: string) => Result.Result<number, string>
}

/** The service does not recognize dollar quotes, and would read these characters inside of them. */
const misread = /[:'"]|--|\/\*/

/** Words after which an expression continues, so that a colon begins a placeholder. */
const continues = new Set(
  "all and any array between by case collate distinct else from ilike in interval is like not on or row select similar some then when where".split(
    " "
  )
)

/** What comes before a result column that is one token, and after it. */
const aroundResult =
  /^(?:select|returning|distinct|all|,) (?:from|where|group|having|window|order|limit|offset|fetch|union|intersect|except|into|on|for|[,;)]|)$/

/** Whether a token can end an expression, so that a colon after it can only belong to an array slice. */
const endsExpression = (token: Token | undefined, sql: string): boolean => {
  if (token === undefined) return false
  if (token.kind === "symbol") return sql[token.start] === "]" || sql[token.start] === ")"
  if (token.kind === "word") return !continues.has(sql.slice(token.start, token.end).toLowerCase())
  return token.kind === "number" || token.kind === "parameter" || token.kind === "identifier"
}

/** Builds a template from the tokens of a statement. */
class Reader {
  readonly pieces: Array<string> = []
  readonly parameters: Array<number> = []
  readonly uncast = new Set<number>()
  readonly repeated = new Set<number>()
  readonly lists: Array<ListStart> = []
  readonly #sql: string
  readonly #tokens: ReadonlyArray<Token>
  readonly #seen = new Set<number>()
  #piece = ""
  #subscripts = 0
  /** For each open parenthesis, the innermost first, whether result columns are listed there. */
  readonly #results: Array<boolean> = []
  /** The last three tokens, without white space and comments, the latest first. */
  #before: ReadonlyArray<Token | undefined> = []

  constructor(sql: string) {
    this.#sql = sql
    this.#tokens = tokenize(sql)
  }

  #text(token: Token | undefined): string {
    return token === undefined ? "" : this.#sql.slice(token.start, token.end)
  }

  #word(token: Token | undefined): string {
    return token?.kind === "word" ? this.#text(token).toLowerCase() : this.#text(token)
  }

  /** The next token after `index` that is not white space or a comment. */
  #after(index: number): Token | undefined {
    for (let at = index + 1; at < this.#tokens.length; at++) {
      const token = this.#tokens[at]
      if (token !== undefined && token.kind !== "space" && token.kind !== "comment") return token
    }
    return undefined
  }

  #isCast(after: string): boolean {
    return (
      after === "::" ||
      (after === "as" && this.#text(this.#before[0]) === "(" && this.#word(this.#before[1]) === "cast")
    )
  }

  #list(): void {
    const [first, second, third] = this.#before
    if (this.#text(first) !== "(") return
    const opener = this.#word(second)
    const at = this.parameters.length
    if (opener === "in") this.lists.push({ at, rows: false })
    else if (opener === "values" || (opener === "(" && this.#word(third) === "in")) this.lists.push({ at, rows: true })
  }

  #placeholder(value: number, index: number): void {
    this.#list()
    const after = this.#word(this.#after(index))
    if (!this.#isCast(after)) this.uncast.add(value)
    if (this.#seen.has(value)) this.repeated.add(value)
    this.#seen.add(value)
    this.pieces.push(this.#piece)
    this.parameters.push(value)
    // A result column that is a parameter has no name, but its cast would give it that of the type.
    const isResult =
      this.#results[0] === true &&
      this.#subscripts === 0 &&
      aroundResult.test(`${this.#word(this.#before[0])} ${after}`)
    this.#piece = isResult ? ' as "?column?"' : ""
  }

  /** Rewrites a dollar-quoted string in which the service would see a placeholder, a string or a comment. */
  #dollarString(text: string): string {
    const tag = text.indexOf("$", 1) + 1
    const body = text.slice(tag, -tag)
    return misread.test(body) ? literal(body) : text
  }

  #symbol(token: Token, text: string): string {
    if (text === "[") this.#subscripts++
    else if (text === "]") this.#subscripts = Math.max(0, this.#subscripts - 1)
    else if (text === "(") this.#results.unshift(false)
    else if (text === ")") this.#results.shift()
    // The colon of a slice, with spaces so that it begins no placeholder; `:=` names an argument.
    return text === ":" && this.#sql[token.end] !== "=" ? " : " : text
  }

  /** A name after a colon: a value, or the upper bound of an array slice. */
  #named(name: string, index: number, syntax: Syntax): Result.Result<void, string> {
    const value = syntax.named(name)
    const [previous] = this.#before
    const opens = this.#text(previous) === "["
    if (this.#subscripts > 0 && (endsExpression(previous, this.#sql) || (opens && Result.isFailure(value)))) {
      this.#piece += ` : ${name}`
      return Result.succeed(undefined)
    }
    return Result.map(value, (number) => this.#placeholder(number, index))
  }

  read(syntax: Syntax): Result.Result<Omit<Template, "count">, string> {
    for (const [index, token] of this.#tokens.entries()) {
      const text = this.#text(token)
      let done: Result.Result<void, string> = Result.succeed(undefined)
      if (token.kind === "placeholder") done = this.#named(text.slice(1), index, syntax)
      else if (token.kind === "parameter") {
        done = Result.map(syntax.numbered(text), (number) => this.#placeholder(number, index))
      } else if (token.kind === "symbol") this.#piece += this.#symbol(token, text)
      else if (token.kind === "dollarString" && token.unterminated === undefined) {
        this.#piece += this.#dollarString(text)
      } else {
        this.#piece += text
        const word = this.#word(token)
        if (/^(?:select|returning|by)$/.test(word)) this.#results[0] = word !== "by"
      }
      if (Result.isFailure(done)) return Result.fail(done.failure)
      if (token.kind !== "space" && token.kind !== "comment") this.#before = [token, this.#before[0], this.#before[1]]
    }
    this.pieces.push(this.#piece)
    const { lists, parameters, pieces, repeated, uncast } = this
    return Result.succeed({ pieces, parameters, uncast, repeated, lists })
  }
}

const none: ReadonlySet<number> = new Set()

const asItIs = (sql: string): Template => ({
  pieces: [sql],
  parameters: [],
  count: 0,
  uncast: none,
  repeated: none,
  lists: []
})

/**
 * Parses a statement with PostgreSQL's own placeholders `$1`, `$2`.
 *
 * A `:name` outside of a string is refused, since the service would read it as a placeholder without a value.
 */
export const fromNumbered = (sql: string): Result.Result<Template, string> => {
  // Without these characters there is no placeholder, and nothing that the service would misread.
  if (!sql.includes("$") && !sql.includes(":")) return Result.succeed(asItIs(sql))
  let count = 0
  const parsed = new Reader(sql).read({
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
 * Parses a statement with placeholders `:name`. Each must be one of `names`, and each name must be used.
 *
 * `parameters` of the template has the names' indexes.
 */
export const fromNamed = (sql: string, names: ReadonlyArray<string>): Result.Result<Template, string> => {
  const used = new Set<number>()
  const places = new Map<string, number>()
  for (const [index, name] of names.entries()) if (!places.has(name)) places.set(name, index)
  const parsed = new Reader(sql).read({
    numbered: (token) => Result.fail(`${token} is not a placeholder here: write :name.`),
    named: (name) => {
      const index = places.get(name)
      if (index === undefined) return Result.fail(`No value was given for :${name}.`)
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

/** The text of a placeholder. */
export const placed = (value: number, placement: Placement = bare): string =>
  placement._tag === "Literal"
    ? placement.text
    : placement._tag === "Bare"
      ? `:${parameterName(value)}`
      : placement._tag === "List"
        ? `(string_to_array(:${parameterName(value)}, ',', 'NULL')::${placement.type})`
        : `(:${parameterName(value)}::${placement.type})`

/**
 * Renders a template with a placement for each value.
 *
 * A placeholder with a cast is put in parentheses, so that it is valid wherever `$1` is: `fetch first (:p1::int4) rows
 * only`, `(:p1::int4[])[1]`.
 *
 * @example
 * ```ts
 * import { Result } from "effect"
 * import { Placeholders } from "alex-database/data-api"
 *
 * const text = Result.map(Placeholders.fromNumbered("select * from t where id = $1"), (template) =>
 *   Placeholders.render(template, [Placeholders.castTo("uuid")])
 * ) // succeeds with "select * from t where id = (:p1::uuid)"
 * ```
 */
export const render = (template: Template, placements: ReadonlyArray<Placement>): string => {
  let sql = template.pieces[0] ?? ""
  for (let index = 0; index < template.parameters.length; index++) {
    const parameter = template.parameters[index] ?? 0
    sql += placed(parameter, placements[parameter]) + (template.pieces[index + 1] ?? "")
  }
  return sql
}
