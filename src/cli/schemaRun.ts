/** What `alex-db schema` does. */
import { Console, Effect, Option } from "effect"
import { type Dialect, isSchemaName, schemaNames, schemas } from "../agent/JsonSchemas.ts"
import { Exit } from "./Outcome.ts"
import { print } from "./text.ts"

export const run = Effect.fnUntraced(function* (options: {
  readonly name: Option.Option<string>
  readonly dialect: Dialect
  readonly json: boolean
}) {
  if (Option.isNone(options.name)) return yield* print(options.json, schemaNames, (names) => names.join("\n"))
  const name = options.name.value
  if (!isSchemaName(name)) {
    yield* Console.error(`alex-db: there is no schema "${name}"; there are ${schemaNames.join(", ")}`)
    return yield* new Exit({ code: 2 })
  }
  yield* Console.log(JSON.stringify(schemas[name](options.dialect).jsonSchema, undefined, 2))
})
