/** A program without Effect: promises on the outside, one runtime that is opened once and closed at the end. */
import { Effect, type Layer, ManagedRuntime } from "effect"
import { formatDecimal } from "../../src/domain/index.ts"
import { ClerkUserId, DbLayer, Instruments, Portfolios } from "../../src/index.ts"

export interface Holdings {
  /** US dollars, as decimal text: a JavaScript number would round. */
  readonly total: string
  readonly symbols: ReadonlyArray<string>
}

/** Opens the database that the environment describes, at its first use. */
export const openDatabase = (database: Layer.Layer<DbLayer.Services, DbLayer.LayerError> = DbLayer.layer) => {
  const runtime = ManagedRuntime.make(database)
  return {
    /** Rejects with `UserNotFound`, or with what the database failed with: each has a `_tag` and a message. */
    holdings: (user: string): Promise<Holdings> =>
      runtime.runPromise(
        Effect.gen(function* () {
          const portfolios = yield* Portfolios
          const { holdings, total } = yield* portfolios.summary(ClerkUserId.make(user))
          return { total: formatDecimal(total), symbols: holdings.map((holding) => holding.symbol) }
        })
      ),

    /** The names of the instruments whose symbol or name has `part` in it. */
    search: (part: string): Promise<ReadonlyArray<string>> =>
      runtime.runPromise(
        Effect.gen(function* () {
          const instruments = yield* Instruments
          return (yield* instruments.search(part)).map((instrument) => instrument.name)
        })
      ),

    close: (): Promise<void> => runtime.dispose()
  }
}
