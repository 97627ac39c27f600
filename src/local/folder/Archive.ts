/** Unpacks a tape archive as PGlite writes it: folders and plain files in the form "ustar", with short names. */
import { closeSync, fsyncSync, mkdirSync, openSync, writeFileSync } from "node:fs"
import { dirname, join, normalize, sep } from "node:path"

const block = 512

interface Entry {
  readonly name: string
  readonly isFolder: boolean
  readonly bytes: Uint8Array
}

const textAt = (header: Buffer, start: number, length: number): string =>
  header.toString("latin1", start, start + length).replace(/\0.*$/s, "")

const entries = function* (archive: Buffer): Generator<Entry> {
  for (let offset = 0; offset + block <= archive.length; ) {
    const header = archive.subarray(offset, offset + block)
    // Two empty blocks are the end.
    if (header[0] === 0) return
    const size = Number.parseInt(textAt(header, 124, 12), 8) || 0
    const start = offset + block
    yield { name: textAt(header, 0, 100), isFolder: header[156] === 0x35, bytes: archive.subarray(start, start + size) }
    offset = start + Math.ceil(size / block) * block
  }
}

/** Writes a folder's entries to the disk, so that they are there after a loss of power. Windows has no such call. */
export const syncFolder = (folder: string): void => {
  if (process.platform === "win32") return
  const descriptor = openSync(folder, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Unpacks into a folder that does not exist yet.
 *
 * @param archive The archive's bytes.
 * @param folder Created, for its owner alone, as PostgreSQL wants it.
 * @param synced Whether a file's bytes are to be on the disk before this returns: to wait for each of a thousand takes
 *   seconds.
 */
export const unpack = (archive: Uint8Array, folder: string, synced: (name: string) => boolean): void => {
  mkdirSync(folder, { mode: 0o700 })
  const made = new Set([folder])
  const makeFolder = (path: string) => {
    if (made.has(path)) return
    mkdirSync(path, { recursive: true, mode: 0o700 })
    made.add(path)
  }
  for (const { bytes, isFolder, name } of entries(
    Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength)
  )) {
    const path = join(folder, normalize(`${sep}${name}`))
    if (isFolder) makeFolder(path)
    else {
      makeFolder(dirname(path))
      writeFileSync(path, bytes, { mode: 0o600, flag: "wx", flush: synced(name) })
    }
  }
  for (const path of made) syncFolder(path)
}
