/** The code blocks of the documentation, as files of their own that can be type-checked and run. */
import { mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { API } from "typescript/unstable/sync"
import { entryPoints } from "./PublicFace.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

/** A block of TypeScript and where it stands. */
export interface CodeBlock {
  /** For example `README.md:37`. */
  readonly origin: string
  readonly code: string
}

/** The blocks of a text: those in `ts`, and what a block in `diff` changes to. */
export const blocksOf = (file: string): ReadonlyArray<CodeBlock> => {
  const text = readFileSync(`${root}${file}`, "utf8")
  return [...text.matchAll(/^([ \t]*(?:\* ?)?)```(ts|diff)\n([\s\S]*?)^[ \t]*(?:\* ?)?```$/gm)].map((match) => {
    const [, prefix = "", language, body = ""] = match
    const comment = prefix.trim() === "*" ? /^[ \t]*\* ?/ : new RegExp(`^${prefix}`)
    const lines = body.split("\n").map((line) => line.replace(comment, ""))
    const code = language === "ts" ? lines : lines.filter((line) => !line.startsWith("-")).map((line) => line.slice(1))
    const line = text.slice(0, match.index).split("\n").length + 1
    return { origin: `${file}:${line}`, code: `${code.join("\n").trimEnd()}\n` }
  })
}

/** The sources, of which every docstring may hold examples. */
export const sources = (): ReadonlyArray<string> =>
  readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `src/${file}`)

/**
 * Writes blocks into a new folder, one file each, in which the package's own names lead to its sources, and relative
 * ones to where they lead from the document. A name that package.json does not export leads nowhere.
 */
export const writeBlocks = (
  blocks: ReadonlyArray<CodeBlock>
): { readonly folder: string; readonly files: string[] } => {
  const folder = mkdtempSync(join(tmpdir(), "alex-blocks-"))
  symlinkSync(`${root}node_modules`, join(folder, "node_modules"))
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }))
  const source = new Map(entryPoints().map((entry) => [entry.specifier, `${root}${entry.source}`]))
  const files = blocks.map(({ code, origin }) => {
    const file = join(folder, `${origin.replaceAll(/[/:]/g, "_").replace(/\.(ts|md)_/, "_")}.ts`)
    writeFileSync(
      file,
      code
        .replaceAll(/"(alex-database[^"]*)"/g, (whole, name: string) =>
          source.has(name) ? `"${source.get(name)}"` : whole
        )
        .replaceAll(/from "(\.[^"]*)"/g, (_, path: string) => `from "${join(root, dirname(origin), path)}"`)
    )
    return file
  })
  const config = {
    extends: `${root}tsconfig.json`,
    compilerOptions: {
      rootDir: "/",
      typeRoots: [`${root}node_modules/@types`],
      rewriteRelativeImportExtensions: false,
      noUnusedLocals: false
    },
    include: ["*.ts"]
  }
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
  return { folder, files }
}

/** What the compiler, in strict mode, has against the files of a folder: file, line and message. */
export const problemsIn = (folder: string): ReadonlyArray<string> => {
  const api = new API({ cwd: folder })
  const snapshot = api.updateSnapshot({ openProjects: [join(folder, "tsconfig.json")] })
  const problems = snapshot.getProjects().flatMap(({ program, rootFiles }) =>
    rootFiles.flatMap((file) =>
      [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(({ pos, text }) => {
        const line = readFileSync(file, "utf8").slice(0, pos).split("\n").length
        return `${file.slice(folder.length + 1)}, line ${line}: ${text}`
      })
    )
  )
  api.close()
  return problems
}
