/**
 * The way into a folder for the other commands of its user: the process that holds it answers the Data API on a socket
 * that only they can reach.
 *
 * A guest first asks for `GET /guest` and gets the {@link Handshake} as the first line of an answer that does not end
 * before one of the two does; so each knows when the other is gone. Its calls go to `/<guest>/Execute` and so on. A
 * second line, {@link ending}, asks it to begin nothing more and to leave as soon as what it has begun is over: only
 * then is no request of its on the way any more, and the holder may end without losing one.
 */
import { mkdtemp, rm } from "node:fs/promises"
import type { RequestListener, ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { setTimeout } from "node:timers/promises"
import { isMainThread } from "node:worker_threads"
import { Context, Effect, Exit, Option, Schedule, Schema, type Scope } from "effect"
import { DataApi } from "../../data-api/DataApi.ts"
import type { DataApiError } from "../../data-api/DataApiError.ts"
import { MAX_REQUEST_BYTES } from "../../data-api/Limits.ts"
import { HttpServer } from "../http/HttpServer.ts"
import { type ListenError, listen } from "../http/Listener.ts"

/** Counts what guests and holders of different versions must agree on. */
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

/** How long a holder that has nothing more to do waits for the calls and transactions of its guests, in milliseconds. */
const patience = 30_000

/** How long it waits for guests that have nothing under way to leave; a stopped process never does. */
const farewell = 2_000

/** How long one that is stopped by a signal waits for them. */
const hurry = 500

/** A socket's path may have 103 bytes on macOS, and 107 on Linux. */
const longestPath = 100

/** The engine has its own limit, and words for it, as it has for calls that come in no request at all. */
const maxRequestBytes = 4 * MAX_REQUEST_BYTES

/** Where a holder's socket is. */
export interface Place {
  readonly path: string
  /** What `lock.json` calls it: a name in the folder, which has different paths in different containers, or a path. */
  readonly name: string
}

/** Windows has no such sockets, and in a thread a file can't be made its owner's alone from the start. */
const isPossible = process.platform !== "win32" && isMainThread

/**
 * Where the socket of a folder goes: into the folder, or into a private one where its path is too long.
 *
 * @returns `None` where there can be none; nothing but the way in is missing then.
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

/** A guest's calls, and its transactions, which do not outlive it. */
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

  /** A call that finds its transaction gone, since it was idle for too long perhaps, ends it here too. */
  #noting<A>(id: string | undefined, call: Effect.Effect<A, DataApiError>): Effect.Effect<A, DataApiError> {
    if (id === undefined) return this.#counting(call)
    return Effect.tapError(this.#counting(call), ({ reason }) =>
      Effect.sync(() => reason._tag === "TransactionNotFound" && this.#open.delete(id))
    )
  }

  /** An end that fails uses the transaction up too, unless it came while a statement was running. */
  #ending<A>(id: string, call: Effect.Effect<A, DataApiError>): Effect.Effect<A, DataApiError> {
    return Effect.onExit(this.#counting(call), (exit) =>
      Effect.sync(() => {
        const failure = Option.getOrUndefined(Exit.findErrorOption(exit))
        if (failure === undefined || !isRunning(failure)) this.#open.delete(id)
      })
    )
  }

  /** In the middle of a call or a transaction. */
  readonly isBusy = (): boolean => !this.#hasLeft && this.#open.size + this.#underWay > 0

  /** Rolls back what is open; what can't be, as a statement runs on in it, ends when it was idle for too long. */
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
 * Serves the database of a folder that this process holds to its guests, for as long as the scope is open.
 *
 * @errors ListenError
 */
export const serve = Effect.fnUntraced(function* (
  api: DataApi["Service"],
  { database, path }: { readonly database: string; readonly path: string }
): Effect.fn.Return<void, ListenError, Scope.Scope> {
  // What a process that was killed has left.
  yield* Effect.ignore(Effect.tryPromise(() => rm(path, { force: true })))
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
    if (isBusy()) yield* Effect.logInfo("Waiting for what another command has begun in this folder")
    yield* untilLeft(patience, isBusy)
    yield* untilLeft(farewell)
  })

  yield* listen({ socketPath: path, grace: "10 seconds", onRequest })
  yield* Effect.addFinalizer((exit) =>
    Effect.gen(function* () {
      isEnding = true
      for (const response of present) response.write(`${ending}\n`)
      // Whoever is stopped by a signal waits for no transaction.
      yield* Exit.hasInterrupts(exit) ? untilLeft(hurry) : untilDone
      for (const response of present) response.end()
    })
  )
})
