/** Instruments the sources that this process loads from here on; to be called before they are imported. */
import { registerHooks } from "node:module"
import { fileURLToPath } from "node:url"
import { instrumented } from "./instrument.ts"

const probes = new URL("./Probes.ts", import.meta.url).href
const sources = /^file:.*(?:\/src\/.*|\/fuzz\/planted)\.ts$/

/** The words of each file that was loaded, by its path. */
export const install = (): ReadonlyMap<string, ReadonlyArray<string>> => {
  const words = new Map<string, ReadonlyArray<string>>()
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context)
      if (!sources.test(url) || url.includes("/node_modules/") || !loaded.source) return loaded
      const path = fileURLToPath(url)
      const { text, words: found } = instrumented(path, loaded.source.toString(), probes)
      words.set(path, found)
      return { ...loaded, source: text }
    }
  })
  return words
}
