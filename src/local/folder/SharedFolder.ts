/**
 * A folder that several commands use at a time: one process holds it, the others are its guests. When the holder ends,
 * the first guest that needs the database becomes the holder.
 */
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { Effect, Exit, Option, Scope, Semaphore } from "effect"
import { DataApi, type Operation } from "../../data-api/DataApi.ts"
import { ConnectFailed, ConnectionLost, DataApiError, outcomeUnknown } from "../../data-api/DataApiError.ts"
import { Idempotent } from "../../data-api/RetryPolicy.ts"
import { isRead } from "../../data-api/sql/ReadOnly.ts"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import * as FolderGuest from "./FolderGuest.ts"
import * as FolderServer from "./FolderServer.ts"
import * as Holder from "./Holder.ts"
import type { FolderInUse, Share } from "./TakeFolder.ts"

export interface SharedFolderOptions {
  readonly dataDir: string
  readonly database: string
  /** The name of this program for messages to other processes, such as `alex-db serve`. */
  readonly program: string
  /** Opens the folder as its holder. */
  readonly open: (share: Share) => Effect.Effect<DataApi["Service"], LocalDataApiError | FolderInUse, Scope.Scope>
}

/** Where calls go: to the engine in this process, or to the socket of another process. */
interface Place extends FolderGuest.Guest {
  readonly isHolder: boolean
}

/** Milliseconds to wait for a holder that starts or ends. It is longer than the holder's own wait for its guests. */
const patience = 180_000

/** Milliseconds of waiting after which a message names the holder. */
const silence = 5_000

