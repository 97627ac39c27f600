import { readFile } from "node:fs/promises"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"

const read = (path: string) => Effect.promise(() => readFile(new URL(`../../${path}`, import.meta.url), "utf8"))

const Package = Schema.fromJsonString(Schema.Struct({ dependencies: Schema.Record(Schema.String, Schema.String) }))

const Lock = Schema.fromJsonString(
  Schema.Struct({
    packages: Schema.Record(
      Schema.String,
      Schema.Struct({
        version: Schema.optionalKey(Schema.String),
        resolved: Schema.optionalKey(Schema.String),
        integrity: Schema.optionalKey(Schema.String),
        link: Schema.optionalKey(Schema.Boolean),
        dev: Schema.optionalKey(Schema.Boolean),
        optional: Schema.optionalKey(Schema.Boolean),
        devOptional: Schema.optionalKey(Schema.Boolean),
        hasInstallScript: Schema.optionalKey(Schema.Boolean)
      })
    )
  })
)

const direct = [
  "@aws-sdk/client-rds-data",
  "@effect/platform-node",
  "@effect/sql-pg",
  "@electric-sql/pglite",
  "effect",
  "jose"
]

describe("what the package brings along", () => {
  it.effect("there are six runtime dependencies, each pinned to one version", () =>
    Effect.gen(function* () {
      const { dependencies } = yield* Schema.decodeEffect(Package)(yield* read("package.json"))
      assert.deepStrictEqual(Object.keys(dependencies).sort(), direct)
      for (const version of Object.values(dependencies)) assert.match(version, /^\d+\.\d+\.\d+$/)
    })
  )

  it.effect("none of what is installed at run time needs an install script", () =>
    Effect.gen(function* () {
      const { packages } = yield* Schema.decodeEffect(Lock)(yield* read("package-lock.json"))
      const atRunTime = Object.entries(packages).filter(
        ([path, one]) => path !== "" && one.dev !== true && one.devOptional !== true
      )
      process.stdout.write(
        `${atRunTime.length} packages at run time, ${Object.keys(packages).length} with development\n`
      )
      const scripted = atRunTime.filter(([, one]) => one.hasInstallScript === true)
      assert.deepStrictEqual(
        scripted.map(([path]) => path),
        []
      )
      assert.isBelow(atRunTime.length, 120)
    })
  )

  it.effect("the lockfile names no registry but npm's, and every package's checksum", () =>
    Effect.gen(function* () {
      const { packages } = yield* Schema.decodeEffect(Lock)(yield* read("package-lock.json"))
      const foreign = Object.entries(packages).filter(
        ([, { resolved }]) => resolved !== undefined && !resolved.startsWith("https://registry.npmjs.org/")
      )
      assert.deepStrictEqual(
        foreign.map(([path, { resolved }]) => `${path}: ${resolved}`),
        []
      )
      const unchecked = Object.entries(packages).filter(
        ([path, one]) => path !== "" && one.link !== true && one.integrity === undefined
      )
      assert.deepStrictEqual(
        unchecked.map(([path]) => path),
        []
      )
    })
  )
})
