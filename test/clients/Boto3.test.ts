import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import { modelled, unmodelled } from "../local/http/reasons.ts"
import { scripted } from "../local/http/ScriptedDataApi.ts"
import { isPresent, runProgram } from "./program.ts"
import { layerAnswering, layer as layerServed, target } from "./ServedDatabase.ts"

const present = isPresent("boto3", "python3", ["-c", "import boto3"])
const script = new URL("./boto3_client.py", import.meta.url).pathname

const boto3 = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { url } = yield* HttpServer
  const { code, stderr, stdout } = yield* runProgram("python3", [
    script,
    url,
    target.resourceArn,
    target.secretArn,
    ...args
  ])
  assert.strictEqual(code, 0, stderr)
  return JSON.parse(stdout)
})

describe.skipIf(!present)(`boto3 on the local server${present ? "" : " (skipped: boto3 is not installed)"}`, () => {
  layer(layerServed, { excludeTestServices: true })((it) => {
    it.effect("every operation and every kind of parameter", () =>
      Effect.gen(function* () {
        const seen = yield* boto3("operations")
        assert.deepStrictEqual(seen, {
          batch: [{ generatedFields: [] }, { generatedFields: [] }],
          committed: "Transaction Committed",
          deleted: 2,
          rolledBack: "Rollback Complete",
          // JSON.parse rounds what boto3 read exactly.
          records: [
            [{ longValue: 2 }, { stringValue: "2026-01-31 08:00:00" }],
            [{ longValue: Number("9007199254740993") }, { isNull: true }]
          ],
          types: ["int8", "timestamptz"],
          blob: [[0, 255], "bytea"],
          kinds: [
            { stringValue: "é" },
            { longValue: -1 },
            { doubleValue: 0.5 },
            { booleanValue: false },
            { stringValue: "2026-01-31" },
            { stringValue: "10:00:00" },
            { stringValue: "2026-01-31 10:00:00" },
            { stringValue: "1.10" },
            { stringValue: "6f1c2b1e-0000-4000-8000-000000000000" }
          ],
          json: { stringValue: "1" },
          array: { arrayValue: { longValues: [1, null, 3] } }
        })
      })
    )
  })

  const byName = scripted({
    executeStatement: ({ sql }) => ({ ...modelled, ...unmodelled })[sql] ?? {},
    commitTransaction: ({ transactionId }) => modelled[transactionId] ?? { transactionStatus: "" }
  })

  layer(layerAnswering(byName))((it) => {
    it.effect("every exception of the model is its own class, and others carry their code", () =>
      Effect.gen(function* () {
        const seen = yield* boto3("errors", ...Object.keys(modelled), ...Object.keys(unmodelled))
        for (const name of Object.keys(modelled)) {
          assert.strictEqual(seen[name]?.class, name)
          assert.strictEqual(seen[name]?.code, name)
        }
        for (const name of Object.keys(unmodelled)) {
          assert.strictEqual(seen[name]?.class, "ClientError")
          assert.strictEqual(seen[name]?.code, name)
        }
        assert.strictEqual(seen["DatabaseErrorException"].message, "as scripted")
        assert.strictEqual(seen["StatementTimeoutException"].dbConnectionId, 7)
        assert.strictEqual(seen["DatabaseUnavailableException"].status, 504)
        assert.strictEqual(seen["ServiceUnavailableError"].status, 503)
      })
    )
  })
})
