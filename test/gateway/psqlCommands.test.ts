/** Every command of psql that asks the database something, on objects of every kind, and psql on a terminal. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { present, programs } from "./Programs.ts"
import { layer as gateway, run, TestGateway, withoutDetail } from "./TestGateway.ts"

const hasPsql = spawnSync("psql", ["--version"]).status === 0
const script = hasPsql ? present("psql on a terminal", ["--version"], "script") : undefined

/** The title of \watch has the time. */
const withoutTimes = (text: string): string => text.replaceAll(/^.*\(every .*$/gm, "")

describe.skipIf(TestDatabase.postgresUrl === undefined || !hasPsql)(
  TestDatabase.onPostgres("psql's commands through the gateway"),
  () => {
    layer(gateway(TestDatabase.postgresUrl ?? ""), { timeout: "60 seconds" })((it) => {
      it.effect(
        "print the same on objects of every kind",
        () =>
          Effect.gen(function* () {
            const { directUrl, url } = yield* TestGateway
            const psql = (address: string, file: string) =>
              run("psql", ["-X", "-f", `${programs}psql/${file}`, address])
            const other = Redacted.value(yield* TestDatabase.freshDatabase(directUrl))
            const outputs: Array<string> = []
            for (const [server, address] of [
              [other, other],
              [directUrl, url]
            ] as const) {
              assert.notInclude((yield* psql(server, "objects.sql")).stderr, "ERROR")
              const { stderr, stdout } = yield* psql(address, "commands.psql")
              outputs.push(withoutTimes(withoutDetail(`${stdout}\n${stderr}`)).replaceAll(/^.*NOTICE: .*\n/gm, ""))
            }
            assert.strictEqual(outputs[1], outputs[0])
            assert.isAbove(outputs[0]?.split("\n").length ?? 0, 5000)
            assert.isAbove(readFileSync(`${programs}psql/commands.psql`, "utf8").split("\n").length, 200)
          }).pipe(Effect.scoped),
        180_000
      )

      it.effect("print the same where the locale is C, as in a container, for which psql asks for SQL_ASCII", () =>
        Effect.gen(function* () {
          const { directUrl, url } = yield* TestGateway
          const typed = `show client_encoding; select 'é', length('é'); \\encoding
set client_encoding to utf8; show client_encoding; set client_encoding to 'sql-ascii'; set names 'SQL_ASCII';
begin; set local client_encoding to utf8; show client_encoding; rollback; show client_encoding;
set names 'UTF8'; show client_encoding; \\encoding
`
          const outputs: Array<string> = []
          for (const address of [directUrl, url]) {
            const { stderr, stdout } = yield* run("psql", ["-X", address], typed, { PGCLIENTENCODING: "SQL_ASCII" })
            outputs.push(`${stdout}\n${stderr}`)
          }
          assert.strictEqual(outputs[1], outputs[0])
          assert.include(outputs[0], "SQL_ASCII")
        })
      )

      it.effect("print the same for settings that the client connects with, however they are set back", () =>
        Effect.gen(function* () {
          const { directUrl, url } = yield* TestGateway
          const shows =
            "show timezone; show datestyle; show extra_float_digits; show application_name; select current_user;"
          const typed = `create role set_back; ${shows}
set timezone to 'UTC'; set extra_float_digits to 1; ${shows} reset timezone; reset extra_float_digits; ${shows}
set timezone to 'Europe/Berlin'; set timezone to default; set extra_float_digits = default; ${shows}
begin; set timezone to 'UTC'; reset timezone; set datestyle to sql; set datestyle to default; ${shows} commit; ${shows}
begin; set extra_float_digits to 2; rollback; ${shows}
set application_name to 'other'; set datestyle to german; set role set_back; reset all; ${shows}
begin; set timezone to 'UTC'; set work_mem to '5MB'; reset all; ${shows} show work_mem; commit; ${shows} show work_mem;
set timezone to 'UTC'; discard all; ${shows}
set search_path to pg_catalog; show search_path; begin; reset search_path; show search_path; commit; show search_path;
set timezone to 'UTC'; begin; reset timezone; set transaction isolation level serializable; show transaction_isolation; ${shows} commit;
set session authorization set_back; reset all; ${shows} reset session authorization; ${shows} reset role; ${shows}
drop role set_back;
`
          const options = "-c extra_float_digits=0 -c datestyle=postgres,dmy -c search_path=pg_temp,public"
          const outputs: Array<string> = []
          for (const address of [directUrl, url]) {
            const { stderr, stdout } = yield* run("psql", ["-X", "-a", "-A", "-t", address], typed, {
              PGOPTIONS: options,
              PGTZ: "Asia/Tokyo",
              PGAPPNAME: "starts as this"
            })
            outputs.push(`${stdout}\n${stderr}`)
          }
          assert.strictEqual(outputs[1], outputs[0])
          assert.include(outputs[0], "Asia/Tokyo")
          assert.notInclude(outputs[0], "ERROR")
        })
      )

      it.effect.skipIf(script === undefined)("complete names, and say where a transaction stands in the prompt", () =>
        Effect.gen(function* () {
          const { directUrl, url } = yield* TestGateway
          const outputs: Array<string> = []
          for (const address of [directUrl, url]) {
            const command = `psql -X -P pager=off -v PROMPT1='%x> ' ${address}`
            const typed =
              "create table completed(some_column int);\nselect some_\t from compl\t;\nbegin;\nselect 1/0;\nrollback;\ndrop table compl\t;\n\\q\n"
            const { stdout } = yield* run(script ?? "", ["-qec", command, "/dev/null"], typed, { TERM: "dumb" })
            outputs.push(stdout)
          }
          assert.strictEqual(outputs[1], outputs[0])
          assert.include(outputs[0], "some_column")
        })
      )
    })
  }
)
