/**
 * Serves a folder to other commands of the same user: the process that holds it, the holder, serves the Data API on a
 * socket that only this user can reach. The other processes are its guests.
 *
 * A guest first sends `GET /guest`. The first line of the response is the {@link Handshake}. The response stays open
 * until one of the two processes ends, so each knows when the other has ended. The guest's calls go to
 * `/<guest>/Execute` and so on. A second line, {@link ending}, asks the guest to begin nothing new, and to disconnect
 * after its running calls and open transactions. Then no request is on its way, and the holder can end without losing
 * one.
 */
import { mkdtemp, rename, rm, stat } from "node:fs/promises"
import type { RequestListener, ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { setTimeout } from "node:timers/promises"
import { isMainThread } from "node:worker_threads"
import { Context, Effect, Exit, Option, Schedule, Schema, type Scope } from "effect"
import { DataApi } from "../../data-api/DataApi.ts"
import type { DataApiError } from "../../data-api/DataApiError.ts"
import { MAX_REQUEST_BYTES } from "../../data-api/Limits.ts"
import { HttpServer } from "../http/HttpServer.ts"
import { type ListenError, listen, listenError } from "../http/Listener.ts"

/** The version of the protocol, which guest and holder must share. */
export const protocol = 1

/** The first message to a guest. */
export const Handshake = Schema.Struct({
  protocol: Schema.Int,
  /** The path of this guest's calls. */
  guest: Schema.String,
  database: Schema.String
})

/** The line that tells guests that their holder is about to end. */
export const ending = "ending"

/** How long an ending holder waits for the calls and transactions of its guests, in milliseconds. */
const patience = 30_000

/** How long it waits for idle guests to disconnect, in milliseconds; a suspended process never does. */
const farewell = 2_000

/** How long a holder that ends by a signal waits for its guests, in milliseconds. */
const hurry = 500

/** The longest path of a socket, in bytes. The limit is 103 on macOS, and 107 on Linux. */
const longestPath = 100

/** Larger than the service's limit, so that the engine refuses a large request with its own message. */
const maxRequestBytes = 4 * MAX_REQUEST_BYTES

/** Where a holder's socket is. */
export interface Place {
  readonly path: string
  /** Its value in `lock.json`: a name in the folder, whose path may differ between containers, or an absolute path. */
  readonly name: string
}

/** Windows has no such sockets, and a worker thread can't set the umask that makes the socket private. */
const isPossible = process.platform !== "win32" && isMainThread

/**
 * The place of a folder's socket: in the folder, or in a private temporary folder if the path is too long.
 *
 * @returns `None` if there can be no socket; then the folder works, but can't be shared.
 */
export const place = (dataDir: string): Effect.Effect<Option.Option<Place>, never, Scope.Scope> =>
  Effect.gen(function* () {
    if (!isPossible) return Option.none()
    const name = "holder.sock"
    const inFolder = join(resolve(dataDir), name)
    if (Buffer.byteLength(inFolder) <= longestPath) return Option.some({ path: inFolder, name })
    const folder = yield* Effect.acquireRelease(
      Effect.tryPromise(() => mkdtemp(join(tmpdir(), "alex-db-"))),
      (path) => Effect.ignore(Effect.tryPromise(() => rm(path, { recursive: true, force: true })))
    )
    const path = join(folder, name)
    return Buffer.byteLength(path) <= longestPath ? Option.some({ path, name: path }) : Option.none()
  }).pipe(Effect.orElseSucceed(Option.none))

const isRunning = ({ reason }: DataApiError): boolean => reason._tag === "TransactionBusy"

/** The calls and transactions of a guest. Its transactions end with it. */
class Guest {
  readonly #api: DataApi["Service"]
  readonly #open = new Set<string>()
  #hasLeft = false
  #underWay = 0

  constructor(api: DataApi["Service"]) {
    this.#api = api
  }

  get api(): DataApi["Service"] {
    const api = this.#api
    return {
      executeStatement: (request) => this.#noting(request.transactionId, api.executeStatement(request)),
      batchExecuteStatement: (request) => this.#noting(request.transactionId, api.batchExecuteStatement(request)),
      beginTransaction: (request) =>
        this.#counting(
          Effect.tap(api.beginTransaction(request), ({ transactionId }) => {
            this.#open.add(transactionId)
            return this.#hasLeft ? this.leave : Effect.void
          })
        ),
      commitTransaction: (request) => this.#ending(request.transactionId, api.commitTransaction(request)),
      rollbackTransaction: (request) => this.#ending(request.transactionId, api.rollbackTransaction(request))
    }
  }

  #counting<A>(call: Effect.Effect<A, DataApiError>): Effect.Effect<A, DataApiError> {
    return Effect.suspend(() => {
      this.#underWay++
      return Effect.ensuring(
        call,
        Effect.sync(() => this.#underWay--)
      )
    })
  }

  /** Runs a call. If its transaction no longer exists, for example because it was idle for too long, it is removed. */
  #noting<A>(id: string | undefined, call: Effect.Effect<A, DataApiError>): Effect.Effect<A, DataApiError> {
    if (id === undefined) return this.#counting(call)
    return Effect.tapError(this.#counting(call), ({ reason }) =>
      Effect.sync(() => reason._tag === "TransactionNotFound" && this.#open.delete(id))
    )
  }

  /** Ends a transaction. It is also removed if that fails, unless a statement was still running in it. */
  #ending<A>(id: string, call: Effect.Effect<A, DataApiError>): Effect.Effect<A, DataApiError> {
    return Effect.onExit(this.#counting(call), (exit) =>
      Effect.sync(() => {
        const failure = Option.getOrUndefined(Exit.findErrorOption(exit))
        if (failure === undefined || !isRunning(failure)) this.#open.delete(id)
      })
    )
  }

  /** Whether a call is running or a transaction is open. */
  readonly isBusy = (): boolean => !this.#hasLeft && this.#open.size + this.#underWay > 0

  /** Rolls back open transactions. One in which a statement keeps running ends by the idle limit. */
  readonly leave: Effect.Effect<void> = Effect.suspend(() => {
    this.#hasLeft = true
    return Effect.forEach(
      [...this.#open],
      (transactionId) =>
        this.#api
          .rollbackTransaction({ transactionId })
          .pipe(Effect.retry({ while: isRunning, schedule: Schedule.spaced("100 millis"), times: 600 }), Effect.ignore),
      { discard: true }
    )
  })
}

