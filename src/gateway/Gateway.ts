/**
 * PostgreSQL's protocol in front of the Data API: any PostgreSQL client can use a database that only the Data API can
 * reach.
 */
import { createServer, type Socket } from "node:net"
import { createSecureContext, type SecureContext } from "node:tls"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { DataApi } from "../data-api/DataApi.ts"
import { Cancels } from "./cancel/Cancels.ts"
import { StatementTags } from "./cancel/StatementTags.ts"
import { type ConnectionOptions, type StatementEntry, serve } from "./connection/Connection.ts"
import { LockTable } from "./locks/LockTable.ts"
import { errorResponse } from "./protocol/BackendMessages.ts"
import { ClientSocket } from "./protocol/ClientSocket.ts"
import { verifierOf } from "./protocol/Scram.ts"
import { SequenceLookup } from "./sequences/SequenceLookup.ts"
import { ClientTexts } from "./session/ClientTexts.ts"
import { Descriptions } from "./statement/Descriptions.ts"
import { ShapeLookup } from "./statement/ShapeLookup.ts"

export type { StatementEntry } from "./connection/Connection.ts"

/** Where a gateway listens, and which clients it accepts. */
export interface Options {
  /** The address to listen on, `127.0.0.1` when absent. Anything but a loopback address needs `tls`. */
  readonly host?: string | undefined
  /** The port, 5433 when absent; 0 picks a free one. */
  readonly port?: number | undefined
  /** The password of the clients, in ASCII; `"trust"` accepts every client without one. */
  readonly password: Redacted.Redacted | "trust"
  /** A certificate and its key, in PEM. */
  readonly tls?: { readonly cert: string; readonly key: Redacted.Redacted } | undefined
  /** Runs every statement in a READ ONLY transaction. Default false. */
  readonly readOnly?: boolean | undefined
  /** Runs each connection in one transaction, for tools that need a session. Default false. */
  readonly wholeSession?: boolean | undefined
  /**
   * The gateway holds the advisory locks of sessions itself, among its own clients, instead of in a transaction of the
   * database: for one with a single connection, such as an embedded database. Default false.
   */
  readonly ownLocks?: boolean | undefined
  /** How many clients may be connected at a time, 100 when absent. */
  readonly maxConnections?: number | undefined
  /** Called after each statement of a client. */
  readonly onStatement?: ((entry: StatementEntry) => void) | undefined
}

/** Where a gateway listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** PostgreSQL's own message at a shutdown. */
const shutDown = errorResponse({
  severity: "FATAL",
  code: "57P01",
  message: "terminating connection due to administrator command"
})

/** PostgreSQL would have undone such a statement; the service goes on with it. */
const mayHaveRun = errorResponse({
  severity: "FATAL",
  code: "08007",
  message: "terminating connection: the gateway has been stopped, and the statement may have run"
})

/** The gateway can't listen; the message says why and what to do. */
export class GatewayError extends Schema.TaggedError<GatewayError>()("GatewayError", { message: Schema.String }) {}

/** Milliseconds until a silent client is asked whether it is still there: one that has vanished would hold its locks. */
const SILENCE = 60_000

const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i.test(host)

const cantListen = (host: string, port: number, { code, message }: NodeJS.ErrnoException): GatewayError => {
  const where = `port ${port} on ${host}`
  if (code === "EADDRINUSE")
    return new GatewayError({
      message: `Can't listen: ${where} is in use. Choose another port, or 0 for any that is free.`
    })
  if (code === "EACCES")
    return new GatewayError({
      message: `Can't listen: ${where} is not allowed to this user. Choose a port above 1023.`
    })
  return new GatewayError({ message: `Can't listen on ${where}: ${code ?? message}. Choose another address or port.` })
}

const secureContext = (tls: Options["tls"]): Effect.Effect<SecureContext | undefined, GatewayError> =>
  tls === undefined
    ? Effect.undefined
    : Effect.try({
        try: () => createSecureContext({ cert: tls.cert, key: Redacted.value(tls.key), minVersion: "TLSv1.2" }),
        catch: () => new GatewayError({ message: "The certificate and its key don't match. Give both in PEM." })
      })

/** Refuses to listen for other machines without TLS or without a password. */
const checkExposed = Effect.fnUntraced(function* (host: string, { password, tls }: Options) {
  if (tls === undefined) {
    return yield* new GatewayError({
      message: `${host} is not a loopback address. Give a certificate and its key, so that connections are encrypted.`
    })
  }
  if (password === "trust") {
    return yield* new GatewayError({ message: `${host} is not a loopback address. Require a password.` })
  }
})

/** What all connections share. */
const connectionOptionsOf = Effect.fnUntraced(function* (api: DataApi["Service"], host: string, options: Options) {
  const { password } = options
  const shared: ConnectionOptions = {
    upstream: {
      api,
      descriptions: new Descriptions(api),
      shapes: new ShapeLookup(api),
      numbered: new SequenceLookup(api),
      texts: new ClientTexts(),
      tags: new StatementTags(),
      locks: options.ownLocks === true ? new LockTable() : undefined,
      readOnly: options.readOnly ?? false,
      wholeSession: options.wholeSession ?? false
    },
    cancels: new Cancels(),
    maxConnections: options.maxConnections ?? 100,
    onStatement: options.onStatement ?? (() => undefined),
    verifier: password === "trust" ? undefined : verifierOf(Redacted.value(password)),
    tls: yield* secureContext(options.tls),
    requireTls: !isLoopback(host)
  }
  return shared
})

/**
 * Listens for PostgreSQL clients until the scope closes; then closes the connections and rolls back their transactions.
 *
 * @errors GatewayError
 *
 * @example
 * ```ts
 * import { Effect, Layer, Redacted } from "effect"
 * import { Gateway } from "alex-database/gateway"
 * import { LocalDataApi } from "alex-database/local"
 *
 * const program = Effect.gen(function*() {
 *   const { port } = yield* Gateway.make({ port: 0, password: Redacted.make("secret") })
 *   yield* Effect.log(`postgres://alex:secret@127.0.0.1:${port}/alex`)
 *   return yield* Effect.never
 * }).pipe(Effect.scoped, Effect.provide(LocalDataApi.layer({ dataDir: ".alex-db" })))
 * ```
 */
export const make = Effect.fn("Gateway.make")(function* (options: Options) {
  const { host = "127.0.0.1", port = 5433 } = options
  const api = yield* DataApi
  if (!isLoopback(host)) yield* checkExposed(host, options)
  const connectionOptions = yield* connectionOptionsOf(api, host, options)
  const run = yield* FiberSet.makeRuntime<never>()
  const open = new Set<ClientSocket>()
  const onConnection = (socket: Socket) => {
    const client = new ClientSocket(socket)
    open.add(client)
    run(
      Effect.ensuring(
        serve(client, connectionOptions),
        Effect.andThen(
          client.close,
          Effect.sync(() => open.delete(client))
        )
      )
    )
  }
  // A client may stop sending, and still wait for answers.
  const server = createServer(
    { noDelay: true, allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: SILENCE },
    onConnection
  )
  const listen = Effect.callback<number, GatewayError>((resume) => {
    const failed = (cause: NodeJS.ErrnoException) => resume(Effect.fail(cantListen(host, port, cause)))
    server.once("error", failed)
    server.listen({ host, port }, () => {
      server.off("error", failed)
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
    })
  })
  const close = Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    for (const client of open) client.terminate(client.isUnsettled() ? mayHaveRun : shutDown)
  })
  const bound = yield* Effect.acquireRelease(listen, () => close)
  return { host, port: bound } satisfies Address
})
