/** Opens the engine that runs the SQL of `alex-db serve`: the embedded PGlite, or a PostgreSQL server. */
import { Duration, Effect, Option, type Redacted } from "effect"
import * as DbConfig from "../../DbConfig.ts"
import * as Engine from "../../local/engine/Engine.ts"
import * as LocalDataApi from "../../local/LocalDataApi.ts"
import { say } from "../output/text.ts"
import { program } from "../program.ts"
import { refuse } from "./ServeError.ts"
import type { ServeOptions } from "./served.ts"

const onPostgres = Effect.fnUntraced(function* (url: Redacted.Redacted, options: ServeOptions) {
  const limits = limitsOf(options)
  const { maxConnections } = options
  const { database, source } = yield* LocalDataApi.postgresSessions({ url, maxConnections, limits })
  return { api: yield* Engine.make(source, { database, limits }), database }
})

const onPglite = Effect.fnUntraced(function* (dataDir: string, options: ServeOptions) {
  const { database, durability } = yield* DbConfig.loadEmbedded()
  const limits = limitsOf(options)
  // A statement that never ends would block the server's thread, and Ctrl-C with it.
  const share = { program: program() }
  const embedded = { dataDir, database, durability, limits, share, breaksOnSigint: true, optimizesEarly: true }
  return { api: yield* LocalDataApi.make(embedded), database }
})

const limitsOf = ({ transactionIdle }: ServeOptions) => ({ transactionIdle: Duration.seconds(transactionIdle) })

/** Every other command would take the database of DATABASE_URL. */
const tellUnused = Effect.fnUntraced(function* (directory: string) {
  if (yield* Effect.isSuccess(DbConfig.databaseUrl))
    yield* say(
      `Serving the embedded database in ${directory}. DATABASE_URL is set, and not used: add --engine postgres to serve that one.`
    )
})

/** The engine that `--engine`, or for `--backend` that backend's own, asks for. */
const askedEngine = Effect.fnUntraced(function* ({ backend, engine }: ServeOptions) {
  if (Option.isNone(backend)) return engine
  if (backend.value === "data-api")
    return yield* refuse(
      "alex-db serve is a Data API of its own, on this machine: leave out --backend data-api, or give --backend embedded or --backend postgres."
    )
  const own = backend.value === "postgres" ? "postgres" : "pglite"
  if (Option.isSome(engine) && engine.value !== own)
    return yield* refuse(`--backend ${backend.value} is --engine ${own}; leave out one of the two.`)
  return Option.some(own)
})

/** The engine, and the name of its database. The environment supplies what the flags leave out. */
export const openEngine = Effect.fnUntraced(function* (options: ServeOptions) {
  const { dataDir, databaseUrl, memory } = options
  const asked = yield* askedEngine(options)
  const engine = Option.getOrElse(asked, () => (Option.isSome(databaseUrl) ? "postgres" : "pglite"))
  if (engine === "postgres") {
    if (memory || Option.isSome(dataDir))
      return yield* refuse("--memory and --data-dir are the embedded engine's; leave them out with --engine postgres.")
    return yield* onPostgres(Option.isSome(databaseUrl) ? databaseUrl.value : yield* DbConfig.databaseUrl, options)
  }
  if (Option.isSome(databaseUrl)) return yield* refuse("--database-url is for --engine postgres.")
  if (memory && Option.isSome(dataDir)) return yield* refuse("Give --memory or --data-dir, not both.")
  const { directory } = yield* DbConfig.loadEmbedded()
  if (Option.isNone(asked) && Option.isNone(dataDir) && !memory) yield* tellUnused(directory)
  return yield* onPglite(memory ? "memory" : Option.getOrElse(dataDir, () => directory), options)
})
