/** Drivers of other languages and their poolers: each prints through the gateway what it prints with a direct connection. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { type Invocation, present, printsTheSame, programs } from "./Programs.ts"
import { layer as gateway, layerEmbedded, type Ran, run, TestGateway } from "./TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl
const found = (...question: Parameters<typeof present>) => (serverUrl === undefined ? undefined : present(...question))

/** Debian's own Python has Debian's packages. */
const python = (modules: string) =>
  found(`Python's ${modules}`, ["-c", `import ${modules}`], "/usr/bin/python3", "python3")

const jar = "/usr/share/java/postgresql.jar"
const java = found("pgJDBC", ["-cp", jar, "--list-modules"], "java")
const hasDriver = found("pgJDBC's driver", ["-e", jar], "test") !== undefined
/** A driver's program: what it is run by, undefined where that is missing, and a part of what it prints. */
interface Driver {
  readonly name: string
  readonly command: string | undefined
  readonly expected: string
  /** Runs it; one more argument says that a statement can't be interrupted. */
  readonly invoke: (url: string, ...more: ReadonlyArray<string>) => Effect.Effect<Ran>
}

const scripted = (name: string, command: string | undefined, script: string, expected: string): Driver => ({
  name,
  command,
  expected,
  invoke: (url, ...more) => run(command ?? "", [`${programs}${script}`, url, ...more])
})

/** Debian has the sources of Go's packages. */
const goPath = "/usr/share/gocode"
const go = found("Go", ["version"], "go")

/** Builds a program of Go's, and runs it. */
const inGo = (name: string, source: string, expected: string): Driver => ({
  name: `Go's ${name}`,
  command:
    go === undefined || found(`Go's ${name}`, ["-d", `${goPath}/src/${source}`], "test") === undefined ? undefined : go,
  expected,
  invoke: (...args) =>
    Effect.acquireUseRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-go-"))),
      (folder) => {
        const program = join(folder, name)
        const build = ["build", "-o", program, `${programs}go/${name}/main.go`]
        return Effect.flatMap(run(go ?? "", build, "", { GO111MODULE: "off", GOPATH: goPath }), (built) =>
          built.code === 0 ? run(program, args) : Effect.succeed(built)
        )
      },
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )
})

const drivers = [
  scripted("DBD::Pg", found("DBD::Pg", ["-MDBD::Pg", "-e1"], "perl"), "dbd_pg.pl", "null|23514|"),
  scripted("ruby-pg", found("ruby-pg", ["-e", 'require "pg"'], "ruby"), "ruby_pg.rb", "PG::DivisionByZero"),
  scripted(
    "PDO and pg_*",
    found("PHP's pdo_pgsql", ["-r", "exit(extension_loaded('pdo_pgsql') ? 0 : 1);"], "php"),
    "pdo_pgsql.php",
    "[0: 500] | [0: 490]"
  ),
  scripted("PyGreSQL", python("pg, pgdb"), "pygresql_program.py", "failed DataError 22012"),
  inGo("pgx", "github.com/jackc/pgx/v4", "5000050000 4950000 <nil> SELECT 100000"),
  inGo("pq", "github.com/lib/pq", "22P02 invalid_text_representation")
]

const pgbouncer = found("pgbouncer", ["--version"], "pgbouncer", "/usr/sbin/pgbouncer")

/** pgJDBC sends the time zone of its machine. */
const jdbc =
  (zone: string, ...more: ReadonlyArray<string>): Invocation =>
  (url) => {
    const { password } = new URL(url)
    const program = [`${programs}JdbcProgram.java`, url, password || "none", ...more]
    return run(java ?? "", ["-cp", jar, `-Duser.timezone=${zone}`, ...program])
  }

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" ? (address?.port ?? 0) : 0)))
  })
})

/** A pgbouncer in front of the address, which refuses to run as root. */
const pooled = Effect.fnUntraced(function* (address: string, mode: "session" | "transaction") {
  const { hostname, password, pathname, port, username } = new URL(address)
  const listen = yield* freePort
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "pgbouncer-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  const name = pathname.slice(1)
  const server = `host=${hostname} port=${port} user=${username}${password === "" ? "" : ` password=${password}`}`
  writeFileSync(
    join(folder, "ini"),
    `[databases]\n${name} = ${server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${listen}\nauth_type = any\npool_mode = ${mode}\nunix_socket_dir =\n`
  )
  chmodSync(folder, 0o755)
  const asNobody = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups"] : []
  const [command = "", ...args] = [...asNobody, pgbouncer ?? "", join(folder, "ini")]
  yield* Effect.forkScoped(run(command, args))
  return `postgres://${username}@127.0.0.1:${listen}/${name}`
})

