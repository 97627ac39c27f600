/** The flag `--folder` of the commands that migrate: migrations of the user's own. */
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"

export const ownFolder = Flag.Path("folder", { pathType: "either", mustExist: false }).pipe(
  Flag.withMetavar("DIR"),
  Flag.withDescription("Use your own migrations in this folder instead of Alex's; one journal records both"),
  Flag.optional
)

/** The options of an operation that name its migrations. */
export const sourceOf = (folder: Option.Option<string>) =>
  Option.isNone(folder) ? {} : { folder: folder.value, own: true }
