import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import { isPresent, runProgram } from "./program.ts"
import { layer as layerServed, region, target } from "./ServedDatabase.ts"

const present = isPresent("the AWS CLI", "aws", ["--version"])

const cli = Effect.fnUntraced(function* (operation: string, ...args: ReadonlyArray<string>) {
  const { url } = yield* HttpServer
  const arns = ["--resource-arn", target.resourceArn, "--secret-arn", target.secretArn]
  return yield* runProgram("aws", ["rds-data", operation, ...arns, ...args], {
    AWS_ENDPOINT_URL_RDS_DATA: url,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_MAX_ATTEMPTS: "1"
  })
})

const execute = (sql: string, ...args: ReadonlyArray<string>) =>
  cli("execute-statement", "--database", "alex", "--sql", sql, ...args)

describe.skipIf(!present)(`the AWS CLI on the local server${present ? "" : " (skipped: aws is not installed)"}`, () => {
  layer(layerServed, { excludeTestServices: true })((it) => {
    it.effect(
      "a transaction with parameters, from begin to commit, and a database's error",
      () =>
        Effect.gen(function* () {
          assert.strictEqual((yield* execute("create table cli (n int)")).code, 0)
          const began = yield* cli("begin-transaction", "--database", "alex")
          const { transactionId } = JSON.parse(began.stdout)
          const sets = '[[{"name":"n","value":{"longValue":1}}],[{"name":"n","value":{"longValue":2}}]]'
          const batch = yield* cli(
            "batch-execute-statement",
            ...["--database", "alex", "--transaction-id", transactionId],
            ...["--sql", "insert into cli values (:n)", "--parameter-sets", sets]
          )
          assert.strictEqual(JSON.parse(batch.stdout).updateResults.length, 2)
          const committed = yield* cli("commit-transaction", "--transaction-id", transactionId)
          assert.strictEqual(JSON.parse(committed.stdout).transactionStatus, "Transaction Committed")
          const read = yield* execute(
            "select n from cli where n > :n",
            ...["--parameters", '[{"name":"n","value":{"longValue":1}}]', "--include-result-metadata"]
          )
          assert.deepStrictEqual(JSON.parse(read.stdout).records, [[{ longValue: 2 }]])
          const failed = yield* execute("select * from missing")
          assert.notStrictEqual(failed.code, 0)
          assert.include(failed.stderr, "(DatabaseErrorException) when calling the ExecuteStatement operation")
          assert.include(failed.stderr, 'ERROR: relation "missing" does not exist; Position: 15; SQLState: 42P01')
          const ended = yield* cli("rollback-transaction", "--transaction-id", transactionId)
          assert.include(ended.stderr, "(TransactionNotFoundException)")
        }),
      // Each call starts Python anew.
      120_000
    )
  })
})
