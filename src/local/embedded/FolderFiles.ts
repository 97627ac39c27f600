/**
 * PGlite's files in a folder with a database. It adds to PGlite's own layer:
 *
 * - `fsync` waits for the disk. PGlite's `fdatasync`, PostgreSQL's default for its log, does nothing, so a commit is
 * safe
 *   only with `wal_sync_method=fsync`.
 * - A file that can't be created does not exist afterwards. PGlite's layer would report that it exists already.
 * - Once its folder is no longer at its path, no file is opened, made or removed there: it would be another database's.
 * - A database that can't be read is an error. PGlite would assume that there is none, and overwrite it.
 */
import { fsyncSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeFS } from "@electric-sql/pglite/nodefs"

/** A file or folder of Emscripten. */
interface FsNode {
  readonly mode: number
}

/** An open file or folder. */
interface Stream {
  readonly nfd: number
  readonly node: FsNode
}

/** Emscripten's file system on a folder of the host. */
interface NodeFiles {
  readonly stream_ops: { fsync?: (stream: Stream) => number }
  readonly node_ops: { mknod: (parent: FsNode, name: string, mode: number, device: number) => FsNode }
  readonly createNode: (parent: FsNode, name: string, mode: number, device: number) => FsNode
  /** The host's path of a file. Every call by path begins here. */
  realPath: (node: FsNode) => string
  /** Converts an error of Node to one that PostgreSQL knows. */
  readonly tryFSOperation: (run: () => void) => void
}

/** The used members of Emscripten's file systems; PGlite has no types for them. */
interface FileSystems {
  readonly isDir: (mode: number) => boolean
  readonly stat: (path: string) => unknown
  readonly filesystems: { readonly NODEFS: NodeFiles }
}

const isWindows = process.platform === "win32"

/** Where PGlite mounts a folder. */
const mounted = "/pglite/data"

const addFsync = ({ filesystems: { NODEFS }, isDir }: FileSystems): void => {
  NODEFS.stream_ops.fsync = ({ nfd, node }) => {
    // Windows writes a folder's entries itself, and refuses fsync on a folder.
    if (!isWindows || !isDir(node.mode)) NODEFS.tryFSOperation(() => fsyncSync(nfd))
    return 0
  }
}

const fixMknod = ({ filesystems: { NODEFS }, isDir }: FileSystems): void => {
  NODEFS.node_ops.mknod = (parent, name, mode, device) => {
    const path = join(NODEFS.realPath(parent), name)
    NODEFS.tryFSOperation(() => (isDir(mode) ? mkdirSync(path, mode) : writeFileSync(path, "", { mode })))
    return NODEFS.createNode(parent, name, mode, device)
  }
}

const gone = Object.assign(new Error("the folder is no longer at its path"), { code: "ENOENT" })

const stayThere = ({ filesystems: { NODEFS } }: FileSystems, isThere: () => boolean): void => {
  const { realPath } = NODEFS
  NODEFS.realPath = (node) => {
    NODEFS.tryFSOperation(() => {
      if (!isThere()) throw gone
    })
    return realPath(node)
  }
}

type Init = NodeFS["init"]

export class FolderFiles extends NodeFS {
  readonly #isSynced: boolean
  readonly #isThere: () => boolean

  /**
   * @param isSynced Whether PostgreSQL's `fsync` waits for the disk.
   * @param isThere Whether the folder is still at its path.
   */
  constructor(dataDir: string, isSynced: boolean, isThere: () => boolean) {
    super(dataDir)
    this.#isSynced = isSynced
    this.#isThere = isThere
  }

  override async init(...[pglite, options]: Parameters<Init>): ReturnType<Init> {
    const { emscriptenOpts } = await super.init(pglite, options)
    const prepare = ({ FS }: { readonly FS: FileSystems }) => {
      fixMknod(FS)
      stayThere(FS, this.#isThere)
      if (this.#isSynced) addFsync(FS)
    }
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), prepare] } }
  }

  /** Called before PGlite checks for a database. A file that can't be read fails here. */
  override async initialSyncFs(): Promise<void> {
    const FS: FileSystems | undefined = this.pg?.Module.FS
    FS?.stat(`${mounted}/PG_VERSION`)
  }
}
