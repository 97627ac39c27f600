/** Finds where a database differs from what its migrations describe, and the SQL that repairs it. */
import { Effect, Schema } from "effect"
import * as Layout from "../database/Layout.ts"
import * as LeftOut from "../database/LeftOut.ts"
import { type Catalogue, type CatalogueObject, labelOf, Reference, read } from "./Catalogue.ts"
import { matching } from "./Ignored.ts"
import * as RepairSql from "./RepairSql.ts"

/**
 * One difference. `object` is named like `index jobs.idx_jobs_status`; `repair` are the statements that remove the
 * difference.
 */
export const Difference = Schema.Struct({
  kind: Schema.Literals(["missing", "unexpected", "different"]),
  object: Schema.String,
  expected: Schema.optionalKey(Schema.String),
  found: Schema.optionalKey(Schema.String),
  repair: Schema.Array(Schema.String)
})
export type Difference = typeof Difference.Type

/**
 * Of definitions longer than `long` characters only the differing part is shown, with `around` characters on each side.
 */
const long = 160
const around = 40

/** How many characters two texts share at their beginnings or at their ends. */
const common = (one: string, other: string, at: (text: string, index: number) => string | undefined): number => {
  let length = 0
  while (length < Math.min(one.length, other.length) && at(one, length) === at(other, length)) length++
  return length
}

/** The parts in which two long definitions differ: `…language sql security definer immutable…`. */
const apart = (one: string, other: string): readonly [string, string] => {
  if (Math.min(one.length, other.length) <= long) return [one, other]
  const start = common(one, other, (text, index) => text[index])
  const end = common(one.slice(start), other.slice(start), (text, index) => text.at(-1 - index))
  const part = (text: string) => {
    const [from, to] = [Math.max(0, start - around), text.length - Math.max(0, end - around)]
    return `${from > 0 ? "…" : ""}${text.slice(from, to)}${to < text.length ? "…" : ""}`
  }
  return [part(one), part(other)]
}

/** A difference as one line, for example `different: column users.display_name: expected text, found integer`. */
export const describe = (difference: Difference): string => {
  const { kind, object } = difference
  if (kind !== "different") return `${kind}: ${object}`
  const named = (definition: string) => (definition === "" ? "nothing" : definition)
  const [expected, found] = apart(difference.expected ?? "", difference.found ?? "")
  return `different: ${object}: expected ${named(expected)}, found ${named(found)}`
}

/** An object as expected and as found; one of the two is undefined if the object is missing or unexpected. */
interface Change {
  readonly expected: CatalogueObject | undefined
  readonly found: CatalogueObject | undefined
}

const keyOf = (object: CatalogueObject) => `${object.kind} ${object.table ?? ""} ${object.name}`

/**
 * A definition in a form that a dump and restore does not change: `ANY ((ARRAY['a'::varchar])::text[])` comes back as
 * `ANY (ARRAY[('a'::varchar)::text])`. Functions that keep `updated_at` count as equal.
 */
const comparable = ({ definition }: CatalogueObject): string => {
  const [, trigger, body = ""] = /^(returns trigger language plpgsql.*? as )(.*)$/s.exec(definition) ?? []
  if (trigger !== undefined && Layout.keepsUpdatedAt.test(body.trim())) return trigger
  return definition
    .replaceAll(/\((ARRAY\[[^\]]*\])\)::text\[\]/g, "$1")
    .replaceAll(/ARRAY\[[^\]]*\]/g, (array) => array.replaceAll(/\(('[^']*')::character varying\)::text/g, "$1"))
    .replaceAll(/ARRAY\[[^\]]*\]/g, (array) => array.replaceAll("::character varying", ""))
}

const only = (objects: Catalogue, others: Catalogue): Catalogue => {
  const keys = new Set(others.map(keyOf))
  const missing = objects.filter((object) => !keys.has(keyOf(object)))
  const owners = new Set(missing.filter((object) => object.table === null).map((object) => object.name))
  // A missing table is reported once, without its columns.
  return missing.filter((object) => object.table === null || !owners.has(object.table))
}

/** Additional extensions belong to the cluster, not to the schema; the journal's comment belongs to `migrate`. */
const isCompared = (object: CatalogueObject): boolean => object.kind !== "extension" && !LeftOut.isNote(object)

const changesOf = (expected: Catalogue, found: Catalogue): ReadonlyArray<Change> => {
  const leftOut = LeftOut.constraintsOf(found)
  const foundByKey = new Map(found.map((object) => [keyOf(object), object]))
  const isLeftOut = ({ kind, name, table }: CatalogueObject) =>
    kind === "constraint" && leftOut.includes(`${table}.${name}`)
  return [
    ...only(expected, found)
      .filter((object) => !isLeftOut(object))
      .map((object) => ({ expected: object, found: undefined })),
    ...only(found, expected)
      .filter(isCompared)
      .map((object) => ({ expected: undefined, found: object })),
    ...expected.flatMap((object) => {
      const actual = foundByKey.get(keyOf(object))
      return actual === undefined || comparable(actual) === comparable(object)
        ? []
        : [{ expected: object, found: actual }]
    })
  ]
}

