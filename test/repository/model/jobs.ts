/** The operations on jobs and on their queue, and what they should do. */
import { Effect, type Schema } from "effect"
import { JobId, type JobStatus, type JobUpdate, statusesBefore } from "../../../src/domain/index.ts"
import { type JobPage, Jobs, type RepositoryError } from "../../../src/repository/index.ts"
import type { Draw, Operation } from "./Operation.ts"
import { byNewest, fails, gives, idOf, members, type Outcome, ownedBy, type Row, type World } from "./World.ts"

const kinds = ["portfolio_analysis", "risk_assessment"] as const

/** The model's own members of a job: in which transaction it was started, and from which one on its lease has run out. */
const hidden = ["startedIn", "leaseUntil"]
const payloads = {
  request_payload: null,
  report_payload: null,
  charts_payload: null,
  retirement_payload: null,
  summary_payload: null
}
const without = (row: Row, names: ReadonlyArray<string>): Row =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)))
const stateOf = (row: Row) => without(row, [...hidden, ...Object.keys(payloads)])

/** A lease that has run out by the next transaction, or one that does not. */
const leases = { short: 0, long: "1 day" } as const
type Lease = keyof typeof leases

interface Change {
  readonly to?: JobStatus | undefined
  readonly from?: ReadonlyArray<string>
  readonly takeOver?: boolean
  readonly lease?: Lease | undefined
  readonly set?: object
  readonly attempt?: number
  readonly unlessEnded?: boolean
  readonly extends?: boolean
}

const hasRunOut = (row: Row, now: number) => row["leaseUntil"] !== null && Number(row["leaseUntil"]) < now
const isStuck = (row: Row, now: number) =>
  row["status"] === "running" && Number(row["startedIn"]) < now && (row["leaseUntil"] === null || hasRunOut(row, now))

const isRefused = (row: Row, { attempt, from, takeOver, to, unlessEnded }: Change, now: number): boolean => {
  const status = String(row["status"])
  if (attempt !== undefined && (status !== "running" || row["attempts"] !== attempt)) return true
  if (unlessEnded === true && ["completed", "failed", "cancelled"].includes(status)) return true
  if (to === undefined) return false
  const before: ReadonlyArray<string> = from ?? statusesBefore[to]
  return !before.includes(status) && !(takeOver === true && isStuck(row, now))
}

const stepOf = (row: Row, { extends: extended, lease, to }: Change, now: number): Row => {
  const leaseUntil = lease === undefined ? null : lease === "short" ? now : Number.MAX_SAFE_INTEGER
  if (to === undefined) return {}
  if (extended === true) return { leaseUntil }
  if (to !== "running") return { status: to, leaseUntil: null, ...(to === "pending" && { startedIn: null }) }
  return { status: to, attempts: Number(row["attempts"]) + 1, startedIn: now, leaseUntil }
}

/** Changes a job that the owner, or anyone, may see. */
const take =
  (id: string, owner: string | undefined, change: Change) =>
  (world: World, _: unknown, now: number): Outcome => {
    const row = world.jobs.get(id.toLowerCase())
    if (row === undefined || (owner !== undefined && row["clerk_user_id"] !== owner)) return fails("JobNotFound")
    if (isRefused(row, change, now)) return fails("JobTransitionRefused")
    const changed = { ...row, ...members(change.set ?? {}), ...stepOf(row, change, now) }
    world.jobs.set(idOf(row), changed)
    return gives(stateOf(changed))
  }

const givenUp = (attempts: unknown) =>
  `No worker finished the job: it was started ${attempts} times, and the last lease ran out.`

const claim = (draw: Draw): Operation => {
  const types = draw.one<ReadonlyArray<string>>([kinds, [kinds[0]]])
  const lease = draw.one<Lease>(["short", "long"])
  const [limit, maxAttempts] = [draw.one([1, 2, 3]), draw.one([1, 2, 5])]
  return {
    text: `jobs.claim ${JSON.stringify({ types, lease, limit, maxAttempts })}`,
    run: Effect.map(
      Jobs.use(({ claim }) => claim({ types, lease: leases[lease], limit, maxAttempts })),
      (all) => all.map(({ job, number }) => ({ ...job, number }))
    ),
    expect: (world, _, now) => {
      const all = [...world.jobs.values()].filter((row) => types.some((type) => type === row["job_type"]))
      const lost = all.filter((row) => row["status"] === "running" && hasRunOut(row, now))
      const isOver = (row: Row) => Number(row["attempts"]) >= maxAttempts
      for (const row of lost.filter(isOver)) {
        const failed = { status: "failed", leaseUntil: null, error_message: givenUp(row["attempts"]) }
        world.jobs.set(idOf(row), { ...row, ...failed })
      }
      const free = [...all.filter((row) => row["status"] === "pending"), ...lost.filter((row) => !isOver(row))]
      const oldest = free.sort(byNewest(world)).reverse().slice(0, limit)
      return gives(
        oldest.map((row) => {
          const claimed = { ...row, ...stepOf(row, { to: "running", lease }, now) }
          world.jobs.set(idOf(row), claimed)
          return { ...stateOf(claimed), request_payload: row["request_payload"], number: claimed["attempts"] }
        })
      )
    }
  }
}

