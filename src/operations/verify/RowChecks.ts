/** Finds invalid rows that the database's constraints may have let in. */
import { Effect, Result, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Account, DailyPrice, JobState, PortfolioSnapshot, Position, User } from "../../domain/index.ts"
import { AgentCall } from "../../repository/AgentCalls.ts"
import { type Finding, type RowFinding, undecodable } from "./Finding.ts"

/** A check that finds the rows of `table` for which `where` holds. `meaning` begins with a noun in the plural. */
interface RowCheck {
  readonly check: string
  readonly severity: Finding["severity"]
  readonly table: string
  /** The SQL of the key that identifies a row. */
  readonly id: string
  readonly where: string
  readonly meaning: string
}

/** Whether the database has the constraint against negative cash, which an operator with accounts on margin drops. */
const cashConstraint = `exists (
  select from pg_constraint where conname = 'accounts_cash_balance_check' and conrelid = 'accounts'::regclass
)`

// Keys of the history are compared with collation "C", whatever collation the columns have. A job that runs for an hour
// is stuck: its agent is a Lambda function, which ends after 15 minutes at the latest.
const rowChecks: ReadonlyArray<RowCheck> = [
  {
    check: "orphans",
    severity: "problem",
    table: "accounts",
    id: "t.id",
    where: "not exists (select from users u where u.clerk_user_id = t.clerk_user_id)",
    meaning: "accounts of no user"
  },
  {
    check: "orphans",
    severity: "problem",
    table: "positions",
    id: "t.id",
    where: "not exists (select from accounts a where a.id = t.account_id)",
    meaning: "positions in no account"
  },
  {
    check: "orphans",
    severity: "problem",
    table: "positions",
    id: "t.id",
    where: "not exists (select from instruments i where i.symbol = t.symbol)",
    meaning: "positions in unknown instruments"
  },
  {
    check: "orphans",
    severity: "problem",
    table: "jobs",
    id: "t.id",
    where: "not exists (select from users u where u.clerk_user_id = t.clerk_user_id)",
    meaning: "jobs of no user"
  },
  {
    check: "orphans",
    severity: "problem",
    table: "portfolio_snapshots",
    id: "t.clerk_user_id || ' ' || t.day",
    where: `not exists (select from users u where u.clerk_user_id = t.clerk_user_id collate "C")`,
    meaning: "snapshots of no user, whom a reset by the original module dropped"
  },
  {
    check: "orphans",
    severity: "problem",
    table: "price_history",
    id: "t.symbol || ' ' || t.day",
    where: `not exists (select from instruments i where i.symbol = t.symbol collate "C")`,
    meaning: "prices of no instrument, which a reset by the original module dropped"
  },
  {
    check: "invalid rows",
    severity: "problem",
    table: "positions",
    id: "t.id",
    where: "t.quantity <= 0",
    meaning: "positions of no or negative quantity"
  },
  {
    check: "invalid rows",
    severity: "problem",
    table: "accounts",
    id: "t.id",
    where: `t.cash_balance < 0 and ${cashConstraint} or t.cash_interest not between 0 and 1`,
    meaning: "accounts with negative cash or an interest that is not from 0 to 1"
  },
  {
    check: "invalid rows",
    severity: "problem",
    table: "price_history",
    id: "t.symbol || ' ' || t.day",
    where: "t.price < 0 or t.price = 'NaN' or not isfinite(t.day)",
    meaning: "prices that are negative, not a number or of no day"
  },
  {
    check: "invalid rows",
    severity: "problem",
    table: "portfolio_snapshots",
    id: "t.clerk_user_id || ' ' || t.day",
    where: `'NaN' in (t.cash, t.market_value, t.total) or not isfinite(t.day) or 'object' <> any (array[
      jsonb_typeof(t.accounts), jsonb_typeof(t.asset_classes), jsonb_typeof(t.regions), jsonb_typeof(t.sectors)
    ])`,
    meaning: "snapshots whose values are not numbers by name, or of no day"
  },
  {
    check: "negative cash",
    severity: "notice",
    table: "accounts",
    id: "t.id",
    where: `t.cash_balance < 0 and not ${cashConstraint}`,
    meaning: "accounts with negative cash, which no constraint of this database forbids"
  },
  {
    check: "stuck jobs",
    severity: "problem",
    table: "jobs",
    id: "t.id",
    where:
      "t.status = 'running' and coalesce(t.started_at, t.created_at) < now() - interval '1 hour' and coalesce(t.lease_until < now(), true)",
    meaning: "jobs running for more than an hour, which `alex-db jobs requeue --stuck` makes pending again"
  },
  {
    check: "waiting jobs",
    severity: "notice",
    table: "jobs",
    id: "t.id",
    where: "t.status = 'pending' and t.created_at < now() - interval '1 day'",
    meaning: "jobs pending for more than a day"
  },
  {
    check: "prices",
    severity: "notice",
    table: "instruments",
    id: "t.symbol",
    where: "t.current_price is null or t.current_price = 0",
    meaning: "instruments without a price"
  },
  {
    check: "prices",
    severity: "notice",
    table: "instruments",
    id: "t.symbol",
    where: "t.updated_at < now() - interval '30 days'",
    meaning: "instruments not updated for 30 days"
  }
]

