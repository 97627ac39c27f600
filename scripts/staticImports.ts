import { parse } from "node:path"

/** What a text uses of the module that it calls `name`. */
const membersOf = (text: string, name: string): ReadonlyArray<string> => [
  ...new Set(
    Array.from(text.matchAll(new RegExp(`\\b${name}\\.([a-z]\\w*)\\b(?!")`, "g")), ([, member = ""]) => member)
  )
]

/**
 * A module with static imports in place of those that load a part when it is needed. A part's module is called like its
 * file, so that only those of its members are imported that are used: bundlers keep the whole of a namespace that is a
 * value. Imports stand last, so that each line keeps its place in the source map.
 */
export const withStaticImports = (text: string): string => {
  const modules = new Map<string, string>()
  const imports: Array<string> = []
  const moduleOf = (path: string): string => {
    const { name } = parse(path)
    const members = membersOf(text, name)
    if (members.length === 0) throw new Error(`Nothing of ${path} is used by the name ${name}.`)
    const local = (member: string) => `module${modules.size}_${member}`
    imports.push(`import { ${members.map((member) => `${member} as ${local(member)}`).join(", ")} } from "${path}"\n`)
    return `({ ${members.map((member) => `${member}: ${local(member)}`).join(", ")} })`
  }
  const body = text.replaceAll(/\bimport\("([^"]+)"\)/g, (_, path: string) => {
    const module = modules.get(path) ?? moduleOf(path)
    modules.set(path, module)
    return `Promise.resolve${module}`
  })
  return `${body}\n${imports.join("")}`
}
