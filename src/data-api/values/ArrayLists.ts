/**
 * Arrays as lists of texts, which `string_to_array(…, ',', 'NULL')` and a cast make arrays of. Pure.
 *
 * The conversion of an array's text is STABLE, so PostgreSQL plans without the elements, and converts the text for every
 * row of a scan without an index. That of a list is IMMUTABLE, so the array is a constant of the plan: it is hashed,
 * selects partitions, and is converted once.
 */

const listed = /^(?:bool|int[248]|float[48]|numeric|uuid|text|varchar)\[\]$/

/** Whether PostgreSQL reads the elements of an array type, such as `int4[]`, in the same way whatever its settings are. */
export const isListed = (type: string): boolean => listed.test(type)

/** The text of a list; undefined if an element would be read as something else. */
export const listText = (elements: ReadonlyArray<string | null>): string | undefined => {
  if (elements.some((element) => element === "NULL" || element?.includes(",") === true)) return undefined
  const text = elements.map((element) => element ?? "NULL").join(",")
  // One empty element would be no element.
  return text === "" && elements.length > 0 ? undefined : text
}