const checkSql = ({ id, table, where }: RowCheck, index: number) => `
  select ${index} as check, (select count(*) from ${table} t where ${where})::integer as rows,
    (select string_agg(sample.id collate "C", ', ') from (
      select (${id})::text as id from ${table} t where ${where} order by ${id} limit 5
    ) sample) as examples`

const CheckRow = Schema.Struct({ check: Schema.Int, rows: Schema.Int, examples: Schema.NullOr(Schema.String) })

/** Runs the row checks on these tables, in one request. */
export const runRowChecks = Effect.fnUntraced(function* (tables: ReadonlySet<string>) {
  const sql = yield* SqlClient.SqlClient
  const present = rowChecks.filter(({ table }) => tables.has(table))
  const rows = yield* sql.unsafe(present.map(checkSql).join("\n  union all"))
  const results = yield* Schema.decodeUnknownEffect(Schema.Array(CheckRow))(rows)
  return results.flatMap((result): ReadonlyArray<RowFinding> => {
    const check = present[result.check]
    if (check === undefined || result.rows === 0) return []
    const more = result.rows > 5 ? ", …" : ""
    const meaning = result.rows === 1 ? check.meaning.replace(/^(\w+)s /, "$1 ") : check.meaning
    const message = `${result.rows} ${meaning}: ${result.examples}${more}`
    return [{ table: check.table, finding: { severity: check.severity, check: check.check, message } }]
  })
})

/** How the newest rows of a table are read. */
interface Sample {
  readonly table: string
  readonly columns: ReadonlyArray<string>
  readonly decode: (row: unknown) => Result.Result<unknown, Schema.SchemaError>
  readonly age: string
  readonly key: ReadonlyArray<string>
  readonly limit: number
}

const sample = <A, I>(
  table: string,
  row: Schema.Codec<A, I> & { readonly fields: object },
  { age = "updated_at", key = ["id"], limit = 500 } = {}
): Sample => ({ table, columns: Object.keys(row.fields), decode: Schema.decodeUnknownResult(row), age, key, limit })

// Jobs without their payloads, which may be large; a snapshot takes up to 4 KB of a response, which holds 1 MiB.
const samples = [
  sample("users", User, { key: ["clerk_user_id"] }),
  sample("accounts", Account),
  sample("positions", Position),
  sample("jobs", JobState),
  sample("portfolio_snapshots", PortfolioSnapshot, { age: "day", key: ["clerk_user_id", "day"], limit: 200 }),
  sample("price_history", DailyPrice, { age: "day", key: ["symbol", "day"] }),
  sample("agent_calls", AgentCall, { age: "called_at" })
]

/** The columns that a table's rows are read by; empty for one whose rows are not read. */
export const columnsOf = (table: string): ReadonlyArray<string> =>
  samples.find((one) => one.table === table)?.columns ?? []

/** Decodes the newest rows of each of these tables as the repositories would, and says how many there were. */
export const decodeSamples = Effect.fnUntraced(function* (tables: ReadonlySet<string>) {
  const sql = yield* SqlClient.SqlClient
  const findings: Array<RowFinding> = []
  const read = new Map<string, number>()
  for (const { age, columns, decode, key, limit, table } of samples.filter((one) => tables.has(one.table))) {
    // A prepared statement fails in a session that has changed the table's columns since, as repair does.
    const rows = yield* sql.unsafe<Record<string, unknown>>(
      `select ${columns.join(", ")} from ${table} order by ${age} desc limit ${limit}`
    ).unprepared
    read.set(table, rows.length)
    for (const row of rows) {
      const decoded = decode(row)
      if (Result.isFailure(decoded)) {
        const id = key.map((column) => String(row[column])).join(" ")
        findings.push({ table, finding: undecodable(table, id, decoded.failure) })
      }
    }
  }
  return { findings, read }
})
