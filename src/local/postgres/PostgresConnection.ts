/** One connection to a PostgreSQL server, as a session. */
import { randomBytes } from "node:crypto"
import type * as Net from "node:net"
import * as PgAuth from "@effect/sql-pg/PgAuth"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import { Duration, Effect, Redacted, Result } from "effect"
import { sqlNull } from "../../data-api/postgres/BinaryValues.ts"
import {
  type Refusal,
  type ResultSet,
  type RowReader,
  type SchemaVersion,
  type Session,
  SessionLost,
  type Statement,
  type Value
} from "../engine/Session.ts"
import type { Request } from "./Exchange.ts"
import * as PostgresSocket from "./PostgresSocket.ts"
import { ProtocolSession } from "./ProtocolSession.ts"
import { feed, type ReceiverSequence } from "./Receivers.ts"
import type { ServerFacts } from "./SessionReset.ts"
import { refusalOf } from "./StatementAnswer.ts"

/** Receives messages outside of statements, such as those of the login. */
type Listener = (message: PgProtocol.BackendMessage<Value>) => void

const lost = (message: string): SessionLost => new SessionLost({ message })
const place = (address: PostgresSocket.PostgresAddress): string => `${address.host}:${address.port}`

/** Adds a parameter that the server reports during the login to its facts. */
const learn = (facts: ServerFacts, parameter: string, value: string): ServerFacts => {
  if (parameter === "server_version") return { ...facts, majorVersion: Number.parseInt(value, 10) }
  return parameter === "is_superuser" ? { ...facts, isSuperuser: value === "on" } : facts
}

/** Answers the server's authentication requests. */
class Authentication {
  readonly #address: PostgresSocket.PostgresAddress
  #scram: PgAuth.ScramState | undefined

  constructor(address: PostgresSocket.PostgresAddress) {
    this.#address = address
  }

