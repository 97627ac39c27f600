/** Equality that says where two values differ. */
import { assert } from "@effect/vitest"

const shown = (value: unknown): string => {
  if (Object.is(value, -0)) return "-0"
  if (typeof value !== "object" || value === null) return typeof value === "string" ? JSON.stringify(value) : `${value}`
  const prototype: unknown = Object.getPrototypeOf(value)
  const kind = prototype === null ? "null prototype" : prototype === Object.prototype ? "" : value.constructor.name
  return `${kind} ${JSON.stringify(value)?.slice(0, 200)}`.trim()
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

/** Each path at which two values are not the same, with both. */
export const differences = (actual: unknown, expected: unknown, path = "$"): ReadonlyArray<string> => {
  if (Object.is(actual, expected)) return []
  if (
    !isObject(actual) ||
    !isObject(expected) ||
    Array.isArray(actual) !== Array.isArray(expected) ||
    Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)
  ) {
    return [`${path}: ${shown(actual)} instead of ${shown(expected)}`]
  }
  const inner = new Set([...Reflect.ownKeys(actual), ...Reflect.ownKeys(expected)])
  return [...inner].flatMap((key) => {
    const at = `${path}[${typeof key === "symbol" ? String(key) : JSON.stringify(key)}]`
    if (!Object.hasOwn(actual, key)) return [`${at}: missing, instead of ${shown(Reflect.get(expected, key))}`]
    if (!Object.hasOwn(expected, key)) return [`${at}: ${shown(Reflect.get(actual, key))}, which was not given`]
    return differences(Reflect.get(actual, key), Reflect.get(expected, key), at)
  })
}

/** `assert.deepStrictEqual`, whose message says the paths and the two values at each. */
export const assertSame = <A>(actual: A, expected: A): void => {
  try {
    assert.deepStrictEqual(actual, expected)
  } catch (cause) {
    const found = differences(actual, expected)
    const where = found.length === 0 ? ["nowhere that own members and prototypes show"] : found.slice(0, 20)
    throw new Error(`Not the same as before (actual instead of expected):\n${where.join("\n")}`, { cause })
  }
}
