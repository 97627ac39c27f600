/**
 * The root of the command line, and the flags that every command takes.
 *
 * The modules that stand on the way to `--help` import `effect` module by module: its barrel alone would double the
 * time to the first line. What a command works with, it imports when it runs.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"

export const root = Command.make("alex-db").pipe(
  Command.withDescription("Look after the Alex database: Aurora over the Data API, PostgreSQL, or the embedded one"),
  Command.withSharedFlags({
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print one JSON document on stdout; everything else goes to stderr"),
      Flag.withDefault(false)
    ),
    dotenv: Flag.String("dotenv").pipe(
      Flag.withDescription("Read variables from this file instead of .env; the environment wins"),
      Flag.optional
    ),
    backend: Flag.Literals("backend", ["data-api", "postgres", "embedded"]).pipe(
      Flag.withDescription("Use this backend, whatever the environment says"),
      Flag.optional
    )
  })
)
