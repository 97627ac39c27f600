/** Reads the objects of a schema from PostgreSQL's catalogue. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import { catalogueSql } from "./catalogueSql.ts"

/** The kinds of object that `Drift` compares, in the order in which they can be created. */
export const Kind = Schema.Literals([
  "extension",
  "function",
  "aggregate",
  "table",
  "column",
  "constraint",
  "index",
  "trigger",
  "rule",
  "policy",
  "privilege",
  "comment",
  "view",
  "materialized-view",
  "foreign-table",
  "sequence",
  "type",
  "collation"
])
export type Kind = typeof Kind.Type

/**
 * One object. `table` is the table that it belongs to, for privileges and comments also a function; `definition` is its
 * definition as PostgreSQL prints it, without the schema's name. `owner` is the role that owns a table or a function,
 * and `source` the statement that creates a function.
 *
 * The name of a privilege is its grantee: `PUBLIC`, a role, or `(owner)`; that of a comment is the text after `COMMENT
 * ON`.
 */
export const CatalogueObject = Schema.Struct({
  kind: Kind,
  table: Schema.NullOr(Schema.String),
  name: Schema.String,
  definition: Schema.String,
  owner: Schema.NullOr(Schema.String),
  source: Schema.NullOr(Schema.String)
})
export type CatalogueObject = typeof CatalogueObject.Type
/** The objects of a schema, sorted, so that two of them can be compared. */
export type Catalogue = ReadonlyArray<CatalogueObject>

/** The catalogue that the migrations describe, which `Drift` compares with. The provider may cache it. */
export class Reference extends Context.Service<
  Reference,
  {
    /**
     * The catalogue.
     *
     * @errors ReferenceUnavailable, SqlError
     */
    readonly catalogue: Effect.Effect<Catalogue, SqlError.SqlError | ReferenceUnavailable>
  }
>()("alex-database/operations/Catalogue/Reference") {}

/** The database to compare with could not be created. */
export class ReferenceUnavailable extends Schema.TaggedError<ReferenceUnavailable>()("ReferenceUnavailable", {
  message: Schema.String
}) {}

/**
 * Reads the current schema's objects, and the extensions. One request; members of extensions are left out, and so are
 * indexes that belong to a constraint.
 *
 * @errors RepositoryError
 */
export const read = Effect.fn("Catalogue.read")(function* () {
  const sql = yield* SqlClient.SqlClient
  return yield* Schema.decodeUnknownEffect(Schema.Array(CatalogueObject))(yield* sql.unsafe(catalogueSql))
})

/**
 * The name of an object for people: `index jobs.idx_jobs_status`, `foreign table archive`, `comment on table users`.
 */
export const labelOf = ({ kind, name, table }: CatalogueObject): string => {
  if (kind === "comment") return `comment on ${name}`
  return `${kind.replace("-", " ")} ${table === null ? name : `${table}.${name}`}`
}
