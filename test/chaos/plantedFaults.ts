/** Faults planted in the sources: each changes a few words of one file, and must make one of its tests fail. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what is planted is source text, templates and all

/** One planted fault. */
export interface PlantedFault {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** The tests that are to notice, by file. */
  readonly tests: ReadonlyArray<string>
  readonly needsPostgres?: boolean
}

const simulation = "test/chaos/simulation.slow.test.ts"
const concurrency = "test/chaos/concurrency.test.ts"
const repositories = "test/repository/repositories.embedded.test.ts"
const transactions = "test/data-api/sql/transactions.test.ts"

export const plantedFaults: ReadonlyArray<PlantedFault> = [
  {
    name: "an unknown parameter of a query over HTTP is ignored",
    file: "src/http-api/RequestChecks.ts",
    from: "    !known.includes(path)\n",
    to: "    path === known[0]\n",
    tests: ["test/http-api/requests.test.ts"]
  },
  {
    name: "a write over HTTP is done whatever its condition",
    file: "src/http-api/RequestChecks.ts",
    from: 'if (match !== "*") return',
    to: "if (match === undefined) return",
    tests: ["test/http-api/requests.test.ts"]
  },
  {
    name: "a number of a body over HTTP is rounded",
    file: "src/spelling/WrittenJson.ts",
    from: "digits !== undefined && exactNumber(digits) === undefined",
    to: "digits === undefined && exactNumber(token) !== undefined",
    tests: ["test/http-api/requests.test.ts"]
  },
  {
    name: "JSON in which a key has an escape is left to V8",
    file: "src/data-api/values/SoundJson.ts",
    from: "return hasEscapedKey(text) ? read(text) : parsed",
    to: "return parsed",
    tests: ["test/data-api/values/SoundJson.test.ts"]
  },
  {
    name: "the log is synced by a call that does nothing",
    file: "src/local/embedded/EmbeddedPostgres.ts",
    from: '"wal_sync_method=fsync"',
    to: '"wal_sync_method=fdatasync"',
    tests: ["test/chaos/durability/powerLoss.slow.test.ts"]
  },
  {
    name: "the lock of a folder is a file with the id of its holder",
    file: "src/local/folder/FolderLock.ts",
    from: "    connection = connect(path)\n    connection.exec(lock)",
    to: `    const { existsSync, readFileSync, rmSync, writeFileSync } = process.getBuiltinModule("node:fs")
    const file = path + ".pid"
    const isAlive = (pid: number) => Result.isSuccess(Result.try(() => process.kill(pid, 0)))
    if (existsSync(file) && Number(readFileSync(file, "utf8")) !== process.pid && isAlive(Number(readFileSync(file, "utf8"))))
      throw Object.assign(new Error("held"), { errcode: 5 })
    rmSync(file, { force: true })
    writeFileSync(file, String(process.pid))
    connection = { exec: () => undefined, close: () => rmSync(file, { force: true }) }`,
    tests: ["test/chaos/folderRaces.test.ts"]
  },
  {
    name: "the lock of a folder is shared",
    file: "src/local/folder/FolderLock.ts",
    from: "PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE; PRAGMA user_version=1",
    to: "PRAGMA journal_mode=MEMORY",
    tests: ["test/chaos/folderRaces.test.ts"]
  },
  {
    name: "a holder of a folder ends while requests of its guests are on their way",
    file: "src/local/folder/FolderServer.ts",
    from: "yield* Exit.hasInterrupts(exit) ? untilLeft(hurry) : untilDone",
    to: "",
    tests: ["test/local/folder/SharedFolder.slow.test.ts"]
  },
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
    from: '"The connection broke, or no answer came in time.", { ...lost,',
    to: '"The connection broke, or no answer came in time.", { ...lost, didRun: "no",',
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
    from: "transaction.unrepaired.add(failure)",
    to: "",
    tests: [simulation]
  },
  {
    name: "a failed statement does not stand against the commit while another's result is read in pages",
    file: "src/data-api/sql/DataApiConnection.ts",
    from: "transaction.unrepaired.add(failure)",
    to: "if (transaction.failure === undefined) transaction.unrepaired.add(failure)",
    tests: ["test/data-api/sql/transactions.test.ts"]
  },
  {
    name: "that a write returned an infinite time is forgotten",
    file: "src/data-api/sql/UnreturnedTypes.ts",
    from: "statement.returnedInfinite ||= isInfinite(reason)",
    to: "",
    tests: ["test/data-api/sql/unreturned.slow.test.ts"]
  },
  {
    name: "a date beside what is not returned has the form of the session's DateStyle",
    file: "src/data-api/sql/TextColumns.ts",
    from: "`translate(to_json(${c})::text, '[]\"', '{}')`",
    to: "`${c}::text`",
    tests: ["test/data-api/sql/unreturned.slow.test.ts"]
  },
  {
    name: "the types of what a transaction reads in pages are not asked for",
    file: "src/data-api/sql/OpenTypes.ts",
    from: "hasOpenTypes(statement, parameters)) return",
    to: "hasOpenTypes(statement, parameters) && connection.transaction?.failure === undefined) return",
    tests: ["test/data-api/sql/transactions.test.ts"]
  },
  {
    name: "the rollback is skipped",
    file: "src/data-api/sql/Transactions.ts",
    from: "rollback: (connection) => within(connection, (_, transaction) => this.rollBack(transaction))",
    to: "rollback: () => Effect.void",
    tests: [simulation]
  },
  {
    name: "a nested transaction is not rolled back to its savepoint",
    file: "src/data-api/sql/Transactions.ts",
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
    file: "src/data-api/sql/Transactions.ts",
    from: 'error.didRun === "unknown" ? Effect.void : this.rollBack(transaction)',
    to: "Effect.void",
    tests: ["test/chaos/outcomes.test.ts"]
  },
  {
    name: "a WITH that deletes counts as a read",
    file: "src/data-api/sql/ReadOnly.ts",
    from: 'if (kind === "word" && effects.has(text)) return false',
    to: "",
    tests: ["test/data-api/RetryPolicy.test.ts", "test/data-api/statement/SqlLexer.test.ts", simulation]
  },
  {
    name: "a query with a function that may write runs twice",
    file: "src/data-api/sql/ReadOnly.ts",
    from: "(provolatile = 'v' or",
    to: "(provolatile = 'x' or",
    tests: ["test/data-api/sql/calledFunctions.test.ts"]
  },
  {
    name: "a query runs twice with a function that may write in an expression that its plan does not show",
    file: "src/data-api/sql/ReadOnly.ts",
    from: "const hides = lines.some((line) => hiding.test(line))",
    to: "const hides = lines.length === 0",
    tests: ["test/data-api/sql/calledFunctions.test.ts"]
  },
  {
    name: "the rows of a stream with a function that may write are made again when a page is too large",
    file: "src/data-api/sql/DataApiStream.ts",
    from: "? keptSql(this.#sql) :",
    to: "? this.#sql :",
    tests: ["test/data-api/sql/calledFunctions.test.ts"]
  },
  {
    name: "a result that is too large is read again through the gateway, whatever its query calls",
    file: "src/gateway/session/cursors/Cursors.ts",
    from: "if (!mayRepeat) {",
    to: 'if (!mayRepeat && call.sql === "") {',
    tests: ["test/gateway/largeResults.test.ts"]
  },
  {
    name: "a batch on its own is not all or nothing",
    file: "src/local/engine/BatchExecuteStatement.ts",
    from: "request.transactionId === undefined ? allOrNothing(session, work) : aborting(session, work)",
    to: "work",
    tests: ["test/local/LocalDataApi.test.ts", "test/local/engine/Engine.test.ts"]
  },
  {
    name: "a batch over its time leaves its transaction open",
    file: "src/local/engine/BatchExecuteStatement.ts",
    from: ": aborting(session, work)",
    to: ": work",
    tests: ["test/local/postgres/PostgresPool.test.ts"]
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
    from: "this.#open.delete(id)\n      const { lease } = transaction",
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
    from: "SELECT ${columns} FROM accounts WHERE ${isAccount(sql, id, owner)}`",
    to: "SELECT ${columns} FROM accounts WHERE ${isAccount(sql, id, undefined)}`",
    tests: [repositories]
  },
  {
    name: "another person's positions can be changed",
    file: "src/repository/Positions.ts",
    from: "AND accounts.id = positions.account_id ${accountOwnedBy(sql, owner)}",
    to: "AND accounts.id = positions.account_id",
    tests: [repositories]
  },
  {
    name: "another person's job can be changed",
    file: "src/repository/jobs/JobChange.ts",
    from: "AND jobs.clerk_user_id = ${owner}::varchar",
    to: "AND ${owner}::text IS NOT NULL",
    tests: [repositories]
  },
  {
    name: "a job skips a state",
    file: "src/repository/jobs/JobChange.ts",
    from: "found.status = ANY(${from ?? statusesBefore[to]}::text[])",
    to: "${from ?? statusesBefore[to]}::text[] IS NOT NULL",
    tests: [simulation]
  },
  {
    name: "a job is claimed without a lock",
    file: "src/repository/jobs/JobChange.ts",
    from: "${isJob(sql, id, guard.owner)} FOR UPDATE",
    to: "${isJob(sql, id, guard.owner)}",
    tests: [concurrency],
    needsPostgres: true
  },
  {
    name: "a page of jobs is one short of knowing that there is another",
    file: "src/repository/jobs/Jobs.ts",
    from: "${Tables.limited(sql, limit + 1)}",
    to: "${Tables.limited(sql, limit)}",
    tests: [repositories]
  },
  {
    name: "the next page of jobs begins with the last of this one",
    file: "src/repository/jobs/Jobs.ts",
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
    from: "Tables.updateFrom(sql, Tables.users, updated, json)",
    to: 'sql`UPDATE users SET (${sql.literal(Object.keys(UserUpdate.fields).reverse().join(", "))}) = (SELECT ${updated} FROM jsonb_populate_record(users, ${json}::jsonb))`',
    tests: [repositories]
  },
  {
    name: "prices are written in any order",
    file: "src/repository/batches/InstrumentBatches.ts",
    from: "WHERE symbol IN (SELECT symbol FROM given) ORDER BY symbol FOR NO KEY UPDATE",
    to: "WHERE symbol IN (SELECT symbol FROM given)",
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
    name: "accounts of one name get the positions of the newest",
    file: "src/repository/Portfolios.ts",
    from: "row_number() OVER (PARTITION BY account_name ORDER BY created_at, id) AS nth",
    to: "1 AS nth",
    tests: [repositories, "test/repository/model.test.ts"]
  },
  {
    name: "a portfolio's symbols mean nothing in another spelling",
    file: "src/repository/Portfolios.ts",
    from: '${meant("held.symbol")} AS symbol',
    to: "held.symbol",
    tests: [repositories, "test/repository/model.test.ts"]
  },
  {
    name: "a statement that a deadlock ended is not run again",
    file: "src/repository/DeletedMeanwhile.ts",
    from: 'reason._tag === "DeadlockError"',
    to: "false",
    tests: ["test/repository/deletedMeanwhile.test.ts"],
    needsPostgres: true
  },
  {
    name: "a job that its handler has completed is called lost",
    file: "src/repository/jobs/JobQueue.ts",
    from: 'found === "completed" || found === "failed"',
    to: "false",
    tests: [repositories]
  },
  {
    name: "a result with a bigint is a defect",
    file: "src/domain/Analysis.ts",
    from: "Schema.check(further.abort(), storable)",
    to: "Schema.check(further, storable)",
    tests: [repositories]
  },
  {
    name: "a bound session does not know its job in capitals",
    file: "src/agent/tools/writeHandlers.ts",
    from: "id.toLowerCase() !== bound.toLowerCase()",
    to: "id !== bound",
    tests: ["test/agent/Tools.test.ts"]
  },
  {
    name: "no tool works for a user whose row can't be read",
    file: "src/agent/tools/UserTools.ts",
    from: ", UnreadableRow: () => Effect.void",
    to: "",
    tests: ["test/agent/Tools.test.ts"]
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
    file: "src/agent/tools/writeHandlers.ts",
    from: "if (!granted.has(grant)) return",
    to: "if (!granted.has(grant) && false) return",
    tests: ["test/agent/Tools.test.ts"]
  },
  {
    name: "half a seed file is written",
    file: "src/operations/seed/SeedFile.ts",
    from: "if (problems.length > 0) return yield* new SeedInvalid({ file, problems })",
    to: "",
    tests: ["test/operations/seed/Seed.test.ts", "test/security/injection.slow.test.ts"]
  },
  {
    name: "a failure's message holds the secret",
    file: "src/data-api/aws/SignedHttp.ts",
    from: "...(requestId === undefined ? {} : { requestId })",
    to: "requestId: Redacted.value(config.secretArn)",
    tests: ["test/security/secrets.slow.test.ts"]
  },
  {
    name: "the body is not in the signature",
    file: "src/data-api/aws/Signer.ts",
    from: 'hash("sha256", unsigned.body)',
    to: 'hash("sha256", "")',
    tests: ["test/data-api/aws/Signer.test.ts"]
  },
  {
    name: "a server takes a signature for any body",
    file: "src/local/http/SignatureCheck.ts",
    from: "sha256(body)\n  ].join",
    to: '(headers["x-amz-content-sha256"] ?? sha256(body))\n  ].join',
    tests: ["test/local/http/SignatureCheck.test.ts"]
  },
  {
    name: "a transaction whose id could not be delivered is kept open",
    file: "src/local/http/WholeRequests.ts",
    from: 'if (lost !== undefined) socket.once("error", lost)',
    to: "",
    tests: ["test/local/http/LostAnswers.test.ts"]
  },
  {
    name: "a request with two hosts is served",
    file: "src/local/http/Listener.ts",
    from: "return hosts === 1 ||",
    to: "return hosts >= 1 ||",
    tests: ["test/local/http/EarlyRefusals.test.ts"]
  },
  {
    name: "old connections are used after a freeze",
    file: "src/data-api/aws/http/SocketTransport.ts",
    from: "idle > idleTimeout || idle > this.#keptFor",
    to: "idle > this.#keptFor",
    tests: ["test/data-api/aws/transports.test.ts"]
  },
  {
    name: "a transaction waits for a connection behind the calls that wait for the transaction",
    file: "src/data-api/aws/http/SocketTransport.ts",
    from: "this.#isFree() || target.inTransaction",
    to: "this.#isFree()",
    tests: ["test/data-api/aws/transports.test.ts"]
  },
  {
    name: "connections are used that the server is about to close",
    file: "src/data-api/aws/http/SocketTransport.ts",
    from: "idle > idleTimeout || idle > this.#keptFor",
    to: "idle > idleTimeout",
    tests: ["test/data-api/aws/transports.test.ts"]
  },
  {
    name: "a violation counts parameters from 0",
    file: "src/data-api/rest-json/RequestReader.ts",
    from: "`${path}.${index + 1}.member`",
    to: "`${path}.${index}.member`",
    tests: ["test/data-api/rest-json/messages.test.ts"]
  },
  {
    name: "a violation counts parameter sets from 0",
    file: "src/data-api/rest-json/RequestReader.ts",
    from: "`parameterSets.${index + 1}.member`",
    to: "`parameterSets.${index}.member`",
    tests: ["test/data-api/rest-json/messages.test.ts"]
  },
  {
    name: "every violation is listed",
    file: "src/data-api/rest-json/RequestReader.ts",
    from: 'violations.slice(0, 10).join("; ")',
    to: 'violations.join("; ")',
    tests: ["test/data-api/rest-json/messages.test.ts"]
  },
  {
    name: "retries are not spread",
    file: "src/data-api/RetryPolicy.ts",
    from: "* (0.8 + 0.4 * jitter))",
    to: "* (0.8 + 0 * jitter))",
    tests: ["test/data-api/RetryPolicy.test.ts"]
  },
  {
    name: "turns of waiting for a lock are not spread",
    file: "src/operations/migrate/applying/LockWait.ts",
    from: "yield* Random.nextIntBetween(500, 1500)",
    to: "yield* Random.nextIntBetween(500, 500)",
    tests: ["test/operations/migrate/applying/LockWait.test.ts"]
  },
  {
    name: "locks are waited for while others are held",
    file: "src/operations/migrate/applying/LockWait.ts",
    from: "mode nowait;",
    to: "mode;",
    tests: ["test/operations/services.test.ts"]
  },
  {
    name: "a lock that was not had in time is not waited for",
    file: "src/operations/migrate/applying/LockWait.ts",
    from: "55P03|40P01|40001",
    to: "40P01|40001",
    tests: ["test/operations/migrate/applying/LockWait.test.ts"]
  },
  {
    name: "a cursor is declared for a query that shares row locks",
    file: "src/data-api/sql/DataApiStream.ts",
    from: "|for (?:key )?share)",
    to: ")",
    tests: ["test/data-api/sql/DataApiStream.test.ts"]
  },
  {
    name: "bytes in a request are counted as they are, not as base64",
    file: "src/data-api/Limits.ts",
    from: "return Math.ceil(field.blobValue.length / 3) * 4 + 2",
    to: "return field.blobValue.length",
    tests: ["test/data-api/Limits.test.ts"]
  },
  {
    name: "bytes of a result are counted as they are, not as text",
    file: "src/local/values/ResultRecords.ts",
    from: "2 + 2 * field.blobValue.length",
    to: "field.blobValue.length",
    tests: ["test/local/values/ResultRecords.test.ts"]
  },
  {
    name: "a page of bytes is planned by the bytes, not their text",
    file: "src/data-api/sql/DataApiStream.ts",
    from: "return 2 + 2 * field.blobValue.length",
    to: "return field.blobValue.length",
    tests: ["test/data-api/sql/DataApiStream.test.ts"]
  },
  {
    name: "a character outside the first plane counts twice",
    file: "src/data-api/Limits.ts",
    from: "return text.length - pairs",
    to: "return text.length",
    tests: ["test/data-api/Limits.test.ts"]
  },
  {
    name: "a uuid has the JDBC type of a text",
    file: "src/data-api/values/PgOids.ts",
    from: 'string(2950, 2951, "uuid")',
    to: 'string(2950, 2951, "uuid", 12)',
    tests: ["test/data-api/values/PgOids.test.ts"]
  },
  {
    name: "an array with bounds of its own is read as one text",
    file: "src/data-api/values/PgDecode.ts",
    from: "/^{(?!{)/.test(value)",
    to: "!/^{{/.test(value)",
    tests: ["test/data-api/values/TextForms.test.ts"]
  },
  {
    name: "an array of boxes is split at their commas",
    file: "src/data-api/values/PgDecode.ts",
    from: 'typeName === "_box" ? boxElement : plainElement',
    to: "plainElement",
    tests: ["test/data-api/values/TextForms.test.ts"]
  },
  {
    name: "an infinite interval of a client's is written in its parts",
    file: "src/data-api/values/Intervals.ts",
    from: 'if (isSame(interval, infinity)) return "infinity"',
    to: "",
    tests: ["test/gateway/values/SentForms.test.ts"]
  },
  {
    name: "a table named temp is taken for a temporary one",
    file: "src/data-api/statement/StatementKind.ts",
    from: "^(?:create(?: or replace)?|into)",
    to: "^(?:create(?: or replace| table)?|into)",
    tests: ["test/data-api/statement/StatementKind.test.ts"]
  },
  {
    name: "a float below 1e-4 has no exponent",
    file: "src/gateway/statement/FieldText.ts",
    from: "power >= -4",
    to: "power >= -5",
    tests: ["test/gateway/statement/FieldText.test.ts"]
  },
  {
    name: "a dollar that is CSV's quote is not doubled",
    file: "src/gateway/copy/CopyText.ts",
    from: "value.replaceAll(special, () => escapeWith + special)",
    to: "value.replaceAll(special, escapeWith + special)",
    tests: ["test/gateway/copy/CopyText.test.ts"]
  },
  {
    name: "a request that was given up while it waited is sent",
    file: "src/data-api/aws/http/SocketTransport.ts",
    from: "while (next !== MutableList.Empty && next[1].isSettled)",
    to: "while (false)",
    tests: ["test/data-api/aws/transports.test.ts"]
  },
  {
    name: "a session is lent again before its request to cancel has been passed on",
    file: "src/local/postgres/PostgresConnection.ts",
    from: 'stream.on("close", (isBroken) => resume(isBroken ? this.close : Effect.void))',
    to: "resume(Effect.void)",
    tests: ["test/local/postgres/PostgresPool.test.ts"]
  },
  {
    name: "a trigger is planned with a weaker lock",
    file: "src/operations/migrate/statements/StatementLocks.ts",
    from: '(parts) => after(parts, "on", "SHARE ROW EXCLUSIVE")',
    to: '(parts) => after(parts, "on", "SHARE")',
    tests: ["test/operations/migrate/Plan.test.ts"]
  },
  {
    name: "an abandoned migration is never claimed",
    file: "src/operations/migrate/applying/Journal.ts",
    from: "do update set applied_at = clock_timestamp(), checksum = excluded.checksum\n      where ${sql(table)}.duration_ms is null",
    to: "do update set applied_at = clock_timestamp(), checksum = excluded.checksum\n      where false and ${sql(table)}.duration_ms is null",
    tests: ["test/operations/migrate/applying/Journal.test.ts"]
  },
  {
    name: "a migration that a runner is at is claimed by another",
    file: "src/operations/migrate/applying/Journal.ts",
    from: "and ${sql(table)}.applied_at < clock_timestamp() - interval '${sql.literal(abandonedAfter)}'",
    to: "",
    tests: ["test/operations/migrate/applying/Journal.test.ts"]
  },
  {
    name: "a finished migration is claimed once it is old",
    file: "src/operations/migrate/applying/Journal.ts",
    from: "where ${sql(table)}.duration_ms is null\n        and",
    to: "where",
    tests: ["test/operations/migrate/applying/Journal.test.ts"]
  },
  {
    name: "a file of variables goes before the environment",
    file: "src/cli/environment.ts",
    from: "completed(environment, ConfigProvider.fromEnvRecord(Object.fromEntries(taken)))",
    to: "completed(ConfigProvider.fromEnvRecord(Object.fromEntries(taken)), environment)",
    tests: ["test/cli/environment.test.ts"]
  },
  {
    name: "a file of variables overwrites the environment that the AWS SDK reads",
    file: "src/cli/environment.ts",
    from: 'if ((process.env[name] ?? "") === "") process.env[name] = value',
    to: "process.env[name] = value",
    tests: ["test/cli/environment.test.ts"]
  },
  {
    name: "a signal that comes again at once ends the process before its folder is closed",
    file: "src/cli/runHere.ts",
    from: "const sameSignal = 1000",
    to: "const sameSignal = 0",
    tests: ["test/cli/signals.test.ts"]
  },
  {
    name: "a signal of the terminal interrupts the gateway under the program that it runs",
    file: "src/cli/runHere.ts",
    from: "    if (ofProgram.current) return\n",
    to: "",
    tests: ["test/cli/signals.test.ts"]
  },
  {
    name: "a repair that removes nothing turns row security off",
    file: "src/operations/verify/Drift.ts",
    from: "options.removes ? all : all.filter((statement) => !RepairSql.exposes(statement))",
    to: "all",
    tests: ["test/operations/sessions.slow.test.ts"]
  },
  {
    name: "a function of another application is taken for Alex's where names are printed in quotes",
    file: "src/operations/database/Installation.ts",
    from: "replace(oidvectortypes(p.proargtypes), '\"', '')",
    to: "oidvectortypes(p.proargtypes)",
    tests: ["test/operations/sessions.slow.test.ts"]
  },
  {
    name: "an adoption begins under a generated column that keeps a type from being changed",
    file: "src/operations/migrate/Adoption.ts",
    from: "      union all ${sql.literal(columnsInTheWay)}\n",
    to: "",
    tests: ["test/operations/migrate/Plan.test.ts"]
  },
  {
    name: "the gateway's LATIN5 is Windows' own",
    file: "src/gateway/values/Encodings.ts",
    from: '(name === "LATIN5" && code < 0xa0)',
    to: "false",
    tests: ["test/gateway/encodings.test.ts"]
  },
  {
    name: "the rows of a cursor WITH HOLD that has parameters lose their columns",
    file: "src/gateway/session/cursors/CursorStatements.ts",
    from: "bound === undefined ? undefined : yield* boundToQuery(session, query, bound)",
    to: "bound",
    tests: ["test/gateway/cursors/portals.test.ts"]
  },
  {
    name: "a faulty write that is only prepared is accepted",
    file: "src/gateway/connection/Prepared.ts",
    from: "if (!(yield* isBound)) yield* checkUnrun(session, statement)\n    ",
    to: "",
    tests: ["test/gateway/statement/preparedOnly.test.ts"]
  },
  {
    name: "a portal outlives its transaction",
    file: "src/gateway/connection/ExtendedQuery.ts",
    from: "if (this.#within !== undefined && this.#within !== transaction) this.#open.clear()\n    ",
    to: "",
    tests: ["test/gateway/cursors/portals.test.ts"]
  },
  {
    name: "the gateway commits whatever begins with COMMIT",
    file: "src/gateway/session/GrammarCheck.ts",
    from: ': (isEnd(one) || one.kind === "begin") && !isPlain(one)',
    to: ": false",
    tests: ["test/gateway/failedTransactions.test.ts"]
  },
  {
    name: "a message whose first text has no end is taken for one with an empty text",
    file: "src/gateway/protocol/FrontendMessages.ts",
    from: 'this.refuse("invalid string in message")',
    to: "",
    tests: ["test/gateway/protocol/FrontendMessages.test.ts"]
  },
  {
    name: "a folder that could not be closed as it should be is said to be closed",
    file: "src/local/folder/CloseFolder.ts",
    from: "  yield* tell(new LocalDataApiError({ message: `${message} ${kept}`, cause }))\n",
    to: "",
    tests: ["test/cli/unclosed.test.ts", "test/chaos/durability/ioFailures.slow.test.ts"]
  },
  {
    name: "the gateway cuts a value to a domain's length",
    file: "src/gateway/statement/DescribeSql.ts",
    from: "from base b join pg_catalog.pg_type t on t.oid = b.oid and t.typtype <> 'd' join",
    to: "from base b join pg_catalog.pg_type t on t.oid = b.oid and t.oid = oids[b.number] join",
    tests: ["test/gateway/psql.test.ts"]
  },
  {
    name: "the gateway chains a transaction without its modes",
    file: "src/gateway/session/TransactionStatements.ts",
    from: "if (isChained(statement)) yield* session.begin(false, modes)\n  return done(committed",
    to: "if (isChained(statement)) yield* session.begin(false)\n  return done(committed",
    tests: ["test/gateway/psql.test.ts"]
  },
  {
    name: "a literal of the gateway's clients is read in another client's time zone",
    file: "src/gateway/session/ClientSession.ts",
    from: 'this.settings.reading(this.transaction?.sets ?? "") + sql',
    to: "sql",
    tests: ["test/gateway/messages.test.ts"],
    needsPostgres: true
  },
  {
    name: "a statement that ends while it is given up ends its connection",
    file: "src/gateway/cancel/Cancellable.ts",
    from: "resume(exit)\n        givingUp?.interruptUnsafe()",
    to: "givingUp?.interruptUnsafe()\n        resume(exit)",
    tests: ["test/gateway/cancel/Cancellable.test.ts"]
  },
  {
    name: "a pause interrupts transactions",
    file: "src/local/faults/Faults.ts",
    from: 'case "resuming":\n      return transactionId === undefined',
    to: 'case "resuming":\n      return true',
    tests: ["test/local/faults/Faults.test.ts"]
  },
  {
    name: "COPY BINARY that ends within a row keeps the rows before it",
    file: "src/gateway/copy/CopyBinary.ts",
    from: 'return this.#values === undefined ? undefined : "unexpected EOF in COPY data"',
    to: "return undefined",
    tests: ["test/gateway/messages.test.ts"],
    needsPostgres: true
  },
  {
    name: "the named arguments of CALL are read as values",
    file: "src/gateway/statement/CallParameters.ts",
    from: 'words.slice(1, 3).join("")',
    to: 'words[1] ?? ""',
    tests: ["test/gateway/messages.test.ts"],
    needsPostgres: true
  },
  {
    name: "a binary array may lack the elements that its dimensions promise",
    file: "src/gateway/values/ComposedForms.ts",
    from: "if (claimed !== elements.length) return undefined",
    to: "",
    tests: ["test/gateway/values/ComposedForms.test.ts"]
  },
  {
    name: "octets that are no text are decoded to another one",
    file: "src/gateway/values/Utf8.ts",
    from: "isUtf8(octets) && !octets.includes(0)",
    to: "true",
    tests: ["test/gateway/values/ComposedForms.test.ts"]
  },
  {
    name: "a claim without requests gets one job of many",
    file: "src/repository/jobs/JobQueue.ts",
    from: "coalesce(octet_length(to_json(request_payload::text)::text), 0) AS bytes",
    to: "octet_length(to_json(request_payload::text)::text) AS bytes",
    tests: [repositories]
  },
  {
    name: "a job that has been started too often is claimed instead of another one",
    file: "src/repository/jobs/JobQueue.ts",
    from: "OR ${lost} < ${maxAttempts}::int)",
    to: "OR ${lost} > 0)",
    tests: [repositories]
  },
  {
    name: "a worker without a job waits for its next claim though it is stopped",
    file: "src/repository/jobs/JobQueue.ts",
    from: "Effect.raceFirst(Effect.sleep(pollEvery), stopped)",
    to: "Effect.sleep(pollEvery)",
    tests: [repositories]
  },
  {
    name: "an id that is none fails the lookups made with it",
    file: "src/repository/Rows.ts",
    from: "isId ? uuidOrNull(given) : isStorable(given) ? given : null",
    to: "given",
    tests: [repositories]
  },
  {
    name: "a lease counts from the beginning of its transaction",
    file: "src/repository/jobs/JobChange.ts",
    from: "sql`clock_timestamp() + ${interval(sql, lease)}`",
    to: "sql`now() + ${interval(sql, lease)}`",
    tests: [repositories]
  },
  {
    name: "dollars are read as a number of shares",
    file: "src/agent/payloads/spellings.ts",
    from: 'number.startsWith("$") && /dollar/i.test(units)',
    to: 'number.startsWith("$")',
    tests: ["test/agent/decodePayload.slow.test.ts", "test/agent/sentArguments.test.ts"]
  },
  {
    name: "what is inside an answer that can't be read is taken for the answer",
    file: "src/agent/payloads/decodePayload.ts",
    from: "(isValue ? closingOf(text, start) : undefined) ??",
    to: "undefined ??",
    tests: ["test/agent/decodePayload.slow.test.ts"]
  },
  {
    name: "a draft before an answer that was cut off is taken for the answer",
    file: "src/agent/payloads/decodePayload.ts",
    from: "chosen === undefined || cut !== undefined",
    to: "chosen === undefined",
    tests: ["test/agent/decodePayload.slow.test.ts"]
  },
  {
    name: "an unknown escape in an answer loses its backslash",
    file: "src/agent/payloads/looseJson.ts",
    from: "escapes.get(escaped)",
    to: "(escapes.get(escaped) ?? escaped)",
    tests: ["test/agent/decodePayload.slow.test.ts"]
  },
  {
    name: "JSON as text in an answer is read as another number",
    file: "src/agent/schemas/JsonSchemas.ts",
    from: "return changed === undefined",
    to: "return changed === undefined || true",
    tests: ["test/agent/decodePayload.slow.test.ts"]
  },
  {
    name: "a message on stdin under the id of a request in progress reaches the MCP library",
    file: "src/agent/mcp/guardedStdio.ts",
    from: "const refusal = requests.begin(message)",
    to: "const refusal = requests.begin(undefined)",
    tests: ["test/agent/mcpMessages.test.ts"]
  },
  {
    name: "a browser is not told that a page of an allowed origin may send requests to the MCP server",
    file: "src/agent/mcp/http/McpHttp.ts",
    from: "if (asking !== undefined) return asking",
    to: "if (asking === null) return asking",
    tests: ["test/agent/mcpHttp.slow.test.ts"]
  },
  {
    name: "a cursor that a model has made up is read as a place in the list",
    file: "src/agent/tools/pages.ts",
    from: "cursorOf(key) === cursor ? key : undefined",
    to: "cursorOf(key) !== undefined ? key : undefined",
    tests: ["test/agent/budgets.slow.test.ts"]
  },
  {
    name: "a list can't be read on behind an entry with a space in its name",
    file: "src/agent/tools/pages.ts",
    from: "`after:${encodeURIComponent(key)}`",
    to: "`after:${key}`",
    tests: ["test/agent/Tools.test.ts"]
  },
  {
    name: "an argument named like a member of every object is left out where it is null",
    file: "src/agent/calls/accepted.ts",
    from: "if (!Object.hasOwn(properties, name)) return",
    to: "if (!(name in properties)) return",
    tests: ["test/agent/sentArguments.test.ts"]
  },
  {
    name: "a blank line on stdin reaches the MCP library, which then hears no other",
    file: "src/agent/mcp/guardedStdio.ts",
    from: "Stream.filter((line) => !isBlank.test(line)),",
    to: "",
    tests: ["test/agent/mcpMessages.test.ts"]
  },
  {
    name: "a member of a message that is none of the protocol reaches the MCP library, which takes it for its own",
    file: "src/agent/mcp/normalizedMessages.ts",
    from: "members.includes(name) &&",
    to: "",
    tests: ["test/agent/mcpMessages.test.ts", "test/agent/mcpHttp.slow.test.ts"]
  },
  {
    name: "a message over HTTP whose form is wrong reaches the MCP library",
    file: "src/agent/mcp/heardMessages.ts",
    from: "refusalOfForm(given) ?? ",
    to: "",
    tests: ["test/agent/mcpHttp.slow.test.ts"]
  },
  {
    name: "bytes that are not UTF-8 are read as other characters",
    file: "src/agent/mcp/heardMessages.ts",
    from: "{ fatal: true }",
    to: "{ fatal: false }",
    tests: ["test/agent/mcpMessages.test.ts"]
  },
  {
    name: "a long list that is inserted gives whole numbers and fractions one type",
    file: "src/data-api/statement/ListColumns.ts",
    from: 'where === "insert" && loses(type, types)',
    to: "false",
    tests: ["test/data-api/statement/PackedLists.test.ts", "test/data-api/sql/mixedColumns.slow.test.ts"]
  },
  {
    name: "a long list is packed although a row of literals follows",
    file: "src/data-api/statement/PackedLists.ts",
    from: "(?!\\s*(?:,|--|\\/\\*))",
    to: "",
    tests: ["test/data-api/statement/PackedLists.test.ts"]
  },
  {
    name: "a NULL beside other values of a long list counts with a type of its own",
    file: "src/data-api/statement/ListColumns.ts",
    from: "own.length > 0 ? own : column",
    to: "column",
    tests: ["test/data-api/statement/PackedLists.test.ts"]
  },
  {
    name: "a long list of NULLs is compared as text",
    file: "src/data-api/statement/ListColumns.ts",
    from: 'where === "in" ? undefined : { text: "null" }',
    to: '{ text: "null" }',
    tests: ["test/data-api/statement/PackedLists.test.ts"]
  },
  {
    name: "a sentence of a user names the constraint that is violated",
    file: "src/data-api/DatabaseMessage.ts",
    from: "if (!text.startsWith(start) || !text.endsWith(end)",
    to: "if (!text.includes(start) || !text.endsWith(end)",
    tests: ["test/data-api/sql/SqlErrors.test.ts"]
  },
  {
    name: "a name ends where a part of it looks like the rest of the sentence",
    file: "src/data-api/DatabaseMessage.ts",
    from: "inside.lastIndexOf(tail)",
    to: "inside.indexOf(tail, from)",
    tests: ["test/data-api/sql/SqlErrors.test.ts"]
  },
  {
    name: "a session token that is empty is signed",
    file: "src/data-api/aws/SignatureText.ts",
    from: '...(token === "" ? {}',
    to: "...(credentials.sessionToken === undefined ? {}",
    tests: ["test/data-api/aws/Signer.test.ts"]
  },
  {
    name: "a write that is given an infinite date is sent without casts",
    file: "src/data-api/sql/UnreturnedTypes.ts",
    from: "&& mayBeInfinite(send)",
    to: "&& false",
    tests: ["test/data-api/sql/unreturned.slow.test.ts"]
  },
  {
    name: "a name in quotes has the shape of another in other letters",
    file: "src/data-api/statement/Shape.ts",
    from: 'kind === "word" ? text.toLowerCase() : text',
    to: "text.toLowerCase()",
    tests: ["test/data-api/statement/Shape.test.ts"]
  },
  {
    name: "a constant of bigint has the shape of a numeric one",
    file: "src/data-api/statement/Shape.ts",
    from: "<= 9_223_372_036_854_775_807n",
    to: "<= 9_223_372_036_854_775_808n",
    tests: ["test/data-api/statement/Shape.test.ts"]
  },
  {
    name: "an array with a comma in an element is sent as a list of texts",
    file: "src/data-api/values/ArrayLists.ts",
    from: 'element === "NULL" || element?.includes(",") === true',
    to: 'element === "NULL"',
    tests: ["test/data-api/values/PgValue.test.ts"]
  },
  {
    name: "a row's number is told though a trigger has used another sequence since",
    file: "src/gateway/sequences/SequenceLookup.ts",
    from: "where t.tgrelid = c.oid and not t.tgisinternal",
    to: "where t.tgrelid = c.oid and t.tgisinternal",
    tests: ["test/gateway/sequences.test.ts"],
    needsPostgres: true
  },
  {
    name: "a row's number is told after a query that has used its sequence",
    file: "src/gateway/sequences/SessionSequences.ts",
    from: "(questionOf(statement) !== undefined || isRead(sql))",
    to: "(questionOf(statement) !== undefined || true)",
    tests: ["test/gateway/sequences.test.ts"],
    needsPostgres: true
  },
  {
    name: "a client's array of several dimensions is sent as a list",
    file: "src/gateway/statement/ListedArrays.ts",
    from: '[^\\s"\\\\{},]+/y',
    to: '[^\\s"\\\\,]+/y',
    tests: ["test/gateway/arrays.test.ts"],
    needsPostgres: true
  },
  {
    name: "a write with RETURNING * takes effect and fails, since its columns were not asked for",
    file: "src/data-api/sql/StatementTexts.ts",
    from: "(kind.returnsUnseen ||",
    to: "(",
    tests: ["test/data-api/sql/unreturned.slow.test.ts"]
  },
  {
    name: "PostgreSQL plans without the elements of an array",
    file: "src/data-api/sql/StatementTexts.ts",
    from: "return isList ?",
    to: "return plain._tag === undefined ?",
    tests: ["test/data-api/sql/arrays.test.ts"]
  },
  {
    name: "a shortened list has the first of the types of each column alone",
    file: "src/data-api/statement/Lists.ts",
    from: "firsts?.[row] ?? firsts?.[0]",
    to: "firsts?.[0]",
    tests: ["test/data-api/statement/Lists.test.ts"]
  },
  {
    name: "a long list stores a number as a boolean, which INSERT refuses",
    file: "src/data-api/statement/ListColumns.ts",
    from: "if (!others.every((type) => isConverted(plainName(type), plainName(column), where))) return undefined",
    to: "",
    tests: ["test/data-api/statement/PackedLists.test.ts"]
  },
  {
    name: "a value of a long list is cast to the column's type without its own",
    file: "src/data-api/statement/ListColumns.ts",
    from: 'castOf(castOf(text, type), column || "text")',
    to: 'castOf(text, column || "text")',
    tests: ["test/data-api/statement/PackedLists.test.ts"]
  },
  {
    name: "a list that ends on a line of its own keeps its length",
    file: "src/data-api/statement/Lists.ts",
    from: ": text.trimEnd()",
    to: ": text",
    tests: ["test/data-api/statement/Lists.test.ts", "test/data-api/statement/PackedLists.test.ts"]
  },
  {
    name: "a text that was made for one type of a number is sent for another",
    file: "src/data-api/sql/StatementTexts.ts",
    from: 'parameter._tag === "Typed" ? parameter.type : parameter._tag',
    to: "parameter._tag",
    tests: ["test/data-api/sql/StatementTexts.test.ts"]
  },
  {
    name: "what a packed list holds is sent beside it as well",
    file: "src/data-api/sql/StatementTexts.ts",
    from: "new Set([...whole.literal, ...lists.flatMap((list) => list.elements.flat())])",
    to: "whole.literal",
    tests: ["test/data-api/sql/StatementTexts.test.ts"]
  },
  {
    name: "a long list of numbers becomes a query in a definition",
    file: "src/data-api/sql/StatementTexts.ts",
    from: "kind.prepared !== undefined && isLonger(sql",
    to: "isLonger(sql",
    tests: ["test/data-api/sql/StatementTexts.test.ts"]
  },
  {
    name: "a signature's time is kept for a minute",
    file: "src/data-api/aws/SignatureText.ts",
    from: "Math.floor(now / 1000)",
    to: "Math.floor(now / 60_000)",
    tests: ["test/data-api/aws/Signer.test.ts"]
  },
  {
    name: "a connection that is to be closed is used again if its header says more",
    file: "src/data-api/aws/http/AnswerHead.ts",
    from: "/\\bclose\\b/i",
    to: "/^close$/i",
    tests: ["test/data-api/aws/AnswerParser.test.ts"]
  },
  {
    name: "the cluster's database is written beside the request's own",
    file: "src/data-api/rest-json/RequestWriter.ts",
    from: '"sql" in request ? request.database !== undefined :',
    to: '"sql" in request ? false :',
    tests: ["test/data-api/rest-json/messages.test.ts"]
  },
  {
    name: "a RETURNING within a statement counts as its own",
    file: "src/data-api/statement/StatementKind.ts",
    from: 'top && text === "returning"',
    to: 'text === "returning"',
    tests: ["test/data-api/statement/StatementKind.test.ts"]
  },
  {
    name: "a grant of a session's lock is refused as a call of it",
    file: "src/data-api/statement/StatementKind.ts",
    from: "const lock = preparable.has(first)",
    to: 'const lock = first !== ""',
    tests: ["test/data-api/sql/sessions.test.ts"]
  },
  {
    name: "a comment at the end of a query hides what is put behind it",
    file: "src/data-api/sql/TextColumns.ts",
    from: "alex_rows as (${statementOf(sql)}\\n)",
    to: "alex_rows as (${statementOf(sql)})",
    tests: ["test/data-api/sql/unreturned.slow.test.ts"]
  },
  {
    name: "a backup to a stdout that failed goes on",
    file: "src/operations/backup/BackupFile.ts",
    from: 'resume(cause == null ? Effect.void : Effect.fail(failed("stdout", "written")(cause)))',
    to: "resume(Effect.void)",
    tests: ["test/operations/backup/BackupFile.test.ts"]
  },
  {
    name: "a result column that is a parameter has the name of its type",
    file: "src/data-api/statement/Placeholders.ts",
    from: 'isResult ? \' as "?column?"\' : ""',
    to: '""',
    tests: ["test/data-api/statement/Placeholders.test.ts", "test/data-api/sql/shapes.slow.test.ts"]
  },
  {
    name: "a repair that has nothing to do says that it was a dry run",
    file: "src/cli/commands/examining/repair.ts",
    from: "return { ...planned, dryRun }",
    to: "return planned",
    tests: ["test/cli/output/reports.slow.test.ts"]
  }
]
