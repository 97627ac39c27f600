/**
 * What reads of registers say of the order of transactions: a value that was read comes before the one that its reader
 * wrote in its place, and nothing comes before all.
 */
import type { Anomaly, Edge, History, Inferred, Transaction } from "./History.ts"
import { Writers } from "./History.ts"

/** What a transaction did to a register: what it found there, and what it left. */
interface Use {
  readonly transaction: Transaction
  readonly key: string
  /** Absent where it wrote before it read. */
  readonly found: number | null | undefined
  readonly left: number | undefined
}

const usesOf = (transaction: Transaction): ReadonlyArray<Use> => {
  const uses = new Map<string, Use>()
  for (const operation of transaction.operations) {
    if (operation.op !== "read" && operation.op !== "write") continue
    const { key } = operation
    const before = uses.get(key)
    if (operation.op === "write") uses.set(key, { transaction, key, found: before?.found, left: operation.value })
    else if (before === undefined) uses.set(key, { transaction, key, found: operation.value, left: undefined })
  }
  return [...uses.values()]
}

/** A transaction that wrote a register reads that there. */
const internal = ({ id, operations }: Transaction): ReadonlyArray<Anomaly> => {
  const own = new Map<string, number>()
  const found: Array<Anomaly> = []
  for (const operation of operations) {
    if (operation.op === "write") own.set(operation.key, operation.value)
    if (operation.op !== "read") continue
    const expected = own.get(operation.key)
    if (expected !== undefined && operation.value !== expected)
      found.push({
        type: "internal",
        detail: `${id} wrote ${expected} to ${operation.key} and read ${operation.value}`
      })
  }
  return found
}

const readAnomalies = (reader: Transaction, writers: Writers): ReadonlyArray<Anomaly> =>
  reader.operations.flatMap((operation): ReadonlyArray<Anomaly> => {
    if (operation.op !== "read" || operation.value === null) return []
    const { key, value } = operation
    const writer = writers.of(key, value)
    const read = `${reader.id} read ${value} of ${key}`
    if (writer === undefined) return [{ type: "unborn", detail: `${read}, which nobody wrote` }]
    if (writer.outcome === "aborted") return [{ type: "G1a", detail: `${read}, and ${writer.id} was rolled back` }]
    if (writer.id !== reader.id && !writers.isLast(key, value))
      return [{ type: "G1b", detail: `${read}, and ${writer.id} wrote something else in the end` }]
    return []
  })

const edgesOf = (key: string, uses: ReadonlyArray<Use>, writers: Writers): Inferred => {
  const edges: Array<Edge> = []
  const anomalies: Array<Anomaly> = []
  const add = (kind: Edge["kind"], from: Transaction | undefined, to: Transaction | undefined) => {
    if (from !== undefined && to !== undefined && from.id !== to.id) edges.push({ kind, from: from.id, to: to.id, key })
  }
  const writerOf = (value: number | null) => (value === null ? undefined : writers.of(key, value))
  const successors = new Map<number | null, Array<Use>>()
  for (const use of uses) {
    if (use.found !== undefined) add("wr", writerOf(use.found), use.transaction)
    if (use.found === undefined || use.left === undefined) continue
    add("ww", writerOf(use.found), use.transaction)
    successors.set(use.found, [...(successors.get(use.found) ?? []), use])
  }
  for (const [found, [first, ...others]] of successors) {
    for (const other of others)
      anomalies.push({
        type: "lost update",
        detail: `${first?.transaction.id} and ${other.transaction.id} read ${found} of ${key}, and both wrote`
      })
  }
  const written = uses.filter(({ left }) => left !== undefined)
  for (const { found, transaction } of uses) {
    if (found === undefined) continue
    // Whatever was written is later than nothing.
    for (const next of found === null ? written : (successors.get(found) ?? []))
      add("rw", transaction, next.transaction)
  }
  return { edges, anomalies }
}

export const infer = (history: History): Inferred => {
  const writers = new Writers(history, "write")
  const committed = history.filter(({ outcome }) => outcome === "committed")
  const byKey = Map.groupBy(committed.flatMap(usesOf), ({ key }) => key)
  const ofKeys = [...byKey].map(([key, uses]) => edgesOf(key, uses, writers))
  return {
    edges: ofKeys.flatMap(({ edges }) => edges),
    anomalies: [
      ...committed.flatMap(internal),
      ...committed.flatMap((reader) => readAnomalies(reader, writers)),
      ...ofKeys.flatMap(({ anomalies }) => anomalies)
    ]
  }
}
