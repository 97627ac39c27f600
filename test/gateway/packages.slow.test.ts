/** ORMs, query builders and migrators of npm: each prints through the gateway what it prints with a direct connection. */
import { layer } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import * as TestDatabase from "../TestDatabase.ts"
import { type Invocation, installedPrograms, present, printsTheSame } from "./Programs.ts"
import { layer as gateway, type Ran, run } from "./TestGateway.ts"

const hasPsql = present("ORMs and migrators of npm", ["--version"], "psql") !== undefined
const folder = TestDatabase.postgresUrl !== undefined && hasPsql ? installedPrograms() : undefined

const program =
  (name: string): Invocation =>
  (url) =>
    run(process.execPath, [`${folder}/${name}.mjs`, url])

/** Runs steps one after another, up to the first that fails. */
const steps = Effect.fnUntraced(function* (...runs: ReadonlyArray<Effect.Effect<Ran>>) {
  let all: Ran = { code: 0, stdout: "", stderr: "" }
  for (const one of runs) {
    const { code, stderr, stdout } = yield* one
    all = { code, stdout: all.stdout + stdout, stderr: all.stderr + stderr }
    if (code !== 0) return all
  }
  return all
})

/** A tool's own command within a folder of the programs; what it draws on its terminal is left out. */
const tool = (name: string, url: string, ...args: ReadonlyArray<string>) =>
  Effect.map(
    run(
      "sh",
      [
        "-c",
        `cd ${folder}/${name.split(" ")[0]} && ../node_modules/.bin/${name.split(" ").at(-1)} "$@"`,
        "sh",
        ...args
      ],
      "",
      {
        DATABASE_URL: url,
        // Prisma looks for it before it does anything, though only its migrations need it.
        ...(args[0] === "generate" ? { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath } : {})
      }
    ),
    ({ code, stderr, stdout }) => ({ code, stdout: "", stderr: stdout + stderr })
  )

const shown = (...args: ReadonlyArray<string>) => run(args[0] ?? "", args.slice(1))

/** What drizzle-kit pulled, in one order: it asks for all tables at once, and writes each as its answer arrives. */
const pulledSchema = Effect.map(shown("cat", `${folder}/drizzle/out/schema.ts`), (ran) => ({
  ...ran,
  stdout: ran.stdout
    .replace(
      /^import \{(.*)\}/,
      (_, names: string) =>
        `import {${names
          .split(",")
          .map((name) => name.trim())
          .toSorted()
          .join(", ")}}`
    )
    .split(/\n(?=export )/)
    .map((declaration) => declaration.trim())
    .toSorted()
    .join("\n")
}))

const dumped = (url: string) => run("pg_dump", ["-s", "--restrict-key=test", url])

describe.skipIf(folder === undefined)(TestDatabase.onPostgres("packages of npm through the gateway"), () => {
  layer(gateway(TestDatabase.postgresUrl ?? ""), { timeout: "5 minutes" })((it) => {
    for (const [name, expected] of [
      ["knex", 'rolled back [1,["2_column","1_tables"]]'],
      ["typeorm", 'undone "yes"'],
      ["sequelize", 'indexes [["pets_name",false]'],
      ["kysely", "two at once [[],[]]"],
      ["pgPromise", "each 55"],
      ["pgMigrate", 'fails ["22012","division by zero"]']
    ] as const) {
      it.effect(name, () => printsTheSame(program(name), expected), 120_000)
    }

    it.effect(
      "Prisma's client",
      () =>
        printsTheSame(
          (url) =>
            steps(
              tool("prisma", url, "generate"),
              run("psql", ["-X", "-q", "-f", `${folder}/prisma/schema.sql`, url]),
              program("prisma/client")(url)
            ),
          'deleted {"name":"ada"}'
        ),
      120_000
    )

    it.effect(
      "Prisma's migrate deploy, resolve and reset",
      () => printsTheSame((url) => steps(program("prisma/engine")(url), dumped(url)), "fails true"),
      120_000
    )

    it.effect(
      "Prisma's db push and db pull",
      () =>
        Effect.gen(function* () {
          const asked = yield* tool(
            "prisma",
            "postgres://127.0.0.1:1/none",
            "migrate",
            "diff",
            "--from-empty",
            "--to-schema",
            "schema.prisma",
            "--script"
          )
          if (asked.code !== 0) {
            process.stderr.write("SKIPPED: prisma db push and pull through the gateway (their engine can't be had)\n")
            return
          }
          yield* printsTheSame(
            (url) =>
              steps(tool("prisma", url, "db", "push"), dumped(url), tool("prisma", url, "db", "pull", "--print")),
            "CREATE TABLE"
          )
        }),
      120_000
    )

    it.effect(
      "drizzle-kit pushes, pulls and migrates",
      () =>
        printsTheSame(
          (url) =>
            steps(
              shown("rm", "-rf", `${folder}/drizzle/out`),
              tool("drizzle drizzle-kit", url, "push", "--config", "drizzle.config.mjs", "--force"),
              dumped(url),
              tool("drizzle drizzle-kit", url, "pull", "--config", "drizzle.config.mjs"),
              pulledSchema,
              shown("rm", "-rf", `${folder}/drizzle/out`),
              run(
                "psql",
                ["-X", "-q", url],
                "set client_min_messages to error; drop schema public cascade; create schema public"
              ),
              tool("drizzle drizzle-kit", url, "generate", "--config", "drizzle.config.mjs", "--name", "first"),
              tool("drizzle drizzle-kit", url, "migrate", "--config", "drizzle.config.mjs"),
              tool("drizzle drizzle-kit", url, "migrate", "--config", "drizzle.config.mjs"),
              dumped(url)
            ),
          "export const owner = pgTable",
          "drizzle"
        ),
      240_000
    )
  })
})
