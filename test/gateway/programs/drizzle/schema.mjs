import { sql } from "drizzle-orm"
import {
  check,
  index,
  integer,
  interval,
  jsonb,
  numeric,
  pgEnum,
  pgTable,
  pgView,
  primaryKey,
  serial,
  text,
  timestamp,
  unique,
  uuid,
  varchar
} from "drizzle-orm/pg-core"

export const mood = pgEnum("mood", ["sad", "ok"])
export const owner = pgTable("owner", {
  id: serial().primaryKey(),
  name: varchar({ length: 40 }).notNull().unique(),
  mood: mood(),
  balance: numeric({ precision: 12, scale: 4 }).default("0"),
  data: jsonb(),
  tags: text().array().default(sql`'{}'`),
  span: interval(),
  key: uuid().defaultRandom(),
  at: timestamp({ withTimezone: true }).defaultNow()
})
export const pet = pgTable(
  "pet",
  {
    id: integer().primaryKey().generatedAlwaysAsIdentity(),
    name: text().notNull(),
    ownerId: integer().references(() => owner.id, { onDelete: "cascade" })
  },
  (t) => [index("pet_name").on(t.name), check("pet_named", sql`${t.name} <> ''`)]
)
export const both = pgTable("both", { a: integer(), b: integer() }, (t) => [
  primaryKey({ columns: [t.a, t.b] }),
  unique().on(t.b)
])
export const seen = pgView("seen").as((qb) => qb.select({ id: owner.id, name: owner.name }).from(owner))
