/** How types that are made of others are built, by object ids: what PostgreSQL's catalogue says of them. Pure. */

export type TypeShape =
  /** One text, such as an enum's. */
  | { readonly kind: "text" }
  /** A domain is stored as its base type. */
  | { readonly kind: "domain"; readonly of: number }
  | { readonly kind: "array"; readonly of: number }
  | { readonly kind: "range"; readonly of: number }
  | { readonly kind: "multirange"; readonly of: number }
  /** A composite value names its columns' types itself. */
  | { readonly kind: "record" }

/** Shapes by the types' object ids. */
export type TypeShapes = ReadonlyMap<number, TypeShape>

export const noShapes: TypeShapes = new Map()
