import { parseSync, Visitor } from "vite"

interface Place {
  readonly start: number
  readonly end: number
}

/** Whether a string of SQL has a line break: the indentation behind it is part of the value. */
const hasLongString = (sql: string): boolean =>
  sql.split("'").some((part, index) => index % 2 === 1 && part.includes("\n"))

/**
 * SQL without indentation, and without the line breaks at parentheses. These stay where they may end a comment: in SQL that
 * has one, and behind a fragment.
 */
const short = (sql: string, hasComments: boolean): string => {
  const lines = sql.replaceAll(/\n +/g, "\n")
  return hasComments ? lines : lines.replaceAll(/(?<=\()\n|(?<=.)\n(?=\))/g, "")
}

/**
 * A module whose SQL has no indentation: it would be sent with each request, and is in each function's bundle. SQL is
 * what is tagged with `sql`, and what begins with a line break, as a text whose layout matters does not.
 */
export const withShortStatements = (file: string, text: string): string => {
  const indented = new Map<number, Place & { readonly hasComments: boolean }>()
  const shorten = ({ quasis }: { readonly quasis: ReadonlyArray<Place> }) => {
    const sql = quasis.map(({ end, start }) => text.slice(start, end)).join("")
    if (hasLongString(sql)) return
    for (const { end, start } of quasis) indented.set(start, { start, end, hasComments: sql.includes("--") })
  }
  new Visitor({
    TaggedTemplateExpression: ({ quasi, tag }) => {
      if (tag.type === "Identifier" && tag.name === "sql") shorten(quasi)
    },
    TemplateLiteral: (template) => {
      if (text.startsWith("`\n", template.start)) shorten(template)
    }
  }).visit(parseSync(file, text).program)
  const parts: Array<string> = []
  let at = 0
  for (const { end, hasComments, start } of [...indented.values()].sort((a, b) => a.start - b.start)) {
    parts.push(text.slice(at, start), short(text.slice(start, end), hasComments))
    at = end
  }
  return parts.join("") + text.slice(at)
}
