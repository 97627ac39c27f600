/** Names the database that an operation works on, and tells whether it may be emptied without confirmation. */
import * as Context from "effect/Context"

/**
 * The database that the current `SqlClient` talks to.
 *
 * `isLocal` is true for the embedded database and for one on this machine, which holds only a developer's own data.
 */
export class Target extends Context.Service<
  Target,
  {
    readonly backend: "data-api" | "postgres" | "embedded"
    /** The database's name, as an operator types it to confirm. */
    readonly database: string
    /** Where it is, without any secret: a folder, a host, or a cluster's ARN. */
    readonly location: string
    readonly isLocal: boolean
  }
>()("alex-database/operations/Target") {}
