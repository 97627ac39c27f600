/** What becomes of personal data, by table and column. */
import { assert, it } from "@effect/vitest"
import { Redacted } from "effect"
import { changeOf, described } from "../../../src/operations/backup/Anonymize.ts"

const key = Redacted.make("a key")
const id = "3F2504E0-4f89-41d3-9a0c-0305e82c3301"

const changed = (table: string, column: string, value: string | null, by = key) =>
  changeOf(by, { name: table, columns: [column] })([value])[0]

const documentOf = (json: string): string => changed("jobs", "request_payload", json) ?? ""

it("a value has the same pseudonym wherever it stands, and another one under another key", () => {
  const user = changed("users", "clerk_user_id", "ann") ?? ""
  assert.match(user, /^user_[0-9a-f]{24}$/)
  for (const table of ["accounts", "jobs", "portfolio_snapshots", "agent_calls"]) {
    assert.strictEqual(changed(table, "clerk_user_id", "ann"), user, table)
  }
  assert.deepStrictEqual(JSON.parse(documentOf('{"clerk_user_id":"ann","user_id":"ann"}')), {
    clerk_user_id: user,
    user_id: user
  })
  const other = Redacted.make("another key")
  assert.notStrictEqual(changed("users", "clerk_user_id", "ann", other), user)
  assert.notStrictEqual(described(other).key, described(key).key)
  assert.strictEqual(described(key).key, described(Redacted.make("a key")).key)
})

it("an id has the form of one, in either case the same, as a column, in a text and as a member's name", () => {
  const uuid = changed("accounts", "id", id) ?? ""
  assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.strictEqual(changed("positions", "account_id", id.toLowerCase()), uuid)
  assert.strictEqual(changed("jobs", "id", id), changed("agent_calls", "job_id", id))
  assert.strictEqual(documentOf(`{"${id}": ["${id}"]}`), `{"${uuid}": ["${uuid}"]}`)
  assert.strictEqual(changed("portfolio_snapshots", "accounts", `{"${id}":1.50}`), `{"${uuid}":1.50}`)
})

it("a document keeps its names, its form and its numbers with all digits, and loses its texts", () => {
  const kept =
    '{ "a" : 1.50, "b":[12345678901234567890, 1e400, true, null], "at":"2026-01-02T03:04:05.678Z", "day":"2026-01-02", "n":"12.50", "symbol":"SPY", "empty":"" }'
  assert.strictEqual(documentOf(kept), kept)
  const texts = JSON.parse(
    documentOf('{"display_name":"Ann","account_name":"Ira","note":"Ann","list":["Ann","\\"Ann\\\\"]}')
  )
  assert.match(texts.display_name, /^Person [0-9a-f]{10}$/)
  assert.match(texts.account_name, /^Account [0-9a-f]{10}$/)
  assert.match(texts.note, /^Text [0-9a-f]{16}$/)
  assert.strictEqual(texts.list[0], texts.note)
  assert.match(texts.list[1], /^Text [0-9a-f]{16}$/)
  // Only the text that is the member's own value is changed as one.
  assert.match(JSON.parse(documentOf('{"symbol":["Ann"]}')).symbol[0], /^Text /)
})

it("a member may have any name, also one that every object of JavaScript has", () => {
  for (const name of ["constructor", "toString", "valueOf", "__proto__", "hasOwnProperty"]) {
    assert.match(documentOf(`{"${name}":"Ann"}`), new RegExp(`^{"${name}":"Text [0-9a-f]{16}"}$`))
  }
})

it("what is not personal stays, and so does NULL", () => {
  const rows = changeOf(key, { name: "accounts", columns: ["cash_balance", "account_name", "account_purpose"] })
  assert.deepStrictEqual(rows(["12.50", null, ""]), ["12.50", null, ""])
  assert.deepStrictEqual(changeOf(key, { name: "instruments", columns: ["name"] })(["Ann"]), ["Ann"])
})

it("tables and columns whose names JavaScript's objects have as well stay as they are", () => {
  for (const name of ["constructor", "__proto__", "toString"]) {
    for (const [table, column] of [
      ["jobs", name],
      [name, "id"],
      [name, "name"],
      [name, "constructor"]
    ] as const) {
      assert.strictEqual(changed(table, column, "as it is"), "as it is", `${table}.${column}`)
    }
  }
})
