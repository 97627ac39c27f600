/** Patterns of objects that the operator excludes from the comparison: `view:reporting_*`. */
import { type CatalogueObject, Kind } from "./Catalogue.ts"

const globbed = (glob: string): RegExp =>
  new RegExp(
    `^${glob
      .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
    "s"
  )

const parsed = (pattern: string) => {
  const at = pattern.indexOf(":")
  return at === -1 ? undefined : { kind: pattern.slice(0, at), name: globbed(pattern.slice(at + 1)) }
}

/** Whether a pattern is valid: a kind of object or `*`, a colon, and a name with the wildcards `*` and `?`. */
export const isPattern = (pattern: string): boolean => {
  const kind = parsed(pattern)?.kind
  return kind === "*" || Kind.literals.some((one) => one === kind)
}

/**
 * Whether an object matches a pattern, by its kind and by its name with or without the table's: `index:jobs.*`,
 * `index:idx_*`.
 */
export const matching = (patterns: ReadonlyArray<string>): ((object: CatalogueObject) => boolean) => {
  const all = patterns.flatMap((pattern) => parsed(pattern) ?? [])
  return ({ kind, name, table }) =>
    all.some(
      (one) => (one.kind === "*" || one.kind === kind) && (one.name.test(name) || one.name.test(`${table}.${name}`))
    )
}
