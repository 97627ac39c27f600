/**
 * PGlite's files in a folder that holds a database, with what PGlite's own layer lacks.
 *
 * - `fsync`: what PostgreSQL syncs is on the disk before it goes on. PGlite's `fdatasync`, PostgreSQL's default for the
 *   log, returns without having done anything, so that a commit is safe only with `wal_sync_method=fsync`.
 * - A file that can't be made is not there afterwards: PGlite's layer would say that it exists already.
 * - A database that can't be looked at is not taken for none: PGlite would write a new one over it.
 */
import { fsyncSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeFS } from "@electric-sql/pglite/nodefs"

/** A file or folder of Emscripten's. */
interface FsNode {
  readonly mode: number
}

/** One that is open. */
interface Stream {
  readonly nfd: number
  readonly node: FsNode
}

/** Emscripten's files in a folder of Node's. */
interface NodeFiles {
  readonly stream_ops: { fsync?: (stream: Stream) => number }
  readonly node_ops: { mknod: (parent: FsNode, name: string, mode: number, device: number) => FsNode }
  readonly createNode: (parent: FsNode, name: string, mode: number, device: number) => FsNode
  readonly realPath: (node: FsNode) => string
  /** Turns a failure of Node's into one that PostgreSQL knows. */
  readonly tryFSOperation: (run: () => void) => void
}

/** What is used of Emscripten's file systems, whose types the package does not bring. */
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
    // Windows writes a folder's entries by itself, and refuses to be asked.
    if (!isWindows || !isDir(node.mode)) NODEFS.tryFSOperation(() => fsyncSync(nfd))
    return 0
  }
}

const mendMknod = ({ filesystems: { NODEFS }, isDir }: FileSystems): void => {
  NODEFS.node_ops.mknod = (parent, name, mode, device) => {
    const path = join(NODEFS.realPath(parent), name)
    NODEFS.tryFSOperation(() => (isDir(mode) ? mkdirSync(path, mode) : writeFileSync(path, "", { mode })))
    return NODEFS.createNode(parent, name, mode, device)
  }
}

type Init = NodeFS["init"]

export class FolderFiles extends NodeFS {
  readonly #isSynced: boolean

  /** @param isSynced Whether PostgreSQL's `fsync` waits for the disk. */
  constructor(dataDir: string, isSynced: boolean) {
    super(dataDir)
    this.#isSynced = isSynced
  }

  override async init(...[pglite, options]: Parameters<Init>): ReturnType<Init> {
    const { emscriptenOpts } = await super.init(pglite, options)
    const prepare = ({ FS }: { readonly FS: FileSystems }) => {
      mendMknod(FS)
      if (this.#isSynced) addFsync(FS)
    }
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), prepare] } }
  }

  /** Called before PGlite looks whether there is a database; what is found now is found then. */
  override async initialSyncFs(): Promise<void> {
    const FS: FileSystems | undefined = this.pg?.Module.FS
    FS?.stat(`${mounted}/PG_VERSION`)
  }
}