/**
 * Moves a socket to its place, where it replaces that of a killed process; takes it away with the scope. A server of Node's
 * that closes removes whatever is at the path that it was created with by then: in a folder that was replaced that would be
 * the socket of the next holder.
 */
const showAt = (path: string, made: string) => {
  const cannot = (cause: unknown) => listenError(path, 0, cause)
  const show = Effect.tryPromise({
    try: async () => {
      await rename(made, path)
      return (await stat(path)).ino
    },
    catch: cannot
  })
  const hide = (inode: number) =>
    Effect.tryPromise(async () => {
      if ((await stat(path)).ino === inode) await rm(path)
    })
  return Effect.acquireRelease(
    Effect.tapError(show, () => Effect.ignore(Effect.tryPromise(() => rm(made, { force: true })))),
    (inode) => Effect.ignore(hide(inode))
  )
}

/**
 * Serves the database of a folder that this process holds to its guests, until the scope closes.
 *
 * @errors ListenError
 */
export const serve = Effect.fnUntraced(function* (
  api: DataApi["Service"],
  { database, path }: { readonly database: string; readonly path: string }
): Effect.fn.Return<void, ListenError, Scope.Scope> {
  const context = yield* Effect.context<Scope.Scope>()
  const guests = new Map<string, { readonly guest: Guest; readonly answer: RequestListener }>()
  const present = new Set<ServerResponse>()
  let isEnding = false
  const fork = Effect.runForkWith(context)
  const answering = (guest: Guest) =>
    Effect.runSyncWith(Context.add(context, DataApi, guest.api))(HttpServer.requestListener({ maxRequestBytes }))

  const welcome = (response: ServerResponse): void => {
    const id = crypto.randomUUID()
    const guest = new Guest(api)
    guests.set(id, { guest, answer: answering(guest) })
    present.add(response)
    response.on("close", () => {
      present.delete(response)
      guests.delete(id)
      fork(guest.leave)
    })
    const handshake: typeof Handshake.Type = { protocol, guest: id, database }
    response.writeHead(200, { "content-type": "application/json" }).write(`${JSON.stringify(handshake)}\n`)
  }

  const onRequest: RequestListener = (request, response) => {
    if (request.url === "/guest" && !isEnding) return welcome(response)
    const [, id = "", operation = ""] = /^\/([0-9a-f-]+)(\/.*)$/.exec(request.url ?? "") ?? []
    const known = guests.get(id)
    if (known === undefined) return void request.socket.destroy()
    request.url = operation
    return known.answer(request, response)
  }

  const isBusy = () => [...guests.values()].some(({ guest }) => guest.isBusy())
  const untilLeft = (patience: number, isPatient: () => boolean = () => true) =>
    Effect.promise(async () => {
      const until = performance.now() + patience
      while (guests.size > 0 && isPatient() && performance.now() < until) await setTimeout(5)
    })
  const untilDone = Effect.gen(function* () {
    yield* untilLeft(hurry)
    if (isBusy()) yield* Effect.logInfo("Waiting for calls or transactions of another command in this folder")
    yield* untilLeft(patience, isBusy)
    yield* untilLeft(farewell)
  })

  const made = join(dirname(path), `${crypto.randomUUID().slice(0, 8)}.s`)
  yield* listen({ socketPath: made, grace: "10 seconds", onRequest })
  yield* showAt(path, made)
  yield* Effect.addFinalizer((exit) =>
    Effect.gen(function* () {
      isEnding = true
      for (const response of present) response.write(`${ending}\n`)
      // A process that is stopped by a signal does not wait for transactions.
      yield* Exit.hasInterrupts(exit) ? untilLeft(hurry) : untilDone
      for (const response of present) response.end()
    })
  )
})
