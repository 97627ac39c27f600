/** Which names in the environment are probably misspelt names of variables that are not set. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { distances, slips } from "./spelling/EditDistance.ts"

const distance = (name: string, variable: string): number => distances(name.toUpperCase(), variable).at(-1) ?? 0

const mayBegin = (beginning: string, variable: string): boolean =>
  beginning.length <= variable.length + slips && Math.min(...distances(beginning.toUpperCase(), variable)) <= slips

const isNear = (name: string, variable: string): boolean => distance(name, variable) <= slips

const isSet = (node: ConfigProvider.Node | undefined): boolean => (node?.value ?? "").trim() !== ""

/** A source that fails makes the variable itself fail; the names beside it are only for a hint. */
const load = (provider: ConfigProvider.ConfigProvider, words: ReadonlyArray<string>) =>
  Effect.orElseSucceed(provider.load(words), () => undefined)

/**
 * The names of the environment that are near one of the variables. A provider has them as a tree of their words, of
 * which only the branches are read that can lead to such a name.
 */
const namesNear = (
  provider: ConfigProvider.ConfigProvider,
  variables: ReadonlyArray<string>,
  words: ReadonlyArray<string> = []
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const name = words.join("_")
    const node = yield* load(provider, words)
    const keys = node?._tag === "Record" ? [...node.keys] : []
    const branches = keys.filter((key) => variables.some((one) => mayBegin([...words, key].join("_"), one)))
    const under = yield* Effect.forEach(branches, (key) => namesNear(provider, variables, [...words, key]))
    const isMeant = isSet(node) && /^\w+$/.test(name) && variables.some((one) => isNear(name, one))
    return isMeant ? [name, ...under.flat()] : under.flat()
  })

/**
 * Says which names in the environment are probably meant as one of these variables, of those that are not set: as an
 * addition to a sentence, empty where there is none.
 */
export const hint = Effect.fnUntraced(function* (variables: ReadonlyArray<string>) {
  const provider = yield* ConfigProvider.ConfigProvider
  const unset = yield* Effect.filter(variables, (one) => Effect.map(load(provider, [one]), (node) => !isSet(node)))
  if (unset.length === 0) return ""
  const names = yield* namesNear(provider, unset)
  return unset
    .flatMap((variable) => {
      const near = names.filter((name) => isNear(name, variable))
      const [nearest] = near.sort((a, b) => distance(a, variable) - distance(b, variable))
      return nearest === undefined ? [] : [`; ${nearest} is set: did you mean ${variable}?`]
    })
    .join("")
})
