/** Files of variables: what is taken of them is what Node reads in them, but for what decides which code runs. */

import { isUtf8 } from "node:buffer"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseEnv } from "node:util"
import { Effect, Logger, Option } from "effect"
import { loadEnvironment } from "../../../src/cli/environment.ts"
import { settled, type Target } from "./Target.ts"

let folder: string | undefined

const fileOf = (input: Buffer): string => {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), "alex-fuzz-"))
    process.on("exit", () => rmSync(made, { recursive: true, force: true }))
    folder = made
  }
  const file = join(folder, "variables")
  writeFileSync(file, input)
  return file
}

/** The text of a file, by its byte-order mark; undefined where it is none. */
const textOf = (input: Buffer): string | undefined => {
  const mark = input.subarray(0, 2).toString("hex")
  if (mark === "fffe" || mark === "feff") {
    const octets = Buffer.from(input.subarray(2))
    if (octets.length % 2 === 1) return undefined
    const text = (mark === "feff" ? octets.swap16() : octets).toString("utf16le")
    return text.isWellFormed() && !text.includes("\0") ? text : undefined
  }
  if (!isUtf8(input) || input.includes(0)) return undefined
  return input.toString("utf8").replace(/^\ufeff/, "")
}

/** Names that a file may not set, said in another way than in the sources. */
const isSteering = (name: string): boolean =>
  /^(?:(?:ld|dyld|node|npm|bun|deno|git|openssl|bash_func)_|python|perl5|ruby|(?:home|path|pathext|shell|comspec|ifs|env|bash_env|ps4|prompt_command|userprofile|systemroot|tmpdir|te?mp)$|(?:gconv_path|locpath|nlspath|glibc_tunables|hostaliases|sslkeylogfile|classpath|_?java_options|jdk_java_options|java_tool_options|aws_config_file|aws_shared_credentials_file)$)/i.test(
    name
  )

const ownName = /^(?:DATABASE_URL|(?:AURORA|ALEX_DB|AWS)_[A-Z_]+)$/

/**
 * Whether a line outside of quoted values has a colon after a name of this program's, which sets nothing: the file is
 * refused for it. Such a line would set its name if it had an equals sign.
 */
const hasColon = (text: string): boolean => {
  const lines = text.split("\n")
  return lines.some((line, at) => {
    const colon = line.indexOf(":")
    if (colon <= 0 || !ownName.test(line.slice(0, colon).replace(/^[ \t]+|[ \t]+$/g, ""))) return false
    const probe = `COLON_${text.length}_${at}`
    return probe in parseEnv(lines.with(at, `${probe}=${line.slice(colon + 1)}`).join("\n"))
  })
}

const ownNames = /(?:DATABASE_URL|(?:AURORA|ALEX_DB|AWS)_[A-Z_]+)/i
const isAssigned = /^[ \t]*(?:export[ \t]+)?(?:DATABASE_URL|(?:AURORA|ALEX_DB|AWS)_[A-Z_]+)[ \t]*=/

/**
 * Whether a line outside of quoted values has a name of this program's in another notation than `NAME=value`, such as
 * `set NAME=value`, or behind a byte-order mark: the file may be refused for it.
 */
const hasOtherNotation = (text: string): boolean => {
  const lines = text.split("\n")
  return lines.some((line, at) => {
    const probe = `NOTATION_${text.length}_${at}`
    const isLine = probe in parseEnv(lines.with(at, `${probe}=1`).join("\n"))
    return isLine && ownNames.test(line) && !isAssigned.test(line)
  })
}

const run = async (input: Buffer): Promise<string | undefined> => {
  const before = { ...process.env }
  const loaded = await settled(
    Effect.as(loadEnvironment(Option.some(fileOf(input))), true).pipe(Effect.provide(Logger.layer([])))
  )
  const added = Object.keys(process.env).filter((name) => process.env[name] !== before[name])
  const found = new Map(added.map((name) => [name, process.env[name]]))
  for (const name of added) {
    if (before[name] === undefined) delete process.env[name]
    else process.env[name] = before[name]
  }
  if (loaded.complaint !== undefined) return loaded.complaint
  const text = textOf(input)
  if (text === undefined) return loaded.value === undefined ? undefined : "a file that is no text was read"
  if (hasColon(text)) return loaded.value === undefined ? undefined : "a colon for an equals sign was passed over"
  if (loaded.value === undefined) return hasOtherNotation(text) ? undefined : "a file of text was refused"
  for (const [name, value] of Object.entries(parseEnv(text))) {
    if (isSteering(name) && found.has(name)) return `${name} was taken from a file`
    const isTaken = (before[name] ?? "") === "" && value !== "" && name !== "" && !isSteering(name)
    if (isTaken && found.get(name) !== value) return `${name} was not taken as it is`
    found.delete(name)
  }
  const [invented] = [...found.keys()].filter((name) => found.get(name) !== "")
  return invented === undefined ? undefined : `${invented} was taken, and is not in the file`
}

export const variables: Target = {
  name: "variables",
  round: 1000,
  files: /src\/cli\/environment/,
  seeds: [
    "A=1\nexport B='x y'\nC=\"a\\nb\" # c\n",
    "\ufeffAURORA_DATABASE=alex\r\nNODE_OPTIONS=--x\r\n",
    "A=`b\nc`\n=\n#\n A = b ",
    "B=c\n  AURORA_DATABASE : alex\n",
    'B="c\nAURORA_DATABASE: alex\n"\n'
  ],
  words: [
    "=",
    "\n",
    "\r\n",
    "#",
    '"',
    "'",
    "`",
    "export ",
    "\\n",
    "$",
    "\0",
    "\ufeff",
    "PATH",
    "LD_PRELOAD=",
    "NODE_OPTIONS=",
    "__proto__=",
    "path="
  ],
  run
}
