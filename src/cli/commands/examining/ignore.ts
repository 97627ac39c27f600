/** The flag `--ignore` of the commands that compare a database with its migrations. */
import * as Effect from "effect/Effect"
import { WrongUsage } from "../../Outcome.ts"
import { operations, repeated } from "../../root.ts"

export const ignoredObjects = {
  flag: repeated(
    "ignore",
    "KIND:NAME",
    "Do not compare these objects, such as view:reporting_* or index:jobs.*; may be given several times"
  ),
  /** Refuses what does not name a kind of object. */
  check: Effect.fnUntraced(function* (patterns: ReadonlyArray<string>) {
    if (patterns.length === 0) return
    const { Catalogue, Ignored } = yield* operations
    const wrong = patterns.find((pattern) => !Ignored.isPattern(pattern))
    if (wrong === undefined) return
    return yield* new WrongUsage({
      problem: `--ignore ${wrong} does not name a kind of object`,
      fix: `Write it as kind:name, where the kind is * or one of ${Catalogue.Kind.literals.join(", ")}`
    })
  })
}
