/**
 * Writes the API reference, Markdown from the docstrings: `npx node test/package/reference.ts [folder]`. One page for
 * each entry point; `reference/` unless a folder is given.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { type EntryPoint, type PublicName, publicFace } from "./PublicFace.ts"

/** A longer type does not read well in a line; an editor shows it better. */
const longestType = 400

const fileOf = (specifier: string): string => `${specifier.replaceAll("/", ".")}.md`

const anchorOf = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9_-]/g, "")

const sections = [
  { title: "Services", kinds: ["service"] },
  { title: "Values and functions", kinds: ["value"] },
  { title: "Schemas", kinds: ["schema"] },
  { title: "Modules", kinds: ["namespace"] },
  { title: "Errors", kinds: ["error"] },
  { title: "Classes", kinds: ["class"] },
  { title: "Types", kinds: ["type"] }
] as const satisfies ReadonlyArray<{ readonly title: string; readonly kinds: ReadonlyArray<PublicName["kind"]> }>

const headOf = (name: string): string => name.split(".")[0] ?? name

const linked = (errors: string, names: ReadonlySet<string>): string =>
  errors.replaceAll(/\b[A-Z]\w*[a-z]\w*/g, (error) =>
    names.has(error) ? `[\`${error}\`](#${anchorOf(error)})` : `\`${error}\``
  )

const entry = (one: PublicName, level: string, names: ReadonlySet<string>): string => {
  const tagged = (name: string) => one.tags.filter((tag) => tag.name === name).map((tag) => tag.text.trim())
  const type =
    one.kind !== "schema" && one.type !== "" && one.type.length <= longestType
      ? [`\`\`\`ts\n${one.name}: ${one.type}\n\`\`\``]
      : []
  const parameters = tagged("param").map((text) => {
    const [, name = "", meaning = ""] = /^(\S+)\s+(?:-\s+)?([\s\S]*)$/.exec(text) ?? []
    return `- \`${name}\`: ${meaning.replaceAll(/\s+/g, " ")}`
  })
  return [
    `${level} ${one.name}`,
    ...type,
    one.text,
    ...(parameters.length === 0 ? [] : [parameters.join("\n")]),
    ...tagged("errors").map(
      (errors) => `Fails with ${linked(errors.replaceAll(/\s+/g, " ").replace(/\.$/, ""), names)}.`
    ),
    ...tagged("example")
  ].join("\n\n")
}

/** The page of an entry point. */
export const page = ({ names, specifier, text }: EntryPoint): string => {
  const known = new Set(names.map((one) => one.name))
  const top = names.filter((one) => !one.name.includes("."))
  const parts = sections.flatMap(({ kinds, title }) => {
    const found = top.filter((one) => kinds.some((kind) => kind === one.kind))
    if (found.length === 0) return []
    return [
      `## ${title}`,
      ...[...found]
        .sort((a, b) => a.name.localeCompare(b.name))
        .flatMap((one) => [
          entry(one, "###", known),
          ...names
            .filter((member) => member.name.includes(".") && headOf(member.name) === one.name)
            .map((member) => entry(member, "####", known))
        ])
    ]
  })
  const contents = sections.flatMap(({ kinds, title }) => {
    const found = top.filter((one) => kinds.some((kind) => kind === one.kind)).map((one) => one.name)
    const links = found.sort((a, b) => a.localeCompare(b)).map((name) => `[${name}](#${anchorOf(name)})`)
    return links.length === 0 ? [] : [`**${title}**: ${links.join(", ")}`]
  })
  return `${[`# ${specifier}`, text, ...contents, ...parts].filter((part) => part !== "").join("\n\n")}\n`
}

/** The pages by their files' names. */
export const pages = (face: ReadonlyArray<EntryPoint>): ReadonlyMap<string, string> =>
  new Map([
    [
      "index.md",
      `# API reference\n\n${face.map(({ specifier }) => `- [\`${specifier}\`](${fileOf(specifier)})`).join("\n")}\n`
    ],
    ...face.map((one) => [fileOf(one.specifier), page(one)] as const)
  ])

if (import.meta.main) {
  const folder = resolve(process.argv[2] ?? fileURLToPath(new URL("../../reference/", import.meta.url)))
  mkdirSync(folder, { recursive: true })
  const written = pages(publicFace())
  for (const [name, text] of written) writeFileSync(join(folder, name), text)
  process.stdout.write(`${written.size} pages in ${folder}\n`)
}
