/**
 * knex and TypeORM on the Data API. They and what they need are a hundred packages, which nothing else here needs: the
 * bench installs them into a temporary folder, once a machine, and goes without them where that is not possible.
 */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  awsClient,
  bulkRows,
  common,
  createdAt,
  id,
  rdsDataService,
  thing,
  timestampText,
  type Work
} from "./contenders.ts"
import { loadOf } from "./measure.ts"
import { credentials, region } from "./processes.ts"

const packages = {
  knex: "2.5.1",
  "knex-aurora-data-api-client": "1.10.0",
  typeorm: "1.1.1",
  "typeorm-aurora-data-api-driver": "3.0.2"
}

const options = "--silent --ignore-scripts --no-audit --no-fund --no-package-lock --legacy-peer-deps".split(" ")

/** What requires the packages from where they are installed. */
export const installed = (): NodeJS.Require => {
  const folder = join(tmpdir(), `alex-bench-peers-${Object.values(packages).join("-")}`)
  const isDone = join(folder, "installed")
  if (!existsSync(isDone)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies: packages }))
    execFileSync("npm", ["install", ...options], { cwd: folder, stdio: "ignore", timeout: 300_000 })
    // data-api-client asks for version 2 of the AWS SDK, which is at its end of life: `rdsDataService` takes its place.
    mkdirSync(join(folder, "node_modules/aws-sdk"), { recursive: true })
    writeFileSync(join(folder, "node_modules/aws-sdk/index.js"), "module.exports = { config: { update() {} } }\n")
    writeFileSync(isDone, "")
  }
  return createRequire(join(folder, "package.json"))
}

/** As much of knex as is used here. */
interface Knex {
  (table: string): KnexQuery
  readonly raw: (sql: string) => object
  readonly transaction: (work: (tx: Knex) => Promise<void>) => Promise<unknown>
}
interface KnexQuery {
  readonly where: (columns: object) => KnexQuery
  readonly select: () => Promise<unknown>
  readonly insert: (rows: object) => Promise<unknown>
  readonly update: (columns: object) => Promise<unknown>
}

const stored = { ...thing, version: String(thing.version), created_at: timestampText(createdAt) }
const storedRows = bulkRows.map((row) => ({
  ...row,
  version: String(row.version),
  created_at: timestampText(row.created_at)
}))

/** knex writes its values into the SQL, since its dialect has no parameters for the Data API. */
export const knexWork = (require: NodeJS.Require, endpoint: string): Work => {
  require("aws-sdk").RDSDataService = rdsDataService(endpoint)
  const client: unknown = require("knex-aurora-data-api-client").postgres
  const db: Knex = require("knex")({ client, connection: { ...common, region } })
  return {
    "point select": loadOf(() => db("things").where({ id }).select()),
    "1,000 rows": loadOf(() => db("thousand").select()),
    "insert of 8": loadOf(() => db("things").insert(stored)),
    "transaction of 3": loadOf(() =>
      db.transaction(async (tx) => {
        for (let n = 0; n < 3; n++)
          await tx("things")
            .where({ id })
            .update({ rank: db.raw("rank + 1") })
      })
    ),
    "bulk insert of 500": loadOf(() => db("things").insert(storedRows))
  }
}

/** As much of TypeORM as is used here. */
interface TypeOrm {
  readonly DataSource: new (options: object) => DataSource
  readonly EntitySchema: new (options: object) => object
}
interface DataSource extends Manager {
  readonly initialize: () => Promise<unknown>
  readonly getRepository: (entity: object) => Repository
  readonly transaction: (work: (manager: Manager) => Promise<void>) => Promise<unknown>
}
interface Manager {
  readonly increment: (entity: object, where: object, column: string, by: number) => Promise<unknown>
}
interface Repository {
  readonly findOneBy: (where: object) => Promise<unknown>
  readonly find: () => Promise<unknown>
  readonly insert: (rows: object) => Promise<unknown>
}

const columns = {
  id: { type: "uuid", primary: true, generated: "uuid" },
  symbol: { type: "varchar" },
  name: { type: "varchar" },
  price: { type: "numeric" },
  quantity: { type: "numeric" },
  version: { type: "bigint" },
  rank: { type: "int" },
  active: { type: "bool" },
  details: { type: "jsonb" },
  created_at: { type: "timestamptz" }
}

/**
 * Its driver has the AWS SDK in it. It makes a client for each query, whose connection stays open: with one handler for
 * all of them, the bench does not run out of files.
 */
export const typeOrmWork = async (require: NodeJS.Require, endpoint: string): Promise<Work> => {
  const { DataSource, EntitySchema }: TypeOrm = require("typeorm")
  const things = new EntitySchema({ name: "things", columns })
  const thousand = new EntitySchema({ name: "thousand", columns })
  const db = new DataSource({
    type: "aurora-postgres",
    ...common,
    region,
    entities: [things, thousand],
    installExtensions: false,
    formatOptions: { castParameters: true },
    serviceConfigOptions: { endpoint, credentials, requestHandler: awsClient(endpoint).config.requestHandler }
  })
  await db.initialize()
  const one = { ...thing, version: String(thing.version), created_at: createdAt }
  const rows = bulkRows.map((row) => ({ ...row, version: String(row.version) }))
  return {
    "point select": loadOf(() => db.getRepository(things).findOneBy({ id })),
    "1,000 rows": loadOf(() => db.getRepository(thousand).find()),
    "insert of 8": loadOf(() => db.getRepository(things).insert(one)),
    "transaction of 3": loadOf(() =>
      db.transaction(async (manager) => {
        for (let n = 0; n < 3; n++) await manager.increment(things, { id }, "rank", 1)
      })
    ),
    "bulk insert of 500": loadOf(() => db.getRepository(things).insert(rows))
  }
}
