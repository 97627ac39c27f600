/** The checker finds each anomaly that is planted, names it, and finds nothing where there is none. */
import { assert, describe, it } from "@effect/vitest"
import { randomOf } from "../durability/Random.ts"
import { check, forbidden } from "./Checker.ts"
import type { AnomalyType, History, Operation, Transaction } from "./History.ts"

const append = (key: string, value: number): Operation => ({ op: "append", key, value })
const list = (key: string, ...values: ReadonlyArray<number>): Operation => ({ op: "list", key, values })
const write = (key: string, value: number): Operation => ({ op: "write", key, value })
const read = (key: string, value: number | null): Operation => ({ op: "read", key, value })

const did = (id: string, ...operations: ReadonlyArray<Operation>): Transaction => ({
  id,
  outcome: "committed",
  operations
})
const rolledBack = (id: string, ...operations: ReadonlyArray<Operation>): Transaction => ({
  id,
  outcome: "aborted",
  operations
})
const unanswered = (id: string, ...operations: ReadonlyArray<Operation>): Transaction => ({
  id,
  outcome: "unknown",
  operations
})

const typesOf = (history: History, final?: string): ReadonlyArray<AnomalyType> =>
  [...new Set(check(history, final).map(({ type }) => type))].toSorted()

const planted: ReadonlyArray<readonly [name: string, ReadonlyArray<AnomalyType>, History, final?: string]> = [
  [
    "G0: two writers in either order",
    ["G0"],
    [
      did("a", append("x", 1), append("y", 1)),
      did("b", append("x", 2), append("y", 2)),
      did("reader", list("x", 1, 2), list("y", 2, 1))
    ]
  ],
  ["G1a: a read of what was rolled back", ["G1a"], [rolledBack("a", append("x", 1)), did("b", list("x", 1))]],
  ["G1a: a register of what was rolled back", ["G1a"], [rolledBack("a", write("x", 1)), did("b", read("x", 1))]],
  [
    "G1b: a read between two appends of another",
    ["G1b", "G-single"],
    [did("a", append("x", 1), append("x", 2)), did("b", list("x", 1)), did("reader", list("x", 1, 2))]
  ],
  [
    "G1b: a register between two writes of another",
    ["G1b"],
    [did("a", write("x", 1), write("x", 2)), did("b", read("x", 1))]
  ],
  [
    "G1c: two that read from each other",
    ["G1c"],
    [did("a", append("x", 1), list("y", 1)), did("b", append("y", 1), list("x", 1))]
  ],
  [
    "G1c: a write after another, and a read from it",
    ["G1c"],
    [did("a", append("x", 1), list("y", 1)), did("b", append("x", 2), append("y", 1)), did("reader", list("x", 1, 2))]
  ],
  [
    "G1c: registers that are read from each other",
    ["G1c"],
    [did("a", write("x", 1), read("y", 1)), did("b", write("y", 1), read("x", 1))]
  ],
  [
    "G-single: a read before, and a read after",
    ["G-single"],
    [did("a", append("x", 1), append("y", 1)), did("b", list("x"), list("y", 1)), did("reader", list("x", 1))]
  ],
  [
    "G-single: a list that grows between two reads",
    ["G-single"],
    [did("a", append("x", 1)), did("b", list("x"), list("x", 1))]
  ],
  [
    "G-single: a register before, and another after",
    ["G-single"],
    [did("a", read("x", null), write("x", 1), write("y", 1)), did("b", read("x", null), read("y", 1))]
  ],
  [
    "lost update: two that append to the same list",
    ["G-single", "lost update"],
    [did("a", list("x"), append("x", 1)), did("b", list("x"), append("x", 2)), did("reader", list("x", 1, 2))]
  ],
  [
    "lost update: two that replace the same value",
    ["G2-item", "lost update"],
    [did("first", write("x", 1)), did("a", read("x", 1), write("x", 2)), did("b", read("x", 1), write("x", 3))]
  ],
  [
    "lost update: two that replace nothing",
    ["G2-item", "lost update"],
    [did("a", read("x", null), write("x", 2)), did("b", read("x", null), write("x", 3))]
  ],
  [
    "G2-item: write skew of lists",
    ["G2-item"],
    [
      did("a", list("x"), append("y", 1)),
      did("b", list("y"), append("x", 1)),
      did("reader", list("x", 1), list("y", 1))
    ]
  ],
  [
    "G2-item: write skew of registers",
    ["G2-item"],
    [did("a", read("x", null), write("y", 1)), did("b", read("y", null), write("x", 1))]
  ],
  [
    "G2-item: three in a circle",
    ["G2-item"],
    [
      did("a", list("x"), append("y", 1)),
      did("b", list("y"), append("z", 1)),
      did("c", list("z"), append("x", 1)),
      did("reader", list("x", 1), list("y", 1), list("z", 1))
    ]
  ],
  [
    "G-nonadjacent: two that each see one of two writes, in either order",
    ["G-nonadjacent"],
    [
      did("a", append("x", 1)),
      did("b", append("y", 1)),
      did("r1", list("x", 1), list("y")),
      did("r2", list("x"), list("y", 1)),
      did("reader", list("x", 1), list("y", 1))
    ]
  ],
  [
    "stale read: one that began after a write was acknowledged",
    ["stale read"],
    [
      { ...did("a", append("x", 1)), began: 0, ended: 1 },
      { ...did("b", list("x")), began: 2, ended: 3 },
      did("reader", list("x", 1))
    ]
  ],
  [
    "stale read: of a register",
    ["stale read"],
    [
      { ...did("first", write("x", 1)), began: 0, ended: 1 },
      { ...did("a", read("x", 1), write("x", 2)), began: 2, ended: 3 },
      { ...did("b", read("x", 1)), began: 4, ended: 5 }
    ]
  ],
  [
    "lost write: what was acknowledged is gone",
    ["lost write"],
    [did("a", append("x", 1)), did("final", list("x"))],
    "final"
  ],
  [
    "incompatible order: neither list begins the other",
    ["incompatible order"],
    [did("a", append("x", 1)), did("b", append("x", 2)), did("r1", list("x", 1)), did("r2", list("x", 2, 1))]
  ],
  ["internal: an append that its own transaction does not see", ["internal"], [did("a", append("x", 1), list("x"))]],
  ["internal: a write that its own transaction does not see", ["internal"], [did("a", write("x", 1), read("x", null))]],
  ["duplicate: an append that ran twice", ["duplicate"], [did("a", append("x", 1)), did("b", list("x", 1, 1))]],
  ["unborn: an element that nobody appended", ["unborn"], [did("a", list("x", 7))]],
  ["unborn: a value that nobody wrote", ["unborn"], [did("a", read("x", 7))]]
]

