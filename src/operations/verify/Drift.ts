/**
 * Where a database differs from what its migrations describe.
 */
import { Effect, Schema } from "effect"
import * as Layout from "../database/Layout.ts"
import { type Catalogue, type CatalogueObject, labelOf, Reference, read } from "./Catalogue.ts"
import * as RepairSql from "./RepairSql.ts"

/** One difference, named as an operator would: `index idx_jobs_status`. */
export const Difference = Schema.Struct({
  kind: Schema.Literals(["missing", "unexpected", "different"]),
  object: Schema.String,
  expected: Schema.optionalKey(Schema.String),
  found: Schema.optionalKey(Schema.String)
})
export type Difference = typeof Difference.Type

/** A difference as one line, for example `different: column users.display_name: expected text, found integer`. */
export const describe = (difference: Difference): string =>
  difference.kind === "different"
    ? `different: ${difference.object}: expected ${difference.expected}, found ${difference.found}`
    : `${difference.kind}: ${difference.object}`

const keyOf = (object: CatalogueObject) => `${object.kind} ${object.table ?? ""} ${object.name}`

/**
 * A definition without what a dump and its restoring change: `ANY ((ARRAY['a'::varchar])::text[])` comes back as
 * `ANY (ARRAY[('a'::varchar)::text])`. Functions that keep `updated_at` are one another's equal.
 */
const comparable = (definition: string): string => {
  const [, trigger, body = ""] = /^(returns trigger language plpgsql as )(.*)$/.exec(definition) ?? []
  if (trigger !== undefined && Layout.keepsUpdatedAt.test(body.trim())) return trigger
  return definition
    .replaceAll(/\((ARRAY\[[^\]]*\])\)::text\[\]/g, "$1")
    .replaceAll(/ARRAY\[[^\]]*\]/g, (array) => array.replaceAll(/\(('[^']*')::character varying\)::text/g, "$1"))
    .replaceAll(/ARRAY\[[^\]]*\]/g, (array) => array.replaceAll("::character varying", ""))
}

const only = (objects: Catalogue, others: Catalogue): Catalogue => {
  const keys = new Set(others.map(keyOf))
  const missing = objects.filter((object) => !keys.has(keyOf(object)))
  const tables = new Set(missing.filter((object) => object.kind === "table").map((object) => object.name))
  // A missing table is reported once, not again for each of its columns.
  return missing.filter((object) => object.table === null || !tables.has(object.table))
}

/**
 * Compares two catalogues. An extension that is too many is not drift: it belongs to the cluster, not to the schema.
 */
export const compare = (expected: Catalogue, found: Catalogue): ReadonlyArray<Difference> => {
  const foundByKey = new Map(found.map((object) => [keyOf(object), object]))
  const changed = expected.flatMap((object): ReadonlyArray<Difference> => {
    const actual = foundByKey.get(keyOf(object))
    if (actual === undefined || comparable(actual.definition) === comparable(object.definition)) return []
    return [{ kind: "different", object: labelOf(object), expected: object.definition, found: actual.definition }]
  })
  return [
    ...only(expected, found).map((object): Difference => ({ kind: "missing", object: labelOf(object) })),
    ...only(found, expected)
      .filter((object) => object.kind !== "extension")
      .map((object): Difference => ({ kind: "unexpected", object: labelOf(object) })),
    ...changed
  ]
}

/**
 * Whether a difference is an addition of the operator's that changes nothing for Alex: a table, a view, a column, an
 * index and the like. A further constraint or trigger may refuse or change what Alex writes.
 */
export const isAddition = ({ kind, object }: Difference): boolean =>
  kind === "unexpected" && !/^(constraint|trigger) /.test(object)

/** A difference that statements can put right. */
export interface Repairable {
  readonly kind: CatalogueObject["kind"]
  readonly object: string
  readonly statements: ReadonlyArray<string>
}

/** What makes a catalogue what it should be, and what in it the migrations do not know. */
export const repairs = (
  source: RepairSql.Source,
  found: Catalogue
): { readonly repairable: ReadonlyArray<Repairable>; readonly left: ReadonlyArray<string> } => {
  const { expected } = source
  const foundByKey = new Map(found.map((object) => [keyOf(object), object]))
  const repairable = (object: CatalogueObject, statements: ReadonlyArray<string>): ReadonlyArray<Repairable> =>
    statements.length === 0 ? [] : [{ kind: object.kind, object: labelOf(object), statements }]
  return {
    repairable: [
      ...only(expected, found).flatMap((object) => repairable(object, RepairSql.make(object, source))),
      ...expected.flatMap((object) => {
        const actual = foundByKey.get(keyOf(object))
        if (actual === undefined || comparable(actual.definition) === comparable(object.definition)) return []
        // What holds for new rows is validated when no old one breaks it, in a step of its own.
        if (actual.definition === `${object.definition} NOT VALID`) return []
        return repairable(object, RepairSql.change(object, actual, source))
      })
    ],
    left: only(found, expected)
      .filter((object) => object.kind !== "extension")
      .map(labelOf)
  }
}

/** Compares the database with the migrations, applied to an empty one. One request to the database. */
export const drift = Effect.fn("Drift.drift")(function* () {
  const reference = yield* Reference
  return compare(yield* reference.catalogue, yield* read())
})
