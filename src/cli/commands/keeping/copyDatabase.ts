/** `alex-db copy`: the rows of one database into another. */
import { existsSync, realpathSync } from "node:fs"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { DbConfig } from "../../../DbConfig.ts"
import type { CopyDatabase } from "../../../operations/index.ts"
import { WrongUsage } from "../../Outcome.ts"
import { restoreText } from "../../output/keepingText.ts"
import { print } from "../../output/text.ts"
import { database, operations, pathFlag, root } from "../../root.ts"
import { version } from "../../version.ts"
import { anonymizeFlag, anonymizeKey, askToReplace, replaceFlags, schemaFlag } from "./asking.ts"

type Copy = typeof CopyDatabase.copy

const sides = Effect.promise(() => import("./sides.ts"))

/** Whether two paths lead to the same folder. */
const isSameFolder = (one: DbConfig, other: DbConfig): boolean =>
  one._tag === "embedded" &&
  other._tag === "embedded" &&
  [one, other].every(({ directory }) => existsSync(directory)) &&
  realpathSync(one.directory) === realpathSync(other.directory)

const side = (name: string, description: string) =>
  pathFlag(name).pipe(Flag.withMetavar("DATABASE"), Flag.withDescription(description))

/** Copies; where rows would be lost, asks first, if there is somebody to ask. */
const copied = Effect.fnUntraced(function* (reading: Parameters<Copy>[0], options: NonNullable<Parameters<Copy>[1]>) {
  const { Backup, CopyDatabase, Restore, RestoreTarget } = yield* operations
  const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
  if (!canPrompt || options.confirm !== undefined) return yield* CopyDatabase.copy(reading, options)
  const header = yield* Backup.withSource(options, ({ header }) => Effect.succeed(header)).pipe(
    Effect.provideContext(reading)
  )
  const plan = yield* Restore.plan(header)
  if (plan.tables.length === 0 || (options.replace === true && plan.mustConfirm === null)) {
    return yield* CopyDatabase.copy(reading, options)
  }
  const named = yield* askToReplace(plan, RestoreTarget.mostCounted)
  return yield* CopyDatabase.copy(reading, { ...options, replace: true, confirm: named })
})

export const copyDatabase = Command.make(
  "copy",
  {
    from: side("from", "The database to read: a postgres:// URL, a folder, a file of variables, or data-api"),
    to: side("to", "The database to write, in the same forms"),
    schema: schemaFlag,
    anonymize: anonymizeFlag,
    ...replaceFlags
  },
  Effect.fnUntraced(function* ({ anonymize, confirm, from, replace, schema, skipVerify, to }) {
    const flags = yield* root
    if (anonymize && Option.isSome(schema)) {
      const problem = "--anonymize works on Alex's tables only"
      return yield* new WrongUsage({ problem, fix: "Leave out --anonymize or --schema" })
    }
    const { sideOf } = yield* sides
    const { layerConfigured, onConfigured, targetOf } = yield* database
    const source = yield* sideOf("--from", from, flags)
    const target = yield* sideOf("--to", to, flags)
    const [one, other] = [targetOf(source), targetOf(target)]
    const isSamePlace = one.location === other.location || isSameFolder(source, target)
    if (isSamePlace && one.database === other.database) {
      return yield* new WrongUsage({
        problem: "--from and --to are the same database",
        fix: "Name two different databases"
      })
    }
    const options = {
      schema: Option.getOrUndefined(schema),
      anonymize: yield* anonymizeKey(anonymize),
      tool: `alex-database ${version()}`,
      replace,
      confirm: Option.getOrUndefined(confirm),
      verify: !skipVerify,
      version: version()
    }
    const report = yield* Effect.scoped(
      Effect.gen(function* () {
        const reading = yield* Layer.build(layerConfigured(source))
        return yield* onConfigured(target)(copied(reading, options))
      })
    )
    yield* print(flags.json, report, restoreText("copied"))
  })
).pipe(
  Command.withDescription("Copy the rows of one database into another, on any backends, and compare them"),
  Command.withExamples([
    {
      command: "alex-db copy --from .env.prod --to embedded:.alex-db --anonymize",
      description: "Aurora into a local folder"
    },
    { command: "alex-db copy --from .alex-db --to postgres://localhost/alex", description: "A folder into PostgreSQL" }
  ])
)
