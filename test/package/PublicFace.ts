/**
 * What the package shows to its users, read with TypeScript's own checker: every export that can be reached from an
 * entry point, through namespaces and into the members of services, with its docstring, its type and its errors.
 */
import { readFileSync } from "node:fs"
import { relative } from "node:path"
import { fileURLToPath } from "node:url"
import {
  API,
  type Checker,
  NodeBuilderFlags,
  SignatureKind,
  SymbolFlags,
  type Type,
  type Symbol as TypeSymbol
} from "typescript/unstable/sync"

const root = fileURLToPath(new URL("../../", import.meta.url))

/** One export, or one member of a service. */
export interface PublicName {
  /** As a reader of the sources would write it: `DbLayer.layerEmbedded`, `Users.findById`. */
  readonly name: string
  /** The file of the declaration, from the project's folder. */
  readonly file: string
  readonly kind: "namespace" | "service" | "schema" | "member" | "error" | "class" | "type" | "value"
  /** The type as a reader knows it: with the names of schemas and errors in place of their members. */
  readonly type: string
  /** The docstring without its tags. */
  readonly text: string
  readonly tags: ReadonlyArray<{ readonly name: string; readonly text: string }>
  /** The errors that it can fail with, by name; undefined for what is not effectful. */
  readonly errors: ReadonlyArray<string> | undefined
}

/** An entry point and what it exports. */
export interface EntryPoint {
  /** What users import: `alex-database/data-api`. */
  readonly specifier: string
  /** What its file says of itself. */
  readonly text: string
  readonly names: ReadonlyArray<PublicName>
}

/** The entry points of package.json with the sources that they are built from. */
export const entryPoints = (): ReadonlyArray<{ readonly specifier: string; readonly source: string }> => {
  const { exports, name }: { exports: Record<string, { default: string } | string>; name: string } = JSON.parse(
    readFileSync(`${root}package.json`, "utf8")
  )
  return Object.entries(exports).flatMap(([path, target]) =>
    typeof target === "string"
      ? []
      : [
          {
            specifier: `${name}${path.slice(1)}`,
            source: target.default.replace("./dist/", "src/").replace(/js$/, "ts")
          }
        ]
  )
}

/** `Effect<A, E, R>`, `Layer<Out, E, In>`, `Stream<A, E, R>` and the like: the error is the second. */
const effectful = new Set(["Effect", "Layer", "Stream"])

const headerOf = (file: string): string =>
  /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\/\s*\n(?!export (?:const|class|interface|type) )/
    .exec(readFileSync(`${root}${file}`, "utf8"))?.[1]
    ?.replaceAll(/^\s*\* ?/gm, "")
    .trim() ?? ""

const errorNames = (checker: Checker, type: Type): ReadonlyArray<string> => {
  if (type.isUnionType()) return (type.getTypes() ?? []).flatMap((one) => errorNames(checker, one))
  const name = type.getSymbol()?.name
  // `never` fails with nothing, a type parameter with what its caller brings along.
  return type.isTypeParameter() || name === undefined ? [] : [name]
}

const errorsOf = (checker: Checker, type: Type): ReadonlyArray<string> | undefined => {
  if (effectful.has(type.getSymbol()?.name ?? "") && type.isTypeReference()) {
    const error = checker.getTypeArguments(type)[1]
    return error === undefined ? [] : [...new Set(errorNames(checker, error))].sort()
  }
  for (const signature of checker.getSignaturesOfType(type, SignatureKind.Call)) {
    const result = checker.getReturnTypeOfSignature(signature)
    const errors = result === undefined ? undefined : errorsOf(checker, result)
    if (errors !== undefined) return errors
  }
  return undefined
}

/** Puts names in the place of types that are spelled out, the longest first. */
const naming = (checker: Checker, symbols: ReadonlyArray<TypeSymbol>) => {
  const spelled = symbols.flatMap((symbol) => {
    const target = symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    if (!(target.flags & SymbolFlags.TypeAlias)) return []
    const text = checker.typeToString(
      checker.getDeclaredTypeOfSymbol(target),
      undefined,
      NodeBuilderFlags.NoTruncation | NodeBuilderFlags.InTypeAlias
    )
    return text.startsWith("{") && text.length > 60 ? [{ text, name: symbol.name }] : []
  })
  spelled.sort((a, b) => b.text.length - a.text.length)
  return (type: string): string =>
    spelled
      .reduce((text, one) => text.replaceAll(one.text, one.name), type)
      .replaceAll(/string & Brand<"(\w+)">/g, "$1")
      .replaceAll("InvalidInput | SqlError | UnreadableRow", "RepositoryError")
}

