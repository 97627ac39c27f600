/** Which COPY statements are refused, in PostgreSQL's words where it refuses them as well. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import pg from "pg"
import { copyOf } from "../../../src/gateway/copy/CopyStatement.ts"
import { statementsOf } from "../../../src/gateway/statement/ClientStatement.ts"
import { onPostgres, postgresUrl } from "../../TestDatabase.ts"

const refusalOf = (sql: string): string => {
  const [statement] = statementsOf(sql)
  if (statement === undefined) return assert.fail("no statement")
  return Result.match(copyOf(statement), {
    onFailure: ({ code, message }) => `${code} ${message}`,
    onSuccess: (copy) => `accepted as ${JSON.stringify(copy?.options)}`
  })
}

const refused: ReadonlyArray<readonly [sql: string, why: string]> = [
  ["copy t from stdin (format xml)", '22023 COPY format "xml" not recognized'],
  ["copy t from stdin (speed 7)", '42601 option "speed" not recognized'],
  ["copy t from stdin (format csv, header, format text)", "42601 conflicting or redundant options"],
  ["copy t from stdin csv header csv", "42601 conflicting or redundant options"],
  ["copy t to stdout (header match)", '0A000 cannot use "match" with HEADER in COPY TO'],
  ["copy t to stdout (format binary, delimiter ',')", "42601 cannot specify DELIMITER in BINARY mode"],
  ["copy binary t to stdout null ''", "42601 cannot specify NULL in BINARY mode"],
  ["copy t to stdout (delimiter 'ab')", "0A000 COPY delimiter must be a single one-byte character"],
  ["copy t to stdout (delimiter 'é')", "0A000 COPY delimiter must be a single one-byte character"],
  ["copy t to stdout (delimiter e'\\n')", "22023 COPY delimiter cannot be newline or carriage return"],
  ["copy t to stdout (null e'a\\rb')", "22023 COPY null representation cannot use newline or carriage return"],
  ["copy t to stdout delimiter 'a'", '22023 COPY delimiter cannot be "a"'],
  ["copy t to stdout (format binary, header)", "0A000 cannot specify HEADER in BINARY mode"],
  ["copy t to stdout (quote '\"')", "0A000 COPY quote available only in CSV mode"],
  ["copy t to stdout (escape '\"')", "0A000 COPY escape available only in CSV mode"],
  ["copy t to stdout (force_quote *)", "0A000 COPY force quote available only in CSV mode"],
  ["copy t from stdin (force_not_null (a))", "0A000 COPY force not null available only in CSV mode"],
  ["copy t from stdin (force_null (a))", "0A000 COPY force null available only in CSV mode"],
  ["copy t to stdout csv quote 'ab'", "0A000 COPY quote must be a single one-byte character"],
  ["copy t to stdout csv quote ','", "22023 COPY delimiter and quote must be different"],
  ["copy t to stdout csv escape 'ab'", "0A000 COPY escape must be a single one-byte character"],
  ["copy t from stdin csv force quote a", "0A000 COPY force quote only available using COPY TO"],
  ["copy t to stdout csv force not null a", "0A000 COPY force not null only available using COPY FROM"],
  ["copy t to stdout csv force null a", "0A000 COPY force null only available using COPY FROM"],
  ["copy t to stdout (null 'a|b', delimiter '|')", "0A000 COPY delimiter must not appear in the NULL specification"],
  ["copy t to stdout csv null '\"'", "0A000 CSV quote character must not appear in the NULL specification"]
]

it("wrong options are refused with the code and the words of PostgreSQL", () => {
  for (const [sql, why] of refused) assert.strictEqual(refusalOf(sql), why, sql)
})

it("what only the gateway lacks is refused as not supported", () => {
  const lacking = { "encoding 'latin1'": 'COPY with the encoding "latin1" is not supported by the gateway' }
  for (const [option, why] of Object.entries(lacking)) {
    assert.strictEqual(refusalOf(`copy t from stdin (${option})`), `0A000 ${why}`)
    assert.strictEqual(refusalOf(`copy t from stdin ${option}`), `0A000 ${why}`)
  }
  assert.strictEqual(refusalOf("copy t from stdin where a > 1"), "0A000 COPY ... WHERE is not supported by the gateway")
  assert.include(refusalOf("copy t from stdin (encoding 'UTF8', freeze, header off)"), "accepted")
  assert.include(refusalOf("copy t from stdin with csv header encoding 'utf-8'"), "accepted")
})

describe.skipIf(postgresUrl === undefined)(onPostgres("the refusals of PostgreSQL"), () => {
  it("are those that the test above expects", async () => {
    const client = new pg.Client({ connectionString: postgresUrl })
    await client.connect()
    try {
      const { rows } = await client.query("show server_version_num")
      // Version 17 has other words for some.
      if (Number(rows[0].server_version_num) >= 170_000) return
      await client.query("create temp table t (a int)")
      for (const [sql, why] of refused) {
        const said = await client.query(sql).then(
          () => "accepted",
          (error) => `${error.code} ${error.message}`
        )
        assert.strictEqual(said, why, sql)
      }
    } finally {
      await client.end()
    }
  })
})
