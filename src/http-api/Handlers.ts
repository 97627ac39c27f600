/** The handlers of the routes: each runs one operation of a repository, for the calling user. */
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { parseJson } from "../data-api/values/SoundJson.ts"
import { JobTooLarge, maxJobBytes } from "../domain/Job.ts"
import type { UnreadableRow } from "../domain/Problems.ts"
import { Accounts, Instruments, Jobs, type Listed, Portfolios, Positions, Users } from "../repository/index.ts"
import { AlexApi } from "./Api.ts"
import {
  CallingUser,
  DatabaseUnavailable,
  DataUnreadable,
  Forbidden,
  InputErrors,
  TellForbidden
} from "./Middleware.ts"

type Answered<E> = Exclude<E, SqlError | UnreadableRow> | DatabaseUnavailable | DataUnreadable

/** The database's own words: a driver may have them in the cause alone. */
const wordsOf = (error: { readonly message: string }): string => {
  const cause = isSqlError(error) ? error.reason.cause : undefined
  return Predicate.hasProperty(cause, "message") ? String(cause.message) : error.message
}

/** The answer for what the database refuses: another attempt helps, unless the reason is what is stored. */
const refusalOf = ({ reason }: SqlError): DatabaseUnavailable | DataUnreadable =>
  reason._tag === "ConstraintError" || reason._tag === "UniqueViolation"
    ? new DataUnreadable({
        message: "What is stored breaks a rule of the database: a person has to correct it before it can be changed."
      })
    : new DatabaseUnavailable({ message: "The database can't answer now. Try again in a moment." })

/** The answer for a row that can't be read, with what was done to it all the same. */
const unreadable = (error: object): DataUnreadable => {
  const done = Predicate.hasProperty(error, "done") ? error.done : undefined
  const message = "A row in the database can't be read."
  return new DataUnreadable({ message: done === undefined ? message : `The row was ${done}. ${message}` })
}

/** Hides the details of a failure of the database from the caller; the log has them. */
const answered = <A, E extends { readonly _tag: string; readonly message: string }, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, Answered<E>, R> =>
  Effect.catch(effect, (error) => {
    const answer: Effect.Effect<never, Answered<E>> | undefined = isSqlError(error)
      ? refusalOf(error)
      : error._tag === "UnreadableRow"
        ? unreadable(error)
        : undefined
    return answer === undefined
      ? Effect.fail(error as Exclude<E, SqlError | UnreadableRow>)
      : Effect.andThen(Effect.logError(`A request could not be answered: ${wordsOf(error)}`), answer)
  })

/** With `TellForbidden`, fails with `Forbidden` for what another person owns, at the cost of one more request. */
const telling = <A, E extends { readonly _tag: string }, R>(
  effect: Effect.Effect<A, E, R>,
  notFound: E["_tag"],
  anyones: Effect.Effect<unknown, { readonly _tag: string }>
): Effect.Effect<A, E | Forbidden, R> =>
  Effect.catch(
    effect,
    Effect.fnUntraced(function* (error) {
      if (error._tag !== notFound || !(yield* TellForbidden)) return yield* Effect.fail(error)
      const found = yield* Effect.isSuccess(anyones)
      return yield* Effect.fail(found ? new Forbidden({ message: "This belongs to another person." }) : error)
    })
  )

const list = <A>(items: Listed<A>) => ({
  items: [...items],
  unreadable: (items.unreadable ?? []).map(({ key }) => key)
})

/** How many there were, with those that can't be read. */
const counted = <A>(deleted: Listed<A>) => ({ deleted: deleted.length + (deleted.unreadable ?? []).length })

const users = HttpApiBuilder.group(
  AlexApi,
  "users",
  Effect.fnUntraced(function* (handlers) {
    const users = yield* Users
    const portfolios = yield* Portfolios
    return handlers
      .handle("getUser", () =>
        Effect.flatMap(CallingUser, (clerk_user_id) => answered(users.getOrCreate({ clerk_user_id })))
      )
      .handle("updateUser", ({ payload }) =>
        Effect.flatMap(CallingUser, (user) => answered(users.update(user, payload)))
      )
      .handle("getPortfolio", () => Effect.flatMap(CallingUser, (user) => answered(portfolios.summary(user))))
  })
)

const accounts = HttpApiBuilder.group(
  AlexApi,
  "accounts",
  Effect.fnUntraced(function* (handlers) {
    const all = yield* Accounts
    const own = Effect.map(CallingUser, all.forUser)
    return handlers
      .handle("listAccounts", () => Effect.flatMap(own, (accounts) => answered(Effect.map(accounts.list(), list))))
      .handle("createAccount", ({ payload }) => Effect.flatMap(own, (accounts) => answered(accounts.create(payload))))
      .handle("updateAccount", ({ params: { id }, payload }) =>
        Effect.flatMap(own, (accounts) =>
          answered(telling(accounts.update(id, payload), "AccountNotFound", all.findById(id)))
        )
      )
      .handle("deleteAccount", ({ params: { id } }) =>
        Effect.flatMap(own, (accounts) => answered(telling(accounts.delete(id), "AccountNotFound", all.findById(id))))
      )
      .handle("deleteAccounts", () =>
        Effect.flatMap(own, (accounts) => answered(Effect.map(accounts.deleteAll(), counted)))
      )
  })
)

