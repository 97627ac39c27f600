/**
 * A tar archive as a `Blob`, which PGlite needs.
 *
 * Node's own `Blob` copies its data and returns it in thousands of chunks, which takes a third of the CPU time of a
 * start.
 */
export class ArchiveBlob extends Blob {
  readonly #bytes: Uint8Array<ArrayBuffer>

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    super([])
    this.#bytes = bytes
  }

  /** All bytes, without a copy if possible: PGlite does not change them. */
  override async arrayBuffer(): Promise<ArrayBuffer> {
    const { buffer, byteLength, byteOffset } = this.#bytes
    return byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)
  }
}
