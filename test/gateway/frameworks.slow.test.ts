/** Frameworks, migrators and tools of other languages: each prints through the gateway what it prints with a direct connection. */
import { layer } from "@effect/vitest"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { present, printsTheSame, programs } from "./Programs.ts"
import { layer as gateway, run } from "./TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl
// ALEX_LONG=1: Alembic and sqitch too, which start an interpreter for each of their many steps.
const isLong = process.env["ALEX_LONG"] === "1"
const found = (...question: Parameters<typeof present>) => (serverUrl === undefined ? undefined : present(...question))

/** Debian's own Python has Debian's packages. */
const python = (what: string, text: string) => found(what, ["-c", text], "/usr/bin/python3", "python3")

const inLong = (what: string, find: () => string | undefined): string | undefined => {
  if (isLong) return find()
  process.stderr.write(`SKIPPED: ${what} through the gateway (it takes long: ALEX_LONG=1 runs it)\n`)
  return undefined
}

/** A program: what runs it, undefined where that is missing, and a part of what it prints. */
const tools = [
  {
    name: "psqlODBC",
    command: python(
      "psqlODBC by pyodbc",
      'import pyodbc; assert {"PostgreSQL Unicode", "PostgreSQL ANSI"} <= set(pyodbc.drivers())'
    ),
    script: "odbc_program.py",
    expected: "DataError 22012"
  },
  {
    name: "Rails' ActiveRecord",
    command: found("ActiveRecord", ["-e", 'require "pg"; gem "activerecord"'], "ruby"),
    script: "active_record.rb",
    expected: '["serializable", "tx outer", ["tx deep"]]'
  },
  {
    name: "Alembic",
    command: inLong("Alembic", () => python("Alembic", "import alembic, psycopg2")) === undefined ? undefined : "sh",
    script: "alembic.sh",
    expected: "Running downgrade aaa1 -> , first"
  },
  {
    name: "sqitch",
    command:
      inLong("sqitch", () => found("sqitch", ["-MApp::Sqitch", "-MDBD::Pg", "-e1"], "perl")) === undefined
        ? undefined
        : "sh",
    script: "sqitch.sh",
    expected: "feeding|fail"
  },
  {
    name: "Django",
    command: python("Django", "import django.contrib.postgres, psycopg2") === undefined ? undefined : "sh",
    script: "django/project.sh",
    expected: "Ran 4 tests in a while"
  }
]

describe.skipIf(serverUrl === undefined)(TestDatabase.onPostgres("frameworks and tools through the gateway"), () => {
  layer(gateway(serverUrl ?? ""), { timeout: "5 minutes" })((it) => {
    for (const { command, expected, name, script } of tools) {
      it.effect.skipIf(command === undefined)(
        name,
        () => printsTheSame((url) => run(command ?? "", [`${programs}${script}`, url]), expected),
        300_000
      )
    }
  })
})
