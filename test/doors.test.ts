/** The rooms of `src` and the doors between them: who may import whom. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, relative, resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"

const src = fileURLToPath(new URL("../src/", import.meta.url))

interface Import {
  /** The file that imports, from `src`: `local/Engine.ts`. */
  readonly from: string
  /** What it imports: a file from `src`, or the name of a package. */
  readonly to: string
  /** Only for types, so that nothing of it is loaded. */
  readonly typeOnly: boolean
  /** Loaded when it is needed, by `import()`. */
  readonly late: boolean
}

const importsOf = (file: string): ReadonlyArray<Import> => {
  // The examples in comments import too.
  const text = readFileSync(resolve(src, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "")
  const found = text.matchAll(
    /^\s*(import|export)\s+(type\s)?[^"'()]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm
  )
  return [...found].map((match) => {
    const to = match[3] ?? match[4] ?? match[5] ?? ""
    const path = to.startsWith(".")
      ? relative(src, resolve(src, dirname(file), to))
          .split(sep)
          .join("/")
      : to
    return { from: file, to: path, typeOnly: match[2] !== undefined, late: match[5] !== undefined }
  })
}

const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.split(sep).join("/"))

const imports = files.flatMap(importsOf)

const rooms = [
  "spelling",
  "domain",
  "repository",
  "data-api",
  "local",
  "operations",
  "agent",
  "http-api",
  "gateway",
  "cli"
] as const
type Room = (typeof rooms)[number] | "src"

const roomOf = (file: string): Room => rooms.find((room) => file.startsWith(`${room}/`)) ?? "src"

const isFile = (to: string) => to.endsWith(".ts") || to.endsWith(".json")

/** What a room may import beside itself: rooms, single files, and packages by their beginning. */
const doors: Readonly<Record<Room, ReadonlyArray<string>>> = {
  spelling: ["effect"],
  domain: ["effect"],
  repository: ["domain/", "effect"],
  "data-api": ["effect", "@effect/sql-pg", "@aws-sdk/", "node:"],
  local: ["data-api/", "effect", "@effect/sql-pg", "@effect/platform-node", "@electric-sql/pglite", "node:"],
  operations: [
    "repository/",
    "domain/",
    "data-api/statement/Quoting.ts",
    "data-api/statement/SqlLexer.ts",
    "data-api/Arn.ts",
    "data-api/FailureTable.ts",
    "data-api/Limits.ts",
    "data-api/values/SoundJson.ts",
    "effect",
    "node:"
  ],
  agent: [
    "repository/",
    "domain/",
    "operations/",
    "spelling/",
    "data-api/values/SoundJson.ts",
    "effect",
    "@effect/platform-node",
    "jose",
    "node:"
  ],
  "http-api": ["repository/", "domain/", "spelling/", "data-api/values/SoundJson.ts", "effect"],
  gateway: ["data-api/", "effect", "node:"],
  cli: ["", "effect"],
  src: ["", "effect"]
}

const isOpen = (room: Room, to: string): boolean =>
  (isFile(to) && roomOf(to) === room) ||
  doors[room].some((door) => (door === "effect" ? to === door || to.startsWith("effect/") : to.startsWith(door)))

it("no room imports what it has no door to", () => {
  const closed = imports
    .filter(({ from, to }) => !isOpen(roomOf(from), to))
    .map(({ from, to }) => `${from} imports ${to}`)
  assert.isAbove(imports.length, files.length)
  assert.deepStrictEqual(closed, [])
})

it("only DbLayer.ts, index.ts and the command line know more than their own room's neighbours", () => {
  const knowing = imports
    .filter(({ from, to }) => roomOf(from) === "src" && isFile(to) && roomOf(to) !== "src")
    .map(({ from }) => from)
  assert.sameMembers(
    [...new Set(knowing)],
    [
      "Agent.ts",
      "DbConfig.ts",
      "DbLayer.ts",
      "EdgeDbLayer.ts",
      "MisspeltVariables.ts",
      "OpenTools.ts",
      "PostgresSql.ts",
      "TestSnapshot.ts",
      "edge.ts",
      "index.ts"
    ]
  )
  const upwards = imports
    .filter(({ from, to }) => !["src", "cli"].includes(roomOf(from)) && isFile(to))
    .filter(({ to }) => roomOf(to) === "src" || roomOf(to) === "cli")
  assert.deepStrictEqual(upwards, [])
})

it("rooms depend on each other in one direction", () => {
  const edges = new Map<Room, Set<Room>>()
  for (const { from, to } of imports) {
    if (!isFile(to) || roomOf(from) === roomOf(to) || roomOf(from) === "src") continue
    edges.set(roomOf(from), (edges.get(roomOf(from)) ?? new Set<Room>()).add(roomOf(to)))
  }
  const reaches = (from: Room, to: Room, seen: ReadonlySet<Room> = new Set()): boolean =>
    [...(edges.get(from) ?? [])].some(
      (next) => next === to || (!seen.has(next) && reaches(next, to, new Set([...seen, next])))
    )
  assert.deepStrictEqual(
    rooms.filter((room) => reaches(room, room)),
    []
  )
})

/** Everything that is loaded when a file is, not counting types and what is loaded late. */
const loadedBy = (file: string): ReadonlySet<string> => {
  const loaded = new Set<string>()
  const load = (from: string) => {
    for (const { late, to, typeOnly } of imports.filter((one) => one.from === from)) {
      if (late || typeOnly || loaded.has(to)) continue
      loaded.add(to)
      if (to.endsWith(".ts")) load(to)
    }
  }
  load(file)
  return loaded
}

const heavy = (to: string) => /^@electric-sql\/|^@aws-sdk\/|^@effect\/sql-pg|^jose$|^local\//.test(to)

it("the package's face and DbLayer load no backend before one is chosen", () => {
  for (const file of ["index.ts", "DbLayer.ts"]) assert.deepStrictEqual([...loadedBy(file)].filter(heavy), [])
})

it("the Data API's own modules load neither PGlite nor the local server", () => {
  const loaded = files.filter((file) => roomOf(file) === "data-api").flatMap((file) => [...loadedBy(file)])
  assert.deepStrictEqual(
    loaded.filter((to) => /^@electric-sql\/|^local\//.test(to)),
    []
  )
})

it("the command line loads neither a backend nor effect's barrel on the way to its help", () => {
  const loaded = ["cli/main.ts", "cli/run.ts"].flatMap((file) => [...loadedBy(file)])
  assert.deepStrictEqual(
    loaded.filter((to) => heavy(to) || to === "effect" || to === "effect/cli" || to === "effect/sql"),
    []
  )
})

it("the MCP server answers initialize before the database, its repositories and effect's barrels are loaded", () => {
  const loaded = ["cli/commands/mcp.ts", "cli/configuration.ts", "agent/mcp/McpServer.ts"].flatMap((file) => [
    ...loadedBy(file)
  ])
  assert.deepStrictEqual(
    loaded.filter((to) => heavy(to) || to === "effect" || to === "effect/ai" || to.startsWith("repository/")),
    []
  )
})
