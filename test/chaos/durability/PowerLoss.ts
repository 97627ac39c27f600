/**
 * A disk that forgets what was not synced: made of a {@link Recording}, cut off at any of its operations.
 *
 * What it keeps, it keeps as the file systems of Linux do: a sync of a file keeps its bytes, and the names that lead to
 * it; a sync of a folder keeps its entries. Of the bytes that no sync has kept, any sectors may be there or not, so that
 * a page may be torn; of the names, any that do not depend on one that is missing.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Random } from "./Random.ts"
import type { DataOperation, NameOperation, Operation } from "./Recording.ts"

/** Bytes that a disk writes entirely or not at all; PostgreSQL relies on as much for `pg_control`. */
const sector = 512

const write = (content: Buffer, offset: number, bytes: Uint8Array): Buffer => {
  const longer = Math.max(0, offset + bytes.length - content.length)
  const grown = longer === 0 ? content : Buffer.concat([content, Buffer.alloc(longer)])
  grown.set(bytes, offset)
  return grown
}

const resize = (content: Buffer, size: number): Buffer =>
  size <= content.length
    ? Buffer.from(content.subarray(0, size))
    : Buffer.concat([content, Buffer.alloc(size - content.length)])

/** Writes the sectors that are kept. */
const writePartly = (content: Buffer, offset: number, bytes: Uint8Array, isKept: () => boolean): Buffer => {
  let written = content
  for (let start = 0; start < bytes.length; ) {
    const end = Math.min(bytes.length, start + sector - ((offset + start) % sector))
    if (isKept()) written = write(written, offset + start, bytes.subarray(start, end))
    start = end
  }
  return written
}

const keysOf = (operation: NameOperation): ReadonlyArray<string> => {
  const { name, node, parent } = operation
  const keys = [`node ${node}`, `${parent} ${name}`]
  return operation.op === "rename" ? [...keys, `${operation.toParent} ${operation.toName}`] : keys
}

type Folders = Map<number, Map<string, number>>

const applyName = (folders: Folders, operation: NameOperation): void => {
  if (operation.op === "create") folders.get(operation.parent)?.set(operation.name, operation.node)
  else folders.get(operation.parent)?.delete(operation.name)
  if (operation.op === "rename") folders.get(operation.toParent)?.set(operation.toName, operation.node)
}

export class PowerLoss {
  readonly #folders: Folders = new Map([[0, new Map()]])
  readonly #files = new Map<number, Buffer>()
  readonly #parents = new Map<number, number>()
  readonly #unsynced = new Map<number, Array<DataOperation>>()
  #names: ReadonlyArray<NameOperation> = []

  /** The operations that are chosen, and those before them that they stand on. */
  #closure(isChosen: (operation: NameOperation, index: number) => boolean): ReadonlySet<NameOperation> {
    const chosen = new Set<NameOperation>()
    const keys = new Set<string>()
    for (let index = this.#names.length - 1; index >= 0; index--) {
      const operation = this.#names[index]
      if (operation === undefined) continue
      const own = keysOf(operation)
      if (!isChosen(operation, index) && !own.some((key) => keys.has(key))) continue
      chosen.add(operation)
      for (const key of own) keys.add(key)
    }
    return chosen
  }

  #keepNames(node: number): void {
    const kept = new Set<number>()
    for (let at: number | undefined = node; at !== undefined; at = this.#parents.get(at)) kept.add(at)
    const chosen = this.#closure(
      (operation) =>
        kept.has(operation.node) ||
        operation.parent === node ||
        (operation.op === "rename" && operation.toParent === node)
    )
    for (const operation of this.#names) if (chosen.has(operation)) applyName(this.#folders, operation)
    this.#names = this.#names.filter((operation) => !chosen.has(operation))
  }

  #keepData(node: number): void {
    const content = this.#files.get(node)
    if (content === undefined) return
    const kept = (this.#unsynced.get(node) ?? []).reduce(
      (before, operation) =>
        operation.op === "write" ? write(before, operation.offset, operation.bytes) : resize(before, operation.size),
      content
    )
    this.#files.set(node, kept)
    this.#unsynced.delete(node)
  }

  /** Carries out the next operation of the recording. */
  apply(operation: Operation): void {
    switch (operation.op) {
      case "create":
        if (operation.isFolder) this.#folders.set(operation.node, new Map())
        else this.#files.set(operation.node, Buffer.alloc(0))
        this.#parents.set(operation.node, operation.parent)
        this.#names = [...this.#names, operation]
        break
      case "rename":
        this.#parents.set(operation.node, operation.toParent)
        this.#names = [...this.#names, operation]
        break
      case "remove":
        this.#names = [...this.#names, operation]
        break
      case "write":
      case "truncate": {
        const before = this.#unsynced.get(operation.node)
        if (before === undefined) this.#unsynced.set(operation.node, [operation])
        else before.push(operation)
        break
      }
      case "sync":
        this.#keepNames(operation.node)
        this.#keepData(operation.node)
        break
      case "mark":
    }
  }

  /** Operations that nothing has kept yet. */
  get unsynced(): number {
    return this.#names.length + [...this.#unsynced.values()].reduce((sum, { length }) => sum + length, 0)
  }

  #contentAfterCut(node: number, share: number, random: Random): Buffer {
    let content: Buffer = Buffer.from(this.#files.get(node) ?? Buffer.alloc(0))
    for (const operation of this.#unsynced.get(node) ?? []) {
      if (operation.op === "write")
        content = writePartly(content, operation.offset, operation.bytes, () => random() < share)
      else if (random() < share) content = resize(content, operation.size)
    }
    return content
  }

  /** Writes what is left when the power is cut now, into a folder that does not exist yet. */
  cut(folder: string, random: Random): void {
    const share = [0, 0.3, 0.7, 1][Math.floor(random() * 4)] ?? 0
    const inOrder = random() < 0.5
    const first = Math.floor(random() * (this.#names.length + 1))
    const chosen = this.#closure((_, index) => (inOrder ? index < first : random() < share))
    const folders: Folders = new Map([...this.#folders].map(([node, names]) => [node, new Map(names)]))
    for (const operation of this.#names) if (chosen.has(operation)) applyName(folders, operation)
    const make = (node: number, path: string): void => {
      mkdirSync(path, { mode: 0o700 })
      for (const [name, child] of folders.get(node) ?? []) {
        if (folders.has(child)) make(child, join(path, name))
        else writeFileSync(join(path, name), this.#contentAfterCut(child, share, random), { mode: 0o600 })
      }
    }
    make(0, folder)
  }
}