/** libpq by Python's own foreign functions, which need no package. */
const libpq = found("libpq", ["-c", 'import ctypes; ctypes.CDLL("libpq.so.5")'], "python3", "/usr/bin/python3")

describe.skipIf(serverUrl === undefined)(TestDatabase.onPostgres("other languages through the gateway"), () => {
  layer(gateway(serverUrl ?? ""), { timeout: "5 minutes" })((it) => {
    for (const [name, modules, expected] of [
      ["psycopg", "psycopg", "('DivisionByZero', '22012'"],
      ["sqlalchemy", "sqlalchemy, psycopg2, asyncpg", "DBAPIError 22012"],
      ["asyncpg", "asyncpg", "[0, 2, 4, 6, 8, 10, 12, 14, 16, 18]"]
    ] as const) {
      const command = python(modules)
      it.effect.skipIf(command === undefined)(
        name,
        () => printsTheSame((url) => run(command ?? "", [`${programs}${name}_program.py`, url]), expected),
        120_000
      )
    }

    it.effect.skipIf(libpq === undefined)(
      "libpq copies by the extended protocol",
      () => printsTheSame((url) => run(libpq ?? "", [`${programs}libpq_copy.py`, url]), "'COPY 2'"),
      120_000
    )

    for (const { command, expected, invoke, name } of drivers) {
      it.effect.skipIf(command === undefined)(name, () => printsTheSame((url) => invoke(url), expected), 300_000)
    }

    for (const zone of ["UTC", "Europe/Berlin"])
      it.effect.skipIf(java === undefined || !hasDriver)(
        `pgJDBC in ${zone}`,
        () => printsTheSame(jdbc(zone), "22P02 ERROR"),
        120_000
      )

    it.effect.skipIf(pgbouncer === undefined)(
      "pgbouncer pools sessions and transactions",
      () =>
        Effect.gen(function* () {
          const { directUrl, url } = yield* TestGateway
          const psql = (address: string, input: string) => run("psql", ["-X", "-A", "-t", address], input)
          const outputs: Array<string> = []
          for (const address of [directUrl, url]) {
            for (const mode of ["session", "transaction"] as const) {
              const through = yield* pooled(address, mode)
              const input = `select 1;\nbegin;\nset local timezone to 'Asia/Tokyo';\nselect timestamptz '2020-01-01 00:00Z';\nselect 1/0;\nrollback;\n`
              let ran = yield* psql(through, input)
              while (ran.stderr.includes("onnection refused")) ran = yield* psql(through, input)
              outputs.push(`${ran.stdout}${ran.stderr}`)
              // What one client has set the next one does not have.
              if (mode === "session") yield* psql(through, "set timezone to 'Asia/Tokyo'; select 1;")
              outputs.push((yield* psql(through, "show timezone;")).stdout)
            }
          }
          assert.deepStrictEqual(outputs.slice(4), outputs.slice(0, 4))
          assert.include(outputs[0], "2020-01-01 09:00:00+09")
        }).pipe(Effect.scoped),
      120_000
    )
  })

  layer(layerEmbedded(serverUrl ?? ""), { timeout: "5 minutes" })("on an embedded database", (it) => {
    for (const { command, expected, invoke, name } of drivers) {
      it.effect.skipIf(command === undefined)(
        name,
        () => printsTheSame((url) => invoke(url, "uninterrupted"), expected),
        300_000
      )
    }
  })

  // It knows no SCRAM.
  const pyPostgresql = scripted(
    "py-postgresql",
    python("postgresql"),
    "py_postgresql_program.py",
    'closed failed CursorNameError 34000 cursor "py:0x" does not exist'
  )
  for (const [where, front] of [
    ["without a password", gateway(serverUrl ?? "", { password: "trust" })],
    ["without a password, on an embedded database", layerEmbedded(serverUrl ?? "", { password: "trust" })]
  ] as const) {
    layer(front, { timeout: "5 minutes" })(where, (it) => {
      const { command, expected, invoke, name } = pyPostgresql
      it.effect.skipIf(command === undefined)(name, () => printsTheSame((url) => invoke(url), expected), 120_000)
    })
  }

  layer(gateway(serverUrl ?? "", { wholeSession: true }), { timeout: "5 minutes" })("with --session", (it) => {
    const asyncpg = python("asyncpg")
    it.effect.skipIf(asyncpg === undefined)(
      "asyncpg",
      () =>
        printsTheSame(
          (url) => run(asyncpg ?? "", [`${programs}asyncpg_program.py`, url, "session"]),
          "[0, 2, 4, 6, 8, 10, 12, 14, 16, 18]"
        ),
      120_000
    )

    it.effect.skipIf(java === undefined || !hasDriver)(
      "pgJDBC",
      () => printsTheSame(jdbc("UTC", "session"), "22P02 ERROR"),
      120_000
    )
  })
})
