/** PGlite's files in memory: they start as those of a tar archive, and are archived when the database has shut down. */
import { MemoryFS } from "@electric-sql/pglite"
import { entries } from "../folder/Archive.ts"

/** An open file. */
interface Stream {
  readonly node: { contents: Uint8Array }
}

/** The used members of Emscripten's file systems; PGlite has no types for them. */
interface FileSystems {
  readonly mkdirTree: (path: string) => void
  /** A file that owns its bytes does not copy them. */
  readonly writeFile: (path: string, bytes: Uint8Array, options: { readonly canOwn: boolean }) => void
  readonly stat: (path: string) => unknown
  readonly filesystems: {
    /** Every file in memory has these operations. */
    readonly MEMFS: {
      readonly ops_table: {
        readonly file: { readonly stream: { write: (stream: Stream, ...rest: ReadonlyArray<never>) => number } }
      }
    }
  }
}

/** Where PGlite looks for a database. */
const root = "/pglite/data"

/** A file copies its part of the archive before it is first changed. */
const copyOnWrite = ({ filesystems: { MEMFS } }: FileSystems, archive: Uint8Array<ArrayBuffer>): void => {
  const operations = MEMFS.ops_table.file.stream
  const { write } = operations
  operations.write = (stream, ...rest) => {
    const { node } = stream
    if (node.contents.buffer === archive.buffer) node.contents = new Uint8Array(node.contents)
    return write(stream, ...rest)
  }
}

const unpack = (FS: FileSystems, archive: Uint8Array<ArrayBuffer>): void => {
  const folders = new Set<string>()
  for (const { bytes, isFolder, name } of entries(archive)) {
    const path = `${root}/${name}`
    const folder = isFolder ? path : path.slice(0, path.lastIndexOf("/"))
    if (!folders.has(folder)) FS.mkdirTree(folder)
    folders.add(folder)
    if (!isFolder) FS.writeFile(path, bytes, { canOwn: true })
  }
}

export interface MemoryFilesOptions {
  /**
   * Is not changed, so several databases can start from it. PGlite itself would copy each byte three times, which took
   * most of the CPU time of a start.
   */
  readonly archive: Uint8Array<ArrayBuffer> | undefined
  readonly onClosed: ((archive: Uint8Array<ArrayBuffer>) => void) | undefined
}

export class MemoryFiles extends MemoryFS {
  readonly #options: MemoryFilesOptions

  constructor(options: MemoryFilesOptions) {
    super()
    this.#options = options
  }

  /** Called before PGlite checks for a database, without which it makes one. */
  override async initialSyncFs(): Promise<void> {
    const { archive } = this.#options
    const FS: FileSystems | undefined = this.pg?.Module.FS
    if (archive === undefined || FS === undefined) return
    copyOnWrite(FS, archive)
    unpack(FS, archive)
    // An archive without a database is an error.
    FS.stat(`${root}/PG_VERSION`)
  }

  override async closeFs(): Promise<void> {
    const { onClosed } = this.#options
    if (onClosed !== undefined) {
      const archive = await this.dumpTar("pgdata", "none")
      onClosed(new Uint8Array(await archive.arrayBuffer()))
    }
    await super.closeFs()
  }
}
