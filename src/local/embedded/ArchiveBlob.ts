/**
 * A tape archive as PGlite takes it.
 *
 * Node's own `Blob` copies what it is given, and gives it back in thousands of chunks, which takes a third of the
 * processor time of a start.
 */
export class ArchiveBlob extends Blob {
  readonly #bytes: Uint8Array<ArrayBuffer>

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    super([])
    this.#bytes = bytes
  }

  /** All of the bytes; PGlite changes none of them. */
  override async arrayBuffer(): Promise<ArrayBuffer> {
    const { buffer, byteLength, byteOffset } = this.#bytes
    return byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)
  }
}