const create = (draw: Draw): Operation => {
  const clerk_user_id = draw.user()
  const job_type = draw.one(kinds)
  const asked = draw.maybe<"request_payload", Schema.Json>("request_payload", [
    { years: 20, deep: [[{}]] },
    "text",
    1.5,
    null,
    []
  ])
  return {
    text: `jobs.create of ${clerk_user_id}`,
    run: Jobs.use(({ create }) => create({ clerk_user_id, job_type, ...asked })),
    expect: (world, actual, now) => {
      if (!world.users.has(clerk_user_id)) return fails("UserNotFound")
      const id = idOf(actual)
      const state = { id, clerk_user_id, job_type, status: "pending", error_message: null, attempts: 0 }
      world.jobs.set(id, members({ ...state, ...payloads, ...asked, startedIn: null, leaseUntil: null }))
      world.created.set(id, now)
      return gives(state)
    }
  }
}

/** The ids of all pages. */
const pages = <A extends { readonly id: string }>(
  page: (after: JobPage["next"]) => Effect.Effect<JobPage<A>, RepositoryError>
) =>
  Effect.gen(function* () {
    const ids: Array<string> = []
    for (let next = yield* page(null); ; next = yield* page(next.next)) {
      ids.push(...next.jobs.map(({ id }) => id))
      if (next.next === null) return ids
    }
  })

const lists = (draw: Draw): Operation => {
  const user = draw.user()
  const status = draw.maybe("status", ["pending", "running", "completed", "failed", "cancelled"])
  const isOf = (row: Row) => status.status === undefined || row["status"] === status.status
  const newest = (world: World) => ownedBy(world.jobs, user).filter(isOf).sort(byNewest(world)).map(idOf)
  const all = (world: World) => [...world.jobs.values()].sort(byNewest(world)).reverse()
  return draw.one<Operation>([
    {
      text: `jobs.listByUser ${user} ${status.status}`,
      run: Jobs.use(({ listByUser }) => pages((after) => listByUser(user, { ...status, after, limit: 2 }))),
      expect: (world) => gives(newest(world))
    },
    {
      text: `jobs.listWithPayloads ${user} ${status.status}`,
      run: Jobs.use(({ listWithPayloads }) => pages((after) => listWithPayloads(user, { ...status, after, limit: 2 }))),
      expect: (world) => gives(newest(world))
    },
    {
      text: `jobs.listOldest ${status.status}`,
      run: Effect.map(
        Jobs.use(({ listOldest }) => listOldest({ ...status, limit: 3 })),
        (jobs) => jobs.map(idOf)
      ),
      expect: (world) => gives(all(world).filter(isOf).slice(0, 3).map(idOf))
    },
    {
      text: "jobs.listOldest that are stuck",
      run: Effect.map(
        Jobs.use(({ listOldest }) => listOldest({ runningFor: 0 })),
        (jobs) => jobs.map(idOf)
      ),
      expect: (world, _, now) =>
        gives(
          all(world)
            .filter((row) => isStuck(row, now))
            .map(idOf)
        )
    }
  ])
}

