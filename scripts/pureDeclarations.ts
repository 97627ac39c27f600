import { parseSync } from "vite"

interface Insertion {
  readonly at: number
  readonly text: string
}

/** What can do nothing but make a value needs no mark; a promise that is waited for is work. */
const isMade = (source: string): boolean => /[(`]/.test(source) && !/\bawait\b/.test(source)

/**
 * A module whose constants and classes are marked as free of effects, so that a bundler drops those that are not used:
 * nothing in this package runs when it is imported, but a bundler can't see that of a call. The mark holds for the one
 * call behind it, so each value is made in a function of its own. No line moves.
 */
export const withPureDeclarations = (file: string, text: string): string => {
  const insertions: Array<Insertion> = []
  const wrap = (start: number, before: string, end: number, after: string) =>
    insertions.push({ at: start, text: before }, { at: end, text: after })
  for (const statement of parseSync(file, text).program.body) {
    const declared = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement
    if (declared?.type === "VariableDeclaration") {
      for (const { init } of declared.declarations) {
        if (init == null || /Function/.test(init.type) || !isMade(text.slice(init.start, init.end))) continue
        wrap(init.start, "/* @__PURE__ */ (() => (", init.end, "))()")
      }
    }
    if (declared?.type === "ClassDeclaration" && declared.superClass?.type === "CallExpression" && declared.id) {
      const { name } = declared.id
      wrap(declared.start, `const ${name} = /* @__PURE__ */ (() => (`, declared.end, "))();")
    }
  }
  return insertions
    .sort((a, b) => b.at - a.at)
    .reduce((changed, { at, text: inserted }) => changed.slice(0, at) + inserted + changed.slice(at), text)
}
