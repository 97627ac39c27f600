/** Small changes of a source file that should make a test fail, derived from its syntax tree. Pure. */
import { type ESTree, parseSync, Visitor } from "vite"

interface Span {
  readonly start: number
  readonly end: number
}

/** One change of one file. */
export interface Mutant {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  /** Which kind of change it is. */
  readonly kind: string
  readonly start: number
  readonly end: number
  readonly from: string
  readonly to: string
  /**
   * The expression that is run where the change matters; without an extent where it begins a statement. None for what a
   * module runs as it is loaded.
   */
  readonly site: Span | undefined
}

const comparisons: Readonly<Record<string, string>> = {
  "===": "!==",
  "!==": "===",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">"
}
const arithmetic: Readonly<Record<string, string>> = {
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "**": "*",
  "&": "|",
  "|": "&"
}
const logic: Readonly<Record<string, string>> = { "&&": "||", "||": "&&" }

/** Every mutant of a file, in the order of the text. */
export const mutantsOf = (file: string, text: string): ReadonlyArray<Mutant> => {
  const { errors, program } = parseSync(file, text)
  if (errors.length > 0) throw new Error(`${file} can't be parsed`)
  const mutants: Array<Mutant> = []
  /** Types, names of modules and keys: what is no value. */
  const exempt: Array<Span> = []
  const functions: Array<Span> = []
  /** Where statements that are expressions begin. */
  const statements = new Set<number>()
  const within = (spans: ReadonlyArray<Span>, { end, start }: Span) =>
    spans.some((span) => span.start <= start && end <= span.end)
  const change = (kind: string, { end, start }: Span, to: string, site: Span = { start, end }) => {
    if (within(exempt, { start, end })) return
    const line = text.slice(0, start).split("\n").length
    const probe = { start: site.start, end: statements.has(site.start) ? site.start : site.end }
    mutants.push({
      file,
      line,
      kind,
      start,
      end,
      from: text.slice(start, end),
      to,
      site: within(functions, site) ? probe : undefined
    })
  }
  /** What runs as a function is called: the defaults of its parameters, and its body. */
  const called = ({ body, params }: { readonly body: Span | null; readonly params: ReadonlyArray<Span> }) => {
    if (body !== null) functions.push({ start: params[0]?.start ?? body.start, end: body.end })
  }
  const spare = (span: Span) => void exempt.push({ start: span.start, end: span.end })
  const source = ({ end, start }: Span) => text.slice(start, end)
  const operator = (kind: string, node: ESTree.BinaryExpression | ESTree.LogicalExpression, to: string | undefined) => {
    if (to === undefined) return
    const at = text.indexOf(node.operator, node.left.end)
    change(kind, { start: at, end: at + node.operator.length }, to, node)
  }
  new Visitor({
    FunctionDeclaration: called,
    FunctionExpression: called,
    ArrowFunctionExpression: called,
    TSLiteralType: spare,
    TSEnumMember: spare,
    ImportDeclaration: spare,
    ImportExpression: spare,
    ExportAllDeclaration: spare,
    ExportNamedDeclaration: (node) => node.source && spare(node),
    Property: (node) => !node.computed && spare(node.key),
    BinaryExpression: (node) => {
      operator("comparison", node, comparisons[node.operator])
      operator("arithmetic", node, arithmetic[node.operator])
    },
    LogicalExpression: (node) => {
      operator("and, or", node, logic[node.operator])
      if (node.operator === "??") change("default dropped", node, source(node.left))
    },
    AssignmentPattern: (node) => change("default dropped", node, source(node.left), node.right),
    UnaryExpression: (node) => node.operator === "!" && change("not removed", node, source(node.argument)),
    ConditionalExpression: (node) =>
      change(
        "branches swapped",
        { start: node.consequent.start, end: node.alternate.end },
        `${source(node.alternate)} : ${source(node.consequent)}`,
        node
      ),
    IfStatement: (node) => node.alternate === null && change("statement dropped", node, ";", node.test),
    ExpressionStatement: (node) => {
      statements.add(node.start)
      change("statement dropped", node, ";")
    },
    Literal: (node) => {
      if (typeof node.value === "boolean") change("boolean", node, String(!node.value))
      else if (typeof node.value === "number") change("number", node, `(${source(node)} + 1)`)
      else if (typeof node.value === "bigint") change("number", node, `(${source(node)} + 1n)`)
      else if (typeof node.value === "string" && node.value !== "") change("string emptied", node, '""')
    }
  }).visit(program)
  return mutants.sort((a, b) => a.start - b.start || a.end - b.end)
}

/** The text of a file with a change made. */
export const mutated = (text: string, { end, start, to }: Mutant): string => text.slice(0, start) + to + text.slice(end)

/** The text of a file in which the place of each mutant says, as it is run, that it is reached. */
export const probed = (text: string, sites: ReadonlyArray<{ readonly site: Span; readonly index: number }>): string => {
  const insertions = sites.flatMap(({ index, site: { end, start } }) => {
    const probe = `globalThis.reached?.(${index}), `
    // Without a semicolon before it, a parenthesis would continue the statement above.
    if (start === end) return [{ at: start, rank: -text.length, code: probe }]
    // Of two places that start or end together, one is inside of the other.
    return [
      { at: start, rank: start - end, code: `(${probe}` },
      { at: end, rank: end - start, code: ")" }
    ]
  })
  insertions.sort((a, b) => a.at - b.at || a.rank - b.rank)
  let done = 0
  let result = ""
  for (const { at, code } of insertions) {
    result += text.slice(done, at) + code
    done = at
  }
  return result + text.slice(done)
}

/** Draws so many, the same ones for the same seed. */
export const sampleOf = <A>(all: ReadonlyArray<A>, size: number, seed: number): ReadonlyArray<A> => {
  let state = seed >>> 0
  // Mulberry32.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const left = [...all]
  const drawn: Array<A> = []
  while (drawn.length < size && left.length > 0) drawn.push(...left.splice(Math.floor(next() * left.length), 1))
  return drawn
}
