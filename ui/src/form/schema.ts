/**
 * Reads the JSON Schemas that pydantic writes and decides which field shows each part.
 * Only what the form needs is understood; everything else is edited as JSON, and the server judges the values.
 */
import type { Json, JsonObject } from '../api/types';

export interface Schema {
  title?: string;
  description?: string;
  type?: string | string[];
  format?: string;
  default?: Json;
  const?: Json;
  enum?: Json[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  prefixItems?: Schema[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  examples?: Json[];
  writeOnly?: boolean;
  deprecated?: boolean;
  'x-multiline'?: boolean;
  'x-upload'?: boolean;
  /** Labels of choices: by value, or one entry for each. */
  'x-choices'?: Record<string, string> | Choice[];
  'x-nullable'?: boolean;
  'x-placeholder'?: string;
}

export interface Choice {
  value: Json;
  label: string;
}

export type Kind =
  | { kind: 'text' | 'multiline' | 'secret' | 'decimal' | 'uuid' | 'boolean' | 'json' | 'null' }
  | { kind: 'date' | 'date-time' | 'time' | 'duration' }
  | { kind: 'integer' | 'number' }
  | { kind: 'choice'; choices: Choice[] }
  | { kind: 'choices'; choices: Choice[] }
  | { kind: 'file'; several: boolean }
  | { kind: 'list'; item: Schema }
  | { kind: 'object'; properties: Record<string, Schema>; required: string[] };

export interface Field {
  schema: Schema;
  nullable: boolean;
  field: Kind;
}

/** Follows references and single-branch allOf; words beside a reference win over those behind it. */
export function resolve(schema: Schema, root: Schema): Schema {
  let current = schema;
  for (let depth = 0; depth < 20; depth += 1) {
    const only = current.allOf?.length === 1 ? current.allOf[0] : undefined;
    if (current.$ref?.startsWith('#/$defs/')) {
      const target = root.$defs?.[decodeURIComponent(current.$ref.slice('#/$defs/'.length))] ?? {};
      const { $ref: _, ...beside } = current;
      current = { ...target, ...beside };
    } else if (only) {
      const { allOf: _, ...beside } = current;
      current = { ...only, ...beside };
    } else break;
  }
  return current;
}

const isNull = (schema: Schema): boolean => schema.type === 'null' || schema.const === null;

function withoutNull(schema: Schema, root: Schema): { schema: Schema; nullable: boolean } {
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((type) => type !== 'null');
    const single = types[0];
    if (types.length === 1 && single) {
      return { schema: { ...schema, type: single }, nullable: types.length < schema.type.length };
    }
  }
  if (schema.enum?.includes(null)) {
    return { schema: { ...schema, enum: schema.enum.filter((value) => value !== null) }, nullable: true };
  }
  if (!schema.anyOf) return { schema, nullable: isNull(schema) };
  const branches = schema.anyOf.map((branch) => resolve(branch, root));
  const real = branches.filter((branch) => !isNull(branch));
  const nullable = real.length < branches.length;
  const { anyOf: _, ...beside } = schema;
  const single = real[0];
  if (real.length === 1 && single) {
    const inner = withoutNull(single, root);
    return { schema: { ...inner.schema, ...beside }, nullable: nullable || inner.nullable };
  }
  return { schema: { ...beside, anyOf: real }, nullable };
}

function choicesOf(schema: Schema, root: Schema): Choice[] | null {
  const labels = schema['x-choices'] ?? {};
  const labelOf = (value: Json): string | undefined =>
    Array.isArray(labels) ? labels.find((entry) => entry.value === value)?.label : labels[String(value)];
  const choice = (value: Json, title?: string): Choice => ({ value, label: labelOf(value) ?? title ?? String(value) });
  if (schema.enum) return schema.enum.map((value) => choice(value));
  if (schema.const !== undefined) return [choice(schema.const)];
  const branches = (schema.anyOf ?? schema.oneOf ?? []).map((branch) => resolve(branch, root));
  if (branches.length === 0) return null;
  const choices: Choice[] = [];
  for (const branch of branches) {
    if (branch.const !== undefined) choices.push(choice(branch.const, branch.title));
    else if (branch.enum) choices.push(...branch.enum.map((value) => choice(value)));
    else return null;
  }
  return choices;
}

function isDecimal(schema: Schema): boolean {
  const branches = schema.anyOf ?? [];
  const text = branches.find((branch) => branch.type === 'string');
  return branches.length === 2 && text?.pattern !== undefined && branches.some((branch) => branch.type === 'number');
}

function stringKind(schema: Schema): Kind {
  if (schema.format === 'password' || schema.writeOnly) return { kind: 'secret' };
  if (schema['x-multiline']) return { kind: 'multiline' };
  if (schema['x-upload']) return { kind: 'file', several: false };
  switch (schema.format) {
    case 'date':
    case 'date-time':
    case 'time':
    case 'duration':
    case 'uuid':
      return { kind: schema.format };
    case 'decimal':
      return { kind: 'decimal' };
    default:
      return { kind: 'text' };
  }
}

function kindOf(schema: Schema, root: Schema): Kind {
  const choices = choicesOf(schema, root);
  if (choices) return { kind: 'choice', choices };
  if (isDecimal(schema)) return { kind: 'decimal' };
  switch (schema.type) {
    case 'string':
      return stringKind(schema);
    case 'integer':
    case 'number':
    case 'boolean':
    case 'null':
      return { kind: schema.type };
    case 'array': {
      if (!schema.items || schema.prefixItems) return { kind: 'json' };
      const item = resolve(schema.items, root);
      if (item['x-upload']) return { kind: 'file', several: true };
      const itemChoices = choicesOf(item, root);
      return itemChoices ? { kind: 'choices', choices: itemChoices } : { kind: 'list', item: schema.items };
    }
    case 'object':
      if (!schema.properties || Object.keys(schema.properties).length === 0) return { kind: 'json' };
      return { kind: 'object', properties: schema.properties, required: schema.required ?? [] };
    default:
      return { kind: 'json' };
  }
}

export function fieldOf(schema: Schema, root: Schema): Field {
  const { schema: real, nullable } = withoutNull(resolve(schema, root), root);
  return { schema: real, nullable: nullable || schema['x-nullable'] === true || real['x-nullable'] === true, field: kindOf(real, root) };
}

/** What a new entry starts with: the schema's default, or nothing; a required object starts with its own defaults. */
export function initial(schema: Schema, root: Schema, required: boolean): Json | undefined {
  const { schema: real, nullable, field } = fieldOf(schema, root);
  if (real.default !== undefined) return real.default;
  if (nullable) return undefined;
  if (field.kind === 'object' && required) return initialObject(field.properties, field.required, root);
  if (field.kind === 'boolean' && required) return false;
  if (field.kind === 'choice' && field.choices.length === 1 && required) return field.choices[0]?.value;
  if ((field.kind === 'list' || field.kind === 'choices') && required) return [];
  return undefined;
}

export function initialObject(properties: Record<string, Schema>, required: string[], root: Schema): JsonObject {
  const values: JsonObject = {};
  for (const [name, property] of Object.entries(properties)) {
    const value = initial(property, root, required.includes(name));
    if (value !== undefined) values[name] = value;
  }
  return values;
}

/** What the server shows instead of a secret. */
const MASK = /^[*•]{6,}$/;

export function hasMask(value: Json | undefined): boolean {
  if (typeof value === 'string') return MASK.test(value);
  return value !== null && typeof value === 'object' && Object.values(value).some(hasMask);
}

/** Without the masks of secrets: sent back, they would become the secret. */
function withoutMasks(values: JsonObject): JsonObject {
  const kept: JsonObject = {};
  for (const [name, value] of Object.entries(values)) {
    if (!hasMask(value)) kept[name] = value;
    else if (value !== null && typeof value === 'object' && !Array.isArray(value)) kept[name] = withoutMasks(value);
  }
  return kept;
}

/** The values a form starts with: the task's defaults under those that are given. */
export function startValues(schema: JsonObject, given: JsonObject = {}): JsonObject {
  const root = schema as Schema;
  const properties = root.properties ?? {};
  const isFile = (name: string) => properties[name] !== undefined && fieldOf(properties[name], root).field.kind === 'file';
  const kept = Object.entries(withoutMasks(given)).filter(([name]) => !isFile(name)); // a file must be chosen again
  return { ...initialObject(properties, root.required ?? [], root), ...Object.fromEntries(kept) };
}

/** A readable name for a property that has no title. */
export function titleOf(name: string, schema: Schema): string {
  if (schema.title) return schema.title;
  const words = name.replaceAll(/[_-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
