/**
 * What instrumented sources call while they run: it counts the branches that are taken, one after another, and how near
 * two values come to being equal.
 */

const places = 1 << 16
const counts = new Uint8Array(places)
const touched = new Uint32Array(places)
let touches = 0
let last = 0

const touch = (place: number): void => {
  const count = counts[place] ?? 0
  if (count === 0) touched[touches++] = place
  if (count < 255) counts[place] = count + 1
}

/** A block runs; which one ran before tells ways apart that lead through the same blocks. */
export const block = (id: number): void => {
  touch((id ^ last) & (places - 1))
  last = id >>> 1
}

/** A condition is decided. */
export const branch = <A>(id: number, value: A): A => {
  block(value ? id : id + 1)
  return value
}

/** A value is there, or is not. */
export const present = <A>(id: number, value: A): A => {
  block(value === null || value === undefined ? id + 1 : id)
  return value
}

const bits = (value: number): number => {
  let count = 0
  for (let rest = value; rest !== 0; rest &= rest - 1) count++
  return count
}

const commonLength = (one: string, other: string): number => {
  const most = Math.min(one.length, other.length, 32)
  let length = 0
  while (length < most && one.charCodeAt(length) === other.charCodeAt(length)) length++
  return length
}

const pairs = 64
const ones: Array<unknown> = Array.from({ length: pairs })
const others: Array<unknown> = Array.from({ length: pairs })
let compared = 0

/** Two values are compared: the nearer they are, the further a way leads on from here. What differs is remembered. */
export const same = (id: number, one: unknown, other: unknown): boolean => {
  if (one === other) return true
  if (typeof one === "number" && typeof other === "number") touch((id + bits(one ^ other)) & (places - 1))
  else if (typeof one === "string" && typeof other === "string" && one !== "" && other !== "")
    touch((id + commonLength(one, other)) & (places - 1))
  else return false
  ones[compared % pairs] = one
  others[compared % pairs] = other
  compared++
  return false
}

/** The last values that were compared since the beginning and were not the same. */
export const differing = (): ReadonlyArray<readonly [unknown, unknown]> =>
  Array.from({ length: Math.min(compared, pairs) }, (_, index) => [ones[index], others[index]] as const)

/** Counts that lead on as much as each other, a bit each: up to 16 every one, and then what doubles. */
const bucketOf = Uint32Array.from({ length: 256 }, (_, count) =>
  count === 0 ? 0 : count <= 16 ? 1 << (count - 1) : 1 << (11 + Math.floor(Math.log2(count)))
)

/** Which ways have been taken how often, by all runs of one session. */
export class Seen {
  readonly #buckets = new Uint32Array(places)
  #size = 0

  /** Forgets what ran before. */
  begin(): void {
    for (let index = 0; index < touches; index++) counts[touched[index] ?? 0] = 0
    touches = 0
    last = 0
    compared = 0
  }

  /** Whether anything ran since the beginning as it had never run before, which is noted. */
  hasNews(): boolean {
    let found = false
    for (let index = 0; index < touches; index++) {
      const place = touched[index] ?? 0
      const bucket = bucketOf[counts[place] ?? 0] ?? 0
      const before = this.#buckets[place] ?? 0
      if ((before & bucket) !== 0) continue
      if (before === 0) this.#size++
      this.#buckets[place] = before | bucket
      found = true
    }
    return found
  }

  /** Places that have been reached. */
  get size(): number {
    return this.#size
  }
}
