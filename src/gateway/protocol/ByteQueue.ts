/** Bytes that arrive in pieces of any size and are taken from the front, each copied at most once. Pure. */

const nothing = Buffer.alloc(0)

/** Taken pieces are dropped from the list when there are this many, and they are most of it. */
const MOST_TAKEN = 1024

export class ByteQueue {
  #pieces: Array<Buffer> = []
  /** The index of the first piece that has not been taken. */
  #first = 0
  #length = 0

  /** How many bytes have arrived and have not been taken. */
  get length(): number {
    return this.#length
  }

  push({ buffer, byteLength, byteOffset }: Uint8Array): void {
    if (byteLength === 0) return
    this.#pieces.push(Buffer.from(buffer, byteOffset, byteLength))
    this.#length += byteLength
  }

  /** Takes `size` bytes; undefined if fewer have arrived. */
  take(size: number): Buffer | undefined {
    if (this.#length < size) return undefined
    const first = this.#pieces[this.#first] ?? nothing
    if (first.length >= size) return this.#cut(first, size)
    const taken = Buffer.allocUnsafe(size)
    for (let at = 0; at < size; ) {
      const piece = this.#pieces[this.#first] ?? nothing
      at += this.#cut(piece, Math.min(piece.length, size - at)).copy(taken, at)
    }
    return taken
  }

  /** Takes bytes of the first piece. */
  #cut(piece: Buffer, size: number): Buffer {
    this.#length -= size
    if (size < piece.length) this.#pieces[this.#first] = piece.subarray(size)
    else if (size > 0) this.#drop()
    return piece.subarray(0, size)
  }

  #drop(): void {
    this.#pieces[this.#first] = nothing
    this.#first++
    if (this.#first < this.#pieces.length && (this.#first < MOST_TAKEN || 2 * this.#first < this.#pieces.length)) return
    this.#pieces = this.#pieces.slice(this.#first)
    this.#first = 0
  }
}
