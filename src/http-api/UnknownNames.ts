/** Names that a route does not know, with the known one that is probably meant. */
import * as Arr from "effect/Array"
import * as Order from "effect/Order"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import { type Problem, problemsOf } from "../domain/Problems.ts"
import { distances, slips } from "../spelling/EditDistance.ts"

const description = "Set by the service: what a body says is left out"

/** A member that a body may have, and that is left out of it. */
export const ignored = /* @__PURE__ */ Schema.optionalKey(/* @__PURE__ */ Schema.Json.annotate({ description }))

/** The names of the members that a schema describes, without those that are left out. */
export const namesOf = (ast: SchemaAST.AST): ReadonlyArray<string> =>
  SchemaAST.isObjects(ast)
    ? ast.propertySignatures.flatMap(({ name, type }) =>
        SchemaAST.resolveDescription(type) === description ? [] : [String(name)]
      )
    : []

const distance = (name: string, known: string): number => distances(name.toLowerCase(), known).at(-1) ?? 0

const nearest = (name: string, known: ReadonlyArray<string>): string | undefined =>
  Arr.sort(
    known.filter((one) => distance(name, one) <= slips),
    Order.mapInput(Order.Number, (one: string) => distance(name, one))
  )[0]

/** Says what to do about a name that is none of the known ones. */
export const unknownName = (name: string, known: ReadonlyArray<string>): string => {
  const meant = nearest(name, known)
  if (meant !== undefined) return `is not known here: did you mean ${meant}?`
  return known.length === 0
    ? "is not known here: leave it out"
    : `is not known here: leave it out, or use one of ${known.join(", ")}`
}

type Path = ReadonlyArray<PropertyKey>

/** Where members are unknown, with the names that are known there. */
const unknownIn = (issue: SchemaIssue.Issue, path: Path): ReadonlyArray<readonly [Path, ReadonlyArray<string>]> => {
  switch (issue._tag) {
    case "UnexpectedKey":
      return [[path, namesOf(issue.ast)]]
    case "Pointer":
      return unknownIn(issue.issue, [...path, ...issue.path])
    case "Filter":
    case "Encoding":
      return unknownIn(issue.issue, path)
    case "Composite":
    case "AnyOf":
      return issue.issues.flatMap((one) => unknownIn(one, path))
    default:
      return []
  }
}

const words: Readonly<Record<string, string>> = { string: "text", number: "a number", null: "null" }

/** What a schema's own message expects, in the words of the others: `Expected number | null` names types of the code. */
const inWords = (message: string): string =>
  message === "Missing key"
    ? "is missing: send it"
    : message.replace(/^Expected (.*)$/, (_, types: string) => {
        const expected = types.split(" | ").map((type) => words[type] ?? type)
        return expected.length > 3 ? `expected one of ${expected.join(", ")}` : `expected ${expected.join(" or ")}`
      })

/** One problem for each field; that of an unknown one suggests the name that is probably meant. */
export const problemsNaming = (error: Schema.SchemaError): ReadonlyArray<Problem> => {
  const unknown = new Map(
    unknownIn(error.issue, []).map(([path, known]) => [path.map(String).join("."), { path, known }])
  )
  return problemsOf(error).map(({ message, path }) => {
    const found = unknown.get(path)
    if (found !== undefined) return { path, message: unknownName(String(found.path.at(-1)), found.known) }
    return { path, message: inWords(message) }
  })
}
