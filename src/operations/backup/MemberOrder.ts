/** Puts the members of a JSON document into the order in which PostgreSQL's jsonb prints them. Pure. */

/** An object or an array that has begun. */
interface Open {
  readonly isObject: boolean
  /** The texts of an object's members by their names, as they are written, or of an array's elements. */
  readonly parts: Map<string, string>
  /** The name of the member whose value comes next. */
  name: string | undefined
}

const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]]|[^"{}[\],:\s]+/gs

const bytesOf = (literal: string): Buffer => Buffer.from(String(JSON.parse(literal)))

/** A shorter name is first, in bytes of UTF-8; of names that have the same length the one with the smaller bytes. */
const compare = (one: string, other: string): number => {
  const [a, b] = [bytesOf(one), bytesOf(other)]
  return a.length - b.length || Buffer.compare(a, b)
}

/** The document as jsonb prints it, but for its numbers and texts; as it is, if its members are in order. */
export const inOrder = (document: string): string => {
  const open: Array<Open> = []
  let whole = ""
  let isMoved = false
  const textOf = ({ isObject, parts }: Open): string => {
    if (!isObject) return `[${[...parts.values()].join(", ")}]`
    const names = [...parts.keys()]
    const sorted = names.toSorted(compare)
    isMoved ||= sorted.some((name, index) => name !== names[index])
    return `{${sorted.map((name) => `${name}: ${parts.get(name)}`).join(", ")}}`
  }
  const end = (text: string) => {
    const within = open.at(-1)
    if (within === undefined) whole = text
    else within.parts.set(within.name ?? String(within.parts.size), text)
    if (within !== undefined) within.name = undefined
  }
  for (const [token] of document.matchAll(tokens)) {
    const within = open.at(-1)
    if (token === "{" || token === "[") open.push({ isObject: token === "{", parts: new Map(), name: undefined })
    else if (token === "}" || token === "]") {
      const ended = open.pop()
      if (ended !== undefined) end(textOf(ended))
    } else if (within?.isObject === true && within.name === undefined) within.name = token
    else end(token)
  }
  return isMoved ? whole : document
}
