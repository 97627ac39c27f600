/** `alex-db schema`: what agents read and write, as JSON Schema. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { root } from "./root.ts"

export const schema = Command.make(
  "schema",
  {
    name: Argument.String("name").pipe(
      Argument.withDescription("The schema to print, for example portfolio-analysis; all names are listed without it"),
      Argument.optional
    ),
    dialect: Flag.Literals("dialect", ["json-schema", "openai", "anthropic"]).pipe(
      Flag.withDescription("JSON Schema 2020-12, or what OpenAI's strict mode or Anthropic accepts of it"),
      Flag.withDefault("json-schema")
    )
  },
  Effect.fnUntraced(function* (options) {
    const { json } = yield* root
    const { run } = yield* Effect.promise(() => import("./schemaRun.ts"))
    yield* run({ ...options, json })
  })
).pipe(Command.withDescription("List the JSON Schemas of what agents read and write, or print one"))
