/** The environment of a command: the process's own, completed from a file. */
import { closeSync, constants, lstatSync, openSync, readFileSync, readSync, statSync } from "node:fs"
import { resolve } from "node:path"
import { parseEnv } from "node:util"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { textOf } from "../operations/TextFile.ts"
import { Refused, WrongUsage } from "./Outcome.ts"

/**
 * Names that a file may not set, since they decide which code runs: in this process, in its children, or in what the
 * AWS SDK starts (`credential_process` of a configuration file). Compared without regard to case, as Windows does.
 */
const steering = [
  /^(NODE|LD|DYLD|NPM|BUN|DENO|OPENSSL|GIT)_/i,
  /^(BASH_FUNC_|PYTHON|PERL5|RUBY)/i,
  /^(PATH|PATHEXT|SHELL|COMSPEC|IFS|ENV|BASH_ENV|PS4|PROMPT_COMMAND|HOME|USERPROFILE|SYSTEMROOT|TMPDIR|TMP|TEMP)$/i,
  /^(GCONV_PATH|LOCPATH|NLSPATH|GLIBC_TUNABLES|HOSTALIASES|SSLKEYLOGFILE|CLASSPATH)$/i,
  /^(_JAVA_OPTIONS|JDK_JAVA_OPTIONS|JAVA_TOOL_OPTIONS)$/i,
  /^(AWS_CONFIG_FILE|AWS_SHARED_CREDENTIALS_FILE)$/i
]

/** Many files set it for other programs; a warning about it would be noise. */
const harmless = "NODE_ENV"

const isSteering = (name: string): boolean => steering.some((pattern) => pattern.test(name))

/** How long to wait for a pipe to be filled, for which a password may have to be typed. */
const pipePatience = Duration.seconds(30)

const isEmptyYet = (cause: unknown): boolean => Predicate.hasProperty(cause, "code") && cause.code === "EAGAIN"

/** Reads the bytes that are in a pipe, and returns how many: undefined if there are none yet, 0 at its end. */
const readPart = (pipe: number, into: Uint8Array) =>
  Effect.try(() => readSync(pipe, into)).pipe(
    Effect.catchIf(
      ({ cause }) => isEmptyYet(cause),
      () => Effect.undefined
    )
  )

/** Reads a pipe to its end. Opening it does not wait for a writer: no signal could end that wait. */
const readPipe = Effect.fnUntraced(function* (file: string) {
  const pipe = yield* Effect.acquireRelease(
    Effect.try(() => openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)),
    (opened) => Effect.sync(() => closeSync(opened))
  )
  const parts: Array<Uint8Array> = []
  const buffer = new Uint8Array(65_536)
  for (;;) {
    const length = yield* readPart(pipe, buffer)
    if (length === 0 && parts.length > 0) return Buffer.concat(parts)
    if (length !== undefined && length > 0) parts.push(buffer.slice(0, length))
    else yield* Effect.sleep("20 millis")
  }
}, Effect.scoped)

const readBytes = (file: string) =>
  Effect.flatMap(
    Effect.try(() => statSync(file, { throwIfNoEntry: false })?.isFIFO() === true),
    (isPipe) =>
      isPipe
        ? Effect.timeoutOrElse(readPipe(file), { duration: pipePatience, orElse: () => silentPipe(file) })
        : Effect.try(() => readFileSync(file))
  )

