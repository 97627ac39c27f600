/** Serves one client, from its handshake to its end. */
import { randomBytes } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import { BeforeRetry } from "../../data-api/RetryPolicy.ts"
import { literal } from "../../data-api/statement/Quoting.ts"
import { cancellable } from "../cancel/Cancellable.ts"
import type { CancelKey, Cancels } from "../cancel/Cancels.ts"
import { releaseLocks } from "../locks/AdvisoryLocks.ts"
import * as Backend from "../protocol/BackendMessages.ts"
import type { ClientSocket } from "../protocol/ClientSocket.ts"
import { fatal, type HandshakeOptions, handshake, type Startup } from "../protocol/Handshake.ts"
import { Session, type Upstream } from "../session/ClientSession.ts"
import type { StatementOutcome } from "../session/StatementOutcome.ts"
import { askedEncoding } from "../session/settings/ClientEncoding.ts"
import { tryAndRollBack } from "../session/settings/SettingStatements.ts"
import { reported } from "../session/settings/Settings.ts"
import type { ClientStatement } from "../statement/ClientStatement.ts"
import { commandTag } from "../statement/CommandTag.ts"
import { type Refused, refusal, refusedBy, refusedText } from "../statement/Refused.ts"
import { ExtendedQuery } from "./ExtendedQuery.ts"
import { callFunction } from "./FunctionCall.ts"
import { Idling } from "./KeepAlive.ts"
import { type Answering, refuseQuery, simpleQuery } from "./SimpleQuery.ts"

/** A log entry for a client's statement, without its text, which may contain values. */
export interface StatementEntry {
  readonly connection: number
  readonly command: string
  readonly milliseconds: number
  /** The SQLSTATE of its failure; undefined if it succeeded. */
  readonly sqlState: string | undefined
}

export interface ConnectionOptions extends HandshakeOptions {
  readonly upstream: Upstream
  readonly cancels: Cancels
  readonly maxConnections: number
  readonly onStatement: (entry: StatementEntry) => void
}

const firstText = ({ records }: { readonly records?: ReadonlyArray<ReadonlyArray<object>> | undefined }): string => {
  const field = records?.[0]?.[0]
  return field !== undefined && "stringValue" in field ? String(field.stringValue) : ""
}

/** Reads the server's own values of the settings that are reported to clients. */
const readDefaults = Effect.fnUntraced(function* (session: Session) {
  const names = [...reported.keys()]
  const values = names.map((name) => `coalesce(current_setting(${literal(name)}, true), '')`)
  const answer = yield* Effect.mapError(session.call({ sql: `select ${values.join(" || E'\\n' || ")}` }), (error) =>
    refusedBy(error)
  )
  for (const [index, value] of firstText(answer).split("\n").entries()) {
    const name = names[index]
    if (name !== undefined) session.settings.setDefault(name, name === "client_encoding" ? "UTF8" : value)
  }
})

/** Applies the settings of the startup message. */
const applySettings = Effect.fnUntraced(function* (session: Session, { settings }: Startup) {
  const asked: Array<readonly [string, string]> = []
  for (const [name, value] of settings) {
    const known = name.toLowerCase()
    if (known === "application_name") session.settings.values.set(known, value)
    else if (known === "client_encoding") session.settings.remember(known, yield* askedEncoding(value))
    else asked.push([known, value])
  }
  if (asked.length === 0) return
  const names = asked.map(([name]) => name)
  const sets = asked.map(([name, value]) => `perform set_config(${literal(name)}, ${literal(value)}, true);`)
  const { after, before } = yield* tryAndRollBack(session, `do ${literal(`begin ${sets.join(" ")} end`)}`, names)
  for (const [index, name] of names.entries()) {
    session.settings.noteBefore(name, before[index] ?? "")
    session.settings.remember(name, after[index])
  }
})

/** Reports changed settings to the client; PostgreSQL does so at the end of a query. */
const report = (socket: ClientSocket, session: Session): void => {
  for (const [name, value] of session.settings.changesToReport())
    socket.send(Backend.parameterStatus(name, value, session.settings.encoding))
}

const begin = Effect.fnUntraced(function* (socket: ClientSocket, session: Session, startup: Startup) {
  yield* readDefaults(session)
  yield* applySettings(session, startup)
  session.settings.begin()
  report(socket, session)
})

/** Tells the client why it waits. */
const resuming = (socket: ClientSocket) =>
  Effect.suspend(() => {
    const message = "the database is resuming after a pause; the gateway waits for it"
    socket.send(Backend.noticeResponse({ severity: "NOTICE", code: "00000", message }))
    return socket.flush
  })

const asFatal = ({ fields }: Refused): Uint8Array => Backend.errorResponse({ ...fields, severity: "FATAL" })

const sessionOver = fatal(
  "57P01",
  "the session has ended: its transaction was lost, and nothing that this connection wrote is kept",
  "Connect again, and run it again."
)

/** A failed transaction has its settings no more, before its end is asked for: clients are told so. */
const afterFailure = (session: Session): void => {
  const { transaction } = session
  if (transaction?.failed === true) session.restore(transaction.savepoints.at(-1)?.before ?? transaction.before)
}

const ready = (socket: ClientSocket, session: Session) =>
  Effect.andThen(
    Effect.sync(() => {
      afterFailure(session)
      if (session.isOver) return void socket.send(asFatal(sessionOver))
      report(socket, session)
      socket.send(Backend.readyForQuery(session.status))
    }),
    socket.flush
  )