const positions = HttpApiBuilder.group(
  AlexApi,
  "positions",
  Effect.fnUntraced(function* (handlers) {
    const all = yield* Positions
    const accounts = yield* Accounts
    const own = Effect.map(CallingUser, all.forUser)
    return handlers
      .handle("listPositions", ({ params: { id } }) =>
        Effect.flatMap(own, (positions) =>
          answered(telling(Effect.map(positions.listByAccount(id), list), "AccountNotFound", accounts.findById(id)))
        )
      )
      .handle("putPosition", ({ payload }) =>
        Effect.flatMap(own, (positions) =>
          answered(telling(positions.registerAndPut(payload), "AccountNotFound", accounts.findById(payload.account_id)))
        )
      )
      .handle("updatePosition", ({ params: { id }, payload }) =>
        Effect.flatMap(own, (positions) =>
          answered(telling(positions.update(id, payload), "PositionNotFound", all.findById(id)))
        )
      )
      .handle("deletePosition", ({ params: { id } }) =>
        Effect.flatMap(own, (positions) =>
          answered(telling(positions.delete(id), "PositionNotFound", all.findById(id)))
        )
      )
  })
)

const instruments = HttpApiBuilder.group(
  AlexApi,
  "instruments",
  Effect.fnUntraced(function* (handlers) {
    const instruments = yield* Instruments
    return handlers.handle("listInstruments", ({ query: { search, ...page } }) => {
      const isWhole = search === undefined && page.limit === undefined
      return answered(Effect.map(isWhole ? instruments.all() : instruments.search(search ?? "", page), list))
    })
  })
)

const isJson = Schema.is(Schema.Json)

/**
 * The request of a new job with the names that the body has: `JSON.parse` may read one with an escape as another. One that
 * is too large by itself is refused here, since the database may not take a request that is larger still.
 */
const soundly = <A extends { readonly request_payload?: Schema.Json }>(
  payload: A,
  { text }: HttpServerRequest.HttpServerRequest
): Effect.Effect<A, JobTooLarge> =>
  Effect.flatMap(Effect.orDie(text), (body) => {
    const read = parseJson(body)
    const request_payload = Predicate.isObject(read) ? read["request_payload"] : undefined
    if (!isJson(request_payload)) return Effect.succeed(payload)
    const bytes = new TextEncoder().encode(JSON.stringify(request_payload)).length
    return bytes > maxJobBytes
      ? Effect.fail(new JobTooLarge({ job_id: null, bytes, limit: maxJobBytes }))
      : Effect.succeed({ ...payload, request_payload })
  })

const jobs = HttpApiBuilder.group(
  AlexApi,
  "jobs",
  Effect.fnUntraced(function* (handlers) {
    const all = yield* Jobs
    const own = Effect.map(CallingUser, all.forUser)
    return handlers
      .handle("createJob", ({ payload, request }) =>
        Effect.flatMap(own, (jobs) => answered(Effect.flatMap(soundly(payload, request), jobs.create)))
      )
      .handle("listJobs", ({ query }) =>
        Effect.flatMap(own, (jobs) =>
          answered(
            Effect.map(jobs.list(query), (page) => ({
              items: page.jobs,
              unreadable: page.unreadable.map(({ key }) => key),
              next: page.next
            }))
          )
        )
      )
      .handle("getJob", ({ params: { id } }) =>
        Effect.flatMap(own, (jobs) => answered(telling(jobs.findById(id), "JobNotFound", all.findById(id))))
      )
  })
)

/**
 * The handlers of all routes of {@link AlexApi}; they need the repositories, and `Authorization` from the service.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { HttpRouter } from "effect/http"
 * import { HttpApiBuilder } from "effect/http-api"
 * import { DbLayer } from "alex-database"
 * import { AlexApi, type Authorization, layer } from "alex-database/http-api"
 *
 * declare const authorization: Layer.Layer<Authorization> // the service's own
 *
 * const routes = HttpApiBuilder.layer(AlexApi).pipe(
 *   Layer.provide(layer),
 *   Layer.provide(authorization),
 *   Layer.provide(DbLayer.layer)
 * )
 * const server = HttpRouter.serve(routes)
 * ```
 */
export const layer = /* @__PURE__ */ Layer.suspend(() =>
  Layer.mergeAll(users, accounts, positions, instruments, jobs).pipe(Layer.provideMerge(InputErrors.layer))
)
