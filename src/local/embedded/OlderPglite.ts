/** PostgreSQL of an older major version in this process: an older PGlite, from the folder where npm installed it. */
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import { Duration, Effect, Predicate, type Scope } from "effect"
import type { DataApi } from "../../data-api/DataApi.ts"
import { defaultLimits } from "../EngineLimits.ts"
import * as Engine from "../engine/Engine.ts"
import { type Lease, Refusal, SessionLost, SessionPermits, type SessionSource, type Value } from "../engine/Session.ts"
import * as OpenFailure from "../folder/OpenFailure.ts"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import type { Request } from "../postgres/Exchange.ts"
import { ProtocolSession } from "../postgres/ProtocolSession.ts"

/** The used members of PGlite, which all versions since 0.2 have. */
interface Pglite {
  readonly execProtocolRaw: (frame: Uint8Array, options: { readonly syncToFs: boolean }) => Promise<Uint8Array>
  readonly close: () => Promise<void>
}

const isPglite = (value: unknown): value is Pglite =>
  Predicate.hasProperty(value, "execProtocolRaw") &&
  Predicate.isFunction(value.execProtocolRaw) &&
  Predicate.hasProperty(value, "close") &&
  Predicate.isFunction(value.close)

export interface OlderPgliteOptions {
  /** The folder of the package `@electric-sql/pglite`. */
  readonly package: string
  readonly major: number
  /** PostgreSQL's files. They are modified. */
  readonly dataDir: string
  readonly database: string
}

const create = async ({ dataDir, database, package: folder }: OlderPgliteOptions): Promise<Pglite> => {
  const load = async (file: string): Promise<object> => import(pathToFileURL(join(folder, "dist", file)).href)
  const [pglite, extension] = await Promise.all([load("index.js"), load("contrib/uuid_ossp.js")])
  const PGlite: unknown = Predicate.hasProperty(pglite, "PGlite") ? pglite.PGlite : undefined
  const opened: unknown =
    Predicate.hasProperty(PGlite, "create") && Predicate.isFunction(PGlite.create)
      ? await PGlite.create({ dataDir, database, extensions: { ...extension } })
      : undefined
  return isPglite(opened) ? opened : Promise.reject(new Error(`${folder} is not a known version of PGlite`))
}

const code = { error: 0x45, query: 0x51, ready: 0x5a, sync: 0x53 } as const

/** The messages of a buffer. Each begins with its type and its length without the type. */
const messages = function* (bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 1 + view.getUint32(at + 1)
    yield bytes.subarray(at, end)
    at = end
  }
}

/**
 * Sends messages as PGlite's own client does: one at a time, and after an error none until Sync. Versions before 0.3
 * send ReadyForQuery after each message; only the one that ends a request is passed on.
 */
const exchange = async (pglite: Pglite, bytes: Uint8Array, onMessage: (message: Uint8Array) => void): Promise<void> => {
  let hasFailed = false
  for (const frame of messages(bytes)) {
    const ends = frame[0] === code.sync || frame[0] === code.query
    if (hasFailed && frame[0] !== code.sync) continue
    hasFailed = false
    for (const message of messages(await pglite.execProtocolRaw(frame.slice(), { syncToFs: false }))) {
      if (message[0] === code.error) hasFailed = !ends
      if (message[0] !== code.ready || ends) onMessage(message)
    }
  }
}

const occupied = new Refusal({ sqlState: "53300", message: "sorry, too many clients already" })

const lostWith = (cause: unknown): SessionLost =>
  new SessionLost({
    message: `The older database has stopped: ${Predicate.hasProperty(cause, "message") ? cause.message : cause}.`
  })

/** The only session. It is not reset, since a reset stops these versions; its only caller leaves nothing in it. */
const sourceOf = (pglite: Pglite, { database, major }: OlderPgliteOptions): SessionSource => {
  const schemaVersion = { current: 0 }
  const parser = PgProtocol.makeParser<Value>({ maxMessageSize: 1 << 30 })
  let lost: SessionLost | undefined
  const send = ({ bytes, receiver }: Request): Effect.Effect<void, SessionLost> =>
    Effect.suspend(() => {
      if (lost !== undefined) return Effect.fail(lost)
      parser.readField = (chunk, offset, size, column) => receiver.read(chunk, offset, size, column)
      const take = (message: Uint8Array) => parser.pushEach(message, (one) => void receiver.accept(one))
      return Effect.tryPromise({
        try: async () => {
          await exchange(pglite, bytes, take)
          if (!receiver.answered) throw new Error("it does not answer")
        },
        catch: (cause) => {
          lost = lostWith(cause)
          return lost
        }
      }).pipe(Effect.uninterruptible)
    })
  const session = new ProtocolSession(send, schemaVersion, { majorVersion: major, isSuperuser: true, singleUser: "" })
  const permits = new SessionPermits(1, defaultLimits.sessionWait, occupied)
  const run: Lease["session"]["run"] = (statement) => session.run({ ...statement, last: undefined })
  const rollback = Effect.suspend(() =>
    session.status === "I" ? Effect.void : Effect.ignore(run({ sql: "rollback", parameters: [] }))
  )
  const lease: Lease = {
    session: { database, run, status: () => session.status, isBroken: () => lost !== undefined },
    end: Effect.andThen(rollback, permits.release)
  }
  return { lend: () => Effect.as(permits.take, lease), schemaVersion, holdsProcess: true }
}

/**
 * Opens the files of an older PostgreSQL as a Data API, until the scope closes. A transaction may be idle for a day.
 *
 * @errors LocalDataApiError
 */
export const open = Effect.fnUntraced(function* (
  options: OlderPgliteOptions
): Effect.fn.Return<DataApi["Service"], LocalDataApiError, Scope.Scope> {
  const pglite = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: () => create(options),
      catch: (cause) =>
        new LocalDataApiError({
          message: `The files of PostgreSQL ${options.major} in ${options.dataDir} can't be opened: ${OpenFailure.reasonOf({ cause })}`,
          cause
        })
    }),
    (opened) => Effect.ignore(Effect.tryPromise(() => opened.close()))
  )
  const limits = { transactionIdle: Duration.days(1), transactionTotal: Duration.days(7) }
  return yield* Engine.make(sourceOf(pglite, options), { database: options.database, limits })
})
