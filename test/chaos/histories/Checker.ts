/**
 * Finds what can't be in a history of transactions at an isolation level, after "Elle: Inferring Isolation Anomalies from
 * Experimental Observations" (Kingsbury and Alvaro, 2020): from reads to the order of versions, from that to who comes
 * before whom, and from that to cycles.
 */
import * as Cycles from "./Cycles.ts"
import type { Anomaly, AnomalyType, Edge, History, Transaction } from "./History.ts"
import * as Lists from "./Lists.ts"
import * as Registers from "./Registers.ts"

export type Level = "READ COMMITTED" | "REPEATABLE READ" | "SERIALIZABLE"

const always: ReadonlyArray<AnomalyType> = [
  "G0",
  "G1a",
  "G1b",
  "G1c",
  "stale read",
  "lost write",
  "incompatible order",
  "internal",
  "unborn",
  "duplicate"
]

/** What PostgreSQL rules out at each level. */
export const forbidden: Readonly<Record<Level, ReadonlyArray<AnomalyType>>> = {
  "READ COMMITTED": always,
  "REPEATABLE READ": [...always, "G-single", "G-nonadjacent", "lost update"],
  SERIALIZABLE: [...always, "G-single", "G-nonadjacent", "lost update", "G2-item"]
}

/** What a transaction has read, as keys with values. */
const seenBy = ({ operations }: Transaction): ReadonlyArray<string> =>
  operations.flatMap((operation) =>
    operation.op === "list"
      ? operation.values.map((value) => `${operation.key} ${value}`)
      : operation.op === "read"
        ? [`${operation.key} ${operation.value}`]
        : []
  )

/** A transaction whose commit's answer was lost has committed if anybody has seen anything of it. */
const resolved = (history: History): History => {
  const seen = new Set(history.filter(({ outcome }) => outcome === "committed").flatMap(seenBy))
  return history.map((transaction) => {
    const isSeen = transaction.operations.some(
      (operation) =>
        (operation.op === "append" || operation.op === "write") && seen.has(`${operation.key} ${operation.value}`)
    )
    return transaction.outcome === "unknown" && isSeen ? { ...transaction, outcome: "committed" } : transaction
  })
}

/** Whoever begins once a write has been acknowledged sees it, at every level. */
const staleReads = (history: History, edges: ReadonlyArray<Edge>): ReadonlyArray<Anomaly> => {
  const byId = new Map(history.map((transaction) => [transaction.id, transaction]))
  return edges.flatMap(({ from, key, kind, to }): ReadonlyArray<Anomaly> => {
    const { began = -Infinity } = byId.get(from) ?? {}
    const { ended = Infinity } = byId.get(to) ?? {}
    if (kind !== "rw" || ended >= began) return []
    return [{ type: "stale read", detail: `${from} read ${key} without what ${to} had written before it began` }]
  })
}

/**
 * All anomalies of a history.
 *
 * @param final The transaction that read every list at the end, if there is one.
 */
export const check = (history: History, final?: string): ReadonlyArray<Anomaly> => {
  const known = resolved(history)
  const lists = Lists.infer(known, final)
  const registers = Registers.infer(known)
  const edges = [...lists.edges, ...registers.edges]
  return [...lists.anomalies, ...registers.anomalies, ...Cycles.find(edges), ...staleReads(known, edges)]
}
