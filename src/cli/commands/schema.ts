/** `alex-db schema`: what agents and commands read and write, as JSON Schema. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { schemaNames } from "../../agent/schemaNames.ts"
import { print, printJson } from "../output/text.ts"
import { root } from "../root.ts"

/** Not a schema of agents: the reports of the commands. */
const reports = "reports"

export const schema = Command.make(
  "schema",
  {
    name: Argument.Literals("name", [...schemaNames, reports]).pipe(
      Argument.withDescription("The schema to print; all names are listed without it"),
      Argument.optional
    ),
    dialect: Flag.Literals("dialect", ["json-schema", "openai", "anthropic"]).pipe(
      Flag.withDescription("JSON Schema 2020-12, or what OpenAI's strict mode or Anthropic accepts of it"),
      Flag.withDefault("json-schema")
    )
  },
  Effect.fnUntraced(function* ({ dialect, name }) {
    const { json } = yield* root
    if (Option.isNone(name)) return yield* print(json, [...schemaNames, reports], (names) => names.join("\n"))
    if (name.value === reports) {
      const { reportSchemas } = yield* Effect.promise(() => import("../output/reports.ts"))
      return yield* printJson(reportSchemas())
    }
    const { schemas } = yield* Effect.promise(() => import("../../agent/JsonSchemas.ts"))
    yield* printJson(schemas[name.value](dialect).jsonSchema)
  })
).pipe(
  Command.withDescription(
    "List the JSON Schemas of what agents read and write and of what commands report, or print one"
  ),
  Command.withExamples([
    { command: "alex-db schema portfolio-analysis --dialect openai", description: "For an agent's answer" },
    { command: "alex-db schema reports", description: "What each command prints with --json" }
  ])
)
