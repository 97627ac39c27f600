/** Cycles of a graph of transactions, by the kinds of their edges. */
import type { Anomaly, AnomalyType, Edge } from "./History.ts"

type Kind = Edge["kind"]
type Graph = ReadonlyMap<string, ReadonlyArray<Edge>>

const graphOf = (edges: ReadonlyArray<Edge>, kinds: ReadonlyArray<Kind>): Graph =>
  Map.groupBy(
    edges.filter(({ kind }) => kinds.includes(kind)),
    ({ from }) => from
  )

/** The shortest way from one transaction to another. */
const path = (graph: Graph, from: string, to: string): ReadonlyArray<Edge> | undefined => {
  const cameBy = new Map<string, Edge>()
  const queue = [from]
  for (const at of queue) {
    for (const edge of graph.get(at) ?? []) {
      if (cameBy.has(edge.to)) continue
      cameBy.set(edge.to, edge)
      if (edge.to !== to) {
        queue.push(edge.to)
        continue
      }
      const way: Array<Edge> = []
      for (let step: Edge | undefined = edge; step !== undefined; step = cameBy.get(step.from)) {
        way.unshift(step)
        if (step.from === from) break
      }
      return way
    }
  }
  return undefined
}

/** The transactions that are on any cycle at all, by what they are connected to: Tarjan's components, without recursion. */
const components = (graph: Graph): ReadonlyMap<string, number> => {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const component = new Map<string, number>()
  const stack: Array<string> = []
  let count = 0
  for (const root of graph.keys()) {
    if (index.has(root)) continue
    const work = [{ node: root, next: 0 }]
    for (let frame = work.at(-1); frame !== undefined; frame = work.at(-1)) {
      const { node } = frame
      if (frame.next === 0) {
        index.set(node, count)
        low.set(node, count++)
        stack.push(node)
      }
      const edge = (graph.get(node) ?? [])[frame.next++]
      if (edge !== undefined) {
        if (!index.has(edge.to)) work.push({ node: edge.to, next: 0 })
        else if (!component.has(edge.to)) low.set(node, Math.min(low.get(node) ?? 0, index.get(edge.to) ?? 0))
        continue
      }
      work.pop()
      const above = work.at(-1)
      if (above !== undefined) low.set(above.node, Math.min(low.get(above.node) ?? 0, low.get(node) ?? 0))
      if (low.get(node) !== index.get(node)) continue
      for (let member = stack.pop(); member !== undefined; member = member === node ? undefined : stack.pop())
        component.set(member, index.get(node) ?? 0)
    }
  }
  return component
}

const shown = (cycle: ReadonlyArray<Edge>): string =>
  `${cycle[0]?.from} ${cycle.map(({ key, kind, to }) => `-${kind} ${key}-> ${to}`).join(" ")}`

/** How a cycle is looked for: it begins with an edge of `kind`, and this way leads back from the edge's end to its start. */
interface Search {
  readonly type: AnomalyType
  readonly kind: Kind
  /** Of which kinds the edges back are. */
  readonly by: ReadonlyArray<Kind>
  readonly back: (graph: Graph, edge: Edge) => ReadonlyArray<Edge> | undefined
}

/** A few are enough to be wrong. */
const enough = 3

const straight: Search["back"] = (graph, edge) => path(graph, edge.to, edge.from)

const closed = (edges: ReadonlyArray<Edge>, { back, by, kind, type }: Search): Array<Anomaly> => {
  const component = components(graphOf(edges, [kind, ...by]))
  // An edge of a cycle never leaves its component.
  const inside = edges.filter(({ from, to }) => component.has(from) && component.get(from) === component.get(to))
  const graph = graphOf(inside, by)
  const found: Array<Anomaly> = []
  for (const edge of inside) {
    if (edge.kind !== kind) continue
    const way = back(graph, edge)
    if (way === undefined) continue
    found.push({ type, detail: shown([edge, ...way]) })
    if (found.length === enough) break
  }
  return found
}

/**
 * The way back from a read of what was written over, on which no two such reads follow each other, nor does the last one
 * precede the first. A transaction is passed once after such a read and once after a write.
 */
const nonadjacent: Search["back"] = (graph, first) => {
  const cameBy = new Map<string, { readonly edge: Edge; readonly before: string }>()
  const start = `${first.to} rw`
  const queue = [{ at: first.to, state: start, isRead: true }]
  for (const { at, isRead, state } of queue) {
    for (const edge of graph.get(at) ?? []) {
      if (isRead && edge.kind === "rw") continue
      const next = `${edge.to} ${edge.kind === "rw" ? "rw" : "ww"}`
      if (cameBy.has(next)) continue
      cameBy.set(next, { edge, before: state })
      if (edge.to !== first.from || edge.kind === "rw") {
        queue.push({ at: edge.to, state: next, isRead: edge.kind === "rw" })
        continue
      }
      const way: Array<Edge> = []
      for (let step = cameBy.get(next); step !== undefined; step = cameBy.get(step.before)) {
        way.unshift(step.edge)
        if (step.before === start) break
      }
      return way
    }
  }
  return undefined
}

/** Only what no cycle with fewer reads explains. */
const unless =
  (simpler: Search["back"], kinds: ReadonlyArray<Kind>, back: Search["back"]): Search["back"] =>
  (graph, edge) => {
    const fewer = new Map([...graph].map(([from, all]) => [from, all.filter(({ kind }) => kinds.includes(kind))]))
    return simpler(fewer, edge) === undefined ? back(graph, edge) : undefined
  }

const writes: ReadonlyArray<Kind> = ["ww", "wr"]
const all: ReadonlyArray<Kind> = ["ww", "wr", "rw"]

const searches: ReadonlyArray<Search> = [
  { type: "G0", kind: "ww", by: ["ww"], back: straight },
  { type: "G1c", kind: "wr", by: writes, back: straight },
  { type: "G-single", kind: "rw", by: writes, back: straight },
  { type: "G-nonadjacent", kind: "rw", by: all, back: unless(straight, writes, nonadjacent) },
  { type: "G2-item", kind: "rw", by: all, back: unless(nonadjacent, all, straight) }
]

export const find = (edges: ReadonlyArray<Edge>): ReadonlyArray<Anomaly> =>
  searches.flatMap((search) => closed(edges, search))
