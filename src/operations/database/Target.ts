/**
 * Which database an operation works on: enough to name it to a person and to decide whether it may be emptied.
 */
import * as Context from "effect/Context"

/**
 * The database that the current `SqlClient` talks to.
 *
 * `isLocal` is true for the embedded database and for one on this machine: what is lost there is the developer's own.
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
