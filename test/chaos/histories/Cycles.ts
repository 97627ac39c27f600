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

/** One cycle for each edge of a kind that is closed by edges of others; at most a few, since one is enough to be wrong. */
const closed = (edges: ReadonlyArray<Edge>, type: AnomalyType, kind: Kind, by: ReadonlyArray<Kind>): Array<Anomaly> => {
  const all = graphOf(edges, [kind, ...by])
  const component = components(all)
  const back = graphOf(edges, by)
  const found: Array<Anomaly> = []
  for (const edge of edges) {
    if (edge.kind !== kind || component.get(edge.from) !== component.get(edge.to)) continue
    const way = path(back, edge.to, edge.from)
    if (way === undefined) continue
    found.push({ type, detail: shown([edge, ...way]) })
    if (found.length === 3) break
  }
  return found
}

export const find = (edges: ReadonlyArray<Edge>): ReadonlyArray<Anomaly> => {
  const singles = closed(edges, "G-single", "rw", ["ww", "wr"])
  return [
    ...closed(edges, "G0", "ww", ["ww"]),
    ...closed(edges, "G1c", "wr", ["ww", "wr"]),
    ...singles,
    // What closes with one such read would be found again among those with several.
    ...(singles.length > 0 ? [] : closed(edges, "G2", "rw", ["ww", "wr", "rw"]))
  ]
}