const read = (checker: Checker, named: (type: string) => string) => {
  const described = (
    name: string,
    symbol: TypeSymbol,
    kind: PublicName["kind"],
    type: Type | undefined
  ): PublicName => ({
    name,
    kind,
    file: relative(root, symbol.declarations[0]?.path ?? root),
    type: type === undefined ? "" : named(checker.typeToString(type, undefined, NodeBuilderFlags.NoTruncation)),
    text: checker.getDocumentationCommentOfSymbol(symbol).trim(),
    tags: checker.getJsDocTagsOfSymbol(symbol).map((tag) => ({ name: tag.name, text: tag.text ?? "" })),
    errors: type === undefined ? undefined : errorsOf(checker, type)
  })

  const membersOf = (name: string, type: Type): ReadonlyArray<PublicName> =>
    checker.getPropertiesOfType(type).flatMap((member) => {
      const memberType = checker.getTypeOfSymbol(member)
      if (memberType === undefined || errorsOf(checker, memberType) === undefined) return []
      return [described(`${name}.${member.name}`, member, "member", memberType)]
    })

  const exported = (prefix: string, symbol: TypeSymbol): ReadonlyArray<PublicName> => {
    const target = symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    const name = `${prefix}${symbol.name}`
    if (target.flags & SymbolFlags.ValueModule) {
      const file = relative(root, target.declarations[0]?.path ?? root)
      const itself = { ...described(name, target, "namespace", undefined), text: headerOf(file) }
      return [itself, ...checker.getExportsOfModule(target).flatMap((one) => exported(`${name}.`, one))]
    }
    if (!(target.flags & SymbolFlags.Value)) return [described(name, target, "type", undefined)]
    const type = checker.getTypeOfSymbol(target)
    if (type === undefined) return [described(name, target, "value", undefined)]
    if (!(target.flags & SymbolFlags.Class)) {
      const isSchema = checker.getPropertyOfType(type, "ast") !== undefined
      return [described(name, target, isSchema ? "schema" : "value", type)]
    }
    const service = checker.getPropertyOfType(type, "Service")
    const provided = service === undefined ? undefined : checker.getTypeOfSymbol(service)
    const own = [...target.getExports().values()].filter((one) => one.name.startsWith("layer"))
    return [
      described(name, target, service !== undefined ? "service" : isError(target) ? "error" : "class", undefined),
      ...own.flatMap((one) => [described(`${name}.${one.name}`, one, "member", checker.getTypeOfSymbol(one))]),
      ...(provided === undefined ? [] : membersOf(name, provided))
    ]
  }

  const isError = (target: TypeSymbol): boolean =>
    checker.getPropertyOfType(checker.getDeclaredTypeOfSymbol(target), "stack") !== undefined

  return exported
}

/** Reads the whole public face. */
export const publicFace = (): ReadonlyArray<EntryPoint> => {
  const api = new API({ cwd: root })
  const snapshot = api.updateSnapshot({ openProjects: [`${root}tsconfig.build.json`] })
  const [project] = snapshot.getProjects()
  if (project === undefined) return []
  const { checker, program } = project
  const modules = entryPoints().map(({ source, specifier }) => {
    const file = program.getSourceFile(`${root}${source}`)
    const module = file === undefined ? undefined : checker.getSymbolAtLocation(file)
    return { source, specifier, names: module === undefined ? [] : checker.getExportsOfModule(module) }
  })
  const exported = read(
    checker,
    naming(
      checker,
      modules.flatMap(({ names }) => names)
    )
  )
  const face = modules.map(({ names, source, specifier }) => ({
    specifier,
    text: headerOf(source),
    names: names.flatMap((symbol) => exported("", symbol))
  }))
  api.close()
  return face
}
