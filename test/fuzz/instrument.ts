/** Adds counters to a source file, at each branch and comparison; see `Probes.ts`. Pure. */
import { type ESTree, parseSync, Visitor } from "vite"

export interface Instrumented {
  readonly text: string
  /** The texts that the source compares with, or writes: words of the language that it reads. */
  readonly words: ReadonlyArray<string>
}

interface Span {
  readonly start: number
  readonly end: number
}

interface Edit extends Span {
  readonly text: string
  /** Of two at one place, what closes comes before what opens, and the inner closes first. */
  readonly rank: number
}

const names = { block: "$block", branch: "$branch", present: "$present", same: "$same" } as const

/** Spreads numbers that follow each other over the counters. */
const spread = (number: number): number => Math.imul(number, 0x9e3779b1) >>> 16

const hashOf = (text: string): number => {
  let hash = 17
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0
  return hash
}

class Edits {
  readonly #edits: Array<Edit> = []
  readonly #seed: number
  #ids = 0

  constructor(file: string) {
    this.#seed = hashOf(file)
  }

  id(): number {
    return spread(this.#seed + ++this.#ids)
  }

  insert(at: number, text: string): void {
    this.#edits.push({ start: at, end: at, text, rank: this.#edits.length })
  }

  replace({ end, start }: Span, text: string): void {
    this.#edits.push({ start, end, text, rank: 0 })
  }

  wrap({ end, start }: Span, open: string, close: string): void {
    this.insert(start, open)
    this.#edits.push({ start: end, end, text: close, rank: -this.#edits.length })
  }

  apply(text: string): string {
    let made = ""
    let at = 0
    for (const edit of this.#edits.toSorted((a, b) => a.start - b.start || a.rank - b.rank)) {
      made += text.slice(at, edit.start) + edit.text
      at = edit.end
    }
    return made + text.slice(at)
  }
}

/** The source with its counters. Lines stay where they are. */
export const instrumented = (file: string, text: string, probes: string): Instrumented => {
  const { errors, program } = parseSync(file, text)
  if (errors.length > 0) throw new Error(`${file} can't be parsed: ${errors[0]?.message}`)
  const edits = new Edits(file)
  const words = new Set<string>()
  const exempt: Array<Span> = []
  const spare = ({ end, start }: Span) => void exempt.push({ start, end })
  const counted = (body: ESTree.Node | null | undefined) => {
    if (body?.type === "BlockStatement") edits.insert(body.start + 1, `${names.block}(${edits.id()});`)
  }
  const decided = (test: ESTree.Expression | null, by: string = names.branch) => {
    if (test !== null) edits.wrap(test, `${by}(${edits.id()},`, ")")
  }
  new Visitor({
    TSLiteralType: spare,
    ImportDeclaration: spare,
    ExportAllDeclaration: spare,
    ExportNamedDeclaration: (node) => node.source && spare(node),
    FunctionDeclaration: ({ body }) => counted(body),
    FunctionExpression: ({ body }) => counted(body),
    ArrowFunctionExpression: ({ body }) =>
      body.type === "BlockStatement" ? counted(body) : edits.wrap(body, `(${names.block}(${edits.id()}),`, ")"),
    IfStatement: ({ test }) => decided(test),
    WhileStatement: ({ test }) => decided(test),
    DoWhileStatement: ({ test }) => decided(test),
    ForStatement: ({ test }) => decided(test),
    ForOfStatement: ({ body }) => counted(body),
    ForInStatement: ({ body }) => counted(body),
    CatchClause: ({ body }) => counted(body),
    ConditionalExpression: ({ test }) => decided(test),
    LogicalExpression: ({ left, operator }) => decided(left, operator === "??" ? names.present : names.branch),
    SwitchCase: ({ consequent: [first] }) => first && edits.insert(first.start, `${names.block}(${edits.id()});`),
    BinaryExpression: ({ end, left, operator, right, start }) => {
      if (operator !== "===" && operator !== "!==") return
      const at = text.indexOf(operator, left.end)
      if (at === -1 || at >= right.start) return
      edits.wrap({ start, end }, `${operator === "!==" ? "!" : ""}${names.same}(${edits.id()},`, ")")
      edits.replace({ start: at, end: at + operator.length }, ",")
    },
    Literal: ({ end, start, value }) => {
      if (typeof value !== "string" || value === "" || value.length > 40) return
      if (!exempt.some((span) => span.start <= start && end <= span.end)) words.add(value)
    }
  }).visit(program)
  const imported = Object.entries(names).map(([name, alias]) => `${name} as ${alias}`)
  return {
    text: `import {${imported.join(",")}} from ${JSON.stringify(probes)};${edits.apply(text)}`,
    words: [...words]
  }
}