  /** The bytes to reply with, or why the login fails; `undefined` for other messages. */
  answer(message: PgProtocol.BackendMessage<Value>): Result.Result<Uint8Array, string> | undefined {
    const { user } = this.#address
    const password = this.#address.password === undefined ? "" : Redacted.value(this.#address.password)
    switch (message._tag) {
      case "AuthenticationCleartextPassword":
        return Result.succeed(PgProtocol.encodePasswordMessage({ password }))
      case "AuthenticationMD5Password":
        return PgAuth.md5Password({ user, password, salt: message.salt }).pipe(
          Result.map((hashed) => PgProtocol.encodePasswordMessage({ password: hashed })),
          Result.mapError((error) => error.message)
        )
      case "AuthenticationSASL": {
        if (!message.mechanisms.includes(PgAuth.SCRAM_SHA_256)) return Result.fail("no known SASL mechanism")
        const first = PgAuth.scramInit({ password, nonce: randomBytes(18).toString("base64") })
        if (Result.isFailure(first)) return Result.fail(first.failure.message)
        this.#scram = first.success.state
        const initialResponse = first.success.response
        return Result.succeed(
          PgProtocol.encodeSASLInitialResponse({ mechanism: PgAuth.SCRAM_SHA_256, initialResponse })
        )
      }
      case "AuthenticationSASLContinue": {
        if (this.#scram?._tag !== "ScramFirst") return Result.fail("a SASL challenge out of turn")
        const next = PgAuth.scramContinue(this.#scram, message.data)
        if (Result.isFailure(next)) return Result.fail(next.failure.message)
        this.#scram = next.success.state
        return Result.succeed(PgProtocol.encodeSASLResponse({ data: next.success.response }))
      }
      case "AuthenticationSASLFinal": {
        if (this.#scram?._tag !== "ScramFinal") return Result.fail("a SASL proof out of turn")
        const verified = PgAuth.scramFinish(this.#scram, message.data)
        return Result.isFailure(verified) ? Result.fail(verified.failure.message) : Result.succeed(new Uint8Array(0))
      }
      case "AuthenticationUnsupported":
        return Result.fail(`authentication method ${message.method} is not known`)
      default:
        return undefined
    }
  }
}

/** A request whose answer is awaited. */
interface Running {
  readonly receiver: ReceiverSequence
  readonly resume: (outcome: Effect.Effect<void, SessionLost>) => void
}

/** How long a cancelled statement may take to stop before the connection is closed. */
const cancelPatience = Duration.seconds(5)

/** The facts until the server has reported its own. */
const unknownServer: ServerFacts = { majorVersion: 0, isSuperuser: false }

export class PostgresConnection implements Session {
  readonly database: string
  readonly #address: PostgresSocket.PostgresAddress
  readonly #socket: Net.Socket
  readonly #parser = PgProtocol.makeParser<Value>({ maxMessageSize: 1 << 30 })
  #session: ProtocolSession
  /**
   * The running request. V8 allocates a function that is assigned to a property in the old generation, where it would
   * keep all that belongs to the call until a full collection: so `resume` is kept as it came.
   */
  #running: Running | undefined
  #listener: Listener | undefined
  /** Called if the connection is lost during the login. */
  #onLost: ((error: SessionLost) => void) | undefined
  #onEnd: (() => void) | undefined
  #key: { readonly pid: number; readonly secret: number } | undefined
  #broken: SessionLost | undefined

  private constructor(
    socket: PostgresSocket.PostgresSocket,
    address: PostgresSocket.PostgresAddress,
    database: string,
    schemaVersion: SchemaVersion
  ) {
    this.database = database
    this.#address = address
    this.#socket = socket.stream
    this.#session = new ProtocolSession(this.#send, schemaVersion, unknownServer)
    this.#parser.readField = (chunk, offset, size, column) =>
      this.#running?.receiver.read(chunk, offset, size, column) ?? sqlNull
    socket.receive = (octets) => this.#receive(octets)
    this.#socket.on("error", (error) => this.#break(lost(`The connection to PostgreSQL broke: ${error.message}`)))
    this.#socket.on("close", () => this.#break(lost("The connection to PostgreSQL was closed.")))
  }

  /** Connects and logs in. The settings become the session's defaults, to which a reset returns. */
  static readonly connect = Effect.fnUntraced(function* (
    address: PostgresSocket.PostgresAddress,
    database: string,
    settings: Readonly<Record<string, string>>,
    schemaVersion: SchemaVersion
  ): Effect.fn.Return<PostgresConnection, Refusal | SessionLost> {
    const socket = yield* PostgresSocket.open(address)
    const connection = new PostgresConnection(socket, address, database, schemaVersion)
    const facts = yield* connection.#logIn(settings)
    connection.#session = new ProtocolSession(connection.#send, schemaVersion, facts)
    return connection
  })

  readonly status = () => this.#session.status
  readonly isBroken = () => this.#broken !== undefined
  /** Whether the server ended the session before it accepted the last statement, which therefore did not run. */
  readonly tookNothing = () => this.#session.tookNothing

  run<Rows extends RowReader>(statement: Statement<Rows>): Effect.Effect<ResultSet<Rows>, Refusal | SessionLost> {
    return this.#session.run(statement)
  }

  /** Whether the last statement was followed by a reset, and the server confirmed it. */
  get isReset(): boolean {
    return this.#session.isReset
  }

  /** Resets the session; if that is not possible, the connection is closed. */
  readonly reset: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(this.#session.reset, (isClean) => (isClean ? Effect.void : this.close))
  )

  readonly #send = ({ bytes, receiver }: Request): Effect.Effect<void, SessionLost> =>
    Effect.callback((resume) => {
      if (this.#broken !== undefined) return resume(Effect.fail(this.#broken))
      this.#running = { receiver, resume }
      this.#socket.write(bytes)
      return this.#stop
    })

  /** Ends the running request. */
  #finish(outcome: Effect.Effect<void, SessionLost>): void {
    const running = this.#running
    const onEnd = this.#onEnd
    this.#running = undefined
    this.#onEnd = undefined
    running?.resume(outcome)
    onEnd?.()
  }

  /** Cancels the running statement, and waits until it ends. */
  readonly #stop: Effect.Effect<void> = Effect.suspend(() => {
    const ended = Effect.callback<void>((resume) => {
      if (this.#running === undefined) return resume(Effect.void)
      this.#onEnd = () => resume(Effect.void)
    })
    return this.#cancel.pipe(
      Effect.andThen(ended),
      Effect.timeoutOrElse({ duration: cancelPatience, orElse: () => this.close })
    )
  })

  /** Ends the session. */
  readonly close: Effect.Effect<void> = Effect.sync(() => {
    if (this.#broken === undefined) this.#socket.end(PgProtocol.encodeTerminate())
    this.#socket.destroySoon()
    this.#break(lost("The connection to PostgreSQL was closed."))
  })

  /**
   * Sends a cancel request on a separate connection. It has no response, but the server closes that connection when it
   * has forwarded the request. Until then the request could still cancel the session's next statement.
   */
  get #cancel(): Effect.Effect<void> {
    const key = this.#key
    if (key === undefined) return this.close
    return PostgresSocket.open(this.#address).pipe(
      Effect.flatMap(({ stream }) =>
        Effect.callback<void>((resume) => {
          stream.on("error", () => stream.destroy())
          stream.on("close", (isBroken) => resume(isBroken ? this.close : Effect.void))
          stream.resume().write(PgProtocol.encodeCancelRequest(key))
          return Effect.sync(() => stream.destroy())
        })
      ),
      Effect.ignore
    )
  }

  #logIn(settings: Readonly<Record<string, string>>): Effect.Effect<ServerFacts, Refusal | SessionLost> {
    const authentication = new Authentication(this.#address)
    let facts = unknownServer
    return Effect.callback<ServerFacts, Refusal | SessionLost>((resume) => {
      const finish = (outcome: Effect.Effect<ServerFacts, Refusal | SessionLost>) => {
        this.#listener = undefined
        this.#onLost = undefined
        resume(outcome)
      }
      this.#onLost = (error) => finish(Effect.fail(error))
      this.#listener = (message) => {
        if (message._tag === "ReadyForQuery") return finish(Effect.succeed(facts))
        if (message._tag === "ParameterStatus") facts = learn(facts, message.name, message.value)
        if (message._tag === "BackendKeyData") this.#key = message
        if (message._tag === "ErrorResponse") return finish(Effect.fail(refusalOf(message.fields)))
        const answer = authentication.answer(message)
        if (answer === undefined) return
        if (Result.isFailure(answer))
          return this.#break(lost(`PostgreSQL at ${place(this.#address)}: ${answer.failure}`))
        if (answer.success.length > 0) this.#socket.write(answer.success)
      }
      this.#socket.write(
        PgProtocol.encodeStartupMessage({ user: this.#address.user, database: this.database, ...settings })
      )
      return this.close
    }).pipe(Effect.tapError(() => this.close))
  }

  readonly #dispatch: Listener = (message) => {
    const receiver = this.#running?.receiver
    if (receiver?.finished === false) receiver.accept(message)
    else if (this.#listener !== undefined) this.#listener(message)
    else if (message._tag === "ErrorResponse")
      this.#break(lost(`PostgreSQL ended the session: ${message.fields.message}`))
  }

  readonly #push = (octets: Uint8Array): void => this.#parser.pushEach(octets, this.#dispatch)

  #receive(chunk: Uint8Array): void {
    const receiver = this.#running?.receiver
    const parsed = Result.try(() => (receiver === undefined ? this.#push(chunk) : feed(this.#push, receiver, chunk)))
    if (Result.isFailure(parsed)) this.#break(lost("PostgreSQL sent something that is not its protocol."))
    else if (receiver?.finished === true) this.#finish(Effect.void)
  }

  #break(error: SessionLost): void {
    if (this.#broken !== undefined) return
    this.#broken = error
    this.#socket.destroySoon()
    this.#onLost?.(error)
    this.#finish(Effect.fail(error))
  }
}
