/**
 * The gateway beside the driver: pgbench through `alex-db gateway`, and the driver doing the same statements, against
 * the same local server on PostgreSQL. Gateway, driver, server and pgbench are processes of their own.
 *
 * A figure is the time of one transaction; the driver's is 1. What the processes spent is in CPU time.
 */
import { execFile, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { promisify } from "node:util"
import { Effect } from "effect"
import { type Figure, median } from "./measure.ts"
import { arns, credentials, freshDatabase, region, served } from "./processes.ts"

/** Debian keeps pgbench away from PATH. */
const programs = "/usr/lib/postgresql/15/bin"
const listening = /postgres:[^"\s]+/
const here = (name: string): string => new URL(name, import.meta.url).pathname

export interface Options {
  readonly rounds: number
  /** Of one contender in one round. */
  readonly seconds: number
  /** Of each contender before the rounds of a workload. */
  readonly warmup: number
  readonly clients: ReadonlyArray<number>
  /** Of pgbench: 100,000 accounts each. */
  readonly scale: number
}

const modes = ["simple", "prepared"] as const
const workloads = ["select", "tpcb"] as const

/** The gateway has at least 0.7 of the driver's throughput. */
const MOST_TIME = 1 / 0.7

interface Measured {
  readonly perSecond: number
  /** Milliseconds of CPU time of the contender's own process for a transaction. */
  readonly cpu: number
}

/** Seconds of CPU time that a process has spent so far. */
const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ")
  return (Number(fields[11]) + Number(fields[12])) / 100
}

interface Started {
  readonly pid: number
  readonly ask: (line: string) => Promise<string>
  readonly found: string
}

/** A program of Node in a process of its own, which answers each line with a line. */
const start = (args: ReadonlyArray<string>, ready: RegExp, environment: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, args, {
        stdio: ["pipe", "pipe", "ignore"],
        env: { ...process.env, ...environment }
      })
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      const line = async () => String((await lines.next()).value)
      let found = ""
      for (let text = await line(); found === ""; text = found === "" ? await line() : text) {
        if (text === "undefined") throw new Error(`${args[0]} has ended`)
        found = ready.exec(text)?.[0] ?? ""
      }
      const ask = (text: string) => {
        child.stdin.write(`${text}\n`)
        return line()
      }
      return { child, started: { pid: child.pid ?? 0, ask, found } satisfies Started }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGINT"))
  ).pipe(Effect.map(({ started }) => started))

const measured = Effect.fnUntraced(function* (pid: number, seconds: number, run: () => Promise<number>) {
  const before = cpuOf(pid)
  const perSecond = yield* Effect.promise(run)
  return { perSecond, cpu: ((cpuOf(pid) - before) * 1000) / (perSecond * seconds) } satisfies Measured
})

const run = (program: string, ...args: ReadonlyArray<string>) => promisify(execFile)(`${programs}/${program}`, args)

const pgbench = async (url: string, ...args: ReadonlyArray<string>): Promise<number> => {
  const { stdout } = await run("pgbench", "-n", ...args, url)
  return Number(/tps = (\S+)/.exec(stdout)?.[1])
}

/** One of those that are compared: its process, and how it runs a workload. */
interface Contender {
  readonly name: string
  readonly pid: number
  readonly run: (
    workload: (typeof workloads)[number],
    mode: (typeof modes)[number],
    clients: number,
    seconds: number
  ) => Promise<number>
}

const settle = (rounds: ReadonlyArray<Measured>): Measured => ({
  perSecond: median(rounds.map(({ perSecond }) => perSecond)),
  cpu: median(rounds.map(({ cpu }) => cpu))
})

/** The contenders, of which the first is what the others are measured by. */
const contenders = Effect.fnUntraced(function* ({ scale }: Options) {
  const url = yield* freshDatabase
  const database = new URL(url).pathname.slice(1)
  yield* Effect.promise(() => run("pgbench", "-i", "-q", "-s", String(scale), url))
  // What the disk takes for a commit is no concern of either.
  yield* Effect.promise(() => run("psql", "-q", "-c", `ALTER DATABASE ${database} SET synchronous_commit = off`, url))
  const endpoint = yield* served(url)
  const driver = yield* start([here("gatewayDriver.ts"), endpoint, database, String(scale)], /ready/)
  const own = yield* start(
    [here("../../src/cli/main.ts"), ..."gateway --port 0 --trust --json".split(" ")],
    listening,
    {
      ALEX_DB_BACKEND: "data-api",
      AURORA_CLUSTER_ARN: arns.resourceArn,
      AURORA_SECRET_ARN: arns.secretArn,
      AURORA_DATABASE: database,
      AWS_ENDPOINT_URL_RDS_DATA: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey
    }
  )
  const floor = yield* start([here("gatewayFloor.ts"), endpoint, database], listening)
  const through =
    (address: string): Contender["run"] =>
    (workload, mode, clients, seconds) =>
      pgbench(
        address,
        ...(workload === "select" ? ["-S"] : []),
        ..."-M -c -T".split(" ").flatMap((flag, index) => [flag, String([mode, clients, seconds][index])])
      )
  const all: ReadonlyArray<Contender> = [
    {
      name: "driver",
      pid: driver.pid,
      run: async (workload, mode, clients, seconds) =>
        Number(await driver.ask(`${mode} ${workload} ${clients} ${seconds}`))
    },
    { name: "gateway", pid: own.pid, run: through(own.found) },
    { name: "the floor", pid: floor.pid, run: through(floor.found) }
  ]
  return all
})

/** Each workload, each way of sending and each number of clients, in rounds of all contenders in turns. */
export const gateway = Effect.fnUntraced(function* (options: Options) {
  const { clients: numbers, rounds, seconds, warmup } = options
  const all = yield* contenders(options)
  const cases = workloads.flatMap((workload) =>
    modes.flatMap((mode) => numbers.map((clients) => ({ workload, mode, clients })))
  )
  const figures: Array<Figure> = []
  for (const { clients, mode, workload } of cases) {
    const found = all.map((): Array<Measured> => [])
    // V8 compiles what is hot in the first 20,000 statements or so.
    for (const { run } of all) yield* Effect.promise(() => run(workload, mode, clients, warmup))
    for (let round = 0; round < rounds; round++) {
      for (const [index, { pid, run }] of all.entries()) {
        const one = yield* measured(pid, seconds, () => run(workload, mode, clients, seconds))
        found[index]?.push(one)
      }
    }
    for (const [index, { name }] of all.entries()) {
      const { cpu, perSecond } = settle(found[index] ?? [])
      // Of each round by itself, since the machine may be busier in one than in another.
      const ratio = median(
        (found[index] ?? []).map((one, round) => (found[0]?.[round]?.perSecond ?? 0) / one.perSecond)
      )
      figures.push({
        section: "gateway",
        what: `pgbench ${workload === "select" ? "-S" : "TPC-B"}, ${mode}, ${clients} clients`,
        contender: name,
        values: { "transactions/s": perSecond, "cpu/ms": cpu },
        ratio,
        ...(name === "gateway" ? { limits: { ratio: MOST_TIME } } : {})
      })
    }
  }
  return figures
})
