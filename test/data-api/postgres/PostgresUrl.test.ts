import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result } from "effect"
import { isLocal, locationOf, parse } from "../../../src/data-api/postgres/PostgresUrl.ts"

const read = (url: string, user: string | undefined = "ann") => parse(Redacted.make(url), { user })

const fieldsOf = (url: string, user?: string) => {
  const { password, ...rest } = Result.getOrThrowWith(read(url, user), (message) => new Error(message))
  return password === undefined ? rest : { ...rest, password: Redacted.value(password) }
}

const refused = (url: string, user?: string): string => {
  const result = read(url, user)
  assert(Result.isFailure(result), `${url} was taken`)
  return result.failure
}

const local = { host: "localhost", port: 5432, user: "ann", database: "ann" }

const taken: ReadonlyArray<readonly [string, object]> = [
  ["postgres://", local],
  ["postgresql://", local],
  ["postgresql://localhost", local],
  ["postgresql://localhost:5433", { ...local, port: 5433 }],
  ["postgresql://localhost/mydb", { ...local, database: "mydb" }],
  ["postgresql://user@localhost", { ...local, user: "user", database: "user" }],
  ["postgresql://user:secret@localhost", { ...local, user: "user", database: "user", password: "secret" }],
  ["postgresql://user:a:b@localhost", { ...local, user: "user", database: "user", password: "a:b" }],
  ["postgresql://user:@localhost/x", { ...local, user: "user", database: "x" }],
  ["postgresql://u:%23%3F%2F%40%25%20@db/x", { ...local, host: "db", user: "u", database: "x", password: "#?/@% " }],
  ["postgresql://u:p%C3%A4ss@db/x", { ...local, host: "db", user: "u", database: "x", password: "päss" }],
  ["postgresql:///mydb?host=localhost&port=5433", { ...local, database: "mydb", port: 5433 }],
  ["postgresql:///mydb?host=/var/run/postgresql", { ...local, database: "mydb", host: "/var/run/postgresql" }],
  ["postgresql://%2Fvar%2Frun%2Fpostgresql/mydb", { ...local, database: "mydb", host: "/var/run/postgresql" }],
  ["postgresql://[2001:db8::1234]/mydb", { ...local, database: "mydb", host: "2001:db8::1234" }],
  ["postgresql://[::1]:5433/mydb", { ...local, database: "mydb", host: "::1", port: 5433 }],
  ["postgresql://localhost/db?host=remote.example.com", { ...local, host: "remote.example.com", database: "db" }],
  ["postgresql://localhost/staging?dbname=prod", { ...local, database: "prod" }],
  ["postgresql://localhost/staging?dbname=", local],
  ["postgresql://ann:secret@h:5433/staging?host=&port=&user=&password=", { ...local, database: "staging" }],
  ["postgresql://localhost/db?user=bob", { ...local, user: "bob", database: "db" }],
  ["postgresql://localhost/db?user=a&user=b", { ...local, user: "b", database: "db" }],
  ["postgresql://localhost:1/db?port=2", { ...local, port: 2, database: "db" }],
  ["postgresql://localhost/db?password=a%3Db", { ...local, database: "db", password: "a=b" }],
  ["postgresql:///db?hostaddr=10.0.0.1", { ...local, host: "10.0.0.1", database: "db" }],
  ["postgresql://10.0.0.1/db?hostaddr=10.0.0.1", { ...local, host: "10.0.0.1", database: "db" }],
  [
    "postgresql://h/db?sslmode=verify-full&sslrootcert=system",
    { ...local, host: "h", database: "db", sslmode: "verify-full" }
  ],
  ["postgresql://h/db?ssl=true", { ...local, host: "h", database: "db", sslmode: "require" }],
  [
    "postgresql://h/db?options=-c%20search_path%3Dalex&application_name=x&connect_timeout=3",
    { ...local, host: "h", database: "db", options: "-c search_path=alex", applicationName: "x", connectTimeout: 3 }
  ],
  ["postgresql://h/db?fallback_application_name=y", { ...local, host: "h", database: "db", applicationName: "y" }],
  ["postgresql://h/db?client_encoding=UTF8&target_session_attrs=any", { ...local, host: "h", database: "db" }],
  ["  postgresql://h/MixedCase \n", { ...local, host: "h", database: "MixedCase" }],
  ["postgresql://h/with%20space", { ...local, host: "h", database: "with space" }]
]

