/**
 * Faults planted in the code, one at a time: each must make some test fail.
 *
 * Usage: node test/chaos/mutations.ts [--only part-of-a-name] [--keep]
 *
 * The repository is copied, a few words of one source file are changed in the copy, and the tests that are to notice
 * are run there. Those that need concurrency want a PostgreSQL in `TEST_POSTGRES_URL`. Exits with 1 when a fault
 * survives, or when what it changes is not there any more.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what is planted is source text, templates and all
import { spawn } from "node:child_process"
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

interface Mutation {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** The tests that are to notice, by file. */
  readonly tests: ReadonlyArray<string>
  readonly needsPostgres?: boolean
}

const simulation = "test/chaos/simulation.test.ts"
const concurrency = "test/chaos/concurrency.test.ts"
const repositories = "test/repository/repositories.embedded.test.ts"
const transactions = "test/data-api/sql/transactions.test.ts"

const mutations: ReadonlyArray<Mutation> = [
  {
    name: "an unknown outcome is repeated",
    file: "src/data-api/RetryPolicy.ts",
    from: 'if (error.didRun === "unknown" && !repeatable) return "outcomeUnknown"',
    to: "",
    tests: [simulation]
  },
  {
    name: "a lost connection counts as not run",
    file: "src/data-api/FailureTable.ts",
    from: 'ConnectionLost: {\n    ...inside,\n    didRun: "unknown"',
    to: 'ConnectionLost: {\n    ...inside,\n    didRun: "no"',
    tests: [simulation]
  },
  {
    name: "a commit that may have happened counts as not run",
    file: "src/data-api/FailureTable.ts",
    from: 'return operation === "CommitTransaction" ? (failure.atCommit ?? failure.didRun) : failure.didRun',
    to: "return failure.didRun",
    tests: ["test/chaos/outcomes.test.ts"]
  },
  {
    name: "a timed-out statement that goes on counts as not run",
    file: "src/data-api/FailureTable.ts",
    from: 'if (reason.continues === true) return "yes"',
    to: "",
    tests: ["test/chaos/outcomes.test.ts"]
  },
  {
    name: "a failed statement does not stand against the commit",
    file: "src/data-api/sql/DataApiConnection.ts",
    from: "transaction.failure ??= ",
    to: "void ",
    tests: [simulation]
  },
  {
    name: "the rollback is skipped",
    file: "src/data-api/sql/DataApiSql.ts",
    from: "rollback: (connection) => within(connection, (_, transaction) => rollBack(transaction))",
    to: "rollback: () => Effect.void",
    tests: [simulation]
  },
  {
    name: "a nested transaction is not rolled back to its savepoint",
    file: "src/data-api/sql/DataApiSql.ts",
    from: "`ROLLBACK TO SAVEPOINT effect_sql_${id}`",
    to: "`RELEASE SAVEPOINT effect_sql_${id}`",
    tests: [simulation]
  },
  {
    name: "statements of one transaction overlap",
    file: "src/data-api/sql/DataApiConnection.ts",
    from: "return transaction.turn.withPermit(",
    to: "return ((run: Effect.Effect<A, DataApiError>) => run)(",
    tests: [transactions, "test/data-api/client/DataApiClient.test.ts"]
  },
  {
    name: "a statement forgets its transaction",
    file: "src/data-api/sql/DataApiConnection.ts",
    from: "transactionId: this.transaction?.id,\n      includeResultMetadata",
    to: "transactionId: undefined,\n      includeResultMetadata",
    tests: [transactions]
  },
  {
    name: "a failed commit is not rolled back",
    file: "src/data-api/sql/DataApiSql.ts",
    from: 'error.didRun === "unknown" ? Effect.void : rollBack(transaction)',
    to: "Effect.void",
    tests: ["test/chaos/outcomes.test.ts"]
  },
  {
    name: "a WITH that deletes counts as a read",
    file: "src/data-api/sql/ReadOnly.ts",
    from: 'if (token.kind === "word" && effects.has(text)) return false',
    to: "",
    tests: ["test/data-api/RetryPolicy.test.ts", "test/data-api/statement/SqlLexer.test.ts", simulation]
  },
  {
    name: "a batch on its own is not all or nothing",
    file: "src/local/engine/Engine.ts",
    from: "request.transactionId === undefined ? allOrNothing(session, runAll(session)) : runAll(session)",
    to: "runAll(session)",
    tests: ["test/local/LocalDataApi.test.ts", "test/local/engine/Engine.test.ts"]
  },
  {
    name: "a transaction stays busy",
    file: "src/local/engine/OpenTransactions.ts",
    from: "transaction.busy = false",
    to: "transaction.busy = transaction.busy",
    tests: ["test/local/engine/OpenTransactions.test.ts", "test/chaos/outcomes.test.ts"]
  },
  {
    name: "an ended transaction's id can be used again",
    file: "src/local/engine/OpenTransactions.ts",
    from: "open.delete(id)\n      const { lease } = transaction",
    to: "const { lease } = transaction",
    tests: ["test/chaos/outcomes.test.ts"]
  },
  {
    name: "a quote in a text ends it on the wire",
    file: "src/local/values/JsonRows.ts",
    from: "octet < 0x20 || octet === quote || octet === backslash",
    to: "octet < 0x20 || octet === backslash",
    tests: ["test/local/engine/Engine.test.ts"]
  },
  {
    name: "an integer loses its sign on the wire",
    file: "src/local/values/JsonRows.ts",
    from: "if (value < 0) digits[--at] = minus",
    to: "",
    tests: ["test/local/engine/Engine.test.ts"]
  },
  {
    name: "another person's account can be changed",
    file: "src/repository/Accounts.ts",
    from: "AND accounts.clerk_user_id = ${owner}::varchar",
    to: "AND ${owner}::text IS NOT NULL",
    tests: [repositories]
  },
  {
    name: "another person's account can be read",
    file: "src/repository/Accounts.ts",
    from: "FROM accounts WHERE id = ${id}::uuid ${owned(sql, owner)}`",
    to: "FROM accounts WHERE id = ${id}::uuid`",
    tests: [repositories]
  },
  {
    name: "another person's positions can be changed",
    file: "src/repository/Positions.ts",
    from: "AND accounts.clerk_user_id = ${owner}::varchar",
    to: "AND ${owner}::text IS NOT NULL",
    tests: [repositories]
  },
  {
    name: "another person's job can be changed",
    file: "src/repository/JobChange.ts",
    from: "AND jobs.clerk_user_id = ${owner}::varchar",
    to: "AND ${owner}::text IS NOT NULL",
    tests: [repositories]
  },
  {
    name: "a job skips a state",
    file: "src/repository/JobChange.ts",
    from: "found.status = ANY(${from ?? statusesBefore[to]}::text[])",
    to: "${from ?? statusesBefore[to]}::text[] IS NOT NULL",
    tests: [simulation]
  },
  {
    name: "a job is claimed without a lock",
    file: "src/repository/JobChange.ts",
    from: "${owned(sql, guard.owner)} FOR UPDATE",
    to: "${owned(sql, guard.owner)}",
    tests: [concurrency],
    needsPostgres: true
  },
  {
    name: "a page of jobs is one short of knowing that there is another",
    file: "src/repository/Jobs.ts",
    from: "LIMIT ${limit + 1}::int",
    to: "LIMIT ${limit}::int",
    tests: [repositories]
  },
  {
    name: "the next page of jobs begins with the last of this one",
    file: "src/repository/Jobs.ts",
    from: "AND (created_at, id) < (",
    to: "AND (created_at, id) <= (",
    tests: [repositories]
  },
  {
    name: "pages end one too early",
    file: "src/repository/Rows.ts",
    from: "if (rows.length < size) return all",
    to: "if (rows.length <= size) return all",
    tests: ["test/chaos/pages.test.ts"]
  },
  {
    name: "an addition replaces",
    file: "src/repository/Positions.ts",
    from: '"positions.quantity + excluded.quantity"',
    to: '"excluded.quantity"',
    tests: [simulation]
  },
  {
    name: "an unknown instrument is no failure",
    file: "src/repository/Positions.ts",
    from: 'if (row["instrument_found"] !== true) return yield* new InstrumentNotFound({ symbol: input.symbol })',
    to: "",
    tests: [repositories]
  },
  {
    name: "two of a user's targets are swapped",
    file: "src/repository/Users.ts",
    from: "UPDATE users SET (${sql.literal(updated)}) = (",
    to: 'UPDATE users SET (${sql.literal(updated.split(", ").reverse().join(", "))}) = (',
    tests: [repositories]
  },
  {
    name: "prices are written in any order",
    file: "src/repository/InstrumentBatches.ts",
    from: "WHERE symbol IN (SELECT symbol FROM price) ORDER BY symbol FOR NO KEY UPDATE",
    to: "WHERE symbol IN (SELECT symbol FROM price)",
    tests: [concurrency],
    needsPostgres: true
  },
  {
    name: "a portfolio ends with its first page",
    file: "src/repository/Portfolios.ts",
    from: "if (read.complete || read.last === null) break",
    to: "break",
    tests: [repositories, "test/repository/requests.test.ts"]
  },
  {
    name: "a decimal loses its sign",
    file: "src/domain/Decimal.ts",
    from: 'return `${value < 0n ? "-" : ""}${digits',
    to: "return `${digits",
    tests: ["test/domain"]
  },
  {
    name: "allocations may miss 100 by 5",
    file: "src/domain/Allocation.ts",
    from: "export const sumTolerance = 0.05",
    to: "export const sumTolerance = 5",
    tests: ["test/domain"]
  },
  {
    name: "tools write though they may only read",
    file: "src/agent/Tools.ts",
    from: "allowed ? answered(true)(effect) : Effect.fail(writesNotAllowed)",
    to: "allowed || !allowed ? answered(true)(effect) : Effect.fail(writesNotAllowed)",
    tests: ["test/agent/Tools.test.ts"]
  },
  {
    name: "half a seed file is written",
    file: "src/operations/seed/SeedFile.ts",
    from: "if (problems.length > 0) return yield* new SeedInvalid({ file, problems })",
    to: "",
    tests: ["test/operations/seed/Seed.test.ts", "test/security/injection.test.ts"]
  },
  {
    name: "a failure's message holds the secret",
    file: "src/data-api/aws/SignedHttp.ts",
    from: "new DataApiError({ operation",
    to: "new DataApiError({ requestId: JSON.stringify(cluster), operation",
    tests: ["test/security/secrets.test.ts"]
  }
]

