/**
 * The root of the command line, and the flags that every command takes.
 *
 * Modules that `--help` needs import `effect` module by module: its barrel alone would double the time to the first
 * line. A command loads the rest when it runs: {@link database}, {@link operations}.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Param from "effect/cli/Param"
import * as Primitive from "effect/cli/Primitive"
import * as Effect from "effect/Effect"

export const root = Command.make("alex-db").pipe(
  Command.withDescription("Manage the Alex database: Aurora over the Data API, PostgreSQL, or the embedded one"),
  Command.withSharedFlags({
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print one JSON document on stdout; everything else goes to stderr"),
      Flag.withDefault(false)
    ),
    dotenv: Flag.Path("dotenv", { pathType: "either", mustExist: false }).pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Read variables from this file instead of .env; the environment wins"),
      Flag.optional
    ),
    backend: Flag.Literals("backend", ["data-api", "postgres", "embedded"]).pipe(
      Flag.withDescription("Use this backend, whatever the environment says"),
      Flag.optional
    )
  })
)

/** A flag that is off unless it is given. */
export const on = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

/** A flag that may be given several times. */
export const repeated = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.atLeast(0))

/** A path as it was typed, such as `-`, which a shell completes as any other. */
const typedPath = (kind: Primitive.PathType): Primitive.Primitive<string> =>
  Object.assign(Primitive.Path(kind), { parse: (typed: string) => Effect.succeed(typed) })

/** An argument that names a file, or `-`. */
export const fileArgument = (name: string) =>
  Param.makeSingle({ kind: Param.argumentKind, name, primitiveType: typedPath("file") })

/** A flag that names a file or a folder, or something else. */
export const pathFlag = (name: string) =>
  Param.makeSingle({ kind: Param.flagKind, name, primitiveType: typedPath("either") })

/** A flag with a whole number, which is refused as wrong usage outside its range. */
export const int = (name: string, minimum: number, maximum?: number) =>
  Flag.Int(name).pipe(
    Flag.filter(
      (value) => value >= minimum && value <= (maximum ?? value),
      (value) =>
        `Expected a number ${maximum === undefined ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`}, got ${value}`
    )
  )

/** The highest port. */
export const lastPort = 65_535

/** A host name as it stands in a Host header; with a scheme or a port it would match none. */
export const hostName = (name: string) =>
  Flag.String(name).pipe(
    Flag.filter(
      (value) => /^(?:[\w.-]+|\[[\da-f:.]+\])$/i.test(value),
      (value) => `Expected a host name without a scheme, a port or a path, got ${value}`
    )
  )

/** A flag with a default value, which its help shows. */
export const defaulted = <A extends string | number>(flag: Flag.Flag<A>, value: NoInfer<A>, description: string) =>
  flag.pipe(Flag.withDescription(`${description} (default: ${value})`), Flag.withDefault(value))

/** Loads what a command needs to reach its database. */
export const database = Effect.promise(() => import("./database.ts"))

/** Loads the operations on it. */
export const operations = Effect.promise(() => import("../operations/index.ts"))
