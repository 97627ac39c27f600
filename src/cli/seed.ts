/** `alex-db seed`: the instruments. */
import { Effect, Option } from "effect"
import { Seed } from "../operations/index.ts"
import { type DatabaseFlags, onDatabase } from "./database.ts"
import { count, print } from "./text.ts"

/** What a seed did, in one line; the symbols are named where there are few. */
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

export const seed = Effect.fnUntraced(function* (
  flags: DatabaseFlags & { readonly json: boolean },
  options: { readonly file: Option.Option<string>; readonly dryRun: boolean }
) {
  const file = Option.getOrUndefined(options.file)
  const report = yield* onDatabase(flags)(Seed.seed({ file, dryRun: options.dryRun }))
  yield* print(flags.json, report, seedText)
})
