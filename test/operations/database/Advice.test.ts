import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { failures } from "../../../src/data-api/FailureTable.ts"
import { LocalDataApiError } from "../../../src/local/LocalDataApiError.ts"
import { Advice } from "../../../src/operations/index.ts"
import * as TestDatabase from "../../TestDatabase.ts"
import { postgres } from "../TestOperations.ts"

const ofCause = (cause: unknown) =>
  Advice.adviceOn(new SqlError.SqlError({ reason: new SqlError.UnknownError({ cause, message: "m" }) }))

describe("advice", () => {
  it("is there for every failure of the Data API, with a sentence on what is wrong and one on what to do", () => {
    for (const tag of Object.keys(failures).filter((one) => one !== "DatabaseError")) {
      const { code, fix, problem } = ofCause({ _tag: "DataApiError", reason: { _tag: tag, message: "the message" } })
      assert.match(code, /^[a-z-]+$/, tag)
      assert.notStrictEqual(code, "unknown", tag)
      assert.isAbove(problem.length, 10, tag)
      assert.isAbove(fix.length, 8, tag)
      assert.notMatch(`${problem} ${fix}`, /`|\.$/, tag)
    }
  })

  it("says of a variable that is set to correct it, and of one that is not to set it", () => {
    const fixOf = (message: string) =>
      Advice.adviceOn(Object.assign(new Error(message), { _tag: "ConfigurationError" })).fix
    assert.match(fixOf("AURORA_SECRET_ARN is not set: the ARN of the secret"), /^Set it in the environment/)
    assert.match(fixOf("DATABASE_URL can't be used: it has no host"), /^Correct it in the environment/)
    assert.match(fixOf('ALEX_DB_DURABILITY must be full or fast, not "x"'), /^Correct it in the environment/)
  })

  it("tells what PostgreSQL refused by its SQLSTATE", () => {
    const codes = {
      "25006": "read-only",
      "3F000": "schema",
      "42883": "function",
      "42703": "column",
      "53100": "disk-full",
      "55P03": "lock",
      "57014": "cancelled",
      "57P01": "shutdown",
      "40001": "conflict"
    }
    for (const [state, code] of Object.entries(codes)) {
      assert.strictEqual(ofCause({ code: state, message: "refused" }).code, code)
    }
    const octets = 'invalid byte sequence for encoding "UTF8": 0x'
    assert.strictEqual(ofCause({ code: "22021", message: `${octets}e9 0x29` }).code, "encoding")
    assert.strictEqual(ofCause({ code: "22021", message: `${octets}00` }).code, "database")
    assert.include(ofCause({ code: "22P05", message: "no equivalent" }).fix, "UTF8")
    const hidden = 'query would be affected by row-level security policy for table "notes"'
    assert.include(ofCause({ code: "42501", message: hidden }).fix, "BYPASSRLS")
    assert.include(ofCause({ code: "42501", message: "keine Berechtigung" }).fix, "a role in DATABASE_URL that owns")
  })

  it("does not depend on the language of the server's messages", () => {
    const hidden = "Abfrage würde von Policy für Sicherheit auf Zeilenebene für Tabelle »users« betroffen sein"
    const { fix } = ofCause({ code: "42501", message: hidden, routine: "check_enable_rls" })
    assert.include(fix, "BYPASSRLS")
    const closed = "Datenbank »alex« akzeptiert gegenwärtig keine Verbindungen"
    assert.strictEqual(ofCause({ code: "55000", message: closed, routine: "CheckMyDatabase" }).code, "closed")
    const plain = "kein pg_hba.conf-Eintrag für Host »10.0.0.1«, Benutzer »u«, Datenbank »alex«, keine Verschlüsselung"
    const advice = ofCause({ code: "28000", message: plain })
    assert.strictEqual(advice.code, "access-rules")
    assert.match(advice.fix, /sslmode=require.* pg_hba\.conf/)
    assert.notInclude(
      ofCause({ code: "28000", message: 'no pg_hba.conf entry for host "h", SSL encryption' }).fix,
      "ssl"
    )
  })

  it("on a PostgreSQL server behind a Data API of this machine names its URL, and no folder", () => {
    const refused = { message: "PostgreSQL at h:1: no. Check the server and its URL.", ofServer: true } as const
    assert.deepStrictEqual(Advice.adviceOn(new LocalDataApiError(refused)), {
      code: "server",
      problem: "PostgreSQL at h:1: no. Check the server and its URL",
      fix: "DATABASE_URL names the server, or --database-url of alex-db serve"
    })
  })

  it("tells connections that do not come about by the system's code", () => {
    for (const code of ["ECONNREFUSED", "ENOENT", "ENOTFOUND", "ETIMEDOUT", "ECONNRESET"])
      assert.strictEqual(ofCause({ code, syscall: "connect" }).code, "network", code)
    assert.strictEqual(ofCause({ code: "ENOENT", syscall: "open" }).code, "database")
    const message = "The process that has the data folder .alex-db open does not answer."
    for (const tag of ["ConnectFailed", "ConnectionLost"]) {
      const { code, fix } = ofCause({ _tag: "DataApiError", reason: { _tag: tag, message } })
      assert.deepStrictEqual([code, /AWS/.test(fix)], ["folder", false])
    }
    const gone =
      "The data folder db was moved, deleted or replaced while this process had it open, and is used no more."
    const { code: lost, problem } = ofCause({
      _tag: "DataApiError",
      reason: { _tag: "DatabaseUnavailable", message: gone }
    })
    assert.deepStrictEqual([lost, problem], ["folder", gone.slice(0, -1)])
    for (const code of ["SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CERT_HAS_EXPIRED"])
      assert.include(ofCause({ code }).fix, "NODE_EXTRA_CA_CERTS", code)
  })

  it("has no advice on tags, codes and words that only JavaScript's objects know", () => {
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
      for (const error of [
        Object.assign(new Error("m"), { _tag: name }),
        Object.assign(new Error("m"), { code: name, syscall: "connect" }),
        new SqlError.SqlError({ reason: new SqlError.ConnectionError({ cause: new Error(name), message: name }) }),
        new SqlError.SqlError({
          reason: new SqlError.ConnectionError({ cause: { code: name, syscall: "connect" }, message: "m" })
        })
      ]) {
        const { code, fix, problem } = Advice.adviceOn(error)
        for (const said of [code, fix, problem]) assert.isString(said, `${name}: ${error.message}`)
      }
    }
  })
})

describe.skipIf(TestDatabase.postgresUrl === undefined)(
  TestDatabase.onPostgres("advice on PostgreSQL's refusals"),
  () => {
    const adviceOn = (...statements: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        return Advice.adviceOn(
          yield* Effect.flip(
            sql.withTransaction(Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true }))
          )
        )
      }).pipe(Effect.provide(postgres))

    it.effect("names what depends on a table", () =>
      Effect.map(adviceOn("create table t (x int)", "create view v as select x from t", "drop table t"), (advice) => {
        assert.strictEqual(advice.code, "dependents")
        assert.include(advice.problem, "view v depends on table t")
      })
    )

    it.effect("says that a database takes no writes, and not that SELECT fails", () =>
      Effect.map(adviceOn("set transaction read only", "create table t (x int)"), (advice) => {
        assert.strictEqual(advice.code, "read-only")
      })
    )

    it.effect("shows no value of a row", () =>
      Effect.map(
        adviceOn("create table t (x text unique)", "insert into t values ('secret'), ('secret')"),
        (advice) => {
          assert.notInclude(`${advice.problem} ${advice.fix}`, "secret")
        }
      )
    )
  }
)
