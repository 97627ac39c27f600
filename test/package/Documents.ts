/** The documents that people read: which there are, what they link to, and the anchors of their headings. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../", import.meta.url))

export const read = (file: string): string => readFileSync(join(root, file), "utf8")

/** The documents about the use of the package: README, docs, and the README of the local Data API. */
export const guides = (): ReadonlyArray<string> => [
  "README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
  "src/local/README.md"
]

/** Every document of the repository. */
export const documents = (): ReadonlyArray<string> => [
  ...guides(),
  ...readdirSync(root).filter((file) => file.endsWith(".md") && file !== "README.md")
]

const withoutCode = (text: string): string => text.replaceAll(/^[ \t]*```[\s\S]*?^[ \t]*```$/gm, "")

/** The anchors that GitHub gives the headings of a document: lower case, no punctuation, `-` for each space. */
export const anchorsOf = (file: string): ReadonlyArray<string> => {
  const seen = new Map<string, number>()
  return [...withoutCode(read(file)).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, "")
      .replaceAll(" ", "-")
    const times = seen.get(anchor) ?? 0
    seen.set(anchor, times + 1)
    return times === 0 ? anchor : `${anchor}-${times}`
  })
}

export interface Link {
  readonly from: string
  /** The file or folder from the root of the repository, or an address of the web. */
  readonly to: string
  readonly anchor: string | undefined
}

export const isAddress = ({ to }: Link): boolean => /^[a-z]+:/.test(to)

export const linksOf = (file: string): ReadonlyArray<Link> =>
  [...withoutCode(read(file)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => {
    const [path = "", anchor] = target.split("#")
    if (/^[a-z]+:/.test(target)) return { from: file, to: target, anchor: undefined }
    return { from: file, to: path === "" ? file : normalize(join(dirname(file), path)), anchor }
  })

/** Why a link leads nowhere, if it does. */
export const problemWith = (link: Link): string | undefined => {
  if (isAddress(link)) return undefined
  if (!existsSync(join(root, link.to))) return `${link.from}: ${link.to} does not exist`
  if (link.anchor === undefined || !link.to.endsWith(".md")) return undefined
  return anchorsOf(link.to).includes(link.anchor) ? undefined : `${link.from}: ${link.to} has no #${link.anchor}`
}

/** The documents that can be reached by links, from one on. */
export const reachableFrom = (start: string): ReadonlySet<string> => {
  const reached = new Set([start])
  // A set's iterator also visits what is added on the way.
  for (const file of reached) {
    for (const { to } of linksOf(file)) if (to.endsWith(".md") && existsSync(join(root, to))) reached.add(to)
  }
  return reached
}

/** The folders that a document's tree draws below `src/`, two spaces deeper for each level. */
export const foldersDrawn = (file: string): ReadonlyArray<string> => {
  const path: Array<string> = []
  const tree = read(file)
    .split(/^```\w*\n/m)
    .find((block) => /^src\/$/m.test(block))
  const drawn = [...(tree ?? "").matchAll(/^( *)([\w-]+)\/(?= |$)/gm)].map(([, indent = "", name = ""]) => {
    path.length = indent.length / 2
    path.push(name)
    return path.join("/")
  })
  return drawn.filter((folder) => folder === "src" || folder.startsWith("src/"))
}
