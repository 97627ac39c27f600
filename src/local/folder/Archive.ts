/** Unpacks a tar archive from PGlite: folders and plain files in the "ustar" format, with short names. */
import { close, fsync, mkdirSync, open, writeFileSync } from "node:fs"
import { dirname, join, normalize, sep } from "node:path"
import { promisify } from "node:util"

const block = 512

interface Entry {
  readonly name: string
  readonly isFolder: boolean
  readonly bytes: Uint8Array
}

const textAt = (header: Buffer, start: number, length: number): string =>
  header.toString("latin1", start, start + length).replace(/\0.*$/s, "")

/** The files and folders of an archive, whose bytes they share. */
export const entries = function* (of: Uint8Array): Generator<Entry> {
  const archive = Buffer.from(of.buffer, of.byteOffset, of.byteLength)
  for (let offset = 0; offset + block <= archive.length; ) {
    const header = archive.subarray(offset, offset + block)
    // Two empty blocks end the archive.
    if (header[0] === 0) return
    const size = Number.parseInt(textAt(header, 124, 12), 8) || 0
    const start = offset + block
    yield { name: textAt(header, 0, 100), isFolder: header[156] === 0x35, bytes: archive.subarray(start, start + size) }
    offset = start + Math.ceil(size / block) * block
  }
}

/** Syncs a file, or a folder's entries, to the disk. By number: the handles of Yarn's Plug'n'Play have no `sync`. */
const sync = async (path: string, flags: string): Promise<void> => {
  const descriptor = await promisify(open)(path, flags)
  try {
    await promisify(fsync)(descriptor)
  } finally {
    await promisify(close)(descriptor)
  }
}

/** Syncs a folder's entries to the disk, so that they survive a loss of power. Windows has no such call. */
export const syncFolder = async (folder: string): Promise<void> => {
  if (process.platform !== "win32") await sync(folder, "r")
}

/** How many files are synced at a time. The file system writes several together; one by one takes 5 times as long. */
const atATime = 16

const syncFiles = async (paths: ReadonlyArray<string>): Promise<void> => {
  const remaining = paths.values()
  const worker = async () => {
    for (const path of remaining) await sync(path, "r+")
  }
  await Promise.all(Array.from({ length: atATime }, worker))
}

/**
 * Unpacks into a folder that does not exist yet.
 *
 * @param archive The archive's bytes.
 * @param folder The folder to create, accessible only to its owner, as PostgreSQL requires.
 * @param isSynced Whether all files are synced to the disk before this returns.
 */
export const unpack = async (archive: Uint8Array, folder: string, isSynced: boolean): Promise<void> => {
  mkdirSync(folder, { mode: 0o700 })
  const folders = new Set([folder])
  const files: Array<string> = []
  const makeFolder = (path: string) => {
    if (folders.has(path)) return
    mkdirSync(path, { recursive: true, mode: 0o700 })
    folders.add(path)
  }
  for (const { bytes, isFolder, name } of entries(archive)) {
    const path = join(folder, normalize(`${sep}${name}`))
    if (isFolder) makeFolder(path)
    else {
      makeFolder(dirname(path))
      writeFileSync(path, bytes, { mode: 0o600, flag: "wx" })
      files.push(path)
    }
  }
  if (!isSynced) return
  await syncFiles(files)
  for (const path of folders) await syncFolder(path)
}
