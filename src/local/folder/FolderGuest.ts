/** Uses a folder through the process that holds it. */
import { type IncomingMessage, request } from "node:http"
import { isAbsolute, join, relative, resolve } from "node:path"
import { Context, Data, Effect, Exit, Layer, Option, Redacted, Schema, type Scope } from "effect"
import * as HttpDataApi from "../../data-api/aws/HttpDataApi.ts"
import { DataApi, type Operation } from "../../data-api/DataApi.ts"
import { ConnectFailed, DataApiError } from "../../data-api/DataApiError.ts"
import { defaultTarget } from "../http/Clusters.ts"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import { ending, Handshake, protocol } from "./FolderServer.ts"
import * as Holder from "./Holder.ts"

/** No process responds at the socket: the holder is starting, ending or dead. */
export class NoHolder extends Data.TaggedError("NoHolder")<{ readonly cause: unknown }> {}

/** A connection to the holder of a folder. */
export interface Guest {
  readonly api: DataApi["Service"]
  /** Whether the holder is about to end: it runs only calls of open transactions. */
  readonly isEnding: () => boolean
  /** Whether the holder has ended. */
  readonly hasEnded: () => boolean
}

/** Milliseconds to wait for a holder. One that is suspended, or runs a long statement, does not respond. */
const patience = 5_000

/** The path of the socket in `lock.json`, relative to the working folder if that is shorter: the length is limited. */
const pathOf = (dataDir: string, name: string): string => {
  if (isAbsolute(name)) return name
  const path = join(resolve(dataDir), name)
  const fromHere = relative(process.cwd(), path)
  return fromHere.length < path.length ? fromHere : path
}

/** Connects, and returns a response that stays open until the holder ends. */
const knock = (socketPath: string) =>
  Effect.acquireRelease(
    Effect.callback<IncomingMessage, NoHolder>((resume) => {
      const asked = request({ socketPath, path: "/guest", agent: false })
      asked.setTimeout(patience, () => asked.destroy(new Error("it does not answer")))
      asked.on("error", (cause) => resume(Effect.fail(new NoHolder({ cause }))))
      asked.on("response", (response) => {
        asked.setTimeout(0)
        resume(Effect.succeed(response))
      })
      asked.end()
      return Effect.sync(() => asked.destroy())
    }),
    (response) => Effect.sync(() => response.destroy())
  )

/** The messages of the holder in its open response. */
class Presence {
  readonly #response: IncomingMessage
  #text = ""
  #hasEnded = false

  constructor(response: IncomingMessage) {
    this.#response = response
    response.setEncoding("utf8").on("data", (chunk: string) => {
      this.#text += chunk
    })
    const ended = () => {
      this.#hasEnded = true
    }
    // The response of a killed holder ends with an error, and then closes.
    response.on("error", ended).on("close", ended)
  }

