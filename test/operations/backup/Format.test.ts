/** The format as docs/backup.md has it, read by the program that stands there, and the pseudonyms. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect, Redacted, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { Backup, type BackupFormat, Reset } from "../../../src/operations/index.ts"
import { embedded, execute } from "../TestOperations.ts"

const python = spawnSync("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"]).status === 0
if (!python) process.stderr.write("SKIPPED: the reader in Python of docs/backup.md (python3 3.11 is not here)\n")

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-format-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const rowsUnder = (key: string | undefined) =>
  Backup.withSource({ anonymize: key === undefined ? undefined : Redacted.make(key) }, ({ header, rows, sums }) =>
    Effect.map(Effect.all([Stream.runCollect(rows), sums]), ([all, tables]) => ({ header, all, tables }))
  )

const of = (
  table: string,
  column: string,
  { all, header }: { all: ReadonlyArray<BackupFormat.Row>; header: BackupFormat.Header }
) => {
  const index = header.tables.findIndex(({ name }) => name === table)
  const place = header.tables[index]?.columns.findIndex(({ name }) => name === column) ?? -1
  return all.filter((row) => row.table === index).map(({ values }) => values[place] ?? null)
}

layer(embedded, { excludeTestServices: true })((it) => {
  it.effect.skipIf(!python)(
    "the reader in docs/backup.md reads every row, packed or not, and finds a changed octet",
    () =>
      Effect.gen(function* () {
        yield* Reset.reset({ withTestData: true })
        yield* execute(`update users set display_name = E'\\u2028 \\n "é😀" \\\\ \\x7f'`)
        const path = yield* folder
        const program = /```python\n([\s\S]*?)```/.exec(
          readFileSync(new URL("../../../docs/backup.md", import.meta.url), "utf8")
        )
        writeFileSync(join(path, "reader.py"), program?.[1] ?? "")
        const run = (file: string) =>
          spawnSync("python3", [join(path, "reader.py"), join(path, file)], {
            encoding: "utf8",
            env: { PYTHONUTF8: "1" }
          })
        for (const file of ["b.jsonl", "b.jsonl.gz"]) {
          const { rows } = yield* Backup.backup(join(path, file))
          const { status, stderr, stdout } = run(file)
          assert.strictEqual(status, 0, stderr)
          assert.lengthOf(stdout.trimEnd().split("\n"), rows)
        }
        const octets = readFileSync(join(path, "b.jsonl"))
        const place = octets.indexOf(`"SPY"`) + 1
        octets[place] = 0x54
        writeFileSync(join(path, "b.jsonl"), octets)
        const line = octets.subarray(0, place).filter((octet) => octet === 10).length + 1
        assert.include(run("b.jsonl").stderr, `line ${line} is damaged`)
      })
  )

  it.effect("pseudonyms are the same under the same key, references hold, and nothing of a person is left", () =>
    Effect.gen(function* () {
      yield* Reset.reset({ withTestData: true })
      const sql = yield* SqlClient.SqlClient
      yield* sql`update users set display_name = 'Ann Secret'`
      yield* sql`update accounts set account_name = 'Secret savings', account_purpose = 'for Secret''s house'`
      yield* sql`
        insert into jobs (clerk_user_id, job_type, status, request_payload, report_payload, error_message)
        select u.clerk_user_id, 'portfolio_analysis', 'failed',
          jsonb_build_object('clerk_user_id', u.clerk_user_id, 'account', a.id, 'by', jsonb_build_object(a.id::text, 1.50),
            'symbol', 'VTI', 'n', 123456789012345678901234567890.10, 'list', '[{"symbol": 5}, "Secret"]'::jsonb,
            'at', '2026-01-02T03:04:05Z', 'empty', ''),
          '{"report": "Ann \\"Secret\\" owns: {a}"}', 'Secret failed'
        from users u join accounts a using (clerk_user_id) limit 1`
      const plain = yield* rowsUnder(undefined)
      const one = yield* rowsUnder("key 1")
      const again = yield* rowsUnder("key 1")
      const other = yield* rowsUnder("key 2")
      assert.deepStrictEqual(one.tables, again.tables)
      assert.strictEqual(one.header.anonymized?.key, again.header.anonymized?.key)
      assert.notStrictEqual(one.header.anonymized?.key, other.header.anonymized?.key)
      assert.notDeepEqual(one.tables, other.tables)
      assert.include(one.header.anonymized?.columns ?? [], "users.display_name")
      const text = JSON.stringify(one.all)
      for (const said of ["Secret", "test_user_001", "savings", ...of("accounts", "id", plain).map(String)]) {
        assert.include(JSON.stringify(plain.all), said)
        assert.notInclude(text, said)
      }
      const users = of("users", "clerk_user_id", one)
      assert.match(String(users[0]), /^user_[0-9a-f]{24}$/)
      for (const owner of of("accounts", "clerk_user_id", one)) assert.include(users, owner)
      const accounts = of("accounts", "id", one)
      for (const account of of("positions", "account_id", one)) assert.include(accounts, account)
      const payload = String(of("jobs", "request_payload", one)[0])
      const document = JSON.parse(payload)
      assert.strictEqual(document.clerk_user_id, users[0])
      assert.include(accounts, document.account)
      assert.deepStrictEqual(document.by, { [document.account]: 1.5 })
      assert.include(payload, "123456789012345678901234567890.10")
      assert.deepInclude(document, { symbol: "VTI", at: "2026-01-02T03:04:05Z", empty: "" })
      assert.deepStrictEqual(of("instruments", "symbol", one), of("instruments", "symbol", plain))
      assert.deepStrictEqual(of("positions", "quantity", one), of("positions", "quantity", plain))
    })
  )
})
