/**
 * What is done to the files of a folder, in order: calls of `node:fs` are watched on their way, those of PGlite as well,
 * since its file layer makes them.
 */
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { relative, resolve, sep } from "node:path"
import { Predicate } from "effect"

/** A file or a folder, by its number; 0 is the folder that is watched. */
export type NameOperation = { readonly node: number; readonly parent: number; readonly name: string } & (
  | { readonly op: "create"; readonly isFolder: boolean }
  | { readonly op: "rename"; readonly toParent: number; readonly toName: string }
  | { readonly op: "remove" }
)

export type DataOperation = { readonly node: number } & (
  | { readonly op: "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly op: "truncate"; readonly size: number }
)

export type Operation =
  | NameOperation
  | DataOperation
  | { readonly op: "sync"; readonly node: number }
  | { readonly op: "mark"; readonly text: string }

const { O_CREAT, O_TRUNC } = fs.constants

const bytesOf = (data: unknown): Uint8Array =>
  ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
    : Buffer.from(String(data))

const isOn = (options: unknown, name: string): boolean => Predicate.hasProperty(options, name) && options[name] === true

/** The tree of names as it is, and what was done to it. */
export class Recording {
  readonly operations: Array<Operation> = []
  readonly #root: string
  readonly #folders = new Map<number, Map<string, number>>([[0, new Map()]])
  readonly #open = new Map<number, number>()
  #count = 0
  #isQuiet = false

  constructor(root: string) {
    this.#root = resolve(root)
  }

  mark(text: string): void {
    this.operations.push({ op: "mark", text })
  }

  /** Where a path is: the folder that holds it, its name, and what has that name; nothing outside of what is watched. */
  #find(path: fs.PathLike) {
    const parts = relative(this.#root, resolve(String(path))).split(sep)
    if (parts[0] === ".." || parts[0] === "") return undefined
    const name = parts.pop() ?? ""
    let parent: number | undefined = 0
    for (const part of parts) parent = parent === undefined ? undefined : this.#folders.get(parent)?.get(part)
    return parent === undefined ? undefined : { parent, name, node: this.#folders.get(parent)?.get(name) }
  }

  #nodeOf(path: fs.PathLike): number | undefined {
    return resolve(String(path)) === this.#root ? 0 : this.#find(path)?.node
  }

  create(path: fs.PathLike, isFolder: boolean): number | undefined {
    const found = this.#find(path)
    if (found === undefined || found.node !== undefined) return found?.node
    const node = ++this.#count
    const { name, parent } = found
    this.#folders.get(parent)?.set(name, node)
    if (isFolder) this.#folders.set(node, new Map())
    this.operations.push({ op: "create", node, parent, name, isFolder })
    return node
  }

  createAll(path: fs.PathLike): void {
    const parts = relative(this.#root, resolve(String(path))).split(sep)
    if (parts[0] === "..") return
    for (let depth = 1; depth <= parts.length; depth++) this.create(resolve(this.#root, ...parts.slice(0, depth)), true)
  }

  rename(from: fs.PathLike, to: fs.PathLike): void {
    const source = this.#find(from)
    const target = this.#find(to)
    if (source?.node === undefined || target === undefined) return
    this.#folders.get(source.parent)?.delete(source.name)
    this.#folders.get(target.parent)?.set(target.name, source.node)
    const { name, node, parent } = source
    this.operations.push({ op: "rename", node, parent, name, toParent: target.parent, toName: target.name })
  }

  /** With all that is in it. */
  remove(path: fs.PathLike): void {
    const found = this.#find(path)
    if (found?.node === undefined) return
    const { name, node, parent } = found
    for (const child of this.#folders.get(node)?.keys() ?? []) this.remove(resolve(String(path), child))
    this.#folders.get(parent)?.delete(name)
    this.operations.push({ op: "remove", node, parent, name })
  }

  replace(path: fs.PathLike, data: unknown, options: unknown): void {
    const node = this.create(path, false)
    if (node === undefined) return
    this.operations.push({ op: "truncate", node, size: 0 })
    const bytes = bytesOf(data)
    if (bytes.length > 0) this.operations.push({ op: "write", node, offset: 0, bytes })
    if (isOn(options, "flush")) this.operations.push({ op: "sync", node })
  }

  truncate(path: fs.PathLike, size: number): void {
    const node = this.#nodeOf(path)
    if (node !== undefined) this.operations.push({ op: "truncate", node, size })
  }

  quietly(run: () => void): void {
    this.#isQuiet = true
    try {
      run()
    } finally {
      this.#isQuiet = false
    }
  }

  opened(descriptor: number, path: fs.PathLike, flags: unknown): void {
    if (this.#isQuiet) return
    const creates = typeof flags === "number" ? (flags & O_CREAT) !== 0 : /^[wa]/.test(String(flags))
    const empties = typeof flags === "number" ? (flags & O_TRUNC) !== 0 : /^w/.test(String(flags))
    const node = creates ? this.create(path, false) : this.#nodeOf(path)
    if (node === undefined) return
    this.#open.set(descriptor, node)
    if (empties) this.operations.push({ op: "truncate", node, size: 0 })
  }

  closed(descriptor: number): void {
    this.#open.delete(descriptor)
  }

  wrote(descriptor: number, offset: number | null, bytes: Uint8Array): void {
    const node = this.#open.get(descriptor)
    if (node === undefined) return
    if (offset === null) throw new Error("A write without a position is not recorded.")
    this.operations.push({ op: "write", node, offset, bytes: bytes.slice() })
  }

  resized(descriptor: number, size: number): void {
    const node = this.#open.get(descriptor)
    if (node !== undefined) this.operations.push({ op: "truncate", node, size })
  }

  synced(descriptor: number): void {
    const node = this.#open.get(descriptor)
    if (node !== undefined) this.operations.push({ op: "sync", node })
  }
}

const watchedSync = (recording: Recording, real: typeof fs) => ({
  mkdirSync: (path: string, options?: fs.MakeDirectoryOptions) => {
    const made = real.mkdirSync(path, options)
    if (options?.recursive === true) recording.createAll(path)
    else recording.create(path, true)
    return made
  },
  writeFileSync: (path: string, data: string, options?: fs.WriteFileOptions) => {
    // Node makes it of calls that are watched themselves, or not, as the data is.
    recording.quietly(() => real.writeFileSync(path, data, options))
    recording.replace(path, data, options)
  },
  openSync: (path: string, flags: number, mode?: number) => {
    const descriptor = real.openSync(path, flags, mode)
    recording.opened(descriptor, path, flags)
    return descriptor
  },
  closeSync: (descriptor: number) => {
    real.closeSync(descriptor)
    recording.closed(descriptor)
  },
  writeSync: (descriptor: number, buffer: Uint8Array, offset: number, length: number, position: number) => {
    // What is not of bytes is for a terminal.
    const written = real.writeSync(descriptor, buffer, offset, length, position)
    if (ArrayBuffer.isView(buffer))
      recording.wrote(
        descriptor,
        position ?? null,
        new Uint8Array(buffer.buffer, buffer.byteOffset + (offset ?? 0), written)
      )
    return written
  },
  ftruncateSync: (descriptor: number, size: number) => {
    real.ftruncateSync(descriptor, size)
    recording.resized(descriptor, size)
  },
  truncateSync: (path: string, size: number) => {
    real.truncateSync(path, size)
    recording.truncate(path, size)
  },
  renameSync: (from: string, to: string) => {
    real.renameSync(from, to)
    recording.rename(from, to)
  },
  unlinkSync: (path: string) => {
    real.unlinkSync(path)
    recording.remove(path)
  },
  rmdirSync: (path: string) => {
    real.rmdirSync(path)
    recording.remove(path)
  },
  fsyncSync: (descriptor: number) => {
    real.fsyncSync(descriptor)
    recording.synced(descriptor)
  }
})

type Done = (error: NodeJS.ErrnoException | null, result?: number) => void

/** The forms that call back. */
const watchedCallbacks = (recording: Recording, real: typeof fs) => ({
  open: (path: string, flags: string, mode: number | undefined | Done, last?: Done) => {
    const done = typeof mode === "function" ? mode : last
    real.open(path, flags, typeof mode === "function" ? undefined : mode, (error, descriptor) => {
      if (error === null) recording.opened(descriptor, path, flags)
      done?.(error, descriptor)
    })
  },
  fsync: (descriptor: number, done: Done) => {
    real.fsync(descriptor, (error) => {
      if (error === null) recording.synced(descriptor)
      done(error)
    })
  },
  close: (descriptor: number, done: Done) => {
    recording.closed(descriptor)
    real.close(descriptor, done)
  }
})

const watchedPromises = (recording: Recording, real: typeof fs.promises) => ({
  mkdir: async (path: string, options?: fs.MakeDirectoryOptions) => {
    const made = await real.mkdir(path, options)
    if (options?.recursive === true) recording.createAll(path)
    else recording.create(path, true)
    return made
  },
  rename: async (from: string, to: string) => {
    await real.rename(from, to)
    recording.rename(from, to)
  },
  rm: async (path: string, options?: fs.RmOptions) => {
    await real.rm(path, options)
    recording.remove(path)
  },
  writeFile: async (path: string, data: string, options?: fs.WriteFileOptions) => {
    await real.writeFile(path, data, options)
    recording.replace(path, data, options)
  },
  open: async (path: string, flags?: string, mode?: number) => {
    const handle = await real.open(path, flags, mode)
    recording.opened(handle.fd, path, flags)
    const sync = handle.sync.bind(handle)
    const close = handle.close.bind(handle)
    return Object.assign(handle, {
      sync: async () => {
        const descriptor = handle.fd
        await sync()
        recording.synced(descriptor)
      },
      close: async () => {
        recording.closed(handle.fd)
        await close()
      }
    })
  }
})

/** Puts other functions in the place of those of an object, until the result is called. */
const replaced = (target: object, functions: Readonly<Record<string, unknown>>): (() => void) => {
  const before = Object.fromEntries(Object.keys(functions).map((name) => [name, Reflect.get(target, name)]))
  Object.assign(target, functions)
  return () => {
    Object.assign(target, before)
  }
}

/** Watches what this process does to a folder, which exists, until the result is called. */
export const watch = (recording: Recording): (() => void) => {
  const restore = [
    replaced(fs.promises, watchedPromises(recording, { ...fs.promises })),
    replaced(fs, watchedSync(recording, { ...fs })),
    replaced(fs, watchedCallbacks(recording, { ...fs }))
  ]
  syncBuiltinESMExports()
  return () => {
    for (const undo of restore) undo()
    syncBuiltinESMExports()
  }
}