const ofAttempt = (draw: Draw, id: JobId, attempts: number, set: JobUpdate): Operation => {
  const attempt = Jobs.use((jobs) => Effect.succeed(jobs.attempt({ id, attempts })))
  const running = { attempt: attempts, from: ["running"] }
  const lease = draw.one<Lease>(["short", "long"])
  const { status: _, ...results } = set
  const text = (name: string) => `attempt ${attempts} of job ${id}: ${name}`
  return draw.one<Operation>([
    {
      text: text("attach"),
      run: Effect.flatMap(attempt, ({ attach }) => attach(results)),
      expect: take(id, undefined, { attempt: attempts, set: results })
    },
    {
      text: text("complete"),
      run: Effect.flatMap(attempt, ({ complete }) => complete()),
      expect: take(id, undefined, { ...running, to: "completed" })
    },
    {
      text: text("fail"),
      run: Effect.flatMap(attempt, ({ fail }) => fail("no")),
      expect: take(id, undefined, { ...running, to: "failed", set: { error_message: "no" } })
    },
    {
      text: text("release"),
      run: Effect.flatMap(attempt, ({ release }) => release()),
      expect: take(id, undefined, { ...running, to: "pending" })
    },
    {
      text: text("extend"),
      run: Effect.flatMap(attempt, ({ extend }) => extend(leases[lease])),
      expect: take(id, undefined, { ...running, to: "running", lease, extends: true })
    }
  ])
}

const { request_payload: _, ...results } = payloads

const steps = (draw: Draw, id: JobId, set: JobUpdate): Operation => {
  const owner = draw.owner()
  const one = Jobs.use((jobs) => Effect.succeed(owner === undefined ? jobs : jobs.forUser(owner)))
  const takeOver = draw.chance(0.5)
  const over = takeOver ? { takeOver: 0 } : {}
  const lease = draw.one<Lease | undefined>(["short", "long", undefined])
  const unlessEnded = draw.chance(0.3)
  const { status, ...results_ } = set
  const text = (name: string) => `jobs.${name} ${id} by ${owner}`
  return draw.one<Operation>([
    {
      text: text(`start ${lease} ${takeOver}`),
      run: Effect.flatMap(one, ({ start }) => start(id, { ...over, ...(lease && { lease: leases[lease] }) })),
      expect: take(id, owner, { to: "running", takeOver, lease })
    },
    {
      text: text("complete"),
      run: Effect.flatMap(one, ({ complete }) => complete(id)),
      expect: take(id, owner, { to: "completed" })
    },
    {
      text: text("fail"),
      run: Effect.flatMap(one, ({ fail }) => fail(id, "no")),
      expect: take(id, owner, { to: "failed", set: { error_message: "no" } })
    },
    {
      text: text("cancel"),
      run: Effect.flatMap(one, ({ cancel }) => cancel(id)),
      expect: take(id, owner, { to: "cancelled" })
    },
    {
      text: text(`retry ${takeOver}`),
      run: Effect.flatMap(one, ({ retry }) => retry(id, { results: "clear", ...over })),
      expect: take(id, owner, { to: "pending", takeOver, set: { ...results, error_message: null } })
    },
    {
      text: text(`update ${JSON.stringify(set)} ${unlessEnded}`),
      run: Effect.flatMap(one, ({ update }) => update(id, set, { unlessEnded })),
      expect: take(id, owner, { to: status, set: results_, unlessEnded })
    },
    {
      text: text("delete"),
      run: Effect.flatMap(one, (jobs) => jobs.delete(id)),
      expect: (world) => {
        const row = world.jobs.get(id.toLowerCase())
        if (row === undefined || (owner !== undefined && row["clerk_user_id"] !== owner)) return fails("JobNotFound")
        world.jobs.delete(idOf(row))
        return gives(stateOf(row))
      }
    },
    {
      text: text("findById"),
      run: Effect.flatMap(one, ({ findById }) => findById(id)),
      expect: (world) => {
        const row = world.jobs.get(id.toLowerCase())
        const isSeen = row !== undefined && (owner === undefined || row["clerk_user_id"] === owner)
        return isSeen ? gives(without(row, hidden)) : fails("JobNotFound")
      }
    }
  ])
}

export const ofJobs = (draw: Draw, world: World): Operation => {
  const id = JobId.make(draw.key(world.jobs))
  const set: JobUpdate = {
    ...draw.maybe("status", ["running", "completed", "failed", "cancelled"]),
    ...draw.maybe("report_payload", [{ content: "r \\ \" '" }, null]),
    ...draw.maybe("summary_payload", [{ a: [1, null, "x"], b: {} }]),
    ...draw.maybe("error_message", ["why", null])
  }
  const attempts = draw.chance(0.7) ? Number(world.jobs.get(id.toLowerCase())?.["attempts"] ?? 1) : draw.one([0, 1, 2])
  return draw.one<() => Operation>([
    () => create(draw),
    () => create(draw),
    () => claim(draw),
    () => lists(draw),
    () => steps(draw, id, set),
    () => steps(draw, id, set),
    () => ofAttempt(draw, id, attempts, set)
  ])()
}
