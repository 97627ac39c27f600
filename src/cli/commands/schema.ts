/** `alex-db schema`: what agents read and write, as JSON Schema. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { WrongUsage } from "../Outcome.ts"
import { print, printJson } from "../output/text.ts"
import { root } from "../root.ts"

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
    const { isSchemaName, schemaNames, schemas } = yield* Effect.promise(() => import("../../agent/JsonSchemas.ts"))
    if (Option.isNone(options.name)) return yield* print(json, schemaNames, (names) => names.join("\n"))
    const name = options.name.value
    if (!isSchemaName(name)) {
      return yield* new WrongUsage({
        problem: `there is no schema "${name}"; there are ${schemaNames.join(", ")}`,
        fix: "Give one of these names"
      })
    }
    yield* printJson(schemas[name](options.dialect).jsonSchema)
  })
).pipe(Command.withDescription("List the JSON Schemas of what agents read and write, or print one"))
