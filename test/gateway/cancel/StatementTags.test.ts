import { assert, describe, it } from "@effect/vitest"
import { StatementTags } from "../../../src/gateway/cancel/StatementTags.ts"

const times = <A>(count: number, make: () => A): ReadonlyArray<A> => Array.from({ length: count }, make)

describe("the tags of statements", () => {
  it("are the same for a text that is sent again, so that the service prepares it once", () => {
    const tags = new StatementTags()
    const comments = times(100, () => {
      const tag = tags.take("select 1")
      tag.release()
      return tag.comment
    })
    assert.strictEqual(new Set(comments).size, 1)
  })

  it("tell other texts, other gateways and up to seven runs of one text at a time apart", () => {
    const tags = new StatementTags()
    const comments = [
      ...times(7, () => tags.take("select 1")),
      tags.take("select 2"),
      new StatementTags().take("select 1")
    ].map(({ comment }) => comment)
    assert.strictEqual(new Set(comments).size, comments.length)
  })

  it("are shared from the eighth run of one text on, and who shares one is not alone until the others are answered", () => {
    const tags = new StatementTags()
    const running = times(20, () => tags.take("select 1"))
    assert.strictEqual(new Set(running.map(({ comment }) => comment)).size, 8)
    assert.deepStrictEqual(
      running.map(({ isUnique }) => isUnique),
      running.map((_, at) => at < 7)
    )
    for (const tag of running.slice(8)) tag.release()
    assert.isTrue(running[7]?.isUnique)
    for (const tag of running.slice(0, 8)) tag.release()
    assert.isFalse(running[7]?.isUnique, "a statement that was answered is not found")
  })

  it("find no statement of another client's once their own was answered", () => {
    const tags = new StatementTags()
    const answered = tags.take("select 1")
    answered.release()
    const other = tags.take("select 1")
    assert.strictEqual(other.comment, answered.comment)
    assert.isFalse(answered.isUnique)
    assert.isTrue(other.isUnique)
    answered.release()
    assert.isTrue(other.isUnique, "a tag is released once")
  })

  it("come back as soon as they are free", () => {
    const tags = new StatementTags()
    const [first, second] = [tags.take("select 1"), tags.take("select 1")]
    first.release()
    assert.strictEqual(tags.take("select 1").comment, first.comment)
    assert.notStrictEqual(second.comment, first.comment)
  })

  it("never come back once one of them was cancelled, since the cancellation may be late", () => {
    const tags = new StatementTags()
    const before = times(3, () => tags.take("select 1"))
    tags.renew("select 1")
    for (const tag of before) tag.release()
    const after = times(3, () => tags.take("select 1"))
    const all = [...before, ...after].map(({ comment }) => comment)
    assert.strictEqual(new Set(all).size, 6)
  })

  it("are found however many other texts come between", () => {
    const tags = new StatementTags()
    const running = tags.take("select 0")
    for (let value = 1; value < 3000; value++) tags.take(`select ${value}`).release()
    assert.isTrue(running.isUnique)
    assert.notStrictEqual(tags.take("select 0").comment, running.comment)
  })
})
