/** The flags, the variable and the prompt that backup, restore and copy share. */
import { randomBytes } from "node:crypto"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { hint } from "../../../MisspeltVariables.ts"
import type { Restore } from "../../../operations/index.ts"
import { planText } from "../../output/keepingText.ts"
import { sayLines } from "../../output/text.ts"
import { visibleReport } from "../../output/visible.ts"
import { on } from "../../root.ts"

export const schemaFlag = Flag.String("schema").pipe(
  Flag.withMetavar("NAME"),
  Flag.withDescription("All tables of this schema, of any application, instead of Alex's tables"),
  Flag.optional
)

export const anonymizeFlag = on(
  "anonymize",
  "Replace names, ids and texts with pseudonyms; the same key (ALEX_DB_ANONYMIZE_KEY) gives the same ones"
)

export const replaceFlags = {
  replace: on("replace", "Empty the tables first, where they hold rows"),
  confirm: Flag.String("confirm").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("The database's name, to confirm that rows of one that is not local are replaced"),
    Flag.optional
  ),
  skipVerify: on("skip-verify", "Do not read the rows back to compare them")
}

const variable = "ALEX_DB_ANONYMIZE_KEY"

/**
 * The default provider has the environment as it was before the file of variables was read, which completed the
 * process's own.
 */
const withFile = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => Effect.provideService(effect, ConfigProvider.ConfigProvider, ConfigProvider.fromEnv()))

/** The key of the pseudonyms: the environment's, or a random one that is not stored. */
export const anonymizeKey = Effect.fnUntraced(function* (wanted: boolean) {
  if (!wanted) return undefined
  const given = yield* Config.option(Config.Redacted(variable))
  if (Option.isSome(given) && Redacted.value(given.value) !== "") return given.value
  const problem = `${variable} is not set: a random key is used and not stored, so the next run gives other pseudonyms`
  yield* Effect.logInfo(`${problem}${yield* hint([variable])}`)
  return Redacted.make(randomBytes(32).toString("hex"))
}, withFile)

/** At a terminal, shows the rows that would be lost and asks for the database's name; returns what was typed. */
export const askToReplace = Effect.fnUntraced(function* (plan: Restore.RestorePlan, mostCounted: number) {
  yield* sayLines(planText(mostCounted)(visibleReport(plan)))
  return yield* Prompt.run(Prompt.String({ message: "Type the database's name to replace these rows" }))
})
