// Prisma's client on its PostgreSQL adapter: nested writes, filters, transactions, raw queries, errors.
import { PrismaPg } from "@prisma/adapter-pg"
import { Prisma, PrismaClient } from "./generated/client.ts"

const db = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.argv[2] }) })
const shown = (title, value) =>
  process.stdout.write(`${title} ${JSON.stringify(value, (_, one) => (typeof one === "bigint" ? String(one) : one))}\n`)
const failure = async (run) =>
  run.then(
    () => "no failure",
    (error) =>
      error instanceof Prisma.PrismaClientKnownRequestError
        ? [error.code, error.meta?.modelName]
        : String(error).slice(-200)
  )

const ada = await db.owner.create({
  data: {
    name: "ada",
    mood: "ok",
    balance: "1.5",
    data: { k: [1, null] },
    tags: ["a", 'b"'],
    octets: new Uint8Array([0, 255]),
    big: 9007199254740993n,
    at: new Date(0),
    key: "00000000-0000-0000-0000-000000000007",
    pets: { create: [{ name: "rex" }, { name: "tom" }] }
  },
  include: { pets: true }
})
shown("created", ada)
shown(
  "many",
  await db.pet.createMany({ data: Array.from({ length: 200 }, (_, i) => ({ name: `p${i}`, ownerId: ada.id })) })
)
shown(
  "found",
  await db.owner.findMany({
    where: {
      pets: { some: { name: { contains: "REX", mode: "insensitive" } } },
      tags: { has: "a" },
      data: { path: ["k", "0"], equals: 1 }
    },
    include: { pets: { take: 2, orderBy: { id: "asc" } }, _count: true }
  })
)
shown("grouped", await db.pet.groupBy({ by: ["ownerId"], _count: true, _max: { name: true } }))
shown(
  "page",
  await db.pet.findMany({ cursor: { id: 5 }, take: 2, skip: 1, orderBy: { id: "asc" }, select: { name: true } })
)
shown("duplicate", await failure(db.owner.create({ data: { name: "ada" } })))
shown("reference", await failure(db.pet.create({ data: { name: "x", ownerId: 99 } })))
shown("missing", await failure(db.owner.findUniqueOrThrow({ where: { id: 99 } })))
shown(
  "upsert",
  await db.owner.upsert({
    where: { name: "ada" },
    create: { name: "ada" },
    update: { balance: { increment: 2 } },
    select: { balance: true }
  })
)
shown("batch", await failure(db.$transaction([db.pet.deleteMany(), db.owner.create({ data: { name: "ada" } })])))
shown(
  "interactive",
  await failure(
    db.$transaction(
      async (tx) => {
        await tx.pet.deleteMany()
        await tx.$queryRaw`select 1/0`
      },
      { isolationLevel: "Serializable" }
    )
  )
)
shown("count", await db.pet.count())
shown(
  "raw",
  await db.$queryRaw`select ${1}::int + 1 as n, ${"x"} as t, ${new Date(0)}::timestamptz as at, ${[1, 2]}::int[] as a, now() > ${new Date(0)} as later`
)
shown("executed", await db.$executeRaw`update "Pet" set name = name || ${"!"} where id < ${5}`)
shown("unsafe", await failure(db.$queryRawUnsafe("select nope")))
shown("deleted", await db.owner.delete({ where: { id: ada.id }, select: { name: true } }))
shown("left", await db.pet.count())
await db.$disconnect()
