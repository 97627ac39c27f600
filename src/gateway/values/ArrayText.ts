/** PostgreSQL's text form of arrays, such as `{1,NULL,"a b"}`, with any dimensions and bounds. Pure. */

export interface ArrayShape {
  readonly dimensions: ReadonlyArray<{ readonly size: number; readonly lower: number }>
  /** In the order of storage; null is SQL's NULL. */
  readonly elements: ReadonlyArray<string | null>
}

/** Reads the text of an array, as `array_out` writes it. */
export const readArray = (text: string): ArrayShape => {
  const bounds = /^((?:\[[^\]]*\])+)=/.exec(text)
  const lowers = [...(bounds?.[1] ?? "").matchAll(/\[(-?\d+):/g)].map(([, lower]) => Number(lower))
  const elements: Array<string | null> = []
  const counts: Array<number> = []
  const sizes: Array<number> = []
  let depth = -1
  for (let at = bounds?.[0].length ?? 0; at < text.length; ) {
    const c = text[at]
    if (c === "{") {
      depth++
      counts[depth] = 0
      at++
    } else if (c === "}") {
      sizes[depth] = counts[depth] ?? 0
      depth--
      if (depth >= 0) counts[depth] = (counts[depth] ?? 0) + 1
      at++
    } else if (c === ",") at++
    else {
      const [value, end] = c === '"' ? quoted(text, at + 1) : bare(text, at)
      elements.push(value)
      counts[depth] = (counts[depth] ?? 0) + 1
      at = end
    }
  }
  const dimensions = elements.length === 0 ? [] : sizes.map((size, index) => ({ size, lower: lowers[index] ?? 1 }))
  return { dimensions, elements }
}

const quoted = (text: string, from: number): readonly [string, number] => {
  let value = ""
  let at = from
  while (at < text.length && text[at] !== '"') {
    if (text[at] === "\\") at++
    value += text[at] ?? ""
    at++
  }
  return [value, at + 1]
}

const bare = (text: string, from: number): readonly [string | null, number] => {
  let at = from
  while (at < text.length && text[at] !== "," && text[at] !== "}") at++
  const value = text.slice(from, at)
  return [value.toUpperCase() === "NULL" ? null : value, at]
}

const quote = (value: string): string => `"${value.replaceAll(/["\\]/g, "\\$&")}"`

/** Writes the text of an array, as `array_in` reads it. */
export const writeArray = ({ dimensions, elements }: ArrayShape, delimiter = ","): string => {
  if (dimensions.length === 0) return "{}"
  let next = 0
  const level = (dimension: number): string => {
    const parts: Array<string> = []
    for (let index = 0; index < (dimensions[dimension]?.size ?? 0); index++) {
      const element = elements[next]
      if (dimension < dimensions.length - 1) parts.push(level(dimension + 1))
      else {
        parts.push(element === null || element === undefined ? "NULL" : quote(element))
        next++
      }
    }
    return `{${parts.join(delimiter)}}`
  }
  const bounds = dimensions.some(({ lower }) => lower !== 1)
    ? `${dimensions.map(({ lower, size }) => `[${lower}:${lower + size - 1}]`).join("")}=`
    : ""
  return bounds + level(0)
}
