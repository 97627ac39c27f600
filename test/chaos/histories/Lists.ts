/** What reads of lists say of the order of transactions. */
import type { Anomaly, Edge, History, Inferred, Transaction } from "./History.ts"
import { Writers } from "./History.ts"

interface ListRead {
  readonly reader: Transaction
  readonly key: string
  readonly values: ReadonlyArray<number>
}

const isBeginning = (short: ReadonlyArray<number>, long: ReadonlyArray<number>): boolean =>
  short.every((value, index) => long[index] === value)

const readsOf = (history: History): ReadonlyArray<ListRead> =>
  history.flatMap((reader) =>
    reader.outcome === "committed"
      ? reader.operations.flatMap((operation) =>
          operation.op === "list" ? [{ reader, key: operation.key, values: operation.values }] : []
        )
      : []
  )

/** What a transaction has appended so far is in what it reads, in this order, and at the end of what it read before. */
const internal = ({ id, operations }: Transaction): ReadonlyArray<Anomaly> => {
  const own = new Map<string, Array<number>>()
  const found: Array<Anomaly> = []
  for (const operation of operations) {
    if (operation.op === "append") own.set(operation.key, [...(own.get(operation.key) ?? []), operation.value])
    if (operation.op !== "list") continue
    const expected = own.get(operation.key) ?? []
    const seen = operation.values.filter((value) => expected.includes(value))
    if (seen.join() !== expected.join())
      found.push({
        type: "internal",
        detail: `${id} appended ${expected} to ${operation.key} and read ${operation.values}`
      })
  }
  return found
}

const readAnomalies = ({ key, reader, values }: ListRead, writers: Writers): ReadonlyArray<Anomaly> => {
  const found: Array<Anomaly> = []
  for (const value of values) {
    const writer = writers.of(key, value)
    if (writer === undefined)
      found.push({ type: "unborn", detail: `${reader.id} read ${value} of ${key}, which nobody appended` })
    else if (writer.outcome === "aborted")
      found.push({ type: "G1a", detail: `${reader.id} read ${value} of ${key}, and ${writer.id} was rolled back` })
  }
  if (new Set(values).size < values.length)
    found.push({ type: "duplicate", detail: `${reader.id} read ${values} of ${key}` })
  const last = values.at(-1)
  if (last !== undefined && writers.of(key, last)?.id !== reader.id && !writers.isLast(key, last))
    found.push({
      type: "G1b",
      detail: `${reader.id} read ${key} up to ${last}, after which ${writers.of(key, last)?.id} appended more`
    })
  return found
}

/** Two that read the same list and then appended to it: the second did not know of the first. */
const lostUpdates = (history: History): ReadonlyArray<Anomaly> => {
  const updaters = new Map<string, string>()
  const found: Array<Anomaly> = []
  for (const { id, operations, outcome } of history) {
    if (outcome !== "committed") continue
    const appended = new Set<string>()
    const before = new Map<string, string>()
    for (const operation of operations) {
      if (operation.op === "list" && !appended.has(operation.key) && !before.has(operation.key))
        before.set(operation.key, operation.values.join())
      if (operation.op === "append") appended.add(operation.key)
    }
    for (const [key, values] of before) {
      if (!appended.has(key)) continue
      const other = updaters.get(`${key} [${values}]`)
      if (other !== undefined)
        found.push({ type: "lost update", detail: `${other} and ${id} read [${values}] of ${key}, and both appended` })
      updaters.set(`${key} [${values}]`, id)
    }
  }
  return found
}

const edgesOf = (order: ReadonlyArray<number>, reads: ReadonlyArray<ListRead>, key: string, writers: Writers) => {
  const edges: Array<Edge> = []
  const add = (kind: Edge["kind"], from: Transaction | undefined, to: Transaction | undefined) => {
    if (from !== undefined && to !== undefined && from.id !== to.id) edges.push({ kind, from: from.id, to: to.id, key })
  }
  const writerAt = (index: number) => {
    const value = order[index]
    return value === undefined ? undefined : writers.of(key, value)
  }
  for (let index = 1; index < order.length; index++) add("ww", writerAt(index - 1), writerAt(index))
  for (const { reader, values } of reads) {
    add("wr", writerAt(values.length - 1), reader)
    add("rw", reader, writerAt(values.length))
  }
  return edges
}

/**
 * The order of the versions of a list is its longest read; every other is its beginning. `final` reads every list once
 * all is over, so that what was acknowledged has to be in it.
 */
export const infer = (history: History, final: string | undefined): Inferred => {
  const writers = new Writers(history, "append")
  const reads = readsOf(history)
  const anomalies: Array<Anomaly> = [
    ...history.filter(({ outcome }) => outcome === "committed").flatMap(internal),
    ...reads.flatMap((read) => readAnomalies(read, writers)),
    ...lostUpdates(history)
  ]
  const edges: Array<Edge> = []
  for (const [key, ofKey] of Map.groupBy(reads, (read) => read.key)) {
    const order = ofKey.reduce<ReadonlyArray<number>>(
      (long, { values }) => (values.length > long.length ? values : long),
      []
    )
    const compatible = ofKey.filter(({ reader, values }) => {
      const fits = isBeginning(values, order)
      if (!fits)
        anomalies.push({ type: "incompatible order", detail: `${reader.id} read ${values} of ${key}, others ${order}` })
      return fits
    })
    edges.push(...edgesOf(order, compatible, key, writers))
  }
  if (final !== undefined)
    anomalies.push(
      ...lostWrites(
        history,
        reads.filter(({ reader }) => reader.id === final)
      )
    )
  return { edges, anomalies }
}

const lostWrites = (history: History, last: ReadonlyArray<ListRead>): ReadonlyArray<Anomaly> => {
  const there = new Set(last.flatMap(({ key, values }) => values.map((value) => `${key} ${value}`)))
  return history.flatMap(({ id, operations, outcome }) =>
    outcome !== "committed"
      ? []
      : operations.flatMap(
          (operation): ReadonlyArray<Anomaly> =>
            operation.op === "append" && !there.has(`${operation.key} ${operation.value}`)
              ? [
                  {
                    type: "lost write",
                    detail: `${id} appended ${operation.value} to ${operation.key}, which is not there`
                  }
                ]
              : []
        )
  )
}
