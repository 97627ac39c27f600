import { layer } from "@effect/vitest"
import { migrationContract } from "../contract/repositoryMigrations.ts"
import { embeddedSql } from "./TestRepositories.ts"

layer(embeddedSql, { timeout: "60 seconds", excludeTestServices: true })(
  "the migrations on the embedded database",
  migrationContract
)