const clean: ReadonlyArray<readonly [string, History, final?: string]> = [
  ["nothing", []],
  [
    "one after another",
    [
      did("a", list("x"), append("x", 1)),
      did("b", list("x", 1), append("x", 2)),
      did("c", list("x", 1, 2), append("x", 3)),
      did("final", list("x", 1, 2, 3))
    ],
    "final"
  ],
  ["what was rolled back is not read", [rolledBack("a", append("x", 1)), did("b", list("x"))]],
  [
    "a commit whose answer was lost, and which is there",
    [unanswered("a", append("x", 1)), did("final", list("x", 1))],
    "final"
  ],
  [
    "a commit whose answer was lost, and which is not there",
    [unanswered("a", append("x", 1)), did("final", list("x"))],
    "final"
  ],
  [
    "one that reads what it appended between others",
    [did("a", append("x", 1)), did("b", append("x", 2), list("x", 1, 2)), did("reader", list("x", 1, 2))]
  ],
  [
    "registers one after another",
    [
      did("a", read("x", null), write("x", 1), read("x", 1)),
      did("b", read("x", 1), write("x", 2)),
      did("c", read("x", 2))
    ]
  ],
  ["a register that is written blindly", [did("a", write("x", 1)), did("b", write("x", 2)), did("c", read("x", 1))]],
  [
    "one that began before a write was acknowledged, and does not see it",
    [
      { ...did("a", append("x", 1)), began: 0, ended: 3 },
      { ...did("b", list("x")), began: 2, ended: 4 },
      did("reader", list("x", 1))
    ]
  ],
  [
    "a reader that sees one of two who have nothing to do with each other",
    [
      did("a", append("x", 1)),
      did("b", append("y", 1)),
      did("r1", list("x", 1), list("y")),
      did("r2", list("x", 1), list("y", 1))
    ]
  ]
]

