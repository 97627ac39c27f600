// Sequelize: sync, models, associations, managed and unmanaged transactions, introspection, errors.
import { DataTypes, QueryTypes, Sequelize, Transaction } from "sequelize"

const db = new Sequelize(process.argv[2].replace("postgres://", "postgresql://"), { logging: false })
const shown = (title, value) => process.stdout.write(`${title} ${JSON.stringify(value)}\n`)
const Owner = db.define(
  "owner",
  {
    name: { type: DataTypes.STRING(40), allowNull: false, unique: true },
    mood: DataTypes.ENUM("sad", "ok"),
    balance: { type: DataTypes.DECIMAL(12, 4), defaultValue: 0 },
    data: DataTypes.JSONB,
    tags: DataTypes.ARRAY(DataTypes.TEXT),
    within: DataTypes.RANGE(DataTypes.INTEGER),
    key: { type: DataTypes.UUID, defaultValue: "00000000-0000-0000-0000-000000000007" },
    born: DataTypes.DATEONLY,
    octets: DataTypes.BLOB
  },
  { timestamps: false }
)
const Pet = db.define(
  "pet",
  { name: DataTypes.STRING, age: { type: DataTypes.INTEGER, validate: { min: 0 } } },
  { timestamps: false, indexes: [{ fields: ["name"] }] }
)
Owner.hasMany(Pet, { onDelete: "CASCADE" })
Pet.belongsTo(Owner)

await db.authenticate()
await db.sync({ force: true })
await db.sync({ alter: true })
const ada = await Owner.create(
  {
    name: "ada",
    mood: "ok",
    balance: "1.5",
    data: { k: [1, null] },
    tags: ["a", 'b"'],
    within: [1, 5],
    born: "2020-02-29",
    octets: Buffer.from([0, 255]),
    pets: [{ name: "rex", age: 3 }]
  },
  { include: Pet }
)
shown("created", ada)
await Pet.bulkCreate(Array.from({ length: 200 }, (_, i) => ({ name: `p${i}`, age: i % 9, ownerId: ada.id })))
// Values and ids in the text, more than a statement of the Data API holds.
const long = await Owner.bulkCreate(
  Array.from({ length: 1500 }, (_, i) => ({
    name: `long '${i}' \\ :x $1`,
    mood: i % 3 === 0 ? null : "ok",
    balance: i / 4,
    data: { i, text: "it's" },
    tags: i % 2 === 0 ? [] : ["a", `'${i}`],
    born: "2020-02-29",
    octets: Buffer.from([i % 256, 0])
  }))
)
const ids = [...long.map(({ id }) => id), ...Array.from({ length: 20_000 }, (_, i) => -1 - i)]
shown("long", [
  long.length,
  await Owner.sum("balance", { where: { id: ids } }),
  await Owner.findOne({ where: { id: ids }, order: [["id", "DESC"]] })
])
shown("long gone", await Owner.destroy({ where: { id: ids } }))
shown("found", await Owner.findAll({ include: { model: Pet, where: { age: 8 }, limit: 3, order: ["id"] } }))
shown(
  "grouped",
  await Pet.findAll({
    attributes: ["age", [db.fn("count", db.col("id")), "n"]],
    group: "age",
    order: ["age"],
    raw: true
  })
)
// `alter` makes a second constraint, owners_name_key1. PostgreSQL makes both anew as it alters the column's type, in the
// order in which it finds them on the disk, and checks the first one first.
shown(
  "duplicate",
  await Owner.create({ name: "ada" }).catch(({ name, parent }) => [
    name,
    parent.code,
    parent.constraint.replace(/1$/, "")
  ])
)
shown(
  "reference",
  await Pet.create({ name: "x", ownerId: 99 }).catch(({ name, parent, table }) => [name, parent.code, table])
)
shown(
  "rolled back",
  await db
    .transaction({ isolationLevel: Transaction.ISOLATION_LEVELS.SERIALIZABLE }, async (transaction) => {
      await Pet.destroy({ where: {}, transaction })
      await db.query("select 1/0", { transaction })
    })
    .catch(({ parent }) => parent.code)
)
const transaction = await db.transaction()
await Pet.update({ age: 100 }, { where: { id: 1 }, transaction })
await transaction.commit()
shown("count", [await Pet.count(), await Pet.max("age")])
shown("upsert", await Owner.upsert({ name: "ada", balance: 3 }, { conflictFields: ["name"] }))
shown("replaced", await db.query("select :a::int + 1 as n", { replacements: { a: 1 }, type: QueryTypes.SELECT }))
shown("bound", await db.query("select $1::text as t, $2::int[] as a", { bind: ["x", [1, 2]], type: QueryTypes.SELECT }))
const tools = db.getQueryInterface()
shown("described", await tools.describeTable("owners"))
// PostgreSQL returns them in no order.
shown("tables", (await tools.showAllTables()).sort())
shown(
  "indexes",
  (await tools.showIndex("pets")).map(({ name, unique }) => [name, unique])
)
await tools.addColumn("pets", "note", DataTypes.TEXT)
await tools.renameColumn("pets", "note", "remark")
await tools.changeColumn("pets", "remark", { type: DataTypes.STRING(9), allowNull: true })
await db.drop({ cascade: true }).catch(({ message }) => shown("dropped", message))
await db.close()
