/** `alex-db upgrade`: an embedded folder of another version of PostgreSQL. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { WrongUsage } from "../../Outcome.ts"
import { upgradeText } from "../../output/keepingText.ts"
import { print } from "../../output/text.ts"
import { database, root } from "../../root.ts"
import { version } from "../../version.ts"

export const upgrade = Command.make(
  "upgrade",
  {
    folder: Argument.Path("folder", { mustExist: false }).pipe(
      Argument.withDescription("The folder; that of the environment by default"),
      Argument.optional
    ),
    with: Flag.String("with").pipe(
      Flag.withMetavar("PACKAGE"),
      Flag.withDescription("What npx takes to open the folder, where it is not the version that is known to"),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const { configure } = yield* database
    const { upgradeFolder } = yield* Effect.promise(() => import("./upgradeFolder.ts"))
    const config = yield* configure(flags)
    const folder = Option.getOrElse(options.folder, () => (config._tag === "embedded" ? config.directory : undefined))
    if (folder === undefined) {
      const problem = `The environment chooses ${config._tag}, which has no folder`
      return yield* new WrongUsage({ problem, fix: "Name the folder" })
    }
    const report = yield* upgradeFolder(folder, Option.getOrUndefined(options.with), version())
    yield* print(flags.json, report, upgradeText)
  })
).pipe(
  Command.withDescription(
    "Move an embedded database of another version of PostgreSQL to this one's; the old folder is kept"
  ),
  Command.withExamples([{ command: "alex-db upgrade .alex-db", description: "After an update of the package" }])
)
