/** How a connection begins: encryption, cancel requests, protocol versions and SCRAM-SHA-256. */
import type { SecureContext } from "node:tls"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Refused } from "../statement/Refused.ts"
import * as Backend from "./BackendMessages.ts"
import type { ClientSocket } from "./ClientSocket.ts"
import { decodeStartup } from "./FrontendMessages.ts"
import * as Scram from "./Scram.ts"

/** The newest supported minor version of protocol 3. */
const MINOR = 2

/** A client's startup message. */
export interface Startup {
  readonly _tag: "Startup"
  readonly minor: number
  readonly user: string
  readonly database: string
  /** Settings, by the names that the client gives. */
  readonly settings: ReadonlyMap<string, string>
}

export interface CancelRequest {
  readonly _tag: "CancelRequest"
  readonly processId: number
  readonly secret: Uint8Array
}

export interface HandshakeOptions {
  /** Undefined accepts every client without a password. */
  readonly verifier: Scram.Verifier | undefined
  /** Undefined offers no encryption. */
  readonly tls: SecureContext | undefined
  /** Refuses connections that are not encrypted. */
  readonly requireTls: boolean
}

export const fatal = (code: string, message: string, hint?: string): Refused =>
  new Refused({ fields: { severity: "FATAL", code, message, hint } })

const violation = (why: string): Refused => fatal("08P01", why)

/** `-c name=value` and `--name=value` of the parameter `options`; a backslash escapes the next character. */
const optionsOf = (options: string): ReadonlyArray<readonly [string, string]> => {
  const words = [...options.matchAll(/(?:\\.|\S)+/gs)].map(([word]) => word.replaceAll(/\\(.)/gs, "$1"))
  const joined = words.flatMap((word, index) =>
    word === "-c" ? [`--${words[index + 1] ?? ""}`] : words[index - 1] === "-c" ? [] : [word]
  )
  return joined.flatMap((word) => {
    const match = /^(?:--|-c)([^=]+)=(.*)$/s.exec(word)
    return match?.[1] === undefined ? [] : [[match[1].replaceAll("-", "_"), match[2] ?? ""] as const]
  })
}

const startupOf = (minor: number, parameters: ReadonlyMap<string, string>): Effect.Effect<Startup, Refused> => {
  const user = parameters.get("user")
  if (!user) return Effect.fail(fatal("28000", "no PostgreSQL user name specified in startup packet"))
  if (/^(?:true|on|yes|1|database)$/i.test(parameters.get("replication") ?? "")) {
    return Effect.fail(
      fatal("0A000", "replication is not possible through the Data API", "Connect to the database itself.")
    )
  }
  const settings = new Map(optionsOf(parameters.get("options") ?? ""))
  for (const [name, value] of parameters) {
    if (!/^(?:user|database|options|replication)$/.test(name) && !name.startsWith("_pq_.")) settings.set(name, value)
  }
  return Effect.succeed({ _tag: "Startup", minor, user, database: parameters.get("database") || user, settings })
}

/** Answers encryption requests until the client sends a startup message or a cancel request. */
const greet = (
  socket: ClientSocket,
  options: HandshakeOptions
): Effect.Effect<Startup | CancelRequest | undefined, Refused> =>
  Effect.gen(function* () {
    for (;;) {
      const read = yield* socket.startup
      // Who speaks another protocol would not read an error: PostgreSQL closes the connection as well.
      if (read._tag !== "Message" || read.message.length < 4) return undefined
      const packet = decodeStartup(read.message)
      if (Result.isFailure(packet)) return yield* violation(packet.failure)
      const asked = packet.success
      if (asked._tag === "CancelRequest") return asked
      if (asked._tag === "Startup") {
        if (asked.major !== 3) {
          return yield* fatal(
            "0A000",
            `unsupported frontend protocol ${asked.major}.${asked.minor}: server supports 3.0 to 3.${MINOR}`
          )
        }
        if (options.requireTls && !socket.encrypted) {
          return yield* fatal("28000", "the connection is not encrypted", "Connect with sslmode=require.")
        }
        const unknown = [...asked.parameters.keys()].filter((name) => name.startsWith("_pq_."))
        const minor = Math.min(asked.minor, MINOR)
        if (asked.minor > MINOR || unknown.length > 0) socket.send(Backend.negotiateProtocolVersion(minor, unknown))
        return yield* startupOf(minor, asked.parameters)
      }
      const encrypts = asked._tag === "SslRequest" && options.tls !== undefined && !socket.encrypted
      socket.send(Buffer.from(encrypts ? "S" : "N"))
      yield* socket.flush
      if (encrypts && options.tls !== undefined && !(yield* socket.upgrade(options.tls))) return undefined
    }
  })

/** The client's next SASL message; undefined if it has disconnected. */
const password = (socket: ClientSocket): Effect.Effect<Uint8Array | undefined, Refused> =>
  Effect.andThen(
    socket.flush,
    Effect.flatMap(socket.next, (read) => {
      if (read._tag === "End") return Effect.undefined
      if (read._tag === "Malformed" || read.message._tag !== "Password") {
        return Effect.fail(violation("expected SASL response"))
      }
      return Effect.succeed(read.message.bytes)
    })
  )

/** Checks the client's password; undefined if it has disconnected. */
const authenticate = Effect.fnUntraced(function* (socket: ClientSocket, verifier: Scram.Verifier, user: string) {
  socket.send(Backend.authenticationSasl([Scram.MECHANISM]))
  const first = yield* password(socket)
  if (first === undefined) return undefined
  const exchange = Scram.begin(verifier, first)
  if (Result.isFailure(exchange)) return yield* violation(exchange.failure)
  socket.send(Backend.authenticationSaslContinue(exchange.success.challenge))
  const last = yield* password(socket)
  if (last === undefined) return undefined
  const answer = Scram.finish(verifier, exchange.success, last)
  if (answer === undefined) return yield* fatal("28P01", `password authentication failed for user "${user}"`)
  socket.send(Backend.authenticationSaslFinal(answer))
  return true
})

/** The handshake up to AuthenticationOk; undefined if the client has disconnected. */
export const handshake = Effect.fnUntraced(function* (socket: ClientSocket, options: HandshakeOptions) {
  const asked = yield* greet(socket, options)
  if (asked === undefined || asked._tag === "CancelRequest") return asked
  if (options.verifier !== undefined) {
    if ((yield* authenticate(socket, options.verifier, asked.user)) === undefined) return undefined
  }
  socket.admit()
  socket.send(Backend.authenticationOk)
  return asked
})
