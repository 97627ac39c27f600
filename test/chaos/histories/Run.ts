/** Runs transactions at the same time, of appends to lists and writes of registers, and notes what they did. */
import { Cause, Effect, Exit, Option } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { DataApiError } from "../../../src/data-api/DataApiError.ts"
import * as DataApiSql from "../../../src/data-api/sql/DataApiSql.ts"
import { type Random, randomOf } from "../durability/Random.ts"
import type { Level } from "./Checker.ts"
import type { History, Operation, Transaction } from "./History.ts"

export interface Plan {
  readonly seed: number
  readonly level: Level
  readonly transactions: number
  /** How many run at a time. */
  readonly processes: number
}

/** What a transaction is going to do; what it reads is not known yet. */
type Intended =
  | { readonly op: "append" | "write"; readonly key: number; readonly value: number }
  | { readonly op: "list" | "read"; readonly key: number }

/** Keys that are in use at a time; after so many transactions others take their place, so that lists stay short. */
const keysAtATime = 4
const transactionsPerKeys = 30

const intentions = (random: Random, number: number): ReadonlyArray<Intended> =>
  Array.from({ length: 1 + Math.floor(random() * 5) }, (_, index) => {
    const key = Math.floor(number / transactionsPerKeys) * keysAtATime + Math.floor(random() * keysAtATime)
    const value = number * 10 + index + 1
    const kind = random()
    if (kind < 0.3) return { op: "append", key, value }
    if (kind < 0.45) return { op: "write", key, value }
    return kind < 0.8 ? { op: "list", key } : { op: "read", key }
  })

export const tables = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`create table lists (key int primary key, elements text not null)`
  yield* sql`create table registers (key int primary key, value int not null)`
})

const elementsOf = (text: string | undefined): ReadonlyArray<number> =>
  text === undefined ? [] : text.split(",").map(Number)

/** Does one thing. What it writes is noted before, since a failure does not say that it did not run. */
const perform = Effect.fnUntraced(function* (intended: Intended, done: Array<Operation>) {
  const sql = yield* SqlClient.SqlClient
  const key = String(intended.key)
  switch (intended.op) {
    case "append":
      done.push({ op: "append", key, value: intended.value })
      yield* sql`insert into lists as l values (${intended.key}::int, ${String(intended.value)}::text)
        on conflict (key) do update set elements = l.elements || ',' || excluded.elements`
      break
    case "write":
      done.push({ op: "write", key, value: intended.value })
      yield* sql`insert into registers values (${intended.key}::int, ${intended.value}::int)
        on conflict (key) do update set value = excluded.value`
      break
    case "list": {
      const [row] = yield* sql<{
        readonly elements: string
      }>`select elements from lists where key = ${intended.key}::int`
      done.push({ op: "list", key, values: elementsOf(row?.elements) })
      break
    }
    case "read": {
      const [row] = yield* sql<{ readonly value: number }>`select value from registers where key = ${intended.key}::int`
      done.push({ op: "read", key, value: row?.value ?? null })
    }
  }
})

/**
 * What a failure says of its transaction. The driver of the Data API says for each whether it ran; of another client's
 * failures those of a connection leave it open, if the commit was sent.
 */
const outcomeOf = (exit: Exit.Exit<unknown, SqlError.SqlError>, commitSent: boolean): Transaction["outcome"] => {
  if (Exit.isSuccess(exit)) return "committed"
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  const cause = error?.reason.cause
  if (cause instanceof DataApiError) return cause.didRun === "no" ? "aborted" : "unknown"
  if (!commitSent) return "aborted"
  return error === undefined || error.reason._tag === "ConnectionError" ? "unknown" : "aborted"
}

const transact = Effect.fnUntraced(function* (number: number, { level, seed }: Plan, step: () => number) {
  const sql = yield* SqlClient.SqlClient
  const random = randomOf(seed * 1_000_003 + number)
  const operations: Array<Operation> = []
  let commitSent = false
  const began = step()
  const exit = yield* Effect.forEach(intentions(random, number), (one) => perform(one, operations), {
    discard: true
  }).pipe(
    Effect.tap(() => Effect.sync(() => (commitSent = true))),
    sql.withTransaction,
    DataApiSql.withIsolation(level),
    Effect.exit
  )
  if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) return yield* Effect.die(Cause.squash(exit.cause))
  const outcome = outcomeOf(exit, commitSent)
  return { id: `t${number}`, outcome, operations, began, ...(outcome === "committed" ? { ended: step() } : {}) }
})

/** All that was run; the order in the history means nothing. */
export const run = (plan: Plan): Effect.Effect<History, never, SqlClient.SqlClient> =>
  Effect.suspend(() => {
    let steps = 0
    return Effect.forEach(
      Array.from({ length: plan.transactions }, (_, number) => number),
      (number) => transact(number, plan, () => steps++),
      { concurrency: plan.processes }
    )
  })

/**
 * How many of the committed transactions contended: another was under way meanwhile that used one of their keys, and one
 * of the two wrote it.
 */
export const contended = (history: History): number => {
  const committed = history
    .filter(({ ended }) => ended !== undefined)
    .toSorted((a, b) => (a.began ?? 0) - (b.began ?? 0))
  const written = ({ operations }: Transaction) =>
    new Set(operations.flatMap(({ key, op }) => (op === "append" || op === "write" ? [key] : [])))
  const meets = (one: Transaction, other: Transaction) => {
    const keys = written(one)
    return other.operations.some(({ key }) => keys.has(key))
  }
  const found = new Set<string>()
  for (const [index, one] of committed.entries()) {
    for (let next = index + 1; next < committed.length; next++) {
      const other = committed[next]
      if (other === undefined || (other.began ?? 0) > (one.ended ?? 0)) break
      if (meets(one, other) || meets(other, one)) found.add(one.id).add(other.id)
    }
  }
  return found.size
}

export const final = "final"

/** Reads everything, once all is over. */
export const readAll = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const lists = yield* sql<{ readonly key: number; readonly elements: string }>`select key, elements from lists`
  const registers = yield* sql<{ readonly key: number; readonly value: number }>`select key, value from registers`
  const operations: ReadonlyArray<Operation> = [
    ...lists.map(({ elements, key }) => ({ op: "list", key: String(key), values: elementsOf(elements) }) as const),
    ...registers.map(({ key, value }) => ({ op: "read", key: String(key), value }) as const)
  ]
  return { id: final, outcome: "committed", operations, began: Infinity } satisfies Transaction
})
