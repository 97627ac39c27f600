/** PGlite's files in memory, which are passed to a callback as a tar archive when the database has shut down. */
import { MemoryFS } from "@electric-sql/pglite"

export class ArchivedFiles extends MemoryFS {
  readonly #onClosed: (archive: Uint8Array<ArrayBuffer>) => void

  constructor(onClosed: (archive: Uint8Array<ArrayBuffer>) => void) {
    super()
    this.#onClosed = onClosed
  }

  override async closeFs(): Promise<void> {
    const archive = await this.dumpTar("pgdata", "none")
    this.#onClosed(new Uint8Array(await archive.arrayBuffer()))
    await super.closeFs()
  }
}
