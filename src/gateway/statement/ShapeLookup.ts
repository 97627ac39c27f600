/** Looks the shapes of types up in the catalogue, and caches them. */
import * as Effect from "effect/Effect"
import type { DataApi } from "../../data-api/DataApi.ts"
import type { DataApiError } from "../../data-api/DataApiError.ts"
import { isReadable } from "../values/ComposedForms.ts"
import type { TypeShape, TypeShapes } from "../values/TypeShape.ts"
import type { Place } from "./Descriptions.ts"
import { fieldText } from "./FieldText.ts"

/** Finds the shape by the type's receive function, which types of extensions share with built-in types. */
const shapesSql = (typeOids: ReadonlyArray<number>): string => `
with recursive t as (
  select p.oid, p.typreceive, p.typelem, p.typbasetype, p.typrelid from pg_catalog.pg_type p
  where p.oid in (${typeOids.join(", ")})
  union
  select p.oid, p.typreceive, p.typelem, p.typbasetype, p.typrelid from t join pg_catalog.pg_type p
    on p.oid in (t.typelem, t.typbasetype)
    or p.oid in (select atttypid from pg_catalog.pg_attribute where attrelid = t.typrelid and attnum > 0)
    or p.oid in (select unnest(array[rngsubtype, rngtypid]) from pg_catalog.pg_range r
      where rngtypid = t.oid or to_jsonb(r)->>'rngmultitypid' = t.oid::text)
)
select t.oid::bigint, f.proname::text, coalesce(case f.proname
  when 'array_recv' then t.typelem when 'domain_recv' then t.typbasetype
  when 'range_recv' then (select rngsubtype from pg_catalog.pg_range where rngtypid = t.oid)
  when 'multirange_recv' then (select rngtypid from pg_catalog.pg_range r where to_jsonb(r)->>'rngmultitypid' = t.oid::text)
  end, 0)::bigint
from t join pg_catalog.pg_proc f on f.oid = t.typreceive`

const shapeOf = (reader: string, of: number): TypeShape | undefined => {
  switch (reader) {
    case "array_recv":
      return { kind: "array", of }
    case "domain_recv":
      return { kind: "domain", of }
    case "range_recv":
      return { kind: "range", of }
    case "multirange_recv":
      return { kind: "multirange", of }
    case "record_recv":
      return { kind: "record" }
    case "enum_recv":
    case "citextrecv":
    case "textrecv":
      return { kind: "text" }
    default:
      return undefined
  }
}

export class ShapeLookup {
  readonly #api: DataApi["Service"]
  /** By database, since object ids differ between databases. */
  readonly #known = new Map<string, Map<number, TypeShape>>()

  constructor(api: DataApi["Service"]) {
    this.#api = api
  }

  /** Clears the cache, after a statement that may have changed a type. */
  clear(): void {
    this.#known.clear()
  }

  /** The shapes needed to read binary values of the types. */
  lookup(typeOids: ReadonlyArray<number>, place: Place): Effect.Effect<TypeShapes, DataApiError> {
    const { database = "", transactionId } = place
    const known = this.#known.get(database) ?? new Map<number, TypeShape>()
    const missing = typeOids.filter((oid) => !isReadable(oid, known))
    if (missing.length === 0) return Effect.succeed(known)
    this.#known.set(database, known)
    const asked = this.#api.executeStatement({ sql: shapesSql(missing), database: place.database, transactionId })
    return Effect.map(asked, ({ records = [] }) => {
      for (const record of records) {
        const [oid, reader, of] = record.map(fieldText)
        const shape = shapeOf(reader ?? "", Number(of))
        if (shape !== undefined) known.set(Number(oid), shape)
      }
      return known
    })
  }
}
