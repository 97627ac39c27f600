/** Caches by the texts of statements, which programs send again and again, with a bound. */

/** Adds an entry as the latest one; drops the oldest, the first in a map's order, if there are more than `capacity`. */
export const remember = <A>(cache: Map<string, A>, text: string, entry: A, capacity: number): void => {
  cache.delete(text)
  cache.set(text, entry)
  if (cache.size <= capacity) return
  const [oldest] = cache.keys()
  if (oldest !== undefined) cache.delete(oldest)
}
