/**
 * PGlite's files in a folder, with `fsync`: what PostgreSQL syncs is on the disk before it goes on.
 *
 * PGlite's own layer has no `fsync`, and its `fdatasync`, PostgreSQL's default for the log, returns without having done
 * anything. So a commit is safe only with `wal_sync_method=fsync`.
 */
import { fsyncSync } from "node:fs"
import { NodeFS } from "@electric-sql/pglite/nodefs"

/** An open file or folder of Emscripten's. */
interface Stream {
  readonly nfd: number
  readonly node: { readonly mode: number }
}

/** What is used of Emscripten's file systems, whose types the package does not bring. */
interface FileSystems {
  readonly isDir: (mode: number) => boolean
  readonly filesystems: {
    readonly NODEFS: {
      readonly stream_ops: { fsync?: (stream: Stream) => number }
      /** Turns a failure of Node's into one that PostgreSQL knows. */
      readonly tryFSOperation: (run: () => void) => void
    }
  }
}

const isWindows = process.platform === "win32"

const addFsync = ({ filesystems: { NODEFS }, isDir }: FileSystems): void => {
  NODEFS.stream_ops.fsync = ({ nfd, node }) => {
    // Windows writes a folder's entries by itself, and refuses to be asked.
    if (!isWindows || !isDir(node.mode)) NODEFS.tryFSOperation(() => fsyncSync(nfd))
    return 0
  }
}

type Init = NodeFS["init"]

/** Files of a folder that PostgreSQL can sync. */
export class SyncedFiles extends NodeFS {
  override async init(...[pglite, options]: Parameters<Init>): ReturnType<Init> {
    const { emscriptenOpts } = await super.init(pglite, options)
    const preRun = [...(emscriptenOpts.preRun ?? []), ({ FS }: { readonly FS: FileSystems }) => addFsync(FS)]
    return { emscriptenOpts: { ...emscriptenOpts, preRun } }
  }
}
