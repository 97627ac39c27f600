/** How far a name is from one that is known: a misspelt one is near. */

/** How many letters may be wrong, missing, superfluous or swapped with the next. */
export const slips = 2

/**
 * How many single letters have to be changed, added, removed or swapped with the next to make of a name each beginning
 * of a known one, from the empty one to the whole. Numbers above `slips` are only that.
 */
export const distances = (name: string, known: string): ReadonlyArray<number> => {
  let before: ReadonlyArray<number> = []
  let last: ReadonlyArray<number> = Array.from({ length: known.length + 1 }, (_, at) => at)
  for (let i = 1; i <= name.length; i++) {
    const row = [i]
    for (let j = 1; j <= known.length; j++) {
      const changed = (last[j - 1] ?? 0) + (name[i - 1] === known[j - 1] ? 0 : 1)
      const isSwapped = i > 1 && j > 1 && name[i - 1] === known[j - 2] && name[i - 2] === known[j - 1]
      const swapped = isSwapped ? (before[j - 2] ?? 0) + 1 : changed
      row.push(Math.min((last[j] ?? i) + 1, (row[j - 1] ?? j) + 1, changed, swapped))
    }
    ;[before, last] = [last, row]
    // No later row has a smaller number.
    if (Math.min(...row) > slips) return row
  }
  return last
}
