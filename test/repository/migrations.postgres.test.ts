import { layer } from "@effect/vitest"
import { migrationContract } from "../contract/repositoryMigrations.ts"
import { hasPostgres, postgresSql, skipWithoutPostgres } from "./TestRepositories.ts"

if (hasPostgres) {
  layer(postgresSql, { timeout: "60 seconds", excludeTestServices: true })(
    "the migrations on PostgreSQL",
    migrationContract
  )
} else {
  skipWithoutPostgres("the migrations")
}