/** Answers messages until the client disconnects. */
const converse = Effect.fnUntraced(function* (answering: Answering) {
  const { session, socket } = answering
  const extended = new ExtendedQuery(answering)
  const idling = new Idling(session)
  yield* Effect.forkChild(idling.keepAlive)
  yield* ready(socket, session)
  while (!session.isOver) {
    const read = yield* idling.wait(socket.next)
    if (read._tag === "End") return
    if (read._tag === "Malformed") {
      socket.send(Backend.errorResponse(fatal("08P01", read.why).fields))
      return yield* socket.flush
    }
    const { message } = read
    switch (message._tag) {
      case "Terminate":
        return
      case "Query":
        extended.forgetUnnamed()
        yield* simpleQuery(answering, message.sql)
        yield* ready(socket, session)
        break
      case "Sync":
        yield* extended.sync
        yield* ready(socket, session)
        break
      case "Parse":
      case "Bind":
      case "Describe":
      case "Execute":
      case "Close":
      case "Flush":
        yield* extended.answer(message)
        break
      // The client may still send data of a COPY that has failed.
      case "CopyData":
      case "CopyDone":
      case "CopyFail":
        break
      case "Unreadable":
        if (message.of === "Query") {
          yield* refuseQuery(answering, refusedText(message.fault))
          yield* ready(socket, session)
        } else yield* extended.refuse(refusedText(message.fault))
        if (message.of === "Sync") {
          yield* extended.sync
          yield* ready(socket, session)
        }
        break
      case "FunctionCall":
        yield* callFunction(answering, message)
        yield* ready(socket, session)
        break
      case "Password":
        socket.send(Backend.errorResponse(fatal("08P01", "unexpected password message").fields))
        return yield* socket.flush
    }
  }
})

/** How long the gateway waits for the cancel request, and then for the cancelled statement to end. */
const GRACE = "3 seconds"

const cancelled = (isFound: boolean): Refused =>
  refusal(
    "57014",
    "canceling statement due to user request",
    isFound ? undefined : "Its backend could not be identified: the statement may run on for up to 45 seconds."
  )

/** Cancels the backend, and fails if the statement does not end in time. */
const giveUp = (session: Session): Effect.Effect<never, Refused> =>
  Effect.flatMap(Effect.timeoutOption(Effect.result(session.cancelBackend), GRACE), (answer) => {
    const isFound = answer._tag === "Some" && Result.isSuccess(answer.value) && answer.value.success
    return Effect.andThen(isFound ? Effect.sleep(GRACE) : Effect.void, Effect.fail(cancelled(isFound)))
  })

/** Runs a connection's statements so that a running one can be cancelled, and each one is logged. */
const runner = (
  processId: number,
  session: Session,
  connection: CancelKey,
  onStatement: ConnectionOptions["onStatement"]
) => {
  return (
    statement: ClientStatement,
    effect: Effect.Effect<StatementOutcome, Refused>
  ): Effect.Effect<StatementOutcome, Refused> =>
    Effect.clockWith((clock) => {
      const start = clock.currentTimeMillisUnsafe()
      const ran = cancellable(
        effect,
        Effect.suspend(() => giveUp(session)),
        (cancel) => {
          connection.cancel = cancel
        }
      )
      return Effect.onExit(ran, (exit) => {
        connection.cancel = () => undefined
        const failure = Exit.isFailure(exit) ? Exit.findErrorOption(exit) : undefined
        // Without an error it was interrupted: the gateway is stopping, or the client has disconnected.
        const sqlState =
          failure?._tag === "Some" ? failure.value.fields.code : failure === undefined ? undefined : "57P01"
        onStatement({
          connection: processId,
          command: commandTag(statement.words, 0).replace(/[ 0-9]+$/, ""),
          milliseconds: clock.currentTimeMillisUnsafe() - start,
          sqlState
        })
        return Effect.void
      })
    })
}

/** Serves a client until it disconnects; then rolls its transaction back and releases its locks. */
export const serve = Effect.fnUntraced(function* (socket: ClientSocket, options: ConnectionOptions) {
  const { cancels, upstream } = options
  const started = yield* Effect.result(handshake(socket, options))
  if (Result.isFailure(started)) {
    socket.send(asFatal(started.failure))
    return yield* socket.flush
  }
  const startup = started.success
  if (startup === undefined) return
  if (startup._tag === "CancelRequest") return cancels.cancel(startup.processId, startup.secret)
  if (cancels.size >= options.maxConnections) {
    socket.send(asFatal(fatal("53300", "sorry, too many clients already")))
    return yield* socket.flush
  }
  const connection: CancelKey = { secret: randomBytes(startup.minor >= 2 ? 32 : 4), cancel: () => undefined }
  const processId = cancels.add(connection)
  const session: Session = new Session(upstream, startup.database, {
    notice: (fields) => void socket.send(Backend.noticeResponse(fields, session.settings.encoding))
  })
  socket.encoding = () => session.settings.encoding
  socket.isUnsettled = () => session.mayTakeEffect
  const conversation = Effect.gen(function* () {
    const begun = yield* Effect.result(begin(socket, session, startup))
    if (Result.isFailure(begun)) {
      socket.send(asFatal(begun.failure))
      return yield* socket.flush
    }
    socket.send(Backend.backendKeyData(processId, connection.secret))
    yield* converse({ session, socket, run: runner(processId, session, connection, options.onStatement) })
  })
  yield* Effect.ensuring(
    Effect.provideService(conversation, BeforeRetry, ({ attempt, error }) =>
      attempt === 1 && error.reason._tag === "DatabaseResuming" ? resuming(socket) : Effect.void
    ),
    Effect.andThen(
      Effect.sync(() => cancels.remove(processId)),
      Effect.andThen(
        Effect.catch(session.finish(), ({ fields }) =>
          Effect.logWarning(`The transaction of a session was not committed: ${fields.message}`)
        ),
        releaseLocks(session)
      )
    )
  )
})
