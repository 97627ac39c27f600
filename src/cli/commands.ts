/**
 * The commands: their flags and what they are for. What a command does is in the file of its name, imported when it
 * runs.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { mcp } from "./mcp.ts"
import { root } from "./root.ts"
import { schema } from "./schema.ts"
import { serve } from "./serve.ts"

const on = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

const up = Command.make(
  "up",
  {},
  Effect.fnUntraced(function* () {
    const { up } = yield* Effect.promise(() => import("./up.ts"))
    yield* up(yield* root)
  })
).pipe(
  Command.withDescription("Bring up a local database from nothing, with instruments and a test user, and verify it")
)

const check = Command.make(
  "check",
  {},
  Effect.fnUntraced(function* () {
    const { check } = yield* Effect.promise(() => import("./check.ts"))
    yield* check(yield* root)
  })
).pipe(Command.withDescription("See whether the database can be reached, as whom and how fast; say what to fix"))

const to = Flag.Int("to").pipe(
  Flag.withDescription("The number of the last migration to apply; by default all"),
  Flag.optional
)

const status = Command.make(
  "status",
  {},
  Effect.fnUntraced(function* () {
    const { status } = yield* Effect.promise(() => import("./migrate.ts"))
    yield* status(yield* root)
  })
).pipe(Command.withDescription("Say what is applied and what is pending; exit 3 unless all is applied"))

const plan = Command.make(
  "plan",
  { to, rehearse: on("try", "Run the statements in transactions that are rolled back, and say what they locked") },
  Effect.fnUntraced(function* (options) {
    const { plan } = yield* Effect.promise(() => import("./migrate.ts"))
    yield* plan(yield* root, options)
  })
).pipe(Command.withDescription("Print the statements that migrate would run, and what each locks"))

const migrate = Command.make(
  "migrate",
  { to },
  Effect.fnUntraced(function* (options) {
    const { migrate } = yield* Effect.promise(() => import("./migrate.ts"))
    yield* migrate(yield* root, options)
  })
).pipe(
  Command.withDescription("Apply the pending migrations, each in one transaction"),
  Command.withSubcommands([status, plan])
)

const seed = Command.make(
  "seed",
  {
    file: Flag.String("file").pipe(
      Flag.withDescription("Instruments as JSON, instead of those that come with the package"),
      Flag.optional
    ),
    dryRun: on("dry-run", "Say what would change, and change nothing")
  },
  Effect.fnUntraced(function* (options) {
    const { seed } = yield* Effect.promise(() => import("./seed.ts"))
    yield* seed(yield* root, options)
  })
).pipe(Command.withDescription("Check the instruments and insert or update them, all or none"))

const reset = Command.make(
  "reset",
  {
    withTestData: on("with-test-data", "Add the test user with three accounts and five positions"),
    skipDrop: on("skip-drop", "Drop nothing; migrate and seed what is there"),
    users: Flag.Int("users").pipe(Flag.withDescription("Add this many generated users, for load tests"), Flag.optional),
    positions: Flag.Int("positions").pipe(
      Flag.withDescription("How many positions each generated user has; 5 by default"),
      Flag.optional
    ),
    confirm: Flag.String("confirm").pipe(
      Flag.withDescription("The name of the database, where it is not local or holds users that no seed brings back"),
      Flag.optional
    ),
    dryRun: on("dry-run", "Say what would be dropped, and drop nothing")
  },
  Effect.fnUntraced(function* (options) {
    const { reset } = yield* Effect.promise(() => import("./reset.ts"))
    yield* reset(yield* root, options)
  })
).pipe(Command.withDescription("Drop Alex's own tables, migrate and seed"))

const verify = Command.make(
  "verify",
  {
    html: Flag.String("html").pipe(
      Flag.withDescription("Write the report to this file too, as a page with charts"),
      Flag.optional
    ),
    skipDrift: on("skip-drift", "Do not compare the database with its migrations, which takes some seconds")
  },
  Effect.fnUntraced(function* (options) {
    const { verify } = yield* Effect.promise(() => import("./verify.ts"))
    yield* verify(yield* root, options)
  })
).pipe(Command.withDescription("Report on tables, allocations, indexes, triggers, rows and drift; exit 3 if wanting"))

/** The whole command line. @internal */
export const command = root.pipe(Command.withSubcommands([up, check, migrate, seed, reset, verify, serve, mcp, schema]))
