/** Reads an input as a file of variables, without any of them in this process's environment afterwards. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Cause, Effect, Exit, Logger, Option } from "effect"
import { loadEnvironment } from "../../src/cli/environment.ts"

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

/** What is wrong: a defect, or a variable that decides which code runs and was taken. */
export const loadVariables = async (input: Buffer): Promise<string | undefined> => {
  const before = { ...process.env }
  const exit = await Effect.runPromiseExit(
    loadEnvironment(Option.some(fileOf(input))).pipe(Effect.provide(Logger.layer([])))
  )
  const added = Object.keys(process.env).filter((name) => process.env[name] !== before[name])
  for (const name of added) {
    if (before[name] === undefined) delete process.env[name]
    else process.env[name] = before[name]
  }
  if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) return `it dies: ${Cause.pretty(exit.cause)}`
  const steering = added.find((name) => /^(?:PATH$|LD_|NODE_)/.test(name))
  return steering === undefined ? undefined : `${steering} was taken from a file`
}
