/** A queue whose first element is taken without a move of all others, as `shift` does in a long array. Pure. */

/** Taken places are dropped from the array when there are this many, and they are most of it. */
const MOST_TAKEN = 1024

export class Waiting<A> {
  #elements: Array<A | undefined> = []
  /** The index of the first element that has not been taken. */
  #first = 0

  add(element: A): void {
    this.#elements.push(element)
  }

  /** Takes the element that has waited for longest; undefined if there is none. */
  take(): A | undefined {
    const element = this.#elements[this.#first]
    if (this.#first === this.#elements.length) return undefined
    this.#elements[this.#first] = undefined
    this.#first++
    if (this.#first >= MOST_TAKEN && 2 * this.#first >= this.#elements.length) {
      this.#elements = this.#elements.slice(this.#first)
      this.#first = 0
    }
    return element
  }
}