/** Transactions one after another, by seed: each reads what is there. */
const serial = (seed: number, count: number): History => {
  const random = randomOf(seed)
  const lists = new Map<string, ReadonlyArray<number>>()
  const registers = new Map<string, number>()
  let value = 0
  const operation = (): Operation => {
    const key = `k${Math.floor(random() * 4)}`
    const kind = Math.floor(random() * 4)
    if (kind === 0) return list(key, ...(lists.get(key) ?? []))
    if (kind === 1) return read(key, registers.get(key) ?? null)
    value++
    if (kind === 2) lists.set(key, [...(lists.get(key) ?? []), value])
    else registers.set(key, value)
    return kind === 2 ? append(key, value) : write(key, value)
  }
  const transactions = Array.from({ length: count }, (_, index) =>
    did(`t${index}`, ...Array.from({ length: 1 + Math.floor(random() * 5) }, operation))
  )
  return [...transactions, did("final", ...[...lists].map(([key, values]) => list(key, ...values)))]
}

describe("the checker of histories", () => {
  for (const [name, types, history, final] of planted) {
    it(`finds ${name}`, () => {
      assert.deepStrictEqual(typesOf(history, final), types.toSorted())
      // In whatever order the transactions are told, and among others that are clean.
      const others = serial(5, 20).filter(({ id }) => id !== "final")
      assert.includeMembers([...typesOf([...others, ...history].toReversed(), final)], [...types])
    })
  }

  for (const [name, history, final] of clean)
    it(`finds nothing in ${name}`, () => assert.deepStrictEqual(check(history, final), []))

  it("finds nothing in 200 histories of transactions one after another", () => {
    for (let seed = 1; seed <= 200; seed++) assert.deepStrictEqual(check(serial(seed, 40), "final"), [], `seed ${seed}`)
  })

  it("finds that a read is older than it says in each of 100 histories in which one is", () => {
    let planted = 0
    for (let seed = 1; planted < 100; seed++) {
      const history = serial(seed, 40)
      // A reader of two elements or more that are others' sees one of them no longer, but has seen another's later write.
      const at = history.findIndex(
        ({ id, operations: [first, ...others] }) =>
          id !== "final" && first?.op === "list" && first.values.length > 1 && others.some(({ op }) => op === "append")
      )
      const [first, ...others] = history[at]?.operations ?? []
      if (first?.op !== "list" || others.some((one) => "key" in one && one.key === first.key)) continue
      planted++
      const stale = did(
        `t${at}`,
        list(first.key, ...first.values.slice(0, -1)),
        list(first.key, ...first.values),
        ...others
      )
      assert.include(typesOf(history.with(at, stale), "final"), "G-single", `seed ${seed}`)
    }
  })

  it("rules out more at each level", () => {
    assert.includeMembers([...forbidden["REPEATABLE READ"]], [...forbidden["READ COMMITTED"]])
    assert.includeMembers([...forbidden.SERIALIZABLE], [...forbidden["REPEATABLE READ"]])
  })
})
