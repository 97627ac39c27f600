/** The whole command line: one file a command. */
import * as Command from "effect/cli/Command"
import { root } from "../root.ts"
import { agentCalls } from "./agentCalls.ts"
import { check } from "./examining/check.ts"
import { doctor } from "./examining/doctor.ts"
import { repair } from "./examining/repair.ts"
import { verify } from "./examining/verify.ts"
import { gateway } from "./gateway.ts"
import { helpOn, version } from "./help.ts"
import { jobs } from "./jobs.ts"
import { backup } from "./keeping/backup.ts"
import { copyDatabase } from "./keeping/copyDatabase.ts"
import { restore } from "./keeping/restore.ts"
import { upgrade } from "./keeping/upgrade.ts"
import { mcp } from "./mcp.ts"
import { migrate } from "./migrating/migrate.ts"
import { reset } from "./reset.ts"
import { schema } from "./schema.ts"
import { seed } from "./seed.ts"
import { serve } from "./serve.ts"
import { snapshot } from "./snapshot.ts"
import { up } from "./up.ts"

const commands = [
  up,
  check,
  doctor,
  migrate,
  seed,
  reset,
  verify,
  repair,
  jobs,
  agentCalls,
  snapshot,
  backup,
  restore,
  copyDatabase,
  upgrade,
  serve,
  gateway,
  mcp,
  schema,
  version
] as const

const described = root.pipe(Command.withSubcommands(commands))

/** @internal */
export const command = root.pipe(Command.withSubcommands([...commands, helpOn(() => described)]))