  /** The first line of the response. */
  readonly handshake = Effect.callback<string, NoHolder>((resume) => {
    const look = () => {
      const end = this.#text.indexOf("\n")
      if (end >= 0) resume(Effect.succeed(this.#text.slice(0, end)))
      else if (this.#hasEnded) resume(Effect.fail(new NoHolder({ cause: "it ended" })))
    }
    this.#response.on("data", look).on("close", look)
    look()
  })

  readonly isEnding = (): boolean => this.#hasEnded || this.#text.includes(`\n${ending}\n`)
  readonly hasEnded = (): boolean => this.#hasEnded

  /** Calls `look` for each further message of the holder. */
  onWord(look: () => void): void {
    this.#response.on("data", look)
  }

  /** Tells the holder that this guest sends nothing more. */
  leave(): void {
    this.#response.destroy()
  }
}

/** The calls of a guest. When the holder is about to end, the guest leaves after its last call and transaction. */
class Visit {
  readonly #presence: Presence
  readonly #open = new Set<string>()
  #underWay = 0
  #hasLeft = false

  constructor(presence: Presence) {
    this.#presence = presence
    presence.onWord(() => this.#leaveIfDone())
    this.#leaveIfDone()
  }

  #leaveIfDone(): void {
    if (this.#hasLeft || this.#underWay > 0 || this.#open.size > 0 || !this.#presence.isEnding()) return
    this.#hasLeft = true
    this.#presence.leave()
  }

  /** Runs a call. After the guest has left nothing is sent, so the call has certainly not run. */
  #sending<A>(operation: Operation, call: Effect.Effect<A, DataApiError>): Effect.Effect<A, DataApiError> {
    return Effect.suspend(() => {
      if (this.#hasLeft) {
        const reason = new ConnectFailed({ message: "The holder of the data folder has ended." })
        return Effect.fail(new DataApiError({ operation, reason }))
      }
      this.#underWay++
      return Effect.ensuring(
        call,
        Effect.sync(() => {
          this.#underWay--
          this.#leaveIfDone()
        })
      )
    })
  }

  /** Ends a transaction. If a statement was still running in it, the transaction stays open. */
  #ending<A>(id: string, call: Effect.Effect<A, DataApiError>): Effect.Effect<A, DataApiError> {
    return Effect.onExit(call, (exit) =>
      Effect.sync(() => {
        const failure = Option.getOrUndefined(Exit.findErrorOption(exit))
        if (failure?.reason._tag !== "TransactionBusy") this.#open.delete(id)
      })
    )
  }

  readonly through = (api: DataApi["Service"]): DataApi["Service"] =>
    DataApi.of({
      executeStatement: (request) => this.#sending("ExecuteStatement", api.executeStatement(request)),
      batchExecuteStatement: (request) => this.#sending("BatchExecuteStatement", api.batchExecuteStatement(request)),
      beginTransaction: (request) =>
        this.#sending(
          "BeginTransaction",
          Effect.tap(api.beginTransaction(request), ({ transactionId }) =>
            Effect.sync(() => this.#open.add(transactionId))
          )
        ),
      commitTransaction: (request) =>
        this.#sending("CommitTransaction", this.#ending(request.transactionId, api.commitTransaction(request))),
      rollbackTransaction: (request) =>
        this.#sending("RollbackTransaction", this.#ending(request.transactionId, api.rollbackTransaction(request)))
    })
}

const decode = Schema.decodeOption(Schema.fromJsonString(Handshake))

/** Region and keys do not matter, because only the socket's owner can connect to it. */
const region = "us-east-1"
const { resourceArn, secretArn } = defaultTarget(region)

const credentials = Effect.succeed({
  accessKeyId: "guest",
  secretAccessKey: Redacted.make("guest"),
  sessionToken: undefined
})

/**
 * Connects to the holder's socket, until the scope closes.
 *
 * @param options.socket The socket's name in `lock.json`.
 */
export const connect = Effect.fnUntraced(function* (options: {
  readonly dataDir: string
  readonly database: string
  readonly holder: Holder.Holder
  readonly socket: string
}): Effect.fn.Return<Guest, NoHolder | LocalDataApiError, Scope.Scope> {
  const { database, dataDir, holder } = options
  const socketPath = pathOf(dataDir, options.socket)
  const response = yield* knock(socketPath)
  const presence = new Presence(response)
  const handshake = decode(yield* presence.handshake)
  if (Option.isNone(handshake) || handshake.value.protocol !== protocol) {
    return yield* new LocalDataApiError({
      message: `The data folder ${dataDir} is in use by ${Holder.nameOf(holder)}, which has another version of this package. Stop that process or use its version.`
    })
  }
  if (handshake.value.database !== database) {
    return yield* new LocalDataApiError({
      message: `The data folder ${dataDir} holds the database ${handshake.value.database}, not ${database}. Choose another folder.`
    })
  }
  const api = yield* Layer.build(
    HttpDataApi.layer({
      clusterArn: resourceArn,
      secretArn: Redacted.make(secretArn),
      database,
      region,
      credentials,
      endpoint: `http://localhost/${handshake.value.guest}`,
      // The holder has its own limits, and the open response shows when it has ended, so this timeout is long.
      transport: { socketPath, requestTimeout: 24 * 60 * 60_000 }
    })
  )
  const { hasEnded, isEnding } = presence
  return { api: new Visit(presence).through(Context.get(api, DataApi)), hasEnded, isEnding }
})
