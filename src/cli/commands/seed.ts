/** `alex-db seed`: the instruments. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Seed } from "../../operations/index.ts"
import { count, print } from "../output/text.ts"
import { database, on, operations, root } from "../root.ts"

/** The result of a seed, in one line; symbols are named if there are at most ten. */
export const seedText = ({ dryRun, inserted, total, unchanged, updated }: Seed.SeedReport): string => {
  const named = (symbols: ReadonlyArray<string>) =>
    symbols.length === 0 || symbols.length > 10 ? "" : ` (${symbols.join(", ")})`
  const parts = [
    `${inserted.length} inserted${named(inserted)}`,
    `${updated.length} updated${named(updated)}`,
    `${unchanged} unchanged`
  ]
  return `${count(total, "instrument")}: ${parts.join(", ")}.${dryRun ? " Dry run: nothing was written." : ""}`
}

export const seed = Command.make(
  "seed",
  {
    file: Flag.Path("file", { pathType: "either", mustExist: false }).pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Instruments as JSON, instead of those that come with the package"),
      Flag.optional
    ),
    dryRun: on("dry-run", "Say what would change, and change nothing")
  },
  Effect.fnUntraced(function* (options) {
    const flags = yield* root
    const { onDatabase } = yield* database
    const { ForeignTables, Seed } = yield* operations
    const file = Option.getOrUndefined(options.file)
    const report = yield* onDatabase(flags)(
      Effect.andThen(ForeignTables.refuse(), Seed.seed({ file, dryRun: options.dryRun }))
    )
    yield* print(flags.json, report, seedText)
  })
).pipe(
  Command.withDescription("Check the instruments and insert or update them, all or none"),
  Command.withExamples([
    { command: "alex-db seed --dry-run", description: "See what would change" },
    { command: "alex-db seed --file instruments.json", description: "Instruments of your own" }
  ])
)
