/**
 * What transactions did that ran at the same time, as their callers saw it.
 *
 * A list is appended to and read as a whole, so that a read says in which order its elements were appended. A register
 * is written and read. No value is written twice to a key.
 */

export type Operation =
  | { readonly op: "append"; readonly key: string; readonly value: number }
  | { readonly op: "list"; readonly key: string; readonly values: ReadonlyArray<number> }
  | { readonly op: "write"; readonly key: string; readonly value: number }
  | { readonly op: "read"; readonly key: string; readonly value: number | null }

export interface Transaction {
  readonly id: string
  /** `unknown`: its commit was sent, and its answer lost. */
  readonly outcome: "committed" | "aborted" | "unknown"
  readonly operations: ReadonlyArray<Operation>
  /** When it was begun, and when its commit was acknowledged, in steps that all transactions share. */
  readonly began?: number
  readonly ended?: number
}

export type History = ReadonlyArray<Transaction>

/** After Adya's names, and Elle's: https://github.com/jepsen-io/elle */
export type AnomalyType =
  /** A cycle of transactions that wrote after each other. */
  | "G0"
  /** A read of what was rolled back. */
  | "G1a"
  /** A read of what its writer wrote over itself. */
  | "G1b"
  /** A cycle of writes and of reads of what was written. */
  | "G1c"
  /** A cycle with one read of what another transaction wrote over. */
  | "G-single"
  /** A cycle with several such reads, none right after another: no snapshots explain it. */
  | "G-nonadjacent"
  /** A cycle with several such reads; of items, since nothing here reads by a condition. */
  | "G2-item"
  /** A read of what was written over, and acknowledged, before the reader began. */
  | "stale read"
  /** Two transactions read the same version, and both replaced it. */
  | "lost update"
  /** What was acknowledged is not there at the end. */
  | "lost write"
  /** Two reads of a list of which neither is the beginning of the other. */
  | "incompatible order"
  /** A transaction does not see what it wrote itself. */
  | "internal"
  /** A read of what nobody wrote. */
  | "unborn"
  /** An element that was appended once and is there twice. */
  | "duplicate"

export interface Anomaly {
  readonly type: AnomalyType
  readonly detail: string
}

/** Who comes before whom: `ww` wrote before, `wr` wrote what was read, `rw` read what was then written over. */
export interface Edge {
  readonly kind: "ww" | "wr" | "rw"
  readonly from: string
  readonly to: string
  readonly key: string
}

export interface Inferred {
  readonly edges: ReadonlyArray<Edge>
  readonly anomalies: ReadonlyArray<Anomaly>
}

/** Who wrote a value to a key; the transactions that nobody has seen anything of may be as good as not there. */
export class Writers {
  readonly #byValue = new Map<string, Transaction>()
  readonly #last = new Map<string, number>()

  constructor(history: History, op: "append" | "write") {
    for (const transaction of history) {
      for (const operation of transaction.operations) {
        if (operation.op !== op || !("value" in operation) || operation.value === null) continue
        this.#byValue.set(`${operation.key} ${operation.value}`, transaction)
        this.#last.set(`${operation.key} ${transaction.id}`, operation.value)
      }
    }
  }

  of(key: string, value: number): Transaction | undefined {
    return this.#byValue.get(`${key} ${value}`)
  }

  /** Whether a value is the one that its writer left. */
  isLast(key: string, value: number): boolean {
    const writer = this.of(key, value)
    return writer === undefined || this.#last.get(`${key} ${writer.id}`) === value
  }
}
