/**
 * A module with static imports in place of those that load a part when it is needed. Imports stand last, so that each
 * line keeps its place in the source map.
 */
export const withStaticImports = (text: string): string => {
  const names = new Map<string, string>()
  const body = text.replaceAll(/\bimport\("([^"]+)"\)/g, (_, path: string) => {
    const name = names.get(path) ?? `module${names.size}`
    names.set(path, name)
    return `Promise.resolve(${name})`
  })
  const imports = [...names].map(([path, name]) => `import * as ${name} from "${path}"\n`)
  return `${body}\n${imports.join("")}`
}
