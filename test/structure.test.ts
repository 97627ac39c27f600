/** The size of what is in `src`: files, functions and folders stay short, and no two files share a name. */
import { readdirSync, readFileSync } from "node:fs"
import { basename, dirname, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { type ESTree, parseSync, Visitor } from "vite"
import { exceptions } from "./structureExceptions.ts"

const limits = { linesOfFile: 500, linesOfFunction: 70, filesOfFolder: 14 } as const

const src = fileURLToPath(new URL("../src/", import.meta.url))

const files = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(src, `${entry.parentPath}/${entry.name}`).split(sep).join("/"))
  .sort()

const sources = files
  .filter((file) => file.endsWith(".ts"))
  .map((file) => ({ file, text: readFileSync(`${src}${file}`, "utf8") }))

const linesOf = (text: string) => text.trimEnd().split("\n").length

interface Named {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** Every function of a module, with the name of the variable, property, method or call argument list that holds it. */
const functionsOf = (file: string, text: string): ReadonlyArray<Named> => {
  const { errors, program } = parseSync(file, text)
  assert.deepStrictEqual(errors, [], file)
  const holders: Array<Named> = []
  const functions: Array<Omit<Named, "name">> = []
  const holds = (name: string, { end, start }: { readonly start: number; readonly end: number }) =>
    holders.push({ name, start, end })
  const nameOf = (key: ESTree.PropertyKey | ESTree.BindingPattern) =>
    key.type === "Identifier" || key.type === "PrivateIdentifier" ? key.name : text.slice(key.start, key.end)
  const isFunction = (node: ESTree.Function | ESTree.ArrowFunctionExpression) => {
    if (node.type === "FunctionDeclaration" && node.id !== null) holds(node.id.name, node)
    functions.push({ start: node.start, end: node.end })
  }
  new Visitor({
    VariableDeclarator: (node) => holds(nameOf(node.id), node),
    Property: (node) => holds(nameOf(node.key), node),
    MethodDefinition: (node) => holds(nameOf(node.key), node),
    PropertyDefinition: (node) => holds(nameOf(node.key), node),
    FunctionDeclaration: isFunction,
    FunctionExpression: isFunction,
    ArrowFunctionExpression: isFunction
  }).visit(program)
  return functions.map(({ end, start }) => {
    const around = holders.filter((holder) => holder.start <= start && end <= holder.end)
    const [closest] = around.sort((a, b) => b.start - a.start)
    return { name: closest?.name ?? "an unnamed function", start, end }
  })
}

const groups = <A>(
  all: ReadonlyArray<A>,
  by: (one: A) => string
): ReadonlyArray<readonly [string, ReadonlyArray<A>]> => {
  const grouped = new Map<string, Array<A>>()
  for (const one of all) grouped.set(by(one), [...(grouped.get(by(one)) ?? []), one])
  return [...grouped]
}

/** What is too large is an exception that has to be listed, and a listed one that is not needed has to go. */
const isExactly = (tooLarge: ReadonlyArray<string>, listed: ReadonlyArray<string>, what: string) => {
  const found = [...new Set(tooLarge)]
  assert.deepStrictEqual(
    found.filter((one) => !listed.includes(one)),
    [],
    `${what}: split these`
  )
  assert.deepStrictEqual(
    listed.filter((one) => !found.includes(one)),
    [],
    `${what}: these exceptions are no longer needed; delete them from structureExceptions.ts`
  )
}

it(`no file of src has more than ${limits.linesOfFile} lines`, () => {
  const long = sources.filter(({ text }) => linesOf(text) > limits.linesOfFile)
  isExactly(
    long.map(({ file }) => basename(file)),
    exceptions.files,
    `files of more than ${limits.linesOfFile} lines`
  )
})

it(`no function of src has more than ${limits.linesOfFunction} lines`, () => {
  const long = sources.flatMap(({ file, text }) =>
    functionsOf(file, text)
      .filter(({ end, start }) => linesOf(text.slice(start, end)) > limits.linesOfFunction)
      .map(({ name }) => `${basename(file)}: ${name}`)
  )
  isExactly(long, exceptions.functions, `functions of more than ${limits.linesOfFunction} lines`)
})

it(`no folder of src has more than ${limits.filesOfFolder} files`, () => {
  const full = groups(files, dirname).filter(([, inside]) => inside.length > limits.filesOfFolder)
  isExactly(
    full.map(([folder]) => folder),
    exceptions.folders,
    `folders of more than ${limits.filesOfFolder} files`
  )
})

it("no two files of src have the same name, but for index.ts and README.md", () => {
  const named = files.filter((file) => !["index.ts", "README.md"].includes(basename(file)))
  const twice = groups(named, (file) => basename(file)).filter(([, same]) => same.length > 1)
  isExactly(
    twice.map(([name]) => name),
    exceptions.names,
    "names used twice"
  )
})

it("a function is measured whole, whatever holds it", () => {
  const body = "\n".repeat(80)
  const text = [
    `export const arrow = () => {${body}}`,
    `export const called = wrap("x", function* () {${body}})`,
    `export class Holder { method() {${body}} get value() {${body}return 1} field = () => {${body}} }`,
    `export const object = { member: (a: number): string => {${body}return String(a)} }`,
    `export function declared() {${body}}`,
    `const text = \`\${() => {}} function fake() {${body}}\` // function comment() {${body.trim()}}`
  ].join("\n")
  const long = functionsOf("example.ts", text).filter(({ end, start }) => linesOf(text.slice(start, end)) > 70)
  assert.deepStrictEqual(long.map(({ name }) => name).sort(), [
    "arrow",
    "called",
    "declared",
    "field",
    "member",
    "method",
    "value"
  ])
})
