// TypeORM: synchronise from entities twice, repositories, relations, transactions, migrations, errors.
import "reflect-metadata"
import { DataSource, EntitySchema } from "typeorm"

const shown = (title, value) => process.stdout.write(`${title} ${JSON.stringify(value)}\n`)
const Owner = new EntitySchema({
  name: "Owner",
  columns: {
    id: { type: Number, primary: true, generated: true },
    name: { type: String, length: 40, unique: true },
    mood: { type: "enum", enum: ["sad", "ok"], enumName: "mood", nullable: true },
    balance: { type: "numeric", precision: 12, scale: 4, default: 0 },
    data: { type: "jsonb", nullable: true },
    tags: { type: "text", array: true, default: "{}" },
    span: { type: "interval", nullable: true },
    key: { type: "uuid", generated: "uuid" },
    at: { type: "timestamptz", nullable: true }
  },
  relations: { pets: { type: "one-to-many", target: "Pet", inverseSide: "owner", cascade: true } }
})
const Pet = new EntitySchema({
  name: "Pet",
  columns: { id: { type: "bigint", primary: true, generated: true }, name: { type: String } },
  indices: [{ columns: ["name"] }],
  checks: [{ expression: "name <> ''" }],
  relations: {
    owner: { type: "many-to-one", target: "Owner", inverseSide: "pets", onDelete: "CASCADE", joinColumn: true }
  }
})
class AddNote1700000000000 {
  async up(runner) {
    await runner.query('ALTER TABLE "pet" ADD "note" text')
  }
  async down(runner) {
    await runner.query('ALTER TABLE "pet" DROP COLUMN "note"')
  }
}

const source = new DataSource({
  type: "postgres",
  url: process.argv[2],
  entities: [Owner, Pet],
  migrations: [AddNote1700000000000],
  uuidExtension: "pgcrypto",
  installExtensions: false
})
await source.initialize()
await source.synchronize()
shown(
  "second time",
  (await source.driver.createSchemaBuilder().log()).upQueries.map(({ query }) => query)
)
const owners = source.getRepository(Owner)
const saved = await owners.save({
  name: "ada",
  mood: "ok",
  balance: "1.5",
  data: { k: [1, null] },
  tags: ["a", 'b"'],
  span: "1 day 02:00:00",
  at: new Date(0),
  pets: [{ name: "rex" }, { name: "tom" }]
})
shown("saved", { ...saved, key: saved.key.length })
const [found] = await owners.find({ relations: { pets: true }, order: { pets: { id: "ASC" } } })
shown("found", { ...found, key: found.key.length })
const error = await owners.save({ name: "ada" }).catch((cause) => cause)
shown("duplicate", [error.code, error.driverError.severity, error.message])
shown(
  "rolled back",
  await source
    .transaction("SERIALIZABLE", async (manager) => {
      await manager.save(Pet, { name: "gone", owner: found })
      await manager.query("select 1/0")
    })
    .catch(({ code }) => code)
)
shown("count", await source.getRepository(Pet).count())
const query = source
  .getRepository(Pet)
  .createQueryBuilder("pet")
  .leftJoinAndSelect("pet.owner", "owner")
  .where("owner.name = :name", { name: "ada" })
shown(
  "page",
  await query
    .orderBy("pet.id")
    .take(1)
    .skip(1)
    .getManyAndCount()
    .then(([pets, count]) => [pets.map(({ name }) => name), count])
)
shown("upsert", (await owners.upsert({ name: "ada", balance: 9 }, ["name"])).identifiers)
shown(
  "migrated",
  (await source.runMigrations({ transaction: "each" })).map(({ name }) => name)
)
shown("undone", await source.undoLastMigration().then(() => "yes"))
const runner = source.createQueryRunner()
shown(
  "table",
  (await runner.getTable("owner")).columns.map(({ default: value, isNullable, name, type }) => [
    name,
    type,
    isNullable,
    value
  ])
)
await runner.release()
await source.dropDatabase()
await source.destroy()