/**
 * Whether the only difference is that a constraint is not validated: `Constraints` validates it once no old row breaks it.
 */
const isUnvalidated = ({ expected, found }: Change): boolean =>
  expected !== undefined && found?.definition === `${expected.definition} NOT VALID`

/**
 * Whether an object that no migration creates may reject, change or expose Alex's rows: constraints, triggers, rules,
 * policies, and privileges of PUBLIC. Other additions do not affect Alex.
 */
const isMeddling = ({ kind, name }: CatalogueObject): boolean =>
  ["constraint", "trigger", "rule", "policy"].includes(kind) || (kind === "privilege" && name === "PUBLIC")

const differenceOf = (change: Change, source: RepairSql.Source): Difference => {
  const { expected, found } = change
  const object = expected ?? found
  return {
    kind: expected === undefined ? "unexpected" : found === undefined ? "missing" : "different",
    object: object === undefined ? "" : labelOf(object),
    ...(expected === undefined || found === undefined
      ? {}
      : { expected: expected.definition, found: found.definition }),
    repair:
      isUnvalidated(change) && expected !== undefined ? [RepairSql.validate(expected)] : statementsOf(change, source)
  }
}

const statementsOf = ({ expected, found }: Change, source: RepairSql.Source): ReadonlyArray<string> => {
  if (expected === undefined) return found === undefined ? [] : RepairSql.remove(found, source)
  return found === undefined ? RepairSql.make(expected, source) : RepairSql.change(expected, found, source)
}

/** The result: differences, the operator's additions that do not affect Alex, and the differences that were ignored. */
export interface Comparison {
  readonly differences: ReadonlyArray<Difference>
  readonly additions: ReadonlyArray<Difference>
  readonly ignored: ReadonlyArray<string>
  /** Constraints that `migrate --lenient` left out, as `table.constraint`. */
  readonly leftOut: ReadonlyArray<string>
}

/**
 * Compares two catalogues.
 *
 * @param ignore Patterns of objects that are not compared, such as `view:reporting_*`.
 */
export const compare = (expected: Catalogue, found: Catalogue, ignore: ReadonlyArray<string> = []): Comparison => {
  const isIgnored = matching(ignore)
  const source = { expected, found }
  const changes = changesOf(expected, found).map((change) => {
    const object = change.expected ?? change.found
    return {
      difference: differenceOf(change, source),
      isIgnored: object !== undefined && isIgnored(object),
      isAddition: change.expected === undefined && change.found !== undefined && !isMeddling(change.found)
    }
  })
  const seen = changes.filter((change) => !change.isIgnored)
  return {
    differences: seen.filter((change) => !change.isAddition).map(({ difference }) => difference),
    additions: seen.filter((change) => change.isAddition).map(({ difference }) => difference),
    ignored: changes.filter((change) => change.isIgnored).map(({ difference }) => difference.object),
    leftOut: LeftOut.constraintsOf(found)
  }
}

/** Whether a difference is repaired only where what no migration creates is removed too. */
export const needsRemoval = ({ kind, repair }: Difference): boolean =>
  kind === "unexpected" || (repair.length > 0 && repair.every(RepairSql.exposes))

/** A difference that can be repaired. */
export interface Repairable {
  readonly kind: CatalogueObject["kind"]
  readonly object: string
  readonly statements: ReadonlyArray<string>
}

/** The differences that can be repaired, and the objects that stay as they are. */
export interface Repairs {
  readonly repairable: ReadonlyArray<Repairable>
  readonly left: ReadonlyArray<string>
}

/**
 * Finds the statements that make a database match its migrations.
 *
 * @param options.removes Whether to turn row security off, and to drop constraints, triggers, rules, policies and
 *   privileges of PUBLIC that no migration creates. Objects that hold data, or do not affect Alex, always stay.
 */
export const repairs = (
  expected: Catalogue,
  found: Catalogue,
  options: { readonly ignore: ReadonlyArray<string>; readonly removes: boolean }
): Repairs => {
  const isIgnored = matching(options.ignore)
  const repairable: Array<Repairable> = []
  const left: Array<string> = []
  for (const change of changesOf(expected, found)) {
    const object = change.expected ?? change.found
    if (object === undefined || isIgnored(object) || isUnvalidated(change)) continue
    const stays = change.expected === undefined && !(options.removes && isMeddling(object))
    const all = stays ? [] : statementsOf(change, { expected, found })
    const statements = options.removes ? all : all.filter((statement) => !RepairSql.exposes(statement))
    if (statements.length < all.length) left.push(`row security of ${labelOf(object)}`)
    if (all.length === 0) left.push(labelOf(object))
    if (statements.length > 0) repairable.push({ kind: object.kind, object: labelOf(object), statements })
  }
  return { repairable, left }
}

/**
 * Every difference between the database and the migrations applied to an empty one, also the operator's additions. One
 * request to the database.
 */
export const drift = Effect.fn("Drift.drift")(function* () {
  const reference = yield* Reference
  const { additions, differences } = compare(yield* reference.catalogue, yield* read())
  return [...differences, ...additions]
})
