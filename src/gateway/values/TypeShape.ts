/** The structure of arrays, ranges, composites and domains, as in PostgreSQL's catalogue. Pure. */

export type TypeShape =
  /** The binary form is the text, as for an enum. */
  | { readonly kind: "text" }
  /** A domain is stored as its base type. */
  | { readonly kind: "domain"; readonly of: number }
  | { readonly kind: "array"; readonly of: number }
  | { readonly kind: "range"; readonly of: number }
  | { readonly kind: "multirange"; readonly of: number }
  /** The binary form of a composite value holds the object ids of its columns' types. */
  | { readonly kind: "record" }

/** Shapes by the types' object ids. */
export type TypeShapes = ReadonlyMap<number, TypeShape>

export const noShapes: TypeShapes = new Map()
