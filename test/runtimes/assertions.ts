/** What the contract takes of vitest, where there is none. */
export { assert } from "chai"
