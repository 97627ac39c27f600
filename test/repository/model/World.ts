/** What the tables should hold: plain maps, which a transaction copies and a rollback puts back. */
import { BigDecimal } from "effect"
import { formatDecimal } from "../../../src/domain/index.ts"

/** A row as JSON, without times. */
export type Row = Readonly<Record<string, unknown>>

/** The tables, each by its key. */
export interface World {
  readonly users: Map<string, Row>
  readonly instruments: Map<string, Row>
  readonly accounts: Map<string, Row>
  readonly positions: Map<string, Row>
  readonly jobs: Map<string, Row>
  /** Today's price of each symbol. */
  readonly prices: Map<string, string>
  /** Today's snapshot of each user. */
  readonly snapshots: Map<string, Row>
  /** In which transaction each account and job was created: the number of the transaction, less a thousandth for each place. */
  readonly created: Map<string, number>
}

export const emptyWorld = (): World => ({
  users: new Map(),
  instruments: new Map(),
  accounts: new Map(),
  positions: new Map(),
  jobs: new Map(),
  prices: new Map(),
  snapshots: new Map(),
  created: new Map()
})

export const copyOf = (world: World): World => structuredClone(world)

const fill = <A>(table: Map<string, A>, rows: ReadonlyMap<string, A>) => {
  table.clear()
  for (const [key, row] of rows) table.set(key, row)
}

/** Makes a world what it was when the copy was made. */
export const putBack = (world: World, copy: World): void => {
  fill(world.users, copy.users)
  fill(world.instruments, copy.instruments)
  fill(world.accounts, copy.accounts)
  fill(world.positions, copy.positions)
  fill(world.jobs, copy.jobs)
  fill(world.prices, copy.prices)
  fill(world.snapshots, copy.snapshots)
  fill(world.created, copy.created)
}

/** What an operation should come to: its value as JSON, or the tag of its error. */
export type Outcome = { readonly value: unknown } | { readonly error: string }

export const gives = (value: unknown): Outcome => ({ value })
export const fails = (error: string): Outcome => ({ error })

const times = new Set(["created_at", "updated_at", "started_at", "completed_at", "lease_until"])

/** A value as JSON without times; decimals are text, and members are sorted. */
export const plain = (value: unknown): unknown => {
  if (BigDecimal.isBigDecimal(value)) return formatDecimal(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value ?? null
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members.flatMap(([key, member]) => (times.has(key) ? [] : [[key, plain(member)]])))
}

export const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(plain(a)) === JSON.stringify(plain(b))

/** The members of a value as JSON. */
export const members = (value: unknown): Row => Object(plain(value))

/** A member of what an operation returned. */
export const member = (value: unknown, name: string): unknown => Reflect.get(Object(value), name)
export const idOf = (value: unknown): string => String(member(value, "id"))

export const decimal = (text: unknown): BigDecimal.BigDecimal => BigDecimal.fromStringUnsafe(String(text ?? 0))
export const sumOf = (texts: ReadonlyArray<unknown>): string => formatDecimal(BigDecimal.sumAll(texts.map(decimal)))

export const bySymbol = (a: Row, b: Row) => (String(a["symbol"]) < String(b["symbol"]) ? -1 : 1)
export const byId = (a: unknown, b: unknown) => (idOf(a) < idOf(b) ? -1 : 1)

/** The newest first, as accounts and jobs are listed. */
export const byNewest =
  ({ created }: World) =>
  (a: Row, b: Row) =>
    (created.get(idOf(b)) ?? 0) - (created.get(idOf(a)) ?? 0) || (idOf(a) < idOf(b) ? 1 : -1)

export const ownedBy = (rows: ReadonlyMap<string, Row>, user: string) =>
  [...rows.values()].filter((row) => row["clerk_user_id"] === user)

export const heldIn = ({ positions }: World, account: string) =>
  [...positions.values()].filter((row) => row["account_id"] === account).sort(bySymbol)

/** What positions are worth. */
export const worthOf = ({ instruments }: World, positions: ReadonlyArray<Row>): string =>
  sumOf(
    positions.map(({ quantity, symbol }) => {
      const price = instruments.get(String(symbol))?.["current_price"]
      return formatDecimal(BigDecimal.multiply(decimal(quantity), decimal(price)))
    })
  )

/** Changes a row, if it is there. */
export const change = (rows: Map<string, Row>, key: string, changes: Row, absent: string): Outcome => {
  const row = rows.get(key)
  if (row === undefined) return fails(absent)
  const changed = { ...row, ...changes }
  rows.set(key, changed)
  return gives(changed)
}

export const found = (rows: ReadonlyMap<string, Row>, key: string, absent: string): Outcome => {
  const row = rows.get(key)
  return row === undefined ? fails(absent) : gives(row)
}

export const removeAccount = (world: World, id: string): void => {
  for (const row of heldIn(world, id)) world.positions.delete(idOf(row))
  world.accounts.delete(id)
}

export const removeUser = (world: World, id: string): void => {
  for (const row of ownedBy(world.accounts, id)) removeAccount(world, idOf(row))
  for (const row of ownedBy(world.jobs, id)) world.jobs.delete(idOf(row))
  world.users.delete(id)
  world.snapshots.delete(id)
}
