/** `alex-db upgrade`: an embedded folder of another version of PostgreSQL. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { WrongUsage } from "../../Outcome.ts"
import { upgradeText } from "../../output/keepingText.ts"
import { print } from "../../output/text.ts"
import { database, on, pathFlag, root } from "../../root.ts"
import { version } from "../../version.ts"

export const upgrade = Command.make(
  "upgrade",
  {
    folder: Argument.Path("folder", { mustExist: false }).pipe(
      Argument.withDescription("The folder; that of the environment by default"),
      Argument.optional
    ),
    with: pathFlag("with").pipe(
      Flag.withMetavar("PACKAGE"),
      Flag.withDescription("The PGlite package that npm installs to read the folder, such as a file from npm pack"),
      Flag.optional
    ),
    leaveBehind: on("leave-behind", "Continue without what can't be carried over, which stays in the old folder")
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const { configure } = yield* database
    const { upgradeFolder } = yield* Effect.promise(() => import("./upgradeFolder.ts"))
    const config = yield* configure(flags)
    const folder = Option.getOrElse(options.folder, () => (config._tag === "embedded" ? config.directory : undefined))
    if (folder === undefined) {
      const problem = `The environment selects the backend ${config._tag}, which has no folder`
      return yield* new WrongUsage({ problem, fix: "Name the folder" })
    }
    const report = yield* upgradeFolder(folder, {
      with: Option.getOrUndefined(options.with),
      leaveBehind: options.leaveBehind,
      database: config._tag === "embedded" ? config.database : "alex",
      version: version()
    })
    yield* print(flags.json, report, upgradeText)
  })
).pipe(
  Command.withDescription(
    "Convert an embedded database of another PostgreSQL version to this one; the old folder is kept"
  ),
  Command.withExamples([{ command: "alex-db upgrade .alex-db", description: "After an update of the package" }])
)
