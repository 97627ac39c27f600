/** The inputs that are kept for each target: files named by their hash. */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Target } from "./targets/Target.ts"

const folderOf = ({ name }: Target): string => fileURLToPath(new URL(`./corpus/${name}/`, import.meta.url))

/** The seeds of a target, and what is kept for it. */
export const corpusOf = (target: Target): ReadonlyArray<Buffer> => {
  const folder = folderOf(target)
  const kept = existsSync(folder)
    ? readdirSync(folder)
        .toSorted()
        .map((name) => readFileSync(folder + name))
    : []
  return [...target.seeds.map((seed) => Buffer.from(seed, target.name === "messages" ? "latin1" : "utf8")), ...kept]
}

/** Keeps an input, and says where. */
export const keep = (target: Target, input: Buffer): string => {
  const folder = folderOf(target)
  mkdirSync(folder, { recursive: true })
  const path = folder + createHash("sha256").update(input).digest("hex").slice(0, 16)
  writeFileSync(path, input)
  return path
}