/** What is given, and what the refusal says. The word `SECRET` is in none of them. */
const refusedUrls: ReadonlyArray<readonly [string, string]> = [
  ['"postgres://db/x"', "remove the quotes"],
  ["'postgres://db/x'", "remove the quotes"],
  ["jdbc:postgresql://db/x", "without jdbc:"],
  ["postgresql+psycopg2://ann@db/x", "a driver of another language"],
  ["postgres+asyncpg://ann@db/x", "write postgres:// in front"],
  ["postgres://db/$" + "{NAME}", "write the value"],
  ["postgres://u:SECRET#x@h/d", "%23"],
  ["postgres://u:12#34@h/d", "%23"],
  ["postgres://u:SECRET?x@h/d", "%3F"],
  ["postgres://u:12?34@h/d", "%3F"],
  ["postgres://u:12?host=SECRET@h/d", "%3F"],
  ["postgres://u:SECRET/x@h/d", "%2F"],
  ["postgres://u:12/34@h/d", "%2F"],
  ["postgres://u:SECRET@x@h/d", "%40"],
  ["postgres://u:SECRET%@h/d", "%25"],
  ["postgres://u:SECRET%zz@h/d", "%25"],
  ["postgres://u:SECRET%E4@h/d", "UTF-8"],
  ["postgres://u:SECRET%00@h/d", "%00"],
  ["postgres://u:SECRET x@h/d", "%20"],
  ["postgres://u@h/100%", "%25"],
  ["postgres://u@h%/x", "%25"],
  ["postgres://u%@h/x", "%25"],
  ["postgres://u@h/x?options=%", "%25"],
  ["postgres://u@h/x?options=-c+SECRET", "%20"],
  ["postgres://u@h/x?options=-c%20a=SECRET", "%3D"],
  ["postgres://u@h/a/b", '"/"'],
  ["postgres://h1,h2/x", "several hosts"],
  ["postgres://h1:1,h2:2/x", "several hosts"],
  ["postgres://h/x?host=h1,h2", "several hosts"],
  ["postgres://h/x?hostaddr=10.0.0.1", "hostaddr"],
  ["postgres://h/x?service=SECRET", "service"],
  ["postgres://h/x?passfile=SECRET", "password file"],
  ["postgres://h/x?sslmode=SECRET", "sslmode"],
  ["postgres://h/x?ssl=0", "sslmode"],
  ["postgres://h/x?sslrootcert=/a/b.pem", "NODE_EXTRA_CA_CERTS"],
  ["postgres://h/x?sslcert=SECRET", "sslcert"],
  ["postgres://h/x?channel_binding=require", "channel_binding"],
  ["postgres://h/x?target_session_attrs=read-write", "target_session_attrs"],
  ["postgres://h/x?gssencmode=require", "gssencmode"],
  ["postgres://h/x?client_encoding=latin1", "UTF-8"],
  ["postgres://h/x?replication=database", "replication"],
  ["postgres://h/x?schema=alex", "search_path"],
  ["postgres://h/x?pgbouncer=true", "pgbouncer"],
  ["postgres://h/x?connect_timeout=soon", "connect_timeout"],
  ["postgres://h/x?nonsense=SECRET", "nonsense, which PostgreSQL does not know"],
  ["postgres://h/x?constructor=SECRET", "constructor, which PostgreSQL does not know"],
  ["postgres://h/x?__proto__=SECRET", "__proto__, which PostgreSQL does not know"],
  ["postgres://h/x?HOST=SECRET", "name=value"],
  ["postgres://h:0/x", "port"],
  ["postgres://h:65536/x", "port"],
  ["postgres://h:SECRET/x", "port"],
  ["postgres://h/x?port=5432,5433", "port"],
  ["postgres://::1/x", "host or port"],
  ["postgres://[::1/x", "host or port"],
  ["postgres://@abstract@h/x", "%40"],
  ["postgres:///x?host=%40abstract", "abstract"],
  ["postgres:///x?host=a%20b", "host"],
  ["postgres://h/a%0Ab", "database"],
  ["host=h dbname=SECRET", "key=value"],
  ["mysql://u:SECRET@h/x", "form"],
  ["h/x", "form"],
  ["", "form"]
]

describe("a connection URL", () => {
  for (const [url, expected] of taken) {
    it(`is read as libpq reads it: ${JSON.stringify(url)}`, () => {
      assert.deepStrictEqual<object>(fieldsOf(url), expected)
    })
  }

  for (const [url, says] of refusedUrls) {
    it(`is refused with what to do: ${JSON.stringify(url)}`, () => {
      const message = refused(url)
      assert.include(message, says)
      assert.notInclude(message, "SECRET")
    })
  }

  it("without a user is refused where the environment names none", () => {
    assert.include(refused("postgres://localhost/x", ""), "no user")
  })

  it("is shown by host and port, without its secrets", () => {
    const shown = (url: string) => locationOf(Result.getOrThrow(read(url)))
    assert.strictEqual(shown("postgres://u:SECRET@db.example.com/x"), "db.example.com:5432")
    assert.strictEqual(shown("postgres://[::1]:6/x"), "[::1]:6")
    assert.strictEqual(shown("postgres:///x?host=/tmp"), "/tmp")
  })

  it("is local only if the address connected to is", () => {
    const local = (url: string) => isLocal(Result.getOrThrow(read(url)))
    for (const url of [
      "postgres://localhost/x",
      "postgres://127.0.0.1/x",
      "postgres://[::1]/x",
      "postgres:///x?host=/tmp"
    ])
      assert.isTrue(local(url), url)
    for (const url of [
      "postgres://db.example.com/x",
      "postgres://localhost.example.com/x",
      "postgres://localhost/x?host=db.example.com",
      "postgres:///x?hostaddr=10.0.0.1",
      "postgres://0.0.0.0/x",
      "postgres://127.0.0.1.nip.io/x"
    ])
      assert.isFalse(local(url), url)
  })
})
