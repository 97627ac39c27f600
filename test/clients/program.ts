/** Other languages' programs, run beside a server of this process. */
import { execFile, execFileSync } from "node:child_process"
import { Effect } from "effect"

export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. */
export const runProgram = (
  file: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<Finished> =>
  Effect.callback<Finished>((resume) => {
    const child = execFile(file, [...args], { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1
      resume(Effect.succeed({ code, stdout, stderr }))
    })
    return Effect.sync(() => child.kill())
  })

/** Whether a program answers; what is missing is said on stderr, since its tests are skipped. */
export const isPresent = (what: string, file: string, args: ReadonlyArray<string>): boolean => {
  try {
    execFileSync(file, [...args], { stdio: "ignore" })
    return true
  } catch {
    process.stderr.write(`SKIPPED: ${what} is not on this machine, so its suite does not run.\n`)
    return false
  }
}