/** Whether there is such a file; in a folder that can't be looked into there may be. */
const mayExist = (file: string): boolean => {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

const readText = Effect.fnUntraced(function* (file: string) {
  const bytes = yield* Effect.mapError(readBytes(file), (cause) =>
    cause instanceof Refused
      ? cause
      : mayExist(file)
        ? new Refused({
            code: "dotenv",
            problem: `The file of variables ${file} can't be read`,
            fix: "Check that it is a file, or a link to one, and its permissions",
            cause
          })
        : new WrongUsage({
            problem: `There is no file ${file}`,
            fix: "Give --dotenv the path of a file of variables, or leave it out"
          })
  )
  const text = yield* textOf(bytes).pipe(Effect.mapError(() => notText(file)))
  const found = unset(text)
  return found === undefined ? text : yield* notAssigned(file, found.name, found.written)
})

/**
 * A folder named `.env` is a virtual environment of Python. A broken link counts as a file, so that reading it fails.
 */
const hasDotenv = Effect.try({
  try: () =>
    lstatSync(".env", { throwIfNoEntry: false }) !== undefined &&
    statSync(".env", { throwIfNoEntry: false })?.isDirectory() !== true,
  catch: (cause) =>
    new Refused({
      code: "dotenv",
      problem: "The working folder can't be searched for a file .env",
      fix: "Change to a folder that you have access to, or name a file of variables with --dotenv",
      cause
    })
})

const notText = (file: string) =>
  new Refused({
    code: "dotenv",
    problem: `The file of variables ${file} is neither UTF-8 nor UTF-16 with a byte-order mark`,
    fix: "Save it as UTF-8"
  })

/** A variable of this program in a notation without an equals sign: that of YAML, JSON, fish or csh. */
const withoutEquals =
  /^[ \t]*(?:(?:set|setenv)[ \t]+(?:-\w+[ \t]+)*|["']?)(?:DATABASE_URL|(?:AURORA|ALEX_DB|AWS)_[A-Z_]+)(?:["']?[ \t]*:|[ \t]+(?=[^ \t=]))/gm

/** What the parser takes for the name in such a line, and in one of another shell, such as `set NAME=` and `$env:NAME =`. */
const decorated = /^(?:.*[\s"']|\$env:)?((?:DATABASE_URL|(?:AURORA|ALEX_DB|AWS)_[A-Z_]+))["']?\s*:?$/i

/**
 * The variable of a line that sets none, and how the line writes its name, but of no line within a quoted value. Which
 * lines those are, only the parser knows: it reads all that is before an equals sign as a name.
 */
const unset = (text: string): { readonly name: string; readonly written: string } | undefined => {
  const set = parseEnv(text)
  return Object.keys(parseEnv(text.replaceAll(withoutEquals, "$&=")))
    .flatMap((written) => {
      const name = decorated.exec(written)?.[1]
      const isSet = name === written && Object.hasOwn(set, name)
      return name === undefined || isSet ? [] : [{ name, written: written.replace(/\s:$/, ":") }]
    })
    .at(0)
}

const notAssigned = (file: string, name: string, written: string) =>
  new Refused({
    code: "dotenv",
    problem: `The file of variables ${file} has "${written}", which sets nothing`,
    fix: `Write ${name}= and the value after it`
  })

const silentPipe = (file: string) =>
  new Refused({
    code: "dotenv",
    problem: `The file of variables ${file} is a pipe, and nothing was written into it`,
    fix: "Start the program that fills it, or remove it"
  })

/** Reads the variables of a file, and logs which names were ignored. */
const variablesIn = Effect.fnUntraced(function* (file: string) {
  const all = Object.entries(parseEnv(yield* readText(file)))
  const taken = all.flatMap(
    ([name, value]): ReadonlyArray<[string, string]> => (value === undefined || isSteering(name) ? [] : [[name, value]])
  )
  const ignored = all.map(([name]) => name).filter((name) => isSteering(name) && name !== harmless)
  yield* Effect.logInfo(`Variables: ${taken.length} read from ${file}`)
  if (ignored.length > 0) {
    yield* Effect.logWarning(
      `${ignored.join(", ")} in ${file} ignored: a file may not set what decides which code runs. Set it in the environment`
    )
  }
  return taken
})

/**
 * Reads `.env`, or the file of `--dotenv`, for the variables that the environment lacks or has empty. Logs which file
 * was read, and which of its names were ignored.
 *
 * The variables are put into the process's environment too, since the AWS SDK reads its own there.
 *
 * @errors Refused, WrongUsage
 */
export const loadEnvironment = Effect.fnUntraced(function* (dotenv: Option.Option<string>) {
  const environment = yield* ConfigProvider.ConfigProvider
  if (Option.isNone(dotenv) && !(yield* hasDotenv)) return environment
  const file = resolve(Option.getOrElse(dotenv, () => ".env"))
  const taken = yield* variablesIn(file)
  for (const [name, value] of taken) {
    if ((process.env[name] ?? "") === "") process.env[name] = value
  }
  return completed(environment, ConfigProvider.fromEnvRecord(Object.fromEntries(taken)))
})

const keysOf = (node: ConfigProvider.Node): ReadonlyArray<string> => (node._tag === "Record" ? [...node.keys] : [])

/** Both providers' values and names, of the first where both have one: `orElse` has the names of only one of them. */
const completed = (first: ConfigProvider.ConfigProvider, second: ConfigProvider.ConfigProvider) =>
  ConfigProvider.make((path) =>
    Effect.zipWith(first.load(path), second.load(path), (one, other) => {
      if (one === undefined || other === undefined) return one ?? other
      const keys = new Set([...keysOf(one), ...keysOf(other)])
      const value = one.value ?? other.value
      return keys.size > 0 || value === undefined
        ? ConfigProvider.makeRecord(keys, value)
        : ConfigProvider.makeValue(value)
    })
  )

/**
 * An endpoint is not a credential: it belongs to the configuration of a side, and the two sides may have different
 * ones.
 */
const isEndpoint = (name: string): boolean => /^AWS_ENDPOINT_URL/.test(name)

/**
 * Reads a file of variables that describes a database by itself: the environment adds nothing to it. The variables that
 * the AWS SDK reads are put into the process's environment, so both sides must agree on them.
 *
 * @errors Refused, WrongUsage
 */
export const loadAlone = Effect.fnUntraced(function* (file: string) {
  const taken = yield* variablesIn(resolve(file))
  for (const [name, value] of taken.filter(([name]) => /^AWS_/.test(name) && !isEndpoint(name))) {
    const present = process.env[name] ?? ""
    if (present !== "" && present !== value) {
      return yield* new Refused({
        code: "dotenv",
        problem: `${file} sets another ${name} than the environment or the other side, and a process can use only one`,
        fix: "Run alex-db backup with the one, and alex-db restore with the other"
      })
    }
    process.env[name] = value
  }
  return ConfigProvider.fromEnvRecord(Object.fromEntries(taken))
})