const root = fileURLToPath(new URL("../../", import.meta.url))
const { values } = parseArgs({ options: { only: { type: "string" }, keep: { type: "boolean", default: false } } })
const print = (text: string) => process.stdout.write(`${text}\n`)

const copyOf = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "alex-mutations-"))
  for (const name of ["src", "test", "migrations", "seeds", "package.json", "tsconfig.json", "vitest.config.ts"]) {
    await cp(join(root, name), join(folder, name), { recursive: true })
  }
  await symlink(join(root, "node_modules"), join(folder, "node_modules"))
  return folder
}

const failedTest = /"status":\s*"failed",\s*"title":\s*"((?:[^"\\]|\\.)*)"/

/** Whether the tests fail, and the first of them that does. */
const testsFail = async (folder: string, tests: ReadonlyArray<string>) => {
  const report = join(folder, "report.json")
  await rm(report, { force: true })
  return await new Promise<{ readonly failed: boolean; readonly by: string }>((resolve) => {
    const vitest = join(root, "node_modules/vitest/vitest.mjs")
    const flags = ["run", "--bail", "1", "--reporter", "json", "--outputFile", report]
    const child = spawn(process.execPath, [vitest, ...flags, ...tests], { cwd: folder, stdio: "ignore" })
    // A planted fault may make a loop endless, which is noticed as well.
    const timer = setTimeout(() => child.kill("SIGKILL"), 300_000)
    child.on("close", (code) => {
      clearTimeout(timer)
      const otherwise = code === null ? "no end within 5 minutes" : "a file as a whole"
      readFile(report, "utf8").then(
        (text) => resolve({ failed: code !== 0, by: failedTest.exec(text)?.[1] ?? otherwise }),
        () => resolve({ failed: code !== 0, by: otherwise })
      )
    })
  })
}

