/** The whole command line: one file a command. */
import * as Command from "effect/cli/Command"
import { root } from "../root.ts"
import { check } from "./check.ts"
import { mcp } from "./mcp.ts"
import { migrate } from "./migrate.ts"
import { reset } from "./reset.ts"
import { schema } from "./schema.ts"
import { seed } from "./seed.ts"
import { serve } from "./serve.ts"
import { up } from "./up.ts"
import { verify } from "./verify.ts"

/** @internal */
export const command = root.pipe(Command.withSubcommands([up, check, migrate, seed, reset, verify, serve, mcp, schema]))