/** Runs an effect that acquires resources in its own scope, which is closed at once if it fails. */
const inOwnScope = <E>(parent: Scope.Scope, enter: Effect.Effect<Place, E, Scope.Scope>): Effect.Effect<Place, E> =>
  Effect.flatMap(Scope.fork(parent), (scope) =>
    enter.pipe(
      Scope.provide(scope),
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
  )

const noWayIn = (dataDir: string, path: string): string =>
  `Other commands can't use ${dataDir} while this one has it open, because no socket can be created at ${path}. Remove the file at that path, or change the folder's permissions.`

const asHolder = ({ database, dataDir, open, program }: SharedFolderOptions, parent: Scope.Scope) =>
  inOwnScope(
    parent,
    Effect.gen(function* () {
      const socket = yield* FolderServer.place(dataDir)
      const name = Option.map(socket, (place) => place.name)
      const lonely = Effect.flatMap(Holder.self(program), (self) => Holder.write(join(dataDir, "lock.json"), self))
      const api = yield* open({ program, socket: Option.getOrUndefined(name) })
      if (Option.isSome(socket)) {
        yield* FolderServer.serve(api, { path: socket.value.path, database }).pipe(
          Effect.catch(() => Effect.andThen(Effect.logWarning(noWayIn(dataDir, socket.value.path)), lonely))
        )
      }
      return { isHolder: true, api, isEnding: () => false, hasEnded: () => false }
    })
  )

const asGuest = (
  { database, dataDir }: SharedFolderOptions,
  parent: Scope.Scope,
  holder: Holder.Holder,
  socket: string
) =>
  inOwnScope(
    parent,
    Effect.gen(function* () {
      const guest = yield* FolderGuest.connect({ dataDir, database, holder, socket })
      yield* Effect.logInfo(
        `The data folder ${dataDir} is open in ${Holder.nameOf(holder)}; this process uses it through that one`
      )
      return { isHolder: false, ...guest }
    })
  )

/** Takes the folder, or connects to the process that has it. It waits while that process starts or ends. */
const settle = Effect.fnUntraced(function* (
  options: SharedFolderOptions,
  parent: Scope.Scope
): Effect.fn.Return<Place, LocalDataApiError> {
  // Real time, not Effect's clock, because this waits for another process.
  const began = performance.now()
  let hasSaid = false
  for (;;) {
    const held = yield* Effect.result(asHolder(options, parent))
    if (held._tag === "Success") return held.success
    const failure = held.failure
    if (failure._tag === "LocalDataApiError") return yield* failure
    const holder = Option.getOrUndefined(failure.holder)
    const waited = performance.now() - began
    const isOver = waited >= patience
    if (isOver || (holder !== undefined && holder.socket === undefined))
      return yield* new LocalDataApiError({ message: failure.message })
    if (holder?.socket !== undefined) {
      const guest = yield* Effect.result(asGuest(options, parent, holder, holder.socket))
      if (guest._tag === "Success") return guest.success
      if (guest.failure._tag === "LocalDataApiError") return yield* guest.failure
    }
    if (waited >= silence && !hasSaid) {
      hasSaid = true
      const who = holder === undefined ? "another process" : Holder.nameOf(holder)
      yield* Effect.logInfo(
        `Waiting for ${who}, which has the data folder ${options.dataDir} and does not answer yet: it opens or closes it, is busy, or is suspended`
      )
    }
    yield* Effect.promise(() => setTimeout(50))
  }
})

/** The failure of a call for which no process was found; it did not run. */
const unanswered =
  (operation: Operation) =>
  ({ message }: LocalDataApiError) =>
    new DataApiError({ operation, reason: new ConnectFailed({ message }) })

const lostItsHolder = ({ reason }: DataApiError): boolean =>
  reason._tag === "ConnectionLost" || reason._tag === "ConnectFailed"

/** Replaces the HTTP client's message, which names a host, by one that names the folder. */
const ofFolder = (dataDir: string, { operation, reason }: DataApiError): DataApiError =>
  new DataApiError({
    operation,
    reason:
      reason._tag === "ConnectFailed"
        ? new ConnectFailed({ message: `The process that has the data folder ${dataDir} open does not answer.` })
        : new ConnectionLost({
            message: `The process that had the data folder ${dataDir} open ended, and its answer is lost.`
          })
  })

/** How many holders a call tries, if they end one after the other. */
const tries = 3

/** Routes the calls of this process to the current holder, or to the holder of their transaction. */
class Places {
  readonly #options: SharedFolderOptions
  readonly #parent: Scope.Scope
  readonly #turn = Semaphore.makeUnsafe(1)
  /** The place of each open transaction that was begun at another process. */
  readonly #homes = new Map<string, Place>()
  readonly #gone = new WeakSet<Place>()
  #present: Place

  constructor(options: SharedFolderOptions, parent: Scope.Scope, present: Place) {
    this.#options = options
    this.#parent = parent
    this.#present = present
  }

  /** Whether no call can begin at a place any more. */
  #isOver(place: Place): boolean {
    return place.isEnding() || this.#gone.has(place)
  }

  /** Finds the next place. The scope of the previous one stays open, because its holder may still run calls. */
  readonly #move = Effect.gen({ self: this }, function* () {
    const { dataDir } = this.#options
    this.#present = yield* settle(this.#options, this.#parent)
    if (this.#present.isHolder)
      yield* Effect.logInfo(`The process that had the data folder ${dataDir} open ended: this process has it open now`)
    return this.#present
  })

  readonly #settled: Effect.Effect<Place, LocalDataApiError> = Effect.suspend(() =>
    this.#isOver(this.#present)
      ? Semaphore.withPermit(
          this.#turn,
          Effect.suspend(() => (this.#isOver(this.#present) ? this.#move : Effect.succeed(this.#present)))
        )
      : Effect.succeed(this.#present)
  )

  /** The place of a call. A transaction stays at the holder where it was begun, and ends with it. */
  readonly #of = (operation: Operation, transactionId: string | undefined): Effect.Effect<Place, DataApiError> => {
    const home = transactionId === undefined ? undefined : this.#homes.get(transactionId)
    return home === undefined || home.hasEnded() || this.#gone.has(home)
      ? Effect.mapError(this.#settled, unanswered(operation))
      : Effect.succeed(home)
  }

  /**
   * Makes a call. If its holder ends, the call is retried at the next one, provided that it did not run or may run
   * twice. Otherwise it fails with `OutcomeUnknown`.
   */
  call<A>(
    operation: Operation,
    transactionId: string | undefined,
    mayRunTwice: Effect.Effect<boolean>,
    ask: (place: Place) => Effect.Effect<A, DataApiError>,
    left = tries
  ): Effect.Effect<A, DataApiError> {
    return Effect.flatMap(this.#of(operation, transactionId), (place) => {
      if (place.isHolder) return ask(place)
      return Effect.catchIf(ask(place), lostItsHolder, (error) => {
        this.#gone.add(place)
        return Effect.flatMap(mayRunTwice, (twice) =>
          left > 1 && (twice || error.didRun === "no")
            ? this.call(operation, transactionId, mayRunTwice, ask, left - 1)
            : Effect.fail(outcomeUnknown(ofFolder(this.#options.dataDir, error)))
        )
      })
    })
  }

  readonly begun = (place: Place, transactionId: string): void => {
    if (!place.isHolder) this.#homes.set(transactionId, place)
  }

  readonly ended = (transactionId: string) => Effect.sync(() => this.#homes.delete(transactionId))
}

const always = Effect.succeed(true)
const never = Effect.succeed(false)

/**
 * Opens a shared folder as a `DataApi`.
 *
 * @errors LocalDataApiError
 */
export const make = Effect.fnUntraced(function* (
  options: SharedFolderOptions
): Effect.fn.Return<DataApi["Service"], LocalDataApiError, Scope.Scope> {
  const parent = yield* Scope.Scope
  const places = new Places(options, parent, yield* settle(options, parent))
  return DataApi.of({
    executeStatement: (request) =>
      places.call("ExecuteStatement", request.transactionId, isRead(request.sql) ? always : Idempotent, ({ api }) =>
        api.executeStatement(request)
      ),
    batchExecuteStatement: (request) =>
      places.call("BatchExecuteStatement", request.transactionId, Idempotent, ({ api }) =>
        api.batchExecuteStatement(request)
      ),
    beginTransaction: (request) =>
      places.call("BeginTransaction", undefined, always, (place) =>
        Effect.tap(place.api.beginTransaction(request), ({ transactionId }) =>
          Effect.sync(() => places.begun(place, transactionId))
        )
      ),
    commitTransaction: (request) =>
      places
        .call("CommitTransaction", request.transactionId, never, ({ api }) => api.commitTransaction(request))
        .pipe(Effect.ensuring(places.ended(request.transactionId))),
    rollbackTransaction: (request) =>
      places
        .call("RollbackTransaction", request.transactionId, always, ({ api }) => api.rollbackTransaction(request))
        .pipe(Effect.ensuring(places.ended(request.transactionId)))
  })
})
