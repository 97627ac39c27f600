/** Calls of `node:fs` that fail on purpose, by where they are made: what is called, and on what kind of file of a folder. */
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { relative, resolve } from "node:path"

export const codes = ["ENOSPC", "EIO", "EMFILE", "EACCES", "EROFS", "ENOMEM"] as const
export type Code = (typeof codes)[number]

/** Which calls fail: all of one place, or one by its number. */
export type Failing = { readonly code: Code } & ({ readonly site: string } | { readonly call: number })

const byPath = [
  "openSync",
  "mkdirSync",
  "writeFileSync",
  "truncateSync",
  "renameSync",
  "unlinkSync",
  "rmdirSync",
  "readdirSync",
  "lstatSync"
] as const
const byDescriptor = ["readSync", "writeSync", "ftruncateSync", "fsyncSync", "fstatSync"] as const
const promised = ["mkdir", "rename", "rm", "writeFile", "readFile", "open", "readdir", "stat"] as const

/** Files that differ only by their numbers are of one kind. */
const kindOf = (path: string): string =>
  path
    .replaceAll(/\b[0-9A-F]{24}\b/g, "SEGMENT")
    .replaceAll(/probe-[-0-9a-f]+/g, "PROBE")
    .replaceAll(/\d+/g, "N") || "."

type Call = (...args: ReadonlyArray<unknown>) => unknown

/** Counts the calls on a folder, and makes some of them fail. */
export class FailingFiles {
  readonly #root: string
  readonly #open = new Map<unknown, string>()
  readonly sites = new Map<string, number>()
  #failing: Failing | undefined
  calls = 0
  failed = 0

  constructor(root: string) {
    this.#root = resolve(root)
  }

  /** From now on; nothing fails where there is nothing given. */
  fail(failing: Failing | undefined): void {
    this.#failing = failing
    this.sites.clear()
    this.calls = 0
    this.failed = 0
  }

  #inside(path: unknown): string | undefined {
    const found = relative(this.#root, resolve(String(path)))
    return found.startsWith("..") ? undefined : found
  }

  #check(name: string, path: string): void {
    const site = `${name} ${kindOf(path)}`
    this.sites.set(site, (this.sites.get(site) ?? 0) + 1)
    const call = this.calls++
    const failing = this.#failing
    if (failing === undefined) return
    if ("site" in failing ? failing.site !== site : failing.call !== call) return
    this.failed++
    throw Object.assign(new Error(`${failing.code}: injected, ${name} '${path}'`), {
      code: failing.code,
      syscall: name,
      path
    })
  }

  #named(name: string, real: Call): Call {
    return (...args) => {
      const path = this.#inside(args[0])
      if (path === undefined) return real(...args)
      this.#check(name, path)
      const result = real(...args)
      if (name === "openSync") this.#open.set(result, path)
      return result
    }
  }

  #opened(name: string, real: Call): Call {
    return (...args) => {
      const path = this.#open.get(args[0])
      if (path !== undefined) this.#check(name, path)
      return real(...args)
    }
  }

  /** The forms that call back: a failure comes as theirs do. */
  #installCallbacks(): void {
    const { open, fsync } = fs
    const guarded = (check: () => unknown, call: () => void, done: (error: unknown) => void) => {
      try {
        check()
      } catch (error) {
        process.nextTick(done, error)
        return
      }
      call()
    }
    type Done = (error: unknown, descriptor?: number) => void
    Reflect.set(fs, "open", (file: string, flags: string, mode: number | undefined | Done, last?: Done) => {
      const path = this.#inside(file)
      const given = typeof mode === "function" ? mode : last
      const done: Done = (error, descriptor) => {
        if (path !== undefined && descriptor !== undefined) this.#open.set(descriptor, path)
        given?.(error, descriptor)
      }
      const check = () => path !== undefined && this.#check("open", path)
      guarded(check, () => open(file, flags, typeof mode === "function" ? undefined : mode, done), done)
    })
    Reflect.set(fs, "fsync", (descriptor: number, done: (error: unknown) => void) => {
      const path = this.#open.get(descriptor)
      const check = () => path !== undefined && this.#check("fsync", path)
      guarded(check, () => fsync(descriptor, done), done)
    })
  }

  /** Puts itself in the place of the calls, for the rest of the process. */
  install(): void {
    const replace = (target: object, name: string, wrap: (name: string, real: Call) => Call, label = name) => {
      const real: Call = Reflect.get(target, name).bind(target)
      Reflect.set(target, name, wrap(label, real))
    }
    const named = (name: string, real: Call) => this.#named(name, real)
    for (const name of byPath) replace(fs, name, named)
    for (const name of byDescriptor) replace(fs, name, (of, real) => this.#opened(of, real))
    this.#installCallbacks()
    const { closeSync } = fs
    Reflect.set(fs, "closeSync", (descriptor: number) => {
      this.#open.delete(descriptor)
      closeSync(descriptor)
    })
    for (const name of promised)
      replace(
        fs.promises,
        name,
        (of, real) =>
          async (...args) =>
            named(of, real)(...args),
        `promises.${name}`
      )
    syncBuiltinESMExports()
  }
}
