/** Statements that run only outside of transactions, after SET search_path and SET ROLE. */
import { spawnSync } from "node:child_process"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { layer as gateway, run, TestGateway } from "./TestGateway.ts"

const serverUrl = TestDatabase.postgresUrl ?? ""
const hasPsql = spawnSync("psql", ["--version"]).status === 0

const psql = (address: string, input: string) => run("psql", ["-X", "-q", "-A", "-t", address], input)

const tables = `create schema tenant; create schema "odd, ""name""";
create table public.items (id int, name text); create table tenant.items (id int, name text);`

/** Statements on a table and an index without their schema, and what shows that they ran. */
const statements = [
  "create unique index concurrently if not exists items_id on items (id)",
  "reindex index concurrently items_id",
  "reindex (verbose) table concurrently items",
  "vacuum (analyze) items",
  "drop index concurrently items_id"
]

describe.skipIf(TestDatabase.postgresUrl === undefined || !hasPsql)(TestDatabase.onPostgres("outside"), () => {
  layer(gateway(serverUrl), { timeout: "60 seconds" })((it) => {
    it.effect("names are those of the session where its search_path leads to the same schemas as the database's", () =>
      Effect.gen(function* () {
        const { directUrl, url } = yield* TestGateway
        yield* psql(directUrl, tables)
        const user = new URL(directUrl).username
        // Liquibase writes the first one, Flyway and Rails the others.
        const paths = [`public, "$user","public"`, "public", `"$user", public`, `"${user}", public, nosuch`]
        for (const path of paths) {
          const { code, stderr } = yield* psql(url, `set search_path to ${path};\n${statements.join(";\n")};`)
          assert.deepStrictEqual(
            { code, stderr: stderr.replaceAll(/^INFO: .*\n(?:DETAIL: .*\n)?/gm, "") },
            { code: 0, stderr: "" },
            path
          )
        }
        const made = yield* psql(url, `set search_path = public; ${statements[0]};\nselect 'items_id'::regclass`)
        assert.strictEqual(made.stdout, "items_id\n")
      })
    )

    it.effect("is refused where the search_path leads elsewhere, unless the names have their schema", () =>
      Effect.gen(function* () {
        const { url } = yield* TestGateway
        for (const path of ["tenant", "tenant, public", "public, tenant", `"odd, ""name"""`, "''"]) {
          for (const statement of statements) {
            const { stderr } = yield* psql(url, `set search_path to ${path};\n${statement}`)
            assert.include(stderr, "runs without the session's search_path", `${path}: ${statement}`)
          }
          const { stderr } = yield* psql(url, `set search_path to ${path};\nvacuum tenant.items;\nvacuum`)
          assert.strictEqual(stderr, "", path)
        }
        const { stderr } = yield* psql(url, `set role ${new URL(url).username};\nvacuum public.items`)
        assert.include(stderr, "runs without the session's role")
      })
    )
  })
})
