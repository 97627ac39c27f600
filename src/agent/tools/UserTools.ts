/** The tools of one user, who must exist in the database. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { JobId } from "../../domain/Job.ts"
import { ClerkUserId } from "../../domain/User.ts"
import { Users } from "../../repository/index.ts"
import { reading } from "./failures.ts"
import { BoundJob, type Grant, Granted } from "./Grants.ts"
import { layer as layerHandlers } from "./ToolHandlers.ts"
import { CurrentUser, type ToolFailure } from "./toolParts.ts"

/** Whose tools, and what they may write. */
export interface UserToolsOptions {
  readonly user: string
  readonly granted: ReadonlySet<Grant>
  /** The one job whose results may be recorded; any of the user's unless given. */
  readonly job?: JobId | undefined
}

/**
 * The handlers for one user. Building them looks the user up, and fails with a `ToolFailure` that tells the model that
 * there is none.
 */
export const layer = ({ granted, job, user }: UserToolsOptions) => {
  const unknown: ToolFailure = {
    error: "UserNotFound",
    message: `There is no user "${user}" in this database. The person who started this server has to give --user the id of one who is.`
  }
  return Layer.unwrap(
    Effect.gen(function* () {
      const id = yield* Effect.mapError(Schema.decodeEffect(ClerkUserId)(user), () => unknown)
      const users = yield* Users
      // A row that can't be read is there: a tool that needs it says so.
      yield* users
        .findById(id)
        .pipe(Effect.catchTags({ UserNotFound: () => Effect.fail(unknown), UnreadableRow: () => Effect.void }), reading)
      return Layer.provide(layerHandlers, Layer.succeed(CurrentUser, id))
    })
  ).pipe(Layer.provide(Layer.merge(Layer.succeed(Granted, granted), Layer.succeed(BoundJob, job))))
}