const folder = await copyOf()
const rows: Array<readonly [name: string, verdict: string, by: string]> = []
const chosen = mutations.filter(({ name }) => values.only === undefined || name.includes(values.only))
const untouched = await testsFail(folder, [...new Set(chosen.flatMap(({ tests }) => tests))])
if (untouched.failed) {
  print(`The tests fail as it is, without any planted fault: ${untouched.by}`)
  process.exit(1)
}
for (const { file, from, name, needsPostgres, tests, to } of chosen) {
  const path = join(folder, file)
  const text = await readFile(path, "utf8")
  if (!text.includes(from)) rows.push([name, "STALE", `${file} has changed`])
  else if (needsPostgres === true && process.env["TEST_POSTGRES_URL"] === undefined) {
    rows.push([name, "SKIPPED", "TEST_POSTGRES_URL is not set"])
  } else {
    await writeFile(
      path,
      text.replaceAll(from, () => to)
    )
    const { by, failed } = await testsFail(folder, tests)
    rows.push([name, failed ? "killed" : "SURVIVED", failed ? by : tests.join(" ")])
    await writeFile(path, text)
  }
  const [, verdict, by] = rows.at(-1) ?? []
  print(`${verdict?.padEnd(9)} ${name}: ${by}`)
}
if (!values.keep) await rm(folder, { recursive: true, force: true })

const count = (verdict: string) => rows.filter(([, found]) => found === verdict).length
print(
  `\n${rows.length} planted faults: ${count("killed")} killed, ${count("SURVIVED")} survived, ${count("SKIPPED")} skipped, ${count("STALE")} stale`
)
process.exitCode = count("SURVIVED") + count("STALE") === 0 ? 0 : 1
