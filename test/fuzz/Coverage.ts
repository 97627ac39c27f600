/** Which parts of the sources have run: V8's own counts, of blocks, without any change of the code. */
import { Session } from "node:inspector"

interface Scripts {
  readonly result: ReadonlyArray<{
    readonly url: string
    readonly functions: ReadonlyArray<{
      readonly ranges: ReadonlyArray<{
        readonly startOffset: number
        readonly endOffset: number
        readonly count: number
      }>
    }>
  }>
}

type Interval = readonly [start: number, end: number]

const common = (some: ReadonlyArray<Interval>, others: ReadonlyArray<Interval>): ReadonlyArray<Interval> =>
  some.flatMap(([start, end]) =>
    others.flatMap(([from, to]): ReadonlyArray<Interval> => {
      const both: Interval = [Math.max(start, from), Math.min(end, to)]
      return both[0] < both[1] ? [both] : []
    })
  )

const length = (intervals: ReadonlyArray<Interval>): number =>
  intervals.reduce((sum, [start, end]) => sum + end - start, 0)

export class Coverage {
  readonly #session = new Session()
  readonly #files: RegExp
  /** What has never run of each function that has. V8 names a block only where it ran less often than what is around it. */
  readonly #missing = new Map<string, ReadonlyArray<Interval>>()
  #size = 0

  /** @param files The sources that count. */
  constructor(files: RegExp) {
    this.#files = files
    this.#session.connect()
    this.#session.post("Profiler.enable")
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })
  }

  /**
   * Whether anything ran since the last time that had never run before, which is noted where `isNoted`. Asking takes
   * milliseconds.
   */
  hasNews(isNoted: boolean): boolean {
    let scripts: Scripts = { result: [] }
    // The answer is there before the call returns.
    this.#session.post("Profiler.takePreciseCoverage", (_, taken) => {
      scripts = taken
    })
    let found = false
    for (const { functions, url } of scripts.result) {
      if (!this.#files.test(url)) continue
      for (const { ranges } of functions) {
        const [whole] = ranges
        if (whole === undefined || whole.count === 0) continue
        const name = `${url} ${whole.startOffset} ${whole.endOffset}`
        const unused = ranges.flatMap(
          ({ count, endOffset, startOffset }): ReadonlyArray<Interval> =>
            count === 0 ? [[startOffset, endOffset]] : []
        )
        const before = this.#missing.get(name)
        const missing = before === undefined ? unused : common(before, unused)
        const all = whole.endOffset - whole.startOffset
        const gained = (before === undefined ? all : length(before)) - length(missing)
        if (before !== undefined && gained === 0) continue
        found = true
        if (!isNoted) continue
        this.#size += gained
        this.#missing.set(name, missing)
      }
    }
    return found
  }

  /** Characters of the sources that have run. */
  get size(): number {
    return this.#size
  }

  stop(): void {
    this.#session.disconnect()
  }
}
